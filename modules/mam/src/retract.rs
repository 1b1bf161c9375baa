//! A message that its author takes back leaves a tombstone in the archive
//! ([XEP-0424 §4](https://xmpp.org/extensions/xep-0424.html#tombstones)).

use waxwing_core::prelude::*;
use waxwing_log::{Entry, Log, Query};

use crate::Mam;
use crate::policy::{NS_MUC_USER, NS_RETRACT};

/// The id of the message that a message retracts.
pub(crate) fn target(stanza: &Stanza) -> Option<String> {
    stanza.children.find(NS_RETRACT, "retract")?.attribute("id").filter(|id| !id.is_empty())
}

impl Mam {
    /// Buries what the event retracts in the account's archive, before the retraction itself is kept there.
    pub(crate) async fn retract(&self, event: &mut Event, side: Side) -> Result<(), StanzaError> {
        let (Some(account), Some(target)) = (event.account.clone(), target(&event.stanza)) else {
            return Ok(());
        };
        // §5: the retraction has to be in the archive as well, and the tombstone names it. One that will not be
        // there, or has no name, does nothing here; clients may still act on it.
        let Some(name) = event.stanza.id.clone() else { return Ok(()) };
        if !self.archives(event, side) || (side == Side::Received && bounces(&event.stanza, &account)) {
            return Ok(());
        }
        let log = self.log()?;
        let Some(entry) =
            self.find(log, &account, &event.stanza, side, &target).await.map_err(store_failed)?
        else {
            return Ok(());
        };
        let stamp = account.host().clock().now().to_rfc3339();
        let retracted = Tree::new(NS_RETRACT, "retracted").with_attr("id", &*name).with_attr("stamp", stamp);
        let tombstone = Stanza { children: Children::new(), extra: None, ..entry.stanza }.with(&retracted);
        let buried = log.bury(&account, entry.position, &tombstone).await.map_err(store_failed)?;
        if let Some(ticket) = buried {
            self.metrics.retracted.inc();
            event.custody.attach(ticket);
        }
        Ok(())
    }

    /// The message with this id that the sender of `retraction` may retract; of several, the newest.
    async fn find(
        &self,
        log: &Log,
        account: &Account,
        retraction: &Stanza,
        side: Side,
        target: &str,
    ) -> Result<Option<Entry>, StoreError> {
        let peer = if side == Side::Sent { &retraction.to } else { &retraction.from };
        let with = peer.as_ref().map(|peer| Jid::from(peer.to_bare()));
        let mut query = Query { with, backwards: true, max: SEARCH_ROWS, ..Query::default() };
        let mut left = self.config.retract_search_max;
        while left > 0 {
            query.max = SEARCH_ROWS.min(left);
            let page = log.page(account, &query).await?;
            left -= page.entries.len().min(left);
            query.before = page.entries.first().map(|entry| entry.position);
            let meant = |entry: &Entry| {
                let sent = entry.sent == (side == Side::Sent);
                sent && entry.stanza.id.as_deref() == Some(target) && may_retract(retraction, entry)
            };
            if let Some(entry) = page.entries.into_iter().rev().find(meant) {
                return Ok(Some(entry));
            }
            if page.complete {
                break;
            }
        }
        Ok(None)
    }
}

/// §5: only who has sent it.
fn may_retract(retraction: &Stanza, entry: &Entry) -> bool {
    let (Some(by), Some(from)) = (&retraction.from, &entry.stanza.from) else { return false };
    // Two occupants of a room that talk in private have the same bare JID.
    let occupant = |stanza: &Stanza| stanza.children.find(NS_MUC_USER, "x").is_some();
    let same = match occupant(retraction) || occupant(&entry.stanza) {
        true => by == from,
        false => by.same_bare(from),
    };
    // A retraction has to stay (§5), or its tombstone would name nothing.
    same && !entry.retracted && target(&entry.stanza).is_none()
}

/// RFC 6121 §8.5.3.2.1: it is not for this account's archive either.
fn bounces(stanza: &Stanza, account: &Account) -> bool {
    let resource = stanza.to.as_ref().and_then(Jid::resource);
    let normal = stanza.kind == Kind::Message(MessageType::Normal);
    normal && resource.is_some_and(|resource| account.session(resource).is_none())
}

/// So many rows are read at once.
const SEARCH_ROWS: usize = 32;
