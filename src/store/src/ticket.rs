//! What a batch's submitter holds: a cheap handle on which the two stages can be awaited.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::error::{ApplyError, StoreError};

/// The two stages of a batch: applied, then durable.
///
/// Clones watch the same batch. A ticket may be dropped without effect on its batch.
#[derive(Clone)]
pub struct Ticket(Arc<Stages>);

#[derive(Default)]
struct Stages {
    applied: OnceLock<Result<(), ApplyError>>,
    durable: OnceLock<Result<(), StoreError>>,
    changed: Notify,
}

impl Ticket {
    /// Waits until the batch is applied: its expected values held, and every read from now on sees it.
    ///
    /// Never waits for the disk to be written, at most for values to be read.
    pub async fn applied(&self) -> Result<(), ApplyError> {
        loop {
            // Created before the look, so that a change in between is not missed.
            let changed = self.0.changed.notified();
            if let Some(result) = self.0.applied.get() {
                return result.clone();
            }
            changed.await;
        }
    }

    /// Waits until the batch is on disk and synced, so that it survives a crash of process and machine.
    ///
    /// An error means that it must not be counted on: it was refused, or its write failed.
    pub async fn durable(&self) -> Result<(), StoreError> {
        loop {
            let changed = self.0.changed.notified();
            if let Some(result) = self.0.durable.get() {
                return result.clone();
            }
            changed.await;
        }
    }

    /// Whether the batch is applied already.
    pub fn is_applied(&self) -> bool {
        matches!(self.0.applied.get(), Some(Ok(())))
    }

    /// Whether the batch is durable already.
    pub fn is_durable(&self) -> bool {
        matches!(self.0.durable.get(), Some(Ok(())))
    }

    /// How the batch's write ended, if it did.
    pub fn outcome(&self) -> Option<Result<(), StoreError>> {
        self.0.durable.get().cloned()
    }

    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// A ticket of a batch that is durable from the start.
    pub(crate) fn done() -> Self {
        let ticket = Self::new();
        ticket.set_applied();
        ticket.set_durable();
        ticket
    }

    pub(crate) fn set_applied(&self) {
        self.0.applied.get_or_init(|| Ok(()));
        self.0.changed.notify_waiters();
    }

    pub(crate) fn set_durable(&self) {
        self.0.durable.get_or_init(|| Ok(()));
        self.0.changed.notify_waiters();
    }

    pub(crate) fn refuse(&self) {
        self.0.applied.get_or_init(|| Err(ApplyError::Conflict));
        self.0.durable.get_or_init(|| Err(StoreError::NotApplied));
        self.0.changed.notify_waiters();
    }

    /// Fails whatever stage has not been reached.
    pub(crate) fn fail(&self, error: &StoreError) {
        self.0.applied.get_or_init(|| Err(ApplyError::Store(error.clone())));
        self.0.durable.get_or_init(|| Err(error.clone()));
        self.0.changed.notify_waiters();
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stages { applied, durable, .. } = &*self.0;
        f.debug_struct("Ticket").field("applied", &applied.get()).field("durable", &durable.get()).finish()
    }
}
