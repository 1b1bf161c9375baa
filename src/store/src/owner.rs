//! All rows of one owner, whatever modules they belong to.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::batch::{KeyRange, Order, Partition};
use crate::error::StoreError;
use crate::key::KeyCodec;
use crate::store::Store;
use crate::table::Owner;

/// Reads an owner's rows page by page: `Main` first, then the months, each in key order.
#[derive(Debug)]
pub struct OwnerRows {
    store: Store,
    prefix: Vec<u8>,
    left: VecDeque<(Partition, KeyRange)>,
}

/// One row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerRow {
    /// Where it is stored.
    pub partition: Partition,
    /// The table's name.
    pub table: String,
    /// The key within the table, encoded.
    pub key: Bytes,
    /// The value with its header, encoded.
    pub value: Bytes,
}

impl OwnerRows {
    pub(crate) async fn new(store: &Store, owner: Owner) -> Result<Self, StoreError> {
        let prefix = owner.prefix();
        let months = store.months().await?.into_iter().map(Partition::Month);
        let partitions = std::iter::once(Partition::Main).chain(months);
        let left = partitions.map(|partition| (partition, KeyRange::prefix(&prefix))).collect();
        Ok(Self { store: store.clone(), prefix, left })
    }

    /// The next up to `limit` rows; none are left when the page is empty.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<OwnerRow>, StoreError> {
        while let Some((partition, range)) = self.left.pop_front() {
            let rows = self.store.range(&partition, range.clone(), Order::Forward, limit).await?;
            if let Some((last, _)) = rows.last() {
                self.left.push_front((partition, range.after(last.clone())));
                return rows.into_iter().map(|row| self.row(partition, row)).collect();
            }
        }
        Ok(Vec::new())
    }

    fn row(&self, partition: Partition, (key, value): (Bytes, Bytes)) -> Result<OwnerRow, StoreError> {
        let mut rest = key.get(self.prefix.len()..).unwrap_or_default();
        let table = u32::decode_key(&mut rest).and_then(|id| self.store.catalog().name(id));
        let table = table.ok_or(StoreError::Damaged("catalog of tables"))?;
        Ok(OwnerRow { partition, table, key: key.slice_ref(rest), value })
    }
}
