//! Which messages are worth an archive, whoever they are from or to.

use waxwing_core::prelude::*;

/// Whether a message belongs into an archive of messages.
///
/// [XEP-0313 §6.1.1](https://xmpp.org/extensions/xep-0313.html#business-storeret-user-archives): normal and chat
/// messages with a body, and what supplements conversations. Hints of the sender go before
/// ([XEP-0334 §4](https://xmpp.org/extensions/xep-0334.html#hints)); of two that contradict each other, the one that
/// keeps less.
pub(crate) fn is_worth_keeping(stanza: &Stanza) -> bool {
    let Kind::Message(kind) = stanza.kind else { return false };
    let hint = |name| stanza.children.find(ns::HINTS, name).is_some();
    if hint("no-store") || hint("no-permanent-store") {
        return false;
    }
    match kind {
        // XEP-0334 §4.4, but for rooms: a message of type groupchat is in the archive of its room.
        MessageType::Normal | MessageType::Chat => {
            stanza.has_body() || hint("store") || stanza.children.iter().any(is_conversation)
        }
        MessageType::Headline => hint("store"),
        MessageType::Groupchat | MessageType::Error => false,
    }
}

/// Whether a message to everybody in a room belongs into the room's archive.
///
/// [XEP-0313 §6.1.2](https://xmpp.org/extensions/xep-0313.html#business-storeret-muc-archives): what has a body, changes of
/// the subject; and what changes messages. Receipts and markers of everybody would be more than what was said.
pub fn belongs_in_room(stanza: &Stanza) -> bool {
    // XEP-0424 §5: whatever its hints say, or who was away would never learn what the tombstone stands for.
    if stanza.children.find(NS_RETRACT, "retract").is_some() {
        return true;
    }
    let hint = |name| stanza.has_hint(name);
    if hint("no-store") || hint("no-permanent-store") {
        return false;
    }
    let supplements =
        |child: &Child| !matches!(child.namespace(), NS_RECEIPTS | NS_MARKERS) && is_conversation(child);
    stanza.has_body()
        || stanza.children.find(waxwing_xml::CONTENT, "subject").is_some()
        || hint("store")
        || stanza.children.iter().any(supplements)
}

/// Whether an element by itself says something that another device of the user has to know.
fn is_conversation(child: &Child) -> bool {
    let name = child.name();
    match child.namespace() {
        // XEP-0184 §5.4; a request comes with what it is about.
        NS_RECEIPTS => name == "received",
        // XEP-0333; "markable" comes with what it is about. The two others are of older versions.
        NS_MARKERS => matches!(name, "received" | "displayed" | "acknowledged"),
        NS_REACTIONS => name == "reactions",
        NS_RETRACT => name == "retract",
        NS_CORRECTION => name == "replace",
        NS_OMEMO_OLD | NS_OMEMO_1 | NS_OMEMO_2 => name == "encrypted",
        NS_OPENPGP => name == "openpgp",
        NS_PGP => name == "x",
        NS_EME => name == "encryption",
        // XEP-0353 §3, XEP-0482 §2: calls, from the first ring to the end.
        NS_JINGLE_MESSAGE | NS_CALL_INVITES => true,
        // XEP-0249; XEP-0045 §7.8.2: a room that somebody has been asked into.
        NS_DIRECT_INVITATION => name == "x",
        NS_MUC_USER => {
            name == "x" && child.tree().children().any(|tree| matches!(tree.name(), "invite" | "decline"))
        }
        _ => false,
    }
}

