//! The store's handle: open, apply, read, close.

use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::batch::{Batch, KeyRange, Order, Partition};
use crate::catalog::Catalog;
use crate::engine::EngineKind;
use crate::error::StoreError;
use crate::faults::Faults;
use crate::numbers::{Book, Numbers};
use crate::overlay::Merge;
use crate::owner::OwnerRows;
use crate::partitions::Partitions;
use crate::portable::{self, Copied};
use crate::state::Core;
use crate::table::Owner;
use crate::ticket::Ticket;
use crate::{checker, format, writer};

/// An ordered key-value store with group commit. Clones are handles on the same store.
///
/// When the last handle is dropped, what was applied is still written, but nobody waits for it; call
/// [`close`](Self::close) to be sure.
#[derive(Clone)]
pub struct Store {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
    catalog: Catalog,
    book: Book,
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The engine below. A folder keeps the engine it was made with.
    pub engine: EngineKind,
    /// The store's folder; created if it does not exist. The memory engine ignores it.
    pub dir: PathBuf,
    /// Memory for the engine's caches, in bytes, over all partitions.
    pub cache_bytes: u64,
    /// When so many bytes wait to be written, further batches are refused as overload.
    pub queue_bytes_max: usize,
    /// For tests: trouble on demand.
    pub faults: Faults,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            engine: EngineKind::Sled,
            dir: PathBuf::from("waxwing-data/store"),
            cache_bytes: 64 << 20,
            queue_bytes_max: 64 << 20,
            faults: Faults::default(),
        }
    }
}

impl StoreOptions {
    /// The defaults with another engine and folder.
    pub fn new(engine: EngineKind, dir: impl Into<PathBuf>) -> Self {
        Self { engine, dir: dir.into(), ..Self::default() }
    }
}

