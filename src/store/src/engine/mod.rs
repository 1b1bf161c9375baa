//! What the store asks of an engine: one ordered map per partition, atomic writes, a sync that deserves the name.
//!
//! Everything here blocks and is called only from the writer, the checker and the blocking pool; the memory engine
//! excepted, which never waits for a disk.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::batch::{Change, KeyRange, Order};
use crate::error::EngineError;

mod fjall;
pub(crate) mod memory;
mod sled;

/// One open partition.
pub(crate) trait Engine: Send + Sync {
    /// The value of one key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// Shows the rows of a range (never a void one) in order until the visitor breaks off.
    fn scan(&self, range: &KeyRange, order: Order, visit: Visitor<'_>) -> Result<(), EngineError>;

    /// Writes all changes or, if it fails or the process dies, none. The last change of a key wins.
    fn write(&self, changes: &[Change]) -> Result<(), EngineError>;

    /// Returns when all that was written survives a crash of the machine.
    fn sync(&self) -> Result<(), EngineError>;
}

/// Takes a key and its value.
pub(crate) type Visitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// The engines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// sled 0.34, the default: a B+ tree on a log, all pages cached.
    Sled,
    /// fjall 3: a log-structured merge tree; faster writes and less disk.
    Fjall,
    /// A map in memory, for tests: nothing survives.
    Memory,
}

impl EngineKind {
    /// The name in the configuration and in the format file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
            Self::Memory => "memory",
        }
    }

    /// Opens the database in a folder, which is created if need be.
    pub(crate) fn open(self, path: &Path, cache_bytes: u64) -> Result<Box<dyn Engine>, EngineError> {
        let started = Instant::now();
        loop {
            let opened: Result<Box<dyn Engine>, EngineError> = match self {
                Self::Sled => sled::Sled::open(path, cache_bytes).map(boxed),
                Self::Fjall => fjall::Fjall::open(path, cache_bytes).map(boxed),
                Self::Memory => Ok(boxed(memory::Memory::default())),
            };
            match opened {
                // The engine's own threads may hold the lock for a moment after it was closed.
                Err(error) if error.is_locked() && started.elapsed() < LOCK_WAIT_MAX => {
                    thread::sleep(LOCK_RETRY);
                }
                other => return other,
            }
        }
    }
}

fn boxed(engine: impl Engine + 'static) -> Box<dyn Engine> {
    Box::new(engine)
}

const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(20);

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        let all = [Self::Sled, Self::Fjall, Self::Memory];
        all.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownEngine(name.to_owned()))
    }
}

/// A name that is no engine's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no storage engine; there are \"sled\", \"fjall\" and \"memory\"")]
pub struct UnknownEngine(pub String);
