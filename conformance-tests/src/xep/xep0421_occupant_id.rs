//! XEP-0421: ids of occupants that stay when nicks change.

use aws_lc_rs::digest;

use crate::harness::base64;
use crate::harness::rooms::*;

const NS: &str = "urn:xmpp:occupant-id:0";

/// The one id in a stanza.
#[track_caller]
fn id(stanza: &Element) -> String {
    let mut ids = stanza.children().filter(|c| c.name == "occupant-id" && c.ns == NS);
    let id = ids.next().unwrap_or_else(|| panic!("no id in {stanza}")).need("id").to_owned();
    assert!(ids.next().is_none(), "more than one id in {stanza}");
    id
}

/// The id of somebody who enters.
#[track_caller]
fn entering(who: &Client, room: &Room, nick: &str) -> String {
    id(&who.try_join(room, nick, ""))
}

/// §2: a room that gives ids MUST say so.
#[test]
fn a_room_says_that_it_gives_ids() {
    let room = room();
    assert!(room.has(NS), "{:?}", room.features());
}

/// §3.1: the presence of an occupant has one, for others and in the own.
#[test]
fn presence_has_one() {
    let room = room();
    let alice = online();
    let own = entering(&alice, &room, "alice");
    assert_eq!(id(&expect!(room.owner, "<presence from='{room}/alice'/>")), own);
    send!(alice, "<presence to='{room}/alice'><show>away</show></presence>");
    assert_eq!(id(&expect!(room.owner, "<presence from='{room}/alice'/>")), own);
    send!(alice, "<presence to='{room}/alice' type='unavailable'/>");
    assert_eq!(id(&expect!(room.owner, "<presence from='{room}/alice' type='unavailable'/>")), own);
}

/// §3.2: a message has the id of its sender.
#[test]
fn a_message_has_the_id_of_its_sender() {
    let room = room();
    let alice = online();
    let own = entering(&alice, &room, "alice");
    alice.say(&room, "m", "hello");
    assert_eq!(id(&expect!(room.owner, "<message id='m'/>")), own);
}

/// §4: so MUST private messages and the subject.
#[test]
fn every_message_has_one() {
    let room = room();
    let alice = online();
    let own = entering(&alice, &room, "alice");
    send!(alice, "<message to='{room}/owner' type='chat' id='m'><body>psst</body></message>");
    assert_eq!(id(&expect!(room.owner, "<message id='m'/>")), own);
    room.give_role("alice", "moderator");
    send!(alice, "<message to='{room}' type='groupchat' id='s'><subject>Fire Burn</subject></message>");
    assert_eq!(
        id(&expect!(room.owner, "<message from='{room}{ANY}'><subject>Fire Burn</subject></message>")),
        own
    );
}

/// §4: and the history MUST.
#[test]
fn history_has_them() {
    let room = room();
    let alice = online();
    let own = entering(&alice, &room, "alice");
    alice.say(&room, "m", "hello");
    settle();
    let came = online().join(&room, "bob");
    let old =
        came.iter().find(|s| s.attr("id") == Some("m")).unwrap_or_else(|| panic!("no history: {came:?}"));
    assert_eq!(id(old), own);
}

/// §4: and the archive MUST.
#[test]
fn the_archive_has_them() {
    let room = room_at(ARCHIVED);
    let alice = online();
    let own = entering(&alice, &room, "alice");
    alice.say(&room, "m", "hello");
    let page = room.owner.query_room(&room, "");
    let old = page.messages().into_iter().find(|m| m.attr("id") == Some("m"));
    assert_eq!(id(&old.unwrap_or_else(|| panic!("{page:?}"))), own);
}

/// §4: a forged one MUST be replaced, in presence …
#[test]
fn a_forged_one_in_presence_is_replaced() {
    let (room, alice) = (room(), online());
    send!(
        alice,
        "<presence to='{room}/alice'><x xmlns='{MUC}'/><occupant-id xmlns='{NS}' id='forged'/></presence>"
    );
    assert_ne!(id(&expect!(room.owner, "<presence from='{room}/alice'/>")), "forged");
}

/// §4: … and in messages.
#[test]
fn a_forged_one_in_a_message_is_replaced() {
    let room = room();
    let alice = room.guest("alice");
    send!(
        alice,
        "<message to='{room}' type='groupchat' id='m'><body>hello</body>\
         <occupant-id xmlns='{NS}' id='forged'/><occupant-id xmlns='{NS}' id='forged too'/></message>"
    );
    let own = id(&expect!(room.owner, "<message id='m'/>"));
    assert!(!own.starts_with("forged"), "{own}");
    send!(
        alice,
        "<message to='{room}/owner' type='chat' id='p'><body>psst</body><occupant-id xmlns='{NS}' id='forged'/></message>"
    );
    assert_eq!(id(&expect!(room.owner, "<message id='p'/>")), own);
}

/// §4.1: on a second visit it MUST be the same, whatever the nick.
#[test]
fn it_is_the_same_on_every_visit() {
    let (room, alice) = (room(), online());
    let first = entering(&alice, &room, "alice");
    settle();
    alice.leave(&room, "alice");
    assert_eq!(entering(&alice, &room, "alicia"), first);
}

/// §4.1: after a change of the nick too.
#[test]
fn it_is_the_same_under_another_nick() {
    let (room, alice) = (room(), online());
    let first = entering(&alice, &room, "alice");
    send!(alice, "<presence to='{room}/alicia'/>");
    assert_eq!(id(&expect!(room.owner, "<presence from='{room}/alicia' type='{NONE}'/>")), first);
}

/// §4.1: it is the account's: another session has the same.
#[test]
fn it_is_the_same_for_all_sessions_of_the_account() {
    let (room, phone) = (room(), online());
    let first = entering(&phone, &room, "alice");
    let desk = phone.session_online("desk", 0);
    assert_eq!(entering(&desk, &room, "desk"), first);
}

/// §4.1: no other user MUST have it, even under the same nick.
#[test]
fn it_is_another_for_another_user() {
    let (room, alice, bob) = (room(), online(), online());
    let first = entering(&alice, &room, "alice");
    settle();
    alice.leave(&room, "alice");
    assert_ne!(entering(&bob, &room, "alice"), first);
}

/// §4.1: in another room it SHOULD be another.
#[test]
fn it_is_another_in_another_room() {
    let alice = online();
    assert_ne!(entering(&alice, &room(), "alice"), entering(&alice, &room(), "alice"));
}

/// §4.1: it MUST have at most 128 characters, and MUST NOT be a mere hash of the address.
#[test]
fn it_is_short_and_tells_nothing() {
    let (room, alice) = (room(), online());
    let own = entering(&alice, &room, "alice");
    assert!(!own.is_empty() && own.chars().count() <= 128, "{own}");
    for algorithm in [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256] {
        for text in [
            alice.bare(),
            format!("{room}{alice:#}"),
            format!("{room}/{alice:#}"),
            format!("{room}\0{alice:#}"),
        ] {
            let hash = digest::digest(algorithm, text.as_bytes());
            let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(own.to_lowercase() != hex && own != base64(hash.as_ref()), "{own} is a hash of {text:?}");
        }
    }
    assert!(!own.contains(&alice.name), "{own}");
}

/// §4: where ids are forced on all rooms, the service SHOULD say so too.
#[test]
fn the_service_says_that_all_rooms_give_ids() {
    let features = user().info(&SERVICE).values("feature", "var");
    assert!(features.iter().any(|f| f == NS), "{features:?}");
}
