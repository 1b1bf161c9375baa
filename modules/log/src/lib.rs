//! The log of each account and of each room: one row for each message that must not be lost, the archive and what is owed
//! in one.
//!
//! A message is appended once, under the account's arrival lock, before it goes into any mailbox; so the order of the
//! log is the order of the mailboxes. The account is owed the row until one of its clients has acknowledged it: there
//! is no second copy for users who are away. Other modules say what is kept (`mam`, `offline`) and read it (`mam`).
//!
//! Specs: [XEP-0359](https://xmpp.org/extensions/xep-0359.html) for accounts: the id of a row is its stanza-id.
//!
//! On disk the state of a log lags behind: a checkpoint follows soon. After a crash the rows behind
//! the checkpoint are read, and are owed unless they say otherwise. So a message that was acknowledged in that time may
//! come again to a new session, with the same id; none is ever missing.

mod append;
mod checkpoint;
mod command;
mod id;
mod limits;
mod page;
mod retention;
mod state;
mod table;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::error;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{AccountLog, BoxFuture, Logged, Origin, SessionId, Shape};
use waxwing_store::Order;
use waxwing_xmpp::{Timestamp, delay};

pub use id::Ids;
pub use limits::Config;
use limits::LimitsTable;
pub use page::{Entry, Extent, Page, Query};
use retention::Round;
use state::{Settled, State};
use table::{HIDDEN, Inbound, Peers, Rows, States};

/// The logs of one host's accounts.
pub struct Log {
    host: HostRef,
    rows: TableRef<Rows>,
    peers: TableRef<Peers>,
    inbound: TableRef<Inbound>,
    states: TableRef<States>,
    limits: TableRef<LimitsTable>,
    config: Mutex<Config>,
    logs: AccountSlot<Mutex<State>>,
    /// What a session has found in the archive before it became available: it is spared the second copy.
    paged: SessionSlot<Mutex<HashSet<u64>>>,
    ids: Ids,
    /// Logs that wait for a checkpoint.
    changed: Mutex<Vec<AccountRef>>,
    /// How far the look at all logs has come.
    round: Mutex<Round>,
    metrics: Metrics,
}

struct Metrics {
    appended: Counter,
    late: Counter,
    expired: Counter,
    expired_owed: Counter,
    months: Counter,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

impl Module for Log {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("log", "Keeps what must not be lost")
        .specs(&[Spec::xep(359, "0.7.0").partial("for accounts and rooms"), Spec::xep(203, "2.0")])
        // Rooms have archives as well.
        .scope(Scope::Host(HostKind::Any))
        // They say what is kept.
        .after(&["mam", "offline"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let host = Arc::clone(reg.host()?);
        let this = Arc::new(Self {
            rows: reg.table()?,
            peers: reg.table()?,
            inbound: reg.table()?,
            states: reg.table()?,
            limits: reg.table()?,
            config: Mutex::new(config),
            logs: reg.account_slot(),
            paged: reg.session_slot(),
            ids: Ids::new(&host.secret().derive("log.ids"))?,
            changed: Mutex::default(),
            round: Mutex::default(),
            metrics: Metrics {
                appended: reg.counter("appended", "Rows written to the logs of accounts."),
                late: reg.counter("late", "Messages that clients got later than they came."),
                expired: reg.counter("expired", "Rows deleted because they were too old or too many."),
                expired_owed: reg.counter("expired_owed", "Messages that grew too old before a client came."),
                months: reg
                    .counter("months_dropped", "Months of the archive that were given back to the disk."),
            },
            host,
        });
        reg.provide::<dyn AccountLog>(this.clone())?;
        reg.provide::<Self>(this.clone())?;
        for on in [DiscoOn::Host, DiscoOn::Account] {
            reg.feature(on, ns::STANZA_ID);
        }
        for side in [Side::Sent, Side::Received] {
            reg.gate(side, Gate::Rewrite, Kinds::MESSAGE, &this, Self::open);
        }
        reg.step(Side::Sent, Step::Record, Kinds::MESSAGE, &this, |this, event| {
            this.record(event, Side::Sent)
        });
        reg.step(Side::Received, Step::Record, Kinds::MESSAGE, &this, |this, event| {
            this.record(event, Side::Received)
        });
        // Its first presence asks what is owed, and cannot wait for the store.
        reg.notice(NoticeKind::SessionBound, &this, Self::bound);
        reg.task("checkpoint", Every::millis(100), &this, |this| async move { this.checkpoint(false).await });
        reg.task("retention", Every::minutes(1), &this, |this| async move { this.retain().await });
        reg.run("last checkpoint", &this, Self::end);
        this.declare_commands(reg);
        Ok(this)
    }

    fn reload(&self, config: Config) -> Reload {
        *self.config.lock() = config;
        // What is too old or too many by now is found soon.
        *self.round.lock() = Round::default();
        Reload::Applied
    }
}

impl Log {
    /// The state must be there before the arrival lock is taken; and no id of ours comes from elsewhere.
    fn open<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let Some(account) = event.account.clone() else { return Hooked::pass() };
        // XEP-0359 §5, XEP-0203 §5: what only this account's server may say.
        event.stanza.children.retain(|child| !is_own_id(child, account.jid()));
        if !matches!(event.origin, Origin::Server) {
            event.stanza.children.retain(|child| !is_own_delay(child, self.host.domain().as_str()));
        }
        if self.logs.peek(&account).is_some() {
            return Hooked::pass();
        }
        Hooked::wait(async move {
            self.load(&account).await.map_err(store_failed)?;
            Ok(Flow::Continue)
        })
    }

