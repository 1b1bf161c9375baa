//! An ordered key-value contract with group commit on sled, fjall and memory, and typed tables above it.
//!
//! [`Store::apply`] takes a [`Batch`] and returns a [`Ticket`] with two stages: `applied()` (expected values held;
//! every read sees the batch) and `durable()` (it survives a crash of the machine). One thread owns all writes and
//! commits them in groups; reads never wait for it. Modules do not use this directly but declare a [`Table`].
//!
//! What is deliberately absent: timers, transactions over several partitions, and any way past the two to an engine.

pub use batch::{Batch, KEY_BYTES_MAX, KeyRange, Order, Partition, VALUE_BYTES_MAX};
pub use catalog::ReadRow;
pub use engine::{EngineKind, UnknownEngine};
pub use error::{ApplyError, EngineError, RowError, StoreError};
pub use faults::Faults;
pub use key::{EncodeKey, KeyCodec};
pub use numbers::{AccountNumber, CreateError, HostNumber, Kind, Number, Numbers};
pub use owner::{OwnerRow, OwnerRows};
pub use portable::Copied;
pub use store::{Store, StoreOptions};
pub use table::{Owner, Scope, Span, Table, TableRef};
pub use ticket::Ticket;
pub use value::Raw;

mod batch;
mod catalog;
mod checker;
mod engine;
mod error;
mod faults;
mod format;
pub mod key;
mod numbers;
mod overlay;
mod owner;
mod partitions;
mod portable;
mod state;
mod store;
mod table;
mod ticket;
mod value;
mod writer;

#[cfg(test)]
mod tests;
