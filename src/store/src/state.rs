//! The store's state: what is applied, what waits for a check, what waits for the disk.
//!
//! Invariants. Batches enter the queue, the overlay and a sequence number together, under the state's lock, so that
//! queue order is the order reads see. While a batch waits for its expected values, the keys it touches are locked:
//! whatever touches one of them waits behind it, everything else passes. No engine is called under the lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::batch::{Batch, Change, KeyRange, Order, Partition};
use crate::engine::EngineKind;
use crate::error::{EngineError, StoreError};
use crate::faults::Faults;
use crate::overlay::{Merge, Overlay};
use crate::partitions::Partitions;
use crate::ticket::Ticket;

/// What the store's handles, its writer and its checker share.
pub(crate) struct Core {
    pub(crate) partitions: Partitions,
    pub(crate) faults: Faults,
    queue_bytes_max: usize,
    /// No threads: a batch is applied and durable when `apply` returns. Only for memory.
    inline: bool,
    state: Mutex<State>,
    /// Wakes the writer.
    pub(crate) work: Condvar,
    /// Wakes the checker.
    pub(crate) checks: Condvar,
    /// Becomes durable when the writer has ended.
    pub(crate) ended: Ticket,
}

#[derive(Default)]
pub(crate) struct State {
    overlays: HashMap<Partition, Overlay>,
    pub(crate) queue: VecDeque<Job>,
    pub(crate) pending: VecDeque<Entry>,
    locked: HashMap<(Partition, Bytes), usize>,
    waiting_bytes: usize,
    /// The limit that was passed, until half of it is written.
    overload: Option<usize>,
    sequence: u64,
    /// Grows when applied batches are lost or a month is dropped: a check begun before must begin again.
    pub(crate) generation: u64,
    pub(crate) closing: bool,
    /// Rows of the store's own books that rows elsewhere rely on.
    essentials: BTreeMap<Bytes, Bytes>,
    /// Some of them may have been lost with a failed write.
    essentials_lost: bool,
}

/// Work for the writer.
pub(crate) enum Job {
    Write(Entry),
    DropMonth(u32, oneshot::Sender<Result<(), StoreError>>),
}

/// A batch on its way.
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) batch: Batch,
    pub(crate) ticket: Ticket,
}

impl Core {
    pub(crate) fn new(partitions: Partitions, faults: Faults, queue_bytes_max: usize, inline: bool) -> Self {
        Self {
            partitions,
            faults,
            queue_bytes_max,
            inline,
            state: Mutex::default(),
            work: Condvar::new(),
            checks: Condvar::new(),
            ended: Ticket::new(),
        }
    }

