//! The portable format: everything in a store, in key order, checksummed block by block; the backup format too.
//!
//! ```text
//! file  = "waxwing-store-export 1\n" block* end
//! block = kind:u8 length:u32 content checksum:u32     checksum: CRC-32 of kind, length and content
//! kind  = 'p' partition: content is u32, 0 for Main, else yyyymm
//!       | 'r' rows: content is (key length:u32 key value length:u32 value)*
//!       | 'e' end: content is rows:u64 and a CRC-32 of all other blocks' checksums; nothing follows
//! ```
//!
//! Numbers are big-endian. The same rows always give the same bytes, whatever the engine, so exports can be compared.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{Batch, KeyRange, Order, Partition};
use crate::error::StoreError;
use crate::format::IMPORTING;
use crate::key::KeyCodec;
use crate::store::Store;

/// What an export or import moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Copied {
    /// Partitions, `Main` included.
    pub partitions: u32,
    /// Rows.
    pub rows: u64,
}

pub(crate) async fn export(store: &Store, out: impl Write) -> Result<Copied, StoreError> {
    let mut out = BlockWriter { out, checksums: crc32fast::Hasher::new() };
    out.raw(MAGIC)?;
    let mut copied = Copied::default();
    let months = store.months().await?.into_iter().map(Partition::Month);
    for partition in std::iter::once(Partition::Main).chain(months) {
        out.block(PARTITION, &month_of(partition).to_be_bytes())?;
        copied.partitions += 1;
        copied.rows += export_partition(store, partition, &mut out).await?;
    }
    let mut end = copied.rows.to_be_bytes().to_vec();
    end.extend_from_slice(&out.checksums.clone().finalize().to_be_bytes());
    out.block(END, &end)?;
    out.out.flush().map_err(|e| file_error("write", e))?;
    Ok(copied)
}

async fn export_partition<W: Write>(
    store: &Store,
    partition: Partition,
    out: &mut BlockWriter<W>,
) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut range = KeyRange::all();
    let mut content = Vec::new();
    loop {
        let rows = store.range(&partition, range.clone(), Order::Forward, ROWS_READ_AT_ONCE).await?;
        let Some((last, _)) = rows.last() else {
            break;
        };
        range = range.after(last.clone());
        for (key, value) in &rows {
            push_field(&mut content, key);
            push_field(&mut content, value);
            count += 1;
            // Cut by size alone, so that blocks do not depend on how the rows were read.
            if content.len() >= BLOCK_BYTES {
                out.block(ROWS, &content)?;
                content.clear();
            }
        }
    }
    if !content.is_empty() {
        out.block(ROWS, &content)?;
    }
    Ok(count)
}

fn push_field(content: &mut Vec<u8>, field: &[u8]) {
    content.extend_from_slice(&length(field).to_be_bytes());
    content.extend_from_slice(field);
}

/// Keys and values are far shorter than this type's limit, and so are blocks.
fn length(field: &[u8]) -> u32 {
    u32::try_from(field.len()).unwrap_or(u32::MAX)
}

struct BlockWriter<W> {
    out: W,
    checksums: crc32fast::Hasher,
}

impl<W: Write> BlockWriter<W> {
    fn block(&mut self, kind: u8, content: &[u8]) -> Result<(), StoreError> {
        let mut head = vec![kind];
        head.extend_from_slice(&length(content).to_be_bytes());
        let checksum = checksum(&head, content).to_be_bytes();
        self.checksums.update(&checksum);
        self.raw(&head)?;
        self.raw(content)?;
        self.raw(&checksum)
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.out.write_all(bytes).map_err(|e| file_error("write", e))
    }
}

pub(crate) async fn import(store: &Store, input: impl Read) -> Result<Copied, StoreError> {
    let empty = store.range(&Partition::Main, KeyRange::all(), Order::Forward, 1).await?.is_empty();
    if !empty || !store.months().await?.is_empty() {
        return Err(StoreError::NotEmpty);
    }
    let mut input = BlockReader { input, offset: 0, block: 0, checksums: crc32fast::Hasher::new() };
    input.magic()?;
    let mut mark = Batch::new(Partition::Main);
    mark.put(IMPORTING, Bytes::new());
    store.apply(mark)?.durable().await?;
    let copied = import_blocks(store, &mut input).await?;
    let mut done = Batch::new(Partition::Main);
    done.delete(IMPORTING);
    store.apply(done)?.durable().await?;
    store.load().await?;
    Ok(copied)
}

