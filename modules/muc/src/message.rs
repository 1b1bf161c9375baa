//! Messages to everybody ([XEP-0045 §7.4](https://xmpp.org/extensions/xep-0045.html#message)) and to one occupant
//! ([§7.5](https://xmpp.org/extensions/xep-0045.html#privatemessage)).

use waxwing_core::prelude::*;

use crate::archive;
use crate::history::Entry;
use crate::item::{self, Note, Standing};
use crate::names::MUC;
use crate::occupant::Occupant;
use crate::role::Role;
use crate::room::Room;
use crate::subject;
use crate::turn::{Kept, Turn};

impl Room {
    /// §7.4: an occupant speaks to everybody, or changes the subject (§8.1).
    ///
    /// # Errors
    /// `not-acceptable` for who is not in the room, `forbidden` for who has no voice, `policy-violation` for who is too fast.
    pub(crate) fn speak(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        stanza: Stanza,
    ) -> Result<(), StanzaError> {
        let Some(me) = self.occupant_of(from).cloned() else { return Err(Condition::NotAcceptable.into()) };
        let is_subject = subject::is_change(&stanza);
        if is_subject {
            self.may_change_subject(turn, me.role, &stanza)?;
        } else if me.role < Role::Participant {
            return Err(StanzaError::from(Condition::Forbidden).text("You have no voice in this room."));
        }
        self.spend(turn, from)?;
        self.check_slow(turn, &me.real, &stanza)?;
        let message = self.reflected(turn, &me, stanza);
        if is_subject {
            let kept = self.broadcast(turn, &me, message.clone())?;
            turn.tickets.extend(kept.and_then(|kept| kept.ticket));
            self.set_subject(turn, &message, me.nick(), &me.id);
            return Ok(());
        }
        let kept = self.broadcast(turn, &me, message.clone())?;
        self.slow_down(turn, &me.real, &message);
        self.forward_mentions(turn, &message, kept.as_ref());
        turn.tickets.extend(kept.and_then(|kept| kept.ticket));
        Ok(())
    }

    /// The message as all get it, but for where it is in the archive.
    fn reflected(&self, turn: &Turn<'_>, me: &Occupant, mut message: Stanza) -> Stanza {
        self.clean(&mut message);
        message.from = Some(me.jid.clone());
        message.to = None;
        // §7.4: the client knows its message again.
        message.id.get_or_insert_with(|| turn.world.id());
        message.children.push(me.id_element());
        message
    }

    /// Archives a message and sends it to all.
    fn broadcast(
        &mut self,
        turn: &mut Turn<'_>,
        me: &Occupant,
        mut message: Stanza,
    ) -> Result<Option<Kept>, StanzaError> {
        let kept = match archive::belongs(&message) {
            // A room that is not configured yet has no archive.
            true if self.settings.logging && !self.locked => {
                Some(turn.world.keep(&self.archived(turn, me, &message))?)
            }
            true => Some(Kept { id: turn.world.id(), ticket: None }),
            false => None,
        };
        if let Some(kept) = &kept {
            message.children.push(self.stanza_id(&kept.id));
            if message.has_body() {
                self.note_history(turn, &message, &kept.id);
            }
        }
        turn.send_all(message, self.everybody());
        Ok(kept)
    }

    /// XEP-0313 §6.1.2: in the archive stands also who it was.
    fn archived(&self, turn: &Turn<'_>, me: &Occupant, message: &Stanza) -> Stanza {
        let standing = Standing {
            affiliation: self.affiliation(turn, &me.real),
            role: me.role,
            jid: me.shown().map(|client| &client.jid),
        };
        message.clone().with(&item::x(standing, &Note::default(), true, false))
    }

    /// A message that those who enter later shall see.
    pub(crate) fn note_history(&mut self, turn: &Turn<'_>, message: &Stanza, id: &Text) {
        let mut stanza = message.clone();
        stanza.children = stanza.children.iter().map(Child::detach).collect();
        let entry = Entry { stanza, stamp: turn.now, id: id.clone() };
        self.history.push(entry, turn.config.history_max, turn.config.history_bytes_max.0);
    }

    /// XEP-0359 §3.
    pub(crate) fn stanza_id(&self, id: &Text) -> Child {
        Tree::new(ns::STANZA_ID, "stanza-id")
            .with_attr("by", self.jid.as_str())
            .with_attr("id", id.as_str())
            .to_child()
    }

    /// Takes out what only the room may say (§17.3 rule 6, XEP-0359 §5, XEP-0421 §4, XEP-0203 §5).
    pub(crate) fn clean(&self, message: &mut Stanza) {
        let own = |child: &Child, attribute| {
            let said = child.attribute(attribute).and_then(|jid| Jid::parse(&jid).ok());
            said.is_some_and(|jid| jid.same_bare(self.jid.as_jid()))
        };
        message.children.retain(|child| match child.namespace() {
            ns::MUC_USER | MUC | ns::OCCUPANT_ID | NS_HATS => false,
            ns::STANZA_ID => child.name() != "stanza-id" || !own(child, "by"),
            ns::DELAY => !own(child, "from"),
            _ => true,
        });
    }

    /// §7.5: an occupant speaks to another one alone.
    ///
    /// # Errors
    /// `bad-request` for type groupchat, `not-acceptable` for who is not in the room, `item-not-found` for who is not
    /// there, `forbidden` where the room does not allow it.
    pub(crate) fn whisper(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        name: &str,
        stanza: Stanza,
    ) -> Result<(), StanzaError> {
        if stanza.kind == Kind::Message(MessageType::Groupchat) {
            return Err(StanzaError::bad_request("A private message is not of type groupchat."));
        }
        let Some(me) = self.occupant_of(from).cloned() else { return Err(Condition::NotAcceptable.into()) };
        let Some(you) = self.occupant_named(name).cloned() else {
            return Err(Condition::ItemNotFound.into());
        };
        if !self.settings.allow_pm.allows(me.role) {
            return Err(
                StanzaError::from(Condition::Forbidden).text("You may send no private messages here.")
            );
        }
        self.spend(turn, from)?;
        let mut message = stanza;
        self.clean(&mut message);
        message.from = Some(me.jid.clone());
        message.to = None;
        // §7.5: for carbons (XEP-0280) and archives.
        message.children.push(Tree::new(ns::MUC_USER, "x").to_child());
        message.children.push(me.id_element());
        for client in you.addresses() {
            self.relayed.message(turn, from, &client, &message, None);
            turn.send(message.clone().to(client));
        }
        Ok(())
    }
}

const NS_HATS: &str = "urn:xmpp:hats:0";
