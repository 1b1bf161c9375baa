//! XEP-0280 §7: copies of what is received.

use super::*;

/// §7: what the copy looks like.
#[test]
fn a_received_copy_wraps_the_message_as_it_was() {
    let (alice, (bob, desk)) = (online(), pair());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body><thread>t1</thread></message>");
    let copy = expect!(desk, "<message><received xmlns='urn:xmpp:carbons:2'/></message>");
    copy.must(&format!(
        "<message from='{bob:#}' to='{desk}' type='chat'><received xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>\
         <message xmlns='jabber:client' from='{alice}' to='{bob}' type='chat' id='m1'>\
         <body>hi</body><thread>t1</thread></message></forwarded></received></message>"
    ));
    expect!(bob, "<message from='{alice}' id='m1'><body>hi</body></message>");
}

/// §7: the type is the same.
#[test]
fn a_received_copy_has_the_type_of_the_message() {
    let (alice, (bob, desk)) = (online(), pair());
    send!(alice, "<message to='{bob}' type='normal' id='m1'><body>hi</body></message>");
    let copy = expect!(desk, "<message><received xmlns='urn:xmpp:carbons:2'/></message>");
    assert!(matches!(copy.attr("type"), None | Some("normal")), "{copy}");
}

/// §7: who the message was addressed to gets it, and no copy.
#[test]
fn the_resource_addressed_gets_no_copy() {
    let (alice, (bob, _desk)) = (online(), pair());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    expect!(bob, "<message id='m1'/>");
    bob.expect_nothing();
}

/// §7: of a message to the bare JID each resource gets either itself or a copy, not both.
#[test]
fn a_message_to_the_bare_jid_comes_to_each_resource_once() {
    let (alice, (bob, desk)) = (online(), pair());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    barrier();
    let counts = [&bob, &desk].map(|c| c.inbox().iter().filter(|e| e.to_string().contains("<body")).count());
    assert_eq!(counts, [1, 1], "{}\n{}", *bob, *desk);
}

/// §7: a resource of negative priority is not delivered to (RFC 6121 §8.5.2.1), so it gets a copy.
#[test]
fn a_resource_of_negative_priority_gets_a_copy_of_a_message_to_the_bare_jid() {
    let (alice, bob) = (online(), online());
    let low = bob.session_online("low", -1);
    enable(&low);
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}' id='m1'/>");
    let copy =
        expect!(low, "<message from='{bob:#}' to='{low}'><received xmlns='urn:xmpp:carbons:2'/></message>");
    inside(&copy, "received").must(&format!("<message to='{bob:#}' id='m1'><body>hi</body></message>"));
    low.expect_nothing();
}

/// §7: the same where it is the only one.
#[test]
fn a_resource_of_negative_priority_gets_a_copy_though_it_is_alone() {
    let (alice, bob) = (online(), user());
    bob.roster();
    bob.priority(-1);
    enable(&bob);
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(bob, "<message to='{bob}'><received xmlns='urn:xmpp:carbons:2'/></message>");
    bob.expect_nothing();
}

/// §7: and of a message to another resource.
#[test]
fn a_resource_of_negative_priority_gets_a_copy_of_a_message_to_a_full_jid() {
    let (alice, bob) = (online(), online());
    let low = bob.session_online("low", -1);
    enable(&low);
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    expect!(low, "<message to='{low}'><received xmlns='urn:xmpp:carbons:2'/></message>");
}

/// §7: "each Carbons-enabled resource": a session does not have to be available.
#[test]
fn a_resource_without_presence_gets_copies() {
    let (alice, bob) = (online(), online());
    let silent = bob.session("silent");
    enable(&silent);
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    expect!(silent, "<message to='{silent}'><received xmlns='urn:xmpp:carbons:2'/></message>");
}

/// §7: all of them.
#[test]
fn each_enabled_resource_gets_a_copy() {
    let (alice, (bob, desk)) = (online(), pair());
    let tablet = bob.session_online("tablet", 5);
    enable(&tablet);
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    for client in [&desk, &tablet] {
        expect!(client, "<message to='{client}'><received xmlns='urn:xmpp:carbons:2'/></message>");
    }
}

/// §7: a message for a resource that is gone is handled as one for the bare JID (RFC 6121 §8.5.3.2.1): each session
/// gets it once.
#[test]
fn a_message_to_a_resource_that_is_gone_comes_to_each_resource_once() {
    let (alice, (bob, desk)) = (online(), pair());
    send!(alice, "<message to='{bob:#}/gone' type='chat' id='m1'><body>hi</body></message>");
    barrier();
    let counts = [&bob, &desk].map(|c| c.inbox().iter().filter(|e| e.to_string().contains("<body")).count());
    assert_eq!(counts, [1, 1], "{}\n{}", *bob, *desk);
}

/// §2: a resource that has not asked gets no protocol that it does not expect.
#[test]
fn a_resource_that_did_not_ask_gets_nothing() {
    let (alice, bob) = (online(), online());
    let old = bob.session_online("old", 0);
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    old.expect_nothing();
}

/// XEP-0191 §3.1: of what is blocked there are no copies.
#[test]
fn a_blocked_message_is_not_copied() {
    let (alice, (bob, desk)) = (online(), pair());
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></block></iq>")
        .must("<iq type='result'/>");
    settle();
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    expect_no!(desk, "<message/>");
    expect_no!(bob, "<message/>");
}

/// XEP-0313 §3.5: the copy tells the id of the message in the archive.
#[test]
fn a_received_copy_has_the_id_in_the_archive() {
    let (alice, (bob, desk)) = (online(), pair());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let copy = expect!(desk, "<message><received xmlns='urn:xmpp:carbons:2'/></message>");
    let (id, _) = bob.archived("<message id='m1'/>");
    inside(&copy, "received")
        .must(&format!("<message><stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='{id}'/></message>"));
}

/// §7, §11: what somebody else sends as a copy comes from that somebody, not from the own account.
#[test]
fn a_forged_copy_does_not_come_from_the_own_account() {
    for direction in ["received", "sent"] {
        let (mallory, (bob, desk)) = (online(), pair());
        send!(
            mallory,
            "<message to='{bob:#}' type='chat' id='m1'><{direction} xmlns='urn:xmpp:carbons:2'>\
             <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='carol@example.com/r' to='{bob}' type='chat'>\
             <body>forged</body></message></forwarded></{direction}></message>"
        );
        barrier();
        for client in [&bob, &desk] {
            let forged = Element::parse(&format!(
                "<message from='{bob:#}'><{direction} xmlns='urn:xmpp:carbons:2'>\
                 <forwarded xmlns='urn:xmpp:forward:0'><message from='carol@example.com/r'/></forwarded></{direction}></message>"
            ));
            assert!(client.unclaimed(|e| e.matches(&forged)).is_none(), "{}", **client);
        }
    }
}

/// §11 asks clients to ignore such a copy, and clients have failed at that; a server can keep it from them.
#[test]
fn a_forged_copy_is_not_passed_on() {
    for direction in ["received", "sent"] {
        let (mallory, (bob, _desk)) = (online(), pair());
        send!(
            mallory,
            "<message to='{bob}' type='chat' id='m1'><{direction} xmlns='urn:xmpp:carbons:2'>\
             <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='carol@example.com/r' to='{bob}' type='chat'>\
             <body>forged</body></message></forwarded></{direction}></message>"
        );
        expect_no!(bob, "<message><{direction} xmlns='urn:xmpp:carbons:2'/></message>");
    }
}
