//! XEP-0198 §5: a session is resumed after its connection was cut.

use crate::harness::*;

/// A session with stream management that does not answer `<r/>`, its SM-ID, and somebody to talk to.
#[track_caller]
fn silent() -> (Client, String, Client) {
    let (bob, alice) = (online(), online());
    let id = alice.enable();
    alice.withhold_acks();
    (alice, id, bob)
}

/// Sends numbered chat messages to a full JID.
#[track_caller]
fn say(from: &Client, to: &Client, numbers: std::ops::Range<u32>) {
    for i in numbers {
        send!(from, "<message to='{to}' type='chat' id='m{i}'><body>{i}</body></message>");
    }
}

/// Waits for numbered messages as the next stanzas.
#[track_caller]
fn expect_next_numbers(client: &Conn, numbers: std::ops::Range<u32>) {
    for i in numbers {
        client.expect_next(&format!("<message id='m{i}'><body>{i}</body></message>"));
    }
}

/// §5: `<resumed/>` repeats the SM-ID and tells how many stanzas of the client the server handled.
#[test]
fn a_cut_session_is_resumed() {
    let alice = user();
    let id = alice.enable();
    alice.ping();
    alice.expect_handled(1);
    alice.cut();
    let conn = alice.authenticated();
    conn.send_resume(&id, alice.handled());
    conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>")
        .must(&format!("<resumed xmlns='urn:xmpp:sm:3' previd='{id}' h='1'/>"));
}

/// §5: with zero if the client has sent none.
#[test]
fn a_session_that_has_sent_nothing_is_resumed_with_zero() {
    let alice = user();
    let id = alice.enable();
    alice.cut();
    assert_eq!(alice.resume(&id).sent(), 0);
}

/// §5: the resumed session sends and gets under its old address.
#[test]
fn a_resumed_session_has_its_old_address() {
    let (alice, id, bob) = silent();
    alice.cut();
    let alice = alice.resume(&id);
    send!(alice, "<message to='{bob}' type='chat'><body>there</body></message>");
    expect!(bob, "<message from='{alice}'><body>there</body></message>");
    send!(bob, "<message to='{alice}' type='chat'><body>and back</body></message>");
    expect!(alice, "<message to='{alice}'><body>and back</body></message>");
}

/// §5: the server sends again what was not acknowledged, in order.
#[test]
fn unacknowledged_stanzas_come_again_in_order() {
    let (alice, id, bob) = silent();
    say(&bob, &alice, 0..10);
    expect_next_numbers(&alice, 0..10);
    alice.expect_all_handled();
    alice.cut();
    let conn = alice.authenticated();
    conn.send_resume(&id, 0);
    conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
    expect_next_numbers(&conn, 0..10);
}

/// §5: and only what the 'h' of `<resume/>` does not cover.
#[test]
fn what_the_h_of_resume_covers_does_not_come_again() {
    let (alice, id, bob) = silent();
    say(&bob, &alice, 0..10);
    expect_next_numbers(&alice, 0..10);
    alice.cut();
    let conn = alice.authenticated();
    conn.send_resume(&id, 7);
    conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
    expect_next_numbers(&conn, 7..10);
}

/// §5: nothing comes again if the 'h' of `<resume/>` covers all.
#[test]
fn nothing_comes_again_that_the_client_has() {
    let (alice, id, bob) = silent();
    say(&bob, &alice, 0..3);
    expect_next_numbers(&alice, 0..3);
    alice.expect_all_handled();
    alice.cut();
    alice.resume(&id).expect_nothing();
}

/// §5: a stanza sent again is the same stanza: no copy of another kind, and nothing else.
#[test]
fn a_stanza_that_comes_again_is_the_same_stanza() {
    let (alice, id, bob) = silent();
    send!(
        bob,
        "<message to='{alice}' type='chat' id='m' xml:lang='de'><body>hi</body><thread>t</thread>\
         <x xmlns='urn:example:x' k='v'><y>z</y></x></message>"
    );
    let first = alice.expect("<message id='m'/>");
    alice.cut();
    let conn = alice.authenticated();
    conn.send_resume(&id, 0);
    conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
    conn.expect_next("<message id='m'/>").must(&first.to_string());
}

/// §5: messages, presence and iq come again.
#[test]
fn stanzas_of_all_kinds_come_again() {
    let (alice, id, bob) = silent();
    befriend(&alice, &bob);
    alice.ack();
    let handled = alice.handled();
    bob.send("<presence><show>away</show></presence>");
    send!(bob, "<iq type='get' id='q' to='{alice}'><query xmlns='jabber:iq:version'/></iq>");
    send!(bob, "<message to='{alice}' id='m'><body>hi</body></message>");
    for part in ["<presence><show>away</show></presence>", "<iq type='get' id='q'/>", "<message id='m'/>"] {
        alice.expect_next(part);
    }
    alice.cut();
    let conn = alice.authenticated();
    conn.send_resume(&id, handled);
    conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
    for part in ["<presence><show>away</show></presence>", "<iq type='get' id='q'/>", "<message id='m'/>"] {
        conn.expect_next(part);
    }
}

/// §5: 'h' of `<resumed/>` counts what was handled, though the client never heard of it.
#[test]
fn the_h_of_resumed_counts_what_was_delivered() {
    let (alice, id, bob) = silent();
    say(&alice, &bob, 0..3);
    expect_next_numbers(&bob, 0..3);
    alice.cut();
    alice.resume(&id);
    bob.expect_nothing();
}

