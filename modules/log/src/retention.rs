//! The oldest messages go: those that are too old, then those that are too many.
//!
//! [XEP-0313 §3.2](https://xmpp.org/extensions/xep-0313.html#archives_deletion): only the oldest, and no holes. A
//! low-water mark goes up first; from then on nobody sees what lies before it. When the mark is on disk, the rows are
//! deleted. So a crash in between leaves rows behind that nobody sees; they go at the next look.
//!
//! What the account is owed stays until it is too old, however much there is, and all that came after it.

use std::sync::Arc;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};
use waxwing_core::prelude::*;
use waxwing_store::{KeyRange, Kind as NameKind, Order, Raw, Span};
use waxwing_xmpp::Timestamp;

use crate::Log;
use crate::limits::Limits;
use crate::state::State;
use crate::table::{self, HIDDEN, OWED, SENT};

/// A look at all logs of the host, a part at a time.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The account that was looked at last; none between two rounds.
    after: Option<String>,
    /// When the next round begins.
    due: Timestamp,
}

/// What one look may delete.
#[derive(Debug)]
struct Turn {
    rows: usize,
}

/// What became of one log.
#[derive(Debug, Clone, Copy)]
struct Trimmed {
    rows: usize,
    /// There may be more.
    more: bool,
}

impl Log {
    /// Deletes what is too old or too many: in logs that are in use, and of all others in those whose turn it is.
    pub(crate) async fn retain(&self) {
        self.trim_used().await;
        match self.go_round().await {
            Ok(true) => self.drop_months().await,
            Ok(false) => {}
            Err(cause) => {
                warn!(error = %cause, "Old messages were not looked for; the next try is in a minute.")
            }
        }
    }

    async fn trim_used(&self) {
        let is_over = |account: &AccountRef| {
            self.logs.peek(account).is_some_and(|state| {
                let state = state.lock();
                Limits::new(&self.config.lock(), &state.overrides).exceeded(state.rows, state.bytes)
            })
        };
        let over = self.host.accounts_in_use().into_iter().filter(is_over).collect();
        self.trim_all(over, &mut Turn { rows: ROWS_A_TURN }).await;
    }

    /// Looks at the next accounts. True: a round has ended.
    async fn go_round(&self) -> Result<bool, StoreError> {
        let now = self.host.clock().now();
        let begins = {
            let round = self.round.lock();
            round.after.is_some() || round.due <= now
        };
        if !begins {
            return Ok(false);
        }
        let (mut looked, mut turn) = (0, Turn { rows: ROWS_A_TURN });
        while looked < ACCOUNTS_A_TURN {
            let after = self.round.lock().after.clone();
            let numbers = self.rows.store().numbers();
            // A service has rooms instead of accounts.
            let kind = match self.host.kind() {
                HostKind::Service => NameKind::Room,
                HostKind::Accounts | HostKind::Any => NameKind::Account,
            };
            let page = numbers.list(kind, "", after.as_deref(), ACCOUNTS_READ).await?;
            let Some((last, _)) = page.last().cloned() else {
                *self.round.lock() = Round { after: None, due: now.plus(BETWEEN_ROUNDS) };
                return Ok(true);
            };
            looked += page.len();
            let mut due = Vec::new();
            for (name, number) in page {
                due.extend(self.find_due(&name, number.account(), now).await?);
            }
            if !self.trim_all(due, &mut turn).await {
                // The next turn looks at these once more.
                return Ok(false);
            }
            self.round.lock().after = Some(last);
        }
        Ok(false)
    }

    /// The account of this name, if it is this host's and has rows that may have to go.
    async fn find_due(
        &self,
        name: &str,
        number: AccountNumber,
        now: Timestamp,
    ) -> Result<Option<AccountRef>, StoreError> {
        let jid = BareJid::parse(name).ok().filter(|jid| jid.domain() == self.host.domain().as_str());
        match jid {
            Some(jid) if self.is_due(number, now).await? => {
                self.host.account(jid.local().unwrap_or_default()).await
            }
            _ => Ok(None),
        }
    }

    /// Deletes a portion of each log in turn, so that a long one does not keep the others waiting, until nothing has to
    /// go. Some wait for the disk together. False: there is more than this turn may delete.
    async fn trim_all(&self, mut over: Vec<AccountRef>, turn: &mut Turn) -> bool {
        while !over.is_empty() && turn.rows > 0 {
            let mut unfinished = Vec::new();
            for group in over.chunks(GROUP) {
                if turn.rows == 0 {
                    unfinished.extend_from_slice(group);
                    continue;
                }
                let began = Instant::now();
                let max = (PORTION_ROWS / group.len()).max(BATCH_ROWS);
                let all = join_all(group.iter().map(|account| self.trim(account, max))).await;
                for (account, trimmed) in group.iter().zip(all) {
                    turn.rows = turn.rows.saturating_sub(trimmed.rows);
                    if trimmed.more {
                        unfinished.push(Arc::clone(account));
                    }
                }
                // Whoever wants the disk meanwhile has it half of the time.
                tokio::time::sleep(began.elapsed()).await;
            }
            over = unfinished;
        }
        over.is_empty()
    }

