//! XEP-0486: the picture of a room.

use aws_lc_rs::digest;

use crate::harness::base64;
use crate::harness::rooms::*;

const FIELD: &str = "muc#roominfo_avatarhash";
const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"32\" height=\"32\"/>";
const PNG: &[u8] = b"\x89PNG and so on";

fn photo(kind: &str, bytes: &[u8]) -> String {
    format!("<PHOTO><TYPE>{kind}</TYPE><BINVAL>{}</BINVAL></PHOTO>", base64(bytes))
}

fn hash(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn publish(who: &Client, room: &Room, content: &str) -> Element {
    request!(who, "<iq type='set' to='{room}'><vCard xmlns='vcard-temp'>{content}</vCard></iq>")
}

/// A room with a picture.
fn room_with_picture() -> Room {
    let room = room();
    publish(&room.owner, &room, &photo("image/svg+xml", SVG)).must("<iq type='result'/>");
    settle();
    room
}

/// The picture of a room is this.
#[track_caller]
fn has_picture(room: &Room, bytes: &[u8]) {
    let card = request!(online(), "<iq type='get' to='{room}'><vCard xmlns='vcard-temp'/></iq>");
    card.must(&format!(
        "<iq type='result' from='{room}'><vCard xmlns='vcard-temp'>{}</vCard></iq>",
        photo("image/svg+xml", bytes)
    ));
}

/// §3.1: the service says that its rooms can have one.
#[test]
fn the_service_says_that_rooms_have_pictures() {
    let features = user().info(&SERVICE).values("feature", "var");
    assert!(features.iter().any(|f| f == "vcard-temp"), "{features:?}");
}

/// §3.2, §3.4: an owner publishes it, and everybody can get it, also from outside.
#[test]
fn everybody_can_get_it() {
    let room = room_with_picture();
    for client in [&room.guest("alice"), &online()] {
        request!(client, "<iq type='get' to='{room}'><vCard xmlns='vcard-temp'/></iq>").must(&format!(
            "<iq type='result' from='{room}'><vCard xmlns='vcard-temp'>{}</vCard></iq>",
            photo("image/svg+xml", SVG)
        ));
    }
}

/// §3.3: the information has its hash.
#[test]
fn its_hash_is_told() {
    assert_eq!(room_with_picture().info_field(FIELD), Some(vec![hash(SVG)]));
}

/// §4: without a picture it SHOULD NOT have the field.
#[test]
fn without_a_picture_there_is_no_hash() {
    assert_eq!(room().info_field(FIELD), None);
}

/// §5.1: of several formats all hashes are told.
#[test]
fn of_several_formats_all_hashes_are_told() {
    let room = room();
    let both = photo("image/svg+xml", SVG) + &photo("image/png", PNG);
    publish(&room.owner, &room, &both).must("<iq type='result'/>");
    assert_eq!(room.info_field(FIELD), Some(vec![hash(SVG), hash(PNG)]));
}

/// §3.2: all who are there are told: 104.
#[test]
fn all_are_told_of_a_change() {
    let room = room();
    let alice = room.guest("alice");
    publish(&room.owner, &room, &photo("image/png", PNG)).must("<iq type='result'/>");
    expect!(
        alice,
        "<message from='{room}' type='groupchat'><x xmlns='{USER}'><status code='104'/></x></message>"
    );
}

/// §3.2: an empty card removes it.
#[test]
fn an_empty_card_removes_it() {
    let room = room_with_picture();
    publish(&room.owner, &room, "").must("<iq type='result'/>");
    assert_eq!(room.info_field(FIELD), None);
    let card = request!(online(), "<iq type='get' to='{room}'><vCard xmlns='vcard-temp'/></iq>");
    assert!(!card.to_string().contains("BINVAL"), "{card}");
}

/// §3.2, §6: who may not gets forbidden, and the picture stays.
#[test]
fn nobody_else_publishes() {
    let room = room_with_picture();
    for client in [&room.guest_as("member", "alice"), &room.guest("bob"), &online()] {
        publish(client, &room, &photo("image/png", PNG)).must_fail("forbidden");
    }
    has_picture(&room, SVG);
}

/// §3.2: a room that does not exist has none.
#[test]
fn a_room_that_does_not_exist_has_none() {
    let (room, alice) = (address(), online());
    request!(alice, "<iq type='get' to='{room}'><vCard xmlns='vcard-temp'/></iq>").must("<iq type='error'/>");
}

/// §2: it is there when all have left.
#[test]
fn a_picture_outlasts_the_visit() {
    let room = room_with_picture();
    room.is_left_by_its_owner();
    has_picture(&room, SVG);
}
