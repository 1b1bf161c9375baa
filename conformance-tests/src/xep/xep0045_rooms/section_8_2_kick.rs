//! XEP-0045 §8.2: kicking.

use crate::harness::rooms::*;

fn kick(who: &Client, room: &Room, nick: &str) -> Element {
    who.administer(
        room,
        &format!("<item nick='{nick}' role='none'><reason>Avaunt, you cullion!</reason></item>"),
    )
}

/// §8.2: the occupant MUST be removed with 307, and MAY be told why and by whom.
#[test]
fn the_kicked_is_told() {
    let room = room();
    let alice = room.guest_as("member", "alice");
    kick(&room.owner, &room, "alice").must("<iq type='result'/>");
    let kicked = expect!(
        alice,
        "<presence from='{room}/alice' to='{alice}' type='unavailable'>\
         <x xmlns='{USER}'><item affiliation='member' role='none'/><status code='307'/></x></presence>"
    );
    if let Some(reason) = item(&kicked).child("reason") {
        assert_eq!(reason.text(), "Avaunt, you cullion!");
    }
}

/// §12, §16.6: it is the user's own presence, which says so.
#[test]
fn the_kicked_is_told_that_it_is_about_itself() {
    let room = room();
    let alice = room.guest("alice");
    kick(&room.owner, &room, "alice").must("<iq type='result'/>");
    let kicked = expect!(alice, "<presence from='{room}/alice' type='unavailable'/>");
    assert!(codes(&kicked).contains(&"110".to_owned()), "{kicked}");
}

/// §8.2: all others MUST be told, with the code.
#[test]
fn all_others_are_told() {
    let room = room();
    let (_alice, bob) = (room.guest("alice"), room.guest("bob"));
    kick(&room.owner, &room, "alice").must("<iq type='result'/>");
    for occupant in [&bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='unavailable'>\
             <x xmlns='{USER}'><item affiliation='none' role='none'/><status code='307'/></x></presence>"
        );
    }
}

/// §8.2: the moderator is told of success before the presence comes.
#[test]
fn success_comes_before_the_presence() {
    let room = room();
    let _alice = room.guest("alice");
    send!(
        room.owner,
        "<iq type='set' id='k' to='{room}'><query xmlns='{ADMIN}'><item nick='alice' role='none'/></query></iq>"
    );
    room.owner.expect_next("<iq type='result' id='k'/>");
    room.owner.expect_next(&format!("<presence from='{room}/alice' type='unavailable'/>"));
}

/// §8.2: the kicked gets nothing more …
#[test]
fn the_kicked_is_out() {
    let room = room();
    let alice = room.guest("alice");
    kick(&room.owner, &room, "alice").must("<iq type='result'/>");
    settle();
    room.owner.say(&room, "m", "hello");
    alice.expect_nothing();
    alice.say(&room, "m2", "hello?");
    expect!(alice, "<message type='error' id='m2'/>").must_fail("not-acceptable");
}

/// §4.1: … but may come back.
#[test]
fn the_kicked_may_come_back() {
    let room = room();
    let alice = room.guest("alice");
    kick(&room.owner, &room, "alice").must("<iq type='result'/>");
    settle();
    alice.join(&room, "alice");
}

/// §8.2: all sessions under the nick are removed.
#[test]
fn all_sessions_of_the_nick_are_removed() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alice");
    kick(&room.owner, &room, "alice").must("<iq type='result'/>");
    for session in [&phone, &desk] {
        expect!(
            session,
            "<presence from='{room}/alice' to='{session}' type='unavailable'><x xmlns='{USER}'><status code='307'/></x></presence>"
        );
    }
}

/// §8: who is no moderator MUST get forbidden.
#[test]
fn who_is_no_moderator_is_forbidden() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    kick(&alice, &room, "bob").must_fail("forbidden");
    bob.expect_nothing();
}

/// §8: who is not in the room neither.
#[test]
fn an_outsider_is_forbidden() {
    let (room, outsider) = (room(), online());
    kick(&outsider, &room, "owner").must_fail("forbidden");
    room.owner.expect_nothing();
}

/// §8.2: a moderator without affiliation may kick others.
#[test]
fn a_moderator_may_kick() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.give_role("alice", "moderator");
    kick(&alice, &room, "bob").must("<iq type='result'/>");
    expect!(
        bob,
        "<presence from='{room}/bob' type='unavailable'><x xmlns='{USER}'><status code='307'/></x></presence>"
    );
}

/// §8.2: whoever has a higher affiliation MUST not be kicked: not-allowed.
#[test]
fn who_stands_higher_is_not_kicked() {
    let room = room();
    let moderator = room.guest_as("member", "alice");
    let admin = room.guest_as("admin", "bob");
    room.give_role("alice", "moderator");
    kick(&moderator, &room, "bob").must_fail("not-allowed");
    kick(&moderator, &room, "owner").must_fail("not-allowed");
    kick(&admin, &room, "owner").must_fail("not-allowed");
    room.owner.expect_nothing();
}

/// §17.4: what names nobody in the room is an error and not a success.
#[test]
fn nobody_is_not_kicked() {
    let room = room();
    kick(&room.owner, &room, "nobody").must("<iq type='error'><error/></iq>");
}

/// §17.4 (4): role and affiliation in one item MUST be bad-request.
#[test]
fn role_and_affiliation_at_once_are_a_bad_request() {
    let room = room();
    let alice = room.guest("alice");
    let both = format!("<item nick='alice' jid='{alice:#}' role='none' affiliation='outcast'/>");
    room.owner.administer(&room, &both).must_fail("bad-request");
    alice.expect_nothing();
}

/// §17.4: a role that is none is a bad request.
#[test]
fn an_unknown_role_is_a_bad_request() {
    let room = room();
    let alice = room.guest("alice");
    room.owner.give_role(&room, "alice", "king").must_fail_with_one_of(&["bad-request", "not-acceptable"]);
    alice.expect_nothing();
}

/// §17.4: a request without an item, or with one that names nobody, is a bad request.
#[test]
fn a_request_that_names_nobody_is_a_bad_request() {
    let room = room();
    room.owner.administer(&room, "").must_fail("bad-request");
    room.owner.administer(&room, "<item role='none'/>").must_fail("bad-request");
    room.owner.administer(&room, "<item affiliation='outcast'/>").must_fail("bad-request");
}
