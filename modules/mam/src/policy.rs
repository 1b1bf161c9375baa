//! What an archive keeps: what holds meaning, in XEP-0313's words, and is not only the state of a chat.

use waxwing_core::prelude::*;

/// XEP-0313 §6.1.1 with XEP-0334 §4.
pub(crate) fn is_archived(stanza: &Stanza) -> bool {
    let Kind::Message(kind) = stanza.kind else { return false };
    if kind == MessageType::Error || stanza.has_hint("no-store") || stanza.has_hint("no-permanent-store") {
        return false;
    }
    if stanza.has_hint("store") {
        return kind != MessageType::Groupchat;
    }
    matches!(kind, MessageType::Chat | MessageType::Normal)
        && (stanza.wants_attention() || stanza.children.iter().any(is_kept))
}

/// What is part of a conversation without a word of its own.
fn is_kept(child: &Child) -> bool {
    match child.namespace() {
        ns::RECEIPTS => child.name() == "received",
        // A message that could be marked has something else to be kept for.
        ns::MARKERS => child.name() != "markable",
        other => KEPT.contains(&other),
    }
}

/// Reactions, retractions, corrections, encryption (XEP-0380), calls (XEP-0353, XEP-0482).
const KEPT: [&str; 6] = [
    "urn:xmpp:reactions:0",
    "urn:xmpp:message-retract:1",
    "urn:xmpp:message-correct:0",
    "urn:xmpp:eme:0",
    "urn:xmpp:jingle-message:0",
    "urn:xmpp:call-invites:0",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0313_6_1_1_what_is_archived() {
        let state = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
        for (kind, children, archived) in [
            ("chat", "<body>b</body>", true),
            ("normal", "<body>b</body>", true),
            ("chat", state, false),
            ("chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", true),
            ("chat", "<request xmlns='urn:xmpp:receipts'/>", false),
            ("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true),
            ("chat", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>", true),
            ("chat", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>", true),
            ("chat", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", true),
            ("chat", "<x xmlns='urn:example:x'/>", false),
            ("chat", "<x xmlns='urn:example:x'/><store xmlns='urn:xmpp:hints'/>", true),
            ("chat", "<body>b</body><no-store xmlns='urn:xmpp:hints'/>", false),
            ("chat", "<body>b</body><no-permanent-store xmlns='urn:xmpp:hints'/>", false),
            ("headline", "<body>b</body>", false),
            ("headline", "<body>b</body><store xmlns='urn:xmpp:hints'/>", true),
            ("groupchat", "<body>b</body>", false),
            ("error", "<body>b</body><store xmlns='urn:xmpp:hints'/>", false),
        ] {
            let xml = format!("<message type='{kind}'>{children}</message>");
            assert_eq!(is_archived(&Stanza::parse(&xml).unwrap()), archived, "{xml}");
        }
    }
}
