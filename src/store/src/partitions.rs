//! Which databases exist, which are open, and who may close them.
//!
//! Each partition is a database of its own in a folder of its own. A read holds its slot's lock shared for one
//! engine call; dropping, reopening and closing take it alone. Invariant: nobody asks for a second slot's lock
//! while holding one, except by `try_write`.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tracing::{info, warn};

use crate::batch::{Partition, is_month};
use crate::engine::memory::Memory;
use crate::engine::{Engine, EngineKind};
use crate::error::{EngineError, StoreError};

/// All partitions of one store.
pub(crate) struct Partitions {
    kind: EngineKind,
    dir: PathBuf,
    cache_bytes: u64,
    slots: Mutex<BTreeMap<Partition, Arc<Slot>>>,
}

struct Slot {
    partition: Partition,
    engine: RwLock<Option<Box<dyn Engine>>>,
    /// Why it did not open, and when: trying again for every read would only add to the trouble.
    refused: Mutex<Option<(Instant, StoreError)>>,
}

impl Partitions {
    pub(crate) fn new(kind: EngineKind, dir: PathBuf, cache_bytes: u64) -> Self {
        Self { kind, dir, cache_bytes, slots: Mutex::default() }
    }

    pub(crate) fn kind(&self) -> EngineKind {
        self.kind
    }

    /// Reads from a partition; none if it does not exist.
    pub(crate) fn read<R>(
        &self,
        partition: Partition,
        action: &'static str,
        read: impl FnOnce(&dyn Engine) -> Result<R, EngineError>,
    ) -> Result<Option<R>, StoreError> {
        if partition != Partition::Main && !self.exists(partition) {
            return Ok(None);
        }
        self.with(partition, action, read).map(Some)
    }

    /// Runs `work` on a partition, which is opened, and created, if it has to be.
    pub(crate) fn with<R>(
        &self,
        partition: Partition,
        action: &'static str,
        work: impl FnOnce(&dyn Engine) -> Result<R, EngineError>,
    ) -> Result<R, StoreError> {
        let slot = self.slot(partition);
        // An engine that panics on a sick disk must not take the writer with it, and every ticket.
        let run = |engine: &dyn Engine| {
            caught(|| work(engine)).map_err(|cause| StoreError::engine(action, partition, cause))
        };
        {
            let open = slot.engine.read();
            if let Some(engine) = open.as_deref() {
                return run(engine);
            }
        }
        let mut engine = slot.engine.write();
        let result = match &mut *engine {
            Some(engine) => run(&**engine),
            closed => run(&**closed.insert(self.open_slot(&slot)?)),
        };
        drop(engine);
        self.close_older(&slot);
        result
    }

    /// The months that have a partition, oldest first.
    pub(crate) fn months(&self) -> Result<Vec<u32>, StoreError> {
        if self.kind == EngineKind::Memory {
            let slots: Vec<_> = self.slots.lock().values().cloned().collect();
            let open = slots.iter().filter(|slot| slot.engine.read().is_some());
            return Ok(open.filter_map(|slot| month_of(slot.partition)).collect());
        }
        let list = fs::read_dir(&self.dir).map_err(|e| StoreError::io("list", &self.dir, e))?;
        let names = list.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut months: Vec<u32> = names.filter_map(|name| parse_month(&name)).collect();
        months.sort_unstable();
        Ok(months)
    }

    /// Removes a month with everything in it. Waits for reads that are under way in it.
    pub(crate) fn drop_month(&self, month: u32) -> Result<(), StoreError> {
        let partition = Partition::Month(month);
        let slot = self.slot(partition);
        let mut engine = slot.engine.write();
        *engine = None;
        let path = self.path(partition);
        if self.kind == EngineKind::Memory || !path.exists() {
            return Ok(());
        }
        // Renamed first: a crash halfway must not leave a month with a part of its files.
        let dropped = self.dir.join(format!("{DROPPED}{partition}"));
        remove_folder(&dropped)?;
        fs::rename(&path, &dropped).map_err(|e| StoreError::io("rename", &path, e))?;
        sync_folder(&self.dir)?;
        info!(month, "Month dropped from the archive.");
        remove_folder(&dropped)
    }

