//! Changing one's nickname ([XEP-0045 §7.6](https://xmpp.org/extensions/xep-0045.html#changenick)).

use waxwing_core::prelude::*;

use crate::item::Note;
use crate::nick;
use crate::occupant::Occupant;
use crate::presence::{check_size, client};
use crate::room::Room;
use crate::turn::{Row, Turn};

impl Room {
    /// §7.6: the occupant goes by another name from now on, with all its clients.
    ///
    /// # Errors
    /// `conflict`, `jid-malformed`, `not-acceptable`, `policy-violation`.
    pub(crate) fn rename(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        name: &str,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        nick::check(name, turn.config.nick_bytes_max)?;
        check_size(turn, stanza)?;
        self.is_free(&from.to_bare(), name)?;
        let (new_key, jid) = (nick::key(name), self.with_nick(name)?);
        let old_key = self.clients.get(from).cloned().unwrap_or_default();
        if new_key != old_key && self.occupants.contains_key(&new_key) {
            // §7.6: a second occupant of the same user; joining the two would need more than a change of name.
            return Err(Condition::Conflict.into());
        }
        self.spend_nick(turn, from)?;
        let note = Note { codes: vec![303], nick: Some(name.to_owned()), ..Note::default() };
        if let Some(occupant) = self.occupants.get(&old_key) {
            self.tell_gone(turn, occupant, &Children::new(), &note);
        }
        let Some(mut occupant) = self.occupants.remove(&old_key) else { return Ok(()) };
        occupant.jid = jid;
        occupant.show(client(turn, from, stanza));
        self.put(turn, &new_key, occupant.clone());
        self.tell(turn, &occupant, &Note::default(), false);
        Ok(())
    }

    /// Puts an occupant where its nickname belongs.
    fn put(&mut self, turn: &mut Turn<'_>, key: &str, occupant: Occupant) {
        for client in &occupant.clients {
            self.clients.insert(client.jid.clone(), key.to_owned());
            turn.write(Row::Occupant(client.jid.clone()));
        }
        self.occupants.insert(key.to_owned(), occupant);
    }

    fn spend_nick(&mut self, turn: &Turn<'_>, from: &Jid) -> Result<(), StanzaError> {
        if turn.exempt || self.paces.nick(turn, &from.to_bare()) {
            return Ok(());
        }
        let text = "You change your nickname too often.";
        Err(StanzaError::from(Condition::PolicyViolation).of_type(ErrorType::Wait).text(text))
    }
}
