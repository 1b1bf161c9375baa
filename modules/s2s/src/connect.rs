//! Connections to another server, until one of them will do
//! ([XEP-0495](https://xmpp.org/extensions/xep-0495.html)).
//!
//! The targets of one priority are raced together, those of the next only when nothing is left of the one before. A
//! connection that turns out to be of no use, because of its certificate for one, is told, and the race goes on.

mod race;
mod waiting;

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::find::{Finder, Target};
pub(crate) use race::{Race, Winner};

/// A connection, and where it leads.
pub(crate) type Way = Winner<TcpStream>;

/// The ways to another server that are left.
pub(crate) struct Ways<'a> {
    finder: &'a Finder,
    /// Targets by priority.
    groups: VecDeque<Vec<Target>>,
    race: Option<Race<'a>>,
    deadline: Instant,
    /// What became of the groups that are exhausted.
    told: Vec<String>,
}

impl<'a> Ways<'a> {
    /// Targets in their order. Nothing is begun after `deadline`.
    pub(crate) fn new(finder: &'a Finder, targets: Vec<Target>, deadline: Instant) -> Self {
        let groups = targets.chunk_by(|one, other| one.priority == other.priority);
        let groups = groups.map(<[Target]>::to_vec).collect();
        Self { finder, groups, race: None, deadline, told: Vec::new() }
    }

    /// The next connection; `None`: there is no other.
    pub(crate) async fn next(&mut self) -> Option<Way> {
        loop {
            if self.race.is_none() {
                self.race = Some(Race::new(self.finder, self.next_group()?));
            }
            let race = self.race.as_mut()?;
            if let Some(way) = race.next(self.deadline, dial).await {
                return Some(way);
            }
            // XEP-0495 §4.4: only now the next priority.
            self.told.extend(self.race.take().into_iter().flat_map(Race::into_words));
        }
    }

    fn next_group(&mut self) -> Option<Vec<Target>> {
        let group = self.groups.pop_front()?;
        if Instant::now() < self.deadline {
            return Some(group);
        }
        let late = std::iter::once(group).chain(self.groups.drain(..)).flatten();
        self.told.extend(late.map(|target| format!("{target} was not tried for lack of time")));
        None
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The last connection was of no use; in words.
    pub(crate) fn rejected(&mut self, reason: String) {
        if let Some(race) = &mut self.race {
            race.rejected(reason);
        }
    }

    /// Something is left to try beside the last connection.
    pub(crate) fn has_more(&self) -> bool {
        !self.groups.is_empty() || self.race.as_ref().is_some_and(Race::has_more)
    }

    /// What became of each target: of those that are exhausted.
    pub(crate) fn take_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    // Stanzas are written whole; waiting for more would only delay them.
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Why an address would not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Somebody is there, but not at this port.
    Refused,
    /// There is no way from here to there: a network of only one kind of address, for one.
    Unreachable,
    /// Nobody answered in time.
    TimedOut,
    /// There was no time left for it.
    NotTried,
    /// It connected, and then would not do; in words that begin with what "it" did.
    Rejected(String),
    /// Something else, in the words of the system.
    Other(String),
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

impl Display for Reason {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => out.write_str(" refused the connection"),
            Self::Unreachable => out.write_str(" cannot be reached from here"),
            Self::TimedOut => out.write_str(" did not answer in time"),
            Self::NotTried => out.write_str(" was not tried for lack of time"),
            Self::Rejected(words) | Self::Other(words) => write!(out, ": {words}"),
        }
    }
}
