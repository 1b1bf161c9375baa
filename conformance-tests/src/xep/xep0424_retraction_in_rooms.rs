//! XEP-0424: messages in rooms that their authors take back.

use crate::harness::rooms::*;

const NS: &str = "urn:xmpp:message-retract:1";

/// An archived room where Alice has said something, and the id the room gave it.
fn said() -> (Room, Client, String) {
    let room = room_at(ARCHIVED);
    let alice = room.guest("alice");
    alice.say(&room, "m1", "oops");
    let id = stanza_id(&expect!(room.owner, "<message id='m1'/>"), &room);
    settle();
    (room, alice, id)
}

/// Takes a message back, as clients write it.
fn retract(who: &Client, room: &Room, id: &str) {
    send!(
        who,
        "<message to='{room}' type='groupchat' id='r1'><retract xmlns='{NS}' id='{id}'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='{NS}'/><body>/me retracted a previous message</body>\
         <store xmlns='urn:xmpp:hints'/></message>"
    );
}

/// The archived message with that id.
#[track_caller]
fn archived(room: &Room, id: &str) -> Option<Element> {
    let page = online().query_room(room, "");
    page.messages().into_iter().find(|m| m.attr("id") == Some(id))
}

/// §2: a room that keeps retractions MUST say so.
#[test]
fn a_room_says_that_it_knows_retractions() {
    let (room, _alice, _id) = said();
    assert!(room.has(NS), "{:?}", room.features());
}

/// §3: a retraction reaches all.
#[test]
fn a_retraction_reaches_all() {
    let (room, alice, id) = said();
    let bob = room.guest("bob");
    retract(&alice, &room, &id);
    for occupant in [&alice, &bob, &room.owner] {
        expect!(occupant, "<message from='{room}/alice' id='r1'><retract xmlns='{NS}' id='{id}'/></message>");
    }
}

/// §5: it MUST be archived.
#[test]
fn a_retraction_is_archived() {
    let (room, alice, id) = said();
    retract(&alice, &room, &id);
    let retraction = archived(&room, "r1").expect("the retraction is archived");
    retraction.must(&format!("<message from='{room}/alice'><retract xmlns='{NS}' id='{id}'/></message>"));
}

/// §4: where there are tombstones, what was taken back is one: with the id of the retraction and nothing of the text.
#[test]
fn a_retracted_message_is_a_tombstone() {
    let (room, alice, id) = said();
    assert!(room.has("urn:xmpp:message-retract:1#tombstone"), "{:?}", room.features());
    retract(&alice, &room, &id);
    let tombstone = archived(&room, "m1").expect("the tombstone is there");
    tombstone.must(&format!("<message from='{room}/alice'><retracted xmlns='{NS}' id='r1'/></message>"));
    assert!(!tombstone.to_string().contains("oops"), "{tombstone}");
}

/// §5: a room that knows retractions SHOULD NOT give the message to those who enter later.
#[test]
fn a_retracted_message_is_no_history() {
    let (room, alice, id) = said();
    retract(&alice, &room, &id);
    settle();
    let came = online().join(&room, "bob");
    assert!(!came.iter().any(|s| s.child("body").is_some_and(|b| b.text() == "oops")), "{came:?}");
}

/// §5: it counts from the author alone: another occupant takes nothing back.
#[test]
fn another_cannot_take_it_back() {
    let (room, _alice, id) = said();
    let mallory = room.guest("mallory");
    retract(&mallory, &room, &id);
    let message = archived(&room, "m1").expect("the message is there");
    message.must("<message><body>oops</body></message>");
}

/// §5: nor does one who enters under the author's nick.
#[test]
fn another_of_the_same_nick_cannot_take_it_back() {
    let (room, alice, id) = said();
    alice.leave(&room, "alice");
    let mallory = room.guest("alice");
    retract(&mallory, &room, &id);
    let message = archived(&room, "m1").expect("the message is there");
    message.must("<message><body>oops</body></message>");
}

/// §5: the author can, from another session and under another nick, since the room knows who it is.
#[test]
fn the_author_can_on_another_visit() {
    let (room, alice, id) = said();
    alice.leave(&room, "alice");
    alice.join(&room, "alicia");
    retract(&alice, &room, &id);
    let tombstone = archived(&room, "m1").expect("the tombstone is there");
    assert!(!tombstone.to_string().contains("oops"), "{tombstone}");
}

/// §5.1: the id is the one the room gave: the sender's own does not do.
#[test]
fn the_senders_own_id_takes_nothing_back() {
    let (room, alice, _id) = said();
    retract(&alice, &room, "m1");
    let message = archived(&room, "m1").expect("the message is there");
    message.must("<message><body>oops</body></message>");
}
