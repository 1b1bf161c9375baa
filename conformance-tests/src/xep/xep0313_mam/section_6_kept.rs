//! XEP-0313 §6.1.1: what is archived, and what is not.
//!
//! The XEP demands bodies, and leaves "additional non-conversation messages" to the server. Payloads without a body that
//! change or continue a conversation are asked for here too: XEP-0353 §4, XEP-0384 and XEP-0444 count on it.

use super::*;

/// Alice sends Bob a message with these attributes and this payload. Returns in how many of both archives it is.
#[track_caller]
fn archives(attributes: &str, payload: &str) -> usize {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' id='m1' {attributes}>{payload}</message>");
    // Shows that the archives work, and that nothing before it is still on its way.
    send!(alice, "<message to='{bob}' type='chat' id='m2'><body>and now?</body></message>");
    [&alice, &bob]
        .iter()
        .map(|client| {
            let ids: Vec<String> =
                client.archive().messages().iter().map(|m| m.need("id").to_owned()).collect();
            assert_eq!(ids.iter().filter(|id| *id == "m2").count(), 1, "{}", ***client);
            ids.iter().filter(|id| *id == "m1").count()
        })
        .sum()
}

macro_rules! kept {
    ($($(#[$doc:meta])* $name:ident: $attributes:literal, $payload:literal;)*) => {
        $($(#[$doc])* #[test] fn $name() { assert_eq!(archives($attributes, $payload), 2, "in both archives once"); })*
    };
}

macro_rules! not_kept {
    ($($(#[$doc:meta])* $name:ident: $attributes:literal, $payload:literal;)*) => {
        $($(#[$doc])* #[test] fn $name() { assert_eq!(archives($attributes, $payload), 0, "in no archive"); })*
    };
}

mod archived {
    use super::archives;

    kept! {
        /// §6.1.1: chat with a body.
        a_chat_message_with_body: "type='chat'", "<body>hi</body>";
        /// §6.1.1: normal with a body.
        a_normal_message_with_body: "type='normal'", "<body>hi</body>";
        /// §6.1.1 and RFC 6121 §5.2.2: no type is "normal".
        a_message_without_type_with_body: "", "<body>hi</body>";
        /// §6.1.1: chat states next to a body do not matter.
        a_body_with_a_chat_state: "type='chat'", "<body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/>";
        /// XEP-0184: a receipt.
        a_receipt: "type='chat'", "<received xmlns='urn:xmpp:receipts' id='m0'/>";
        /// XEP-0184: a receipt is of the type of what it answers, which may be none.
        a_receipt_without_type: "", "<received xmlns='urn:xmpp:receipts' id='m0'/>";
        /// XEP-0333: a marker.
        a_marker: "type='chat'", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m0'/>";
        /// XEP-0444: a reaction, with the hint that it should have.
        a_reaction_with_hint: "type='chat'", "<reactions xmlns='urn:xmpp:reactions:0' id='m0'><reaction>\u{1f44b}</reaction></reactions><store xmlns='urn:xmpp:hints'/>";
        /// XEP-0444: and without.
        a_reaction: "type='chat'", "<reactions xmlns='urn:xmpp:reactions:0' id='m0'><reaction>\u{1f44b}</reaction></reactions>";
        /// XEP-0424 §5: the archive must store a retraction.
        a_retraction: "type='chat'", "<retract xmlns='urn:xmpp:message-retract:1' id='m0'/>";
        /// XEP-0384: an encrypted message without a body.
        an_encrypted_message: "type='chat'", "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload>AA==</payload></encrypted>";
        /// XEP-0384 in its older form, which most clients speak.
        an_encrypted_message_of_the_older_form: "type='chat'", "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AA==</payload></encrypted>";
        /// XEP-0380: what a message says to be encrypted.
        a_message_that_says_how_it_is_encrypted: "type='chat'", "<x xmlns='urn:example:cipher'/><encryption xmlns='urn:xmpp:eme:0' namespace='urn:example:cipher'/>";
        /// XEP-0353 §4: the proposal of a call, with the hint that it must have.
        a_call: "type='chat'", "<propose xmlns='urn:xmpp:jingle-message:0' id='s1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose><store xmlns='urn:xmpp:hints'/>";
        /// XEP-0353 §7.1: and its end.
        the_end_of_a_call: "type='chat'", "<finish xmlns='urn:xmpp:jingle-message:0' id='s1'/><store xmlns='urn:xmpp:hints'/>";
        /// XEP-0249 §3: an invitation into a room.
        a_direct_invitation: "", "<x xmlns='jabber:x:conference' jid='room@muc.example.com'/>";
        /// XEP-0334 §4.4: whatever is said to be worth it.
        what_has_the_hint_to_store: "type='chat'", "<unknown xmlns='urn:example:waxwing'/><store xmlns='urn:xmpp:hints'/>";
        /// XEP-0334 §4.4: also a message of another type.
        a_headline_with_the_hint_to_store: "type='headline'", "<body>hi</body><store xmlns='urn:xmpp:hints'/>";
        /// XEP-0334: an element of that name in another namespace is no hint.
        an_element_that_only_looks_like_a_hint: "type='chat'", "<body>hi</body><no-store xmlns='urn:example:waxwing'/>";
    }
}

mod not_archived {
    use super::archives;

    not_kept! {
        /// §3: state changes such as chat states.
        a_chat_state: "type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        /// §3: also with a thread.
        a_chat_state_with_a_thread: "type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/><thread>t1</thread>";
        /// §6.1.1: headlines are generally not suggested.
        a_headline: "type='headline'", "<body>hi</body>";
        /// §6.1.1: an error is no conversation, though it has the body that it is about.
        an_error: "type='error'", "<body>hi</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        /// XEP-0334 §5: hints in an error are ignored.
        an_error_with_the_hint_to_store: "type='error'", "<body>hi</body><store xmlns='urn:xmpp:hints'/><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        /// XEP-0334 §4.2.
        a_body_with_no_store: "type='chat'", "<body>hi</body><no-store xmlns='urn:xmpp:hints'/>";
        /// XEP-0334 §4.1.
        a_body_with_no_permanent_store: "type='chat'", "<body>hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>";
        /// An empty message says nothing.
        a_message_without_content: "type='chat'", "";
        /// §3: what the server does not know holds nothing that it could call meaningful.
        an_unknown_payload: "type='chat'", "<unknown xmlns='urn:example:waxwing'/>";
    }
}

/// §6.1.1 and §7: a server that archives group chat for users has to say so.
#[test]
fn groupchat_is_archived_only_where_that_is_advertised() {
    let kept = archives("type='groupchat'", "<body>hi</body>");
    let advertised = user().account_features().contains(&"urn:xmpp:mam:2#groupchat-available".to_owned());
    assert_eq!(kept > 0, advertised, "kept {kept} times");
}
