//! XEP-0045 §9.6–§9.8: moderators.

use crate::harness::rooms::*;

/// §9.6: it is confirmed, and all MUST be told.
#[test]
fn all_are_told_of_a_new_moderator() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.owner.give_role(&room, "alice", "moderator").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}'>\
             <x xmlns='{USER}'><item affiliation='none' role='moderator'/></x></presence>"
        );
    }
}

/// §9.6: an admin may do that.
#[test]
fn an_admin_may_make_moderators() {
    let room = room();
    let (admin, bob) = (room.guest_as("admin", "alice"), room.guest("bob"));
    admin.give_role(&room, "bob", "moderator").must("<iq type='result'/>");
    expect!(bob, "<presence from='{room}/bob'><x xmlns='{USER}'><item role='moderator'/></x></presence>");
}

/// §9.6, §9: a moderator who is no admin MUST get forbidden.
#[test]
fn a_moderator_may_not() {
    let room = room();
    let (moderator, bob) = (room.guest("alice"), room.guest("bob"));
    room.give_role("alice", "moderator");
    moderator.give_role(&room, "bob", "moderator").must_fail("forbidden");
    bob.expect_nothing();
}

/// §7.2.4: a new moderator of a semi-anonymous room sees who is who from then on.
#[test]
fn a_new_moderator_sees_who_enters() {
    let room = room_with(SEMI_ANONYMOUS);
    let (moderator, carol) = (room.guest("alice"), online());
    room.give_role("alice", "moderator");
    carol.send_join(&room, "carol", "");
    expect!(
        moderator,
        "<presence from='{room}/carol'><x xmlns='{USER}'><item jid='{carol}'/></x></presence>"
    );
}

/// §9.7: the loss is confirmed, and all MUST be told.
#[test]
fn all_are_told_of_a_lost_moderator() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.give_role("alice", "moderator");
    room.owner.give_role(&room, "alice", "participant").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}'><x xmlns='{USER}'><item role='participant'/></x></presence>"
        );
    }
}

/// §9.7: and who has lost it cannot kick any more.
#[test]
fn a_lost_moderator_is_none() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.give_role("alice", "moderator");
    room.give_role("alice", "participant");
    alice.give_role(&room, "bob", "none").must("<iq type='error'/>");
    bob.expect_nothing();
}

/// §9.7: an admin MUST NOT take it from an owner or an admin: not-allowed.
#[test]
fn an_admin_takes_it_from_no_admin_or_owner() {
    let room = room();
    let (admin, _other) = (room.guest_as("admin", "alice"), room.guest_as("admin", "bob"));
    admin.give_role(&room, "owner", "participant").must_fail("not-allowed");
    admin.give_role(&room, "bob", "participant").must_fail("not-allowed");
    room.owner.expect_nothing();
}

/// §9.7: the same for a moderator without affiliation (§5.1.3 *).
#[test]
fn a_moderator_takes_it_from_no_admin_or_owner() {
    let room = room();
    let (moderator, _admin) = (room.guest("alice"), room.guest_as("admin", "bob"));
    room.give_role("alice", "moderator");
    for nick in ["owner", "bob"] {
        moderator.give_role(&room, nick, "participant").must_fail_with_one_of(&["not-allowed", "forbidden"]);
    }
    room.owner.expect_nothing();
}

/// §9.8: an admin gets the list: nick and role MUST be there (§17.4: affiliation and full JID too).
#[test]
fn an_admin_gets_the_list() {
    let room = room();
    let admin = room.guest_as("admin", "alice");
    let list = admin.list(&room, "role='moderator'");
    list.must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'>\
         <item nick='owner' role='moderator' affiliation='owner' jid='{owner}'/>\
         <item nick='alice' role='moderator' affiliation='admin' jid='{admin}'/></query></iq>",
        owner = room.owner
    ));
    assert_eq!(list.need_child("query").children().count(), 2, "{list}");
}

/// §9.8, §9: who is no admin does not, in a semi-anonymous room.
#[test]
fn who_is_no_admin_does_not_get_the_list() {
    let room = room_with(SEMI_ANONYMOUS);
    room.guest("alice").list(&room, "role='moderator'").must_fail("forbidden");
    room.guest_as("member", "bob").list(&room, "role='moderator'").must_fail("forbidden");
}

/// §9.8: several changes at once.
#[test]
fn several_changes_at_once() {
    let room = room();
    let (alice, _bob) = (room.guest("alice"), room.guest("bob"));
    room.give_role("bob", "moderator");
    let items = "<item nick='alice' role='moderator'/><item nick='bob' role='participant'/>";
    room.owner.administer(&room, items).must("<iq type='result'/>");
    expect!(alice, "<presence from='{room}/alice'><x xmlns='{USER}'><item role='moderator'/></x></presence>");
    expect!(alice, "<presence from='{room}/bob'><x xmlns='{USER}'><item role='participant'/></x></presence>");
}
