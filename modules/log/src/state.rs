//! One account's log in memory: the next position, and what is owed to whom.

use std::collections::{BTreeMap, HashSet};

use smallvec::SmallVec;
use waxwing_core::{Held, SessionId, SessionRef};
use waxwing_store::Ticket;

use crate::limits::Overrides;
use crate::table::{HIDDEN, OWED, Saved};

/// What is known of a log. Rows are added under the account's arrival lock; acknowledgements only take away.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The last position given out.
    pub(crate) last: u64,
    /// Rows before this position are gone, or will be.
    pub(crate) low: u64,
    /// Rows that the archive shows.
    pub(crate) rows: u64,
    /// Bytes of all rows.
    pub(crate) bytes: u64,
    owed: BTreeMap<u64, Owed>,
    /// What the administrator has set for this account.
    pub(crate) overrides: Overrides,
    /// Nothing is left of the rows before `low`.
    pub(crate) swept: bool,
    /// The write of the last row.
    pub(crate) written: Option<Ticket>,
    /// It waits for a checkpoint.
    pub(crate) changed: bool,
}

/// A row that nobody has acknowledged.
#[derive(Debug, Default)]
struct Owed {
    hidden: bool,
    /// Bytes of the row.
    bytes: u64,
    holders: SmallVec<[SessionId; 2]>,
}

impl State {
    pub(crate) fn load(saved: Saved) -> Self {
        let Saved { last, low, rows, bytes, owed } = saved;
        let owed = owed
            .into_iter()
            .map(|(position, hidden, bytes)| (position, Owed { hidden, bytes, ..Owed::default() }));
        Self { last, low, rows, bytes, owed: owed.collect(), ..Self::default() }
    }

    pub(crate) fn save(&self) -> Saved {
        let owed = self.owed.iter().map(|(position, owed)| (*position, owed.hidden, owed.bytes)).collect();
        Saved { last: self.last, low: self.low, rows: self.rows, bytes: self.bytes, owed }
    }

    /// The position of a row that comes now: later than all before it, whatever the clock does.
    pub(crate) fn next(&self, now: i64) -> u64 {
        u64::try_from(now).unwrap_or(0).max(self.last + 1)
    }

    /// A row is there from now on.
    pub(crate) fn add(&mut self, position: u64, flags: u8, bytes: u64) {
        self.last = self.last.max(position);
        self.bytes += bytes;
        self.rows += u64::from(flags & HIDDEN == 0);
        if flags & OWED != 0 {
            let hidden = flags & HIDDEN != 0;
            self.owed.insert(position, Owed { hidden, bytes, ..Owed::default() });
        }
    }

    pub(crate) fn hand(&mut self, position: u64, session: SessionId) {
        if let Some(owed) = self.owed.get_mut(&position)
            && !owed.holders.contains(&session)
        {
            owed.holders.push(session);
        }
    }

    /// Nobody is owed it any more. The answer: whether it was owed, and hidden from the archive: then it goes.
    pub(crate) fn settle(&mut self, position: u64) -> Option<bool> {
        let owed = self.owed.remove(&position)?;
        if owed.hidden {
            self.bytes = self.bytes.saturating_sub(owed.bytes);
        }
        Some(owed.hidden)
    }

    /// A row has another size now.
    pub(crate) fn resize(&mut self, position: u64, before: u64, after: u64) {
        self.bytes = self.bytes.saturating_sub(before).saturating_add(after);
        if let Some(owed) = self.owed.get_mut(&position) {
            owed.bytes = after;
        }
    }

    /// The oldest row goes, and all that was before it is gone. The answer: whether somebody was owed it.
    pub(crate) fn expire(&mut self, position: u64, flags: u8, bytes: u64) -> bool {
        self.low = position.saturating_add(1);
        let owed = self.settle(position).is_some();
        // A hidden row went out of the count when it was settled.
        if flags & HIDDEN == 0 {
            self.rows = self.rows.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        owed
    }

    /// See [`waxwing_core::AccountLog::released`].
    pub(crate) fn release(&mut self, session: SessionId) -> Vec<u64> {
        let mut free = Vec::new();
        for (position, owed) in &mut self.owed {
            let before = owed.holders.len();
            owed.holders.retain(|holder| *holder != session);
            if owed.holders.is_empty() && before > 0 {
                free.push(*position);
            }
        }
        free
    }

    /// See [`waxwing_core::AccountLog::owed`].
    pub(crate) fn owed_to(&self, session: SessionId, held: Held<'_>) -> Vec<u64> {
        let awake = |sessions: &[SessionRef]| -> HashSet<SessionId> {
            sessions.iter().filter(|other| !other.is_asleep()).map(|other| other.id()).collect()
        };
        let awake = match held {
            Held::ByAny => None,
            Held::ByAwake(sessions) => Some(awake(sessions)),
        };
        let holds = |holder: &SessionId| awake.as_ref().is_none_or(|awake| awake.contains(holder));
        let owed = self
            .owed
            .iter()
            .filter(|(_, owed)| !owed.holders.contains(&session) && !owed.holders.iter().any(holds));
        owed.map(|(position, _)| *position).collect()
    }

    pub(crate) fn is_owed(&self, position: u64) -> bool {
        self.owed.contains_key(&position)
    }

    pub(crate) fn owed_count(&self) -> usize {
        self.owed.len()
    }

    /// How many a session has been handed and nobody has acknowledged.
    pub(crate) fn held_by(&self, session: SessionId) -> usize {
        self.owed.values().filter(|owed| owed.holders.contains(&session)).count()
    }
}
