//! XEP-0045 §8.1: the subject.

use crate::harness::rooms::*;

fn set(who: &Client, room: &Room, subject: &str) {
    send!(who, "<message to='{room}' type='groupchat' id='s'><subject>{subject}</subject></message>");
}

/// A room in which only moderators change the subject.
fn strict_room() -> Room {
    room_with(&[("changesubject", "0")])
}

/// §8.1: a change MUST come to all, from the room or the occupant.
#[test]
fn a_change_reaches_all() {
    let room = room();
    let alice = room.guest("alice");
    set(&room.owner, &room, "Fire Burn");
    for occupant in [&alice, &room.owner] {
        let change = expect!(
            occupant,
            "<message from='{room}{ANY}' to='{occupant}' type='groupchat'><subject>Fire Burn</subject></message>"
        );
        assert!(["", "owner"].contains(&nick_of(&change)), "{change}");
        assert!(change.child("body").is_none(), "{change}");
    }
}

/// §7.2.15: and to those who enter later.
#[test]
fn a_change_reaches_those_who_come_later() {
    let room = room();
    set(&room.owner, &room, "Fire Burn");
    settle();
    let came = online().join(&room, "alice");
    assert!(came.iter().any(|s| s.child("subject").is_some_and(|c| c.text() == "Fire Burn")), "{came:?}");
}

/// §8.1: by default only moderators SHOULD be allowed to change it; others MUST get forbidden.
#[test]
fn by_default_a_participant_may_not() {
    let room = room();
    let alice = room.guest("alice");
    set(&alice, &room, "Fire Burn");
    expect!(alice, "<message type='error' id='s' from='{room}'/>").must_fail("forbidden");
}

/// §8.1: where it is configured so, a participant MUST get forbidden, and nobody sees the change.
#[test]
fn where_participants_may_not_it_is_forbidden() {
    let room = strict_room();
    let alice = room.guest("alice");
    set(&alice, &room, "Fire Burn");
    expect!(alice, "<message type='error' id='s' from='{room}'/>").must_fail("forbidden");
    room.owner.expect_nothing();
}

/// §8.1: a moderator may, whatever the affiliation.
#[test]
fn a_moderator_may() {
    let room = strict_room();
    let alice = room.guest("alice");
    room.give_role("alice", "moderator");
    set(&alice, &room, "Fire Burn");
    expect!(room.owner, "<message from='{room}{ANY}'><subject>Fire Burn</subject></message>");
}

/// §8.1: a participant may where it is configured.
#[test]
fn where_participants_may_they_do() {
    let room = room_with(&[("changesubject", "1")]);
    let alice = room.guest("alice");
    set(&alice, &room, "Fire Burn");
    expect!(room.owner, "<message from='{room}{ANY}'><subject>Fire Burn</subject></message>");
}

/// §7.4, §8.1: who is not in the room may not.
#[test]
fn an_outsider_may_not() {
    let (room, alice) = (room_with(&[("changesubject", "1")]), online());
    set(&alice, &room, "Fire Burn");
    expect!(alice, "<message type='error' id='s'/>");
    room.owner.expect_nothing();
}

/// §8.1: with a body it is no change …
#[test]
fn with_a_body_it_is_a_message() {
    let room = strict_room();
    let alice = room.guest("alice");
    send!(
        alice,
        "<message to='{room}' type='groupchat' id='m'><subject>Fire Burn</subject><body>hello</body></message>"
    );
    expect!(
        room.owner,
        "<message from='{room}/alice' id='m'><subject>Fire Burn</subject><body>hello</body></message>"
    );
    assert_eq!(current(&room), "");
}

/// §8.1: … and with a thread neither.
#[test]
fn with_a_thread_it_is_no_change() {
    let room = strict_room();
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m'><subject>Fire Burn</subject><thread>t</thread></message>"
    );
    settle();
    assert_eq!(current(&room), "");
}

/// §8.1: an empty one removes it.
#[test]
fn an_empty_subject_removes_it() {
    let room = room();
    let alice = room.guest("alice");
    set(&room.owner, &room, "Fire Burn");
    settle();
    send!(room.owner, "<message to='{room}' type='groupchat'><subject/></message>");
    let change = expect!(alice, "<message from='{room}{ANY}'><subject/></message>");
    assert_eq!(change.need_child("subject").text(), "");
    assert_eq!(current(&room), "");
}

/// The subject that somebody who enters gets.
#[track_caller]
fn current(room: &Room) -> String {
    let came = online().join_with(room, "a newcomer", "<history maxstanzas='0'/>");
    came.iter()
        .find_map(|s| s.child("subject"))
        .map(Element::text)
        .unwrap_or_else(|| panic!("no subject: {came:?}"))
}
