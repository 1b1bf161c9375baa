//! Answers about the archive: pages of it, and how far it reaches.

use std::sync::Arc;

use tracing::warn;
use waxwing_core::prelude::*;
use waxwing_log::{Entry, Log, Page, Query};
use waxwing_xmpp::{SetResult, forwarded};

use crate::request::{Request, form};
use crate::{Mam, NS};

/// Where a result set may begin and end: positions, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    from: u64,
    to: u64,
}

impl Bounds {
    const ALL: Self = Self { from: 0, to: u64::MAX };

    fn narrow(&mut self, from: u64, to: u64) {
        (self.from, self.to) = (self.from.max(from), self.to.min(to));
    }

    fn contains(self, position: u64) -> bool {
        (self.from..self.to).contains(&position)
    }
}

/// How much one page may be.
#[derive(Debug, Clone, Copy)]
struct Room {
    max: usize,
    bytes_max: u64,
}

/// A page of the result set, and what is known of the set.
struct Answer {
    page: Page,
    count: Option<u64>,
    index: Option<u64>,
}

impl Mam {
    /// §4.1.5.
    pub(crate) async fn fields(self: Arc<Self>, _: IqRequest) -> IqResult {
        Ok(Reply::tree(&form()))
    }

    /// §8.1: to everybody else, as for an account that is not there.
    pub(crate) async fn forbidden(self: Arc<Self>, _: IqRequest) -> IqResult {
        Err(Condition::Forbidden.into())
    }

    /// §5.
    pub(crate) async fn metadata(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let (log, account) = (self.log()?, iq.account()?);
        let mut metadata = Tree::new(NS, "metadata");
        for (name, backwards) in [("start", false), ("end", true)] {
            let query = Query { backwards, max: 1, ..Query::default() };
            let page = log.page(account, &query).await.map_err(store_failed)?;
            if let Some(entry) = page.entries.first() {
                let stamp = log.stamp(entry.position).to_rfc3339();
                let id = log.ids().id(account.number(), entry.position);
                metadata = metadata
                    .with_child(Tree::new(NS, name).with_attr("id", id).with_attr("timestamp", stamp));
            }
        }
        Ok(Reply::tree(&metadata))
    }

    /// §4: the messages of one page, and then the result.
    pub(crate) async fn query(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let (log, session, account) = (self.log()?, iq.session()?, iq.account()?);
        let request = Request::from_tree(&iq.tree())?;
        self.metrics.queries.inc();
        let room = self.room(session, &request)?;
        let answer = match &request.ids {
            None => self.read(log, account, &request, room).await?,
            Some(ids) => self.by_ids(log, account, &request, ids, room).await?,
        };
        if request.with.is_none() {
            log.paged(session, answer.page.entries.iter().map(|entry| entry.position));
        }
        self.send(log, session, &request, &answer.page);
        Ok(Reply::tree(&fin(log, account, &answer)))
    }

    /// What the page may take: the config's limits, and less if the client has not read what it got before.
    fn room(&self, session: &Session, request: &Request) -> Result<Room, StanzaError> {
        let max = request.set.max.unwrap_or(self.config.page_default).min(self.config.page_max);
        let free =
            (session.host().limits().mailbox_bytes_max.0 / 2).saturating_sub(session.mailbox().bytes());
        if free == 0 && max > 0 {
            self.metrics.refused.inc();
            return Err(
                StanzaError::from(Condition::ResourceConstraint).text("Read first what waits for you.")
            );
        }
        let bytes_max = free.min(self.config.page_bytes_max.0);
        Ok(Room { max, bytes_max: u64::try_from(bytes_max).unwrap_or(u64::MAX) })
    }

