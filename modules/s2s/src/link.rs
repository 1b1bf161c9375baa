//! What waits for, and goes to, one domain of another server from one of ours.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use waxwing_xmpp::{Condition, Domain, Stanza, StanzaError, StreamCondition, StreamError};

use crate::desk::Desk;
use crate::outbox::Row;
use crate::outgoing::{Failure, Told};

/// One pair of domains.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) local: Domain,
    pub(crate) remote: Domain,
    state: Mutex<State>,
    /// Bytes that wait for all servers together.
    all: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiting>,
    /// Of all that is not known to have arrived, what was written included.
    bytes: usize,
    keeper: Keeper,
    /// The other server was not reached: what comes before this moment meets the same fate.
    refused: Option<(Instant, Told)>,
    /// The next try to reach it is not before.
    pause: Option<Instant>,
    /// How often in a row it was not reached, or did nothing for us.
    tries: u32,
    /// The stream, in words; none while there is none.
    stream: Option<String>,
    /// What went wrong last.
    trouble: Option<String>,
}

/// Who sees to a link.
#[derive(Debug, Default)]
enum Keeper {
    #[default]
    Nobody,
    /// Somebody looks for a stream.
    Task,
    /// A stream takes what comes, or will when it is resumed.
    Stream(Arc<Desk>),
}

/// A stanza on its way.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) stanza: Stanza,
    since: Instant,
    /// Its row in the outbox.
    pub(crate) row: Option<Row>,
}

/// A stanza that was written to a stream.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) link: Arc<Link>,
    pub(crate) waiting: Waiting,
}

/// What became of a stanza that was given to a link.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// It waits; somebody sees to it.
    Waits,
    /// It waits, and somebody is to look for a stream.
    First,
    Refused(Box<Waiting>, StanzaError),
}

impl Waiting {
    pub(crate) fn new(stanza: Stanza, row: Option<Row>) -> Self {
        Self { stanza, since: Instant::now(), row }
    }

    fn bytes(&self) -> usize {
        OVERHEAD + self.stanza.children.byte_len()
    }
}

impl Sent {
    /// Since when it has been on its way.
    pub(crate) fn since(&self) -> Instant {
        self.waiting.since
    }

    /// It may not have arrived.
    pub(crate) fn put_back(self) {
        self.link.state.lock().queue.push_front(self.waiting);
    }
}

impl Link {
    pub(crate) fn new(local: Domain, remote: Domain, all: Arc<AtomicUsize>) -> Self {
        Self { local, remote, state: Mutex::default(), all }
    }

    /// Takes a stanza, unless too much waits, here or in all, or the other server was not reached a moment ago.
    pub(crate) fn push(&self, waiting: Waiting, bytes_max: usize, all_max: usize) -> Pushed {
        let mut state = self.state.lock();
        if let Some((until, failure)) = &state.refused
            && Instant::now() < *until
            && matches!(state.keeper, Keeper::Nobody)
        {
            let error = bounce_error(failure);
            return Pushed::Refused(Box::new(waiting), error);
        }
        let bytes = waiting.bytes();
        let full = state.bytes > 0 && state.bytes.saturating_add(bytes) > bytes_max;
        if full || self.all.load(Ordering::Relaxed).saturating_add(bytes) > all_max {
            let error = StanzaError::from(Condition::ResourceConstraint);
            return Pushed::Refused(Box::new(waiting), error.text("Too much waits for other servers."));
        }
        state.bytes += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
        state.queue.push_back(waiting);
        match &state.keeper {
            Keeper::Nobody => {
                state.keeper = Keeper::Task;
                Pushed::First
            }
            Keeper::Task => Pushed::Waits,
            Keeper::Stream(desk) => {
                desk.wake();
                Pushed::Waits
            }
        }
    }

    /// The next stanza; it counts until [`Link::done`].
    pub(crate) fn take(&self) -> Option<Waiting> {
        self.state.lock().queue.pop_front()
    }

