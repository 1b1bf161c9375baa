//! Reading the log: pages of rows, from either end, of one conversation or all.

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_store::{Order, Raw, Span};

use crate::Log;
use crate::table::{self, HIDDEN, SENT, TOMBSTONE};

/// Which rows of the archive.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only those to or from this address; a bare JID stands for its resources too.
    pub with: Option<Jid>,
    /// Only those behind this position.
    pub after: Option<u64>,
    /// Only those before this position.
    pub before: Option<u64>,
    /// From the newest.
    pub backwards: bool,
    /// At most so many.
    pub max: usize,
    /// At most so many bytes ([`Entry::weight`]), but one row at least; none: no limit.
    pub bytes_max: Option<u64>,
}

/// A row of the archive.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its position.
    pub position: u64,
    /// The message as it came or went; of a retracted one, what is left.
    pub stanza: Stanza,
    /// Whether the account sent it.
    pub sent: bool,
    /// Whether its content was retracted.
    pub retracted: bool,
    /// Its bytes on disk.
    pub bytes: u64,
}

/// A page, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The rows.
    pub entries: Vec<Entry>,
    /// Whether nothing of the query lies beyond the page.
    pub complete: bool,
}

/// How far an archive reaches, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// So many rows it shows.
    pub rows: u64,
    /// None of them is before this position.
    pub low: u64,
    /// None of them is behind this position.
    pub last: u64,
}

/// The page as it grows.
struct Gathered<'a> {
    query: &'a Query,
    entries: Vec<Entry>,
    bytes: u64,
    /// There is more than fits.
    more: bool,
}

impl Gathered<'_> {
    /// Takes an entry if it is one of the query and there is room.
    fn take(&mut self, entry: Entry, account: &Account) {
        let wanted = self.query.with.as_ref().is_none_or(|with| entry.concerns(with, account.jid()));
        if self.more || !wanted {
            return;
        }
        let bytes = self.bytes.saturating_add(entry.weight());
        let heavy = self.query.bytes_max.is_some_and(|max| bytes > max) && !self.entries.is_empty();
        if heavy || self.entries.len() >= self.query.max {
            self.more = true;
        } else {
            self.bytes = bytes;
            self.entries.push(entry);
        }
    }
}

