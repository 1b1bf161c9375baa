//! XEP-0045 §7.14: leaving.

use crate::harness::rooms::*;

/// §7.14: the user MUST be told, with 110 and the role "none".
#[test]
fn the_user_is_told() {
    let room = room();
    let alice = room.guest_as("member", "alice");
    send!(alice, "<presence to='{room}/alice' type='unavailable'/>");
    expect!(
        alice,
        "<presence from='{room}/alice' to='{alice}' type='unavailable'>\
         <x xmlns='{USER}'><item affiliation='member' role='none'/><status code='110'/></x></presence>"
    );
}

/// §7.14: and all others MUST, without 110.
#[test]
fn the_others_are_told() {
    let room = room();
    let (alice, bob) = (room.guest_as("member", "alice"), room.guest("bob"));
    send!(alice, "<presence to='{room}/alice' type='unavailable'/>");
    for occupant in [&bob, &room.owner] {
        let seen = expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='unavailable'>\
             <x xmlns='{USER}'><item affiliation='member' role='none'/></x></presence>"
        );
        assert_eq!(codes(&seen), Vec::<String>::new());
    }
}

/// §7.14: each once.
#[test]
fn everybody_is_told_once() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    send!(alice, "<presence to='{room}/alice' type='unavailable'/>");
    for occupant in [&alice, &bob] {
        expect!(occupant, "<presence from='{room}/alice' type='unavailable'/>");
        occupant.expect_silence();
    }
}

/// §7.14: the last words pass.
#[test]
fn the_last_words_pass() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    send!(
        alice,
        "<presence to='{room}/alice' type='unavailable'><status>gone where the goblins go</status></presence>"
    );
    expect!(
        bob,
        "<presence from='{room}/alice' type='unavailable'><status>gone where the goblins go</status></presence>"
    );
}

/// §7.14: general unavailable presence leaves too, since the server sends it on.
#[test]
fn who_becomes_unavailable_leaves() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    send!(alice, "<presence type='unavailable'><status>good night</status></presence>");
    expect!(bob, "<presence from='{room}/alice' type='unavailable'><status>good night</status></presence>");
}

/// §7.14: and so does the end of the session …
#[test]
fn who_logs_out_leaves() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    alice.log_out();
    expect!(
        bob,
        "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'><item role='none'/></x></presence>"
    );
}

/// §7.14: … and a connection that breaks.
#[test]
fn who_is_cut_off_leaves() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    alice.cut();
    expect!(
        bob,
        "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'><item role='none'/></x></presence>"
    );
}

/// §17.3 (5): unavailable presence of somebody who is not in the room MUST be ignored.
#[test]
fn who_is_not_there_cannot_leave() {
    let (room, alice) = (room(), online());
    send!(alice, "<presence to='{room}/alice' type='unavailable'/>");
    send!(alice, "<presence to='{room}/owner' type='unavailable'/>");
    alice.expect_nothing();
    room.owner.expect_nothing();
}

/// §7.14: an occupant cannot make another leave.
#[test]
fn nobody_leaves_for_another() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    send!(alice, "<presence to='{room}/bob' type='unavailable'/>");
    bob.say(&room, "m", "still here");
    expect!(room.owner, "<message from='{room}/bob' id='m'/>");
}

/// §7.14: a temporary room goes with the last occupant.
#[test]
fn a_temporary_room_goes_with_its_last_occupant() {
    let room = room_with(&[("persistentroom", "0")]);
    room.owner.leave(&room, "owner");
    let alice = online();
    request!(alice, "<iq type='get' to='{room}'><query xmlns='{INFO}'/></iq>").must_fail("item-not-found");
}

/// §7.14: not before.
#[test]
fn a_temporary_room_stays_while_somebody_is_there() {
    let room = room_with(&[("persistentroom", "0")]);
    let _alice = room.guest("alice");
    room.owner.leave(&room, "owner");
    online().join(&room, "bob");
}

/// §4.2: a persistent room stays, with its configuration and its owner (§10).
#[test]
fn a_persistent_room_outlasts_its_visitors() {
    let room = room_with(&[("roomname", "A Dark Cave"), ("membersonly", "1")]);
    room.is_left_by_its_owner();
    online().try_join(&room, "alice", "").must_fail("registration-required");
    let own = room.owner.try_join(&room, "owner", "");
    item(&own).must(&format!("<item xmlns='{USER}' affiliation='owner' role='moderator'/>"));
    assert!(!codes(&own).contains(&"201".to_owned()), "{own}");
    room.info().must(&format!("<iq><query xmlns='{INFO}'><identity name='A Dark Cave'/></query></iq>"));
}
