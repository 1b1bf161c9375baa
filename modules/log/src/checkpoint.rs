//! The state of the logs goes to disk, a little later than their rows.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::warn;
use waxwing_core::prelude::*;
use waxwing_core::{Phase, Shutdown};

use crate::Log;
use crate::state::State;

impl Log {
    /// Writes the state of each log that has changed, once its rows are on disk: a checkpoint never speaks of a row
    /// that a crash may undo. At the end (`wait`) it waits for the rows, and for the checkpoints.
    pub(crate) async fn checkpoint(&self, wait: bool) {
        let changed = std::mem::take(&mut *self.changed.lock());
        let mut tickets = Vec::new();
        for account in changed {
            let Some(state) = self.logs.peek(&account) else { continue };
            if wait {
                await_rows(state).await;
            }
            let saved = {
                let mut state = state.lock();
                if !(wait || state.is_due()) {
                    self.changed.lock().push(Arc::clone(&account));
                    continue;
                }
                state.changed = false;
                self.save(&account, &mut state)
            };
            match saved {
                Ok(Some(ticket)) => tickets.push(ticket),
                Ok(None) => {}
                Err(cause) => {
                    warn!(error = %cause, jid = %account.jid(), "The state of a log was not written.");
                }
            }
        }
        if wait {
            for ticket in tickets {
                // The store has said so if it failed.
                ticket.durable().await.ok();
            }
        }
    }

    /// Writes the state of one log, under its lock, so that no older one comes behind it. None: its rows are not on disk
    /// yet, or the account is gone. What is not written is tried again.
    pub(crate) fn save(&self, account: &AccountRef, state: &mut State) -> Result<Option<Ticket>, StoreError> {
        // The account may have been removed meanwhile.
        let known = self.host.known(account.jid().local().unwrap_or_default());
        if known.is_none_or(|known| !Arc::ptr_eq(&known, account)) {
            return Ok(None);
        }
        let (ticket, current) = match state.settled() {
            Some((saved, current)) => (self.states.put(account.number(), &(), &saved).map(Some), current),
            None => (Ok(None), false),
        };
        let done = current && matches!(ticket, Ok(Some(_)));
        if !done && !std::mem::replace(&mut state.changed, true) {
            self.changed.lock().push(Arc::clone(account));
        }
        ticket
    }

    /// As [`Log::save`] of the state as it is now or later, and waits for rows and state. False: it could not be written.
    pub(crate) async fn save_durably(
        &self,
        account: &AccountRef,
        state: &Mutex<State>,
    ) -> Result<bool, StoreError> {
        state.lock().forget_waiting();
        for _ in 0..SAVE_TRIES {
            let ticket = self.save(account, &mut state.lock())?;
            if let Some(ticket) = ticket {
                ticket.durable().await?;
                return Ok(true);
            }
            await_rows(state).await;
        }
        Ok(false)
    }

    /// When all connections are gone.
    pub(crate) async fn end(self: Arc<Self>, mut shutdown: Shutdown) {
        shutdown.reached(Phase::Stopping).await;
        self.checkpoint(true).await;
    }
}

/// Waits until the last row is on disk, or refused.
async fn await_rows(state: &Mutex<State>) {
    let written = state.lock().written.clone();
    if let Some(written) = written {
        // A row that failed was refused: it counts for nothing, but nor does anything say that it is gone.
        written.durable().await.ok();
    }
}

/// In a log that grows faster than the disk can follow, later.
const SAVE_TRIES: usize = 4;
