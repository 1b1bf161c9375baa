//! What waits for, and goes over, the stream from one of our domains to one of another server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};
use waxwing_core::{Origin, Phase, Shutdown};
use waxwing_xml::Item;
use waxwing_xmpp::{Condition, Domain, Stanza, StanzaError, StreamCondition, StreamError, ns};

use crate::S2s;
use crate::outbox::Row;
use crate::outgoing::{Failure, Outgoing, Told, system_shutdown};
use crate::wire::{Broken, is, told};

/// One pair of domains.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) local: Domain,
    pub(crate) remote: Domain,
    state: Mutex<State>,
    wake: Notify,
    /// Bytes that wait for all servers together.
    all: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiting>,
    bytes: usize,
    /// A task sees to the queue.
    active: bool,
    /// The other server was not reached: what comes before this moment meets the same fate.
    refused: Option<(Instant, Told)>,
    /// How often in a row.
    tries: u32,
    /// The stream, in words; none while there is none.
    stream: Option<String>,
    /// What went wrong last.
    trouble: Option<String>,
}

/// A stanza on its way.
#[derive(Debug)]
pub(crate) struct Waiting {
    stanza: Stanza,
    since: Instant,
    /// Its row in the outbox.
    row: Option<Row>,
}

/// What became of a stanza that was given to a link.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// It waits; somebody sees to it.
    Waits,
    /// It waits, and nobody sees to it yet.
    First,
    Refused(Box<Waiting>, StanzaError),
}

/// Why a stream is over.
enum Over {
    Idle,
    Shutdown,
    /// In words.
    Broken(String),
}

impl Waiting {
    pub(crate) fn new(stanza: Stanza, row: Option<Row>) -> Self {
        Self { stanza, since: Instant::now(), row }
    }

    fn bytes(&self) -> usize {
        OVERHEAD + self.stanza.children.byte_len()
    }
}

impl Link {
    pub(crate) fn new(local: Domain, remote: Domain, all: Arc<AtomicUsize>) -> Self {
        Self { local, remote, state: Mutex::default(), wake: Notify::new(), all }
    }

    /// Takes a stanza, unless too much waits, here or in all, or the other server was not reached a moment ago.
    pub(crate) fn push(&self, waiting: Waiting, bytes_max: usize, all_max: usize) -> Pushed {
        let mut state = self.state.lock();
        if let Some((until, failure)) = &state.refused
            && Instant::now() < *until
            && !state.active
        {
            let error = bounce_error(failure);
            return Pushed::Refused(Box::new(waiting), error);
        }
        let bytes = waiting.bytes();
        let full = !state.queue.is_empty() && state.bytes.saturating_add(bytes) > bytes_max;
        if full || self.all.load(Ordering::Relaxed).saturating_add(bytes) > all_max {
            let error = StanzaError::from(Condition::ResourceConstraint);
            return Pushed::Refused(Box::new(waiting), error.text("Too much waits for other servers."));
        }
        state.bytes += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
        state.queue.push_back(waiting);
        let first = !std::mem::replace(&mut state.active, true);
        drop(state);
        self.wake.notify_one();
        if first { Pushed::First } else { Pushed::Waits }
    }

    fn take(&self) -> Option<Waiting> {
        let mut state = self.state.lock();
        let waiting = state.queue.pop_front()?;
        state.bytes -= waiting.bytes();
        self.all.fetch_sub(waiting.bytes(), Ordering::Relaxed);
        Some(waiting)
    }

    /// In front of all that came since.
    fn put_back(&self, unsent: VecDeque<Waiting>) {
        let mut state = self.state.lock();
        for waiting in unsent.into_iter().rev() {
            state.bytes += waiting.bytes();
            self.all.fetch_add(waiting.bytes(), Ordering::Relaxed);
            state.queue.push_front(waiting);
        }
    }

    /// Nobody sees to it any more, unless something waits. True: it rests.
    fn rest(&self) -> bool {
        let mut state = self.state.lock();
        state.active = !state.queue.is_empty();
        !state.active
    }

    /// Nothing is known of it that would be missed.
    pub(crate) fn is_forgettable(&self) -> bool {
        let state = self.state.lock();
        !state.active && state.refused.as_ref().is_none_or(|(until, _)| *until <= Instant::now())
    }

    fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    fn oldest(&self) -> Option<Instant> {
        self.state.lock().queue.front().map(|waiting| waiting.since)
    }

    fn reached(&self, stream: String) {
        let mut state = self.state.lock();
        (state.tries, state.refused, state.stream) = (0, None, Some(stream));
    }

    fn ended(&self, trouble: Option<String>) {
        let mut state = self.state.lock();
        state.stream = None;
        if trouble.is_some() {
            state.trouble = trouble;
        }
    }

    /// For the operator.
    pub(crate) fn describe(&self) -> String {
        let state = self.state.lock();
        let stream = state.stream.as_deref().unwrap_or("no stream");
        let mut line = format!("{} -> {}: {stream}; {} wait", self.local, self.remote, state.queue.len());
        if let Some(trouble) = &state.trouble {
            line += &format!("; last trouble: {trouble}");
        }
        line
    }

