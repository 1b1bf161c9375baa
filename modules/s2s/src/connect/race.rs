//! The race among the targets of one priority (XEP-0495 §4.2–§4.4, with RFC 8305).
//!
//! IPv6 and IPv4 take turns, IPv6 first. The next address is tried 250 ms after the one before it, or at once when that
//! one failed; who connects first wins, and the other attempts are dropped. Should the winner be of no use, they come
//! after what was not tried at all.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, FuturesUnordered, StreamExt};
use tokio::select;
use tokio::time::{Instant, sleep_until, timeout};
use waxwing_stream::tls::Tlsa;

use super::Reason;
use super::waiting::{Place, Waiting};
use crate::find::{Family, FindError, Finder, Found, Part, Target};

/// Who has connected.
#[derive(Debug)]
pub(crate) struct Winner<T> {
    pub(crate) target: Target,
    pub(crate) address: SocketAddr,
    /// What its certificate is held to, if there is any (RFC 7673 §4.2).
    pub(crate) dane: Arc<[Tlsa]>,
    pub(crate) socket: T,
}

/// Who runs, and when the next one starts.
pub(crate) struct Race<'a> {
    runners: Vec<Runner>,
    parts: BoxStream<'a, Part>,
    looking: bool,
    waiting: Waiting,
    /// When to start the next attempt.
    next: Instant,
    started: bool,
    /// When the Resolution Delay is over.
    patience: Option<Instant>,
    under_way: Vec<Place>,
    /// The last who won.
    winner: Option<Place>,
}

/// One target.
struct Runner {
    target: Target,
    /// Whether there are addresses of either kind; `None`: that is not known yet.
    six: Option<bool>,
    four: Option<bool>,
    dane: Arc<[Tlsa]>,
    tried: usize,
    failures: Vec<(SocketAddr, Reason)>,
    error: Option<FindError>,
}

impl<'a> Race<'a> {
    /// Targets of one priority, in the order that their weights have given them.
    pub(crate) fn new(finder: &'a Finder, targets: Vec<Target>) -> Self {
        let parts = finder.parts(&targets);
        Self::of(targets, parts)
    }

    /// With addresses from anywhere.
    pub(crate) fn of(targets: Vec<Target>, parts: BoxStream<'a, Part>) -> Self {
        Self {
            runners: targets.into_iter().map(Runner::new).collect(),
            parts,
            looking: true,
            waiting: Waiting::default(),
            next: Instant::now(),
            started: false,
            patience: None,
            under_way: Vec::new(),
            winner: None,
        }
    }

