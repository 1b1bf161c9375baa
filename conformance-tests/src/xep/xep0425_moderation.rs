//! XEP-0425: messages that moderators take back.

use crate::harness::rooms::*;

const NS: &str = "urn:xmpp:message-moderate:1";
const RETRACT: &str = "urn:xmpp:message-retract:1";

/// An archived room where Alice has said something, and the id the room gave it.
fn said() -> (Room, Client, String) {
    let room = room_at(ARCHIVED);
    let alice = room.guest("alice");
    alice.say(&room, "m1", "DM me for free magic potions!");
    let id = stanza_id(&expect!(room.owner, "<message id='m1'/>"), &room);
    settle();
    (room, alice, id)
}

#[track_caller]
fn moderate(who: &Client, room: &Room, id: &str) -> Element {
    request!(
        who,
        "<iq type='set' to='{room}'><moderate id='{id}' xmlns='{NS}'><retract xmlns='{RETRACT}'/>\
         <reason>inappropriate</reason></moderate></iq>"
    )
}

/// §2: a room that can MUST say so.
#[test]
fn a_room_says_that_it_can() {
    let room = room_at(ARCHIVED);
    assert!(room.has(NS), "{:?}", room.features());
}

/// §3.1: all get a message of the room, and the moderator a result.
#[test]
fn all_are_told() {
    let (room, alice, id) = said();
    moderate(&room.owner, &room, &id).must("<iq type='result'/>");
    for occupant in [&alice, &room.owner] {
        expect!(
            occupant,
            "<message from='{room}' type='groupchat'><retract id='{id}' xmlns='{RETRACT}'>\
             <moderated by='{room}/owner' xmlns='{NS}'/><reason>inappropriate</reason></retract></message>"
        );
    }
}

/// §3: the reason is optional.
#[test]
fn no_reason_is_needed() {
    let (room, alice, id) = said();
    request!(
        room.owner,
        "<iq type='set' to='{room}'><moderate id='{id}' xmlns='{NS}'><retract xmlns='{RETRACT}'/></moderate></iq>"
    )
    .must("<iq type='result'/>");
    let told = expect!(alice, "<message from='{room}'><retract id='{id}' xmlns='{RETRACT}'/></message>");
    assert!(told.need_child("retract").child("reason").is_none(), "{told}");
}

/// §3.2: who is no moderator gets forbidden, the author included; and nothing happens.
#[test]
fn nobody_else_may() {
    let (room, alice, id) = said();
    let member = room.guest_as("member", "bob");
    for client in [&alice, &member] {
        moderate(client, &room, &id).must_fail("forbidden");
    }
    room.owner.expect_silence();
    let page = room.owner.query_room(&room, "");
    assert!(page.bodies().contains(&"DM me for free magic potions!".to_owned()), "{page:?}");
}

/// §3.2: nor may somebody who is not there and no admin.
#[test]
fn an_outsider_may_not() {
    let (room, _alice, id) = said();
    moderate(&online(), &room, &id).must("<iq type='error'/>");
    room.owner.expect_silence();
}

/// §3: a moderator without affiliation may.
#[test]
fn any_moderator_may() {
    let (room, _alice, id) = said();
    let moderator = room.guest("bob");
    room.give_role("bob", "moderator");
    moderate(&moderator, &room, &id).must("<iq type='result'/>");
    expect!(
        room.owner,
        "<message from='{room}'><retract id='{id}' xmlns='{RETRACT}'><moderated by='{room}/bob' xmlns='{NS}'/></retract></message>"
    );
}

/// §3.2: a message that is not there cannot be taken back.
#[test]
fn an_unknown_message_is_an_error() {
    let (room, alice, _id) = said();
    moderate(&room.owner, &room, "nothing-has-this-id")
        .must_fail_with_one_of(&["item-not-found", "bad-request"]);
    alice.expect_silence();
}

/// §3.1: the retraction itself is archived, so that those who were away learn of it (XEP-0424 §5).
#[test]
fn it_is_archived() {
    let (room, _alice, id) = said();
    moderate(&room.owner, &room, &id).must("<iq type='result'/>");
    let messages = online().query_room(&room, "").messages();
    let pattern = Element::parse(&format!(
        "<message from='{room}'><retract id='{id}' xmlns='{RETRACT}'><moderated xmlns='{NS}'/></retract></message>"
    ));
    assert!(messages.iter().any(|m| m.matches(&pattern)), "{messages:?}");
}

/// §4, §5: the archive SHOULD not give the text any more; what stands there is a tombstone or nothing.
#[test]
fn the_text_is_out_of_the_archive() {
    let (room, _alice, id) = said();
    moderate(&room.owner, &room, &id).must("<iq type='result'/>");
    for message in online().query_room(&room, "").messages() {
        assert!(!message.to_string().contains("potions"), "{message}");
        if message.attr("id") == Some("m1") {
            message.must(&format!(
                "<message><retracted xmlns='{RETRACT}'><moderated xmlns='{NS}'/></retracted></message>"
            ));
        }
    }
}

/// §5: and those who enter SHOULD not get it.
#[test]
fn the_text_is_out_of_the_history() {
    let (room, _alice, id) = said();
    moderate(&room.owner, &room, &id).must("<iq type='result'/>");
    settle();
    for stanza in online().join(&room, "bob") {
        assert!(!stanza.to_string().contains("potions"), "{stanza}");
    }
}

/// §3.1: in a semi-anonymous room the moderator's occupant id is there (XEP-0421).
#[test]
fn the_moderator_has_an_occupant_id() {
    let (room, alice, id) = said();
    moderate(&room.owner, &room, &id).must("<iq type='result'/>");
    let told = expect!(alice, "<message from='{room}'><retract id='{id}' xmlns='{RETRACT}'/></message>");
    told.must(&format!(
        "<message><retract xmlns='{RETRACT}'><moderated xmlns='{NS}'>\
         <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{ANY}'/></moderated></retract></message>"
    ));
    assert!(!told.to_string().contains(&room.owner.bare()), "{told}");
}