    /// Whether the log of an account, in use or not, has rows that may have to go.
    async fn is_due(&self, account: AccountNumber, now: Timestamp) -> Result<bool, StoreError> {
        // Without a checkpoint there may be rows all the same.
        let saved = self.states.get(account, &()).await?.unwrap_or_default();
        let overrides = self.limits.get(account, &()).await?.unwrap_or_default();
        let limits = Limits::new(&self.config.lock(), &overrides);
        if limits.exceeded(saved.rows, saved.bytes) {
            return Ok(true);
        }
        Ok(!self.oldest(account, 0, cutoff(&limits, now).max(saved.low), 1).await?.is_empty())
    }

    /// The oldest rows between two positions, all of one month.
    async fn oldest(
        &self,
        account: AccountNumber,
        from: u64,
        to: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Raw)>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let (first, last) = (table::month(from), table::month(to - 1));
        for month in
            self.rows.store().months().await?.into_iter().filter(|month| (first..=last).contains(month))
        {
            let span = Span::between(from..to);
            let rows = self.rows.month(month).range(account, span, Order::Forward, limit).await?;
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
        Ok(Vec::new())
    }

    /// Deletes at most `max` rows of one log that are too old or too many.
    async fn trim(&self, account: &AccountRef, max: usize) -> Trimmed {
        self.try_trim(account, max).await.unwrap_or_else(|cause| {
            warn!(error = %cause, jid = %account.jid(), "Old messages of a log were not deleted.");
            Trimmed { rows: 0, more: false }
        })
    }

    async fn try_trim(&self, account: &AccountRef, max: usize) -> Result<Trimmed, StoreError> {
        const NOTHING: Trimmed = Trimmed { rows: 0, more: false };
        let state = self.load(account).await?;
        let changing = Arc::clone(&state.lock().changing);
        let _alone = changing.lock().await;
        // Else the last time came no further than the mark, or a crash came in between.
        let swept = state.lock().swept;
        if swept && !self.raise_mark(account.number(), state, max).await? {
            return Ok(NOTHING);
        }
        if !self.save_durably(account, state).await? {
            return Ok(NOTHING);
        }
        let low = state.lock().low;
        let (rows, all) = self.sweep(account.number(), low, max).await?;
        state.lock().swept = all;
        Ok(Trimmed { rows, more: true })
    }

    /// Raises the low-water mark over at most `max` rows that have to go. False: none has to.
    async fn raise_mark(
        &self,
        account: AccountNumber,
        state: &Mutex<State>,
        max: usize,
    ) -> Result<bool, StoreError> {
        let mut gone = 0;
        while gone < max {
            let low = state.lock().low;
            let rows = self.oldest(account, low, u64::MAX, BATCH_ROWS.min(max - gone)).await?;
            let count = self.expire(state, &rows);
            gone += count;
            if count == 0 || count < rows.len() {
                break;
            }
        }
        if gone > 0 {
            state.lock().swept = false;
        }
        Ok(gone > 0)
    }

    /// Passes over those of the oldest rows that have to go; says how many.
    fn expire(&self, state: &Mutex<State>, rows: &[(u64, Raw)]) -> usize {
        let mut state = state.lock();
        let limits = Limits::new(&self.config.lock(), &state.overrides);
        let cutoff = cutoff(&limits, self.host.clock().now());
        let mut gone = 0;
        for (position, row) in rows {
            let (flags, bytes) = table::glance(row);
            let many = limits.exceeded(state.rows, state.bytes) && !state.is_owed(*position);
            if *position >= cutoff && !many {
                break;
            }
            let owed = state.expire(*position, flags, bytes);
            self.metrics.expired_owed.inc_by(u64::from(owed && flags & OWED != 0));
            self.metrics.expired.inc();
            gone += 1;
        }
        gone
    }

    /// Deletes at most `max` rows of what lies before the mark; says how many, and whether that was all.
    async fn sweep(&self, account: AccountNumber, low: u64, max: usize) -> Result<(usize, bool), StoreError> {
        let (mut from, mut gone, mut last) = (0, 0, None);
        let all = loop {
            let rows = self.oldest(account, from, low, BATCH_ROWS).await?;
            let Some((newest, _)) = rows.last() else { break true };
            if gone + rows.len() > max {
                break false;
            }
            gone += rows.len();
            from = newest + 1;
            last = Some(self.delete(account, &rows)?);
        };
        // The next portion waits for this one: deleting never takes more than its share of the disk.
        if let Some(last) = last {
            last.durable().await?;
        }
        Ok((gone, all))
    }

