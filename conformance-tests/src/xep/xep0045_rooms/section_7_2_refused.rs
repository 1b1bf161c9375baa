//! XEP-0045 §7.2.5–§7.2.11: who is not let in, and who is.

use crate::harness::rooms::*;

/// A fresh user with that affiliation, not in the room.
#[track_caller]
fn somebody(room: &Room, affiliation: &str) -> Client {
    let somebody = online();
    room.affiliate(&somebody, affiliation);
    somebody
}

/// Somebody who is refused is not in the room, and nobody there is told.
#[track_caller]
fn refused(room: &Room, who: &Client, nick: &str, content: &str, condition: &str) {
    who.try_join(room, nick, content).must_fail(condition);
    expect_no!(room.owner, "<presence/>");
    room.owner.say(room, "still-outside", "hello");
    expect_no!(who, "<message id='still-outside'/>");
}

/// §7.2.5: without the password it MUST be not-authorized.
#[test]
fn without_the_password_it_is_not_authorized() {
    refused(&room_with(PROTECTED), &online(), "alice", "", "not-authorized");
}

/// §7.2.5: and with a wrong one.
#[test]
fn with_a_wrong_password_it_is_not_authorized() {
    let wrong = "<password>cauldron</password>";
    refused(&room_with(PROTECTED), &online(), "alice", wrong, "not-authorized");
}

/// §7.2.5: the right password lets in.
#[test]
fn the_password_lets_in() {
    online().join_with(&room_with(PROTECTED), "alice", "<password>cauldronburn</password>");
}

/// §7.2.5: where none is required, a password does no harm.
#[test]
fn a_password_that_is_not_asked_for_does_no_harm() {
    online().join_with(&room(), "alice", "<password>cauldronburn</password>");
}

/// §7.2.5: members need it too, since nothing says otherwise.
#[test]
fn a_member_without_the_password_is_not_authorized() {
    let room = room_with(PROTECTED);
    let member = somebody(&room, "member");
    refused(&room, &member, "alice", "", "not-authorized");
}

/// §7.2.6: who is not on the list MUST be refused with registration-required.
#[test]
fn who_is_no_member_is_not_let_into_a_members_only_room() {
    refused(&room_with(MEMBERS_ONLY), &online(), "alice", "", "registration-required");
}

/// §7.2.6, §5.2.1: members, admins and owners are let in.
#[test]
fn members_admins_and_owners_are_let_into_a_members_only_room() {
    let room = room_with(MEMBERS_ONLY);
    for affiliation in ["member", "admin", "owner"] {
        room.guest_as(affiliation, &format!("the {affiliation}"));
    }
}

/// §9.5: who was removed from the list MUST be refused.
#[test]
fn who_is_no_member_any_more_is_not_let_in() {
    let room = room_with(MEMBERS_ONLY);
    let alice = somebody(&room, "member");
    room.affiliate(&alice, "none");
    refused(&room, &alice, "alice", "", "registration-required");
}

/// §7.2.7: a banned user MUST be refused with forbidden.
#[test]
fn a_banned_user_is_forbidden() {
    let room = room();
    let alice = somebody(&room, "outcast");
    refused(&room, &alice, "alice", "", "forbidden");
}

/// §7.2.7: by bare JID, from each of the user's sessions.
#[test]
fn a_banned_user_is_forbidden_from_another_resource() {
    let room = room();
    let alice = somebody(&room, "outcast");
    let desk = alice.session_online("desk", 0);
    refused(&room, &desk, "alice", "", "forbidden");
}

/// §7.2.7, the other way round: the ban is removed.
#[test]
fn a_user_whose_ban_was_removed_is_let_in() {
    let room = room();
    let alice = somebody(&room, "outcast");
    room.affiliate(&alice, "none");
    alice.join(&room, "alice");
}

/// §7.2.8: the nick of another user MUST be refused with conflict.
#[test]
fn the_nick_of_another_is_a_conflict() {
    let room = room();
    let _bob = room.guest("bob");
    refused(&room, &online(), "bob", "", "conflict");
}

