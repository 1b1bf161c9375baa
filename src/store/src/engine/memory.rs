//! The engine of tests: a sorted map.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::batch::{Change, KeyRange, Order};
use crate::engine::{Engine, Visitor};
use crate::error::EngineError;

/// Rows in memory; gone when dropped.
#[derive(Default)]
pub(crate) struct Memory {
    rows: RwLock<BTreeMap<Bytes, Bytes>>,
}

impl Engine for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.rows.read().get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, order: Order, visit: Visitor<'_>) -> Result<(), EngineError> {
        let rows = self.rows.read();
        let mut range = rows.range((range.lower.clone(), range.upper.clone()));
        let mut next = || match order {
            Order::Forward => range.next(),
            Order::Reverse => range.next_back(),
        };
        while let Some((key, value)) = next() {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, changes: &[Change]) -> Result<(), EngineError> {
        let mut rows = self.rows.write();
        for (key, value) in changes {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }
}