pub(crate) const NS_RETRACT: &str = "urn:xmpp:message-retract:1";
pub(crate) const NS_MUC_USER: &str = "http://jabber.org/protocol/muc#user";
const NS_RECEIPTS: &str = "urn:xmpp:receipts";
const NS_MARKERS: &str = "urn:xmpp:chat-markers:0";
const NS_REACTIONS: &str = "urn:xmpp:reactions:0";
const NS_CORRECTION: &str = "urn:xmpp:message-correct:0";
const NS_OMEMO_OLD: &str = "eu.siacs.conversations.axolotl";
const NS_OMEMO_1: &str = "urn:xmpp:omemo:1";
const NS_OMEMO_2: &str = "urn:xmpp:omemo:2";
const NS_OPENPGP: &str = "urn:xmpp:openpgp:0";
const NS_PGP: &str = "jabber:x:encrypted";
const NS_EME: &str = "urn:xmpp:eme:0";
const NS_JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";
const NS_CALL_INVITES: &str = "urn:xmpp:call-invites:0";
const NS_DIRECT_INVITATION: &str = "jabber:x:conference";

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(kind: &str, inner: &str) -> bool {
        let xml = format!("<message from='a@b.lit/c' to='d@e.lit' type='{kind}'>{inner}</message>");
        is_worth_keeping(&Stanza::parse(&xml).unwrap())
    }

    #[test]
    fn xep0313_6_1_1_normal_and_chat_messages_with_a_body() {
        for kind in ["normal", "chat"] {
            assert!(kept(kind, "<body>Wherefore art thou?</body>"), "{kind}");
        }
        for kind in ["groupchat", "headline", "error"] {
            assert!(!kept(kind, "<body>Wherefore art thou?</body>"), "{kind}");
        }
        assert!(!kept("chat", ""));
        assert!(!kept("normal", "<subject>Wherefore</subject>"));
    }

    #[test]
    fn xep0313_6_1_1_what_supplements_a_conversation() {
        for inner in [
            "<received xmlns='urn:xmpp:receipts' id='1'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>+</reaction></reactions>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
            "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
            "<encrypted xmlns='urn:xmpp:omemo:2'/>",
            "<openpgp xmlns='urn:xmpp:openpgp:0'>eA==</openpgp>",
            "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:example'/>",
            "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
            "<finish xmlns='urn:xmpp:jingle-message:0' id='1'/>",
            "<invite xmlns='urn:xmpp:call-invites:0'/>",
            "<x xmlns='jabber:x:conference' jid='coven@chat.lit'/>",
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b.lit'/></x>",
        ] {
            assert!(kept("chat", inner), "{inner}");
            assert!(kept("normal", inner), "{inner}");
            assert!(!kept("groupchat", inner), "{inner}");
        }
    }

    #[test]
    fn xep0313_3_state_changes_and_events_are_not_archived() {
        for inner in [
            "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
            "<request xmlns='urn:xmpp:receipts'/>",
            "<markable xmlns='urn:xmpp:chat-markers:0'/>",
            "<event xmlns='http://jabber.org/protocol/pubsub#event'/>",
            "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>",
            "<thread>t</thread>",
        ] {
            assert!(!kept("chat", inner) && !kept("normal", inner), "{inner}");
        }
    }

    #[test]
    fn xep0313_6_1_2_what_is_kept_of_a_room() {
        let kept = |inner: &str| {
            let xml = format!("<message from='coven@chat.lit/hag' type='groupchat'>{inner}</message>");
            belongs_in_room(&Stanza::parse(&xml).unwrap())
        };
        for inner in [
            "<body>x</body>",
            "<subject/>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>+</reaction></reactions>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='1'/><no-store xmlns='urn:xmpp:hints'/>",
            "<x xmlns='urn:example'/><store xmlns='urn:xmpp:hints'/>",
        ] {
            assert!(kept(inner), "{inner}");
        }
        for inner in [
            "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
            "<received xmlns='urn:xmpp:receipts' id='1'/>",
            "<body>x</body><no-store xmlns='urn:xmpp:hints'/>",
        ] {
            assert!(!kept(inner), "{inner}");
        }
    }

    #[test]
    fn xep0334_4_hints_of_the_sender() {
        let body = "<body>x</body>";
        for hint in ["no-store", "no-permanent-store"] {
            assert!(!kept("chat", &format!("{body}<{hint} xmlns='urn:xmpp:hints'/>")), "{hint}");
            let both = format!("{body}<{hint} xmlns='urn:xmpp:hints'/><store xmlns='urn:xmpp:hints'/>");
            assert!(!kept("chat", &both), "{hint}");
        }
        assert!(kept("chat", &format!("{body}<no-copy xmlns='urn:xmpp:hints'/>")));
        for kind in ["chat", "normal", "headline"] {
            assert!(kept(kind, "<x xmlns='urn:example'/><store xmlns='urn:xmpp:hints'/>"), "{kind}");
        }
        for kind in ["error", "groupchat"] {
            assert!(!kept(kind, "<x xmlns='urn:example'/><store xmlns='urn:xmpp:hints'/>"), "{kind}");
        }
    }
}
