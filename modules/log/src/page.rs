//! Reading the log: pages of rows, from either end, of one conversation or all.

use waxwing_core::prelude::*;
use waxwing_store::{Order, Span};

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
}

impl Query {
    /// Whether a row is one of those asked for.
    pub fn matches(&self, entry: &Entry, account: &Account) -> bool {
        self.after.is_none_or(|after| entry.position > after)
            && self.before.is_none_or(|before| entry.position < before)
            && self.with.as_ref().is_none_or(|with| concerns(entry, with, account))
    }
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
}

/// A page, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The rows.
    pub entries: Vec<Entry>,
    /// Whether nothing of the query lies beyond the page.
    pub complete: bool,
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
        let mut months = self.rows.store().months().await?;
        months.retain(|month| (table::month(first)..=table::month(end.saturating_sub(1))).contains(month));
        if query.backwards {
            months.reverse();
        }
        // One more than asked for tells whether there are more.
        let wanted = query.max.saturating_add(1);
        let mut entries = Vec::new();
        for month in months {
            self.read_month(account, query, month, first..end, wanted, &mut entries).await?;
            if entries.len() >= wanted {
                break;
            }
        }
        let complete = entries.len() <= query.max;
        entries.truncate(query.max);
        if query.backwards {
            entries.reverse();
        }
        Ok(Page { entries, complete })
    }

    async fn read_month(
        &self,
        account: &Account,
        query: &Query,
        month: u32,
        mut range: std::ops::Range<u64>,
        wanted: usize,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        while entries.len() < wanted && !range.is_empty() {
            let limit = (wanted - entries.len()).clamp(8, READ_ROWS);
            let (rows, more) = self.read_some(account, query, month, range.clone(), limit).await?;
            if let Some((last, _)) = rows.last() {
                if query.backwards {
                    range.end = *last;
                } else {
                    range.start = last.saturating_add(1);
                }
            }
            let fits = |entry: &Entry| query.with.as_ref().is_none_or(|with| concerns(entry, with, account));
            entries
                .extend(rows.into_iter().filter_map(|(position, row)| entry(position, &row?)).filter(fits));
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
    ) -> Result<(Vec<(u64, Option<waxwing_store::Raw>)>, bool), StoreError> {
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

    /// How many rows the archive shows.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn rows_count(&self, account: &Account) -> Result<u64, StoreError> {
        Ok(self.load(account).await?.lock().rows)
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
        let rows = self.rows.month(table::month(position));
        let Some(old) = rows.get(account.number(), &position).await? else { return Ok(None) };
        let (flags, old_bytes) = table::glance(&old);
        let row = table::row(flags | TOMBSTONE, stanza);
        let (_, bytes) = table::glance(&row);
        let ticket = rows.put(account.number(), &position, &row)?;
        let mut state = state.lock();
        state.bytes = state.bytes.saturating_sub(old_bytes).saturating_add(bytes);
        self.note_change(account, &mut state);
        Ok(Some(ticket))
    }
}

fn entry(position: u64, row: &waxwing_store::Raw) -> Option<Entry> {
    let (flags, stanza) = table::open(row).filter(|(flags, _)| flags & HIDDEN == 0)?;
    let (sent, retracted) = (flags & SENT != 0, flags & TOMBSTONE != 0);
    Some(Entry { position, stanza, sent, retracted })
}

/// XEP-0313 §4.1.1: whether a row is to or from an address.
fn concerns(entry: &Entry, with: &Jid, account: &Account) -> bool {
    let other = if entry.sent { &entry.stanza.to } else { &entry.stanza.from };
    // A message without 'to' is to the account itself.
    let other = other.as_ref().unwrap_or_else(|| account.jid().as_jid());
    let own = with.same_bare(account.jid().as_jid());
    if own && !(other.same_bare(with)) {
        return false;
    }
    if with.is_bare() {
        other.same_bare(with)
    } else {
        other == with || (own && entry.stanza.to.as_ref() == Some(with))
    }
}

/// So many rows are read at once.
const READ_ROWS: usize = 128;
