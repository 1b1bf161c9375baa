//! Entering a room ([XEP-0045 §7.2](https://xmpp.org/extensions/xep-0045.html#enter)).

use std::cell::Cell;

use waxwing_core::prelude::*;

use crate::affiliation::Affiliation;
use crate::history::Wanted;
use crate::item::{self, Note};
use crate::names::MUC;
use crate::nick;
use crate::occupant::{self, Faces, Occupant};
use crate::presence::{check_size, client};
use crate::role::Role;
use crate::room::Room;
use crate::turn::{Row, Turn};

impl Room {
    /// §7.2: a client wants to enter under a nickname.
    ///
    /// # Errors
    /// Those of §7.2.17.
    pub(crate) fn enter(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        name: &str,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        let real = from.to_bare();
        let affiliation = self.affiliation(turn, &real);
        let muc = stanza.children.find(MUC, "x").map(Child::tree).unwrap_or_else(|| Tree::new(MUC, "x"));
        nick::check(name, turn.config.nick_bytes_max)?;
        check_size(turn, stanza)?;
        // Who guesses passwords comes in as often as who knows them.
        self.spend_entry(turn, &real)?;
        self.may_enter(affiliation, muc.child_text(MUC, "password").as_deref())?;
        self.has_room(turn, &real, name, affiliation)?;
        self.is_free(&real, name)?;
        let key = nick::key(name);
        if self
            .occupants
            .get(&key)
            .is_some_and(|there| there.clients.len() >= turn.config.sessions_per_nick_max)
        {
            return Err(
                StanzaError::from(Condition::ResourceConstraint).text("Too many of your clients are here.")
            );
        }
        let created = self.locked && self.occupants.is_empty();
        self.versions_at_entry(turn, from, affiliation, &muc);
        let occupant = self.place(turn, from, name, stanza)?;
        self.welcome(turn, from, &occupant, &Welcome { stanza, created, wanted: Wanted::from_tree(&muc) });
        turn.write(Row::Occupant(from.clone()));
        Ok(())
    }

    /// Somebody comes in, or does what concerns as many others: not too often.
    ///
    /// # Errors
    /// `policy-violation`.
    pub(crate) fn spend_entry(&mut self, turn: &Turn<'_>, real: &BareJid) -> Result<(), StanzaError> {
        if turn.exempt || self.entries.take(real, turn.config.entries, turn.now) {
            return Ok(());
        }
        let text = "You come in too often, or ask for too much.";
        Err(StanzaError::from(Condition::PolicyViolation).of_type(ErrorType::Wait).text(text))
    }

    /// §7.2.5 to §7.2.7, §7.2.10.
    fn may_enter(&self, affiliation: Affiliation, password: Option<&str>) -> Result<(), StanzaError> {
        if affiliation == Affiliation::Outcast {
            return Err(Condition::Forbidden.into());
        }
        if self.locked && affiliation != Affiliation::Owner {
            return Err(Condition::ItemNotFound.into());
        }
        if !self.admits(affiliation) {
            return Err(Condition::RegistrationRequired.into());
        }
        match &self.settings.password {
            Some(secret) if !secret.is(password) => Err(Condition::NotAuthorized.into()),
            _ => Ok(()),
        }
    }

    /// §7.2.9: admins and owners get in when the room is full.
    fn has_room(
        &self,
        turn: &Turn<'_>,
        real: &BareJid,
        name: &str,
        affiliation: Affiliation,
    ) -> Result<(), StanzaError> {
        let mut max = self.settings.max_users.min(turn.config.occupants_max);
        if affiliation >= Affiliation::Admin {
            max += turn.config.occupants_reserve;
        }
        // One more client of an occupant who is there takes no place.
        let joins = self.occupants.get(&nick::key(name)).is_some_and(|there| there.real == *real);
        if self.occupants.len() < max || joins {
            return Ok(());
        }
        Err(StanzaError::from(Condition::ServiceUnavailable)
            .of_type(ErrorType::Wait)
            .text("The room is full."))
    }

    /// §7.2.8: nobody else has the nickname, here or reserved.
    ///
    /// # Errors
    /// `conflict`.
    pub(crate) fn is_free(&self, real: &BareJid, name: &str) -> Result<(), StanzaError> {
        let taken = self.occupants.get(&nick::key(name)).is_some_and(|there| there.real != *real);
        let reserved = self.affiliations.reserved_by(name).is_some_and(|owner| owner != real);
        if taken || reserved { Err(Condition::Conflict.into()) } else { Ok(()) }
    }

    /// Puts a client into the room.
    fn place(
        &mut self,
        turn: &Turn<'_>,
        from: &Jid,
        name: &str,
        stanza: &Stanza,
    ) -> Result<Occupant, StanzaError> {
        let client = client(turn, from, stanza);
        let (key, jid) = (nick::key(name), self.with_nick(name)?);
        if !self.occupants.contains_key(&key) {
            let occupant = self.new_occupant(turn, jid, from.to_bare());
            self.occupants.insert(key.clone(), occupant);
        }
        self.clients.insert(from.clone(), key.clone());
        let occupant = self.occupants.get_mut(&key).ok_or(Condition::InternalServerError)?;
        occupant.show(client);
        let occupant = occupant.clone();
        self.audience_changed();
        Ok(occupant)
    }

