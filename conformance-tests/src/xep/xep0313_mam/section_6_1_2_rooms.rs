//! XEP-0313 §6.1.2: archives of rooms.

use crate::harness::archive::{self, Page};
use crate::harness::rooms::*;

/// A room with an archive, and an occupant.
fn archived() -> (Room, Client) {
    let room = room_at(ARCHIVED);
    let alice = room.guest("alice");
    (room, alice)
}

/// The messages with a body in the archive.
fn said(page: &Page) -> Vec<String> {
    page.bodies().into_iter().filter(|b| !b.is_empty()).collect()
}

/// What the archive answers, where it need not let in.
#[track_caller]
fn ask(who: &Client, room: &impl std::fmt::Display) -> Element {
    barrier();
    request!(who, "<iq type='set' to='{room}'><query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>")
}

/// §7 with §3.3.2: the room has the feature.
#[test]
fn a_room_with_an_archive_says_so() {
    let (room, _alice) = archived();
    assert!(room.has("urn:xmpp:mam:2"), "{:?}", room.features());
}

/// §6.1.2: a message is there once, not once for each occupant.
#[test]
fn a_message_is_archived_once() {
    let (room, alice) = archived();
    let _bob = room.guest("bob");
    alice.say(&room, "m", "hello");
    assert_eq!(said(&alice.query_room(&room, "")), ["hello"]);
}

/// §6.1.2: its 'from' MUST be the occupant JID, and it MUST NOT have a 'to'.
#[test]
fn an_archived_message_is_of_the_occupant_and_to_nobody() {
    let (room, alice) = archived();
    alice.say(&room, "m", "hello");
    let page = room.owner.query_room(&room, "");
    let message = page.messages().into_iter().find(|m| m.attr("id") == Some("m"));
    message.unwrap_or_else(|| panic!("{page:?}")).must(&format!(
        "<message from='{room}/alice' to='{NONE}' type='groupchat'><body>hello</body></message>"
    ));
}

/// §4.2: the result comes from the room.
#[test]
fn a_result_comes_from_the_room() {
    let (room, alice) = archived();
    alice.say(&room, "m", "hello");
    let page = alice.query_room(&room, "");
    page.results[0].must(&format!("<message from='{room}' to='{alice}'/>"));
    page.iq.must(&format!("<iq from='{room}'/>"));
}

/// §3.3.2: the id in the archive is the one the message has (XEP-0359).
#[test]
fn the_id_is_the_one_of_the_message() {
    let (room, alice) = archived();
    room.owner.say(&room, "m", "hello");
    let id = stanza_id(&expect!(alice, "<message id='m'/>"), &room);
    assert!(alice.query_room(&room, "").ids().contains(&id));
}

/// §6.1.2: what somebody said who has left stays.
#[test]
fn what_was_said_by_those_who_left_stays() {
    let (room, alice) = archived();
    alice.say(&room, "m", "goodbye");
    alice.leave(&room, "alice");
    assert_eq!(said(&room.owner.query_room(&room, "")), ["goodbye"]);
}

/// §6.1.2: changes of the subject SHOULD be there.
#[test]
fn changes_of_the_subject_are_archived() {
    let (room, alice) = archived();
    send!(room.owner, "<message to='{room}' type='groupchat' id='s'><subject>Fire Burn</subject></message>");
    let messages = alice.query_room(&room, "").messages();
    let pattern = Element::parse("<message type='groupchat'><subject>Fire Burn</subject></message>");
    assert!(messages.iter().any(|m| m.matches(&pattern)), "{messages:?}");
}

/// §6.1.2: private messages MUST NOT be there, whoever asks.
#[test]
fn private_messages_are_not_archived() {
    let (room, alice) = archived();
    send!(room.owner, "<message to='{room}/alice' type='chat' id='m'><body>psst</body></message>");
    expect!(alice, "<message id='m'/>");
    for client in [&alice, &room.owner] {
        assert_eq!(said(&client.query_room(&room, "")), Vec::<String>::new());
    }
}

