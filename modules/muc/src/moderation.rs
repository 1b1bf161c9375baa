//! Messages that are taken back: by moderators ([XEP-0425](https://xmpp.org/extensions/xep-0425.html), current and older
//! namespace) and by their authors ([XEP-0424](https://xmpp.org/extensions/xep-0424.html)). In the archive a tombstone
//! stays.

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_log::Log;

use crate::Muc;
use crate::handle::Handle;
use crate::iq::Request;
use crate::role::Role;
use crate::room::Room;
use crate::turn::Turn;

/// A message in the archive that is to be taken back.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its id in the room.
    pub(crate) id: String,
    position: u64,
    stanza: Stanza,
}

/// What a moderator asks for.
#[derive(Debug)]
struct Moderation {
    id: String,
    reason: Option<String>,
}

/// Who has moderated, as all see it.
#[derive(Debug)]
struct Moderator {
    jid: Jid,
    occupant_id: Text,
}

impl Muc {
    /// XEP-0425 §3: a moderator takes a message back.
    pub(crate) async fn moderate(&self, request: &Request<'_>) -> IqResult {
        let asked = Moderation::from_tree(&request.payload.tree(), self.config().text_bytes_max)?;
        let (moderator, _) = self.turn(request.handle, true, |room, _| room.moderator(request.from))?;
        let target = self.target(request.handle, &asked.id).await?.ok_or(Condition::ItemNotFound)?;
        let done = self.turn(request.handle, request.exempt, |room, turn| {
            // He may have lost it meanwhile.
            room.moderator(request.from)?;
            room.announce_moderation(turn, &asked, &moderator)
        });
        let left = self.settle(request.handle, done).await?;
        let tombstone = self.tombstone(&target, &asked, &moderator);
        let buried = self.bury(request.handle, &target, &tombstone).await?;
        Ok(left.tickets.into_iter().chain(buried).fold(Reply::empty(), Reply::after))
    }

    /// The message with this id in the room's archive.
    async fn target(&self, handle: &Handle, id: &str) -> Result<Option<Target>, StanzaError> {
        let Some((log, account)) = self.archive_of(handle) else { return Ok(None) };
        let Some(position) = log.ids().position(account.number(), id) else { return Ok(None) };
        let entry = log.entry(account, position).await.map_err(store_failed)?;
        let target = |entry: waxwing_log::Entry| Target { id: id.to_owned(), position, stanza: entry.stanza };
        Ok(entry.filter(|entry| !entry.retracted).map(target))
    }

    fn archive_of<'a>(&'a self, handle: &'a Handle) -> Option<(&'a Log, &'a Account)> {
        Some((self.log.get().map(Arc::as_ref)?, handle.account.get().map(Arc::as_ref)?))
    }

    /// XEP-0424 §5: what a message to everybody takes back. Only its author may.
    ///
    /// # Errors
    /// `forbidden` for somebody else's message.
    pub(crate) async fn retracted(
        &self,
        handle: &Handle,
        from: &Jid,
        stanza: &Stanza,
    ) -> Result<Option<Target>, StanzaError> {
        let Some(id) = stanza.children.find(NS_RETRACT, "retract").and_then(|child| child.attribute("id"))
        else {
            return Ok(None);
        };
        let Some(target) = self.target(handle, &id).await? else { return Ok(None) };
        let author = target
            .stanza
            .children
            .find(ns::OCCUPANT_ID, "occupant-id")
            .and_then(|child| child.attribute("id"));
        let room = handle.room.lock();
        // Who is not in the room is told so later.
        let Some(me) = room.occupant_of(from) else { return Ok(None) };
        if author.as_deref() != Some(me.id.as_str()) {
            return Err(StanzaError::from(Condition::Forbidden).text("This is another's message."));
        }
        Ok(Some(target))
    }

    /// XEP-0424 §4.
    pub(crate) async fn bury_own(
        &self,
        handle: &Handle,
        target: &Target,
        retraction: &Stanza,
    ) -> Result<Option<Ticket>, StanzaError> {
        let mut retracted =
            Tree::new(NS_RETRACT, "retracted").with_attr("stamp", self.host.clock().now().to_rfc3339());
        if let Some(id) = &retraction.id {
            retracted.set_attr("id", id.as_str());
        }
        self.bury(handle, target, &retracted).await
    }

    fn tombstone(&self, target: &Target, asked: &Moderation, moderator: &Moderator) -> Tree {
        let stamp = self.host.clock().now().to_rfc3339();
        let retracted = Tree::new(NS_RETRACT, "retracted")
            .with_attr("id", target.id.as_str())
            .with_attr("stamp", stamp)
            .with_child(moderator.element());
        asked.with_reason(retracted, NS_RETRACT)
    }

    /// The content goes, who it was stays.
    async fn bury(
        &self,
        handle: &Handle,
        target: &Target,
        tombstone: &Tree,
    ) -> Result<Option<Ticket>, StanzaError> {
        let Some((log, account)) = self.archive_of(handle) else { return Ok(None) };
        let mut stanza = target.stanza.clone();
        stanza.children.retain(|child| matches!(child.namespace(), ns::OCCUPANT_ID | ns::MUC_USER));
        stanza.extra = None;
        let stanza = stanza.with(tombstone);
        log.bury(account, target.position, &stanza).await.map_err(store_failed)
    }
}

