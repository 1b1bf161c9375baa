//! XEP-0045 §9.3–§9.5: members.

use crate::harness::rooms::*;

/// The list of members, as its owner gets it.
#[track_caller]
fn members(room: &Room) -> Vec<String> {
    let list = room.owner.list(room, "affiliation='member'");
    list.must("<iq type='result'/>").values("item", "jid")
}

/// §9.3: all MUST be told of a new member who is in the room.
#[test]
fn all_are_told_of_a_new_member() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.owner.affiliate(&room, &alice.bare(), "member").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='{NONE}'>\
             <x xmlns='{USER}'><item affiliation='member' role='participant'/></x></presence>"
        );
    }
}

/// §9.3: with two nicks in the room the user is two occupants, and all are told of both.
#[test]
fn all_are_told_of_each_occupant_that_the_new_member_is() {
    let room = room();
    let phone = room.guest("phone");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "desk");
    room.owner.affiliate(&room, &phone.bare(), "member").must("<iq type='result'/>");
    for nick in ["phone", "desk"] {
        expect!(
            room.owner,
            "<presence from='{room}/{nick}' type='{NONE}'><x xmlns='{USER}'><item affiliation='member'/></x></presence>"
        );
    }
}

/// §9.3: and the user is on the list.
#[test]
fn a_new_member_is_on_the_list() {
    let (room, alice) = (room(), online());
    room.owner.affiliate(&room, &alice.bare(), "member").must("<iq type='result'/>");
    assert_eq!(members(&room), [alice.bare()]);
}

/// §9.3: an admin may do that.
#[test]
fn an_admin_may_make_members() {
    let (room, bob) = (room(), online());
    let admin = room.guest_as("admin", "alice");
    admin.affiliate(&room, &bob.bare(), "member").must("<iq type='result'/>");
    assert_eq!(members(&room), [bob.bare()]);
}

/// §9: nobody else.
#[test]
fn who_is_no_admin_is_forbidden() {
    let (room, bob) = (room(), online());
    for client in [room.guest_as("member", "alice"), room.guest("carol"), online()] {
        client.affiliate(&room, &bob.bare(), "member").must_fail("forbidden");
    }
    assert!(!members(&room).contains(&bob.bare()));
}

/// §9.4: all MUST be told of the loss.
#[test]
fn all_are_told_of_a_lost_membership() {
    let room = room();
    let (alice, bob) = (room.guest_as("member", "alice"), room.guest("bob"));
    room.owner.affiliate(&room, &alice.bare(), "none").must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='{NONE}'><x xmlns='{USER}'><item affiliation='none'/></x></presence>"
        );
    }
    assert_eq!(members(&room), Vec::<String>::new());
}

/// §9.4: in a members-only room the user MUST be removed with 321.
#[test]
fn in_a_members_only_room_the_user_is_removed() {
    let room = room_with(MEMBERS_ONLY);
    let alice = room.guest_as("member", "alice");
    room.owner.affiliate(&room, &alice.bare(), "none").must("<iq type='result'/>");
    expect!(
        alice,
        "<presence from='{room}/alice' to='{alice}' type='unavailable'>\
         <x xmlns='{USER}'><item affiliation='none' role='none'/><status code='321'/></x></presence>"
    );
}

/// §9.4: and all others told.
#[test]
fn in_a_members_only_room_the_others_are_told() {
    let room = room_with(MEMBERS_ONLY);
    let (alice, bob) = (room.guest_as("member", "alice"), room.guest_as("member", "bob"));
    room.owner.affiliate(&room, &alice.bare(), "none").must("<iq type='result'/>");
    expect!(
        bob,
        "<presence from='{room}/alice' type='unavailable'>\
         <x xmlns='{USER}'><item affiliation='none' role='none'/><status code='321'/></x></presence>"
    );
}

/// §9.4: without a presence before it that has the user there as a non-member.
#[test]
fn the_removal_is_told_once() {
    let room = room_with(MEMBERS_ONLY);
    let (alice, bob) = (room.guest_as("member", "alice"), room.guest_as("member", "bob"));
    room.owner.affiliate(&room, &alice.bare(), "none").must("<iq type='result'/>");
    expect_no!(bob, "<presence from='{room}/alice' type='{NONE}'/>");
    expect_no!(alice, "<presence from='{room}/alice' type='{NONE}'/>");
}

/// §9.4: the removed user is out.
#[test]
fn the_removed_is_out() {
    let room = room_with(MEMBERS_ONLY);
    let alice = room.guest_as("member", "alice");
    room.affiliate(&alice, "none");
    room.owner.say(&room, "m", "hello");
    alice.expect_silence();
    alice.try_join(&room, "alice", "").must_fail("registration-required");
}

/// §9.5: the list MUST have affiliation and JID, and no role (§17.4).
#[test]
fn an_admin_gets_the_list() {
    let (room, alice) = (room(), online());
    let admin = room.guest_as("admin", "bob");
    room.affiliate(&alice, "member");
    admin.list(&room, "affiliation='member'").must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'>\
         <item affiliation='member' jid='{alice:#}' role='{NONE}'/></query></iq>"
    ));
}

