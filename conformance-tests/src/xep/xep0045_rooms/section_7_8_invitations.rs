//! XEP-0045 §7.8: invitations through the room.

use crate::harness::rooms::*;

/// Asks a room to invite somebody.
fn invite(who: &Client, room: &Room, whom: &str, content: &str) {
    send!(
        who,
        "<message to='{room}' id='i'><x xmlns='{USER}'><invite to='{whom}'>{content}</invite></x></message>"
    );
}

/// §7.8.2: the room MUST send it on, with the inviter's address.
#[test]
fn an_invitation_comes_from_the_room_and_names_the_inviter() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), online());
    invite(&alice, &room, &bob.bare(), "<reason>Hey Hecate</reason>");
    let invitation = expect!(
        bob,
        "<message from='{room}' to='{bob:#}{ANY}'><x xmlns='{USER}'><invite><reason>Hey Hecate</reason></invite></x></message>"
    );
    let from = invitation.need_child("x").need_child("invite").need("from").to_owned();
    assert!([alice.bare(), alice.to_string(), format!("{room}/alice")].contains(&from), "{from}");
}

/// §7.8.2, §19.2: several may be invited at once.
#[test]
fn several_are_invited_at_once() {
    let (room, bob, carol) = (room(), online(), online());
    send!(
        room.owner,
        "<message to='{room}'><x xmlns='{USER}'><invite to='{bob:#}'/><invite to='{carol:#}'/></x></message>"
    );
    for invited in [&bob, &carol] {
        expect!(
            invited,
            "<message from='{room}' to='{invited:#}{ANY}'><x xmlns='{USER}'><invite/></x></message>"
        );
        expect_no!(invited, "<message from='{room}'/>");
    }
}

/// §7.8.2: an address of the inviter's own making is not passed on.
#[test]
fn an_inviter_cannot_be_somebody_else() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), online());
    send!(
        alice,
        "<message to='{room}'><x xmlns='{USER}'>\
         <invite to='{bob:#}' from='{owner:#}'/></x></message>",
        owner = room.owner
    );
    let invitation = expect!(bob, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>");
    assert!(!invitation.to_string().contains(&room.owner.bare()), "{invitation}");
}

/// §7.8.2: the room SHOULD add its password.
#[test]
fn an_invitation_has_the_password() {
    let room = room_with(PROTECTED);
    let bob = online();
    invite(&room.owner, &room, &bob.bare(), "");
    expect!(
        bob,
        "<message from='{room}'><x xmlns='{USER}'><invite/><password>cauldronburn</password></x></message>"
    );
}

/// §7.8.2, the other way round.
#[test]
fn an_invitation_to_a_room_without_password_has_none() {
    let (room, bob) = (room(), online());
    invite(&room.owner, &room, &bob.bare(), "");
    expect!(bob, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>")
        .must_not(&format!("<message><x xmlns='{USER}'><password/></x></message>"));
}

/// §7.9: it may go on with a chat.
#[test]
fn an_invitation_can_continue_a_chat() {
    let (room, bob) = (room(), online());
    invite(
        &room.owner,
        &room,
        &bob.to_string(),
        "<continue thread='e0ffe42b28561960c6b12b944a092794b9683a38'/>",
    );
    expect!(
        bob,
        "<message from='{room}'><x xmlns='{USER}'><invite>\
         <continue thread='e0ffe42b28561960c6b12b944a092794b9683a38'/></invite></x></message>"
    );
}

/// §17.2 (2): who is not in the room does not invite through it.
#[test]
fn an_outsider_cannot_invite() {
    let (room, alice, bob) = (room(), online(), online());
    invite(&alice, &room, &bob.bare(), "");
    expect!(alice, "<message type='error' id='i'/>").must_fail_with_one_of(&["forbidden", "not-acceptable"]);
    bob.expect_nothing();
}

/// §7.8.2: a JID that does not exist SHOULD be item-not-found.
#[test]
fn to_nobody_it_is_not_found() {
    let room = room();
    invite(&room.owner, &room, "nobody-of-that-name@localhost", "");
    expect!(room.owner, "<message type='error'/>").must_fail("item-not-found");
}

/// §7.8.2: no other occupant gets the invitation.
#[test]
fn an_invitation_is_not_for_the_room() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), online());
    invite(&room.owner, &room, &bob.bare(), "");
    alice.expect_nothing();
}

/// §7.8.2, §9.5: in a members-only room a mere member MUST be refused with forbidden.
#[test]
fn a_member_of_a_members_only_room_cannot_invite() {
    let room = room_with(&[("membersonly", "1"), ("?allowinvites", "0")]);
    let (member, bob) = (room.guest_as("member", "alice"), online());
    invite(&member, &room, &bob.bare(), "");
    expect!(member, "<message type='error' id='i'/>").must_fail("forbidden");
    bob.expect_nothing();
}

/// §9.5: unless the room lets members invite; then whoever is invited SHOULD become a member.
#[test]
fn a_member_can_invite_where_that_is_configured() {
    // One of the peers has a field of its own for it.
    let own = "?{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites";
    let room = room_with(&[("membersonly", "1"), ("?allowinvites", "1"), (own, "1")]);
    let (member, bob) = (room.guest_as("member", "alice"), online());
    invite(&member, &room, &bob.bare(), "");
    expect!(bob, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>");
    bob.join(&room, "bob");
}

/// §7.8.2: an admin can, and whoever is invited can enter if the room makes the invited members.
#[test]
fn an_admin_of_a_members_only_room_can_invite() {
    let room = room_with(MEMBERS_ONLY);
    let (admin, bob) = (room.guest_as("admin", "alice"), online());
    invite(&admin, &room, &bob.bare(), "");
    expect!(bob, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>");
}

/// §9.5: an invitation through an open room MUST NOT make a member.
#[test]
fn an_invitation_to_an_open_room_makes_no_member() {
    let (room, bob) = (room(), online());
    invite(&room.owner, &room, &bob.bare(), "");
    expect!(bob, "<message from='{room}'/>");
    let members = room.owner.list(&room, "affiliation='member'");
    members.must("<iq type='result'/>").must_not(&format!("<iq><query xmlns='{ADMIN}'><item/></query></iq>"));
}

/// §7.8.2: who declines says so to the room, which MUST tell the inviter.
#[test]
fn a_decline_reaches_the_inviter() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), online());
    invite(&alice, &room, &bob.bare(), "");
    let invitation = expect!(bob, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>");
    let inviter = invitation.need_child("x").need_child("invite").need("from");
    send!(
        bob,
        "<message to='{room}'><x xmlns='{USER}'><decline to='{inviter}'><reason>too busy</reason></decline></x></message>"
    );
    expect!(
        alice,
        "<message from='{room}'><x xmlns='{USER}'>\
         <decline from='{bob:#}{ANY}'><reason>too busy</reason></decline></x></message>"
    );
}

/// §7.8.2: nobody else is told.
#[test]
fn a_decline_is_not_for_the_room() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), online());
    invite(&alice, &room, &bob.bare(), "");
    let invitation = expect!(bob, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>");
    let inviter = invitation.need_child("x").need_child("invite").need("from");
    send!(bob, "<message to='{room}'><x xmlns='{USER}'><decline to='{inviter}'/></x></message>");
    room.owner.expect_nothing();
}