    fn new_occupant(&mut self, turn: &Turn<'_>, jid: Jid, real: BareJid) -> Occupant {
        Occupant {
            jid,
            role: self.role_at_entry(turn, &real),
            clients: Vec::new(),
            id: occupant::id(&self.key, &self.jid, &real),
            faces: Faces::default(),
            place: Cell::default(),
            real,
        }
    }

    /// §5.1.2; §5.1: somebody who was here comes back as before, and who is here under another nickname is as there.
    fn role_at_entry(&mut self, turn: &Turn<'_>, real: &BareJid) -> Role {
        let entry = Role::at_entry(self.affiliation(turn, real), self.settings.moderated);
        let at = self.remembered.iter().position(|(jid, _)| jid == real);
        let remembered = at.and_then(|at| self.remembered.remove(at)).map(|(_, role)| role);
        let here = self.occupants_of(real).map(|occupant| occupant.role).min();
        match here.filter(|role| *role < Role::Moderator).or(remembered) {
            Some(role) if entry < Role::Moderator => role,
            _ => entry,
        }
    }

    /// §7.1: presence of the others, one's own, history, subject.
    fn welcome(&self, turn: &mut Turn<'_>, from: &Jid, me: &Occupant, welcome: &Welcome<'_>) {
        self.send_roster(turn, from, me);
        let note = Note { own_codes: self.entry_codes(welcome.created), ..Note::default() };
        // §7.2.8: for one's other clients it is a change of presence.
        let mine: Vec<Jid> = me.addresses().filter(|jid| jid != from).collect();
        self.tell_rest(turn, me, mine);
        let mut own = self.presence(turn, me, &note, self.sees_addresses(me.role), true).to(from);
        // §7.2.2: the client knows its stanza again.
        own.id.clone_from(&welcome.stanza.id);
        self.versions_in(&mut own, me.role, turn);
        turn.send(own);
        self.send_history(turn, from, &welcome.wanted);
        self.send_subject(turn, from);
    }

    /// §7.2.3, §7.2.12, §10.1.1.
    fn entry_codes(&self, created: bool) -> Vec<u16> {
        let codes = [(100, self.settings.non_anonymous), (170, self.settings.logging), (201, created)];
        codes.into_iter().filter(|(_, holds)| *holds).map(|(code, _)| code).collect()
    }

    /// The others learn how somebody is there, and its own other clients.
    fn tell_rest(&self, turn: &mut Turn<'_>, me: &Occupant, mine: Vec<Jid>) {
        if self.is_broadcast(me.role) {
            self.tell_others(turn, me, |turn, full| self.face(turn, me, full));
        }
        if !mine.is_empty() {
            let own = self.presence(turn, me, &Note::default(), self.sees_addresses(me.role), true);
            turn.send_all(own, mine);
        }
    }

    /// §7.2.1, §17.3 rule 3: the client has lost track: it gets everything again, the others what is new.
    ///
    /// # Errors
    /// As a change of presence.
    pub(crate) fn enter_again(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        check_size(turn, stanza)?;
        self.spend(turn, from)?;
        self.spend_entry(turn, &from.to_bare())?;
        let client = client(turn, from, stanza);
        let muc = stanza.children.find(MUC, "x").map(Child::tree).unwrap_or_else(|| Tree::new(MUC, "x"));
        let affiliation = self.affiliation(turn, &from.to_bare());
        self.versions_at_entry(turn, from, affiliation, &muc);
        let Some(occupant) = self.occupant_of_mut(from) else { return Ok(()) };
        occupant.show(client);
        let occupant = occupant.clone();
        let welcome = Welcome { stanza, created: false, wanted: Wanted::from_tree(&muc) };
        self.welcome(turn, from, &occupant, &welcome);
        Ok(())
    }
}

/// What a client that enters is to get.
struct Welcome<'a> {
    stanza: &'a Stanza,
    created: bool,
    wanted: Wanted,
}

/// §7.2.18: presence of somebody who is not in the room, and does not say that it wants to be: it has lost track.
pub(crate) fn not_here(stanza: &Stanza) -> Option<Stanza> {
    let (from, to) = (stanza.from.as_ref()?, stanza.to.as_ref()?);
    let standing = item::Standing { affiliation: Affiliation::None, role: Role::None, jid: None };
    let note = Note {
        codes: vec![307, 333],
        reason: Some("You are not in the room.".to_owned()),
        ..Note::default()
    };
    let x = item::x(standing, &note, false, true);
    Some(Stanza::presence(PresenceType::Unavailable).from(to).to(from).with(&x))
}
