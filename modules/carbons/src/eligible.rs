//! Which messages are copied ([XEP-0280 §6.1](https://xmpp.org/extensions/xep-0280.html#recommended-rules)).

use waxwing_core::prelude::*;

/// Which way a message goes, seen from the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    Sent,
    Received,
}

/// §9: the sender wants no copies.
pub(crate) fn is_private(stanza: &Stanza) -> bool {
    stanza.children.find(ns::CARBONS, "private").is_some() || stanza.has_hint("no-copy")
}

/// Whether a message is copied; errors are judged by what they answer.
pub(crate) fn is_eligible(stanza: &Stanza, direction: Direction) -> bool {
    let Kind::Message(kind) = stanza.kind else { return false };
    if is_private(stanza) || matches!(kind, MessageType::Groupchat | MessageType::Error) {
        return false;
    }
    if stanza.is_invitation() {
        return true;
    }
    let from_room = stanza.children.find(ns::MUC_USER, "x").is_some();
    if direction == Direction::Received && from_room {
        // The room brings it to all clients that are in it.
        return false;
    }
    match kind {
        MessageType::Chat => true,
        MessageType::Normal => crate::has_body(stanza) || stanza.is_about_conversation(),
        _ => stanza.is_about_conversation(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0280_6_1_the_rules() {
        use Direction::{Received, Sent};
        let room = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
        let invitation = "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b.c'/></x>";
        let receipt = "<received xmlns='urn:xmpp:receipts' id='1'/>";
        for (kind, children, direction, eligible) in [
            ("chat", "", Received, true),
            ("chat", "<body>b</body>", Sent, true),
            ("chat", "<private xmlns='urn:xmpp:carbons:2'/>", Sent, false),
            ("chat", "<no-copy xmlns='urn:xmpp:hints'/>", Received, false),
            ("normal", "", Received, false),
            ("normal", "<body>b</body>", Received, true),
            ("normal", receipt, Received, true),
            ("headline", "<body>b</body>", Received, false),
            ("groupchat", "<body>b</body>", Received, false),
            ("error", "<body>b</body>", Received, false),
            ("normal", "<x xmlns='jabber:x:conference' jid='r@c.e'/>", Received, true),
            ("normal", invitation, Received, true),
            ("chat", room, Sent, true),
            ("chat", room, Received, false),
        ] {
            let xml = format!("<message type='{kind}'>{children}</message>");
            assert_eq!(
                is_eligible(&Stanza::parse(&xml).unwrap(), direction),
                eligible,
                "{xml} {direction:?}"
            );
        }
    }
}
