//! What is applied but not yet in the engine, and how reads merge it with what is.
//!
//! A read copies what it needs from the overlay first and reads the engine afterwards. In this order a row that
//! moves from the overlay into the engine in between is seen twice at worst, never missed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bytes::Bytes;

use crate::batch::{Change, KeyRange, Order};

/// The unwritten changes of one partition.
#[derive(Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<Bytes, Unwritten>,
}

struct Unwritten {
    /// The batch that made this change.
    sequence: u64,
    value: Option<Bytes>,
}

impl Overlay {
    pub(crate) fn add(&mut self, sequence: u64, changes: &[Change]) {
        for (key, value) in changes {
            self.rows.insert(key.clone(), Unwritten { sequence, value: value.clone() });
        }
    }

    /// Forgets a batch's changes, except those a later batch has replaced.
    pub(crate) fn written(&mut self, sequence: u64, changes: &[Change]) {
        for (key, _) in changes {
            if self.rows.get(key).is_some_and(|row| row.sequence <= sequence) {
                self.rows.remove(key);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// `None`: the overlay knows nothing of the key. `Some(None)`: the key is deleted.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.rows.get(key).map(|row| row.value.clone())
    }

    /// The part of the range that a page of `limit` rows can need: no more than `limit` living rows.
    pub(crate) fn page(&self, range: &KeyRange, order: Order, limit: usize) -> Vec<Change> {
        let rows = self.rows.range((range.lower.clone(), range.upper.clone()));
        match order {
            Order::Forward => take_living(rows, limit),
            Order::Reverse => take_living(rows.rev(), limit),
        }
    }
}

fn take_living<'a>(rows: impl Iterator<Item = (&'a Bytes, &'a Unwritten)>, limit: usize) -> Vec<Change> {
    let mut living = 0;
    rows.take_while(|(_, row)| {
        let more = living < limit;
        living += usize::from(row.value.is_some());
        more
    })
    .map(|(key, row)| (key.clone(), row.value.clone()))
    .collect()
}

/// Merges an overlay's page with the rows of the engine as they come.
pub(crate) struct Merge {
    unwritten: std::iter::Peekable<std::vec::IntoIter<Change>>,
    order: Order,
    limit: usize,
    rows: Vec<(Bytes, Bytes)>,
}

impl Merge {
    pub(crate) fn new(unwritten: Vec<Change>, order: Order, limit: usize) -> Self {
        Self { unwritten: unwritten.into_iter().peekable(), order, limit, rows: Vec::new() }
    }

    /// Takes the engine's next row; breaks when the page is full.
    pub(crate) fn engine_row(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        while let Some((unwritten, value)) = self.unwritten.next_if(|(next, _)| self.order.first(next, key)) {
            self.push(unwritten, value);
        }
        match self.unwritten.next_if(|(next, _)| next == key) {
            Some((same, unwritten)) => self.push(same, unwritten),
            None => self.push_copy(key, value),
        }
        if self.rows.len() < self.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// The page, once the engine has no more rows or `engine_row` has broken off.
    pub(crate) fn finish(mut self) -> Vec<(Bytes, Bytes)> {
        while let Some((key, value)) = self.unwritten.next() {
            self.push(key, value);
        }
        self.rows
    }

    fn push(&mut self, key: Bytes, value: Option<Bytes>) {
        if let Some(value) = value
            && self.rows.len() < self.limit
        {
            self.rows.push((key, value));
        }
    }

    fn push_copy(&mut self, key: &[u8], value: &[u8]) {
        if self.rows.len() < self.limit {
            self.rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        }
    }
}

impl Order {
    /// Whether `a` comes before `b` in this order.
    fn first(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            Self::Forward => a < b,
            Self::Reverse => a > b,
        }
    }
}