    /// A stanza has arrived, or was given up.
    pub(crate) fn done(&self, waiting: &Waiting) {
        let bytes = waiting.bytes();
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        drop(state);
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// From now on a stream sees to it, which is so in words.
    pub(crate) fn attach(&self, desk: &Arc<Desk>, stream: String) {
        let mut state = self.state.lock();
        state.keeper = Keeper::Stream(Arc::clone(desk));
        (state.refused, state.stream) = (None, Some(stream));
    }

    /// The stream does not see to it any more. True: something waits, and somebody is to look for another stream.
    pub(crate) fn release(&self) -> bool {
        let mut state = self.state.lock();
        let waits = !state.queue.is_empty();
        state.keeper = if waits { Keeper::Task } else { Keeper::Nobody };
        state.stream = None;
        waits
    }

    /// Nothing is known of it that would be missed.
    pub(crate) fn is_forgettable(&self) -> bool {
        let state = self.state.lock();
        let now = Instant::now();
        matches!(state.keeper, Keeper::Nobody)
            && state.refused.as_ref().is_none_or(|(until, _)| *until <= now)
            && state.pause.is_none_or(|until| until <= now)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.state.lock().queue.front().map(|waiting| waiting.since)
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

    /// Whether more than these bytes are not known to have arrived, here or of all servers together.
    pub(crate) fn is_beyond(&self, bytes: usize, all: usize) -> bool {
        self.state.lock().bytes > bytes || self.all.load(Ordering::Relaxed) > all
    }

    /// What went wrong with the last stream, if that was good for nothing.
    pub(crate) fn failing(&self) -> Option<String> {
        let state = self.state.lock();
        (state.tries > 0).then(|| state.trouble.clone()).flatten()
    }

    /// When the other server may be tried again.
    pub(crate) fn pause(&self) -> Option<Instant> {
        self.state.lock().pause
    }

    /// The other server was not reached. How long to wait before the next try.
    pub(crate) fn missed(&self, failure: &Told, jitter: f64) -> Duration {
        let mut state = self.state.lock();
        let pause = state.back_off(jitter);
        state.trouble = Some(failure.words.clone());
        state.refused = Some((Instant::now() + pause, Arc::clone(failure)));
        pause
    }

    /// The other server can be talked to now, whatever was before.
    pub(crate) fn forgive(&self) {
        let mut state = self.state.lock();
        (state.refused, state.pause) = (None, None);
    }

    /// A stream has ended. One that was good for nothing counts as a try that failed.
    pub(crate) fn ended(&self, trouble: Option<String>, was_good: bool, jitter: f64) {
        let mut state = self.state.lock();
        if was_good {
            (state.tries, state.pause) = (0, None);
        } else {
            state.back_off(jitter);
        }
        if trouble.is_some() {
            state.trouble = trouble;
        }
    }
}

impl State {
    fn back_off(&mut self, jitter: f64) -> Duration {
        let pause = BACK_OFF_MIN.saturating_mul(1 << self.tries.min(10)).min(BACK_OFF_MAX).mul_f64(jitter);
        self.tries = self.tries.saturating_add(1);
        self.pause = Some(Instant::now() + pause);
        pause
    }
}

/// What the senders of stanzas are told that did not go.
pub(crate) fn bounce_error(failure: &Failure) -> StanzaError {
    StanzaError::from(failure.condition).text(failure.words.clone())
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
const BACK_OFF_MIN: Duration = Duration::from_secs(2);
const BACK_OFF_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn link() -> Arc<Link> {
        let domain = |text| Domain::parse(text).unwrap();
        Arc::new(Link::new(domain("a.example"), domain("b.example"), Arc::default()))
    }

    pub(crate) fn waiting(id: &str) -> Waiting {
        let xml = format!("<message from='x@a.example' to='y@b.example' id='{id}'><body>Hi</body></message>");
        Waiting::new(Stanza::parse(&xml).unwrap(), None)
    }

    fn ids(link: &Link) -> Vec<String> {
        let next = || link.take().inspect(|waiting| link.done(waiting));
        std::iter::from_fn(next).map(|waiting| waiting.stanza.id.unwrap().to_string()).collect()
    }

    #[test]
    fn rfc6120_10_1_what_may_not_have_arrived_comes_before_what_came_since() {
        let link = link();
        for id in ["1", "2", "3"] {
            link.push(waiting(id), 10_000, usize::MAX);
        }
        let sent = || Sent { waiting: link.take().unwrap(), link: Arc::clone(&link) };
        let unsent = [sent(), sent()];
        link.push(waiting("4"), 10_000, usize::MAX);
        unsent.into_iter().rev().for_each(Sent::put_back);
        assert_eq!(ids(&link), ["1", "2", "3", "4"]);
        assert_eq!(link.state.lock().bytes, 0);
        assert_eq!(link.all.load(Ordering::Relaxed), 0);
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
        assert!(link.release(), "something waits");
        assert_eq!(ids(&link), ["1", "2"]);
        assert!(!link.release());
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
        link.attach(&Arc::default(), "proven".to_owned());
        link.ended(None, true, 1.0);
        assert_eq!(link.missed(&failure, 1.0).as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_did_nothing_for_us_is_not_opened_again_at_once() {
        let link = link();
        link.push(waiting("1"), 600, usize::MAX);
        let pause = || link.pause().map(|until| (until - Instant::now()).as_secs());
        let streams = [false, false, true, false].map(|was_good| {
            link.attach(&Arc::default(), "proven".to_owned());
            link.ended(None, was_good, 1.0);
            assert!(link.release());
            pause()
        });
        assert_eq!(streams, [Some(2), Some(4), None, Some(2)]);
    }

    #[test]
    fn what_was_written_and_not_acknowledged_counts_still() {
        let link = link();
        for id in ["1", "2"] {
            assert!(!matches!(link.push(waiting(id), 600, usize::MAX), Pushed::Refused(..)));
        }
        let written = link.take().unwrap();
        assert!(matches!(link.push(waiting("3"), 600, usize::MAX), Pushed::Refused(..)));
        link.done(&written);
        assert!(matches!(link.push(waiting("4"), 600, usize::MAX), Pushed::Waits));
    }
}