/// §6.1.1, §6.1.2: what the room refused is not there.
#[test]
fn what_was_refused_is_not_archived() {
    let (room, _alice) = archived();
    room.configure(MODERATED);
    let visitor = room.guest("bob");
    visitor.say(&room, "m", "refused");
    expect!(visitor, "<message type='error' id='m'/>");
    online().say(&room, "m", "refused as well");
    assert_eq!(said(&room.owner.query_room(&room, "")), Vec::<String>::new());
}

/// §6.1.2: an open room's archive is open to those who may enter.
#[test]
fn who_may_enter_may_ask() {
    let (room, alice) = archived();
    alice.say(&room, "m", "hello");
    assert_eq!(said(&online().query_room(&room, "")), ["hello"]);
}

/// §6.1.2, §8: the banned MUST be refused, which SHOULD be forbidden.
#[test]
fn the_banned_may_not_ask() {
    let (room, alice) = archived();
    alice.say(&room, "m", "hello");
    room.affiliate(&alice, "outcast");
    ask(&alice, &room).must_fail("forbidden");
    expect_no!(alice, "<message><result xmlns='urn:xmpp:mam:2'/></message>");
}

/// §6.1.2: a members-only room's archive is for owners, admins and members.
#[test]
fn of_a_members_only_room_a_stranger_may_not_ask() {
    let (room, _alice) = archived();
    room.configure(MEMBERS_ONLY);
    room.owner.say(&room, "m", "hello");
    let stranger = online();
    ask(&stranger, &room).must_fail("forbidden");
    expect_no!(stranger, "<message><result xmlns='urn:xmpp:mam:2'/></message>");
}

/// §6.1.2, the other way round.
#[test]
fn of_a_members_only_room_members_may_ask() {
    let (room, _alice) = archived();
    room.configure(MEMBERS_ONLY);
    room.owner.say(&room, "m", "hello");
    for affiliation in ["member", "admin", "owner"] {
        let client = online();
        room.affiliate(&client, affiliation);
        assert_eq!(said(&client.query_room(&room, "")), ["hello"], "{affiliation}");
    }
}

/// §6.1.2: the right counts at the time of the query.
#[test]
fn who_is_no_member_any_more_may_not_ask() {
    let (room, _alice) = archived();
    room.configure(MEMBERS_ONLY);
    let bob = room.guest_as("member", "bob");
    bob.say(&room, "m", "hello");
    room.affiliate(&bob, "none");
    ask(&bob, &room).must_fail("forbidden");
}

/// §6.1.2: in a non-anonymous room it is said who is who.
#[test]
fn of_a_non_anonymous_room_it_is_said_who_is_who() {
    let (room, _alice) = archived();
    room.configure(NON_ANONYMOUS);
    let bob = room.guest("bob");
    bob.say(&room, "m", "hello");
    let page = online().query_room(&room, "");
    let message = page.messages().into_iter().find(|m| m.attr("id") == Some("m"));
    message
        .unwrap_or_else(|| panic!("{page:?}"))
        .must(&format!("<message><x xmlns='{USER}'><item jid='{bob:#}{ANY}'/></x></message>"));
}

/// §6.1.2: in a semi-anonymous room it is said to those who may see it …
#[test]
fn of_a_semi_anonymous_room_moderators_are_told_who_is_who() {
    let (room, alice) = archived();
    room.configure(SEMI_ANONYMOUS);
    alice.say(&room, "m", "hello");
    let page = room.owner.query_room(&room, "");
    let message = page.messages().into_iter().find(|m| m.attr("id") == Some("m"));
    message
        .unwrap_or_else(|| panic!("{page:?}"))
        .must(&format!("<message><x xmlns='{USER}'><item jid='{alice:#}{ANY}'/></x></message>"));
}

