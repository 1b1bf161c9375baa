//! XEP-0452: being told that one was mentioned in a room where one is not.

use crate::harness::rooms::*;

const FIELD: &str = "muc#roomconfig_forwardmentions";

/// Mentions somebody by address.
fn mention(who: &Client, room: &Room, whom: &Client) {
    send!(
        who,
        "<message to='{room}' type='groupchat' id='m'><body>alice: hello</body>\
         <reference xmlns='urn:xmpp:reference:0' type='mention' begin='0' end='5' uri='xmpp:{whom:#}'/></message>"
    );
}

/// A room that tells, and a member who is not there.
fn telling() -> (Room, Client) {
    let (room, alice) = (room_with(&[(FIELD, "1")]), online());
    room.affiliate(&alice, "member");
    (room, alice)
}

/// §3.1: an owner can choose it.
#[test]
fn the_form_has_the_field() {
    let room = room();
    assert!(value_of(&room.owner.form(&room), FIELD).is_some());
}

/// §3.2: a member who is mentioned and not there gets the whole message, forwarded.
#[test]
fn an_absent_member_is_told() {
    let (room, alice) = telling();
    mention(&room.owner, &room, &alice);
    expect!(
        alice,
        "<message from='{room}' to='{alice:#}'><mentions xmlns='urn:xmpp:mmn:0'>\
         <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='groupchat' id='m' from='{room}/owner'>\
         <body>alice: hello</body><reference xmlns='urn:xmpp:reference:0' uri='xmpp:{alice:#}'/></message>\
         </forwarded></mentions></message>"
    );
}

/// §3.2: who is there gets the message and nothing else.
#[test]
fn a_member_who_is_there_is_not_told() {
    let (room, alice) = telling();
    alice.join(&room, "alice");
    mention(&room.owner, &room, &alice);
    expect!(alice, "<message from='{room}/owner' id='m'/>");
    alice.expect_silence();
}

/// §3.2: nobody else is told.
#[test]
fn others_are_not_told() {
    let (room, alice) = telling();
    let bob = online();
    room.affiliate(&bob, "member");
    mention(&room.owner, &room, &alice);
    bob.expect_silence();
}

/// §3.2: nor is somebody without affiliation.
#[test]
fn a_stranger_is_not_told() {
    let (room, _alice) = telling();
    let stranger = online();
    mention(&room.owner, &room, &stranger);
    stranger.expect_silence();
}

/// §3.1: without the switch nobody is.
#[test]
fn by_default_nobody_is_told() {
    let (room, alice) = (room(), online());
    room.affiliate(&alice, "member");
    mention(&room.owner, &room, &alice);
    alice.expect_silence();
}

/// §3.2: a message that the room refuses tells nobody.
#[test]
fn what_is_refused_tells_nobody() {
    let (room, alice) = telling();
    room.configure(MODERATED);
    let visitor = room.guest("mallory");
    mention(&visitor, &room, &alice);
    expect!(visitor, "<message type='error' id='m'/>");
    alice.expect_silence();
}

/// §3.2: nor does a mere link.
#[test]
fn a_reference_that_is_no_mention_tells_nobody() {
    let (room, alice) = telling();
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m'><body>look</body>\
         <reference xmlns='urn:xmpp:reference:0' type='data' uri='xmpp:{alice:#}'/></message>"
    );
    alice.expect_silence();
}
