//! The enabled push services of one account in memory: what their clients have not seen, and what is under way.
//!
//! One notification at a time is under way to a push service; what comes meanwhile makes one further one, which tells
//! the number reached by then. So a storm costs neither the service nor the memory more than a single message. Calls go
//! out beside that, a few at a time.

use std::sync::Arc;

use tokio::time::Instant;
use waxwing_xmpp::Jid;

use crate::arrival::{Arrival, Last, Reach};
use crate::table::Row;

/// A push service as a client has enabled it. Enabling anew makes another one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) jid: Jid,
    /// Empty without one.
    pub(crate) node: String,
    /// As it was when the target came into memory.
    pub(crate) row: Row,
}

impl Target {
    pub(crate) fn key(&self) -> (String, String) {
        (self.jid.as_str().to_owned(), self.node.clone())
    }
}

/// A target with what changes.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) target: Arc<Target>,
    pub(crate) failures: u32,
    pub(crate) failing_since: i64,
    /// Messages since the client was there.
    pub(crate) count: u32,
    last: Option<Last>,
    underway: bool,
    /// Something came since the notification that is under way.
    again: bool,
    calls: u8,
    /// Notifications that were not answered in time for the next.
    pub(crate) unanswered: u8,
    /// No notification but of calls before this.
    not_before: Option<Instant>,
}

/// How a notification is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// When the last one is done and the interval over.
    InTurn,
    /// At once.
    Urgent,
}

/// What a notification tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) count: u32,
    pub(crate) last: Option<Last>,
}

impl Entry {
    fn new(target: Arc<Target>) -> Self {
        let (failures, failing_since) = (target.row.failures, target.row.failing_since);
        Self {
            target,
            failures,
            failing_since,
            count: 0,
            last: None,
            underway: false,
            again: false,
            calls: 0,
            unanswered: 0,
            not_before: None,
        }
    }

    /// Notes what has arrived. None: a notification that tells of it is to come, or has been.
    fn note(&mut self, arrivals: &[Arrival], reach: &Reach) -> Option<Way> {
        let count = u32::try_from(arrivals.len()).unwrap_or(u32::MAX);
        let before = self.count;
        self.count = match reach {
            // What came after its session fell asleep was counted when it came.
            Reach::Unseen(_) => before.max(count),
            Reach::Account | Reach::Clients(_) => before.saturating_add(count),
        };
        if self.count == before {
            return None;
        }
        self.last = arrivals.last().and_then(|arrival| arrival.last.clone());
        if self.calls < CALLS_MAX && arrivals.iter().any(|arrival| arrival.urgent) {
            self.calls += 1;
            return Some(Way::Urgent);
        }
        if std::mem::replace(&mut self.underway, true) {
            self.again = true;
            return None;
        }
        Some(Way::InTurn)
    }

    fn is_back(&mut self) {
        (self.count, self.last, self.again) = (0, None, false);
    }

    /// When the next notification may go out.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// A notification goes out.
    pub(crate) fn goes(&mut self, way: Way, not_before: Instant) -> Summary {
        self.not_before = Some(not_before);
        if way == Way::InTurn {
            self.again = false;
        }
        Summary { count: self.count, last: self.last.clone() }
    }

    /// A notification is done. True: another one has to follow.
    pub(crate) fn done(&mut self, way: Way) -> bool {
        match way {
            Way::Urgent => {
                self.calls = self.calls.saturating_sub(1);
                false
            }
            Way::InTurn => {
                self.underway = std::mem::take(&mut self.again);
                self.underway
            }
        }
    }
}

/// The push services of one account.
#[derive(Debug, Default)]
pub(crate) struct Targets(Vec<Entry>);

impl Targets {
    /// As they lie in the store; a row whose address no longer parses is as good as none.
    pub(crate) fn load(rows: Vec<((String, String), Row)>) -> Self {
        let target = |((jid, node), row): ((String, String), Row)| {
            Some(Entry::new(Arc::new(Target { jid: Jid::parse(&jid).ok()?, node, row })))
        };
        Self(rows.into_iter().filter_map(target).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    pub(crate) fn has_client(&self, client: &str) -> bool {
        self.0.iter().any(|entry| entry.target.row.client == client)
    }

    pub(crate) fn find(&self, jid: &Jid, node: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.target.jid == *jid && entry.target.node == node)
    }

    /// This very target, if it has been neither disabled nor enabled anew.
    pub(crate) fn current(&mut self, target: &Arc<Target>) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| Arc::ptr_eq(&entry.target, target))
    }

    /// Adds a target; there is none with this address and node.
    pub(crate) fn enable(&mut self, target: Target) -> Arc<Target> {
        let target = Arc::new(target);
        self.0.push(Entry::new(Arc::clone(&target)));
        target
    }

    /// Takes targets back that were taken out in vain, unless they have been enabled anew.
    pub(crate) fn restore(&mut self, gone: Vec<Arc<Target>>) {
        for target in gone {
            if self.find(&target.jid, &target.node).is_none() {
                self.0.push(Entry::new(target));
            }
        }
    }

    /// Takes out this very target. False: it was gone already.
    pub(crate) fn remove(&mut self, target: &Arc<Target>) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| !Arc::ptr_eq(&entry.target, target));
        self.0.len() < before
    }

    /// Takes out one node of a service, or all.
    pub(crate) fn take(&mut self, jid: &Jid, node: Option<&str>) -> Vec<Arc<Target>> {
        let wanted =
            |entry: &mut Entry| entry.target.jid == *jid && node.is_none_or(|node| entry.target.node == node);
        self.0.extract_if(.., wanted).map(|entry| entry.target).collect()
    }

    /// Notes what has arrived for the clients that it concerns. The answer: what is to be sent.
    pub(crate) fn note(
        &mut self,
        arrivals: &[Arrival],
        reach: &Reach,
        is_concerned: impl Fn(&str) -> bool,
    ) -> Vec<(Arc<Target>, Way)> {
        let concerned = |entry: &&mut Entry| {
            let client = entry.target.row.client.as_str();
            reach.has(client) && is_concerned(client)
        };
        let noted = self.0.iter_mut().filter(concerned).filter_map(|entry| {
            let way = entry.note(arrivals, reach)?;
            Some((Arc::clone(&entry.target), way))
        });
        noted.collect()
    }

    /// A client is there again.
    pub(crate) fn is_back(&mut self, client: &str) {
        self.0.iter_mut().filter(|entry| entry.target.row.client == client).for_each(Entry::is_back);
    }
}

/// Notifications of calls under way to one push service at the same time; further ones go in turn.
const CALLS_MAX: u8 = 3;