    async fn read(
        &self,
        log: &Log,
        account: &Account,
        request: &Request,
        room: Room,
    ) -> Result<Answer, StanzaError> {
        let extent = log.extent(account).await.map_err(store_failed)?;
        let mut bounds = filter_bounds(log, account, request).await?;
        page_bounds(log, account, request, &mut bounds).await?;
        // What arrives from now on is not in the set: numbers and page are of the same moment.
        bounds.narrow(0, extent.last.saturating_add(1));
        let query = Query {
            with: request.with.clone(),
            after: bounds.from.checked_sub(1),
            before: Some(bounds.to),
            backwards: request.is_backwards(),
            max: room.max,
            bytes_max: Some(room.bytes_max),
        };
        let page = log.page(account, &query).await.map_err(store_failed)?;
        let after = log.extent(account).await.map_err(store_failed)?;
        let steady = after.low == extent.low;
        let known = match room.max {
            _ if request.is_unfiltered() => steady.then_some(extent.rows),
            // Who asks for no message asks for their number.
            0 => self.count(log, account, request).await?,
            _ => None,
        };
        Ok(Answer::new(request, page, known))
    }

    /// How many match, if they are not too many to be read for that.
    async fn count(
        &self,
        log: &Log,
        account: &Account,
        request: &Request,
    ) -> Result<Option<u64>, StanzaError> {
        let bounds = filter_bounds(log, account, request).await?;
        let query = Query {
            with: request.with.clone(),
            after: bounds.from.checked_sub(1),
            before: Some(bounds.to),
            max: COUNT_MAX,
            bytes_max: Some(COUNT_BYTES_MAX),
            ..Query::default()
        };
        let page = log.page(account, &query).await.map_err(store_failed)?;
        Ok(page.complete.then(|| u64::try_from(page.entries.len()).unwrap_or(u64::MAX)))
    }

    /// §4.1.3: those with these ids.
    async fn by_ids(
        &self,
        log: &Log,
        account: &Account,
        request: &Request,
        ids: &[String],
        room: Room,
    ) -> Result<Answer, StanzaError> {
        let max = self.config.page_max;
        if ids.len() > max {
            self.metrics.refused.inc();
            let text = format!("Ask for {max} ids at most.");
            return Err(StanzaError::from(Condition::PolicyViolation).text(text));
        }
        let filter = filter_bounds(log, account, request).await?;
        let mut bounds = Bounds::ALL;
        page_bounds(log, account, request, &mut bounds).await?;
        let mut positions = Vec::with_capacity(ids.len());
        for id in ids {
            positions.push(position(log, account, id).await?);
        }
        positions.sort_unstable();
        positions.dedup();
        let mut picked = Picked { room, bytes: 0, entries: Vec::new(), more: false, count: 0 };
        if request.is_backwards() {
            positions.reverse();
        }
        for position in positions {
            let entry = log.entry(account, position).await.map_err(store_failed)?;
            let entry = entry.ok_or(Condition::ItemNotFound)?;
            let with = request.with.as_ref();
            if filter.contains(position) && with.is_none_or(|with| entry.concerns(with, account.jid())) {
                picked.take(entry, bounds.contains(position));
            }
        }
        if request.is_backwards() {
            picked.entries.reverse();
        }
        let page = Page { entries: picked.entries, complete: !picked.more };
        Ok(Answer::new(request, page, Some(picked.count)))
    }

    /// §4.2.
    fn send(&self, log: &Log, session: &Session, request: &Request, page: &Page) {
        let account = session.account();
        let send = |entry: &Entry| {
            let mut around = Tree::new(NS, "result");
            if let Some(queryid) = &request.queryid {
                around.set_attr("queryid", queryid.as_str());
            }
            around.set_attr("id", log.ids().id(account.number(), entry.position));
            let Some(result) = forwarded(&around, &entry.stanza, Some(log.stamp(entry.position))) else {
                warn!(jid = %account.jid(), "A message of an archive could not be forwarded.");
                return;
            };
            let mut message = Stanza::message(MessageType::Normal).from(account.jid()).to(session.jid());
            message.children.push(result);
            self.metrics.results.inc();
            // If it is refused the session is closing, and will ask again.
            session.send(message);
        };
        if request.flip {
            page.entries.iter().rev().for_each(send);
        } else {
            page.entries.iter().for_each(send);
        }
    }
}

/// A page of rows that were asked for one by one.
struct Picked {
    room: Room,
    bytes: u64,
    entries: Vec<Entry>,
    more: bool,
    /// How many are in the whole set.
    count: u64,
}