/// §7.2.8: once its owner has left, the nick is free.
#[test]
fn the_nick_of_one_who_left_is_free() {
    let room = room();
    room.guest("bob").leave(&room, "bob");
    online().join(&room, "bob");
}

/// §7.2.8: another session of the same user SHOULD be let in under the same nick.
#[test]
fn another_session_of_the_user_may_have_the_same_nick() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alice");
}

/// §7.2.8: then messages MUST reach all its sessions …
#[test]
fn messages_reach_all_sessions_of_a_nick() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alice");
    room.owner.say(&room, "m", "hello");
    for session in [&phone, &desk] {
        expect!(session, "<message from='{room}/owner' to='{session}' id='m'/>");
    }
}

/// §7.2.8: … and all of them may send, and get what they sent.
#[test]
fn all_sessions_of_a_nick_may_send() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alice");
    for (session, id) in [(&phone, "m1"), (&desk, "m2")] {
        session.say(&room, id, "hello");
        for receiver in [&phone, &desk, &room.owner] {
            expect!(receiver, "<message from='{room}/alice' to='{receiver}' id='{id}' type='groupchat'/>");
        }
    }
}

/// §7.2.8: private messages SHOULD reach all of them.
#[test]
fn private_messages_reach_all_sessions_of_a_nick() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alice");
    send!(room.owner, "<message to='{room}/alice' type='chat' id='m'><body>psst</body></message>");
    for session in [&phone, &desk] {
        expect!(session, "<message from='{room}/owner' to='{session}' type='chat' id='m'/>");
    }
}

/// §7.2.8, §7.14: when one session leaves, the occupant stays as long as another is there.
#[test]
fn an_occupant_stays_as_long_as_a_session_does() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alice");
    phone.leave(&room, "alice");
    desk.say(&room, "m1", "still here");
    expect!(room.owner, "<message from='{room}/alice' id='m1'/>");
    expect_no!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
    send!(desk, "<presence to='{room}/alice' type='unavailable'/>");
    expect!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
}

/// A room with five places, of which all are taken.
fn full_room() -> (Room, Vec<Client>) {
    let room = room_with(&[("maxusers", "5")]);
    let guests = ["bob", "carol", "dave", "erin"].map(|nick| room.guest(nick)).into();
    (room, guests)
}

/// §7.2.9: a full room SHOULD refuse with service-unavailable.
#[test]
fn a_full_room_is_unavailable() {
    let (room, _guests) = full_room();
    refused(&room, &online(), "alice", "", "service-unavailable");
}

/// §7.2.9: a place that becomes free is a place.
#[test]
fn a_room_with_a_place_is_available() {
    let (room, guests) = full_room();
    guests[0].leave(&room, "bob");
    online().join(&room, "alice");
}

/// §7.2.9: an admin or an owner MUST be let in.
#[test]
fn a_full_room_lets_admins_and_owners_in() {
    let (room, _guests) = full_room();
    for affiliation in ["admin", "owner"] {
        room.guest_as(affiliation, &format!("the {affiliation}"));
    }
}

/// §7.2.10: a locked room MUST be item-not-found.
#[test]
fn a_locked_room_is_not_found() {
    refused(&locked_room(), &online(), "alice", "", "item-not-found");
}

/// §7.2.10, the other way round: once it is configured it is there.
#[test]
fn an_unlocked_room_is_found() {
    let room = locked_room();
    room.owner.accept_defaults(&room).must("<iq type='result'/>");
    online().join(&room, "alice");
}

/// §7.2.11: a room that does not exist SHOULD be created.
#[test]
fn a_room_that_does_not_exist_is_created() {
    let (room, alice) = (address(), online());
    alice.try_join(&room, "alice", "").must(&format!(
        "<presence from='{room}/alice'>\
         <x xmlns='{USER}'><item affiliation='owner' role='moderator'/></x></presence>"
    ));
}