async fn import_blocks<R: Read>(store: &Store, input: &mut BlockReader<R>) -> Result<Copied, StoreError> {
    let mut copied = Copied::default();
    let mut partition = None;
    // One block is written while the next is read.
    let mut last = None;
    loop {
        let checksums = input.checksums.clone().finalize();
        let (kind, content) = input.block()?;
        let mut rest: &[u8] = &content;
        match kind {
            PARTITION => {
                partition = Some(input.partition(rest)?);
                copied.partitions += 1;
            }
            ROWS => {
                let partition = partition.ok_or_else(|| input.bad("rows come before a partition"))?;
                let mut batch = Batch::new(partition);
                while !rest.is_empty() {
                    let row = take_field(&mut rest).zip(take_field(&mut rest));
                    let (key, value) = row.ok_or_else(|| input.bad("a row is cut short"))?;
                    batch.put(content.slice_ref(key), content.slice_ref(value));
                    copied.rows += 1;
                }
                if let Some(ticket) = last.replace(store.apply(batch)?) {
                    ticket.durable().await?;
                }
            }
            END => {
                let end = [&copied.rows.to_be_bytes()[..], &checksums.to_be_bytes()].concat();
                if rest != end {
                    return Err(input.bad("blocks are missing"));
                }
                break;
            }
            _ => return Err(input.bad("a block is of an unknown kind")),
        }
        input.block += 1;
    }
    input.end()?;
    if let Some(ticket) = last {
        ticket.durable().await?;
    }
    Ok(copied)
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::decode_key(rest)?).ok()?;
    let (field, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(field)
}

struct BlockReader<R> {
    input: R,
    /// Where the current block begins.
    offset: u64,
    block: u64,
    checksums: crc32fast::Hasher,
}

impl<R: Read> BlockReader<R> {
    fn magic(&mut self) -> Result<(), StoreError> {
        let mut magic = [0; MAGIC.len()];
        self.fill(&mut magic, "the file is too short")?;
        if magic != MAGIC {
            return Err(self.bad("this is no export of a waxwing store, or one of a newer release"));
        }
        self.offset = u64::from(length(MAGIC));
        Ok(())
    }

    /// Reads a block and checks it; `offset` moves on to the next only when the one after is read.
    fn block(&mut self) -> Result<(u8, Bytes), StoreError> {
        let mut head = [0; HEAD_BYTES];
        self.fill(&mut head, CUT)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        if length > BLOCK_BYTES_MAX {
            return Err(self.bad("a block's length is impossible"));
        }
        let mut content = vec![0; usize::try_from(length).unwrap_or(0)];
        self.fill(&mut content, CUT)?;
        let mut found = [0; 4];
        self.fill(&mut found, CUT)?;
        if u32::from_be_bytes(found) != checksum(&head, &content) {
            return Err(self.bad("the checksum does not match"));
        }
        self.checksums.update(&found);
        self.offset += u64::from(length) + BLOCK_OVERHEAD;
        Ok((kind, content.into()))
    }

    fn partition(&self, content: &[u8]) -> Result<Partition, StoreError> {
        let mut rest = content;
        let month = u32::decode_key(&mut rest).filter(|_| rest.is_empty());
        let partition = match month.ok_or_else(|| self.bad("a partition has no month"))? {
            0 => Partition::Main,
            month => Partition::Month(month),
        };
        partition.check().map_err(|_| self.bad("a partition's month is impossible"))
    }

    /// Nothing may follow the end.
    fn end(&mut self) -> Result<(), StoreError> {
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.bad("something follows the end")),
            Err(error) => Err(file_error("read", error)),
        }
    }

    fn fill(&mut self, buffer: &mut [u8], problem: &'static str) -> Result<(), StoreError> {
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.bad(problem),
            _ => file_error("read", error),
        })
    }

    fn bad(&self, problem: &'static str) -> StoreError {
        StoreError::BadExport { offset: self.offset, block: self.block, problem }
    }
}

fn checksum(head: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(content);
    hasher.finalize()
}

fn month_of(partition: Partition) -> u32 {
    match partition {
        Partition::Main => 0,
        Partition::Month(month) => month,
    }
}

fn file_error(action: &'static str, cause: io::Error) -> StoreError {
    StoreError::ExportFile { action, cause: Arc::new(cause) }
}

const MAGIC: &[u8] = b"waxwing-store-export 1\n";
const PARTITION: u8 = b'p';
const ROWS: u8 = b'r';
const END: u8 = b'e';
const CUT: &str = "the file is cut short";

/// Kind and length.
const HEAD_BYTES: usize = 5;
/// Head and checksum.
const BLOCK_OVERHEAD: u64 = 9;
/// A block of rows ends with the row that reaches this.
const BLOCK_BYTES: usize = 64 << 10;
/// That and one row of the largest kind.
const BLOCK_BYTES_MAX: u32 = 17 << 20;
/// Few, because a value may have many megabytes.
const ROWS_READ_AT_ONCE: usize = 64;
