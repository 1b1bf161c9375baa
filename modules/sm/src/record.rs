//! Records of sessions, and when they are written.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::warn;
use waxwing_core::prelude::*;
use waxwing_core::{Phase, Resumption, SavedSession, Shutdown};
use waxwing_store::Scope as TableScope;

use crate::{Sm, Stream};

/// By the id that the client has.
#[derive(Debug)]
pub(crate) struct Records;

impl Table for Records {
    const NAME: &'static str = "sm.records";
    const VERSION: u16 = 1;
    const SCOPE: TableScope = TableScope::Host;
    type Key = String;
    type Value = Record;
}

/// Whose record is stale: something was written to the client since.
#[derive(Debug)]
pub(crate) struct Stale;

impl Table for Stale {
    const NAME: &'static str = "sm.stale";
    const VERSION: u16 = 1;
    const SCOPE: TableScope = TableScope::Host;
    type Key = String;
    type Value = ();
}

/// One row of [`Records`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) session: SavedSession,
    /// How long the session waits for its client, in seconds.
    pub(crate) max: u64,
}

impl Resumption for Sm {
    fn changed(&self, session: &SessionRef, stale: bool) {
        let Some(stream) = self.stream(session) else { return };
        // Held until the mark is given to the store: it must not come after the next record.
        let mut recorded = stream.recorded.lock();
        if stale && std::mem::replace(&mut *recorded, false) {
            // If this fails the store is broken, and what is written now may be missing after a crash.
            if let Err(cause) = self.stale.put(self.host.number(), &stream.id, &()) {
                warn!(error = %cause, jid = %session.jid(), "The record of a session could not be marked as stale.");
            }
        }
        drop(recorded);
        self.changed.lock().push(Arc::clone(session));
        self.wake.notify_one();
    }
}

impl Sm {
    /// Writes records of sessions that have been quiet for a moment; at the end, of all.
    pub(crate) async fn keep_records(self: Arc<Self>, mut shutdown: Shutdown) {
        let mut quiet: Vec<SessionRef> = Vec::new();
        loop {
            tokio::select! {
                () = shutdown.reached(Phase::Stopping) => break,
                () = self.wake.notified(), if quiet.is_empty() => {}
                () = tokio::time::sleep(QUIET), if !quiet.is_empty() => {}
            }
            let changed = std::mem::take(&mut *self.changed.lock());
            for session in std::mem::take(&mut quiet) {
                // Who has changed again is among the others.
                if !session.is_touched()
                    && let Some(stream) = self.stream(&session)
                {
                    self.write_record(&stream);
                }
            }
            changed.iter().for_each(|session| session.untouched());
            quiet = changed;
        }
        self.write_all().await;
    }

    /// The last records: when the connections are gone.
    async fn write_all(&self) {
        let streams: Vec<Arc<Stream>> = self.by_id.lock().values().cloned().collect();
        let mut last = None;
        for stream in streams {
            last = self.write_record(&stream).or(last);
        }
        if let Some(ticket) = last
            && let Err(cause) = ticket.durable().await
        {
            warn!(error = %cause, "Sessions were not kept for the next start.");
        }
    }

    pub(crate) fn write_record(&self, stream: &Stream) -> Option<Ticket> {
        stream.session.untouched();
        stream.session.account().arrive(|_| self.write_record_now(stream))
    }

    /// Under the account's arrival lock.
    fn write_record_now(&self, stream: &Stream) -> Option<Ticket> {
        let mut recorded = stream.recorded.lock();
        if !self.by_id.lock().contains_key(&stream.id) {
            // It has ended, and its record was deleted or is about to be.
            return None;
        }
        let record = Record { session: stream.session.save(), max: stream.max.as_secs() };
        let mut batch = Batch::new(Partition::Main);
        let host = self.host.number();
        let filled = self
            .records
            .put_into(&mut batch, host, &stream.id, &record)
            .and_then(|()| self.stale.delete_from(&mut batch, host, &stream.id));
        match filled.and_then(|()| self.host.store().apply(batch)) {
            Ok(ticket) => {
                *recorded = true;
                Some(ticket)
            }
            Err(cause) => {
                warn!(error = %cause, jid = %stream.session.jid(), "A session was not recorded.");
                None
            }
        }
    }

    pub(crate) fn forget_record(&self, stream: &Stream) {
        let mut recorded = stream.recorded.lock();
        *recorded = false;
        self.delete_record(&stream.id);
    }

    pub(crate) fn delete_record(&self, id: &str) {
        let (id, host) = (id.to_owned(), self.host.number());
        // What stays is found at the next start.
        drop(self.records.delete(host, &id));
        drop(self.stale.delete(host, &id));
    }
}

/// A session that has not changed for so long is recorded.
const QUIET: Duration = Duration::from_millis(50);
