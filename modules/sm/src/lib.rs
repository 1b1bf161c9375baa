//! Stream management: a session outlives its connection, and a restart of the server.
//!
//! Spec: [XEP-0198](https://xmpp.org/extensions/xep-0198.html). What a stream's two ends have handled is counted in the
//! core (`waxwing_core::acks`), the elements are read and written by the listener; here are the sessions that may come
//! back: under which id, for how long, and their records on disk.
//!
//! A record is written when a session has been quiet for a moment, when it falls asleep, and at the end of the server.
//! What is written to the client afterwards makes it stale, which a mark beside it tells. After a crash a session whose
//! record is not stale is resumed as if nothing had happened; for any other the client learns the exact number of its
//! stanzas that are on disk, binds anew, and is handed what the account is owed.

mod record;
mod restore;
mod resume;
mod sweep;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;
use waxwing_core::Resumption;
use waxwing_core::config::{Bytes, Duration as Span};
use waxwing_core::metrics::{Counter, Gauge};
use waxwing_core::prelude::*;
use waxwing_log::Log;

use record::{Records, Stale};
pub use resume::{Failed, Resumed};

/// `[host.<name>.modules.sm]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Longest time that a session waits for its client to come back; the client may ask for less (`max`).
    pub resume_time_max: Span,
    /// Bytes that may wait for such a session, messages of the log not counted; beyond it the session ends.
    pub waiting_bytes_max: Bytes,
    /// Time that a client may take to answer a request for acknowledgement; then its connection counts as dead.
    pub ack_time_max: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            resume_time_max: Span::seconds(3600),
            waiting_bytes_max: Bytes(1 << 20),
            ack_time_max: Span::seconds(60),
        }
    }
}

/// The sessions of one host that may be resumed.
pub struct Sm {
    config: Config,
    host: HostRef,
    log: ServiceHandle<Log>,
    records: TableRef<Records>,
    stale: TableRef<Stale>,
    streams: SessionSlot<Mutex<Option<Arc<Stream>>>>,
    /// By the id that the client has.
    by_id: Mutex<HashMap<String, Arc<Stream>>>,
    /// Streams that are over, oldest first: what was handled, for clients that ask too late.
    past: Mutex<Past>,
    /// Sessions that have changed since their last record.
    changed: Mutex<Vec<SessionRef>>,
    wake: Notify,
    metrics: Metrics,
}

/// What is known of a session that may be resumed.
#[derive(Debug)]
struct Stream {
    id: String,
    session: SessionRef,
    max: Duration,
    /// When it falls out of memory; none while it is connected.
    expires: Mutex<Option<Instant>>,
    /// Whether the record on disk says how things are.
    recorded: Mutex<bool>,
    /// One client at a time.
    resuming: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Past {
    order: VecDeque<String>,
    /// The account, and how many stanzas were handled.
    handled: HashMap<String, (BareJid, u32)>,
}

struct Metrics {
    asleep: Gauge,
    resumed: Counter,
    failed: Counter,
    expired: Counter,
}

impl fmt::Debug for Sm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sm({} streams)", self.by_id.lock().len())
    }
}

impl Module for Sm {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("sm", "Lets clients come back after a lost connection")
        .specs(&[Spec::xep(198, "1.6.3").partial("for clients; without location")])
        .requires(&["log"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let host = Arc::clone(reg.host()?);
        let this = Arc::new(Self {
            config,
            host,
            log: reg.service(),
            records: reg.table()?,
            stale: reg.table()?,
            streams: reg.session_slot(),
            by_id: Mutex::default(),
            past: Mutex::default(),
            changed: Mutex::default(),
            wake: Notify::new(),
            metrics: Metrics {
                asleep: reg.gauge("asleep", "Sessions that wait for their client to come back."),
                resumed: reg.counter("resumed", "Sessions that were resumed."),
                failed: reg.counter("failed", "Sessions that could not be resumed."),
                expired: reg.counter("expired", "Sessions that ended because nobody came back in time."),
            },
        });
        // §2; the listener takes the elements.
        reg.stream_feature(StreamFeature::new(Offered::AfterLogin, Tree::new(NS, "sm")));
        reg.provide::<Self>(this.clone())?;
        reg.provide::<dyn Resumption>(this.clone())?;
        reg.notice(NoticeKind::SessionSleeps, &this, Self::slept);
        reg.notice(NoticeKind::SessionClosed, &this, Self::closed);
        reg.prepare("restore sessions", &this, Self::restore);
        reg.run("records", &this, Self::keep_records);
        reg.task("sweep", Every::seconds(1), &this, Self::sweep);
        Ok(this)
    }
}

/// What a client is told when it turns stream management on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enabled {
    /// The id and the longest absence in seconds, if it may come back.
    pub resume: Option<(String, u64)>,
}

