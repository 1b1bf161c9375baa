//! Registering with a room ([XEP-0045 §7.10](https://xmpp.org/extensions/xep-0045.html#register), §9.9).

use waxwing_core::prelude::*;
use waxwing_xmpp::{Field, Form};

use crate::affiliation::{Affiliate, Affiliation};
use crate::item::Note;
use crate::names::{REGISTER, REGISTER_FORM};
use crate::nick;
use crate::role::Role;
use crate::room::Room;
use crate::turn::{Row, Turn};

const NICK: &str = "muc#register_roomnick";

impl Room {
    /// §7.10: what is needed, or that it was done.
    ///
    /// # Errors
    /// `not-allowed` for who may not register.
    pub(crate) fn registration(&self, turn: &Turn<'_>, from: &Jid) -> Result<Tree, StanzaError> {
        let real = from.to_bare();
        let query = Tree::new(REGISTER, "query");
        let nick = self.affiliations.nick_of(&real);
        if let Some(nick) = nick {
            return Ok(query
                .with_child(Tree::new(REGISTER, "registered"))
                .with_child(Tree::new(REGISTER, "username").with_text(nick)));
        }
        self.may_register(turn, &real)?;
        let mut form = Form::new("form", REGISTER_FORM)
            .with(Field::new("text-single", NICK).label("Nickname to reserve").required());
        form.title = Some("Registration with the room".to_owned());
        form.instructions.push("Choose a nickname: nobody else may use it in this room.".to_owned());
        let instructions = Tree::new(REGISTER, "instructions").with_text("Choose a nickname.");
        Ok(query.with_child(instructions).with_child(form.to_tree()))
    }

    /// Members and higher reserve a nickname; others if the room lets them register.
    fn may_register(&self, turn: &Turn<'_>, real: &BareJid) -> Result<(), StanzaError> {
        match self.affiliation(turn, real) {
            Affiliation::Outcast => Err(Condition::Forbidden.into()),
            Affiliation::None if !self.settings.registration => Err(Condition::NotAllowed.into()),
            _ => Ok(()),
        }
    }

    /// §7.10: somebody registers, or takes it back (XEP-0077 §3.2).
    ///
    /// # Errors
    /// `conflict`, `bad-request`, `not-allowed`, `not-acceptable`, `resource-constraint`.
    pub(crate) fn register(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        query: &Tree,
    ) -> Result<(), StanzaError> {
        let real = from.to_bare();
        // Each change concerns others: not more often than somebody may come in.
        self.spend_entry(turn, &real)?;
        if query.child(REGISTER, "remove").is_some() {
            return self.unregister(turn, &real);
        }
        self.may_register(turn, &real)?;
        let form = query.child(ns::DATA_FORMS, "x").and_then(Form::from_tree);
        let form = form.filter(|form| {
            form.kind == "submit" && form.form_type().is_none_or(|kind| kind == REGISTER_FORM)
        });
        let nick = form.as_ref().and_then(|form| form.value(NICK));
        let nick = nick.ok_or_else(|| StanzaError::bad_request("Submit the form with a nickname."))?;
        nick::check(nick, turn.config.nick_bytes_max)?;
        let nick = self.with_nick(nick)?.resource().unwrap_or_default().to_owned();
        self.is_free(&real, &nick)?;
        if self.gains_by_membership(turn, &real) {
            return self.request_registration(turn, &real, nick);
        }
        self.enrol(turn, &real, nick)
    }

    /// §9.5, §9.9: who may enter a members-only room is for its admins to say, and so is who may speak (§5.1.3: members
    /// have voice).
    fn gains_by_membership(&self, turn: &Turn<'_>, real: &BareJid) -> bool {
        let silent = |role: &Role| *role < Role::Participant;
        let silenced = self.occupants_of(real).any(|occupant| silent(&occupant.role))
            || self.remembered.iter().any(|(jid, role)| jid == real && silent(role));
        self.affiliation(turn, real) == Affiliation::None
            && (self.settings.members_only || self.settings.moderated || silenced)
    }

