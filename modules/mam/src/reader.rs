//! Reads an archive page by page, whosever it is: an account's or a room's.

use waxwing_core::prelude::*;
use waxwing_log::{Entry, Log, Page, Query};
use waxwing_xmpp::{SetResult, forwarded};

use crate::NS;
use crate::request::Request;

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
pub struct Room {
    /// Messages.
    pub max: usize,
    /// Bytes; but one message at least.
    pub bytes_max: u64,
}

impl Room {
    /// What a page may take beside what already waits for a client that has not read it.
    ///
    /// # Errors
    /// `resource-constraint` if too much waits.
    pub fn beside(session: &Session, max: usize, bytes_max: usize) -> Result<Self, StanzaError> {
        let limit = session.host().limits().mailbox_bytes_max.0 / 2;
        let free = limit.saturating_sub(session.mailbox().bytes());
        if free == 0 && max > 0 {
            let text = "Read first what waits for you.";
            return Err(StanzaError::from(Condition::ResourceConstraint).text(text));
        }
        let bytes_max = u64::try_from(free.min(bytes_max)).unwrap_or(u64::MAX);
        Ok(Self { max, bytes_max })
    }
}

/// A page of the result set, and what is known of the set.
#[derive(Debug)]
pub struct Answer {
    /// The messages.
    pub page: Page,
    count: Option<u64>,
    index: Option<u64>,
}

/// An archive.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    log: &'a Log,
    account: &'a Account,
    /// Ids in one query.
    ids_max: usize,
}

impl<'a> Reader<'a> {
    /// The archive of an account or room in this log.
    pub fn new(log: &'a Log, account: &'a Account, ids_max: usize) -> Self {
        Self { log, account, ids_max }
    }

    /// §5: where it begins and ends.
    ///
    /// # Errors
    /// `internal-server-error` if the store fails.
    pub async fn metadata(&self) -> Result<Tree, StanzaError> {
        let mut metadata = Tree::new(NS, "metadata");
        for (name, backwards) in [("start", false), ("end", true)] {
            let query = Query { backwards, max: 1, ..Query::default() };
            let page = self.log.page(self.account, &query).await.map_err(store_failed)?;
            if let Some(entry) = page.entries.first() {
                let stamp = self.log.stamp(entry.position).to_rfc3339();
                let id = self.log.ids().id(self.account.number(), entry.position);
                metadata = metadata
                    .with_child(Tree::new(NS, name).with_attr("id", id).with_attr("timestamp", stamp));
            }
        }
        Ok(metadata)
    }

    /// §4: the page that is asked for.
    ///
    /// # Errors
    /// `item-not-found` for ids that are none, `policy-violation` for too many of them.
    pub async fn answer(&self, request: &Request, room: Room) -> Result<Answer, StanzaError> {
        match &request.ids {
            None => self.read(request, room).await,
            Some(ids) => self.by_ids(request, ids, room).await,
        }
    }

    /// §4.2: an entry as a result of the request. `shown`: the message as the asker may see it.
    pub fn result(&self, request: &Request, entry: &Entry, shown: &Stanza) -> Option<Child> {
        let mut around = Tree::new(NS, "result");
        if let Some(queryid) = &request.queryid {
            around.set_attr("queryid", queryid.as_str());
        }
        around.set_attr("id", self.log.ids().id(self.account.number(), entry.position));
        forwarded(&around, shown, Some(self.log.stamp(entry.position)))
    }

