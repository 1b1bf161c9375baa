//! Who is in the room: one occupant per nickname, with one or more clients of the same user
//! ([XEP-0045 §7.2.8](https://xmpp.org/extensions/xep-0045.html#enter-conflict)).

use std::cell::Cell;
use std::fmt;

use aws_lc_rs::hmac;
use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

use crate::names::MUC;
use crate::role::Role;

/// An occupant.
#[derive(Debug, Clone)]
pub(crate) struct Occupant {
    /// `room@service/nick`.
    pub(crate) jid: Jid,
    /// Who it really is.
    pub(crate) real: BareJid,
    pub(crate) role: Role,
    /// Its clients; the last one to send presence is the last, and the one that shows.
    pub(crate) clients: Vec<Client>,
    /// XEP-0421: the same at each visit.
    pub(crate) id: Text,
    pub(crate) faces: Faces,
    /// Where its clients stand in the list of all.
    pub(crate) place: Cell<usize>,
}

/// The presence of an occupant as others get it who come in: made once, for those who see real addresses and for those who
/// do not.
#[derive(Default)]
pub(crate) struct Faces {
    full: Cell<Option<Stanza>>,
    limited: Cell<Option<Stanza>>,
}

impl Faces {
    /// The presence, made by `make` if it is not there.
    pub(crate) fn get(&self, full: bool, make: impl FnOnce() -> Stanza) -> Stanza {
        let cell = if full { &self.full } else { &self.limited };
        let face = cell.take().unwrap_or_else(make);
        cell.set(Some(face.clone()));
        face
    }

    /// It is another one from now on.
    pub(crate) fn forget(&self) {
        self.full.set(None);
        self.limited.set(None);
    }
}

/// A copy of an occupant is about to be changed.
impl Clone for Faces {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Faces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faces")
    }
}

/// A client in the room.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Its full JID.
    pub(crate) jid: Jid,
    /// Its presence, without what only the room may say.
    pub(crate) presence: Children,
    pub(crate) lang: Option<Text>,
    /// When it last sent presence to the room.
    pub(crate) entered: Timestamp,
    /// When it was heard of last.
    pub(crate) heard: Timestamp,
}

impl Occupant {
    pub(crate) fn nick(&self) -> &str {
        self.jid.resource().unwrap_or_default()
    }

    pub(crate) fn client(&self, jid: &Jid) -> Option<&Client> {
        self.clients.iter().find(|client| client.jid == *jid)
    }

    /// The client whose presence shows.
    pub(crate) fn shown(&self) -> Option<&Client> {
        self.clients.last()
    }

    /// Sets the presence of a client; it is the one that shows from now on.
    pub(crate) fn show(&mut self, client: Client) {
        self.clients.retain(|other| other.jid != client.jid);
        self.clients.push(client);
        self.faces.forget();
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = Jid> + '_ {
        self.clients.iter().map(|client| client.jid.clone())
    }

    /// XEP-0421 §4.
    pub(crate) fn id_element(&self) -> Child {
        id_element(&self.id)
    }
}

pub(crate) fn id_element(id: &Text) -> Child {
    Tree::new(ns::OCCUPANT_ID, "occupant-id").with_attr("id", id.as_str()).to_child()
}

/// XEP-0421 §4.1: stable, unique, and nobody can tell from it who it is or find the same user in another room.
pub(crate) fn id(key: &[u8; 32], room: &BareJid, real: &BareJid) -> Text {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in [room.as_str().as_bytes(), &[0], real.as_str().as_bytes()] {
        context.update(part);
    }
    let tag = context.sign();
    Text::from(tag.as_ref().iter().take(20).map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// What of a client's presence others get: not what only the room may say (§17.3 rule 6; XEP-0421 §4, XEP-0317).
pub(crate) fn presence_of(stanza: &Stanza) -> Children {
    let mut children = stanza.children.clone();
    let ours = [MUC, ns::MUC_USER, ns::OCCUPANT_ID, "urn:xmpp:hats:0", "urn:xmpp:muc:affiliations:1"];
    children.retain(|child| !ours.contains(&child.namespace()) && !child.is(ns::DELAY, "delay"));
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0421_4_1_ids_are_stable_and_differ_by_user_room_and_service() {
        let jid = |text: &str| BareJid::parse(text).unwrap();
        let (coven, heath) = (jid("coven@chat.lit"), jid("heath@chat.lit"));
        let hag = jid("hag66@shakespeare.lit");
        let one = id(&[7; 32], &coven, &hag);
        assert_eq!(one, id(&[7; 32], &coven, &hag));
        assert_eq!(one.len(), 40);
        for other in [id(&[7; 32], &heath, &hag), id(&[8; 32], &coven, &hag), id(&[7; 32], &coven, &heath)] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn xep0045_17_3_6_what_only_the_room_may_say_does_not_pass() {
        let stanza = Stanza::parse(
            "<presence><show>away</show><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner'/></x>\
             <x xmlns='http://jabber.org/protocol/muc'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='x'/>\
             <hats xmlns='urn:xmpp:hats:0'/><c xmlns='http://jabber.org/protocol/caps'/></presence>",
        );
        let names: Vec<_> =
            presence_of(&stanza.unwrap()).iter().map(|child| child.name().to_owned()).collect();
        assert_eq!(names, ["show", "c"]);
    }
}
