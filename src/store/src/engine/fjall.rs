//! fjall 3: a journal and sorted tables. Its batches are atomic and its `SyncAll` is an fsync.

use std::path::Path;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::batch::{Change, KeyRange, Order};
use crate::engine::{Engine, Visitor};
use crate::error::EngineError;

/// One fjall database with one keyspace.
pub(crate) struct Fjall {
    rows: Keyspace,
    db: Database,
}

impl Fjall {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, EngineError> {
        let db = Database::builder(path)
            .cache_size(cache_bytes)
            .worker_threads(1)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            // The writer persists each group itself.
            .manual_journal_persist(true)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES_MAX);
        let rows = db.keyspace("rows", options)?;
        Ok(Self { rows, db })
    }
}

impl Engine for Fjall {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.rows.get(key)?.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, range: &KeyRange, order: Order, visit: Visitor<'_>) -> Result<(), EngineError> {
        let mut rows = self.rows.range((range.lower.clone(), range.upper.clone()));
        let mut next = || match order {
            Order::Forward => rows.next(),
            Order::Reverse => rows.next_back(),
        };
        while let Some(row) = next() {
            let (key, value) = row.into_inner()?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, changes: &[Change]) -> Result<(), EngineError> {
        let mut batch = self.db.batch();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(&self.rows, key.as_ref(), value.as_ref()),
                None => batch.remove(&self.rows, key.as_ref()),
            }
        }
        Ok(batch.commit()?)
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }
}

/// Rows kept in memory before they become a table on disk. Up to three databases are open, so less than fjall's own 64.
const MEMTABLE_BYTES_MAX: u64 = 16 << 20;

/// The least fjall allows; more would only lengthen recovery.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;