    /// §4.3: what the client has to know to go on.
    pub fn fin(&self, answer: &Answer) -> Tree {
        let id = |entry: &Entry| self.log.ids().id(self.account.number(), entry.position);
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

    async fn read(&self, request: &Request, room: Room) -> Result<Answer, StanzaError> {
        let extent = self.log.extent(self.account).await.map_err(store_failed)?;
        let mut bounds = self.filter_bounds(request).await?;
        self.page_bounds(request, &mut bounds).await?;
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
        let page = self.log.page(self.account, &query).await.map_err(store_failed)?;
        let after = self.log.extent(self.account).await.map_err(store_failed)?;
        let steady = after.low == extent.low;
        let known = match room.max {
            _ if request.is_unfiltered() => steady.then_some(extent.rows),
            // Who asks for no message asks for their number.
            0 => self.count(request).await?,
            _ => None,
        };
        Ok(Answer::new(request, page, known))
    }

    /// How many match, if they are not too many to be read for that.
    async fn count(&self, request: &Request) -> Result<Option<u64>, StanzaError> {
        let bounds = self.filter_bounds(request).await?;
        let query = Query {
            with: request.with.clone(),
            after: bounds.from.checked_sub(1),
            before: Some(bounds.to),
            max: COUNT_MAX,
            bytes_max: Some(COUNT_BYTES_MAX),
            ..Query::default()
        };
        let page = self.log.page(self.account, &query).await.map_err(store_failed)?;
        Ok(page.complete.then(|| u64::try_from(page.entries.len()).unwrap_or(u64::MAX)))
    }

    /// §4.1.3: those with these ids.
    async fn by_ids(&self, request: &Request, ids: &[String], room: Room) -> Result<Answer, StanzaError> {
        let max = self.ids_max;
        if ids.len() > max {
            let text = format!("Ask for {max} ids at most.");
            return Err(StanzaError::from(Condition::PolicyViolation).text(text));
        }
        let filter = self.filter_bounds(request).await?;
        let mut bounds = Bounds::ALL;
        self.page_bounds(request, &mut bounds).await?;
        let mut positions = Vec::with_capacity(ids.len());
        for id in ids {
            positions.push(self.position(id).await?);
        }
        positions.sort_unstable();
        positions.dedup();
        let mut picked = Picked { room, bytes: 0, entries: Vec::new(), more: false, count: 0 };
        if request.is_backwards() {
            positions.reverse();
        }
        for position in positions {
            let entry = self.log.entry(self.account, position).await.map_err(store_failed)?;
            let entry = entry.ok_or(Condition::ItemNotFound)?;
            let with = request.with.as_ref();
            if filter.contains(position) && with.is_none_or(|with| entry.concerns(with, self.account.jid())) {
                picked.take(entry, bounds.contains(position));
            }
        }
        if request.is_backwards() {
            picked.entries.reverse();
        }
        let page = Page { entries: picked.entries, complete: !picked.more };
        Ok(Answer::new(request, page, Some(picked.count)))
    }

    /// What the form says.
    async fn filter_bounds(&self, request: &Request) -> Result<Bounds, StanzaError> {
        let mut bounds = Bounds::ALL;
        // §4.1.2: equal or later, equal or earlier. The stamp of a message is what clients see of it: milliseconds.
        if let Some(start) = request.start {
            bounds
                .narrow(micros(start.0.saturating_add(999).div_euclid(1000).saturating_mul(1000)), u64::MAX);
        }
        if let Some(end) = request.end {
            bounds.narrow(0, micros(end.0.div_euclid(1000).saturating_add(1).saturating_mul(1000)));
        }
        if let Some(id) = &request.after_id {
            bounds.narrow(self.position(id).await?.saturating_add(1), u64::MAX);
        }
        if let Some(id) = &request.before_id {
            bounds.narrow(0, self.position(id).await?);
        }
        Ok(bounds)
    }

    /// Where in the set the page is (§4.3.2). With both ends, which XEP-0059 leaves open, it lies between them.
    async fn page_bounds(&self, request: &Request, bounds: &mut Bounds) -> Result<(), StanzaError> {
        if let Some(id) = &request.set.after {
            bounds.narrow(self.position(id).await?.saturating_add(1), u64::MAX);
        }
        if let Some(id) = request.set.before.as_ref().filter(|id| !id.is_empty()) {
            bounds.narrow(0, self.position(id).await?);
        }
        Ok(())
    }

    /// The position of an id that the account was given.
    ///
    /// # Errors
    /// `item-not-found` if we did not give it (§4.1.3, §4.3.2), or it is of a time that is gone.
    async fn position(&self, id: &str) -> Result<u64, StanzaError> {
        let position = self.log.ids().position(self.account.number(), id).ok_or(Condition::ItemNotFound)?;
        match self.log.is_position(self.account, position).await.map_err(store_failed)? {
            true => Ok(position),
            false => Err(Condition::ItemNotFound.into()),
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

/// What was before the epoch is before all rows.
fn micros(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0)
}

/// So many messages are read to count those of a filter.
const COUNT_MAX: usize = 2000;
/// … nor more bytes.
const COUNT_BYTES_MAX: u64 = 4 << 20;
