//! Presence of occupants, told to those who may see it
//! ([XEP-0045 §7.2.2](https://xmpp.org/extensions/xep-0045.html#enter-pres), §7.7).
//!
//! A presence is built once for those who see real addresses, once for the others, and once for the occupant itself.

use waxwing_core::prelude::*;

use crate::affiliation::Affiliation;
use crate::item::{self, Note, Standing};
use crate::occupant::{Client, Occupant, presence_of};
use crate::role::Role;
use crate::room::Room;
use crate::turn::Turn;

impl Room {
    /// The presence of an occupant as somebody else, or itself, gets it.
    pub(crate) fn presence(
        &self,
        turn: &Turn<'_>,
        occupant: &Occupant,
        note: &Note,
        full: bool,
        own: bool,
    ) -> Stanza {
        let standing = Standing {
            affiliation: self.affiliation(turn, &occupant.real),
            role: occupant.role,
            jid: occupant.shown().map(|client| &client.jid),
        };
        let mut presence = Stanza::presence(PresenceType::Available).from(&occupant.jid);
        if let Some(client) = occupant.shown() {
            presence.children = client.presence.clone();
            presence.lang.clone_from(&client.lang);
        }
        presence.children.push(item::x(standing, note, full, own).to_child());
        presence.children.push(occupant.id_element());
        presence.children.extend(self.hats.element(&occupant.real));
        presence
    }

    /// The same for others, when there is nothing else to say.
    pub(crate) fn face(&self, turn: &Turn<'_>, occupant: &Occupant, full: bool) -> Stanza {
        occupant.faces.get(full, || self.presence(turn, occupant, &Note::default(), full, false))
    }

    /// The same, of somebody who is not there any more.
    pub(crate) fn absence(
        &self,
        occupant: &Occupant,
        affiliation: Affiliation,
        status: &Children,
        note: &Note,
        (full, own): (bool, bool),
    ) -> Stanza {
        let jid = occupant.shown().map(|client| &client.jid);
        let standing = Standing { affiliation, role: Role::None, jid };
        let mut presence = Stanza::presence(PresenceType::Unavailable).from(&occupant.jid);
        presence.children = status.clone();
        presence.children.push(item::x(standing, note, full, own).to_child());
        presence.children.push(occupant.id_element());
        presence
    }

    /// Tells everybody how an occupant stands now: the others first, then itself. `seen`: whether the others saw it before.
    pub(crate) fn tell(&self, turn: &mut Turn<'_>, occupant: &Occupant, note: &Note, seen: bool) {
        if let Some(there) = self.occupant_named(occupant.nick()) {
            there.faces.forget();
        }
        if self.is_broadcast(occupant.role) {
            self.tell_others(turn, occupant, |turn, full| self.presence(turn, occupant, note, full, false));
        } else if seen {
            // Others do not see this role: for them it is gone.
            let affiliation = self.affiliation(turn, &occupant.real);
            let gone = |full| self.absence(occupant, affiliation, &Children::new(), note, (full, false));
            self.tell_others(turn, occupant, |_, full| gone(full));
        }
        let own = self.presence(turn, occupant, note, self.sees_addresses(occupant.role), true);
        turn.send_all(own, occupant.addresses().collect::<Vec<_>>());
    }

    /// Tells everybody that an occupant has gone: itself first, then the others, if they saw it.
    pub(crate) fn tell_gone(&self, turn: &mut Turn<'_>, occupant: &Occupant, status: &Children, note: &Note) {
        let affiliation = self.affiliation(turn, &occupant.real);
        let gone = |full, own| self.absence(occupant, affiliation, status, note, (full, own));
        turn.send_all(
            gone(self.sees_addresses(occupant.role), true),
            occupant.addresses().collect::<Vec<_>>(),
        );
        if self.is_broadcast(occupant.role) {
            self.tell_others(turn, occupant, |_, full| gone(full, false));
        }
    }

    /// Sends everybody but the occupant itself what they may see; it is made for those who are there.
    pub(crate) fn tell_others<'a>(
        &self,
        turn: &mut Turn<'a>,
        occupant: &Occupant,
        make: impl Fn(&Turn<'a>, bool) -> Stanza,
    ) {
        // It may have gone.
        let there = self.occupant_named(occupant.nick());
        for full in [true, false] {
            let to = self.others(full, there);
            if !to.is_empty() {
                turn.send_all(make(turn, full), to);
            }
        }
    }

    /// §7.2.2: sends a client the presence of all others.
    pub(crate) fn send_roster(&self, turn: &mut Turn<'_>, to: &Jid, me: &Occupant) {
        let full = self.sees_addresses(me.role);
        for other in
            self.occupants.values().filter(|other| other.jid != me.jid && self.is_broadcast(other.role))
        {
            let presence = self.face(turn, other, full);
            turn.send(presence.to(to));
        }
    }

    /// §7.7: an occupant is available in another way.
    ///
    /// # Errors
    /// `policy-violation` if it is too large or comes too fast.
    pub(crate) fn update(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        check_size(turn, stanza)?;
        self.spend(turn, from)?;
        let client = client(turn, from, stanza);
        let Some(occupant) = self.occupant_of_mut(from) else { return Ok(()) };
        occupant.show(client);
        let occupant = occupant.clone();
        self.tell(turn, &occupant, &Note::default(), self.is_broadcast(occupant.role));
        Ok(())
    }

    /// An occupant sends something: not faster than it may.
    ///
    /// # Errors
    /// `policy-violation`.
    pub(crate) fn spend(&mut self, turn: &Turn<'_>, from: &Jid) -> Result<(), StanzaError> {
        let now = turn.now;
        let Some(occupant) = self.occupant_of_mut(from) else { return Ok(()) };
        let real = occupant.real.clone();
        if let Some(client) = occupant.clients.iter_mut().find(|client| client.jid == *from) {
            client.heard = now;
        }
        if turn.exempt || self.paces.stanza(turn, &real) {
            return Ok(());
        }
        let text = "You send faster than this service allows.";
        Err(StanzaError::from(Condition::PolicyViolation).of_type(ErrorType::Wait).text(text))
    }
}

/// # Errors
/// `policy-violation` if the presence is larger than it may be.
pub(crate) fn check_size(turn: &Turn<'_>, stanza: &Stanza) -> Result<(), StanzaError> {
    let max = turn.config.presence_bytes_max.0;
    if stanza.children.byte_len() <= max {
        return Ok(());
    }
    let text = format!("Presence in a room may take {max} bytes.");
    Err(StanzaError::from(Condition::PolicyViolation).text(text))
}

/// A client as its presence shows it.
pub(crate) fn client(turn: &Turn<'_>, from: &Jid, stanza: &Stanza) -> Client {
    let presence = presence_of(stanza).iter().map(Child::detach).collect();
    let lang = stanza.lang.as_ref().map(Text::detach);
    Client { jid: from.clone(), presence, lang, entered: turn.now, heard: turn.now }
}
