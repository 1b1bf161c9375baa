//! A message comes into the log.

use tracing::error;
use waxwing_core::prelude::*;

use crate::Log;
use crate::state::State;
use crate::table::{self, HIDDEN, OWED, SENT};

impl Log {
    /// Appends the event's stanza to the log of its account, under the arrival lock; the event gets its position, the
    /// stanza its id if the account has received it, the custody the ticket of the write.
    ///
    /// # Errors
    /// `internal-server-error` if the store takes no more: the message is not accepted.
    pub(crate) fn append(&self, event: &mut Event, side: Side) -> Result<(), StanzaError> {
        let account = event.account.clone().ok_or(Condition::InternalServerError)?;
        let flags = match side {
            Side::Sent => SENT,
            Side::Received => {
                let owed = if event.keep.owed { OWED } else { 0 };
                owed | if event.keep.archived { 0 } else { HIDDEN }
            }
        };
        let session = event.origin.session().filter(|_| side == Side::Received);
        let (position, ticket) = self.write(&account, &event.stanza, flags, session)?;
        event.custody.attach(ticket);
        event.logged = Some(position);
        if side == Side::Received && flags & HIDDEN == 0 {
            // XEP-0313 §3.5: only for who may read the archive.
            event.stanza.children.push(self.stanza_id(&account, position).to_child());
        }
        Ok(())
    }

    /// Appends what was said in a room to the room's archive; nobody is owed it. [`Log::ready`] comes before. Returns its
    /// position, and the ticket of the write.
    ///
    /// # Errors
    /// `internal-server-error` if the store takes no more: the message is not accepted.
    pub fn keep(&self, room: &Account, stanza: &Stanza) -> Result<(u64, Ticket), StanzaError> {
        self.write(room, stanza, 0, None)
    }

    /// Writes one row, under the lock of the log's state.
    fn write(
        &self,
        account: &Account,
        stanza: &Stanza,
        flags: u8,
        session: Option<&SessionRef>,
    ) -> Result<(u64, Ticket), StanzaError> {
        let broken = || StanzaError::from(Condition::InternalServerError);
        // The gate has loaded it.
        let state = self.logs.peek(account).ok_or_else(broken)?;
        let mut state = state.lock();
        let position = state.next(self.host.clock().now().0);
        let row = table::row(flags, stanza);
        let (_, bytes) = table::glance(&row);
        let batch = self.batch(account, stanza, position, flags, &row, session);
        let ticket = batch.and_then(|batch| self.rows.store().apply(batch)).map_err(|cause| {
            match cause {
                // The store says so once, not for each.
                StoreError::Overloaded { .. } => {}
                _ => error!(error = %cause, jid = %account.jid(), "A message was not kept; it was refused."),
            }
            broken()
        })?;
        state.add(position, flags, bytes);
        state.written = Some(ticket.clone());
        self.note_change(account, &mut state);
        self.metrics.appended.inc();
        Ok((position, ticket))
    }

    fn batch(
        &self,
        account: &Account,
        stanza: &Stanza,
        position: u64,
        flags: u8,
        row: &waxwing_store::Raw,
        session: Option<&SessionRef>,
    ) -> Result<Batch, StoreError> {
        let month = table::month(position);
        let mut batch = Batch::new(Partition::Month(month));
        self.rows.month(month).put_into(&mut batch, account.number(), &position, row)?;
        let peer = if flags & SENT != 0 { stanza.to.as_ref() } else { stanza.from.as_ref() };
        if let (Some(peer), 0) = (peer, flags & HIDDEN) {
            let key = (table::peer(peer), position);
            self.peers.month(month).put_into(&mut batch, account.number(), &key, &())?;
        }
        // The last row that a stanza of this stream makes: who comes back after a crash learns how far it came.
        if let Some(session) = session
            && let Some((key, count)) = session.note_inbound()
        {
            self.inbound.month(month).put_into(&mut batch, session.account().number(), &key, &count)?;
        }
        Ok(batch)
    }

    /// Writes how many stanzas of a session's stream were handled, where no row of the log tells.
    ///
    /// # Errors
    /// If the store takes no more.
    pub fn note_inbound(&self, session: &Session, handled: u32) -> Result<Ticket, StoreError> {
        let month = self.host.clock().now().month();
        let key = session.stream_key().unwrap_or_default();
        self.inbound.month(month).put(session.account().number(), &key, &handled)
    }

    /// How many stanzas of a stream were on disk; `key` is the stream's name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn inbound(&self, account: &Account, key: u64) -> Result<Option<u32>, StoreError> {
        for month in self.rows.store().months().await?.into_iter().rev().take(2) {
            if let Some(count) = self.inbound.month(month).get(account.number(), &key).await? {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    /// The stream is over for good.
    pub fn forget_inbound(&self, account: &Account, key: u64) {
        let now = self.host.clock().now();
        let before = now.minus(MONTH);
        for month in [now.month(), before.month()] {
            // What stays goes with its month.
            drop(self.inbound.month(month).delete(account.number(), &key));
        }
    }

    pub(crate) fn note_change(&self, account: &Account, state: &mut State) {
        if !std::mem::replace(&mut state.changed, true)
            && let Some(account) = self.host.known(account.jid().local().unwrap_or_default())
        {
            self.changed.lock().push(account);
        }
    }
}

/// So long ago the month before may have begun.
const MONTH: std::time::Duration = std::time::Duration::from_secs(31 * 86_400);
