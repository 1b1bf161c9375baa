//! sled 0.34, with the care it needs.
//!
//! Its `flush()` asks the kernel to write (`sync_file_range`) but never waits for the disk's own cache nor for
//! metadata, and values too large for its log go to files of their own with no sync at all. So [`Engine::sync`]
//! flushes and then syncs the files itself. Batches of a tree are atomic over a crash.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parking_lot::Mutex;
use sled::{Config, Db, Mode};
use tracing::warn;

use crate::batch::{Change, KeyRange, Order};
use crate::engine::{Engine, Visitor};
use crate::error::EngineError;

/// One sled database.
pub(crate) struct Sled {
    db: Db,
    /// sled's log. A second descriptor: an fsync covers the file, whoever wrote to it.
    log: File,
    blob_dir: PathBuf,
    /// Names of the value files already synced; sled writes each once.
    synced_blobs: Mutex<HashSet<OsString>>,
}

impl Sled {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, EngineError> {
        let db = match open_db(path, cache_bytes) {
            Err(first) if remove_half_snapshots(path)? => {
                warn!(error = %first, path = %path.display(), "Trying again without a half-written snapshot.");
                open_db(path, cache_bytes)?
            }
            other => other?,
        };
        let log = File::open(path.join("db"))?;
        Ok(Self { db, log, blob_dir: path.join("blobs"), synced_blobs: Mutex::default() })
    }

    fn sync_blobs(&self) -> Result<(), EngineError> {
        let mut synced = self.synced_blobs.lock();
        let mut new = false;
        let mut present = HashSet::new();
        for entry in fs::read_dir(&self.blob_dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !synced.contains(&name) {
                match File::open(entry.path()) {
                    Ok(file) => file.sync_all()?,
                    // sled removes what it has replaced.
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(error) => return Err(error.into()),
                }
                new = true;
            }
            present.insert(name);
        }
        if new {
            File::open(&self.blob_dir)?.sync_all()?;
        }
        *synced = present;
        Ok(())
    }
}

impl Engine for Sled {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.db.get(key)?.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, range: &KeyRange, order: Order, visit: Visitor<'_>) -> Result<(), EngineError> {
        let mut rows = self.db.range((range.lower.clone(), range.upper.clone()));
        let mut next = || match order {
            Order::Forward => rows.next(),
            Order::Reverse => rows.next_back(),
        };
        while let Some(row) = next() {
            let (key, value) = row?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, changes: &[Change]) -> Result<(), EngineError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key.as_ref(), value.as_ref()),
                None => batch.remove(key.as_ref()),
            }
        }
        Ok(self.db.apply_batch(batch)?)
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.db.flush()?;
        self.sync_blobs()?;
        Ok(self.log.sync_all()?)
    }
}

fn open_db(path: &Path, cache_bytes: u64) -> Result<Db, EngineError> {
    // No timer of sled's: the writer alone decides when to flush.
    let config = Config::default().path(path).cache_capacity(cache_bytes).flush_every_ms(None);
    Ok(config.mode(Mode::HighThroughput).open()?)
}

/// A crash while sled writes a snapshot leaves `snap.….in___motion` or `snap.….generating`, which stop the next open
/// though the log has everything. Says whether there was one.
fn remove_half_snapshots(path: &Path) -> Result<bool, EngineError> {
    let mut removed = false;
    for entry in fs::read_dir(path)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && (name.ends_with(".in___motion") || name.ends_with(".generating")) {
            fs::remove_file(entry.path())?;
            removed = true;
        }
    }
    Ok(removed)
}
