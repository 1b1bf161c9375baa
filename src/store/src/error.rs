//! What can go wrong in the store, in words an operator can act on.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::Partition;
use crate::table::Scope;

/// Why the store could not do what it was asked.
///
/// Clones are cheap: one failed write fails the tickets of many batches with the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// More bytes wait for the disk than `queue_bytes_max` allows; try again later or refuse the work.
    #[error("the store is overloaded: {waiting} bytes wait to be written, the limit is {max}")]
    Overloaded {
        /// Bytes waiting now.
        waiting: usize,
        /// The limit, `StoreOptions::queue_bytes_max`.
        max: usize,
    },
    /// The store was closed, or a part of it stopped.
    #[error("the store is closed")]
    Closed,
    /// `durable()` was asked of a batch whose expected values did not hold.
    #[error("nothing was written: an expected value did not hold")]
    NotApplied,
    /// The engine below failed.
    #[error("the storage engine failed to {action} {place}: {cause}")]
    Engine {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which part of the store.
        place: String,
        /// The engine's own words.
        #[source]
        cause: EngineError,
    },
    /// A database on disk does not open; the text says how to recover.
    #[error(
        "cannot open the database in {}: {cause}\n\
         Make sure that no other process uses it and that the folder is writable and the disk not full. \
         If the database is damaged: stop the server, move the folder {} away and restore the last export \
         with `waxwing store import FILE`.",
        dir.display(), root.display()
    )]
    Open {
        /// The folder of the one database.
        dir: PathBuf,
        /// The folder of the whole store.
        root: PathBuf,
        /// The engine's own words.
        #[source]
        cause: EngineError,
    },
    /// The store was written by a newer release.
    #[error(
        "the store in {} has format {found}, this release knows formats up to {known}. \
         Start the release that wrote it, or a newer one, or restore an export of this release into an empty folder.",
        dir.display()
    )]
    NewerFormat {
        /// The store's folder.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format this release knows.
        known: u32,
    },
    /// The folder holds a store of another engine.
    #[error(
        "the store in {} was made by the engine \"{found}\", the configuration says \"{wanted}\". \
         Set storage.engine = \"{found}\", or move the data: `waxwing store export` with the old engine, \
         `waxwing store import` with the new one into an empty folder.",
        dir.display()
    )]
    OtherEngine {
        /// The store's folder.
        dir: PathBuf,
        /// The engine that made it.
        found: String,
        /// The engine asked for.
        wanted: &'static str,
    },
    /// The file that names format and engine is missing or unreadable although there is data.
    #[error(
        "{} {problem}. If this is a store of waxwing, restore the file from a backup or import the last export; \
         if not, choose another data_dir.",
        path.display()
    )]
    BadFormatFile {
        /// The format file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An import into this store was begun and never ended.
    #[error(
        "an import into this store did not finish, so it is incomplete. Delete its folder and import again."
    )]
    HalfImported,
    /// An import needs an empty store.
    #[error("the store is not empty; import into a new folder")]
    NotEmpty,
    /// An export file is damaged or not an export file.
    #[error("the export is unusable at byte {offset} (block {block}): {problem}")]
    BadExport {
        /// Position of the damaged block in the file.
        offset: u64,
        /// Its number, from 0.
        block: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file of an export or import cannot be read or written.
    #[error("cannot {action} the export file: {cause}")]
    ExportFile {
        /// What was tried, as a verb.
        action: &'static str,
        /// The system's own words.
        #[source]
        cause: Arc<io::Error>,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        #[source]
        cause: Arc<io::Error>,
    },
    /// A key or value is empty or too long for the contract.
    #[error("a {what} of {bytes} bytes does not fit; it may have {min} to {max}")]
    BadSize {
        /// Key or value.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The least allowed.
        min: usize,
        /// The most allowed.
        max: usize,
    },
    /// Not a month of the form yyyymm.
    #[error("{0} is not a month (yyyymm)")]
    BadMonth(u32),
    /// A row of a table cannot be read or written.
    #[error("table {table}: {problem}")]
    Row {
        /// The table's name.
        table: &'static str,
        /// What is wrong with the row.
        #[source]
        problem: RowError,
    },
    /// The table on disk was written by a newer release.
    #[error("table {table} has version {found} on disk, this release knows up to {known}")]
    NewerTable {
        /// The table's name.
        table: &'static str,
        /// The version on disk.
        found: u16,
        /// The newest version this release knows.
        known: u16,
    },
    /// A table was given an owner of another scope.
    #[error("table {table} is of scope {scope:?}, but the owner given is not")]
    WrongOwner {
        /// The table's name.
        table: &'static str,
        /// The table's scope.
        scope: Scope,
    },
    /// Rows of one partition were added to a batch of another.
    #[error("rows of {table} do not belong into a batch of {batch}")]
    WrongPartition {
        /// The table's name.
        table: &'static str,
        /// The batch's partition.
        batch: Partition,
    },
    /// A row of the store's own books (names, numbers, catalog) is unreadable.
    #[error("the store's {0} is damaged")]
    Damaged(&'static str),
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), cause: Arc::new(cause) }
    }

    pub(crate) fn engine(action: &'static str, place: impl ToString, cause: EngineError) -> Self {
        Self::Engine { action, place: place.to_string(), cause }
    }
}

/// Why a batch was not applied.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApplyError {
    /// An expected value did not hold; nothing of the batch was applied. Read again and retry.
    #[error("an expected value did not hold")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ApplyError> for StoreError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Conflict => Self::NotApplied,
            ApplyError::Store(error) => error,
        }
    }
}

/// An engine's own error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// From sled.
    #[error(transparent)]
    Sled(#[from] sled::Error),
    /// From fjall.
    #[error("{0}")]
    Fjall(Arc<fjall::Error>),
    /// From the file system.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// It panicked.
    #[error("it panicked: {0}")]
    Panicked(Arc<str>),
    /// A fault a test asked for.
    #[error("a test asked for this fault")]
    Asked,
}

impl EngineError {
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Panicked(text.unwrap_or("without a message").into())
    }

    /// Whether another process, or a thread about to end, has the database open.
    pub(crate) fn is_locked(&self) -> bool {
        match self {
            Self::Sled(sled::Error::Io(error)) => error.to_string().contains("could not acquire lock"),
            Self::Fjall(error) => matches!(**error, fjall::Error::Locked),
            _ => false,
        }
    }
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<fjall::Error> for EngineError {
    fn from(error: fjall::Error) -> Self {
        Self::Fjall(Arc::new(error))
    }
}

/// Why a row's bytes and its types do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The row ends before its header does.
    #[error("a row is shorter than its header")]
    Short,
    /// The row was written by a version of the table that this release cannot read.
    #[error("a row has version {0}, which this release cannot read")]
    Version(u8),
    /// The row is encrypted with a key this store does not have.
    #[error("a row is encrypted with key {0}, which this store does not have")]
    KeyId(u8),
    /// The value does not decode as its type, or does not encode.
    #[error("a value does not fit its type: {0}")]
    Value(postcard::Error),
    /// The key does not decode as its type.
    #[error("a key does not fit its type")]
    Key,
}
