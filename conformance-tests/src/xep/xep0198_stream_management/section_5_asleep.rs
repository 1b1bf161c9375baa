//! XEP-0198 §5 and §7: what happens between the end of a connection and the resumption.

use crate::harness::*;

/// A session with stream management of somebody whose friend is online.
#[track_caller]
fn friends() -> (Client, String, Client) {
    let (bob, alice) = (online(), online());
    befriend(&alice, &bob);
    let id = alice.enable();
    (alice, id, bob)
}

/// §7: a contact hears nothing of a session that only lost its connection.
#[test]
fn a_contact_sees_no_unavailable_presence() {
    let (alice, _id, bob) = friends();
    alice.cut();
    bob.expect_nothing();
}

/// §5: without resumption the session has ended, and contacts hear of it.
#[test]
fn without_resumption_a_contact_sees_unavailable_presence() {
    let (bob, alice) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<enable xmlns='urn:xmpp:sm:3'/>");
    alice.expect("<enabled xmlns='urn:xmpp:sm:3'/>");
    alice.cut();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §5: a contact hears nothing of the resumption either.
#[test]
fn a_contact_sees_nothing_of_a_resumption() {
    let (alice, id, bob) = friends();
    alice.cut();
    let resumed = alice.resume(&id);
    bob.expect_nothing();
    resumed.expect_nothing();
}

/// §7: the session is there for who comes later.
#[test]
fn a_contact_who_comes_later_sees_it_available() {
    let (alice, _id, bob) = friends();
    alice.cut();
    let later = bob.session("later");
    later.send("<presence/>");
    expect!(later, "<presence from='{alice}' type='{NONE}'/>");
}

/// §5: messages that come meanwhile are delivered at resumption, in order.
#[test]
fn messages_come_at_resumption_in_order() {
    let (alice, id, bob) = friends();
    alice.cut();
    for i in 0..20 {
        send!(bob, "<message to='{alice}' type='chat'><body>{i}</body></message>");
    }
    let resumed = alice.resume(&id);
    for i in 0..20 {
        resumed.expect_next(&format!("<message><body>{i}</body></message>"));
    }
    resumed.expect_nothing();
}

/// §5: no error goes to the sender of one.
#[test]
fn the_sender_of_a_message_gets_no_error() {
    let (alice, _id, bob) = friends();
    alice.cut();
    send!(bob, "<message to='{alice}' type='chat'><body>hi</body></message>");
    bob.expect_nothing();
}

/// RFC 6121 §8.5.2.1.1: the session is an available resource: it gets messages for the bare JID.
#[test]
fn a_message_to_the_bare_jid_comes_at_resumption() {
    let (alice, id, bob) = friends();
    alice.cut();
    send!(bob, "<message to='{alice:#}' type='chat'><body>hi</body></message>");
    let resumed = alice.resume(&id);
    expect!(resumed, "<message from='{bob}'><body>hi</body></message>");
    resumed.expect_nothing();
}

/// §5: what was not acknowledged comes before what came meanwhile.
#[test]
fn unacknowledged_messages_come_first() {
    let (alice, id, bob) = friends();
    alice.withhold_acks();
    let handled = alice.handled();
    send!(bob, "<message to='{alice}' type='chat'><body>before</body></message>");
    alice.expect("<message><body>before</body></message>");
    alice.cut();
    send!(bob, "<message to='{alice}' type='chat'><body>after</body></message>");
    let conn = alice.authenticated();
    conn.send_resume(&id, handled);
    conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
    conn.expect_next("<message><body>before</body></message>");
    conn.expect_next("<message><body>after</body></message>");
}

/// §5: presence, iq and messages of one sender keep their order.
#[test]
fn stanzas_of_all_kinds_come_at_resumption_in_order() {
    let (alice, id, bob) = friends();
    alice.cut();
    bob.send("<presence><show>away</show></presence>");
    send!(bob, "<message to='{alice}' type='chat' id='m1'><body>1</body></message>");
    send!(bob, "<iq type='get' id='q' to='{alice}'><query xmlns='jabber:iq:version'/></iq>");
    send!(bob, "<message to='{alice}' type='headline' id='m2'><body>2</body></message>");
    let resumed = alice.resume(&id);
    resumed.expect_next("<presence><show>away</show></presence>");
    resumed.expect_next("<message id='m1'/>");
    resumed.expect_next("<iq type='get' id='q'/>");
    resumed.expect_next("<message id='m2'/>");
}

/// RFC 6120 §8.2.3: the answer to an iq that slept reaches its sender.
#[test]
fn an_iq_is_answered_after_resumption() {
    let (alice, id, bob) = friends();
    alice.cut();
    send!(bob, "<iq type='get' id='q' to='{alice}'><query xmlns='jabber:iq:version'/></iq>");
    let resumed = alice.resume(&id);
    resumed.expect("<iq type='get' id='q'/>");
    send!(resumed, "<iq type='result' id='q' to='{bob}'/>");
    expect!(bob, "<iq type='result' id='q' from='{alice}'/>");
}

/// §5: the client need not ask for the roster: pushes that were missed come.
#[test]
fn roster_pushes_come_at_resumption() {
    let alice = online();
    let other = alice.session("other");
    other.roster();
    let id = alice.enable();
    alice.cut();
    request!(
        other,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='x@example.com'/></query></iq>"
    )
    .must("<iq type='result'/>");
    barrier();
    let resumed = alice.resume(&id);
    expect!(
        resumed,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='x@example.com'/></query></iq>"
    );
}

/// §5: nor send presence: its priority is retained.
#[test]
fn the_priority_is_retained() {
    let (bob, alice) = (online(), online());
    let other = alice.session_online("other", 1);
    alice.priority(5);
    let id = alice.enable();
    alice.cut();
    let resumed = alice.resume(&id);
    send!(bob, "<message to='{alice:#}' type='chat'><body>hi</body></message>");
    expect!(resumed, "<message><body>hi</body></message>");
    other.ping();
    // Whether it gets a copy as well is the server's choice.
    other.clear();
}

/// §5: a session without presence does not become available.
#[test]
fn a_session_without_presence_stays_one() {
    let (bob, alice) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<presence type='unavailable'/>");
    settle();
    let id = alice.enable();
    alice.cut();
    let resumed = alice.resume(&id);
    send!(bob, "<message to='{alice:#}' type='headline'><body>hi</body></message>");
    resumed.expect_nothing();
    bob.expect_nothing();
}

/// RFC 6121 §4.6.3: directed presence is remembered, so that its end is told.
#[test]
fn directed_presence_is_retained() {
    let (bob, alice) = (online(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    let id = alice.enable();
    alice.cut();
    let resumed = alice.resume(&id);
    bob.expect_nothing();
    resumed.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §7: a session that was resumed ends like any other.
#[test]
fn a_resumed_session_ends_with_unavailable_presence() {
    let (alice, id, bob) = friends();
    alice.cut();
    let resumed = alice.resume(&id);
    resumed.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// RFC 6120 §8.2.3: an iq of the client that was answered while it slept: the answer comes.
#[test]
fn an_answer_that_was_missed_comes_at_resumption() {
    let (alice, id, bob) = friends();
    send!(alice, "<iq type='get' id='q' to='{bob}'><query xmlns='jabber:iq:version'/></iq>");
    bob.expect("<iq type='get' id='q'/>");
    alice.expect_all_handled();
    alice.cut();
    send!(bob, "<iq type='result' id='q' to='{alice}'/>");
    let resumed = alice.resume(&id);
    expect!(resumed, "<iq type='result' id='q' from='{bob}'/>");
}
