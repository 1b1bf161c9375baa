//! XEP-0045 §8.3–§8.5: voice.

use crate::harness::rooms::*;

/// A moderated room with a visitor and a member.
fn moderated() -> (Room, Client, Client) {
    let room = room_with(MODERATED);
    let (visitor, member) = (room.guest("visitor"), room.guest_as("member", "member"));
    (room, visitor, member)
}

/// §8.3: voice is confirmed, and all MUST be told.
#[test]
fn all_are_told_who_gets_voice() {
    let (room, visitor, member) = moderated();
    room.owner.give_role(&room, "visitor", "participant").must("<iq type='result'/>");
    for occupant in [&visitor, &member, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/visitor' to='{occupant}'><x xmlns='{USER}'><item role='participant'/></x></presence>"
        );
    }
}

/// §8.3: and who has it may speak.
#[test]
fn who_gets_voice_speaks() {
    let (room, visitor, member) = moderated();
    room.give_role("visitor", "participant");
    visitor.say(&room, "m", "hello");
    expect!(member, "<message from='{room}/visitor' id='m'/>");
}

/// §8.3: success comes before the presence.
#[test]
fn success_comes_before_the_presence() {
    let (room, _visitor, _member) = moderated();
    send!(
        room.owner,
        "<iq type='set' id='v' to='{room}'><query xmlns='{ADMIN}'><item nick='visitor' role='participant'/></query></iq>"
    );
    room.owner.expect_next("<iq type='result' id='v'/>");
    room.owner.expect_next(&format!("<presence from='{room}/visitor'/>"));
}

/// §8: who is no moderator MUST get forbidden, for others and for oneself.
#[test]
fn who_is_no_moderator_gives_no_voice() {
    let (room, visitor, member) = moderated();
    member.give_role(&room, "visitor", "participant").must_fail("forbidden");
    visitor.give_role(&room, "visitor", "participant").must_fail("forbidden");
    visitor.expect_nothing();
}

/// §8.4: the loss of voice is confirmed, and all MUST be told.
#[test]
fn all_are_told_who_loses_voice() {
    let (room, visitor, member) = moderated();
    room.owner.give_role(&room, "member", "visitor").must("<iq type='result'/>");
    for occupant in [&visitor, &member, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/member' to='{occupant}'>\
             <x xmlns='{USER}'><item affiliation='member' role='visitor'/></x></presence>"
        );
    }
}

/// §8.4: and who has lost it may not speak.
#[test]
fn who_loses_voice_is_silent() {
    let (room, _visitor, member) = moderated();
    room.give_role("member", "visitor");
    member.say(&room, "m", "hello");
    expect!(member, "<message type='error' id='m'/>").must_fail("forbidden");
    room.owner.expect_nothing();
}

/// §8.4: an admin's or owner's voice MUST NOT be taken by anyone: not-allowed.
#[test]
fn nobody_takes_voice_from_an_admin_or_owner() {
    let (room, _visitor, _member) = moderated();
    let (_admin, other) = (room.guest_as("admin", "admin"), room.guest_as("owner", "other"));
    room.owner.give_role(&room, "admin", "visitor").must_fail("not-allowed");
    other.give_role(&room, "owner", "visitor").must_fail("not-allowed");
    room.owner.expect_nothing();
}

/// §8.4: nor from one whose affiliation is at or above the moderator's.
#[test]
fn a_moderator_takes_voice_from_nobody_of_the_same_standing() {
    let (room, visitor, _member) = moderated();
    let other = room.guest_as("member", "other");
    for nick in ["visitor", "other"] {
        room.give_role(nick, "moderator");
    }
    visitor.give_role(&room, "member", "visitor").must_fail("not-allowed");
    other.give_role(&room, "member", "visitor").must_fail("not-allowed");
    room.owner.expect_nothing();
}

/// §8.4: the offending item MUST come back with the error.
#[test]
fn the_refused_item_comes_back() {
    let (room, _visitor, _member) = moderated();
    let admin = room.guest_as("admin", "admin");
    admin.give_role(&room, "owner", "visitor").must(&format!(
        "<iq type='error'><query xmlns='{ADMIN}'><item nick='owner' role='visitor'/></query></iq>"
    ));
}

/// §8.5: the list of those with voice MUST come, with nick and role; affiliation and JID SHOULD be there (§17.4: MUST).
#[test]
fn a_moderator_gets_the_list() {
    let (room, _visitor, member) = moderated();
    let list = room.owner.list(&room, "role='participant'");
    list.must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'>\
         <item nick='member' role='participant' affiliation='member' jid='{member}'/></query></iq>"
    ));
    assert_eq!(list.need_child("query").children().count(), 1, "{list}");
}

/// §8.5, §8: nobody else does.
#[test]
fn who_is_no_moderator_does_not_get_the_list() {
    let (room, visitor, member) = moderated();
    for client in [&visitor, &member] {
        client.list(&room, "role='participant'").must_fail("forbidden");
    }
}

/// §8.5: several changes may come at once, and all are told of each.
#[test]
fn several_changes_at_once() {
    let (room, visitor, _member) = moderated();
    let items = "<item nick='visitor' role='participant'/><item nick='member' role='visitor'/>";
    room.owner.administer(&room, items).must("<iq type='result'/>");
    expect!(
        visitor,
        "<presence from='{room}/visitor'><x xmlns='{USER}'><item role='participant'/></x></presence>"
    );
    expect!(
        visitor,
        "<presence from='{room}/member'><x xmlns='{USER}'><item role='visitor'/></x></presence>"
    );
}

/// §8.5: if one is not allowed the request MUST be denied.
#[test]
fn one_change_that_is_not_allowed_denies_all() {
    let (room, visitor, _member) = moderated();
    let admin = room.guest_as("admin", "admin");
    let items = "<item nick='visitor' role='participant'/><item nick='owner' role='visitor'/>";
    admin.administer(&room, items).must_fail("not-allowed");
    visitor.expect_nothing();
}

/// §5.1.1: the list of visitors is for moderators too.
#[test]
fn a_moderator_gets_the_visitors() {
    let (room, visitor, _member) = moderated();
    room.owner.list(&room, "role='visitor'").must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'><item nick='visitor' role='visitor' jid='{visitor}'/></query></iq>"
    ));
}