impl Log {
    /// A page of an account's archive.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn page(&self, account: &Account, query: &Query) -> Result<Page, StoreError> {
        let low = self.load(account).await?.lock().low;
        let first = query.after.map_or(0, |after| after.saturating_add(1)).max(low);
        let end = query.before.unwrap_or(u64::MAX);
        let mut page = Gathered { query, entries: Vec::new(), bytes: 0, more: false };
        if first < end {
            let mut months = self.rows.store().months().await?;
            months.retain(|month| (table::month(first)..=table::month(end - 1)).contains(month));
            if query.backwards {
                months.reverse();
            }
            for month in months {
                self.read_month(account, month, first..end, &mut page).await?;
                if page.more {
                    break;
                }
            }
        }
        if query.backwards {
            page.entries.reverse();
        }
        Ok(Page { entries: page.entries, complete: !page.more })
    }

    async fn read_month(
        &self,
        account: &Account,
        month: u32,
        mut range: std::ops::Range<u64>,
        page: &mut Gathered<'_>,
    ) -> Result<(), StoreError> {
        while !page.more && !range.is_empty() {
            // One more than asked for tells whether there are more.
            let wanted = page.query.max.saturating_add(1).saturating_sub(page.entries.len());
            let limit = wanted.clamp(READ_ROWS_MIN, READ_ROWS);
            let (rows, more) = self.read_some(account, page.query, month, range.clone(), limit).await?;
            if let Some((last, _)) = rows.last() {
                if page.query.backwards {
                    range.end = *last;
                } else {
                    range.start = last.saturating_add(1);
                }
            }
            for (position, row) in rows {
                if let Some(entry) = row.and_then(|row| entry(position, &row)) {
                    page.take(entry, account);
                }
            }
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Up to `limit` rows of a month, and whether there may be more.
    async fn read_some(
        &self,
        account: &Account,
        query: &Query,
        month: u32,
        range: std::ops::Range<u64>,
        limit: usize,
    ) -> Result<(Vec<(u64, Option<Raw>)>, bool), StoreError> {
        let order = if query.backwards { Order::Reverse } else { Order::Forward };
        let number = account.number();
        let rows = self.rows.month(month);
        let Some(with) = &query.with else {
            let page = rows.range(number, Span::between(range), order, limit).await?;
            let more = page.len() >= limit;
            return Ok((page.into_iter().map(|(position, row)| (position, Some(row))).collect(), more));
        };
        let peer = table::peer(with);
        let span = Span::between((peer, range.start)..(peer, range.end));
        let keys = self.peers.month(month).range(number, span, order, limit).await?;
        let more = keys.len() >= limit;
        let mut page = Vec::with_capacity(keys.len());
        for ((_, position), ()) in keys {
            page.push((position, rows.get(number, &position).await?));
        }
        Ok((page, more))
    }

    /// One row of the archive by its position.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn entry(&self, account: &Account, position: u64) -> Result<Option<Entry>, StoreError> {
        if position < self.load(account).await?.lock().low {
            return Ok(None);
        }
        let row = self.rows.month(table::month(position)).get(account.number(), &position).await?;
        Ok(row.and_then(|row| entry(position, &row)))
    }

    /// Whether a page may begin at this position: it was given out, and the rows around it are not gone with their
    /// time. Its own row may be missing after a crash, since messages are delivered before they are on disk.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn is_position(&self, account: &Account, position: u64) -> Result<bool, StoreError> {
        Ok(position >= self.load(account).await?.lock().low)
    }

    /// How far the archive reaches now. Rows that come later lie behind `last`.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn extent(&self, account: &Account) -> Result<Extent, StoreError> {
        let state = self.load(account).await?.lock();
        Ok(Extent { rows: state.rows, low: state.low, last: state.last })
    }

    /// Puts something else in the place of a row's stanza (a tombstone). The ticket is of the write; none: there is no
    /// such row.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn bury(
        &self,
        account: &Account,
        position: u64,
        stanza: &Stanza,
    ) -> Result<Option<Ticket>, StoreError> {
        let state = self.load(account).await?;
        let changing = Arc::clone(&state.lock().changing);
        let _alone = changing.lock().await;
        let rows = self.rows.month(table::month(position));
        let mut batch = Batch::new(rows.partition());
        let Some(old) = rows.read_for(&mut batch, account.number(), &position).await? else {
            return Ok(None);
        };
        let (flags, old_bytes) = table::glance(&old);
        let row = table::row(flags | TOMBSTONE, stanza);
        let (_, bytes) = table::glance(&row);
        rows.put_into(&mut batch, account.number(), &position, &row)?;
        let ticket = rows.store().apply(batch)?;
        if ticket.applied().await.is_err() {
            // Acknowledged and deleted meanwhile, or the store failed, which whoever waits for the row will see.
            return Ok(None);
        }
        let mut state = state.lock();
        state.resize(position, old_bytes, bytes);
        self.note_change(account, &mut state);
        Ok(Some(ticket))
    }
}

impl Entry {
    /// The bytes it takes when it is sent, about.
    pub fn weight(&self) -> u64 {
        self.bytes.saturating_add(WRAPPING)
    }

    /// Whether the row is to or from an address ([XEP-0313 §4.1.1](https://xmpp.org/extensions/xep-0313.html#filter-jid));
    /// `account` is whose archive it is.
    pub fn concerns(&self, with: &Jid, account: &BareJid) -> bool {
        let account = account.as_jid();
        let other = if self.sent { &self.stanza.to } else { &self.stanza.from };
        // A message without address is the account's own.
        let other = other.as_ref().unwrap_or(account);
        let own = with.same_bare(account);
        if own && !other.same_bare(with) {
            return false;
        }
        if with.is_bare() {
            other.same_bare(with)
        } else {
            other == with || (own && self.stanza.to.as_ref() == Some(with))
        }
    }
}

fn entry(position: u64, row: &Raw) -> Option<Entry> {
    let (flags, stanza) = table::open(row).filter(|(flags, _)| flags & HIDDEN == 0)?;
    let (_, bytes) = table::glance(row);
    let (sent, retracted) = (flags & SENT != 0, flags & TOMBSTONE != 0);
    Some(Entry { position, stanza, sent, retracted, bytes })
}

/// So many rows are read at once.
const READ_ROWS: usize = 32;
/// Fewer would not be worth the trouble: some rows are hidden.
const READ_ROWS_MIN: usize = 8;
/// What stands around a forwarded message.
const WRAPPING: u64 = 500;
