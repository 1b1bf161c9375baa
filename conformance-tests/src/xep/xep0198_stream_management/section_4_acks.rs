//! XEP-0198 §4: what the server acknowledges.

use crate::harness::*;

/// A fresh session with stream management.
#[track_caller]
fn managed() -> Client {
    let alice = user();
    alice.enable();
    alice
}

/// §4: the count starts at zero.
#[test]
fn the_count_starts_at_zero() {
    managed().expect_handled(0);
}

/// §4: with `<enable/>`: what was sent before does not count.
#[test]
fn what_was_sent_before_enable_does_not_count() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}'><body>early</body></message>");
    alice.enable();
    alice.expect_handled(0);
}

/// §4, note: what follows `<enable/>` counts, though `<enabled/>` has not come.
#[test]
fn what_follows_enable_at_once_counts() {
    let (alice, bob) = (online(), online());
    send!(alice, "<enable xmlns='urn:xmpp:sm:3'/><message to='{bob}'><body>1</body></message>");
    alice.expect_next("<enabled xmlns='urn:xmpp:sm:3'/>");
    alice.expect_handled(1);
}

/// §4: `<r/>` is answered with `<a/>` of this namespace.
#[test]
fn r_is_answered_with_a() {
    let alice = managed();
    alice.send("<r xmlns='urn:xmpp:sm:3'/>");
    alice.expect_nonza("<a xmlns='urn:xmpp:sm:3' h='0'/>");
}

/// §4: each `<r/>`, also if nothing was sent in between.
#[test]
fn each_r_is_answered() {
    let alice = managed();
    alice.send("<r xmlns='urn:xmpp:sm:3'/><r xmlns='urn:xmpp:sm:3'/>");
    alice.expect_nonza("<a xmlns='urn:xmpp:sm:3' h='0'/>");
    alice.expect_nonza("<a xmlns='urn:xmpp:sm:3' h='0'/>");
}

/// §4: a message counts.
#[test]
fn a_message_counts() {
    let (bob, alice) = (online(), managed());
    send!(alice, "<message to='{bob}'><body>hi</body></message>");
    alice.expect_handled(1);
}

/// §4: presence counts.
#[test]
fn presence_counts() {
    let alice = managed();
    alice.send("<presence/>");
    alice.expect_handled(1);
}

/// §4: an iq counts.
#[test]
fn an_iq_counts() {
    let alice = managed();
    alice.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    alice.expect_handled(1);
    alice.answer("r");
}

/// §4: so does the answer to an iq.
#[test]
fn an_iq_result_counts() {
    let alice = managed();
    alice.send("<iq type='result' id='nobody-asked' to='localhost'/>");
    alice.expect_handled(1);
}

/// §4, example 26: one answer for many.
#[test]
fn many_stanzas_are_acknowledged_at_once() {
    let (bob, alice) = (online(), managed());
    let all: String = (0..50).map(|i| format!("<message to='{bob}'><body>{i}</body></message>")).collect();
    alice.send(&all);
    alice.expect_handled(50);
}

/// §4, example 26: the count goes on.
#[test]
fn the_count_goes_on() {
    let (bob, alice) = (online(), managed());
    for h in 1..=5 {
        send!(alice, "<message to='{bob}'><body>hi</body></message>");
        alice.expect_handled(h);
    }
}

/// §1: elements that are no stanzas do not count.
#[test]
fn acks_and_requests_do_not_count() {
    let alice = managed();
    alice.send("<r xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='0'/><r xmlns='urn:xmpp:sm:3'/>");
    alice.expect_handled(0);
}

/// §1: nor do those of other specifications.
#[test]
fn client_states_do_not_count() {
    let alice = managed();
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>");
    alice.expect_handled(0);
}

/// §1: nor does white space.
#[test]
fn white_space_does_not_count() {
    let alice = managed();
    alice.send(" \n ");
    alice.expect_handled(0);
}

/// §4: a stanza that cannot be addressed was handled, with an error.
#[test]
fn a_message_to_a_malformed_address_counts() {
    let alice = managed();
    alice.send("<message to='@localhost' id='m'><body>hi</body></message>");
    alice.expect("<message type='error' id='m'/>");
    alice.expect_handled(1);
}

/// §4: so was one of which the recipient does not exist.
#[test]
fn a_message_to_nobody_counts() {
    let alice = managed();
    alice.send("<message to='nobody-here@localhost' type='chat'><body>hi</body></message>");
    alice.expect_handled(1);
}

/// §4: and an iq that no one understands.
#[test]
fn a_refused_iq_counts() {
    let alice = managed();
    request!(alice, "<iq type='get' to='localhost'><x xmlns='urn:example:unknown'/></iq>")
        .must("<iq type='error'/>");
    alice.expect_handled(1);
}

/// §4: and an iq without payload.
#[test]
fn an_iq_without_payload_counts() {
    let alice = managed();
    request!(alice, "<iq type='get' to='localhost'/>").must("<iq type='error'/>");
    alice.expect_handled(1);
}

/// §4: and presence to a malformed address.
#[test]
fn presence_to_a_malformed_address_counts() {
    let alice = managed();
    alice.send("<presence to='@localhost'/>");
    alice.expect_handled(1);
}

/// §4: and a message to someone who has blocked the sender.
#[test]
fn a_message_to_who_blocked_the_sender_counts() {
    let (bob, alice) = (online(), managed());
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></block></iq>")
        .must("<iq type='result'/>");
    send!(alice, "<message to='{bob}' type='chat' id='m'><body>hi</body></message>");
    alice.expect_handled(1);
}

/// §4: "handled" is delivered: what was acknowledged has reached the other client.
#[test]
fn what_is_acknowledged_is_delivered() {
    let (bob, alice) = (online(), managed());
    send!(alice, "<message to='{bob}' type='chat'><body>hi</body></message>");
    alice.expect_handled(1);
    expect!(bob, "<message from='{alice}'><body>hi</body></message>");
}
