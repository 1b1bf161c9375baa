//! XEP-0280 §6.1: which messages are copied.
//!
//! The rules are recommended, and required of a server that advertises `urn:xmpp:carbons:rules:0` (§6.2).

use super::*;

/// Alice sends Bob's phone a message with these attributes and this payload. Returns whether Alice's desk got a sent
/// copy and Bob's desk a received one.
#[track_caller]
fn copied(attributes: &str, payload: &str) -> (bool, bool) {
    let ((alice, alice_desk), (bob, bob_desk)) = (pair(), pair());
    // As clients do that are in a room (XEP-0045 §7.2), for servers that keep account of that.
    for client in [&alice, &alice_desk] {
        send!(client, "<presence to='{bob}'><x xmlns='http://jabber.org/protocol/muc'/></presence>");
    }
    settle();
    send!(alice, "<message to='{bob}' id='m1' {attributes}>{payload}</message>");
    expect!(bob, "<message from='{alice}' id='m1'/>");
    barrier();
    let sent = copies(&alice_desk, "sent");
    let received = copies(&bob_desk, "received");
    assert!(sent <= 1 && received <= 1, "{}\n{}", *alice_desk, *bob_desk);
    (sent == 1, received == 1)
}

macro_rules! table {
    ($want:expr; $($(#[$doc:meta])* $name:ident: $attributes:literal, $payload:literal;)*) => {
        $($(#[$doc])* #[test] fn $name() { assert_eq!(copied($attributes, $payload), $want, "(sent, received)"); })*
    };
}

mod is_copied {
    use super::copied;

    table! {
        (true, true);
        /// "of type chat"
        chat_with_a_body: "type='chat'", "<body>hi</body>";
        /// "of type chat"
        chat_with_something_unknown: "type='chat'", "<unknown xmlns='urn:example:waxwing'/>";
        /// "of type chat"
        chat_without_content: "type='chat'", "";
        /// "of type normal and contains a body"
        normal_with_a_body: "type='normal'", "<body>hi</body>";
        /// The same, as no type is "normal" (RFC 6121 §5.2.2).
        no_type_with_a_body: "", "<body>hi</body>";
        /// "payload elements typically used in IM": a request for a receipt
        normal_with_a_receipt_request: "", "<request xmlns='urn:xmpp:receipts'/>";
        /// the receipt
        normal_with_a_receipt: "type='normal'", "<received xmlns='urn:xmpp:receipts' id='m0'/>";
        /// a chat state
        normal_with_a_chat_state: "type='normal'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        /// a marker
        normal_with_a_displayed_marker: "type='normal'", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m0'/>";
        /// "a Direct MUC Invitation"
        a_direct_invitation: "", "<x xmlns='jabber:x:conference' jid='room@muc.example.com'/>";
        /// "a Mediated Invitation"
        a_mediated_invitation: "", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='carol@example.com'/></x>";
    }
}

mod is_not_copied {
    use super::copied;

    table! {
        (false, false);
        /// of type "normal", but without body and without anything typical of IM
        normal_without_a_body: "type='normal'", "<unknown xmlns='urn:example:waxwing'/>";
        /// the same without a type
        no_type_without_a_body: "", "<unknown xmlns='urn:example:waxwing'/>";
        /// a subject is no body
        normal_with_a_subject_only: "type='normal'", "<subject>hi</subject>";
        /// in no rule
        headline: "type='headline'", "<body>hi</body>";
        /// "of type groupchat SHOULD NOT be carbon-copied"
        groupchat: "type='groupchat'", "<body>hi</body>";
        /// the same with payloads that would make other messages eligible
        groupchat_with_a_receipt: "type='groupchat'", "<body>hi</body><received xmlns='urn:xmpp:receipts' id='m0'/>";
        /// "does not contain a private child element"
        private_chat: "type='chat'", "<body>hi</body><private xmlns='urn:xmpp:carbons:2'/>";
        /// an error that answers nothing
        an_error_out_of_the_blue: "type='error'", "<body>hi</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    }
}

/// A private message to an occupant is copied to the sender's resources, one from an occupant is not: the room sends
/// it to each of them.
#[test]
fn a_private_message_in_a_room_is_copied_when_sent_and_not_when_received() {
    let copied = copied("type='chat'", "<body>hi</body><x xmlns='http://jabber.org/protocol/muc#user'/>");
    assert_eq!(copied, (true, false), "(sent, received)");
}

/// An error is copied if it answers an eligible message: to the other resources of who sent that message.
#[test]
fn an_error_in_response_to_an_eligible_message_is_copied() {
    let ((alice, alice_desk), (bob, _)) = (pair(), pair());
    send!(alice, "<message to='{bob}' id='m1' type='chat'><body>hi</body></message>");
    expect!(bob, "<message id='m1'/>");
    settle();
    send!(
        bob,
        "<message to='{alice}' id='m1' type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    expect!(alice, "<message type='error' id='m1'/>");
    let copy = expect!(alice_desk, "<message type='error'><received xmlns='urn:xmpp:carbons:2'/></message>");
    inside(&copy, "received")
        .must(&format!("<message type='error' id='m1' from='{bob}' to='{alice}'><error/></message>"));
}

/// The same for an error that a server sends for an account.
#[test]
fn an_error_of_a_server_in_response_to_an_eligible_message_is_copied() {
    let (alice, alice_desk) = pair();
    let nobody = format!("{}@{HOST}", fresh("nobody"));
    send!(alice, "<message to='{nobody}' id='m1' type='chat'><body>hi</body></message>");
    expect!(alice, "<message type='error' id='m1' from='{nobody}'/>");
    let copy = expect!(alice_desk, "<message><received xmlns='urn:xmpp:carbons:2'/></message>");
    inside(&copy, "received").must(&format!("<message type='error' id='m1' from='{nobody}'/>"));
}

/// An error that answers a message that was not eligible is not.
#[test]
fn an_error_in_response_to_a_headline_is_not_copied() {
    let ((alice, alice_desk), (bob, bob_desk)) = (pair(), pair());
    send!(alice, "<message to='{bob}' id='m1' type='headline'><body>hi</body></message>");
    expect!(bob, "<message id='m1'/>");
    send!(
        bob,
        "<message to='{alice}' id='m1' type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    expect!(alice, "<message type='error' id='m1'/>");
    barrier();
    assert_eq!(copies(&alice_desk, "received"), 0, "{}", *alice_desk);
    assert_eq!(copies(&bob_desk, "sent"), 0, "{}", *bob_desk);
}

/// Only messages are copied: not requests, nor their answers.
#[test]
fn an_iq_is_not_copied() {
    let ((alice, alice_desk), (bob, bob_desk)) = (pair(), pair());
    befriend(&alice, &bob);
    send!(alice, "<iq to='{bob}' id='q1' type='get'><query xmlns='urn:example:waxwing'/></iq>");
    expect!(bob, "<iq id='q1' type='get'/>");
    send!(bob, "<iq to='{alice}' id='q1' type='result'/>");
    expect!(alice, "<iq id='q1' type='result'/>");
    alice_desk.expect_nothing();
    bob_desk.expect_nothing();
}

/// Nor is presence.
#[test]
fn presence_is_not_copied() {
    let ((alice, alice_desk), (bob, bob_desk)) = (pair(), pair());
    send!(alice, "<presence to='{bob}'><status>hi</status></presence>");
    expect!(bob, "<presence from='{alice}'/>");
    expect_no!(alice_desk, "<message/>");
    expect_no!(bob_desk, "<message/>");
}
