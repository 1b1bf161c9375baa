//! Verifiers of new passwords: slow on purpose, so never on the async workers and only a few at a time.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::Semaphore;
use waxwing_stream::Secret;
use waxwing_stream::sasl::{ScramHash, ScramKeys, prepare};

use crate::AccountError;

/// Makes verifiers.
#[derive(Debug)]
pub(crate) struct Deriver {
    turns: Arc<Semaphore>,
    iterations: NonZeroU32,
    password_bytes_max: usize,
}

impl Deriver {
    pub(crate) fn new(at_once: usize, iterations: NonZeroU32, password_bytes_max: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once.max(1))), iterations, password_bytes_max }
    }

    /// The prepared password (RFC 5802 §2.2 wants SASLprep).
    pub(crate) fn prepare(&self, password: &str) -> Result<Secret, AccountError> {
        if password.is_empty() {
            return Err(AccountError::BadPassword("it is empty"));
        }
        let prepared = prepare(password)
            .ok_or(AccountError::BadPassword("it has characters that SASLprep (RFC 4013) forbids"))?;
        if prepared.len() > self.password_bytes_max {
            return Err(AccountError::BadPassword("it is too long"));
        }
        Ok(Secret::new(prepared.as_bytes()))
    }

    /// A verifier for each hash.
    pub(crate) async fn derive(&self, password: Secret) -> Result<Vec<ScramKeys>, AccountError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| AccountError::Stopping)?;
        let iterations = self.iterations;
        let work = move || {
            let keys = |hash| ScramKeys::derive(hash, iterations, password.expose());
            let keys: Vec<ScramKeys> = ScramHash::ALL.into_iter().map(keys).collect();
            // Held until here even if nobody waits any more: what is bounded is the work.
            drop(turn);
            keys
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| AccountError::Stopping)
    }
}
