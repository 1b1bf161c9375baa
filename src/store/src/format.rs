//! The version of what is on disk: refuse the newer, migrate the older, know the engine.
//!
//! The file `FORMAT` holds one line, `waxwing-store VERSION ENGINE`. It is written before the first row, and again
//! after a migration; a migration that is interrupted runs again, so each must bear that.

use std::fs;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use tracing::info;

use crate::batch::{Change, KeyRange, Order, Partition};
use crate::error::StoreError;
use crate::partitions::{Partitions, sync_folder};
use crate::store::Store;

/// The format this release writes.
pub(crate) const FORMAT: u32 = 1;

/// Brings a store from one format to the next.
pub(crate) struct Migration {
    /// The format it starts from; it ends with the next.
    pub(crate) from: u32,
    pub(crate) run: fn(&Partitions) -> Result<(), StoreError>,
}

/// Every step from the oldest format this release can read.
pub(crate) const MIGRATIONS: &[Migration] = &[];

/// Makes a folder ready to be opened: created, of this format, of this engine, swept.
pub(crate) fn prepare(
    dir: &Path,
    partitions: &Partitions,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    fs::create_dir_all(dir).map_err(|e| StoreError::io("create", dir, e))?;
    let engine = partitions.kind().name();
    match read(dir)? {
        None => {
            refuse_strangers(dir)?;
            write(dir, FORMAT, engine)?;
        }
        Some((_, found)) if found != engine => {
            return Err(StoreError::OtherEngine { dir: dir.to_owned(), found, wanted: engine });
        }
        Some((version, _)) => migrate(dir, partitions, migrations, version)?,
    }
    partitions.sweep()
}

fn migrate(
    dir: &Path,
    partitions: &Partitions,
    migrations: &[Migration],
    mut version: u32,
) -> Result<(), StoreError> {
    if version > FORMAT {
        return Err(StoreError::NewerFormat { dir: dir.to_owned(), found: version, known: FORMAT });
    }
    while version < FORMAT {
        let Some(step) = migrations.iter().find(|step| step.from == version) else {
            let problem = "names a format that is older than this release can read";
            return Err(StoreError::BadFormatFile { path: dir.join(FILE), problem });
        };
        info!(from = version, to = version + 1, "Store is being migrated.");
        (step.run)(partitions)?;
        version += 1;
        write(dir, version, partitions.kind().name())?;
    }
    Ok(())
}

fn read(dir: &Path) -> Result<Option<(u32, String)>, StoreError> {
    let path = dir.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", &path, error)),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [MAGIC, version, engine] = words[..]
        && let Ok(version) = version.parse()
    {
        return Ok(Some((version, engine.to_owned())));
    }
    Err(StoreError::BadFormatFile { path, problem: "does not name a format and an engine" })
}

/// A folder without a format file must not hold a database.
fn refuse_strangers(dir: &Path) -> Result<(), StoreError> {
    if dir.join("main").exists() {
        return Err(StoreError::BadFormatFile {
            path: dir.join(FILE),
            problem: "is missing beside a database",
        });
    }
    Ok(())
}

fn write(dir: &Path, version: u32, engine: &str) -> Result<(), StoreError> {
    let path = dir.join(FILE);
    let new = dir.join("FORMAT.new");
    let replace = || {
        let mut file = fs::File::create(&new)?;
        writeln!(file, "{MAGIC} {version} {engine}")?;
        file.sync_all()?;
        fs::rename(&new, &path)
    };
    replace().map_err(|e| StoreError::io("write", &path, e))?;
    sync_folder(dir)
}

/// Shows a migration every row and writes what it makes of them, in small batches. Blocks.
///
/// The visitor gives a change or none. As a crash may come between two batches, it must know the rows it has already
/// changed when it meets them again.
#[cfg_attr(not(test), expect(dead_code, reason = "there is no older format yet; the test has one"))]
pub(crate) fn rewrite(partitions: &Partitions, visit: Rewriter<'_>) -> Result<(), StoreError> {
    let months = partitions.months()?.into_iter().map(Partition::Month);
    for partition in std::iter::once(Partition::Main).chain(months) {
        let mut range = KeyRange::all();
        while let Some((last, rows)) = page(partitions, partition, &range)? {
            let changes = rows.iter().filter_map(|(key, value)| visit(key, value).transpose());
            let changes = changes.collect::<Result<Vec<_>, _>>()?;
            partitions.with(partition, "migrate", |engine| engine.write(&changes))?;
            range = range.after(last);
        }
        partitions.with(partition, "sync", |engine| engine.sync())?;
    }
    Ok(())
}

/// Takes a key and its value, gives what to change.
type Rewriter<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<Option<Change>, StoreError>;

type Rows = Vec<(Bytes, Bytes)>;

/// The next rows and the last of their keys.
fn page(
    partitions: &Partitions,
    partition: Partition,
    range: &KeyRange,
) -> Result<Option<(Bytes, Rows)>, StoreError> {
    let rows = partitions.with(partition, "migrate", |engine| {
        let mut rows = Vec::new();
        engine.scan(range, Order::Forward, &mut |key, value| {
            rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            if rows.len() < ROWS_AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    })?;
    Ok(rows.last().map(|(key, _)| key.clone()).map(|last| (last, rows)))
}

const ROWS_AT_ONCE: usize = 256;

/// An interrupted import leaves its mark.
pub(crate) async fn refuse_half_import(store: &Store) -> Result<(), StoreError> {
    match store.get(&Partition::Main, IMPORTING).await? {
        Some(_) => Err(StoreError::HalfImported),
        None => Ok(()),
    }
}

const FILE: &str = "FORMAT";
const MAGIC: &str = "waxwing-store";

/// The row that stands while an import runs.
pub(crate) const IMPORTING: &[u8] = &[crate::table::TAG_BOOKS, b'i'];
