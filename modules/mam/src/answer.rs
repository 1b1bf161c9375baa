//! What the archive answers.

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_core::store_failed;
use waxwing_log::{Entry, Log, Page, Query};

use crate::query::Asked;
use crate::{Mam, NS, rsm};

impl Mam {
    /// XEP-0313 §4: the results, then the word that these were all.
    pub(crate) async fn query(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let (session, account, log) = (iq.session()?, iq.account()?, self.log()?);
        let asked = Asked::read(&iq.tree())?;
        self.metrics.queries.inc();
        let max = asked.rsm.max.unwrap_or(self.config.page_default).min(self.config.page_max);
        let mut page = self.read(log, account, &asked, max).await?;
        self.cut(&mut page, asked.rsm.before.is_some());
        let (count, index) = self.count(log, account, &asked, &page, max).await?;
        let ids: Vec<String> =
            page.entries.iter().map(|entry| log.ids().id(account.number(), entry.position)).collect();
        let results = page.entries.iter().zip(&ids);
        let send = |(entry, id): (&Entry, &String)| {
            if let Some(message) = result(log, session, &asked, entry, id) {
                self.metrics.results.inc();
                session.send(message);
            }
        };
        if asked.flip {
            // §4.3.4: only the order of transmission.
            results.rev().for_each(send);
        } else {
            results.for_each(send);
        }
        if asked.with.is_none() && asked.ids.is_empty() {
            log.paged(session, page.entries.iter().map(|entry| entry.position));
        }
        let mut fin = Tree::new(NS, "fin");
        if page.complete {
            fin.set_attr("complete", "true");
        }
        let first = ids.first().map(|id| (id.as_str(), index));
        Ok(Reply::tree(&fin.with_child(rsm::result(first, ids.last().map(String::as_str), count))))
    }

    async fn read(
        &self,
        log: &Log,
        account: &Account,
        asked: &Asked,
        max: usize,
    ) -> Result<Page, StanzaError> {
        let query = asked.page(log, account, max).await?;
        if asked.ids.is_empty() {
            return log.page(account, &query).await.map_err(store_failed);
        }
        self.read_ids(log, account, asked, &query).await
    }

    /// §4.1.3: exactly these messages, in the order of the archive.
    async fn read_ids(
        &self,
        log: &Log,
        account: &Account,
        asked: &Asked,
        query: &Query,
    ) -> Result<Page, StanzaError> {
        if asked.ids.len() > self.config.page_max {
            return Err(StanzaError::from(Condition::PolicyViolation).text("These are too many ids at once."));
        }
        let mut entries = Vec::with_capacity(asked.ids.len());
        for id in &asked.ids {
            let position = log.ids().position(account.number(), id).ok_or(Condition::ItemNotFound)?;
            let entry = log.entry(account, position).await.map_err(store_failed)?;
            entries.push(entry.ok_or(Condition::ItemNotFound)?);
        }
        entries.sort_by_key(|entry| entry.position);
        entries.dedup_by_key(|entry| entry.position);
        entries.retain(|entry| query.matches(entry, account));
        let complete = entries.len() <= query.max;
        if query.backwards {
            entries.drain(..entries.len().saturating_sub(query.max));
        } else {
            entries.truncate(query.max);
        }
        Ok(Page { entries, complete })
    }

    /// A page is no larger than a mailbox takes.
    fn cut(&self, page: &mut Page, backwards: bool) {
        let mut left = self.config.page_bytes_max.0;
        let mut fits = |entry: &Entry| {
            let bytes = entry.stanza.children.byte_len().saturating_add(500);
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        };
        let count = if backwards {
            page.entries.iter().rev().take_while(|entry| fits(entry)).count()
        } else {
            page.entries.iter().take_while(|entry| fits(entry)).count()
        };
        // One always goes, or the client could never get past it.
        let count = count.max(1).min(page.entries.len());
        if count < page.entries.len() {
            page.complete = false;
            if backwards {
                page.entries.drain(..page.entries.len() - count);
            } else {
                page.entries.truncate(count);
            }
        }
    }

