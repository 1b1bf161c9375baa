//! XEP-0359: the ids that rooms give messages.

use crate::harness::rooms::*;

const SID: &str = "urn:xmpp:sid:0";

/// A room with an archive, and an occupant.
fn archived() -> (Room, Client) {
    let room = room_at(ARCHIVED);
    let alice = room.guest("alice");
    (room, alice)
}

/// §5: a room that follows the rules SHOULD say so.
#[test]
fn a_room_says_that_it_gives_ids() {
    let (room, _alice) = archived();
    assert!(room.has(SID), "{:?}", room.features());
}

/// §3 with XEP-0313 §3.3.2: a message that is archived MUST have an id by the room's bare JID.
#[test]
fn a_message_has_an_id_of_the_room() {
    let (room, alice) = archived();
    room.owner.say(&room, "m", "hello");
    let message = expect!(alice, "<message id='m'/>");
    assert!(!stanza_id(&message, &room).is_empty());
}

/// §2.1: for everybody the same.
#[test]
fn a_message_has_the_same_id_for_all() {
    let (room, alice) = archived();
    room.owner.say(&room, "m", "hello");
    let ids = [&alice, &room.owner].map(|c| stanza_id(&expect!(c, "<message id='m'/>"), &room));
    assert_eq!(ids[0], ids[1]);
}

/// §2.1: and no other message the same.
#[test]
fn no_two_messages_have_the_same_id() {
    let (room, alice) = archived();
    let ids = ["m1", "m2", "m3"].map(|id| {
        room.owner.say(&room, "the same", id);
        stanza_id(&expect!(alice, "<message><body>{id}</body></message>"), &room)
    });
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
}

/// §2.1: in the history it is the one it was.
#[test]
fn a_message_keeps_its_id_in_the_history() {
    let (room, alice) = archived();
    room.owner.say(&room, "m", "hello");
    let id = stanza_id(&expect!(alice, "<message id='m'/>"), &room);
    let came = online().join(&room, "bob");
    let old =
        came.iter().find(|s| s.attr("id") == Some("m")).unwrap_or_else(|| panic!("no history: {came:?}"));
    assert_eq!(stanza_id(old, &room), id);
}

/// §3 (2): an id that a client forged in the room's name MUST be deleted.
#[test]
fn a_forged_id_is_deleted() {
    let (room, alice) = archived();
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m'><body>hello</body>\
         <stanza-id xmlns='{SID}' id='forged' by='{room}'/></message>"
    );
    let message = expect!(alice, "<message id='m'/>");
    assert_ne!(stanza_id(&message, &room), "forged");
}

/// §3 (2): also by a room that says it follows the rules and adds none of its own.
#[test]
fn a_forged_id_is_deleted_without_an_archive() {
    let room = room();
    let alice = room.guest("alice");
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m'><body>hello</body>\
         <stanza-id xmlns='{SID}' id='forged' by='{room}'/></message>"
    );
    let message = expect!(alice, "<message id='m'/>");
    assert!(!message.to_string().contains("forged"), "{message}");
}

/// §3 (2): and in a private message.
#[test]
fn a_forged_id_is_deleted_from_a_private_message() {
    let (room, alice) = archived();
    send!(
        room.owner,
        "<message to='{room}/alice' type='chat' id='m'><body>psst</body>\
         <stanza-id xmlns='{SID}' id='forged' by='{room}'/></message>"
    );
    let message = expect!(alice, "<message id='m'/>");
    assert!(!message.to_string().contains("forged"), "{message}");
}

/// §3 (3): the ids of others SHOULD stay.
#[test]
fn the_id_of_another_stays() {
    let (room, alice) = archived();
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m'><body>hello</body>\
         <stanza-id xmlns='{SID}' id='other' by='elsewhere@example.com'/></message>"
    );
    expect!(
        alice,
        "<message id='m'><stanza-id xmlns='{SID}' id='other' by='elsewhere@example.com'/></message>"
    );
}

/// §2.2: the sender's own id MUST stay as it is.
#[test]
fn the_origin_id_stays() {
    let (room, alice) = archived();
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m'><body>hello</body><origin-id xmlns='{SID}' id='o-1'/></message>"
    );
    expect!(alice, "<message id='m'><origin-id xmlns='{SID}' id='o-1'/></message>");
}