/// §9.5: in a non-anonymous members-only room a member SHOULD get the list.
#[test]
fn a_member_of_a_private_group_gets_the_list() {
    let room = room_with(&[("membersonly", "1"), ("whois", "anyone")]);
    let alice = room.guest_as("member", "alice");
    alice.list(&room, "affiliation='member'").must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'><item affiliation='member' jid='{alice:#}'/></query></iq>"
    ));
}

/// §9.5: and SHOULD before entering.
#[test]
fn a_member_of_a_private_group_gets_the_list_from_outside() {
    let (room, alice) = (room_with(&[("membersonly", "1"), ("whois", "anyone")]), online());
    room.affiliate(&alice, "member");
    alice.list(&room, "affiliation='member'").must("<iq type='result'/>");
}

/// §5.2.1 ***: in a semi-anonymous room a member SHOULD NOT.
#[test]
fn a_member_of_a_semi_anonymous_room_does_not_get_the_list() {
    let room = room_with(SEMI_ANONYMOUS);
    let alice = room.guest_as("member", "alice");
    alice.list(&room, "affiliation='member'").must_fail("forbidden");
}

/// §5.2.1: who has no affiliation does not get it, in the room or out of it.
#[test]
fn who_has_no_affiliation_does_not_get_the_list() {
    let room = room_with(SEMI_ANONYMOUS);
    room.guest("alice").list(&room, "affiliation='member'").must_fail("forbidden");
    online().list(&room, "affiliation='member'").must_fail("forbidden");
}

/// §9.5: and in a members-only room an outsider does not, whoever sees who is who there.
#[test]
fn an_outsider_does_not_get_the_list_of_a_private_group() {
    let room = room_with(&[("membersonly", "1"), ("whois", "anyone")]);
    let outsider = online();
    for affiliation in ["owner", "admin", "member", "outcast"] {
        outsider.list(&room, &format!("affiliation='{affiliation}'")).must_fail("forbidden");
    }
}

/// §9.5: a change of several members at once.
#[test]
fn several_changes_at_once() {
    let (room, alice, bob, carol) = (room(), online(), online(), online());
    room.affiliate(&alice, "member");
    let items = format!(
        "<item affiliation='none' jid='{alice:#}'/><item affiliation='member' jid='{bob:#}'/>\
         <item affiliation='member' jid='{carol:#}'/>"
    );
    room.owner.administer(&room, &items).must("<iq type='result'/>");
    let (mut found, mut expected) = (members(&room), vec![bob.bare(), carol.bare()]);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// §9.5: a new member of a members-only room SHOULD be invited.
#[test]
fn a_new_member_of_a_members_only_room_is_invited() {
    let (room, alice) = (room_with(MEMBERS_ONLY), online());
    room.owner.affiliate(&room, &alice.bare(), "member").must("<iq type='result'/>");
    expect!(alice, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>");
}

/// §9.5: one of an open room is not, since nothing says so.
#[test]
fn a_new_member_of_an_open_room_is_not_invited() {
    let (room, alice) = (room(), online());
    room.owner.affiliate(&room, &alice.bare(), "member").must("<iq type='result'/>");
    expect_no!(alice, "<message from='{room}'><x xmlns='{USER}'><invite/></x></message>");
}

/// §9.5: a nick given with the membership is reserved, where the room reserves nicks: for its owner and for nobody else.
#[test]
fn a_nick_given_with_the_membership_is_reserved() {
    let (room, alice) = (room(), online());
    let item = format!("<item affiliation='member' jid='{alice:#}' nick='alice'/>");
    room.owner.administer(&room, &item).must("<iq type='result'/>");
    settle();
    online().try_join(&room, "alice", "").must_fail("conflict");
    alice.join(&room, "alice");
}

/// §9.5: an empty nick takes the reservation back.
#[test]
fn an_empty_nick_takes_the_reservation_back() {
    let (room, alice) = (room(), online());
    for nick in ["alice", ""] {
        let item = format!("<item affiliation='member' jid='{alice:#}' nick='{nick}'/>");
        room.owner.administer(&room, &item).must("<iq type='result'/>");
    }
    settle();
    online().join(&room, "alice");
}

/// §10.2: when a room becomes members-only, non-members MUST be removed with 322.
#[test]
fn who_is_no_member_is_removed_when_the_room_becomes_members_only() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest_as("member", "bob"));
    room.owner.configure(&room, MEMBERS_ONLY).must("<iq type='result'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='unavailable'>\
             <x xmlns='{USER}'><item role='none'/><status code='322'/></x></presence>"
        );
    }
}

/// §10.2: and members are not.
#[test]
fn members_stay_when_the_room_becomes_members_only() {
    let room = room();
    let bob = room.guest_as("member", "bob");
    room.configure(MEMBERS_ONLY);
    bob.say(&room, "m", "still here");
    expect!(room.owner, "<message from='{room}/bob' id='m'/>");
}

/// §17.4 (6): an address that is none is refused.
#[test]
fn an_address_that_is_none_is_refused() {
    let room = room();
    room.owner.affiliate(&room, "@localhost", "member").must_fail_with_one_of(&[
        "jid-malformed",
        "bad-request",
        "not-acceptable",
    ]);
    assert_eq!(members(&room), Vec::<String>::new());
}
