//! XEP-0045 §18.1.2: occupants who are gone.

use crate::harness::online_at;
use crate::harness::rooms::*;

/// The occupant answers what the room sent with an error of that condition.
fn bounce(who: &Client, room: &Room, condition: &str) {
    send!(
        who,
        "<message to='{room}' type='error' id='m'><error type='cancel'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
}

/// §18.1.2: an error that says that nobody is there SHOULD remove the occupant.
#[test]
fn an_error_that_says_that_nobody_is_there_removes_the_occupant() {
    let room = room();
    for condition in [
        "gone",
        "item-not-found",
        "recipient-unavailable",
        "redirect",
        "remote-server-not-found",
        "remote-server-timeout",
    ] {
        let alice = room.guest("alice");
        bounce(&alice, &room, condition);
        expect!(
            room.owner,
            "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'><item role='none'/></x></presence>"
        );
        settle();
    }
}

/// §11.1: where 333 is used, both sides get it.
#[test]
fn a_removal_for_an_error_says_so_to_both() {
    let room = room();
    let alice = room.guest("alice");
    bounce(&alice, &room, "recipient-unavailable");
    let seen = expect!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
    let own = expect!(alice, "<presence from='{room}/alice' type='unavailable'/>");
    assert_eq!(
        codes(&seen).contains(&"333".to_owned()),
        codes(&own).contains(&"333".to_owned()),
        "{seen} {own}"
    );
}

/// §18.1.2: these are the conditions that mean it; with another the occupant is there, and sent it.
#[test]
fn another_error_does_not() {
    let room = room();
    let alice = room.guest("alice");
    for condition in ["not-acceptable", "resource-constraint", "feature-not-implemented"] {
        bounce(&alice, &room, condition);
    }
    expect_no!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
    alice.say(&room, "m2", "still here");
    expect!(room.owner, "<message from='{room}/alice' id='m2'/>");
}

/// §18.1.2: an error of somebody who is not there does nothing.
#[test]
fn an_error_of_an_outsider_does_nothing() {
    let room = room();
    let _alice = room.guest("alice");
    let mallory = online();
    bounce(&mallory, &room, "gone");
    send!(
        mallory,
        "<presence to='{room}/alice' type='error'><error type='cancel'>\
         <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
    );
    room.owner.expect_nothing();
    mallory.expect_nothing();
}

/// §18.1.2, §17.3: presence of type "error" that says so removes the occupant as well.
#[test]
fn an_error_for_presence_removes_the_occupant() {
    let room = room();
    let alice = room.guest("alice");
    send!(
        alice,
        "<presence to='{room}/owner' type='error'><error type='cancel'>\
         <recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
    );
    expect!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
}

/// §7.14: a session that is replaced by one of the same resource is not left behind as a ghost.
#[test]
fn a_replaced_session_is_no_ghost() {
    let room = room();
    let alice = room.guest("alice");
    let _again = alice.session("r1");
    expect!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
}

/// §18.1.2 with XEP-0198 §5: who was cut off and may come back is no ghost: the occupant stays and misses nothing.
#[test]
fn an_occupant_who_may_come_back_stays() {
    let (room, alice) = (room(), online());
    let id = alice.enable();
    alice.join(&room, "alice");
    alice.cut();
    room.owner.say(&room, "m1", "hello");
    expect_no!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
    let alice = alice.resume(&id);
    expect!(alice, "<message from='{room}/owner' id='m1'/>");
    alice.say(&room, "m2", "back again");
    expect!(room.owner, "<message from='{room}/alice' id='m2'/>");
}

/// §18.1.2 with XEP-0198 §5: who does not come back in time leaves.
#[test]
fn an_occupant_who_does_not_come_back_leaves() {
    let (room, alice) = (room(), online_at("second.localhost"));
    alice.send("<enable xmlns='urn:xmpp:sm:3' resume='true' max='1'/>");
    alice.expect("<enabled xmlns='urn:xmpp:sm:3'/>");
    alice.join(&room, "alice");
    alice.cut();
    expect!(
        room.owner,
        "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'><item role='none'/></x></presence>"
    );
}