    pub(crate) fn queue_bytes_max(&self) -> usize {
        self.queue_bytes_max
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn apply(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.submit(batch, self.queue_bytes_max)
    }

    /// For the store's own work, which waits for each batch before it makes the next.
    pub(crate) fn apply_unlimited(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.submit(batch, usize::MAX)
    }

    fn submit(&self, batch: Batch, max: usize) -> Result<Ticket, StoreError> {
        batch.check()?;
        let mut state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        if self.inline {
            return self.apply_inline(&batch);
        }
        if state.waiting_bytes >= max {
            state.tell_overload(max);
            return Err(StoreError::Overloaded { waiting: state.waiting_bytes, max });
        }
        let entry = Entry { sequence: 0, batch, ticket: Ticket::new() };
        let ticket = entry.ticket.clone();
        let check = state.check(&entry.batch);
        match check {
            Check::Holds => state.push(entry),
            Check::Fails => ticket.refuse(),
            Check::Unknown => state.wait(entry),
        }
        // Whoever is woken needs the lock first.
        drop(state);
        match check {
            Check::Holds => self.work.notify_one(),
            Check::Fails => false,
            Check::Unknown => self.checks.notify_one(),
        };
        Ok(ticket)
    }

    /// Registers a row that must be on disk before any row submitted after it; see `State::restore_essentials`.
    pub(crate) fn apply_essential(&self, key: Bytes, value: Bytes) -> Result<Ticket, StoreError> {
        let mut batch = Batch::new(Partition::Main);
        batch.put(key.clone(), value.clone());
        self.lock().essentials.insert(key, value);
        self.apply(batch)
    }

    /// Registers a row of the kind that is on disk already.
    pub(crate) fn remember_essential(&self, key: Bytes, value: Bytes) {
        self.lock().essentials.insert(key, value);
    }

    pub(crate) fn drop_month(
        &self,
        month: u32,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        Partition::Month(month).check()?;
        let (done, wait) = oneshot::channel();
        let mut state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        if self.inline {
            let result = self.partitions.drop_month(month);
            // The receiver stands right here, so sending cannot fail in a way that matters.
            done.send(result).ok();
        } else {
            state.queue.push_back(Job::DropMonth(month, done));
            self.work.notify_one();
        }
        Ok(wait)
    }

    /// What the overlay knows of a key: the outer option is empty if the engine has to be asked.
    pub(crate) fn overlay_get(
        &self,
        partition: Partition,
        key: &[u8],
    ) -> Result<Option<Option<Bytes>>, StoreError> {
        let state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        Ok(state.overlays.get(&partition).and_then(|overlay| overlay.get(key)))
    }

    /// The overlay's part of a page, to be merged with the engine's.
    pub(crate) fn overlay_page(
        &self,
        partition: Partition,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        let state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        Ok(state.overlays.get(&partition).map_or_else(Vec::new, |overlay| overlay.page(range, order, limit)))
    }

    /// The months that have unwritten rows.
    pub(crate) fn overlay_months(&self) -> Result<BTreeSet<u32>, StoreError> {
        let state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        let month = |partition: &Partition| match partition {
            Partition::Main => None,
            Partition::Month(month) => Some(*month),
        };
        Ok(state.overlays.keys().filter_map(month).collect())
    }

    /// Asks the engine. Blocks.
    pub(crate) fn engine_get(&self, partition: Partition, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.partitions.read(partition, "read", |engine| engine.get(key))?;
        Ok(value.flatten())
    }

    /// Completes a page. Blocks.
    pub(crate) fn engine_page(
        &self,
        partition: Partition,
        range: &KeyRange,
        mut merge: Merge,
        order: Order,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.partitions.read(partition, "read a range of", |engine| {
            engine.scan(range, order, &mut |key, value| merge.engine_row(key, value))
        })?;
        Ok(merge.finish())
    }

    /// No more batches are taken; the writer ends when it has written all.
    pub(crate) fn begin_close(&self) {
        let mut state = self.lock();
        state.closing = true;
        if self.inline {
            self.ended.set_durable();
        }
        self.faults.release();
        self.work.notify_all();
        self.checks.notify_all();
    }

    /// The whole life of a batch in one call; the caller holds the state's lock, which orders them.
    fn apply_inline(&self, batch: &Batch) -> Result<Ticket, StoreError> {
        for (key, expected) in &batch.expected {
            if self.engine_get(batch.partition, key)? != *expected {
                let ticket = Ticket::new();
                ticket.refuse();
                return Ok(ticket);
            }
        }
        self.partitions.with(batch.partition, "write", |engine| engine.write(&batch.changes))?;
        Ok(Ticket::done())
    }
}

/// What the overlay alone can say about a batch's expected values.
#[derive(Clone, Copy)]
enum Check {
    Holds,
    Fails,
    Unknown,
}

impl State {
    /// Applies a batch: from here on reads see it.
    pub(crate) fn push(&mut self, mut entry: Entry) {
        self.restore_essentials();
        self.sequence += 1;
        entry.sequence = self.sequence;
        entry.batch.expected = Vec::new();
        self.waiting_bytes += entry.batch.bytes;
        self.overlays.entry(entry.batch.partition).or_default().add(self.sequence, &entry.batch.changes);
        entry.ticket.set_applied();
        self.queue.push_back(Job::Write(entry));
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    fn tell_overload(&mut self, max: usize) {
        if self.overload.replace(max).is_none() {
            error!(waiting = self.waiting_bytes, max, "The disk cannot follow; what comes now is refused.");
        }
    }

    /// Takes the batch that has waited longest for its check.
    pub(crate) fn pop_pending(&mut self) -> Option<Entry> {
        let entry = self.pending.pop_front()?;
        self.waiting_bytes -= entry.batch.bytes;
        for key in touched(&entry.batch) {
            if let Some(count) = self.locked.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.locked.remove(&key);
                }
            }
        }
        Some(entry)
    }