    /// How long to wait before the next try.
    fn missed(&self, failure: &Told, jitter: f64) -> Duration {
        let mut state = self.state.lock();
        let pause = BACK_OFF_MIN.saturating_mul(1 << state.tries.min(10)).min(BACK_OFF_MAX).mul_f64(jitter);
        state.tries = state.tries.saturating_add(1);
        state.trouble = Some(failure.words.clone());
        state.refused = Some((Instant::now() + pause, Arc::clone(failure)));
        pause
    }
}

/// What the senders of stanzas are told that did not go.
fn bounce_error(failure: &Failure) -> StanzaError {
    StanzaError::from(failure.condition).text(failure.words.clone())
}

impl S2s {
    /// Sees to a link until nothing waits and the stream has been idle for a while.
    pub(crate) async fn keep(self: Arc<Self>, link: Arc<Link>, mut shutdown: Shutdown) {
        loop {
            let opened = tokio::select! {
                opened = self.open(&link.local, &link.remote) => opened,
                // What lies in the outbox goes at the next start.
                () = shutdown.reached(Phase::Draining) => return,
            };
            match opened {
                Ok(outgoing) => {
                    self.metrics.outgoing.inc();
                    let version = outgoing.wire.connection.tls_version().unwrap_or("no TLS");
                    let worth =
                        outgoing.certificate.as_ref().map_or_else(String::as_str, |()| "valid certificate");
                    link.reached(format!("proven by {}, {version}, {worth}", outgoing.proof));
                    info!(from = %link.local, to = %link.remote, proof = %outgoing.proof, tls = version, "Stream to another server opened.");
                    let over = self.talk(&link, outgoing, &mut shutdown).await;
                    self.metrics.outgoing.dec();
                    match over {
                        Over::Shutdown => return,
                        Over::Idle => link.ended(None),
                        Over::Broken(reason) => {
                            link.ended(Some(reason.clone()));
                            info!(from = %link.local, to = %link.remote, %reason, "Stream to another server ended.");
                        }
                    }
                }
                Err(failure) => {
                    self.metrics.failed.inc();
                    warn!(from = %link.local, to = %link.remote, reason = %failure, "Another server was not reached.");
                    let failure = Arc::new(failure);
                    let pause = link.missed(&failure, self.jitter());
                    let patience = self.config.queue_time_max.0;
                    let late = link.oldest().is_none_or(|since| Instant::now() + pause >= since + patience);
                    if failure.is_final() || late {
                        self.give_up(&link, &failure).await;
                    } else {
                        tokio::select! {
                            () = sleep(pause) => {}
                            () = shutdown.reached(Phase::Draining) => return,
                        }
                    }
                }
            }
            if link.rest() {
                return;
            }
        }
    }

    /// Each stanza bounces once.
    async fn give_up(&self, link: &Link, failure: &Failure) {
        while let Some(waiting) = link.take() {
            self.refuse(waiting, &bounce_error(failure)).await;
        }
    }

    /// Tells the sender of a stanza that it did not go.
    pub(crate) async fn refuse(&self, waiting: Waiting, error: &StanzaError) {
        self.metrics.bounced.inc();
        self.shared.router().bounce(waiting.stanza, error, &Origin::Server).await;
        self.forget_row(waiting.row);
    }

    /// Writes what waits until the stream ends.
    async fn talk(&self, link: &Link, outgoing: Outgoing, shutdown: &mut Shutdown) -> Over {
        let mut wire = outgoing.wire;
        // Written, but not all of it taken by the kernel.
        let mut unsent = VecDeque::new();
        let mut unasked = 0;
        let over = loop {
            match self.exchange(link, &mut wire, &mut unsent, &mut unasked, shutdown).await {
                Ok(None) => {}
                Ok(Some(over)) => break over,
                Err(broken) => break Over::Broken(broken.to_string()),
            }
        };
        link.put_back(unsent);
        match over {
            Over::Shutdown => wire.error(&system_shutdown()),
            Over::Broken(_) | Over::Idle => {}
        }
        wire.close();
        drop(timeout(FAREWELL, wire.connection.close(FAREWELL)).await);
        over
    }