    /// Deletes rows of one month.
    fn delete(&self, account: AccountNumber, rows: &[(u64, Raw)]) -> Result<Ticket, StoreError> {
        let month = rows.first().map_or(0, |(first, _)| table::month(*first));
        let mut batch = Batch::new(Partition::Month(month));
        for (position, row) in rows {
            self.rows.month(month).delete_from(&mut batch, account, position)?;
            let peer = table::open(row).filter(|(flags, _)| flags & HIDDEN == 0);
            let peer =
                peer.and_then(|(flags, stanza)| if flags & SENT != 0 { stanza.to } else { stanza.from });
            if let Some(peer) = peer {
                self.peers.month(month).delete_from(&mut batch, account, &(table::peer(&peer), *position))?;
            }
        }
        self.rows.store().apply(batch)
    }

    /// Gives months back to the disk in which nothing is left, on whatever host, but counts of streams that nobody
    /// asks for any more.
    async fn drop_months(&self) {
        let now = self.host.clock().now();
        let recent = now.minus(RECENT).month();
        let months = match self.rows.store().months().await {
            Ok(months) => months,
            Err(cause) => return warn!(error = %cause, "The months of the archive were not listed."),
        };
        for month in months.into_iter().filter(|month| *month < recent) {
            let dropped = match self.is_over(month).await {
                Ok(false) => continue,
                Ok(true) => self.rows.store().drop_month(month).await,
                Err(cause) => Err(cause),
            };
            match dropped {
                Ok(()) => {
                    self.metrics.months.inc();
                    info!(month, "A month of the archive was dropped: nothing was left in it.");
                }
                Err(cause) => warn!(error = %cause, month, "An old month of the archive was not dropped."),
            }
        }
    }

    /// Whether nobody needs a month any more. It looks at the rows themselves: other hosts and other modules keep some
    /// there as well.
    async fn is_over(&self, month: u32) -> Result<bool, StoreError> {
        let mut range = KeyRange::all();
        loop {
            let store = self.rows.store();
            let page = store.range(&Partition::Month(month), range, Order::Forward, KEYS_READ).await?;
            if !page.iter().all(|(key, _)| self.inbound.owns(key)) {
                return Ok(false);
            }
            let Some((last, _)) = page.into_iter().last() else { return Ok(true) };
            range = KeyRange::all().after(last);
        }
    }

    /// Without a rest, as far as one turn may go.
    pub(crate) async fn trim_now(&self, account: &AccountRef) {
        for _ in 0..ROWS_A_TURN / PORTION_ROWS {
            if !self.trim(account, PORTION_ROWS).await.more {
                break;
            }
        }
    }

    /// What an administrator sets for one account; it holds at once.
    pub(crate) async fn set_limits(
        self: &Arc<Self>,
        account: &AccountRef,
        keep_for: &str,
        messages_max: &str,
        bytes_max: &str,
    ) -> Result<Limits, CommandError> {
        let state = self.load(account).await?;
        let mut overrides = state.lock().overrides;
        overrides.set(keep_for, messages_max, bytes_max).map_err(CommandError)?;
        self.limits.put(account.number(), &(), &overrides)?.durable().await?;
        state.lock().overrides = overrides;
        self.trim_now(account).await;
        Ok(Limits::new(&self.config.lock(), &overrides))
    }
}

/// Rows before this position are too old.
fn cutoff(limits: &Limits, now: Timestamp) -> u64 {
    let oldest = limits.keep_for.map(|keep_for| now.minus(keep_for).0);
    oldest.and_then(|oldest| u64::try_from(oldest).ok()).unwrap_or_default()
}

/// So many rows are read and deleted at once.
const BATCH_ROWS: usize = 256;
/// So many rows go behind one mark, or the marks of one group; deleting them waits for the disk twice.
pub(crate) const PORTION_ROWS: usize = 16 * BATCH_ROWS;
/// So many logs wait for the disk together.
const GROUP: usize = 16;
/// So many rows a minute, of logs in use and of all others.
const ROWS_A_TURN: usize = 1 << 18;
/// So many accounts are looked at in a minute.
const ACCOUNTS_A_TURN: usize = 5000;
/// So many names are read at once.
const ACCOUNTS_READ: usize = 256;
/// So many keys are read at once.
const KEYS_READ: usize = 256;
/// From the end of one look at all logs to the next.
const BETWEEN_ROUNDS: std::time::Duration = std::time::Duration::from_secs(3600);
/// The month of so long ago may have the counts of streams that go on: two months and some.
const RECENT: std::time::Duration = std::time::Duration::from_secs(62 * 86_400);
