//! A TCP connection to one target: its addresses are raced (RFC 8305, happy eyeballs; XEP-0495 for one target).
//!
//! IPv6 and IPv4 take turns, IPv6 first. The next address is tried 250 ms after the one before it, or at once when
//! that one failed; who connects first wins, and the other attempts are dropped.

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use futures::stream::{FuturesUnordered, Stream, StreamExt};
use tokio::net::TcpStream;
use tokio::select;
use tokio::time::{Instant, sleep_until, timeout};

use crate::find::{FindError, Finder, Target};

/// Why there is no connection to a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// It has no address.
    #[error("{0}")]
    Find(#[from] FindError),
    /// It has, and none would do.
    #[error("{target}: {}", words(.failures))]
    Failed {
        /// Whom we wanted to reach, in words.
        target: String,
        /// What became of each address, in the order in which that was known.
        failures: Vec<Failure>,
    },
}

/// What became of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The address.
    pub address: SocketAddr,
    /// What happened.
    pub reason: Reason,
}

/// Why an address would not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Somebody is there, but not at this port.
    Refused,
    /// There is no way from here to there: a network of only one kind of address, for one.
    Unreachable,
    /// Nobody answered in time.
    TimedOut,
    /// There was no time left for it.
    NotTried,
    /// Our own settings forbid it.
    NotAllowed,
    /// Something else, in the words of the system.
    Other(String),
}

/// Connects to a target, within `time_max`. `allowed` may rule addresses out.
///
/// # Errors
/// It has no address, or none that let us in; the words name every one. Try the next target then.
pub async fn connect(
    finder: &Finder,
    target: &Target,
    time_max: Duration,
    allowed: impl Fn(SocketAddr) -> bool,
) -> Result<TcpStream, ConnectError> {
    let dial = async |address| {
        let socket = TcpStream::connect(address).await?;
        // Stanzas are written whole; waiting for more would only delay them.
        socket.set_nodelay(true)?;
        Ok(socket)
    };
    race(finder.parts(target), target, time_max, allowed, dial).await
}

/// The race itself, for anything that dials.
pub(crate) async fn race<T>(
    mut parts: impl Stream<Item = Result<Vec<IpAddr>, FindError>> + Unpin,
    target: &Target,
    time_max: Duration,
    allowed: impl Fn(SocketAddr) -> bool,
    dial: impl AsyncFn(SocketAddr) -> io::Result<T>,
) -> Result<T, ConnectError> {
    let deadline = Instant::now() + time_max;
    let mut race = Race::new(target);
    let mut looking = true;
    let mut attempts = FuturesUnordered::new();
    let mut end = pin!(sleep_until(deadline));
    while looking || !attempts.is_empty() || !race.waiting.is_empty() {
        select! {
            biased;
            () = &mut end => break,
            Some((address, result)) = attempts.next(), if !attempts.is_empty() => match result {
                Ok(connected) => return Ok(connected),
                Err(error) => race.failed(address, Reason::from(error)),
            },
            part = parts.next(), if looking => match part {
                Some(part) => race.found(part, &allowed),
                None => {
                    looking = false;
                    race.all_found();
                }
            },
            () = sleep_until(race.next), if !race.waiting.is_empty() => {
                if let Some(address) = race.start() {
                    let dialled = timeout(ATTEMPT_TIME_MAX, dial(address));
                    attempts.push(async move {
                        (address, dialled.await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())))
                    });
                }
            }
        }
    }
    Err(race.lost(looking, time_max))
}

/// Which address is next, and when.
struct Race<'a> {
    target: &'a Target,
    waiting: Waiting,
    /// When to start the next attempt.
    next: Instant,
    started: usize,
    under_way: Vec<SocketAddr>,
    failures: Vec<Failure>,
    error: Option<FindError>,
}

impl<'a> Race<'a> {
    fn new(target: &'a Target) -> Self {
        Self {
            target,
            waiting: Waiting::default(),
            next: Instant::now(),
            started: 0,
            under_way: Vec::new(),
            failures: Vec::new(),
            error: None,
        }
    }