    async fn bound(self: Arc<Self>, notice: Notice) {
        let Notice::SessionBound(session) = notice else { return };
        if let Err(cause) = self.ready(session.account()).await {
            error!(error = %cause, jid = %session.jid(), "A log was not read; what is owed comes to the next session.");
        }
    }

    /// Reads what is known of an account's log, if that was not done before. Whoever brings a session back that was
    /// asleep in another process calls this first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn ready(&self, account: &Account) -> Result<(), StoreError> {
        self.load(account).await.map(drop)
    }

    /// The rows behind `position` that `resource` was to get as messages of its own, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn since(
        &self,
        account: &Account,
        resource: &str,
        position: u64,
    ) -> Result<Vec<u64>, StoreError> {
        let from = table::month(position);
        let mut found = Vec::new();
        let mut last = position.max(self.load(account).await?.lock().low.saturating_sub(1));
        for month in self.rows.store().months().await?.into_iter().filter(|month| *month >= from) {
            loop {
                let span = waxwing_store::Span::all().after(last);
                let page =
                    self.rows.month(month).range(account.number(), span, Order::Forward, SCAN_ROWS).await?;
                last = page.last().map_or(last, |(position, _)| *position);
                let for_it = |(position, row): &(u64, waxwing_store::Raw)| {
                    let (flags, stanza) = table::open(row).filter(|(flags, _)| flags & table::OWED != 0)?;
                    let to = stanza.to.as_ref().and_then(Jid::resource);
                    let whole = flags & table::TOMBSTONE == 0;
                    (whole && to.is_none_or(|to| to == resource)).then_some(*position)
                };
                found.extend(page.iter().filter_map(for_it));
                if page.len() < SCAN_ROWS {
                    break;
                }
            }
        }
        Ok(found)
    }

    fn record(&self, event: &mut Event, side: Side) -> HookResult {
        let Keep { archived, owed } = event.keep;
        if archived || (owed && side == Side::Received) {
            self.append(event, side)?;
        }
        Ok(Flow::Continue)
    }

    /// The state of an account's log, read at the first use.
    pub(crate) async fn load<'a>(&self, account: &'a Account) -> Result<&'a Mutex<State>, StoreError> {
        self.logs.load(account, self.read_state(account.number())).await
    }

    /// The last checkpoint, and what lies behind it.
    async fn read_state(&self, account: AccountNumber) -> Result<Mutex<State>, StoreError> {
        let saved = self.states.get(account, &()).await?;
        let months = self.rows.store().months().await?;
        let from = match &saved {
            Some(saved) => table::month(saved.last),
            // A new account: a checkpoint follows the first row soon.
            None => months.iter().rev().nth(1).copied().unwrap_or_default(),
        };
        let mut state = State::load(saved.unwrap_or_default());
        state.overrides = self.limits.get(account, &()).await?.unwrap_or_default();
        for month in months.into_iter().filter(|month| *month >= from) {
            let rows = self.rows.month(month);
            loop {
                let span = waxwing_store::Span::all().after(state.last);
                let page = rows.range(account, span, Order::Forward, SCAN_ROWS).await?;
                for (position, row) in &page {
                    let (flags, bytes) = table::glance(row);
                    state.add(*position, flags, bytes);
                }
                if page.len() < SCAN_ROWS {
                    break;
                }
            }
        }
        Ok(Mutex::new(state))
    }

    /// How ids look on the wire.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// A stanza-id of the account ([XEP-0359 §3](https://xmpp.org/extensions/xep-0359.html#stanza-id)).
    pub fn stanza_id(&self, account: &Account, position: u64) -> Tree {
        Tree::new(ns::STANZA_ID, "stanza-id")
            .with_attr("by", account.jid().as_str())
            .with_attr("id", self.ids.id(account.number(), position))
    }

    fn state<'a>(&self, account: &'a Account) -> Option<&'a Mutex<State>> {
        self.logs.peek(account)
    }

    /// How many messages the account is owed.
    pub fn owed_count(&self, account: &Account) -> usize {
        self.state(account).map_or(0, |state| state.lock().owed_count())
    }

    /// A session has found these rows in its archive: if it becomes available now, it need not get them again.
    pub fn paged(&self, session: &Session, positions: impl IntoIterator<Item = u64>) {
        if session.priority().is_some_and(|priority| priority >= 0) {
            return;
        }
        if let Some(state) = self.state(session.account()) {
            let state = state.lock();
            let owed = positions.into_iter().filter(|position| state.is_owed(*position));
            self.paged.get(session).lock().extend(owed);
        }
    }

    /// Notes what was settled; rows that are of no use any more go.
    fn settle(&self, account: &Account, settle: impl FnOnce(&mut State) -> Settled) {
        let Some(state) = self.state(account) else { return };
        let mut state = state.lock();
        let settled = settle(&mut state);
        if settled.changed {
            self.note_change(account, &mut state);
        }
        for position in settled.useless {
            // If this fails the row stays until its month goes.
            let rows = self.rows.month(table::month(position));
            drop(rows.delete(account.number(), &position));
        }
    }

    async fn read_rows(&self, session: &Session, rows: &[Logged]) -> Result<Vec<Option<Stanza>>, StoreError> {
        let mut stanzas = Vec::with_capacity(rows.len());
        let low = self.load(session.account()).await?.lock().low;
        let mut bytes = 0;
        for row in rows {
            if bytes > READ_BYTES {
                break;
            }
            if row.position < low {
                stanzas.push(None);
                continue;
            }
            let month = self.rows.month(table::month(row.position));
            let stored = month.get(session.account().number(), &row.position).await?;
            let opened = stored.as_ref().and_then(table::open);
            bytes += opened.as_ref().map_or(0, |(_, stanza)| stanza.children.byte_len());
            stanzas.push(opened.and_then(|(flags, stanza)| self.shaped(session, *row, flags, stanza)));
        }
        Ok(stanzas)
    }

    /// A row as a session gets it.
    fn shaped(&self, session: &Session, row: Logged, flags: u8, mut stanza: Stanza) -> Option<Stanza> {
        let account = session.account();
        if flags & table::TOMBSTONE != 0 {
            return None;
        }
        if flags & HIDDEN == 0 {
            stanza.children.push(self.stanza_id(account, row.position).to_child());
        }
        match row.shape {
            Shape::Original => {
                if row.late {
                    self.metrics.late.inc();
                    let from = self.host.domain().to_jid();
                    let late = delay(&from, table::stamp(row.position), None);
                    stanza.children.push(late.to_child());
                }
                Some(stanza)
            }
            shape => waxwing_xmpp::carbon(shape == Shape::CopyOfSent, &stanza, account.jid(), session.jid()),
        }
    }

    /// The time that a position stands for.
    pub fn stamp(&self, position: u64) -> Timestamp {
        table::stamp(position)
    }
}

