//! The thread that reads expected values from the engine, so that `applied()` never waits for a flush.

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{Change, Partition};
use crate::error::StoreError;
use crate::state::{Core, State};

/// The checker's life: until the store closes and no batch waits for a check.
pub(crate) fn run(core: &Arc<Core>) {
    while let Some(work) = next(core) {
        let found = read(core, &work);
        resolve(core, &work, found);
    }
    core.work.notify_all();
}

/// What has to be read for the first batch in line.
struct Work {
    generation: u64,
    partition: Partition,
    expected: Vec<Change>,
}

fn next(core: &Core) -> Option<Work> {
    let mut state = core.lock();
    loop {
        if let Some(entry) = state.pending.front() {
            let (partition, expected) = (entry.batch.partition, entry.batch.expected.clone());
            return Some(Work { generation: state.generation, partition, expected });
        }
        if state.closing {
            return None;
        }
        core.checks.wait(&mut state);
    }
}

/// Reads the expected keys' values. Their batch has locked them: nothing else applies a change to them meanwhile.
fn read(core: &Core, work: &Work) -> Result<Vec<Option<Bytes>>, StoreError> {
    let mut values = Vec::with_capacity(work.expected.len());
    for (key, _) in &work.expected {
        let unwritten = core.lock().unwritten(work.partition, key);
        values.push(match unwritten {
            Some(value) => value,
            None => core.engine_get(work.partition, key)?,
        });
    }
    Ok(values)
}

fn resolve(core: &Core, work: &Work, found: Result<Vec<Option<Bytes>>, StoreError>) {
    let mut state = core.lock();
    if state.generation != work.generation {
        // Applied batches were lost meanwhile; what was read may be what was lost.
        return;
    }
    finish_first(&mut state, work, found);
    drop(state);
    core.work.notify_one();
}

fn finish_first(state: &mut State, work: &Work, found: Result<Vec<Option<Bytes>>, StoreError>) {
    let Some(entry) = state.pop_pending() else {
        return;
    };
    match found {
        Err(error) => entry.ticket.fail(&error),
        Ok(found) => {
            let holds = work.expected.iter().map(|(_, value)| value).eq(&found);
            if holds { state.push(entry) } else { entry.ticket.refuse() }
        }
    }
}