    /// The next that connects; `None`: nothing is left, or no time.
    pub(crate) async fn next<T>(
        &mut self,
        deadline: Instant,
        dial: impl AsyncFn(SocketAddr) -> io::Result<T>,
    ) -> Option<Winner<T>> {
        let mut attempts = FuturesUnordered::new();
        let mut end = pin!(sleep_until(deadline));
        while self.has_more() || !attempts.is_empty() {
            select! {
                biased;
                () = &mut end => break,
                Some((place, result)) = attempts.next(), if !attempts.is_empty() => match result {
                    Ok(socket) => return self.won(place, socket),
                    Err(error) => self.failed(place, Reason::from(error)),
                },
                part = self.parts.next(), if self.looking => match part {
                    Some(part) => self.found(part),
                    None => self.all_found(),
                },
                () = sleep_until(self.next), if !self.waiting.is_empty() => {
                    if let Some(place) = self.start() {
                        let dialled = timeout(ATTEMPT_TIME_MAX, dial(place.address));
                        attempts.push(async move {
                            (place, dialled.await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())))
                        });
                    }
                }
            }
        }
        self.lost();
        None
    }

    /// The last winner was of no use.
    pub(crate) fn rejected(&mut self, reason: String) {
        if let Some(place) = self.winner.take() {
            self.failed(place, Reason::Rejected(reason));
        }
    }

    pub(crate) fn has_more(&self) -> bool {
        self.looking || !self.waiting.is_empty()
    }

    /// What became of each target.
    pub(crate) fn into_words(self) -> Vec<String> {
        let looking = self.looking;
        self.runners.into_iter().map(|runner| runner.into_words(looking)).collect()
    }

    fn found(&mut self, part: Part) {
        let Some(runner) = self.runners.get_mut(part.target) else { return };
        let Found { addresses, dane } = part.found.unwrap_or_else(|error| {
            runner.error = Some(error);
            Found::default()
        });
        if !dane.is_empty() {
            runner.dane = dane;
        }
        runner.heard(part.family, !addresses.is_empty());
        for ip in addresses {
            // RFC 4291 §2.5.5.2: an IPv4 address in the clothes of IPv6 is one of IPv4.
            let address = SocketAddr::new(ip.to_canonical(), runner.target.port);
            self.waiting.push(Place { target: part.target, address });
        }
        self.wait_for_better();
    }

    /// RFC 8305 §3, XEP-0495 §4.2: what comes before the addresses of the first target, or before its IPv6 addresses,
    /// waits for 50 ms, so that the order of the records counts for more than that of the answers.
    fn wait_for_better(&mut self) {
        if self.started || self.waiting.is_empty() {
            return;
        }
        let now = Instant::now();
        let patience = *self.patience.get_or_insert(now + RESOLUTION_DELAY);
        self.next = if self.is_first_known() { now } else { patience };
    }

    /// Whether nobody is to come before those who are there.
    fn is_first_known(&self) -> bool {
        let first =
            self.runners.iter().find(|runner| (runner.six, runner.four) != (Some(false), Some(false)));
        first.is_none_or(|first| {
            first.six == Some(true) || (first.six == Some(false) && first.four == Some(true))
        })
    }

    fn all_found(&mut self) {
        self.looking = false;
        if !self.started {
            self.next = Instant::now();
        }
    }

    fn start(&mut self) -> Option<Place> {
        let (place, again) = self.waiting.pop()?;
        self.started = true;
        if !again && let Some(runner) = self.runners.get_mut(place.target) {
            runner.tried += 1;
            if runner.tried == ATTEMPTS_MAX {
                self.waiting.forget(place.target);
            }
        }
        self.under_way.push(place);
        // RFC 8305 §5: the recommended Connection Attempt Delay.
        self.next = Instant::now() + ATTEMPT_DELAY;
        Some(place)
    }

    fn won<T>(&mut self, place: Place, socket: T) -> Option<Winner<T>> {
        self.under_way.retain(|other| *other != place);
        for slow in self.under_way.drain(..) {
            self.waiting.push_again(slow);
        }
        self.winner = Some(place);
        let runner = self.runners.get(place.target)?;
        let (target, dane) = (runner.target.clone(), Arc::clone(&runner.dane));
        Some(Winner { target, address: place.address, dane, socket })
    }

    fn failed(&mut self, place: Place, reason: Reason) {
        self.under_way.retain(|other| *other != place);
        self.note(place, reason);
        self.next = Instant::now();
    }

    fn lost(&mut self) {
        for place in std::mem::take(&mut self.under_way) {
            self.note(place, Reason::TimedOut);
        }
        let untried: Vec<(Place, bool)> = self.waiting.drain().collect();
        for (place, tried) in untried {
            self.note(place, if tried { Reason::TimedOut } else { Reason::NotTried });
        }
    }

    fn note(&mut self, place: Place, reason: Reason) {
        if let Some(runner) = self.runners.get_mut(place.target) {
            runner.failures.push((place.address, reason));
        }
    }
}

impl Runner {
    fn new(target: Target) -> Self {
        let dane = Arc::default();
        Self { target, six: None, four: None, dane, tried: 0, failures: Vec::new(), error: None }
    }

    fn heard(&mut self, family: Option<Family>, some: bool) {
        if family != Some(Family::V4) {
            self.six = Some(some);
        }
        if family != Some(Family::V6) {
            self.four = Some(some);
        }
    }

    fn into_words(self, looking: bool) -> String {
        let Self { target, failures, error, .. } = self;
        if !failures.is_empty() {
            let each: Vec<String> =
                failures.iter().map(|(address, reason)| format!("{address}{reason}")).collect();
            return format!("{target}: {}", each.join(", "));
        }
        match error {
            Some(error) => format!("{target}: {error}"),
            None if looking => format!("{target}: its addresses were not to be had in time"),
            None => format!("{target}: {}", FindError::NoSuchDomain(target.host.clone())),
        }
    }
}

/// RFC 8305 §8.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// What does not answer for so long is not waited for, however much time there is in all.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(10);
/// Addresses tried of one target.
const ATTEMPTS_MAX: usize = 8;