impl Store {
    /// Opens a store, creating it if the folder is empty.
    ///
    /// Checks the format, migrates an older one, recovers from a crash, and goes on deleting the rows of accounts
    /// whose deletion a restart interrupted. An error says how to recover.
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let StoreOptions { engine, dir, cache_bytes, queue_bytes_max, faults } = options;
        let prepare = move || {
            let partitions = Partitions::new(engine, dir.clone(), cache_bytes);
            if engine != EngineKind::Memory {
                format::prepare(&dir, &partitions, format::MIGRATIONS)?;
            }
            Ok::<_, StoreError>(Core::new(partitions, faults, queue_bytes_max, false))
        };
        let core = Arc::new(spawn_blocking(prepare).await.map_err(|_| StoreError::Closed)??);
        start_thread("store-writer", &core, writer::run)?;
        start_thread("store-checker", &core, checker::run)?;
        let store = Self::from_core(core);
        store.load().await?;
        store.numbers().resume_deletions().await?;
        Ok(store)
    }

    /// A store in memory for tests: no threads, every batch is applied and durable when `apply` returns.
    ///
    /// [`Store::open`] with [`EngineKind::Memory`] and [`Faults`] gives one whose writes can be held back.
    pub fn memory() -> Self {
        let partitions = Partitions::new(EngineKind::Memory, PathBuf::new(), 0);
        Self::from_core(Arc::new(Core::new(partitions, Faults::default(), usize::MAX, true)))
    }

    /// Submits a batch and returns at once. Batches that touch the same keys take effect in the order of these calls.
    ///
    /// Without expected values a batch is applied on return, except behind a batch of the same keys whose expected
    /// values are still being read. A batch of other keys does pass such a one: await `applied()` before submitting
    /// what relies on it. What is submitted after that is durable no earlier, provided that what it relies on is in
    /// `Main` or in the same partition. Fails with [`StoreError::Overloaded`] while too much waits for the disk.
    pub fn apply(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.handle.core.apply(batch)
    }

    /// Bytes of the batches that wait to be written.
    pub fn waiting_bytes(&self) -> usize {
        self.handle.core.lock().waiting_bytes()
    }

    /// Whether a quarter of what may wait to be written waits. Who can wait lets the next batch wait until its last one
    /// is durable: then nothing has to be refused.
    pub fn is_busy(&self) -> bool {
        self.waiting_bytes() > self.handle.core.queue_bytes_max() / 4
    }

    /// The value of a key, unwritten batches included.
    pub async fn get(&self, partition: &Partition, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let core = &self.handle.core;
        let partition = partition.check()?;
        if let Some(unwritten) = core.overlay_get(partition, key)? {
            return Ok(unwritten);
        }
        if core.reads_directly() {
            return core.engine_get(partition, key);
        }
        let (core, key) = (core.clone(), Bytes::copy_from_slice(key));
        blocking(move || core.engine_get(partition, &key)).await
    }

    /// Up to `limit` rows of a range, unwritten batches included.
    ///
    /// Sees every batch applied before the call; of a batch applied while it runs it may see a part.
    pub async fn range(
        &self,
        partition: &Partition,
        range: KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let core = &self.handle.core;
        let partition = partition.check()?;
        if range.is_void() || limit == 0 {
            return Ok(Vec::new());
        }
        let unwritten = core.overlay_page(partition, &range, order, limit)?;
        let merge = Merge::new(unwritten, order, limit);
        if core.reads_directly() {
            return core.engine_page(partition, &range, merge, order);
        }
        let core = core.clone();
        blocking(move || core.engine_page(partition, &range, merge, order)).await
    }

    /// The months that have rows or a partition to hold them, oldest first.
    pub async fn months(&self) -> Result<Vec<u32>, StoreError> {
        let core = self.handle.core.clone();
        // The overlay first, as in every read: what moves to the engine in between is seen there.
        let mut months = core.overlay_months()?;
        months.extend(match core.reads_directly() {
            true => core.partitions.months()?,
            false => blocking(move || core.partitions.months()).await?,
        });
        Ok(months.into_iter().collect())
    }

    /// Removes a month's partition and gives its disk space back. Batches submitted before go with it.
    pub async fn drop_month(&self, month: u32) -> Result<(), StoreError> {
        self.handle.core.drop_month(month)?.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes all that was applied, syncs it and closes the engine; every later call fails as closed.
    pub async fn close(&self) {
        self.handle.core.begin_close();
        // The writer resolves this without an error, always.
        self.handle.core.ended.durable().await.ok();
    }

    /// The book of names and numbers: accounts, rooms, hosts.
    pub fn numbers(&self) -> Numbers<'_> {
        Numbers::new(self)
    }

    /// All rows of one owner, page by page: to export an account, or to measure it.
    pub async fn owner_rows(&self, owner: impl Into<Owner>) -> Result<OwnerRows, StoreError> {
        OwnerRows::new(self, owner.into()).await
    }

    /// Writes everything in the portable format, which every engine can import; needs little memory.
    ///
    /// Pages are read one after the other: a consistent copy needs a store that nothing else writes to. `out` is
    /// written on the caller's thread.
    pub async fn export(&self, out: impl Write + Send) -> Result<Copied, StoreError> {
        portable::export(self, out).await
    }

    /// Reads an export into this store, which must be new.
    ///
    /// If it fails, because the file is damaged or the disk full, the store refuses to open from then on: delete its
    /// folder and try again. `input` is read on the caller's thread.
    pub async fn import(&self, input: impl Read + Send) -> Result<Copied, StoreError> {
        portable::import(self, input).await
    }

    /// The engine below.
    pub fn engine(&self) -> EngineKind {
        self.handle.core.partitions.kind()
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.handle.catalog
    }

    pub(crate) fn book(&self) -> &Book {
        &self.handle.book
    }

    /// Reads the store's own books into memory.
    pub(crate) async fn load(&self) -> Result<(), StoreError> {
        format::refuse_half_import(self).await?;
        self.catalog().load(self).await?;
        self.book().load(self).await
    }

    fn from_core(core: Arc<Core>) -> Self {
        Self { handle: Arc::new(Handle { core, catalog: Catalog::default(), book: Book::default() }) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.begin_close();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

/// Runs an engine call where it may block.
async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    // The only ways to fail here are a runtime that is shutting down and a panic of the engine.
    spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

fn start_thread(name: &'static str, core: &Arc<Core>, run: fn(&Arc<Core>)) -> Result<(), StoreError> {
    let core = core.clone();
    let thread = thread::Builder::new().name(name.to_owned());
    match thread.spawn(move || run(&core)) {
        Ok(_) => Ok(()),
        Err(error) => Err(StoreError::io("start a thread for", name.as_ref(), error)),
    }
}