impl AccountLog for Log {
    fn read<'a>(
        &'a self,
        session: &'a Session,
        rows: &'a [Logged],
    ) -> BoxFuture<'a, Result<Vec<Option<Stanza>>, StoreError>> {
        Box::pin(self.read_rows(session, rows))
    }

    fn handed(&self, account: &Account, session: SessionId, row: Logged) {
        if let Some(state) = self.state(account) {
            state.lock().hand(session, row);
        }
    }

    fn acked(&self, account: &Account, session: SessionId, rows: &[Logged]) {
        self.settle(account, |state| state.acked(session, rows));
    }

    fn released(&self, account: &Account, session: SessionId) -> Vec<u64> {
        let mut free = Vec::new();
        self.settle(account, |state| {
            let settled;
            (free, settled) = state.release(session);
            settled
        });
        free
    }

    fn owed(&self, account: &Account, session: &Session, sessions: &[SessionRef]) -> Vec<u64> {
        if let Some(paged) = self.paged.peek(session) {
            // XEP-0313 §6.1.1: what it has from the archive it need not get again.
            let paged = std::mem::take(&mut *paged.lock());
            self.settle(account, |state| state.found(paged));
        }
        let Some(state) = self.state(account) else { return Vec::new() };
        state.lock().owed_to(session.id(), sessions)
    }

    fn last(&self, account: &Account) -> u64 {
        self.state(account).map(|state| state.lock().last).unwrap_or_default()
    }
}

/// Whether this is a stanza-id that only the account's own server may give.
fn is_own_id(child: &Child, account: &BareJid) -> bool {
    child.is(ns::STANZA_ID, "stanza-id")
        && child.attribute("by").is_some_and(|by| Jid::parse(&by).is_ok_and(|by| by == *account.as_jid()))
}

/// Whether this says that the host itself has delayed the stanza.
fn is_own_delay(child: &Child, host: &str) -> bool {
    child.is(ns::DELAY, "delay")
        && child
            .attribute("from")
            .is_some_and(|from| Jid::parse(&from).is_ok_and(|from| from.as_str() == host))
}

/// Behind so many bytes no further row is read for one session at once.
const READ_BYTES: usize = 256 << 10;
/// So many rows are read at once.
const SCAN_ROWS: usize = 256;

#[cfg(test)]
mod tests;
