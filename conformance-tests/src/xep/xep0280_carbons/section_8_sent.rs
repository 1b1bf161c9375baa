//! XEP-0280 §8: copies of what is sent.

use super::*;

/// §8: what the copy looks like.
#[test]
fn a_sent_copy_wraps_the_message_as_it_was() {
    let ((alice, desk), bob) = (pair(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body><thread>t1</thread></message>");
    let copy = expect!(desk, "<message><sent xmlns='urn:xmpp:carbons:2'/></message>");
    copy.must(&format!(
        "<message from='{alice:#}' to='{desk}' type='chat'><sent xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>\
         <message xmlns='jabber:client' from='{alice}' to='{bob:#}' type='chat' id='m1'>\
         <body>hi</body><thread>t1</thread></message></forwarded></sent></message>"
    ));
    expect!(bob, "<message from='{alice}' id='m1'><body>hi</body></message>");
}

/// §8: of a message to a full JID too.
#[test]
fn a_message_to_a_full_jid_is_copied() {
    let ((alice, desk), bob) = (pair(), online());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let copy = expect!(desk, "<message><sent xmlns='urn:xmpp:carbons:2'/></message>");
    inside(&copy, "sent").must(&format!("<message to='{bob}' id='m1'/>"));
}

/// §8: and to somebody whose server is not known: the copy does not wait for delivery.
#[test]
fn a_message_to_another_host_is_copied() {
    let ((alice, desk), bob) = (pair(), user_at("second.localhost"));
    bob.go_online();
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}' id='m1'/>");
    expect!(desk, "<message from='{alice:#}'><sent xmlns='urn:xmpp:carbons:2'/></message>");
}

/// §8: the sending resource gets no copy.
#[test]
fn the_sender_gets_no_copy() {
    let ((alice, _desk), bob) = (pair(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(bob, "<message id='m1'/>");
    alice.expect_nothing();
}

/// §8: it does not matter whether the sender has asked for copies.
#[test]
fn a_sender_without_carbons_is_copied() {
    let (alice, bob) = (online(), online());
    let desk = alice.session_online("desk", 0);
    enable(&desk);
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(desk, "<message><sent xmlns='urn:xmpp:carbons:2'/></message>");
}

/// §2: the others that have not asked get nothing.
#[test]
fn a_resource_that_did_not_ask_gets_no_sent_copy() {
    let ((alice, _desk), bob) = (pair(), online());
    let old = alice.session_online("old", 0);
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(bob, "<message id='m1'/>");
    old.expect_nothing();
}

/// §8: a resource of negative priority gets copies.
#[test]
fn a_resource_of_negative_priority_gets_sent_copies() {
    let (alice, bob) = (online(), online());
    let low = alice.session_online("low", -1);
    enable(&low);
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(low, "<message to='{low}'><sent xmlns='urn:xmpp:carbons:2'/></message>");
}

/// §8: so does a resource without presence.
#[test]
fn a_resource_without_presence_gets_sent_copies() {
    let (alice, bob) = (online(), online());
    let silent = alice.session("silent");
    enable(&silent);
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(silent, "<message to='{silent}'><sent xmlns='urn:xmpp:carbons:2'/></message>");
}

/// §8: the recipient gets the message, not the copy, and the copy is nobody else's.
#[test]
fn a_sent_copy_goes_to_the_own_account_only() {
    let ((alice, _), (bob, bob_desk)) = (pair(), pair());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    barrier();
    assert_eq!(copies(&bob, "sent") + copies(&bob_desk, "sent"), 0, "{}", *bob);
    assert_eq!(copies(&alice, "received"), 0, "{}", *alice);
}

/// §7 and §8: of a message to oneself each resource gets what it is owed once.
#[test]
fn a_message_to_ones_own_resource_is_not_doubled() {
    let (phone, desk) = pair();
    send!(phone, "<message to='{desk}' type='chat' id='m1'><body>note</body></message>");
    expect!(desk, "<message from='{phone}' to='{desk}' id='m1'><body>note</body></message>");
    barrier();
    assert!(copies(&desk, "received") == 0, "the resource addressed has the original\n{}", *desk);
}

/// XEP-0313 §3.5: the copy tells the id of the message in the own archive.
#[test]
fn a_sent_copy_has_the_id_in_the_archive() {
    let ((alice, desk), bob) = (pair(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    let copy = expect!(desk, "<message><sent xmlns='urn:xmpp:carbons:2'/></message>");
    let (id, _) = alice.archived("<message id='m1'/>");
    inside(&copy, "sent")
        .must(&format!("<message><stanza-id xmlns='urn:xmpp:sid:0' by='{alice:#}' id='{id}'/></message>"));
}
