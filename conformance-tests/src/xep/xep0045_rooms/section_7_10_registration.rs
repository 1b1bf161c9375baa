//! XEP-0045 §7.10, §7.12: membership by request, and nicks that are kept for somebody.

use crate::harness::rooms::*;

/// Submits the form with this nick.
#[track_caller]
fn register(who: &Client, room: &Room, nick: &str) -> Element {
    request!(
        who,
        "<iq type='set' to='{room}'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>\
         <field var='muc#register_roomnick'><value>{nick}</value></field></x></query></iq>"
    )
}

/// A user who has registered that nick and is not in the room.
#[track_caller]
fn registered(room: &Room, nick: &str) -> Client {
    let user = online();
    register(&user, room, nick).must("<iq type='result'/>");
    settle();
    user
}

/// Asks for the form.
#[track_caller]
fn requirements(who: &Client, room: &impl std::fmt::Display) -> Element {
    request!(who, "<iq type='get' to='{room}'><query xmlns='jabber:iq:register'/></iq>")
}

/// The nick that the room says is kept for the user (§7.12), as the answer to the question.
#[track_caller]
fn reserved(who: &Client, room: &Room) -> Element {
    request!(who, "<iq type='get' to='{room}'><query xmlns='{INFO}' node='x-roomuser-item'/></iq>")
}

/// §7.10: the room MUST return a form.
#[test]
fn the_requirements_are_a_form() {
    let room = room();
    requirements(&online(), &room).must(
        "<iq type='result'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='form'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>\
         <field var='muc#register_roomnick'/></x></query></iq>",
    );
}

/// §7.10: a room that does not exist MUST be item-not-found.
#[test]
fn the_requirements_of_a_room_that_does_not_exist_are_not_found() {
    let room = address();
    requirements(&online(), &room).must_fail("item-not-found");
}

/// §7.10: who may not register MUST be told not-allowed; a banned user may not (§5.2.1).
#[test]
fn a_banned_user_may_not_register() {
    let (room, alice) = (room(), online());
    room.affiliate(&alice, "outcast");
    requirements(&alice, &room).must_fail_with_one_of(&["not-allowed", "forbidden"]);
    register(&alice, &room, "alice").must_fail_with_one_of(&["not-allowed", "forbidden"]);
    let banned = room.owner.list(&room, "affiliation='outcast'");
    banned.must(&format!("<iq><query xmlns='{ADMIN}'><item jid='{alice:#}'/></query></iq>"));
}

/// §7.10: a request is confirmed, and makes a member.
#[test]
fn a_registered_user_is_a_member() {
    let room = room();
    let alice = registered(&room, "alice");
    let own = alice.try_join(&room, "alice", "");
    item(&own).must(&format!("<item xmlns='{USER}' affiliation='member'/>"));
}

/// §7.10: if the user is in the room, all MUST be told.
#[test]
fn all_are_told_of_a_new_member() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    register(&alice, &room, "alice").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice'><x xmlns='{USER}'><item affiliation='member'/></x></presence>"
        );
    }
}

/// §7.10: who is registered MUST be told so, and under which nick.
#[test]
fn who_is_registered_is_told_so() {
    let room = room();
    let alice = registered(&room, "alice");
    requirements(&alice, &room).must(
        "<iq type='result'><query xmlns='jabber:iq:register'><registered/><username>alice</username></query></iq>",
    );
}

/// §7.10: the nick of another MUST be a conflict.
#[test]
fn a_nick_that_is_taken_is_a_conflict() {
    let room = room();
    let _alice = registered(&room, "alice");
    register(&online(), &room, "alice").must_fail("conflict");
}

/// §7.10: what is no valid form MUST be bad-request.
#[test]
fn what_is_no_form_is_a_bad_request() {
    let (room, alice) = (room(), online());
    request!(
        alice,
        "<iq type='set' to='{room}'><query xmlns='jabber:iq:register'><username>alice</username></query></iq>"
    )
    .must_fail("bad-request");
    request!(
        alice,
        "<iq type='set' to='{room}'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field></x></query></iq>"
    )
    .must_fail_with_one_of(&["bad-request", "not-acceptable"]);
}

/// §7.2.8, §7.12: nobody else MUST be let in under a reserved nick …
#[test]
fn a_reserved_nick_lets_nobody_else_in() {
    let room = room();
    let _alice = registered(&room, "alice");
    online().try_join(&room, "alice", "").must_fail("conflict");
}

/// §7.6: … nor change to it.
#[test]
fn nobody_else_can_change_to_a_reserved_nick() {
    let room = room();
    let (_alice, bob) = (registered(&room, "alice"), room.guest("bob"));
    send!(bob, "<presence to='{room}/alice' id='p'/>");
    expect!(bob, "<presence type='error' id='p'/>").must_fail("conflict");
}

/// §7.2.8, the other way round: its owner comes in.
#[test]
fn a_reserved_nick_lets_its_owner_in() {
    let room = room();
    let alice = registered(&room, "alice");
    alice.try_join(&room, "alice", "").must(&format!("<presence from='{room}/alice' type='{NONE}'/>"));
}

/// §9.1: a ban MUST remove the nick of the banned.
#[test]
fn a_ban_frees_the_nick() {
    let room = room();
    let alice = registered(&room, "alice");
    room.affiliate(&alice, "outcast");
    online().join(&room, "alice");
}

/// §7.12: the reserved nick is the name of an identity.
#[test]
fn the_reserved_nick_is_told() {
    let room = room();
    let alice = registered(&room, "alice");
    reserved(&alice, &room).must(&format!(
        "<iq type='result'><query xmlns='{INFO}' node='x-roomuser-item'>\
         <identity category='conference' type='text' name='alice'/></query></iq>"
    ));
}

/// §7.12: to somebody who is in the room as well.
#[test]
fn the_reserved_nick_is_told_in_the_room_too() {
    let room = room();
    let alice = registered(&room, "alice");
    alice.join(&room, "alice");
    reserved(&alice, &room)
        .must(&format!("<iq type='result'><query xmlns='{INFO}'><identity name='alice'/></query></iq>"));
}

/// §7.12: without one the query MUST be empty; a room without the node MUST say feature-not-implemented.
#[test]
fn without_a_reserved_nick_there_is_none() {
    let answer = reserved(&online(), &room());
    if answer.attr("type") == Some("error") {
        answer.must_fail("feature-not-implemented");
    } else {
        assert_eq!(answer.need_child("query").children().count(), 0, "{answer}");
    }
}

/// §7.12: nobody is told the nick of another.
#[test]
fn the_reserved_nick_of_another_is_not_told() {
    let room = room();
    let _alice = registered(&room, "alice");
    let answer = reserved(&online(), &room);
    assert!(!answer.to_string().contains("alice"), "{answer}");
}

/// §18.1.1: what a room lets through is told at a node of its own; without it that is feature-not-implemented, and a
/// room that drops nothing says service-unavailable.
#[test]
fn what_is_let_through_is_told() {
    let (room, alice) = (room(), online());
    let answer = request!(
        alice,
        "<iq type='get' to='{room}'><query xmlns='{INFO}' node='http://jabber.org/protocol/muc#traffic'/></iq>"
    );
    if answer.attr("type") == Some("error") {
        answer.must_fail_with_one_of(&["feature-not-implemented", "service-unavailable"]);
    } else {
        // Namespaces, and nothing that is said of the room itself.
        answer.must_not(&format!("<iq><query xmlns='{INFO}'><identity/></query></iq>"));
    }
}