impl Sm {
    /// The config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Turns stream management on (§3). `max`: the longest absence that the client wants, in seconds. None: it is on
    /// already.
    pub fn enable(&self, session: &SessionRef, resume: bool, max: Option<u64>) -> Option<Enabled> {
        let limit = self.config.resume_time_max.0;
        let max = max.map_or(limit, |max| Duration::from_secs(max).min(limit));
        let resume = resume && !max.is_zero();
        let mut key = [0; 8];
        self.host.random().fill(&mut key);
        // Zero means none.
        let key = u64::from_be_bytes(key) | 1;
        if !session.begin_acks(resume, key) {
            return None;
        }
        if !resume {
            return Some(Enabled { resume: None });
        }
        let id = format!("{}{}", self.host.random().id(), self.host.random().id());
        self.add(&id, session, max);
        session.touch();
        Some(Enabled { resume: Some((id, max.as_secs())) })
    }

    fn add(&self, id: &str, session: &SessionRef, max: Duration) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            id: id.to_owned(),
            session: Arc::clone(session),
            max,
            expires: Mutex::new(None),
            recorded: Mutex::new(false),
            resuming: tokio::sync::Mutex::new(()),
        });
        *self.streams.get(session).lock() = Some(Arc::clone(&stream));
        self.by_id.lock().insert(id.to_owned(), Arc::clone(&stream));
        stream
    }

    fn stream(&self, session: &Session) -> Option<Arc<Stream>> {
        self.streams.peek(session)?.lock().clone()
    }

    /// The client may hear how much is handled, as soon as that is on disk: where no row of the log says so, one is
    /// written now.
    ///
    /// # Errors
    /// If the store takes no more.
    pub fn note_handled(&self, session: &SessionRef) -> Result<(), StoreError> {
        if let (Some(count), Some(log)) = (session.unnoted(), self.log.get()) {
            session.hold_handled(log.note_inbound(session, count)?);
        }
        Ok(())
    }

    /// The connection is gone: the session waits for its client, if it may come back. False: it may not.
    pub async fn sleep(&self, session: &SessionRef) -> bool {
        let Some(stream) = self.stream(session).filter(|_| session.is_resumable()) else { return false };
        // First of all: it may be resumed as soon as it is asleep. If it does not fall asleep it is closed, and that ends
        // the waiting as well.
        *stream.expires.lock() = Some(Instant::now() + stream.max);
        self.metrics.asleep.inc();
        session.sleep(self.config.waiting_bytes_max.0).await
    }

    async fn slept(self: Arc<Self>, notice: Notice) {
        let Notice::SessionSleeps(session) = notice else { return };
        if let Some(stream) = self.stream(&session) {
            self.write_record(&stream);
        }
    }

    async fn closed(self: Arc<Self>, notice: Notice) {
        let Notice::SessionClosed(session) = notice else { return };
        let Some(slot) = self.streams.peek(&session) else { return };
        let Some(stream) = slot.lock().take() else { return };
        if stream.expires.lock().take().is_some() {
            self.metrics.asleep.dec();
        }
        self.by_id.lock().remove(&stream.id);
        self.forget_record(&stream);
        // A write that failed ends the stream, not the count of those before it.
        let handled = session.handled().map_or_else(|_| session.handled_count(), |(count, _)| count);
        self.remember(&stream.id, session.account().jid(), handled);
        if let (Some(log), Some(key)) = (self.log.get(), session.stream_key()) {
            log.forget_inbound(session.account(), key);
        }
    }

    /// §5: a client that comes too late may learn how far it came.
    fn remember(&self, id: &str, account: &BareJid, handled: u32) {
        let mut past = self.past.lock();
        if past.order.len() >= PAST_MAX
            && let Some(oldest) = past.order.pop_front()
        {
            past.handled.remove(&oldest);
        }
        past.order.push_back(id.to_owned());
        past.handled.insert(id.to_owned(), (account.clone(), handled));
    }
}

/// Stream management.
pub const NS: &str = "urn:xmpp:sm:3";
/// So many ended streams are remembered.
const PAST_MAX: usize = 10_000;
