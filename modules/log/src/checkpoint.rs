//! The state of the logs goes to disk, a little later than their rows.

use std::sync::Arc;

use tracing::warn;
use waxwing_core::{Phase, Shutdown};

use crate::Log;

impl Log {
    /// Writes the state of each log that has changed, once its rows are on disk: a checkpoint never speaks of a row
    /// that a crash may undo. At the end (`wait`) it waits for the rows, and for the checkpoints.
    pub(crate) async fn checkpoint(&self, wait: bool) {
        let changed = std::mem::take(&mut *self.changed.lock());
        let mut tickets = Vec::new();
        for account in changed {
            let Some(state) = self.logs.peek(&account) else { continue };
            let written = state.lock().written.clone();
            if let Some(written) = written
                && !written.is_durable()
            {
                // A row that failed was refused: it counts for nothing, but nor does anything say that it is gone.
                if wait {
                    written.durable().await.ok();
                } else if written.outcome().is_none() {
                    self.changed.lock().push(account);
                    continue;
                }
            }
            let saved = {
                let mut state = state.lock();
                if state.written.as_ref().is_some_and(|written| written.outcome().is_none()) {
                    self.changed.lock().push(Arc::clone(&account));
                    continue;
                }
                state.changed = false;
                state.save()
            };
            // The account may have been removed meanwhile.
            let known = self.host.known(account.jid().local().unwrap_or_default());
            if known.is_none_or(|known| !Arc::ptr_eq(&known, &account)) {
                continue;
            }
            match self.states.put(account.number(), &(), &saved) {
                Ok(ticket) => tickets.push(ticket),
                Err(cause) => {
                    warn!(error = %cause, jid = %account.jid(), "The state of a log was not written.");
                    state.lock().changed = true;
                    self.changed.lock().push(account);
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

    /// When all connections are gone.
    pub(crate) async fn end(self: Arc<Self>, mut shutdown: Shutdown) {
        shutdown.reached(Phase::Stopping).await;
        self.checkpoint(true).await;
    }
}
