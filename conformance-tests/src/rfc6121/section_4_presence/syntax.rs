//! RFC 6121 §4.7: the syntax of presence.

use crate::harness::*;

/// §4.7.1: a type that is not defined is refused, and the stream goes on.
#[test]
fn an_undefined_type_is_not_broadcast() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<presence type='available'/>");
    expect_no!(bob, "<presence from='{alice}'/>");
    alice.expect_no("<presence type='{none}'/>");
}

/// §4.7.2.3: the lowest priority works.
#[test]
fn the_lowest_priority_is_accepted() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<presence><priority>-128</priority></presence>");
    expect!(bob, "<presence from='{alice}' type='{NONE}'><priority>-128</priority></presence>");
}

/// §4.7.2.3: the highest priority works.
#[test]
fn the_highest_priority_is_accepted() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<presence><priority>127</priority></presence>");
    expect!(bob, "<presence from='{alice}' type='{NONE}'><priority>127</priority></presence>");
}

/// §4.7.2.3: without the element the priority is zero, so messages for the bare JID come.
#[test]
fn without_priority_it_is_zero() {
    let (alice, bob) = (online(), online());
    let other = bob.session_online("other", 1);
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    expect!(other, "<message><body>hi</body></message>");
    other.priority(-1);
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    expect!(bob, "<message><body>hi</body></message>");
}

/// §4.7.2.2: statuses in several languages are delivered.
#[test]
fn statuses_in_several_languages_are_delivered() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<presence><status>a</status><status xml:lang='cs'>b</status></presence>");
    expect!(bob, "<presence><status>a</status><status xml:lang='cs'>b</status></presence>");
}

/// §4.7.3: extended content is delivered unchanged.
#[test]
fn extended_content_is_delivered() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send(
        "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://example.com' ver='abc='/></presence>",
    );
    expect!(
        bob,
        "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://example.com' ver='abc='/></presence>"
    );
}

/// §4.7.1: presence of type error to a user is delivered to the resource, and never answered.
#[test]
fn presence_of_type_error_is_not_answered() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<presence to='{bob:#}/absent' type='error'><error type='cancel'>\
         <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
    );
    alice.expect_nothing();
}
