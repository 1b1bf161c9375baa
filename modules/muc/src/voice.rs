//! Asking for voice, and giving it ([XEP-0045 §7.13](https://xmpp.org/extensions/xep-0045.html#requestvoice), §8.6).

use waxwing_core::prelude::*;
use waxwing_xmpp::{Field, Form};

use crate::item::Note;
use crate::names::REQUEST_FORM;
use crate::nick;
use crate::role::Role;
use crate::room::Room;
use crate::turn::Turn;

impl Room {
    /// A submitted form of type `muc#request`: a visitor asks, or a moderator answers.
    ///
    /// # Errors
    /// `forbidden` for who is not in the room or may not answer.
    pub(crate) fn voice(&mut self, turn: &mut Turn<'_>, from: &Jid, form: &Form) -> Result<(), StanzaError> {
        let Some(me) = self.occupant_of(from) else { return Err(Condition::Forbidden.into()) };
        match (me.role, form.flag("muc#request_allow")) {
            (Role::Moderator, Some(true)) => self.grant_voice(turn, from, form),
            // §8.6: nothing happens.
            (Role::Moderator, _) => Ok(()),
            (_, Some(_)) => Err(Condition::Forbidden.into()),
            (Role::Visitor, None) => self.request_voice(turn, from, form),
            // Who has voice needs none.
            _ => Ok(()),
        }
    }

    /// §7.13, §8.6: the moderators get a form.
    fn request_voice(&mut self, turn: &mut Turn<'_>, from: &Jid, form: &Form) -> Result<(), StanzaError> {
        if form.value("muc#role").is_some_and(|role| role != Role::Participant.name()) {
            return Err(StanzaError::bad_request("Ask for the role participant."));
        }
        self.spend(turn, from)?;
        let Some(me) = self.occupant_of(from) else { return Ok(()) };
        let mut form = Form::new("form", REQUEST_FORM)
            .with(
                Field::new("list-single", "muc#role").label("Requested role").value(Role::Participant.name()),
            )
            .with(Field::new("jid-single", "muc#jid").label("User").value(from.as_str()))
            .with(Field::new("text-single", "muc#roomnick").label("Nickname").value(me.nick()))
            .with(
                Field::new("boolean", "muc#request_allow")
                    .label("Grant voice to this person?")
                    .value("false"),
            );
        form.title = Some("Voice request".to_owned());
        form.instructions
            .push("To approve this request for voice, check the box and submit the form.".to_owned());
        let message =
            Stanza::message(MessageType::Normal).from(&self.jid).id(turn.world.id()).with(&form.to_tree());
        turn.send_all(message, self.with_role(Role::Moderator));
        Ok(())
    }

    /// §8.6: as §8.3.
    fn grant_voice(&mut self, turn: &mut Turn<'_>, from: &Jid, form: &Form) -> Result<(), StanzaError> {
        let named = form.value("muc#roomnick").and_then(|name| self.occupant_named(name));
        let by_jid = || form.value("muc#jid").and_then(|jid| self.occupant_of(&Jid::parse(jid).ok()?));
        let Some(occupant) = named.or_else(by_jid) else { return Err(Condition::ItemNotFound.into()) };
        if occupant.role != Role::Visitor {
            return Ok(());
        }
        let key = nick::key(occupant.nick());
        let note = Note { actor: self.actor(from), ..Note::default() };
        self.set_roles(turn, &[(key, Role::Participant)], &note);
        Ok(())
    }
}