    fn enrol(&mut self, turn: &mut Turn<'_>, real: &BareJid, nick: String) -> Result<(), StanzaError> {
        // An admin of the service, who is on no list, stands there as a member.
        let affiliation = self.affiliations.of(real).max(Affiliation::Member);
        let row = Affiliate { affiliation, nick: Some(nick), reason: None };
        self.check_affiliations(turn, [(real, &row)])?;
        self.set_affiliation(turn, real, row, &Note::default(), true);
        Ok(())
    }

    fn unregister(&mut self, turn: &mut Turn<'_>, real: &BareJid) -> Result<(), StanzaError> {
        let row = self.affiliations.row(real).cloned();
        let Some(row) = row.filter(|row| row.affiliation >= Affiliation::Member) else {
            self.requests.remove(real);
            turn.write(Row::Request(real.clone()));
            return Ok(());
        };
        // Who was a member by registration is none any more; admins and owners stay what they are.
        let affiliation =
            if row.affiliation == Affiliation::Member { Affiliation::None } else { row.affiliation };
        self.set_affiliation(
            turn,
            real,
            Affiliate { affiliation, nick: None, reason: None },
            &Note::default(),
            false,
        );
        Ok(())
    }

    /// §9.9: the admins are asked.
    fn request_registration(
        &mut self,
        turn: &mut Turn<'_>,
        real: &BareJid,
        nick: String,
    ) -> Result<(), StanzaError> {
        if self.requests.len() >= turn.config.registrations_max && !self.requests.contains_key(real) {
            return Err(
                StanzaError::from(Condition::ResourceConstraint).text("Too many wait for the admins.")
            );
        }
        let asks = |other: (&BareJid, &String)| nick::key(other.1) == nick::key(&nick) && other.0 != real;
        if self.requests.iter().any(asks) {
            return Err(Condition::Conflict.into());
        }
        let mut form = Form::new("form", REGISTER_FORM)
            .with(Field::new("jid-single", "muc#register_jid").label("User").value(real.as_str()))
            .with(Field::new("text-single", NICK).label("Nickname").value(nick.as_str()))
            .with(
                Field::new("boolean", "muc#register_allow")
                    .label("Allow this person to register?")
                    .value("0"),
            );
        form.title = Some("Registration request".to_owned());
        form.instructions.push("To approve this registration, check the box and submit the form.".to_owned());
        let known = self.requests.insert(real.clone(), nick).is_some();
        turn.write(Row::Request(real.clone()));
        if !known {
            let message = Stanza::message(MessageType::Normal)
                .from(&self.jid)
                .id(turn.world.id())
                .with(&form.to_tree());
            let admins = self.affiliations.iter().filter(|(_, row)| row.affiliation >= Affiliation::Admin);
            let to: Vec<Jid> = admins.map(|(jid, _)| jid.as_jid().clone()).collect();
            turn.send_all(message, to);
        }
        Ok(())
    }

    /// §9.9: an admin answers.
    ///
    /// # Errors
    /// `forbidden` for who is none, `item-not-found` if nobody has asked.
    pub(crate) fn answer_registration(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        form: &Form,
    ) -> Result<(), StanzaError> {
        if self.affiliation(turn, &from.to_bare()) < Affiliation::Admin {
            return Err(Condition::Forbidden.into());
        }
        let jid =
            form.value("muc#register_jid").and_then(|jid| Jid::parse(jid).ok()).map(|jid| jid.to_bare());
        let jid = jid.or_else(|| {
            let nick = form.value(NICK)?;
            self.requests.iter().find(|(_, asked)| *asked == nick).map(|(jid, _)| jid.clone())
        });
        let jid = jid.ok_or(Condition::ItemNotFound)?;
        let nick = self.requests.get(&jid).cloned().ok_or(Condition::ItemNotFound)?;
        if form.flag("muc#register_allow") == Some(true) {
            // Who cannot be let in now still waits.
            self.is_free(&jid, &nick)?;
            self.enrol(turn, &jid, nick)?;
        }
        self.requests.remove(&jid);
        turn.write(Row::Request(jid));
        Ok(())
    }
}
