//! One account's log in memory: the next position, and what is owed to whom.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;
use waxwing_core::{Logged, SessionId, SessionRef, Shape};
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
    /// Rows that the archive does not show and that somebody has acknowledged, with the sessions that wait with them
    /// all the same: they have nothing but the row.
    lingering: BTreeMap<u64, Holders>,
    /// Held by whoever changes or deletes rows that are there, so that they are counted right.
    pub(crate) changing: Arc<tokio::sync::Mutex<()>>,
    /// The write of the last row.
    pub(crate) written: Option<Ticket>,
    /// What was true when a checkpoint was wanted and a row was under way, and that row.
    waiting: Option<(Saved, Ticket)>,
    /// It waits for a checkpoint.
    pub(crate) changed: bool,
    /// When the last one was written.
    saved_at: Option<Instant>,
}

/// A row that nobody has acknowledged.
#[derive(Debug, Default)]
struct Owed {
    hidden: bool,
    /// Bytes of the row.
    bytes: u64,
    /// Somebody has been handed the message itself.
    taken: bool,
    /// Who has been handed it, or a copy.
    holders: Holders,
}

type Holders = SmallVec<[SessionId; 2]>;

/// What came of an acknowledgement.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// A checkpoint would say something else now.
    pub(crate) changed: bool,
    /// Rows that nobody needs any more.
    pub(crate) useless: Vec<u64>,
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

    /// The newest state of which all rows are on disk, or were refused, and whether it is the present one: where there is
    /// always a row under way it is a little older. None: the next call may have it.
    pub(crate) fn settled(&mut self) -> Option<(Saved, bool)> {
        let under_way = self.written.as_ref().filter(|written| written.outcome().is_none()).cloned();
        let Some(under_way) = under_way else {
            self.waiting = None;
            return Some((self.save(), true));
        };
        match self.waiting.take() {
            Some((saved, written)) if written.outcome().is_some() => Some((saved, false)),
            Some(waiting) => {
                self.waiting = Some(waiting);
                None
            }
            None => {
                self.waiting = Some((self.save(), under_way));
                None
            }
        }
    }

    /// The next checkpoint has to say what is true from now on.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting = None;
    }

    /// Whether the next checkpoint may be written: a long one is not written often.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let pause = if self.owed.len() > OWED_MANY { PAUSE_LONG } else { Duration::ZERO };
        let due = self.saved_at.is_none_or(|at| now >= at + pause);
        if due {
            self.saved_at = Some(now);
        }
        due
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

    pub(crate) fn hand(&mut self, session: SessionId, row: Logged) {
        if let Some(owed) = self.owed.get_mut(&row.position) {
            owed.taken |= row.shape == Shape::Original;
            if !owed.holders.contains(&session) {
                owed.holders.push(session);
            }
        }
    }

    /// See [`waxwing_core::AccountLog::acked`].
    pub(crate) fn acked(&mut self, session: SessionId, rows: &[Logged]) -> Settled {
        let mut settled = Settled::default();
        for row in rows {
            if let Some(holders) = self.lingering.get_mut(&row.position) {
                holders.retain(|holder| *holder != session);
                if holders.is_empty() {
                    self.lingering.remove(&row.position);
                    settled.useless.push(row.position);
                }
            } else if let Some(owed) = self.owed.get(&row.position)
                // XEP-0160 §2: who got a copy because nobody could take the message has not taken it.
                && (owed.taken || row.shape == Shape::Original)
            {
                self.settle(row.position, Some(session), &mut settled);
            }
        }
        settled
    }

    /// A client has found these in the archive.
    pub(crate) fn found(&mut self, positions: impl IntoIterator<Item = u64>) -> Settled {
        let mut settled = Settled::default();
        for position in positions {
            self.settle(position, None, &mut settled);
        }
        settled
    }

    /// Nobody is owed it any more. A row that the archive does not show goes when nobody waits with it.
    fn settle(&mut self, position: u64, by: Option<SessionId>, settled: &mut Settled) {
        let Some(Owed { hidden, bytes, mut holders, .. }) = self.owed.remove(&position) else { return };
        settled.changed = true;
        if hidden {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        holders.retain(|holder| Some(*holder) != by);
        match (hidden, holders.is_empty()) {
            (true, true) => settled.useless.push(position),
            (true, false) => drop(self.lingering.insert(position, holders)),
            (false, _) => {}
        }
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
        let mut settled = Settled::default();
        self.settle(position, None, &mut settled);
        // Whoever waits with it finds nothing.
        self.lingering.remove(&position);
        let owed = settled.changed;
        // A hidden row went out of the count when it was settled.
        if flags & HIDDEN == 0 {
            self.rows = self.rows.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        owed
    }

    /// See [`waxwing_core::AccountLog::released`].
    pub(crate) fn release(&mut self, session: SessionId) -> (Vec<u64>, Settled) {
        let mut free = Vec::new();
        for (position, owed) in &mut self.owed {
            let before = owed.holders.len();
            owed.holders.retain(|holder| *holder != session);
            if owed.holders.is_empty() && before > 0 {
                free.push(*position);
            }
        }
        let mut settled = Settled::default();
        self.lingering.retain(|position, holders| {
            holders.retain(|holder| *holder != session);
            if holders.is_empty() {
                settled.useless.push(*position);
            }
            !holders.is_empty()
        });
        (free, settled)
    }

    /// See [`waxwing_core::AccountLog::owed`].
    pub(crate) fn owed_to(&self, session: SessionId, sessions: &[SessionRef]) -> Vec<u64> {
        let awake: HashSet<SessionId> =
            sessions.iter().filter(|other| !other.is_asleep()).map(|other| other.id()).collect();
        let held = |owed: &Owed| owed.taken && owed.holders.iter().any(|holder| awake.contains(holder));
        let owed = self.owed.iter().filter(|(_, owed)| !(owed.holders.contains(&session) || held(owed)));
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

/// A checkpoint that names more rows than this …
const OWED_MANY: usize = 1000;
/// … is written no more often.
const PAUSE_LONG: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: SessionId = SessionId(1);
    const DESK: SessionId = SessionId(2);

    fn row(shape: Shape) -> Logged {
        Logged { position: 7, shape, late: false }
    }

    fn owed(flags: u8) -> State {
        let mut state = State::default();
        state.add(7, OWED | flags, 100);
        state
    }

    #[test]
    fn who_acknowledges_a_copy_settles_what_somebody_has_got() {
        let mut state = owed(0);
        state.hand(DESK, row(Shape::CopyOfReceived));
        state.hand(PHONE, row(Shape::Original));
        let settled = state.acked(DESK, &[row(Shape::CopyOfReceived)]);
        assert!(settled.changed && settled.useless.is_empty());
        assert_eq!(state.owed_count(), 0);
    }

    /// XEP-0160 §2 (5).
    #[test]
    fn a_copy_of_what_nobody_could_take_settles_nothing() {
        let mut state = owed(0);
        state.hand(DESK, row(Shape::CopyOfReceived));
        assert!(!state.acked(DESK, &[row(Shape::CopyOfReceived)]).changed);
        assert_eq!(state.owed_to(PHONE, &[]), [7]);
        // It has it already.
        assert!(state.owed_to(DESK, &[]).is_empty());
        state.hand(PHONE, row(Shape::Original));
        assert!(state.acked(PHONE, &[row(Shape::Original)]).changed);
        assert_eq!(state.owed_count(), 0);
    }

    /// A new session need not wait for one that sleeps.
    #[test]
    fn what_a_sleeper_holds_is_owed_to_who_comes() {
        let mut state = owed(0);
        state.hand(PHONE, row(Shape::Original));
        assert_eq!(state.owed_to(DESK, &[]), [7]);
        assert!(state.owed_to(PHONE, &[]).is_empty());
    }

    /// What is not in the archive is nowhere else.
    #[test]
    fn a_hidden_row_stays_for_those_who_wait_with_it() {
        let mut state = owed(HIDDEN);
        state.hand(PHONE, row(Shape::Original));
        state.hand(DESK, row(Shape::Original));
        let settled = state.acked(DESK, &[row(Shape::Original)]);
        assert!(settled.changed && settled.useless.is_empty());
        assert_eq!(state.owed_count(), 0);
        assert!(state.save().owed.is_empty());
        assert_eq!(state.acked(PHONE, &[row(Shape::Original)]).useless, [7]);
    }

    #[test]
    fn a_hidden_row_goes_with_the_last_session_that_waits_with_it() {
        let mut state = owed(HIDDEN);
        state.hand(PHONE, row(Shape::Original));
        state.hand(DESK, row(Shape::CopyOfReceived));
        state.acked(DESK, &[row(Shape::CopyOfReceived)]);
        let (free, settled) = state.release(PHONE);
        assert!(free.is_empty());
        assert_eq!(settled.useless, [7]);
    }
}
