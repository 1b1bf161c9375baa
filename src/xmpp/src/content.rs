//! What a message says, as far as a server has to know: whether it is worth keeping, copying, or waking somebody.

use waxwing_xml::{CONTENT, Child};

use crate::{Kind, MessageType, Stanza, ns};

/// Whether the child tells what the sender is doing right now and nothing else (XEP-0085).
pub fn is_chat_state(child: &Child) -> bool {
    child.namespace() == ns::CHAT_STATES
}

/// Whether the child says something about its message and nothing by itself: where it belongs, when it came, how it is
/// to be handled.
pub fn is_bookkeeping(child: &Child) -> bool {
    match child.namespace() {
        ns::HINTS | ns::STANZA_ID | ns::DELAY | ns::OCCUPANT_ID => true,
        CONTENT => child.name() == "thread",
        ns::CARBONS => child.name() == "private",
        _ => false,
    }
}

impl Stanza {
    /// Whether it has a hint of this name (XEP-0334).
    pub fn has_hint(&self, name: &str) -> bool {
        self.children.find(ns::HINTS, name).is_some()
    }

    /// Whether it invites into a room: directly (XEP-0249), or through the room (XEP-0045 §7.8.2).
    pub fn is_invitation(&self) -> bool {
        self.children.find(ns::CONFERENCE, "x").is_some()
            || self
                .children
                .find(ns::MUC_USER, "x")
                .is_some_and(|x| x.lift().iter().any(|child| child.is(ns::MUC_USER, "invite")))
    }

    /// Whether it carries something that makes up a conversation beside text: receipts (XEP-0184) and their requests,
    /// chat states (XEP-0085), markers (XEP-0333).
    pub fn is_about_conversation(&self) -> bool {
        let about = [ns::RECEIPTS, ns::CHAT_STATES, ns::MARKERS];
        self.children.iter().any(|child| about.contains(&child.namespace()))
    }

    /// Whether it shows its user something at once: text, an encrypted payload, a call, an invitation.
    pub fn wants_attention(&self) -> bool {
        let urgent = |child: &Child| {
            child.namespace() == ns::CALLS
                || (child.name() == "encrypted" && ns::ENCRYPTED.contains(&child.namespace()))
        };
        matches!(self.kind, Kind::Message(kind) if kind != MessageType::Error)
            && (self.has_body() || self.children.iter().any(urgent) || self.is_invitation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_by_itself() {
        let all = |children: &str, are: fn(&Child) -> bool| message(children).children.iter().all(are);
        assert!(all(
            "<thread>t</thread><no-store xmlns='urn:xmpp:hints'/><origin-id xmlns='urn:xmpp:sid:0' id='1'/>\
             <delay xmlns='urn:xmpp:delay' stamp='2023-01-01T00:00:00Z'/><private xmlns='urn:xmpp:carbons:2'/>\
             <occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/>",
            is_bookkeeping
        ));
        for child in
            ["<body>x</body>", "<subject/>", "<received xmlns='urn:xmpp:carbons:2'/>", "<y xmlns='z'/>"]
        {
            assert!(!all(child, is_bookkeeping) && !all(child, is_chat_state), "{child}");
        }
    }

    fn message(children: &str) -> Stanza {
        Stanza::parse(&format!("<message type='chat'>{children}</message>")).unwrap()
    }

    #[test]
    fn invitations_are_told_from_other_messages_of_rooms() {
        for (children, invites) in [
            ("<x xmlns='jabber:x:conference' jid='room@conference.example.org'/>", true),
            ("<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b.c'/></x>", true),
            ("<x xmlns='http://jabber.org/protocol/muc#user'/>", false),
            ("<x xmlns='http://jabber.org/protocol/muc#user'><decline/></x>", false),
        ] {
            assert_eq!(message(children).is_invitation(), invites, "{children}");
        }
    }

    #[test]
    fn what_shows_the_user_something_wants_attention() {
        for (children, wants) in [
            ("<body>b</body>", true),
            ("<encrypted xmlns='urn:xmpp:omemo:2'/>", true),
            ("<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", true),
            ("<received xmlns='urn:xmpp:receipts' id='1'/>", false),
            ("<composing xmlns='http://jabber.org/protocol/chatstates'/>", false),
        ] {
            assert_eq!(message(children).wants_attention(), wants, "{children}");
        }
    }
}
