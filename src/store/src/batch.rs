//! The words of the contract: partitions, batches of changes, ranges of keys.

use std::fmt;
use std::ops::Bound;

use bytes::Bytes;

use crate::error::StoreError;

/// A part of the store that a batch is atomic within.
///
/// What must change together lives together. `Main` holds everything but the archive; the archive has one
/// partition per month, so that expiry can drop a month and give its disk space back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// Everything that is not archive.
    Main,
    /// One month of the archive as `yyyymm`, for example `202611`.
    Month(u32),
}

impl Partition {
    /// Refuses months that do not exist.
    pub(crate) fn check(self) -> Result<Self, StoreError> {
        match self {
            Self::Month(month) if !is_month(month) => Err(StoreError::BadMonth(month)),
            other => Ok(other),
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => f.write_str("main"),
            Self::Month(month) => write!(f, "month-{month:06}"),
        }
    }
}

/// Whether `month` is a `yyyymm` between the years 1970 and 9999.
pub(crate) fn is_month(month: u32) -> bool {
    (197_001..=999_912).contains(&month) && (1..=12).contains(&(month % 100))
}

/// Changes that are applied together or not at all.
///
/// Raw keys that begin with 0x01, 0x10, 0x20 or 0x30 belong to the store's books and to tables; leave them alone.
/// Within one batch the last change of a key wins. Expected values are compared before any change of the same
/// batch.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(crate) partition: Partition,
    pub(crate) changes: Vec<Change>,
    pub(crate) expected: Vec<Change>,
    pub(crate) bytes: usize,
}

/// A key and what becomes (or is expected) of it; no value means that the key is absent.
pub(crate) type Change = (Bytes, Option<Bytes>);

impl Batch {
    /// An empty batch for one partition.
    pub fn new(partition: Partition) -> Self {
        Self { partition, changes: Vec::new(), expected: Vec::new(), bytes: OVERHEAD }
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.change(key.into(), Some(value.into()))
    }

    /// Removes `key`; it is no error if it is absent.
    pub fn delete(&mut self, key: impl Into<Bytes>) -> &mut Self {
        self.change(key.into(), None)
    }

    /// Makes the whole batch depend on `key` having `value` now, or being absent for `None`.
    pub fn expect(&mut self, key: impl Into<Bytes>, value: Option<impl Into<Bytes>>) -> &mut Self {
        let row = (key.into(), value.map(Into::into));
        self.bytes += size(&row);
        self.expected.push(row);
        self
    }

    /// The partition the batch was made for.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// How many changes the batch holds.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether the batch changes nothing (it may still expect something).
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Refuses what some engine could not hold.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.partition.check()?;
        for (key, value) in self.changes.iter().chain(&self.expected) {
            check_size("key", key.len(), 1, KEY_BYTES_MAX)?;
            check_size("value", value.as_ref().map_or(0, Bytes::len), 0, VALUE_BYTES_MAX)?;
        }
        Ok(())
    }

    fn change(&mut self, key: Bytes, value: Option<Bytes>) -> &mut Self {
        let row = (key, value);
        self.bytes += size(&row);
        self.changes.push(row);
        self
    }
}

fn size((key, value): &Change) -> usize {
    key.len() + value.as_ref().map_or(0, Bytes::len) + OVERHEAD
}

fn check_size(what: &'static str, bytes: usize, min: usize, max: usize) -> Result<(), StoreError> {
    if (min..=max).contains(&bytes) { Ok(()) } else { Err(StoreError::BadSize { what, bytes, min, max }) }
}

/// Longest key; a full JID has at most 3,071 bytes.
pub const KEY_BYTES_MAX: usize = 16 << 10;

/// Longest value.
pub const VALUE_BYTES_MAX: usize = 16 << 20;

/// Roughly what a row or a batch costs in memory besides its bytes.
const OVERHEAD: usize = 64;

/// Which end of a range comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest key first.
    #[default]
    Forward,
    /// Largest key first.
    Reverse,
}

/// A range of raw keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    pub(crate) lower: Bound<Bytes>,
    pub(crate) upper: Bound<Bytes>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self { lower: Bound::Unbounded, upper: Bound::Unbounded }
    }

    /// Keys between two bounds.
    pub fn between(lower: Bound<Bytes>, upper: Bound<Bytes>) -> Self {
        Self { lower, upper }
    }

    /// Keys that start with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let upper = after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        Self { lower: Bound::Included(Bytes::copy_from_slice(prefix)), upper }
    }

    /// The same range without `key` and everything before it: the next page of a forward read.
    #[must_use]
    pub fn after(mut self, key: impl Into<Bytes>) -> Self {
        self.lower = Bound::Excluded(key.into());
        self
    }

    /// The same range without `key` and everything behind it: the next page of a reverse read.
    #[must_use]
    pub fn before(mut self, key: impl Into<Bytes>) -> Self {
        self.upper = Bound::Excluded(key.into());
        self
    }

    /// Whether no key can lie in the range; engines and maps may refuse or panic on such bounds.
    pub(crate) fn is_void(&self) -> bool {
        use Bound::{Excluded, Included, Unbounded};
        match (&self.lower, &self.upper) {
            (Unbounded, _) | (_, Unbounded) => false,
            (Included(low), Included(high)) => low > high,
            (Included(low) | Excluded(low), Excluded(high)) | (Excluded(low), Included(high)) => low >= high,
        }
    }
}

/// The smallest key larger than every key with this prefix; none if the prefix is all 0xff.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let keep = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut next = prefix.get(..=keep)?.to_vec();
    let last = next.last_mut()?;
    *last += 1;
    Some(next.into())
}
