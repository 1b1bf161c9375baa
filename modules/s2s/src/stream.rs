//! A stream with another server, whoever has opened it: what comes, what goes, and how long it lasts.

pub(crate) mod acks;
pub(crate) mod confirm;
mod dialback;
mod end;
mod negotiation;
mod receive;
mod send;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::debug;
use waxwing_core::tasks::guard;
use waxwing_core::{Custody, Phase, Shutdown};
use waxwing_stream::transport::TokenBucket;
use waxwing_xml::{Element, Item, Text};
use waxwing_xmpp::{Domain, Stanza, StreamCondition, StreamError, ns};

use crate::S2s;
use crate::session::Session;
use crate::wire::{Broken, NS_DIALBACK, Wire, attribute, is, told};
use acks::Acks;
use confirm::Confirm;
use dialback::{Checked, Proving};
pub(crate) use end::Ended;
pub(crate) use negotiation::serve;

/// The stream.
pub(crate) struct Stream {
    s2s: Arc<S2s>,
    wire: Wire,
    /// Where the other end is, for people.
    peer: String,
    /// Who has connected to us.
    address: Option<IpAddr>,
    role: Role,
    /// What the receiving server has called it: dialback keys hang on it.
    id: String,
    /// A header is expected.
    fresh: bool,
    /// Ours has been sent.
    greeted: bool,
    local: Option<Domain>,
    /// Who it says it is.
    remote: Option<Domain>,
    lang: Option<Text>,
    /// Stanzas go both ways (XEP-0288).
    bidi: bool,
    /// It takes other domains of ours as well (XEP-0220 §2.6.1).
    multiplexes: bool,
    session: Session,
    acks: Acks,
    confirm: Confirm,
    /// Keys that the other server has shown.
    checks: JoinSet<Checked>,
    /// Keys that we have shown.
    proving: Vec<Proving>,
    /// How we are proven, in words.
    worth: String,
    rate: Arc<Mutex<TokenBucket>>,
    /// Its last stanza while the disk is busy.
    unwritten: Option<Custody>,
    refused: u32,
    unasked: u32,
    logins: u32,
    clocks: Clocks,
    /// Which link is asked first for something to send.
    turn: usize,
    /// It has carried something for us.
    was_good: bool,
    /// Its place among the streams that the operator sees.
    number: u64,
}

/// Who has opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Initiating,
    Receiving,
}

struct Clocks {
    since: Instant,
    /// The last that came.
    heard: Instant,
    /// The last stanza, in either direction.
    used: Instant,
    /// When we asked last whether anybody is there.
    kept: Instant,
    /// Since when the other server has not taken what was written.
    blocked: Option<Instant>,
    read_after: Option<Instant>,
    /// The server stops: what is under way may take until then.
    leaving: Option<Instant>,
}

/// Why the stream ends.
#[derive(Debug)]
enum End {
    /// It said good-bye.
    Gone,
    /// It ends the stream with an error.
    Told {
        words: String,
        /// It is going down: it will know nothing of this stream.
        stops: bool,
    },
    /// Nothing was to be said for a while.
    Idle,
    /// The server stops.
    Shutdown,
    /// Another stream goes on with the session.
    HandedOver,
    /// Its key was wrong, and nothing else speaks for it (XEP-0220 §2.2.1).
    Disproved,
    Error(StreamError),
    Broken(String),
}

impl From<StreamCondition> for End {
    fn from(condition: StreamCondition) -> Self {
        Self::Error(condition.into())
    }
}

impl From<StreamError> for End {
    fn from(error: StreamError) -> Self {
        Self::Error(error)
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Xml(error) => Self::Error((&error).into()),
            Broken::Ended | Broken::Io(_) => Self::Broken(broken.to_string()),
        }
    }
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        Broken::Io(error).into()
    }
}

