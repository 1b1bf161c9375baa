//! The rows on disk. A position is the time at which the row came, in microseconds since the epoch, or the next free
//! one: so it names the month whose partition has the row, and a range of time is a range of keys.

use aws_lc_rs::digest;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use waxwing_store::{Raw, Scope, Table};
use waxwing_xmpp::{Jid, Stanza, Timestamp};

/// The messages: by position, in the partition of their month.
#[derive(Debug)]
pub(crate) struct Rows;

impl Table for Rows {
    const NAME: &'static str = "log.rows";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = u64;
    /// Flags, then the stanza.
    type Value = Raw;
}

/// The same by the address of the other side: for queries about one conversation.
#[derive(Debug)]
pub(crate) struct Peers;

impl Table for Peers {
    const NAME: &'static str = "log.peers";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = (u64, u64);
    type Value = ();
}

/// How many stanzas of a stream are on disk, beside the rows that they made; by the name of the stream.
#[derive(Debug)]
pub(crate) struct Inbound;

impl Table for Inbound {
    const NAME: &'static str = "log.inbound";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = u64;
    type Value = u32;
}

/// What is known of the whole log, up to a position; what lies behind that is found by reading it.
#[derive(Debug)]
pub(crate) struct States;

impl Table for States {
    const NAME: &'static str = "log.states";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = Saved;
}

/// One row of [`States`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The last position that this covers.
    pub(crate) last: u64,
    /// Rows before this position are gone, or will be.
    pub(crate) low: u64,
    /// Rows that the archive shows.
    pub(crate) rows: u64,
    /// Bytes of all rows.
    pub(crate) bytes: u64,
    /// What is owed up to `last`, whether the archive hides it, and its bytes.
    pub(crate) owed: Vec<(u64, bool, u64)>,
}

/// The account is owed it.
pub(crate) const OWED: u8 = 1;
/// The archive does not show it: it goes when nobody is owed it any more.
pub(crate) const HIDDEN: u8 = 2;
/// The account sent it.
pub(crate) const SENT: u8 = 4;
/// Its content was retracted.
pub(crate) const TOMBSTONE: u8 = 8;

/// The bytes of a row.
pub(crate) fn row(flags: u8, stanza: &Stanza) -> Raw {
    let mut bytes = vec![flags];
    bytes.extend_from_slice(&stanza.to_store_bytes());
    Raw(bytes.into())
}

/// Flags and stanza of a row.
pub(crate) fn open(row: &Raw) -> Option<(u8, Stanza)> {
    let (flags, stanza) = row.0.split_first()?;
    Some((*flags, Stanza::from_store_bytes(stanza)?))
}

/// Flags and length of a row, without a look at the stanza.
pub(crate) fn glance(row: &Raw) -> (u8, u64) {
    let length: &Bytes = &row.0;
    (row.0.first().copied().unwrap_or_default(), u64::try_from(length.len()).unwrap_or(u64::MAX))
}

/// The month that has a position.
pub(crate) fn month(position: u64) -> u32 {
    stamp(position).month()
}

/// When a position was given.
pub(crate) fn stamp(position: u64) -> Timestamp {
    Timestamp(i64::try_from(position).unwrap_or(i64::MAX))
}

/// The key of a conversation: two of them may share one, so rows are compared.
pub(crate) fn peer(jid: &Jid) -> u64 {
    let digest = digest::digest(&digest::SHA256, jid.bare_str().as_bytes());
    digest.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
