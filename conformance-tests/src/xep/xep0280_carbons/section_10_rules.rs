//! XEP-0280 §10.2 and §10.3: chat states and errors.

use super::*;

/// §10.2: chat states are of type "chat" as a rule, and so they are copied on purpose.
#[test]
fn chat_states_of_type_chat_are_copied() {
    let ((alice, alice_desk), (bob, bob_desk)) = (pair(), pair());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    );
    let sent = expect!(alice_desk, "<message><sent xmlns='urn:xmpp:carbons:2'/></message>");
    inside(&sent, "sent")
        .must("<message id='m1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
    let received = expect!(bob_desk, "<message><received xmlns='urn:xmpp:carbons:2'/></message>");
    inside(&received, "received")
        .must("<message id='m1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
}

/// §10.3: an error that a resource answers a copy with does not reach the sender of the original, whether or not it
/// repeats the copy.
#[test]
fn an_error_about_a_copy_does_not_reach_the_original_sender() {
    let (alice, (bob, desk)) = (online(), pair());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let copy = expect!(desk, "<message from='{bob:#}'><received xmlns='urn:xmpp:carbons:2'/></message>");
    let id = copy.attr("id").unwrap_or("m1");
    let error =
        "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    send!(desk, "<message to='{bob:#}' id='{id}' type='error'>{error}</message>");
    send!(
        desk,
        "<message to='{bob:#}' id='{id}' type='error'><received xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='{alice}' to='{bob}' id='m1'/></forwarded>\
         </received>{error}</message>"
    );
    alice.expect_nothing();
}

/// A copy of a copy would never end: what is copied is the message, once.
#[test]
fn copies_are_not_copied() {
    let (alice, (bob, desk)) = (online(), pair());
    let tablet = bob.session_online("tablet", 0);
    enable(&tablet);
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    barrier();
    assert_eq!([&desk, &tablet].map(|c| c.inbox().len()), [1, 1], "{}\n{}", *desk, *tablet);
}
