//! The vCard of a room, for its avatar ([XEP-0486](https://xmpp.org/extensions/xep-0486.html)).

use waxwing_core::prelude::*;

use crate::Muc;
use crate::affiliation::Affiliation;
use crate::iq::Request;
use crate::item::statuses;
use crate::names::VCARD;
use crate::room::Room;
use crate::turn::{Row, Turn};

/// The hashes of the photos of a vCard (§3.3, §5.1).
pub(crate) fn photos(card: &Tree) -> Vec<String> {
    waxwing_vcard::photo_hashes(card).iter().map(|hash| hash.as_str().to_owned()).collect()
}

impl Muc {
    /// §3.4. Who may not enter sees no more than the name.
    pub(crate) fn ask_card(&self, request: &Request<'_>) -> IqResult {
        let (card, _) = self.turn(request.handle, true, |room, turn| {
            let affiliation = room.affiliation(turn, &request.from.to_bare());
            if room.locked && affiliation < Affiliation::Owner {
                return Err(Condition::ItemNotFound.into());
            }
            if !room.admits(affiliation) {
                return Err(Condition::Forbidden.into());
            }
            room.card.clone().ok_or_else(|| StanzaError::from(Condition::ItemNotFound))
        })?;
        Ok(Reply::child(card))
    }
}

impl Room {
    /// The vCard as the store has it.
    pub(crate) fn set_saved_card(&mut self, card: Option<String>) {
        self.card = card.and_then(|card| Child::from_bytes(card.into()));
        self.photos = self.card.as_ref().map(|card| photos(&card.tree())).unwrap_or_default();
    }

    /// §3.2: an owner publishes the vCard; an empty one is none.
    ///
    /// # Errors
    /// `forbidden` for who is no owner, `policy-violation` if it is too large.
    pub(crate) fn set_card(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        card: &Child,
    ) -> Result<(), StanzaError> {
        if self.affiliation(turn, &from.to_bare()) < Affiliation::Owner {
            return Err(StanzaError::from(Condition::Forbidden).text("Only owners set the avatar."));
        }
        let max = turn.config.vcard_bytes_max.0;
        if card.bytes().len() > max {
            return Err(
                StanzaError::from(Condition::PolicyViolation).text(format!("A vCard may take {max} bytes."))
            );
        }
        let tree = card.tree();
        self.photos = photos(&tree);
        self.card = tree.children().next().is_some().then(|| card.detach());
        turn.write(Row::Card);
        self.announce(turn, &statuses([104]));
        Ok(())
    }
}

/// XEP-0486 §3.1: the feature.
pub(crate) const FEATURE: &str = VCARD;