impl Stream {
    fn new(s2s: Arc<S2s>, wire: Wire, peer: String, role: Role) -> Self {
        let now = Instant::now();
        Self {
            rate: Arc::new(Mutex::new(s2s.bucket())),
            s2s,
            wire,
            peer,
            address: None,
            role,
            id: waxwing_stream::token(),
            fresh: true,
            greeted: false,
            local: None,
            remote: None,
            lang: None,
            bidi: false,
            multiplexes: false,
            session: Session::default(),
            acks: Acks::default(),
            confirm: Confirm::default(),
            checks: JoinSet::new(),
            proving: Vec::new(),
            worth: String::new(),
            unwritten: None,
            refused: 0,
            unasked: 0,
            logins: 0,
            clocks: Clocks {
                since: now,
                heard: now,
                used: now,
                kept: now,
                blocked: None,
                read_after: None,
                leaving: None,
            },
            turn: 0,
            was_good: false,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Lives until it ends, and says what is left to do.
    pub(crate) async fn run(mut self: Box<Self>, shutdown: Shutdown) -> Ended {
        let life = guard(Box::pin(self.live(shutdown)));
        let end = life.await.unwrap_or_else(|_| StreamCondition::InternalServerError.into());
        debug!(peer = %self.peer, reason = %end, "A stream with another server ends.");
        self.finish(end).await
    }

    async fn live(&mut self, mut shutdown: Shutdown) -> End {
        loop {
            if let Err(end) = self.turn(&mut shutdown).await {
                return end;
            }
        }
    }

    async fn turn(&mut self, shutdown: &mut Shutdown) -> Result<(), End> {
        self.read_desk()?;
        self.answer()?;
        self.fill();
        let drained = self.wire.connection.try_flush()?;
        self.flushed(drained);
        self.may_leave()?;
        let now = Instant::now();
        self.unwritten.take_if(|custody| custody.outcome().is_some());
        self.clocks.read_after.take_if(|at| *at <= now);
        let reads = self.reads();
        let due = if drained && self.has_more() { now } else { self.due(now) };
        let (desk, awaited) = (Arc::clone(&self.session.desk), self.awaited());
        tokio::select! {
            ready = self.wire.connection.ready(reads) => {
                ready?;
                if reads {
                    self.read_in_turn().await?;
                }
            }
            Some(checked) = self.checks.join_next(), if !self.checks.is_empty() => {
                if let Ok(checked) = checked {
                    self.checked(checked)?;
                }
            }
            () = desk.called() => {}
            () = durable(awaited.as_ref()), if awaited.is_some() => {}
            () = sleep_until(due) => self.tick(Instant::now())?,
            () = shutdown.reached(Phase::Draining), if self.clocks.leaving.is_none() => {
                self.clocks.leaving = Some(Instant::now() + FAREWELL);
            }
        }
        Ok(())
    }

    /// Whether more may be read now.
    fn reads(&self) -> bool {
        self.unwritten.is_none()
            && self.clocks.read_after.is_none()
            && self.session.handled.waiting() < UNHANDLED_MAX
            && self.wire.connection.pending_bytes() < OUTPUT_BYTES_MAX
    }

    /// What is waited for on disk.
    fn awaited(&self) -> Option<Custody> {
        let handled = &self.session.handled;
        let matters = self.acks.is_due() || handled.waiting() >= UNHANDLED_MAX;
        self.unwritten.clone().or_else(|| matters.then(|| handled.next()).flatten())
    }

    /// When something has to be looked at.
    fn due(&self, now: Instant) -> Instant {
        let (config, limits) = (&self.s2s.config, self.s2s.shared.limits());
        let clocks = &self.clocks;
        let login = self.is_unproven().then(|| clocks.since + limits.login_time_max.0);
        let blocked = clocks.blocked.map(|since| since + limits.write_time_max.0);
        let quiet = clocks.heard.max(clocks.kept) + config.keepalive_time.0;
        let idle = (self.role == Role::Initiating).then(|| clocks.used + config.idle_time_max.0);
        // Where something is under way still, its end will be noticed.
        let idle = idle.filter(|at| *at > now);
        let dead = self.must_be_heard().then(|| clocks.heard + config.silence_time_max.0);
        let (acks, confirm) = (self.acks.due(config), self.confirm.due(config));
        let others = [login, blocked, clocks.read_after, clocks.leaving, idle, dead, acks, confirm];
        others.into_iter().flatten().min().map_or(quiet, |due| due.min(quiet))
    }

    /// Whether silence means that nobody is there. On a stream that is for us alone to send on, it means nothing.
    fn must_be_heard(&self) -> bool {
        self.role == Role::Receiving || self.bidi || self.acks.is_on()
    }

    /// Something may be over.
    fn tick(&mut self, now: Instant) -> Result<(), End> {
        let (config, limits) = (&self.s2s.config, self.s2s.shared.limits());
        let over = |since: Instant, max: Duration| now >= since + max;
        if self.is_unproven() && over(self.clocks.since, limits.login_time_max.0) {
            let error = StreamError::new(StreamCondition::ConnectionTimeout);
            return Err(error.text("No domain was proven in time.").into());
        }
        if self.clocks.blocked.is_some_and(|since| over(since, limits.write_time_max.0)) {
            return Err(End::Broken("it took nothing for too long".to_owned()));
        }
        if self.must_be_heard() && over(self.clocks.heard, config.silence_time_max.0) {
            let error = StreamError::new(StreamCondition::ConnectionTimeout);
            return Err(error.text("Nothing came for too long.").into());
        }
        self.acks.patience(config, now)?;
        self.tick_acks(now);
        self.tick_confirm(now);
        let config = &self.s2s.config;
        if self.role == Role::Initiating
            && over(self.clocks.used, config.idle_time_max.0)
            && self.is_settled()
        {
            return Err(End::Idle);
        }
        if over(self.clocks.heard.max(self.clocks.kept), config.keepalive_time.0) {
            self.clocks.kept = now;
            self.keep_alive();
        }
        Ok(())
    }

    /// Nothing is under way.
    fn is_settled(&self) -> bool {
        self.session.unacked.is_empty()
            && self.session.handled.waiting() == 0
            && !self.wire.connection.has_output()
            && !self.has_more()
    }

    /// Nobody has shown who it is, or has not gone on since (RFC 6120 §6.4.6).
    fn is_unproven(&self) -> bool {
        self.role == Role::Receiving && (self.session.proven.is_empty() || self.fresh)
    }

    /// Once the server stops: when all is said, or the time for it is over.
    fn may_leave(&mut self) -> Result<(), End> {
        match self.clocks.leaving {
            Some(until) if self.is_settled() || until <= Instant::now() => Err(End::Shutdown),
            _ => Ok(()),
        }
    }

    async fn element(&mut self, element: Element) -> Result<(), End> {
        if self.fresh {
            return Err(StreamCondition::NotAuthorized.into());
        }
        if self.role == Role::Receiving && self.negotiate(&element).await? {
            return Ok(());
        }
        match (element.namespace.as_str(), element.name.as_str()) {
            (acks::NS, _) => self.stream_management(&element).await,
            (NS_DIALBACK, "result") if attribute(&element, "type").is_some() => {
                self.proved(&element);
                Ok(())
            }
            // RFC 6120 §4.5: stanzas go one way on a stream of ours, unless both may send (XEP-0288). Who sends some all the
            // same was not proven for it (§4.9.3.9).
            (waxwing_xml::CONTENT, "message" | "presence" | "iq")
                if self.role == Role::Initiating && !self.bidi =>
            {
                let error = StreamError::new(StreamCondition::InvalidFrom);
                Err(error.text("Nothing is to be sent on this stream.").into())
            }
            // … and only what was asked for may come.
            _ if self.role == Role::Initiating && !self.bidi => self.nobody_asked(),
            (NS_DIALBACK, "result") if self.role == Role::Initiating => {
                // XEP-0288 §2.2 lets it ask. The id of this stream is its own choice, so a key for it proves nothing.
                self.decline_dialback(&element);
                self.nobody_asked()
            }
            (NS_DIALBACK, "result") => {
                self.dialback(&element);
                Ok(())
            }
            (NS_DIALBACK, "verify") if attribute(&element, "type").is_some() => self.nobody_asked(),
            (NS_DIALBACK, "verify") => {
                self.verify(&element);
                Ok(())
            }
            _ => self.stanza(element).await,
        }
    }

    fn nobody_asked(&mut self) -> Result<(), End> {
        self.unasked += 1;
        if self.unasked > UNASKED_MAX {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.text("Too much came that nobody asked for.").into());
        }
        Ok(())
    }

    async fn item(&mut self, item: Item) -> Result<(), End> {
        match item {
            Item::Root(root) => self.open(&root),
            Item::RootEnd => Err(End::Gone),
            Item::Element(error) if is(&error, ns::STREAMS, "error") => {
                let stops = error.children.find(ns::STREAM_ERRORS, "system-shutdown").is_some();
                Err(End::Told { words: told(&error), stops })
            }
            Item::Element(element) => self.element(element).await,
            Item::Refused(refused) => {
                if self.session.proven.is_empty() {
                    return Err(StreamCondition::PolicyViolation.into());
                }
                self.refused += 1;
                if self.refused > self.s2s.shared.limits().refused_stanzas_max.saturating_mul(REFUSED_FACTOR)
                {
                    return Err(StreamCondition::PolicyViolation.into());
                }
                let Some(fault) = Stanza::from_refused(refused, self.lang.as_ref()) else { return Ok(()) };
                self.handled(Custody::memory());
                self.refuse(fault.reply_to, &fault.error).await
            }
        }
    }
}

async fn durable(custody: Option<&Custody>) {
    if let Some(custody) = custody {
        custody.durable().await.ok();
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => f.write_str("it said good-bye"),
            Self::Told { words, .. } => write!(f, "it ended the stream: {words}"),
            Self::Idle => f.write_str("there was nothing to say"),
            Self::Shutdown => f.write_str("this server stops"),
            Self::Disproved => f.write_str("its dialback key was wrong"),
            Self::HandedOver => f.write_str("it was resumed elsewhere"),
            Self::Error(error) => write!(f, "{error}"),
            Self::Broken(reason) => f.write_str(reason),
        }
    }
}

/// With so much unread by the other server nothing more is read from it.
const OUTPUT_BYTES_MAX: usize = 256 << 10;
/// With so many stanzas that are not on disk nothing more is read.
const UNHANDLED_MAX: usize = 1000;
/// A server speaks for many.
const REFUSED_FACTOR: u32 = 100;
/// So many elements may come that nobody asked for.
const UNASKED_MAX: u32 = 100;
/// For last words.
const FAREWELL: Duration = Duration::from_secs(2);
static NEXT: AtomicU64 = AtomicU64::new(1);
