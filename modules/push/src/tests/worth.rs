//! Which messages are worth a notification, as a table.

use super::*;
use crate::arrival::{Worth, worth};

const TABLE: &[(&str, Option<Worth>)] = &[
    ("<body>Hi</body>", Some(Worth::Message)),
    ("<body> </body>", None),
    ("<body/>", None),
    ("<subject>Hi</subject>", None),
    ("<body>Hi</body><active xmlns='http://jabber.org/protocol/chatstates'/>", Some(Worth::Message)),
    ("<active xmlns='http://jabber.org/protocol/chatstates'/>", None),
    ("<received xmlns='urn:xmpp:receipts' id='1'/>", None),
    ("<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", None),
    ("<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>", None),
    (
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/><payload>x</payload></encrypted>",
        Some(Worth::Message),
    ),
    ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>", None),
    ("<encrypted xmlns='urn:xmpp:omemo:2'><header/><payload>x</payload></encrypted>", Some(Worth::Message)),
    ("<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>", Some(Worth::Message)),
    ("<x xmlns='jabber:x:encrypted'>x</x>", Some(Worth::Message)),
    ("<x xmlns='jabber:x:conference' jid='a@b.c'/>", Some(Worth::Message)),
    ("<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b.c'/></x>", Some(Worth::Message)),
    ("<x xmlns='http://jabber.org/protocol/muc#user'><decline from='a@b.c'/></x>", None),
    ("<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", Some(Worth::Call)),
    ("<invite xmlns='urn:xmpp:call-invites:0' id='1'/>", Some(Worth::Call)),
    ("<body>Call me</body><propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", Some(Worth::Call)),
    ("<retract xmlns='urn:xmpp:jingle-message:0' id='1'/>", None),
    ("<ringing xmlns='urn:xmpp:jingle-message:0' id='1'/>", None),
    ("<event xmlns='http://jabber.org/protocol/pubsub#event'/>", None),
];

fn message(kind: &str, children: &str) -> Stanza {
    Stanza::parse(&format!("<message type='{kind}'>{children}</message>")).expect("a message")
}

#[test]
fn messages_that_a_person_reads_or_answers_are_worth_it() {
    for (children, expected) in TABLE {
        for kind in ["normal", "chat", "groupchat"] {
            assert_eq!(worth(&message(kind, children), true), *expected, "{kind} {children}");
        }
        for kind in ["headline", "error"] {
            assert_eq!(worth(&message(kind, children), true), None, "{kind} {children}");
        }
        assert_eq!(worth(&message("groupchat", children), false), None);
    }
}