/// §6.1.2: … and to nobody else.
#[test]
fn of_a_semi_anonymous_room_others_are_not_told_who_is_who() {
    let (room, alice) = archived();
    room.configure(SEMI_ANONYMOUS);
    let bob = room.guest("bob");
    alice.say(&room, "m", "hello");
    for client in [&bob, &online()] {
        for result in client.query_room(&room, "").results {
            assert!(!result.to_string().contains(&alice.bare()), "{result}");
        }
    }
}

/// §4.1.1: nor can they find out by asking for an address.
#[test]
fn of_a_semi_anonymous_room_others_cannot_search_for_addresses() {
    let (room, alice) = archived();
    room.configure(SEMI_ANONYMOUS);
    let bob = room.guest("bob");
    alice.say(&room, "m", "hello");
    barrier();
    request!(
        bob,
        "<iq type='set' to='{room}'><query xmlns='urn:xmpp:mam:2'>{}</query></iq>",
        archive::field("with", &alice.bare())
    );
    expect_no!(bob, "<message><result xmlns='urn:xmpp:mam:2'/></message>");
}

/// §4.1.1: an occupant JID can be asked for.
#[test]
fn what_an_occupant_said_can_be_asked_for() {
    let (room, alice) = archived();
    alice.say(&room, "m1", "of alice");
    room.owner.say(&room, "m2", "of the owner");
    let page = alice.query_room(&room, &archive::field("with", &format!("{room}/alice")));
    assert_eq!(said(&page), ["of alice"]);
}

/// §8.4: what a client wrote into the room's element MUST be stripped.
#[test]
fn a_forged_element_is_stripped() {
    let (room, alice) = archived();
    send!(
        alice,
        "<message to='{room}' type='groupchat' id='m'><body>hello</body>\
         <x xmlns='{USER}'><item affiliation='owner' role='moderator' jid='forged@example.com'/></x></message>"
    );
    for result in online().query_room(&room, "").results {
        assert!(!result.to_string().contains("forged@example.com"), "{result}");
    }
}

/// §4.3: pages work as in other archives.
#[test]
fn the_archive_comes_in_pages() {
    let (room, alice) = archived();
    for n in 1..=3 {
        alice.say(&room, &format!("m{n}"), &format!("message {n}"));
    }
    let all = alice.query_room(&room, "");
    let last = alice.query_room(&room, &archive::page("<max>1</max><before/>"));
    assert_eq!(said(&last), ["message 3"]);
    assert_eq!(last.ids(), all.ids()[all.ids().len() - 1..]);
    assert!(!last.is_complete());
}

/// §4.1: what is archived stays when all have left a persistent room.
#[test]
fn an_archive_outlasts_the_visit() {
    let (room, alice) = archived();
    alice.say(&room, "m", "hello");
    alice.leave(&room, "alice");
    room.is_left_by_its_owner();
    assert_eq!(said(&online().query_room(&room, "")), ["hello"]);
}

/// §8: a room that does not exist has no archive.
#[test]
fn a_room_that_does_not_exist_has_no_archive() {
    let (room, alice) = (address_at(ARCHIVED), online());
    ask(&alice, &room).must_fail("item-not-found");
}

/// XEP-0045 §10.9: a new room of the same name does not have the archive of the one that was destroyed.
#[test]
fn a_new_room_has_nothing_of_an_old_one() {
    let (room, alice) = archived();
    alice.say(&room, "m", "of the old room");
    barrier();
    request!(room.owner, "<iq type='set' to='{room}'><query xmlns='{OWNER}'><destroy/></query></iq>")
        .must("<iq type='result'/>");
    settle();
    let bob = online();
    let own = bob.try_join(&room, "bob", "");
    // A service may keep the name locked; then there is no room, and no archive of it.
    if own.attr("type") != Some("error") {
        bob.accept_defaults(&room).must("<iq type='result'/>");
        assert_eq!(said(&bob.query_room(&room, "")), Vec::<String>::new());
    }
}