impl Picked {
    fn take(&mut self, entry: Entry, on_page: bool) {
        self.count += 1;
        if !on_page || self.more {
            return;
        }
        self.bytes = self.bytes.saturating_add(entry.weight());
        let heavy = self.bytes > self.room.bytes_max && !self.entries.is_empty();
        if heavy || self.entries.len() >= self.room.max {
            self.more = true;
        } else {
            self.entries.push(entry);
        }
    }
}

impl Answer {
    /// `count`: of the whole set, where it is known.
    fn new(request: &Request, page: Page, count: Option<u64>) -> Self {
        let set = &request.set;
        let (from_start, from_end) = (set.after.is_none(), set.before.as_ref().is_none_or(String::is_empty));
        let length = u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
        // The page is the whole set.
        let whole = page.complete && from_start && from_end;
        let count = count.or_else(|| whole.then_some(length));
        // It begins, or ends, where the set does.
        let first = from_start && (page.complete || !request.is_backwards());
        let last = from_end && (page.complete || request.is_backwards());
        let index = match (first, last, count) {
            (true, _, _) => Some(0),
            (false, true, Some(count)) => count.checked_sub(length),
            _ => None,
        };
        Self { page, count, index }
    }
}

/// §4.3: what the client has to know to go on.
fn fin(log: &Log, account: &Account, answer: &Answer) -> Tree {
    let id = |entry: &Entry| log.ids().id(account.number(), entry.position);
    let entries = &answer.page.entries;
    let set = SetResult {
        first: entries.first().map(id),
        index: answer.index,
        last: entries.last().map(id),
        count: answer.count,
    };
    let mut fin = Tree::new(NS, "fin");
    if answer.page.complete {
        fin.set_attr("complete", "true");
    }
    fin.with_child(set.to_tree())
}

/// What the form says.
async fn filter_bounds(log: &Log, account: &Account, request: &Request) -> Result<Bounds, StanzaError> {
    let mut bounds = Bounds::ALL;
    // §4.1.2: equal or later, equal or earlier. The stamp of a message is what clients see of it: milliseconds.
    if let Some(start) = request.start {
        bounds.narrow(micros(start.0.saturating_add(999).div_euclid(1000).saturating_mul(1000)), u64::MAX);
    }
    if let Some(end) = request.end {
        bounds.narrow(0, micros(end.0.div_euclid(1000).saturating_add(1).saturating_mul(1000)));
    }
    if let Some(id) = &request.after_id {
        bounds.narrow(position(log, account, id).await?.saturating_add(1), u64::MAX);
    }
    if let Some(id) = &request.before_id {
        bounds.narrow(0, position(log, account, id).await?);
    }
    Ok(bounds)
}

/// Where in the set the page is (§4.3.2). With both ends, which XEP-0059 leaves open, it lies between them.
async fn page_bounds(
    log: &Log,
    account: &Account,
    request: &Request,
    bounds: &mut Bounds,
) -> Result<(), StanzaError> {
    if let Some(id) = &request.set.after {
        bounds.narrow(position(log, account, id).await?.saturating_add(1), u64::MAX);
    }
    if let Some(id) = request.set.before.as_ref().filter(|id| !id.is_empty()) {
        bounds.narrow(0, position(log, account, id).await?);
    }
    Ok(())
}

/// The position of an id that the account was given.
///
/// # Errors
/// `item-not-found` if we did not give it (§4.1.3, §4.3.2), or it is of a time that is gone.
async fn position(log: &Log, account: &Account, id: &str) -> Result<u64, StanzaError> {
    let position = log.ids().position(account.number(), id).ok_or(Condition::ItemNotFound)?;
    match log.is_position(account, position).await.map_err(store_failed)? {
        true => Ok(position),
        false => Err(Condition::ItemNotFound.into()),
    }
}

/// What was before the epoch is before all rows.
fn micros(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0)
}

/// So many messages are read to count those of a filter.
const COUNT_MAX: usize = 2000;
/// … nor more bytes.
const COUNT_BYTES_MAX: u64 = 4 << 20;
