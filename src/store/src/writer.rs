//! The thread that owns all writes, and its group commit.
//!
//! It takes everything that waits, writes it, syncs, resolves the tickets, and looks again: what arrives meanwhile
//! is the next group. There is no timer, so a lone batch is on disk as fast as the disk allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::error;

use crate::batch::{Change, Partition};
use crate::error::StoreError;
use crate::state::{Core, Entry, Job, asked_fault};

/// The writer's life: until the store closes and nothing is left to write.
pub(crate) fn run(core: &Arc<Core>) {
    while let Some(work) = next(core) {
        core.faults.wait();
        match work {
            Work::Group(entries) => write_group(core, entries),
            Work::DropMonth(month, done) => {
                let result = core.partitions.drop_month(month);
                core.lock().generation += 1;
                // Nobody has to wait for the answer.
                done.send(result).ok();
            }
        }
    }
    core.partitions.close();
    core.ended.set_durable();
}

enum Work {
    Group(Vec<Entry>),
    DropMonth(u32, oneshot::Sender<Result<(), StoreError>>),
}

/// Waits for work and takes it; none when the store has closed and everything is written.
fn next(core: &Core) -> Option<Work> {
    let mut state = core.lock();
    while state.queue.is_empty() {
        if state.closing && state.pending.is_empty() {
            return None;
        }
        core.work.wait(&mut state);
    }
    let mut bytes = 0;
    let mut group = Vec::new();
    while let Some(job) = state.queue.pop_front() {
        match job {
            Job::Write(entry) => {
                bytes += entry.batch.bytes;
                group.push(entry);
                if bytes >= GROUP_BYTES_MAX {
                    break;
                }
            }
            Job::DropMonth(month, done) if group.is_empty() => return Some(Work::DropMonth(month, done)),
            // A group never reaches past it: if the group fails, what lies behind must still be in the queue.
            drop_month => {
                state.queue.push_front(drop_month);
                break;
            }
        }
    }
    Some(Work::Group(group))
}

fn write_group(core: &Core, group: Vec<Entry>) {
    // Sorted: Main comes first, because rows in other partitions rely on the store's books in it.
    let mut parts: BTreeMap<Partition, Vec<Entry>> = BTreeMap::new();
    for entry in group {
        parts.entry(entry.batch.partition).or_default().push(entry);
    }
    while let Some((partition, entries)) = parts.pop_first() {
        match write_partition(core, partition, &entries) {
            Ok(()) => finish(core, &entries),
            Err(error) => {
                let rest =
                    if partition == Partition::Main { std::mem::take(&mut parts) } else { BTreeMap::new() };
                fail(core, partition, entries.into_iter().chain(rest.into_values().flatten()), &error);
            }
        }
    }
}

fn write_partition(core: &Core, partition: Partition, entries: &[Entry]) -> Result<(), StoreError> {
    if core.faults.take_failure() {
        return Err(asked_fault(partition));
    }
    for chunk in chunks(entries) {
        core.partitions.with(partition, "write", |engine| engine.write(&chunk))?;
    }
    core.partitions.with(partition, "sync", |engine| engine.sync())
}

/// Whole batches, merged up to the size that suits the engines best. A key occurs once in a chunk.
fn chunks(entries: &[Entry]) -> Vec<Vec<Change>> {
    let mut chunks = Vec::new();
    let mut chunk: BTreeMap<Bytes, Option<Bytes>> = BTreeMap::new();
    for entry in entries {
        if !chunk.is_empty() && chunk.len() + entry.batch.changes.len() > CHUNK_ROWS {
            chunks.push(std::mem::take(&mut chunk).into_iter().collect());
        }
        chunk.extend(entry.batch.changes.iter().cloned());
    }
    if !chunk.is_empty() {
        chunks.push(chunk.into_iter().collect());
    }
    chunks
}

fn finish(core: &Core, entries: &[Entry]) {
    let mut state = core.lock();
    for entry in entries {
        state.leave(entry);
    }
    drop(state);
    for entry in entries {
        entry.ticket.set_durable();
    }
}

/// Fails a group and all that was applied on top of it; reads go back to what is on disk.
fn fail(core: &Core, partition: Partition, group: impl Iterator<Item = Entry>, cause: &StoreError) {
    error!(error = %cause, partition = %partition, "Write failed.");
    // The engine may hold rows in memory that never reached the disk.
    core.partitions.forget(partition);
    let mut lost: Vec<Entry> = group.collect();
    let mut state = core.lock();
    for entry in &lost {
        state.leave(entry);
    }
    lost.extend(state.take_back(partition));
    drop(state);
    for entry in lost {
        entry.ticket.fail(cause);
    }
}

/// Most bytes written between two syncs: bounds how long the first of a group waits for the last.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Rows per engine call; both engines were fastest at about 100.
const CHUNK_ROWS: usize = 128;