    /// Closes a partition's engine after a failed write, so that the next access starts from what is on disk.
    pub(crate) fn forget(&self, partition: Partition) {
        if self.kind != EngineKind::Memory {
            *self.slot(partition).engine.write() = None;
        }
    }

    /// Closes every database.
    pub(crate) fn close(&self) {
        let slots: Vec<_> = self.slots.lock().values().cloned().collect();
        for slot in slots {
            *slot.engine.write() = None;
        }
    }

    /// Removes what a crash left of a month being dropped or a database being created.
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        let list = fs::read_dir(&self.dir).map_err(|e| StoreError::io("list", &self.dir, e))?;
        for entry in list.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(DROPPED) || name.starts_with(NEW) {
                remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }

    fn slot(&self, partition: Partition) -> Arc<Slot> {
        let new = || Arc::new(Slot { partition, engine: RwLock::new(None), refused: Mutex::new(None) });
        self.slots.lock().entry(partition).or_insert_with(new).clone()
    }

    fn exists(&self, partition: Partition) -> bool {
        self.slot(partition).engine.read().is_some()
            || (self.kind != EngineKind::Memory && self.path(partition).exists())
    }

    fn path(&self, partition: Partition) -> PathBuf {
        self.dir.join(partition.to_string())
    }

    fn open_slot(&self, slot: &Slot) -> Result<Box<dyn Engine>, StoreError> {
        let mut refused = slot.refused.lock();
        match &*refused {
            Some((when, error)) if when.elapsed() < OPEN_AGAIN_AFTER => return Err(error.clone()),
            _ => {}
        }
        let opened = self.open(slot.partition);
        *refused = opened.as_ref().err().map(|error| (Instant::now(), error.clone()));
        opened
    }

    fn open(&self, partition: Partition) -> Result<Box<dyn Engine>, StoreError> {
        if self.kind == EngineKind::Memory {
            return Ok(Box::new(Memory::default()));
        }
        let path = self.path(partition);
        let share = if partition == Partition::Main { 2 } else { 8 };
        let open = |path: &Path| {
            caught(|| self.kind.open(path, self.cache_bytes / share)).map_err(|cause| {
                warn!(error = %cause, path = %path.display(), "Database does not open.");
                StoreError::Open { dir: path.to_owned(), root: self.dir.clone(), cause }
            })
        };
        if !path.exists() {
            // Under another name first: neither engine opens what a crash left half-created.
            let new = self.dir.join(format!("{NEW}{partition}"));
            remove_folder(&new)?;
            drop(open(&new)?);
            sync_folder(&new)?;
            fs::rename(&new, &path).map_err(|e| StoreError::io("rename", &new, e))?;
            sync_folder(&self.dir)?;
        }
        open(&path)
    }

    /// Keeps open the newest two months and the one just used; closes any other that nobody is reading.
    fn close_older(&self, used: &Slot) {
        let slots: Vec<_> = self.slots.lock().values().rev().cloned().collect();
        let months = slots.iter().filter(|slot| slot.partition != Partition::Main);
        let open = months.filter(|slot| slot.engine.try_read().is_none_or(|engine| engine.is_some()));
        for slot in open.skip(NEWEST_OPEN) {
            if slot.partition != used.partition
                && self.kind != EngineKind::Memory
                && let Some(mut engine) = slot.engine.try_write()
            {
                *engine = None;
            }
        }
    }
}

fn caught<R>(call: impl FnOnce() -> Result<R, EngineError>) -> Result<R, EngineError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(EngineError::panicked(&*panic)))
}

fn month_of(partition: Partition) -> Option<u32> {
    match partition {
        Partition::Main => None,
        Partition::Month(month) => Some(month),
    }
}

fn parse_month(name: &str) -> Option<u32> {
    name.strip_prefix("month-")?.parse().ok().filter(|month| is_month(*month))
}

fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    fs::File::open(path).and_then(|folder| folder.sync_all()).map_err(|e| StoreError::io("sync", path, e))
}

/// Folders that start so are databases on their way in.
const NEW: &str = "new-";

/// Folders that start so are months on their way out.
const DROPPED: &str = "dropped-";

const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// This month and the last.
const NEWEST_OPEN: usize = 2;