    async fn exchange(
        &self,
        link: &Link,
        wire: &mut crate::wire::Wire,
        unsent: &mut VecDeque<Waiting>,
        unasked: &mut u32,
        shutdown: &mut Shutdown,
    ) -> Result<Option<Over>, Broken> {
        while wire.connection.pending_bytes() < WRITE_BYTES_MAX {
            let Some(waiting) = link.take() else { break };
            wire.stanza(&waiting.stanza);
            self.metrics.sent.inc();
            unsent.push_back(waiting);
        }
        let drained = wire.connection.try_flush()?;
        if drained {
            for waiting in unsent.drain(..) {
                self.forget_row(waiting.row);
            }
            if !link.is_empty() {
                return Ok(None);
            }
        }
        let patience =
            if drained { self.config.idle_time_max.0 } else { self.shared.limits().write_time_max.0 };
        let due = Instant::now() + patience;
        tokio::select! {
            ready = wire.connection.ready(true) => {
                ready?;
                while let Some(item) = wire.poll()? {
                    match item {
                        Item::RootEnd => return Ok(Some(Over::Broken("it ended the stream".to_owned()))),
                        Item::Element(error) if is(&error, ns::STREAMS, "error") => {
                            return Ok(Some(Over::Broken(format!("it ended the stream: {}", told(&error)))));
                        }
                        // Stanzas come over the stream that the other server opens (RFC 6120 §4.5).
                        _ if *unasked < UNASKED_MAX => *unasked += 1,
                        _ => return Ok(Some(Over::Broken("it sent too much that nobody asked for".to_owned()))),
                    }
                }
            }
            () = link.wake.notified() => {}
            () = sleep_until(due) => {
                let words = "it took nothing for too long".to_owned();
                return Ok(Some(if drained { Over::Idle } else { Over::Broken(words) }));
            }
            () = shutdown.reached(Phase::Draining) => return Ok(Some(Over::Shutdown)),
        }
        Ok(None)
    }
}

/// The error for a domain that the operator does not let us talk to.
pub(crate) fn forbidden() -> StanzaError {
    StanzaError::from(Condition::PolicyViolation).text("This server does not talk to that domain.")
}

/// … and for a stream.
pub(crate) fn forbidden_stream() -> StreamError {
    StreamError::new(StreamCondition::PolicyViolation).text("This server does not talk to that domain.")
}

/// A stanza counts for this much besides its children.
const OVERHEAD: usize = 256;
/// At most so much is written at once.
const WRITE_BYTES_MAX: usize = 64 << 10;
/// So many elements may come on a stream that is for sending.
const UNASKED_MAX: u32 = 1000;
/// For last words.
const FAREWELL: Duration = Duration::from_secs(2);
const BACK_OFF_MIN: Duration = Duration::from_secs(2);
const BACK_OFF_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link::new(Domain::parse("a.example").unwrap(), Domain::parse("b.example").unwrap(), Arc::default())
    }

    fn waiting(id: &str) -> Waiting {
        let xml = format!("<message from='x@a.example' to='y@b.example' id='{id}'><body>Hi</body></message>");
        Waiting::new(Stanza::parse(&xml).unwrap(), None)
    }

    fn ids(link: &Link) -> Vec<String> {
        std::iter::from_fn(|| link.take()).map(|waiting| waiting.stanza.id.unwrap().to_string()).collect()
    }

    #[test]
    fn rfc6120_10_1_what_was_not_sent_comes_before_what_came_since() {
        let link = link();
        for id in ["1", "2", "3"] {
            link.push(waiting(id), 10_000, usize::MAX);
        }
        let unsent = [link.take().unwrap(), link.take().unwrap()];
        link.push(waiting("4"), 10_000, usize::MAX);
        link.put_back(unsent.into());
        assert_eq!(ids(&link), ["1", "2", "3", "4"]);
        assert_eq!(link.state.lock().bytes, 0);
    }

    #[test]
    fn the_first_stanza_wakes_somebody_and_too_much_is_refused() {
        let link = link();
        assert!(matches!(link.push(waiting("1"), 600, usize::MAX), Pushed::First));
        assert!(matches!(link.push(waiting("2"), 600, usize::MAX), Pushed::Waits));
        let Pushed::Refused(refused, error) = link.push(waiting("3"), 600, usize::MAX) else {
            panic!("it is full")
        };
        assert_eq!(
            (refused.stanza.id.unwrap().as_str(), error.condition),
            ("3", Condition::ResourceConstraint)
        );
        assert!(!link.rest(), "something waits");
        assert_eq!(ids(&link), ["1", "2"]);
        assert!(link.rest());
        assert!(matches!(link.push(waiting("4"), 600, usize::MAX), Pushed::First));
        // All servers together have a limit as well.
        let used = link.all.load(Ordering::Relaxed);
        assert_eq!(used, link.state.lock().bytes);
        assert!(matches!(link.push(waiting("5"), 10_000, used), Pushed::Refused(..)));
        assert_eq!(ids(&link), ["4"]);
        assert_eq!(link.all.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_was_not_reached_is_left_alone_for_longer_each_time() {
        let link = link();
        let failure = Arc::new(Failure::new("nobody there"));
        let pauses: Vec<u64> = (0..10).map(|_| link.missed(&failure, 1.0).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        let Pushed::Refused(_, error) = link.push(waiting("1"), 600, usize::MAX) else {
            panic!("it was not reached")
        };
        assert_eq!(error.condition, Condition::RemoteServerTimeout);
        assert!(!link.is_forgettable());
        tokio::time::advance(Duration::from_secs(301)).await;
        assert!(link.is_forgettable());
        assert!(matches!(link.push(waiting("2"), 600, usize::MAX), Pushed::First));
        link.reached("proven".to_owned());
        assert_eq!(link.missed(&failure, 1.0).as_secs(), 2);
    }
}
