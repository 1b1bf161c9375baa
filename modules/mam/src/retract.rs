//! Messages that their authors take back ([XEP-0424](https://xmpp.org/extensions/xep-0424.html)): a tombstone stays.

use waxwing_core::prelude::*;
use waxwing_log::{Entry, Query};

use crate::Mam;

impl Mam {
    /// If the message takes back another one of the same author in the same conversation, that one becomes a tombstone
    /// in this account's archive (§4, §5).
    pub(crate) async fn take_back(
        &self,
        event: &mut Event,
        side: Side,
        account: &Account,
        peer: &Jid,
    ) -> Result<(), StoreError> {
        let retraction =
            event.stanza.children.find(NS, "retract").and_then(|retract| retract.attribute("id"));
        let (Some(of), Some(id), Some(log)) = (retraction, event.stanza.id.clone(), self.log.get()) else {
            return Ok(());
        };
        let with = Some(peer.to_bare().as_jid().clone());
        let query = Query { with, backwards: true, max: ROWS_MAX, ..Query::default() };
        let page = log.page(account, &query).await?;
        let same_author = |entry: &Entry| match side {
            Side::Sent => entry.sent,
            Side::Received => {
                !entry.sent && entry.stanza.from.as_ref().is_some_and(|from| from.same_bare(peer))
            }
        };
        let is_it = |entry: &&Entry| {
            let same_id = entry.stanza.id.as_ref().is_some_and(|id| id.as_str() == of);
            same_id && !entry.retracted && same_author(entry)
        };
        // The latest, if an id was used twice.
        let Some(entry) = page.entries.iter().rev().find(is_it) else { return Ok(()) };
        let retracted = Tree::new(NS, "retracted")
            .with_attr("id", id.as_str())
            .with_attr("stamp", event.host.clock().now().to_rfc3339());
        let mut tombstone = entry.stanza.clone();
        tombstone.extra = None;
        tombstone.children = std::iter::once(retracted.to_child()).collect();
        if let Some(ticket) = log.bury(account, entry.position, &tombstone).await? {
            self.metrics.tombstones.inc();
            event.custody.attach(ticket);
        }
        Ok(())
    }
}

/// Retraction.
pub(crate) const NS: &str = "urn:xmpp:message-retract:1";
/// Tombstones.
pub(crate) const TOMBSTONE: &str = "urn:xmpp:message-retract:1#tombstone";
/// So many messages of the conversation are looked through, from the newest.
const ROWS_MAX: usize = 500;
