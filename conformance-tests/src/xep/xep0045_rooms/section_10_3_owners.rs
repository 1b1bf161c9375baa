//! XEP-0045 §10.3–§10.5: owners.

use crate::harness::rooms::*;

/// §10.3: all MUST be told of a new owner.
#[test]
fn all_are_told_of_a_new_owner() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.owner.affiliate(&room, &alice.bare(), "owner").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}'>\
             <x xmlns='{USER}'><item affiliation='owner' role='moderator'/></x></presence>"
        );
    }
}

/// §10.3: who is no owner MUST get forbidden.
#[test]
fn who_is_no_owner_is_forbidden() {
    let room = room();
    let admin = room.guest_as("admin", "alice");
    for client in [&admin, &room.guest_as("member", "bob"), &room.guest("carol"), &online()] {
        client.affiliate(&room, &admin.bare(), "owner").must_fail("forbidden");
    }
}

/// §10.3: a full JID stands for the account.
#[test]
fn a_full_jid_is_taken_for_the_account() {
    let room = room();
    let alice = room.guest("alice");
    room.owner.affiliate(&room, &alice.to_string(), "owner").must("<iq type='result'/>");
    room.owner.list(&room, "affiliation='owner'").must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'><item affiliation='owner' jid='{alice:#}'/></query></iq>"
    ));
}

/// §10.4: all MUST be told of the loss.
#[test]
fn all_are_told_of_a_lost_owner() {
    let room = room();
    let (alice, bob) = (room.guest_as("owner", "alice"), room.guest("bob"));
    room.owner.affiliate(&room, &alice.bare(), "admin").must("<iq type='result'/>");
    for occupant in [&alice, &bob] {
        expect!(
            occupant,
            "<presence from='{room}/alice'><x xmlns='{USER}'><item affiliation='admin' role='moderator'/></x></presence>"
        );
    }
}

/// §10.4: the last owner MUST NOT stop being one: conflict.
#[test]
fn the_last_owner_stays() {
    let room = room();
    for affiliation in ["none", "member", "admin"] {
        room.owner.affiliate(&room, &room.owner.bare(), affiliation).must_fail("conflict");
    }
    room.owner.form(&room);
}

/// §10.4: if there is another, an owner SHOULD be allowed to.
#[test]
fn an_owner_may_step_back_if_there_is_another() {
    let room = room();
    let _alice = room.guest_as("owner", "alice");
    room.owner.affiliate(&room, &room.owner.bare(), "admin").must("<iq type='result'/>");
    request!(room.owner, "<iq type='get' to='{room}'><query xmlns='{OWNER}'/></iq>").must_fail("forbidden");
}

/// §10.4: who is no owner MUST get forbidden.
#[test]
fn who_is_no_owner_takes_it_from_nobody() {
    let room = room();
    let (admin, other) = (room.guest_as("admin", "alice"), room.guest_as("owner", "bob"));
    admin.affiliate(&room, &other.bare(), "none").must_fail_with_one_of(&["forbidden", "not-allowed"]);
    other.expect_nothing();
}

/// §10.5: the list MUST have affiliation and JID, without a role (§17.4).
#[test]
fn an_owner_gets_the_list() {
    let room = room();
    let (other, _admin) = (room.guest_as("owner", "alice"), room.guest_as("admin", "bob"));
    let list = room.owner.list(&room, "affiliation='owner'");
    list.must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'>\
         <item affiliation='owner' jid='{owner:#}' role='{NONE}'/>\
         <item affiliation='owner' jid='{other:#}' role='{NONE}'/></query></iq>",
        owner = room.owner
    ));
    assert_eq!(list.need_child("query").children().count(), 2, "{list}");
}

/// §10.5: in a semi-anonymous room others MUST get forbidden.
#[test]
fn nobody_else_gets_the_list() {
    let room = room_with(SEMI_ANONYMOUS);
    for client in
        [room.guest_as("admin", "alice"), room.guest_as("member", "bob"), room.guest("carol"), online()]
    {
        client.list(&room, "affiliation='owner'").must_fail("forbidden");
    }
}

/// §10.5: the last owner cannot go by the list either.
#[test]
fn a_list_leaves_an_owner() {
    let (room, alice) = (room(), online());
    let items = format!(
        "<item affiliation='admin' jid='{alice:#}'/><item affiliation='none' jid='{:#}'/>",
        room.owner
    );
    room.owner.administer(&room, &items).must_fail("conflict");
    room.owner.form(&room);
}