impl Moderation {
    fn from_tree(tree: &Tree, bytes_max: usize) -> Result<Self, StanzaError> {
        let id = tree.attr("id").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| StanzaError::bad_request("Say which message."))?;
        // XEP-0425 up to 0.2.1: inside `<apply-to/>` (XEP-0422).
        let (moderate, ns) = match tree.namespace() {
            NS_FASTEN => (tree.child(NS_OLD, "moderate"), NS_OLD),
            _ => (Some(tree), NS),
        };
        let moderate = moderate.ok_or_else(|| StanzaError::bad_request("Say what is to be done."))?;
        let retracts = [NS_RETRACT, NS_RETRACT_OLD].iter().any(|ns| moderate.child(ns, "retract").is_some());
        if !retracts {
            return Err(StanzaError::from(Condition::FeatureNotImplemented).text("Messages are retracted."));
        }
        let reason = moderate.child_text(ns, "reason").filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.len() > bytes_max) {
            return Err(StanzaError::from(Condition::NotAcceptable).text("The reason is too long."));
        }
        Ok(Self { id: id.to_owned(), reason })
    }

    fn with_reason(&self, tree: Tree, namespace: &str) -> Tree {
        match &self.reason {
            Some(reason) => tree.with_child(Tree::new(namespace, "reason").with_text(reason.as_str())),
            None => tree,
        }
    }
}

impl Moderator {
    /// §3.1.
    fn element(&self) -> Tree {
        let id = Tree::new(ns::OCCUPANT_ID, "occupant-id").with_attr("id", self.occupant_id.as_str());
        Tree::new(NS, "moderated").with_attr("by", self.jid.as_str()).with_child(id)
    }
}

impl Room {
    /// §3.2.
    fn moderator(&self, from: &Jid) -> Result<Moderator, StanzaError> {
        let me = self.occupant_of(from).filter(|me| me.role == Role::Moderator);
        let me = me.ok_or_else(|| {
            StanzaError::from(Condition::Forbidden).text("Only moderators take back what others have said.")
        })?;
        Ok(Moderator { jid: me.jid.clone(), occupant_id: me.id.clone() })
    }

    /// §3.1: all learn of it, and so does the archive.
    fn announce_moderation(
        &mut self,
        turn: &mut Turn<'_>,
        asked: &Moderation,
        by: &Moderator,
    ) -> Result<(), StanzaError> {
        self.history.remove(&asked.id);
        let retract =
            Tree::new(NS_RETRACT, "retract").with_attr("id", asked.id.as_str()).with_child(by.element());
        let mut message = Stanza::message(MessageType::Groupchat)
            .from(&self.jid)
            .id(turn.world.id())
            .with(&asked.with_reason(retract, NS_RETRACT))
            .with(&old_form(asked, by));
        if self.settings.logging {
            let kept = turn.world.keep(&message)?;
            message.children.push(self.stanza_id(&kept.id));
            turn.tickets.extend(kept.ticket);
        }
        turn.send_all(message, self.everybody());
        Ok(())
    }
}

/// COMPAT(Gajim, Converse.js of 2023): the form of XEP-0425 0.2.1. Remove when they have moved on.
fn old_form(asked: &Moderation, by: &Moderator) -> Tree {
    let moderated = Tree::new(NS_OLD, "moderated")
        .with_attr("by", by.jid.as_str())
        .with_child(Tree::new(NS_RETRACT_OLD, "retract"));
    let moderated = asked.with_reason(moderated, NS_OLD);
    Tree::new(NS_FASTEN, "apply-to").with_attr("id", asked.id.as_str()).with_child(moderated)
}

pub(crate) const NS: &str = "urn:xmpp:message-moderate:1";
pub(crate) const NS_OLD: &str = "urn:xmpp:message-moderate:0";
pub(crate) const NS_FASTEN: &str = "urn:xmpp:fasten:0";
pub(crate) const NS_RETRACT: &str = "urn:xmpp:message-retract:1";
const NS_RETRACT_OLD: &str = "urn:xmpp:message-retract:0";
