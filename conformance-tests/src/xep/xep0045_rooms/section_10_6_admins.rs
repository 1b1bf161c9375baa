//! XEP-0045 §10.6–§10.8: admins.

use crate::harness::rooms::*;

/// §10.6: all MUST be told of a new admin.
#[test]
fn all_are_told_of_a_new_admin() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.owner.affiliate(&room, &alice.bare(), "admin").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}'>\
             <x xmlns='{USER}'><item affiliation='admin' role='moderator'/></x></presence>"
        );
    }
}

/// §10.6: one who is not in the room is on the list and comes in as a moderator.
#[test]
fn an_absent_admin_comes_in_as_a_moderator() {
    let (room, alice) = (room(), online());
    room.affiliate(&alice, "admin");
    let own = alice.try_join(&room, "alice", "");
    item(&own).must(&format!("<item xmlns='{USER}' affiliation='admin' role='moderator'/>"));
}

/// §10.6: a full JID SHOULD be taken for the account.
#[test]
fn a_full_jid_is_taken_for_the_account() {
    let room = room();
    let alice = room.guest("alice");
    room.owner.affiliate(&room, &alice.to_string(), "admin").must("<iq type='result'/>");
    room.owner.list(&room, "affiliation='admin'").must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'><item affiliation='admin' jid='{alice:#}'/></query></iq>"
    ));
}

/// §10.6, §10.8: who is no owner MUST get forbidden.
#[test]
fn who_is_no_owner_is_forbidden() {
    let (room, dave) = (room(), online());
    for client in
        [room.guest_as("admin", "alice"), room.guest_as("member", "bob"), room.guest("carol"), online()]
    {
        client.affiliate(&room, &dave.bare(), "admin").must_fail("forbidden");
    }
}

/// §10.7: all MUST be told of the loss, which is a loss of the role too unless the room leaves it.
#[test]
fn all_are_told_of_a_lost_admin() {
    let room = room();
    let (alice, bob) = (room.guest_as("admin", "alice"), room.guest("bob"));
    room.owner.affiliate(&room, &alice.bare(), "none").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}'><x xmlns='{USER}'><item affiliation='none' role='{ANY}'/></x></presence>"
        );
    }
}

/// §10.7: a lost admin is none any more.
#[test]
fn a_lost_admin_is_none() {
    let room = room();
    let (alice, bob) = (room.guest_as("admin", "alice"), room.guest("bob"));
    room.affiliate(&alice, "none");
    alice.affiliate(&room, &bob.bare(), "outcast").must_fail("forbidden");
    bob.expect_nothing();
}

/// §10.7: in a members-only room the admin who becomes nothing is removed (§9.4).
#[test]
fn a_lost_admin_of_a_members_only_room_is_removed() {
    let room = room_with(MEMBERS_ONLY);
    let alice = room.guest_as("admin", "alice");
    room.owner.affiliate(&room, &alice.bare(), "none").must("<iq type='result'/>");
    expect!(
        alice,
        "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'><status code='321'/></x></presence>"
    );
}

/// §10.8: the list MUST have affiliation and JID, without a role (§17.4).
#[test]
fn an_owner_gets_the_list() {
    let room = room();
    let admin = room.guest_as("admin", "alice");
    let list = room.owner.list(&room, "affiliation='admin'");
    list.must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'>\
         <item affiliation='admin' jid='{admin:#}' role='{NONE}'/></query></iq>"
    ));
    assert_eq!(list.need_child("query").children().count(), 1, "{list}");
}

/// §10.8: in a semi-anonymous room others MUST get forbidden.
#[test]
fn nobody_else_gets_the_list() {
    let room = room_with(SEMI_ANONYMOUS);
    for client in
        [room.guest_as("admin", "alice"), room.guest_as("member", "bob"), room.guest("carol"), online()]
    {
        client.list(&room, "affiliation='admin'").must_fail("forbidden");
    }
}

/// §10.8: several changes at once.
#[test]
fn several_changes_at_once() {
    let room = room();
    let (alice, bob) = (room.guest_as("admin", "alice"), room.guest("bob"));
    let items =
        format!("<item affiliation='none' jid='{alice:#}'/><item affiliation='admin' jid='{bob:#}'/>");
    room.owner.administer(&room, &items).must("<iq type='result'/>");
    let admins = room.owner.list(&room, "affiliation='admin'").values("item", "jid");
    assert_eq!(admins, [bob.bare()]);
}
