//! XEP-0045 §10.9: the end of a room.

use crate::harness::rooms::*;

fn destroy(who: &Client, room: &Room, content: &str) -> Element {
    request!(
        who,
        "<iq type='set' to='{room}'><query xmlns='{OWNER}'><destroy {content}</destroy></query></iq>"
    )
}

const ELSEWHERE: &str =
    "jid='coven@example.com'><reason>Macbeth doth come.</reason><password>cauldronburn</password>";

/// §10.9: each occupant gets unavailable presence with the element …
#[test]
fn each_occupant_is_removed() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest_as("member", "bob"));
    destroy(&room.owner, &room, ">").must("<iq type='result'/>");
    for (occupant, nick) in [(&alice, "alice"), (&bob, "bob"), (&room.owner, "owner")] {
        expect!(
            occupant,
            "<presence from='{room}/{nick}' to='{occupant}' type='unavailable'>\
             <x xmlns='{USER}'><item role='none'/><destroy/></x></presence>"
        );
    }
}

/// §10.9: … with the reason and the other place.
#[test]
fn reason_and_other_place_are_told() {
    let room = room();
    let alice = room.guest("alice");
    destroy(&room.owner, &room, ELSEWHERE).must("<iq type='result'/>");
    expect!(
        alice,
        "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'>\
         <destroy jid='coven@example.com'><reason>Macbeth doth come.</reason><password>cauldronburn</password></destroy>\
         </x></presence>"
    );
}

/// §10.9: each SHOULD be told of itself only.
#[test]
fn nobody_is_told_of_the_others() {
    let room = room();
    let (alice, _bob) = (room.guest("alice"), room.guest("bob"));
    destroy(&room.owner, &room, ">").must("<iq type='result'/>");
    let nicks: Vec<String> = alice.came().iter().map(|s| nick_of(s).to_owned()).collect();
    assert_eq!(nicks, ["alice"]);
}

/// §10.9: a persistent room goes too.
#[test]
fn a_persistent_room_is_gone() {
    let room = room_with(&[("persistentroom", "1")]);
    destroy(&room.owner, &room, ">").must("<iq type='result'/>");
    settle();
    let alice = online();
    alice.say(&room, "m", "hello?");
    expect!(alice, "<message type='error' id='m'/>");
    request!(
        alice,
        "<iq type='get' to='{room}'><query xmlns='{ADMIN}'><item affiliation='owner'/></query></iq>"
    )
    .must("<iq type='error'/>");
}

/// §10.9: an owner may do it without being there.
#[test]
fn an_owner_destroys_from_outside() {
    let room = room();
    let (alice, other) = (room.guest("alice"), online());
    room.affiliate(&other, "owner");
    destroy(&other, &room, ">").must("<iq type='result'/>");
    expect!(
        alice,
        "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'><destroy/></x></presence>"
    );
}

/// §10.9: who is no owner MUST get forbidden.
#[test]
fn nobody_else_destroys() {
    let room = room();
    for client in
        [room.guest_as("admin", "alice"), room.guest_as("member", "bob"), room.guest("carol"), online()]
    {
        destroy(&client, &room, ">").must_fail("forbidden");
    }
    room.owner.say(&room, "m", "still here");
    expect!(room.owner, "<message from='{room}/owner' id='m'/>");
}

/// §10.9 with §17.2: a room that does not exist is not destroyed.
#[test]
fn a_room_that_does_not_exist_is_not_destroyed() {
    let (room, alice) = (address(), online());
    request!(alice, "<iq type='set' to='{room}'><query xmlns='{OWNER}'><destroy/></query></iq>")
        .must_fail_with_one_of(&["item-not-found", "forbidden"]);
}
