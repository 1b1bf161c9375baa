//! XEP-0198 §4: what the client acknowledges.
//!
//! The server's count shows in two ways: an `<a/>` that is too high by one ends the stream (§6), and what was
//! acknowledged does not come again.

use crate::harness::*;

/// Acknowledges all that came, which has to be right, and then one stanza more, which has to be too high.
#[track_caller]
fn expect_send_count(client: &Client, count: u32) {
    assert_eq!(client.handled(), count, "{}", **client);
    client.ack();
    client.ping();
    assert!(!client.is_closed(), "{}", **client);
    // The answer to the ping was one more.
    client.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", count + 2));
    client.expect_stream_error("undefined-condition");
}

/// A fresh session, available and with stream management, that does not answer `<r/>`.
#[track_caller]
fn managed() -> Client {
    let alice = online();
    alice.enable();
    alice.withhold_acks();
    alice
}

/// §4: the count starts at zero, whatever came before `<enabled/>`.
#[test]
fn the_count_starts_at_zero() {
    expect_send_count(&managed(), 0);
}

/// §4: a message to the client counts.
#[test]
fn a_message_counts() {
    let (bob, alice) = (online(), managed());
    send!(bob, "<message to='{alice}'><body>hi</body></message>");
    alice.expect("<message/>");
    expect_send_count(&alice, 1);
}

/// §4: presence counts.
#[test]
fn presence_counts() {
    let (bob, alice) = (online(), managed());
    send!(bob, "<presence to='{alice}'/>");
    alice.expect("<presence/>");
    expect_send_count(&alice, 1);
}

/// §4: an iq counts.
#[test]
fn an_iq_counts() {
    let alice = managed();
    alice.request("<iq type='get'><query xmlns='jabber:iq:roster'/></iq>");
    expect_send_count(&alice, 1);
}

/// §4: a roster push counts.
#[test]
fn a_roster_push_counts() {
    let alice = managed();
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='x@example.com'/></query></iq>"
    );
    alice.expect("<iq type='set'><query xmlns='jabber:iq:roster'/></iq>");
    expect_send_count(&alice, 2);
}

/// §4: a stanza that comes back as an error counts.
#[test]
fn an_error_counts() {
    let alice = managed();
    alice.send("<message to='@localhost' id='m'><body>hi</body></message>");
    alice.expect("<message type='error'/>");
    expect_send_count(&alice, 1);
}

/// §1: acks and requests do not count.
#[test]
fn acks_do_not_count() {
    let alice = managed();
    alice.send("<r xmlns='urn:xmpp:sm:3'/><r xmlns='urn:xmpp:sm:3'/>");
    alice.expect_nonza("<a xmlns='urn:xmpp:sm:3'/>");
    alice.expect_nonza("<a xmlns='urn:xmpp:sm:3'/>");
    expect_send_count(&alice, 0);
}

/// §4: an exact ack is no error, at any time and twice.
#[test]
fn an_exact_ack_is_right() {
    let (bob, alice) = (online(), managed());
    send!(bob, "<message to='{alice}'><body>hi</body></message>");
    alice.expect("<message/>");
    alice.send(
        "<a xmlns='urn:xmpp:sm:3' h='0'/><a xmlns='urn:xmpp:sm:3' h='1'/><a xmlns='urn:xmpp:sm:3' h='1'/>",
    );
    alice.expect_nothing();
    assert!(!alice.is_closed(), "{}", *alice);
}

/// §4: it is up to the server when it asks, but it has to: a client that only answers would be sent all again.
#[test]
fn the_server_asks_for_acks() {
    let (bob, alice) = (online(), managed());
    for i in 0..50 {
        send!(bob, "<message to='{alice}' type='chat'><body>{i}</body></message>");
    }
    alice.expect_nonza("<r xmlns='urn:xmpp:sm:3'/>");
}

/// §4: what was acknowledged is not sent again.
#[test]
fn an_acknowledged_message_does_not_come_again() {
    let (alice, bob) = (online(), online());
    let id = alice.enable();
    alice.withhold_acks();
    send!(bob, "<message to='{alice}'><body>one</body></message>");
    alice.expect("<message><body>one</body></message>");
    alice.ack();
    alice.ping();
    alice.cut();
    alice.resume(&id).expect_no("<message/>");
}

/// An `<a/>` of that form: it acknowledges nothing. The server may end the stream, or skip it; then the message comes
/// again at resumption.
#[track_caller]
fn acknowledges_nothing(ack: &str) {
    let (alice, bob) = (online(), online());
    let id = alice.enable();
    alice.withhold_acks();
    send!(bob, "<message to='{alice}'><body>one</body></message>");
    alice.expect("<message><body>one</body></message>");
    alice.send(ack);
    alice.ping();
    if alice.is_closed() {
        return;
    }
    alice.cut();
    let conn = alice.authenticated();
    conn.send_resume(&id, 0);
    conn.expect_next("<resumed xmlns='urn:xmpp:sm:3'/>");
    conn.expect("<message><body>one</body></message>");
}

macro_rules! acks {
    ($($name:ident: $ack:literal;)*) => {
        $(/// §4: an `<a/>` has to have an 'h', which is an unsignedInt.
        #[test] fn $name() { acknowledges_nothing($ack); })*
    };
}

acks! {
    an_ack_without_h_acknowledges_nothing: "<a xmlns='urn:xmpp:sm:3'/>";
    an_ack_with_an_empty_h_acknowledges_nothing: "<a xmlns='urn:xmpp:sm:3' h=''/>";
    an_ack_with_a_word_acknowledges_nothing: "<a xmlns='urn:xmpp:sm:3' h='one'/>";
    an_ack_with_a_negative_h_acknowledges_nothing: "<a xmlns='urn:xmpp:sm:3' h='-1'/>";
    an_ack_with_a_fraction_acknowledges_nothing: "<a xmlns='urn:xmpp:sm:3' h='1.5'/>";
    an_ack_of_2_to_the_32nd_acknowledges_nothing: "<a xmlns='urn:xmpp:sm:3' h='4294967297'/>";
    an_ack_of_another_namespace_acknowledges_nothing: "<a xmlns='urn:xmpp:sm:1' h='1'/>";
}
