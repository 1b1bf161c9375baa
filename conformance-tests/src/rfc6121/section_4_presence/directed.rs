//! RFC 6121 §4.6: directed presence.

use crate::harness::*;

/// §4.6.3 (2): it is delivered in full, to whoever it is directed.
#[test]
fn directed_presence_is_delivered_in_full() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}' id='d1'><show>chat</show><x xmlns='urn:example:x'/></presence>");
    expect!(bob, "<presence from='{alice}' id='d1'><show>chat</show><x xmlns='urn:example:x'/></presence>");
}

/// §4.6.3 (2): later broadcasts do not go there.
#[test]
fn later_broadcasts_do_not_go_to_a_directed_recipient() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    alice.send("<presence><status>secret</status></presence>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.6.3 (2): becoming unavailable is told to it.
#[test]
fn unavailable_is_told_to_a_directed_recipient() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    alice.send("<presence type='unavailable'/>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.6.3 (2): the end of the stream too.
#[test]
fn a_closed_stream_is_told_to_a_directed_recipient() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    alice.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.6.3 (2): a cut connection too.
#[test]
fn a_cut_connection_is_told_to_a_directed_recipient() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}'/>");
    settle();
    alice.cut();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.6.3 (2): not after directed unavailable presence was sent there.
#[test]
fn unavailable_is_not_told_twice() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    send!(alice, "<presence to='{bob}' type='unavailable'/>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    alice.log_out();
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.6.3 (3): a resource that is not available may direct presence.
#[test]
fn a_resource_without_initial_presence_may_direct_presence() {
    let (alice, bob) = (user(), online());
    send!(alice, "<presence to='{bob}'><status>hi</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>hi</status></presence>");
}

/// §4.6.3 (3): and its end is told.
#[test]
fn the_end_of_a_resource_without_initial_presence_is_told_to_its_directed_recipients() {
    let (alice, bob) = (user(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    alice.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.6.3 (3): directed presence makes nobody available.
#[test]
fn directed_presence_does_not_make_available() {
    let (alice, bob) = (user(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    send!(bob, "<message to='{alice:#}' type='chat'><body>hi</body></message>");
    alice.expect_nothing();
}

/// §4.6.3 (1): a subscriber still gets broadcasts after directed presence.
#[test]
fn a_subscriber_still_gets_broadcasts_after_directed_presence() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(alice, "<presence to='{bob:#}'><status>for you</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>for you</status></presence>");
    alice.send("<presence><status>for all</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>for all</status></presence>");
}

/// §4.6.3 (1): even after directed unavailable presence.
#[test]
fn a_subscriber_still_gets_broadcasts_after_directed_unavailable() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(alice, "<presence to='{bob:#}' type='unavailable'/>");
    settle();
    alice.send("<presence><status>for all</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>for all</status></presence>");
}

/// §4.6.1: with a subscription the recipient is told once, as a subscriber.
#[test]
fn a_subscriber_with_directed_presence_is_told_once_of_the_end() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(alice, "<presence to='{bob:#}'/>");
    settle();
    alice.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    expect_no!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.6.1: the list is cleared with unavailable presence: a new session's end is not told.
#[test]
fn the_directed_list_is_cleared_by_unavailable_presence() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    alice.send("<presence type='unavailable'/>");
    settle();
    alice.send("<presence/>");
    settle();
    alice.send("<presence type='unavailable'/>");
    bob.expect_nothing();
}

/// §4.6: one may direct presence to one's own account.
#[test]
fn directed_presence_to_the_own_other_resource_is_delivered() {
    let alice = online();
    let phone = alice.session_online("phone", 0);
    send!(alice, "<presence to='{phone}'><status>psst</status></presence>");
    expect!(phone, "<presence from='{alice}' to='{phone}'><status>psst</status></presence>");
}