    /// What the overlay knows of an expected key.
    pub(crate) fn unwritten(&self, partition: Partition, key: &[u8]) -> Option<Option<Bytes>> {
        self.overlays.get(&partition)?.get(key)
    }

    /// A batch is in the engine and synced, or given up.
    pub(crate) fn leave(&mut self, entry: &Entry) {
        self.waiting_bytes -= entry.batch.bytes;
        if self.overload.is_some_and(|max| self.waiting_bytes < max / 2) {
            self.overload = None;
            info!(waiting = self.waiting_bytes, "The disk has caught up.");
        }
        let partition = entry.batch.partition;
        if let Some(overlay) = self.overlays.get_mut(&partition) {
            overlay.written(entry.sequence, &entry.batch.changes);
            if overlay.is_empty() {
                self.overlays.remove(&partition);
            }
        }
    }

    /// After a failed write: takes everything back that was applied on top of it and is not written yet.
    ///
    /// Rows elsewhere rely on the store's books in `Main`, so if `Main` fails, everything that waits fails.
    pub(crate) fn take_back(&mut self, failed: Partition) -> Vec<Entry> {
        self.generation += 1;
        self.essentials_lost |= failed == Partition::Main;
        let all = failed == Partition::Main;
        let mut lost = Vec::new();
        for job in std::mem::take(&mut self.queue) {
            match job {
                Job::Write(entry) if all || entry.batch.partition == failed => lost.push(entry),
                kept => self.queue.push_back(kept),
            }
        }
        for entry in &lost {
            self.leave(entry);
        }
        lost
    }

    fn check(&self, batch: &Batch) -> Check {
        let blocked = !self.locked.is_empty() && touched(batch).any(|key| self.locked.contains_key(&key));
        if blocked {
            return Check::Unknown;
        }
        let mut result = Check::Holds;
        for (key, expected) in &batch.expected {
            match self.unwritten(batch.partition, key) {
                Some(found) if found != *expected => return Check::Fails,
                Some(_) => {}
                None => result = Check::Unknown,
            }
        }
        result
    }

    fn wait(&mut self, entry: Entry) {
        self.waiting_bytes += entry.batch.bytes;
        for key in touched(&entry.batch) {
            *self.locked.entry(key).or_default() += 1;
        }
        self.pending.push_back(entry);
    }

    /// Before anything new is applied after a failure, the rows that later rows rely on are written again.
    fn restore_essentials(&mut self) {
        if !self.essentials_lost {
            return;
        }
        self.essentials_lost = false;
        let mut batch = Batch::new(Partition::Main);
        for (key, value) in &self.essentials {
            batch.put(key.clone(), value.clone());
        }
        self.push(Entry { sequence: 0, batch, ticket: Ticket::new() });
    }
}

/// The keys a batch changes or expects something of.
fn touched(batch: &Batch) -> impl Iterator<Item = (Partition, Bytes)> + '_ {
    batch.changes.iter().chain(&batch.expected).map(|(key, _)| (batch.partition, key.clone()))
}

/// A group of batches could not be written.
pub(crate) fn asked_fault(partition: Partition) -> StoreError {
    StoreError::engine("write", partition, EngineError::Asked)
}

impl Core {
    /// Whether reads may run on the caller's thread.
    pub(crate) fn reads_directly(&self) -> bool {
        self.partitions.kind() == EngineKind::Memory
    }
}