/// §5: it does not count a stanza of which only half came.
#[test]
fn the_h_of_resumed_does_not_count_half_a_stanza() {
    let (alice, id, bob) = silent();
    say(&alice, &bob, 0..2);
    alice.expect_all_handled();
    alice.send_bytes(format!("<message to='{bob}'><body>ha").as_bytes());
    alice.cut();
    let resumed = alice.resume(&id);
    send!(resumed, "<message to='{bob}'><body>whole</body></message>");
    resumed.ping();
    expect_next_numbers(&bob, 0..2);
    bob.expect_next("<message><body>whole</body></message>");
}

/// §5: the sequence of the client's stanzas is not reset.
#[test]
fn the_count_of_handled_stanzas_goes_on() {
    let (alice, id, bob) = silent();
    say(&alice, &bob, 0..3);
    alice.expect_all_handled();
    let before = alice.sent();
    alice.cut();
    let alice = alice.resume(&id);
    say(&alice, &bob, 3..5);
    alice.expect_handled(before + 2);
}

/// §5: nor is that of the server's.
#[test]
fn the_count_of_sent_stanzas_goes_on() {
    let (alice, id, bob) = silent();
    say(&bob, &alice, 0..3);
    expect_next_numbers(&alice, 0..3);
    alice.expect_all_handled();
    alice.cut();
    let alice = alice.resume(&id);
    say(&bob, &alice, 3..5);
    expect_next_numbers(&alice, 3..5);
    let sent = alice.handled();
    alice.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{sent}'/>"));
    alice.ping();
    assert!(!alice.is_closed(), "{}", *alice);
    alice.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", sent + 2));
    alice.expect_stream_error("undefined-condition");
}

/// §5: a resumed session can be resumed again, with the same SM-ID.
#[test]
fn a_session_is_resumed_again_and_again() {
    let (alice, id, bob) = silent();
    let mut alice = alice;
    for i in 0..4 {
        alice.cut();
        alice = alice.resume(&id);
        say(&bob, &alice, i..i + 1);
        expect_next_numbers(&alice, i..i + 1);
        alice.expect_all_handled();
    }
}

/// §5: what came again and is acknowledged now does not come a third time.
#[test]
fn what_came_again_and_was_acknowledged_does_not_come_a_third_time() {
    let (alice, id, bob) = silent();
    alice.cut();
    say(&bob, &alice, 0..3);
    let alice = alice.resume(&id);
    expect_next_numbers(&alice, 0..3);
    alice.cut();
    alice.resume(&id).expect_nothing();
}

/// §5: what came again and is not acknowledged comes a third time.
#[test]
fn what_came_again_and_was_not_acknowledged_comes_a_third_time() {
    let (alice, id, bob) = silent();
    say(&bob, &alice, 0..3);
    expect_next_numbers(&alice, 0..3);
    alice.cut();
    for _ in 0..2 {
        let conn = alice.authenticated();
        conn.send_resume(&id, 1);
        conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
        expect_next_numbers(&conn, 1..3);
        conn.cut();
    }
}

/// §5: the old connection may be open still; then it ends with conflict.
#[test]
fn the_old_stream_ends_with_conflict() {
    let (alice, id, _bob) = silent();
    let resumed = alice.resume(&id);
    alice.expect_stream_error("conflict");
    alice.expect_close();
    resumed.ping();
    assert!(!resumed.is_closed(), "{}", *resumed);
}

/// §5: and the session has moved: what is for it comes on the new stream, once.
#[test]
fn a_session_taken_from_an_open_stream_goes_on() {
    let (alice, id, bob) = silent();
    say(&bob, &alice, 0..2);
    expect_next_numbers(&alice, 0..2);
    let resumed = alice.resume(&id);
    say(&bob, &resumed, 2..4);
    expect_next_numbers(&resumed, 2..4);
    resumed.expect_nothing();
}

/// §5: resumption is not bound to a port: from direct TLS to STARTTLS.
#[test]
fn a_session_of_direct_tls_is_resumed_over_starttls() {
    let (alice, id, bob) = silent();
    alice.cut();
    let resumed = alice.resume_on(alice.authenticated_by_starttls(), &id);
    say(&bob, &resumed, 0..1);
    expect_next_numbers(&resumed, 0..1);
}

/// §5: and back.
#[test]
fn a_session_of_starttls_is_resumed_over_direct_tls() {
    let (account, bob) = (user(), online());
    let conn = account.authenticated_by_starttls();
    let (name, host, password) = (account.name.clone(), account.host.clone(), account.password.clone());
    let alice = Client::bound(conn, name, host, password, "phone");
    let id = alice.enable();
    alice.cut();
    let resumed = alice.resume(&id);
    say(&bob, &resumed, 0..1);
    expect_next_numbers(&resumed, 0..1);
}

/// §5: two sessions of an account are resumed each with its own.
#[test]
fn two_sessions_of_an_account_do_not_mix() {
    let (bob, alice) = (online(), online());
    let other = alice.session_online("other", 0);
    let (id, other_id) = (alice.enable(), other.enable());
    alice.cut();
    other.cut();
    say(&bob, &alice, 0..2);
    say(&bob, &other, 2..4);
    let (alice, other) = (alice.resume(&id), other.resume(&other_id));
    expect_next_numbers(&alice, 0..2);
    expect_next_numbers(&other, 2..4);
    alice.expect_nothing();
    other.expect_nothing();
}