    /// The number of all that match and the index of the first of the page, where they are cheap to know.
    async fn count(
        &self,
        log: &Log,
        account: &Account,
        asked: &Asked,
        page: &Page,
        max: usize,
    ) -> Result<(Option<u64>, Option<u64>), StanzaError> {
        let length = u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
        let from_start = asked.rsm.after.is_none() && asked.rsm.before.is_none();
        let count = if asked.is_unfiltered() {
            Some(log.rows_count(account).await.map_err(store_failed)?)
        } else if page.complete && from_start {
            Some(length)
        } else if max == 0 && asked.ids.is_empty() {
            let query = asked.matching(log, account, COUNT_MAX).await?;
            let all = log.page(account, &query).await.map_err(store_failed)?;
            all.complete.then(|| u64::try_from(all.entries.len()).unwrap_or(u64::MAX))
        } else {
            None
        };
        let last_page = asked.rsm.before.as_deref() == Some("");
        let index = match count {
            _ if from_start => Some(0),
            Some(count) if last_page => count.checked_sub(length),
            _ => None,
        };
        Ok((count, index))
    }

    /// §4.1.5.
    pub(crate) async fn form(self: Arc<Self>, _: IqRequest) -> IqResult {
        let x = ns::DATA_FORMS;
        let field =
            |kind: &str, var: &str| Tree::new(x, "field").with_attr("type", kind).with_attr("var", var);
        let validate = Tree::new(NS_VALIDATE, "validate")
            .with_attr("datatype", "xs:string")
            .with_child(Tree::new(NS_VALIDATE, "open"));
        let form = Tree::new(x, "x")
            .with_attr("type", "form")
            .with_child(field("hidden", "FORM_TYPE").with_child(Tree::new(x, "value").with_text(NS)))
            .with_child(field("jid-single", "with"))
            .with_child(field("text-single", "start"))
            .with_child(field("text-single", "end"))
            .with_child(field("text-single", "before-id"))
            .with_child(field("text-single", "after-id"))
            .with_child(field("list-multi", "ids").with_child(validate));
        Ok(Reply::tree(&Tree::new(NS, "query").with_child(form)))
    }

    /// §5.
    pub(crate) async fn metadata(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let (account, log) = (iq.account()?, self.log()?);
        let mut metadata = Tree::new(NS, "metadata");
        for (name, backwards) in [("start", false), ("end", true)] {
            let query = Query { backwards, max: 1, ..Query::default() };
            let page = log.page(account, &query).await.map_err(store_failed)?;
            if let Some(entry) = page.entries.first() {
                let end = Tree::new(NS, name)
                    .with_attr("id", log.ids().id(account.number(), entry.position))
                    .with_attr("timestamp", log.stamp(entry.position).to_rfc3339());
                metadata = metadata.with_child(end);
            }
        }
        Ok(Reply::tree(&metadata))
    }
}

/// §4.2.
fn result(log: &Log, session: &Session, asked: &Asked, entry: &Entry, id: &str) -> Option<Stanza> {
    let mut around = Tree::new(NS, "result");
    if let Some(queryid) = &asked.queryid {
        around.set_attr("queryid", queryid.as_str());
    }
    around.set_attr("id", id);
    let mut message = Stanza::message(MessageType::Normal)
        .from(session.account().jid().clone())
        .to(session.jid().clone())
        .id(session.host().random().id());
    let stamp = log.stamp(entry.position);
    message.children.push(waxwing_xmpp::forwarded(&around, &entry.stanza, Some(stamp))?);
    Some(message)
}

const NS_VALIDATE: &str = "http://jabber.org/protocol/xdata-validate";
/// So many rows are read to count those of a filter.
const COUNT_MAX: usize = 5000;
