//! Which table has which number in keys.
//!
//! A table's number is given once and never changes, so keys stay short and a renamed module keeps nothing of
//! another's rows.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::batch::{KeyRange, Order, Partition};
use crate::error::StoreError;
use crate::store::Store;
use crate::table::TAG_BOOKS;
use crate::value;

/// The tables of a store, in memory and, row by row, in `Main`.
#[derive(Default)]
pub(crate) struct Catalog {
    tables: Mutex<HashMap<String, Registered>>,
    /// How those that are in use read a row, by name.
    readers: Mutex<BTreeMap<&'static str, ReadRow>>,
}

/// Reads a row of a table, its key without what names owner and table, and says whether it can be read.
pub type ReadRow = fn(key: &[u8], row: &[u8]) -> Result<(), StoreError>;

#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Registered {
    id: u32,
    version: u16,
}

impl Catalog {
    /// Reads the catalog of a store just opened or imported.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let rows =
            store.range(&Partition::Main, KeyRange::prefix(PREFIX), Order::Forward, usize::MAX).await?;
        let mut tables = HashMap::new();
        for (key, row) in rows {
            let name = key.get(PREFIX.len()..).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or(StoreError::Damaged("catalog of tables"))?;
            let registered = value::open(&row).and_then(|(_, row)| value::decode(row));
            let registered = registered.map_err(|_| StoreError::Damaged("catalog of tables"))?;
            tables.insert(name.to_owned(), registered);
            store.core().remember_essential(key, row);
        }
        *self.tables.lock() = tables;
        Ok(())
    }

    /// The number of a table, given now if it is new.
    pub(crate) fn register(
        &self,
        store: &Store,
        name: &'static str,
        version: u16,
    ) -> Result<u32, StoreError> {
        let mut tables = self.tables.lock();
        let registered = match tables.get(name) {
            Some(known) if known.version > version => {
                return Err(StoreError::NewerTable { table: name, found: known.version, known: version });
            }
            Some(known) if known.version == version => return Ok(known.id),
            Some(known) => Registered { id: known.id, version },
            None => {
                let last = tables.values().map(|table| table.id).max().unwrap_or(0);
                let id = last.checked_add(1).ok_or(StoreError::Damaged("catalog of tables"))?;
                Registered { id, version }
            }
        };
        let row = value::encode(1, &registered).map_err(|_| StoreError::Damaged("catalog of tables"))?;
        // Need not be awaited: whatever is submitted later is written later, and `Main` before the months.
        store.core().apply_essential(Bytes::from([PREFIX, name.as_bytes()].concat()), row)?;
        tables.insert(name.to_owned(), registered);
        Ok(registered.id)
    }

    /// Notes how a table reads its rows.
    pub(crate) fn reads(&self, name: &'static str, read: ReadRow) {
        self.readers.lock().insert(name, read);
    }

    /// The tables in use.
    pub(crate) fn readers(&self) -> Vec<(&'static str, ReadRow)> {
        self.readers.lock().iter().map(|(name, read)| (*name, *read)).collect()
    }

    /// The name of the table with this number.
    pub(crate) fn name(&self, id: u32) -> Option<String> {
        let tables = self.tables.lock();
        tables.iter().find(|(_, table)| table.id == id).map(|(name, _)| name.clone())
    }
}

const PREFIX: &[u8] = &[TAG_BOOKS, b't'];