    /// Addresses of one kind, or of both.
    fn found(&mut self, part: Result<Vec<IpAddr>, FindError>, allowed: &impl Fn(SocketAddr) -> bool) {
        let addresses = part.unwrap_or_else(|error| {
            self.error = Some(error);
            Vec::new()
        });
        for ip in addresses {
            // An IPv4 address in the clothes of IPv6 must not slip past what is `allowed`.
            let address = SocketAddr::new(ip.to_canonical(), self.target.port);
            if allowed(address) {
                self.waiting.push(address);
            } else {
                self.failures.push(Failure { address, reason: Reason::NotAllowed });
            }
        }
        // RFC 8305 §3: where A comes before AAAA, that gets 50 ms more.
        if self.started == 0 {
            let delay = if self.waiting.six.is_empty() { RESOLUTION_DELAY } else { Duration::ZERO };
            self.next = Instant::now() + delay;
        }
    }

    fn all_found(&mut self) {
        if self.started == 0 {
            self.next = Instant::now();
        }
    }

    fn start(&mut self) -> Option<SocketAddr> {
        let address = self.waiting.pop()?;
        self.started += 1;
        if self.started == ATTEMPTS_MAX {
            self.waiting = Waiting::default();
        }
        self.under_way.push(address);
        // RFC 8305 §5: the recommended Connection Attempt Delay.
        self.next = Instant::now() + ATTEMPT_DELAY;
        Some(address)
    }

    fn failed(&mut self, address: SocketAddr, reason: Reason) {
        self.under_way.retain(|other| *other != address);
        self.failures.push(Failure { address, reason });
        self.next = Instant::now();
    }

    fn lost(mut self, looking: bool, time_max: Duration) -> ConnectError {
        let failure = |address: &SocketAddr, reason| Failure { address: *address, reason };
        self.failures.extend(self.under_way.iter().map(|address| failure(address, Reason::TimedOut)));
        let untried = self.waiting.six.iter().chain(&self.waiting.four);
        self.failures.extend(untried.map(|address| failure(address, Reason::NotTried)));
        if !self.failures.is_empty() {
            return ConnectError::Failed { target: self.target.to_string(), failures: self.failures };
        }
        let host = &self.target.host;
        ConnectError::Find(self.error.unwrap_or_else(|| {
            if looking {
                let seconds = time_max.as_secs_f32();
                FindError::Timeout(format!("the addresses of {host} were not to be had within {seconds} s"))
            } else {
                FindError::NoSuchDomain(host.clone())
            }
        }))
    }
}

/// Addresses that were not tried yet.
#[derive(Default)]
struct Waiting {
    six: VecDeque<SocketAddr>,
    four: VecDeque<SocketAddr>,
    four_is_next: bool,
}

impl Waiting {
    fn push(&mut self, address: SocketAddr) {
        if address.is_ipv6() { self.six.push_back(address) } else { self.four.push_back(address) }
    }

    /// RFC 8305 §4: the families take turns, IPv6 first.
    fn pop(&mut self) -> Option<SocketAddr> {
        let (first, second) =
            if self.four_is_next { (&mut self.four, &mut self.six) } else { (&mut self.six, &mut self.four) };
        let address = first.pop_front().or_else(|| second.pop_front())?;
        self.four_is_next = address.is_ipv6();
        Some(address)
    }

    fn is_empty(&self) -> bool {
        self.six.is_empty() && self.four.is_empty()
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            // A machine without any IPv6 address says AddrNotAvailable.
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable => Self::Unreachable,
            ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { address, reason } = self;
        match reason {
            Reason::Refused => write!(out, "{address} refused the connection"),
            Reason::Unreachable => write!(out, "{address} cannot be reached from here"),
            Reason::TimedOut => write!(out, "{address} did not answer in time"),
            Reason::NotTried => write!(out, "{address} was not tried for lack of time"),
            Reason::NotAllowed => write!(out, "{address} is forbidden by our settings"),
            Reason::Other(error) => write!(out, "{address}: {error}"),
        }
    }
}

fn words(failures: &[Failure]) -> String {
    failures.iter().map(Failure::to_string).collect::<Vec<_>>().join(", ")
}

/// RFC 8305 §8.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// What does not answer for so long is not waited for, however much time there is in all.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(10);
/// Addresses tried of one target.
const ATTEMPTS_MAX: usize = 8;
