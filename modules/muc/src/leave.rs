//! Leaving a room, of one's own will or not
//! ([XEP-0045 §7.14](https://xmpp.org/extensions/xep-0045.html#exit), §8.2, §9.1, §11.1).

use waxwing_core::prelude::*;

use crate::affiliation::Affiliation;
use crate::item::Note;
use crate::occupant::{Occupant, presence_of};
use crate::role::Role;
use crate::room::Room;
use crate::turn::{Row, Turn};

/// So many people's roles are remembered.
const REMEMBERED_MAX: usize = 200;

impl Room {
    /// §7.14: a client leaves.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>, client: &Jid, stanza: &Stanza) {
        let mut status = presence_of(stanza);
        if status.byte_len() > turn.config.presence_bytes_max.0 {
            status = Children::new();
        }
        self.drop_client(turn, client, &status, &Note::default());
    }

    /// §11.1, §18.1.2: a client is not there any more, as an error says.
    pub(crate) fn lose(&mut self, turn: &mut Turn<'_>, client: &Jid) {
        self.drop_client(turn, client, &Children::new(), &Note { codes: vec![333], ..Note::default() });
    }

    fn drop_client(&mut self, turn: &mut Turn<'_>, client: &Jid, status: &Children, note: &Note) {
        let Some(key) = self.clients.remove(client) else { return };
        self.audience_changed();
        turn.write(Row::Occupant(client.clone()));
        let Some(occupant) = self.occupants.get_mut(&key) else { return };
        if occupant.clients.len() > 1 {
            let was_shown = occupant.shown().is_some_and(|shown| shown.jid == *client);
            occupant.clients.retain(|other| other.jid != *client);
            let rest = occupant.clone();
            self.tell_client_gone(turn, &rest, client, status, note);
            if was_shown {
                self.tell(turn, &rest, &Note::default(), self.is_broadcast(rest.role));
            }
            return;
        }
        if let Some(occupant) = self.occupants.remove(&key) {
            self.remember(turn, &occupant);
            self.tell_gone(turn, &occupant, status, note);
        }
        self.ends_if_empty(turn);
    }

    /// One of several clients has left: nobody else has to know.
    fn tell_client_gone(
        &self,
        turn: &mut Turn<'_>,
        occupant: &Occupant,
        client: &Jid,
        status: &Children,
        note: &Note,
    ) {
        let affiliation = self.affiliation(turn, &occupant.real);
        let own =
            self.absence(occupant, affiliation, status, note, (self.sees_addresses(occupant.role), true));
        turn.send(own.to(client));
    }

    /// §5.1: who was given voice keeps it, who was silenced stays silent.
    fn remember(&mut self, turn: &Turn<'_>, occupant: &Occupant) {
        let entry = Role::at_entry(self.affiliation(turn, &occupant.real), self.settings.moderated);
        self.remembered.retain(|(jid, _)| *jid != occupant.real);
        let ordinary = Role::Visitor..Role::Moderator;
        if occupant.role != entry && ordinary.contains(&occupant.role) && ordinary.contains(&entry) {
            self.remembered.push_back((occupant.real.clone(), occupant.role));
        }
        while self.remembered.len() > REMEMBERED_MAX {
            self.remembered.pop_front();
        }
    }

    /// Who was silenced does not speak again by being kicked; voice that was given ends with a kick.
    fn remember_silence(&mut self, turn: &Turn<'_>, occupant: &Occupant) {
        self.remember(turn, occupant);
        self.remembered.retain(|(jid, role)| *jid != occupant.real || *role < Role::Participant);
    }

    /// Removes an occupant with all its clients (§8.2, §9.1, §9.4, §10.2).
    pub(crate) fn remove(&mut self, turn: &mut Turn<'_>, key: &str, note: &Note) {
        self.remove_all(turn, vec![(key.to_owned(), note.clone())]);
    }

    /// The same with several: who goes hears of itself, who stays of all of them.
    pub(crate) fn remove_all(&mut self, turn: &mut Turn<'_>, out: Vec<(String, Note)>) {
        let mut gone = Vec::new();
        for (key, note) in out {
            let Some(occupant) = self.occupants.remove(&key) else { continue };
            self.remember_silence(turn, &occupant);
            for client in &occupant.clients {
                self.clients.remove(&client.jid);
                turn.write(Row::Occupant(client.jid.clone()));
            }
            gone.push((occupant, note));
        }
        self.audience_changed();
        turn.readers.clear();
        for (occupant, note) in &gone {
            self.tell_gone(turn, occupant, &Children::new(), note);
        }
        self.ends_if_empty(turn);
    }

    /// §7.14, §10.1.3: a room that is not persistent ends with the last occupant, one that was never configured with its
    /// creator.
    pub(crate) fn ends_if_empty(&mut self, turn: &mut Turn<'_>) {
        if self.occupants.is_empty() && (self.locked || !self.settings.persistent) {
            self.end(turn);
        }
    }

    /// §10.9: everybody goes; each one learns it for itself.
    pub(crate) fn destroy(&mut self, turn: &mut Turn<'_>, destroy: &Tree) {
        let note = Note { destroy: Some(destroy.clone()), ..Note::default() };
        self.clients.clear();
        self.audience_changed();
        for occupant in std::mem::take(&mut self.occupants).into_values() {
            let gone = self.absence(&occupant, Affiliation::None, &Children::new(), &note, (false, true));
            turn.send_all(gone, occupant.addresses().collect::<Vec<_>>());
        }
        self.end(turn);
    }

    fn end(&mut self, turn: &mut Turn<'_>) {
        self.relayed.end(turn);
        self.gone = true;
        turn.over = true;
    }
}
