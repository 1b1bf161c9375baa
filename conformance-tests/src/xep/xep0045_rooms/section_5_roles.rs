//! XEP-0045 §5: roles and affiliations, and what they allow.

use crate::harness::rooms::*;

/// The role a user of each affiliation gets at the door.
#[track_caller]
fn roles(fields: &[(&str, &str)], expected: &[(&str, &str)]) {
    let room = room_with(fields);
    for (affiliation, role) in expected {
        let guest = online();
        room.affiliate(&guest, affiliation);
        let own = guest.try_join(&room, &format!("the {affiliation}"), "");
        item(&own).must(&format!("<item xmlns='{USER}' affiliation='{affiliation}' role='{role}'/>"));
    }
}

/// §5.1.2: the table, row "Moderated".
#[test]
fn in_a_moderated_room_who_is_unaffiliated_is_a_visitor() {
    roles(
        MODERATED,
        &[("none", "visitor"), ("member", "participant"), ("admin", "moderator"), ("owner", "moderator")],
    );
}

/// §5.1.2: rows "Unmoderated" and "Open".
#[test]
fn in_an_unmoderated_room_who_is_unaffiliated_is_a_participant() {
    let expected =
        [("none", "participant"), ("member", "participant"), ("admin", "moderator"), ("owner", "moderator")];
    roles(&[("moderatedroom", "0")], &expected);
}

/// §5.1.2: row "Members-Only".
#[test]
fn in_a_members_only_room_a_member_is_a_participant() {
    roles(MEMBERS_ONLY, &[("member", "participant"), ("admin", "moderator"), ("owner", "moderator")]);
}

/// §5.1: role and affiliation MUST be in all presence, of whatever kind.
#[test]
fn all_presence_has_role_and_affiliation() {
    let room = room();
    let (bob, alice) = (room.guest("bob"), online());
    alice.join(&room, "alice");
    bob.clear();
    send!(alice, "<presence to='{room}/alice'><show>away</show></presence>");
    send!(alice, "<presence to='{room}/alicia'/>");
    send!(alice, "<presence to='{room}/alicia' type='unavailable'/>");
    barrier();
    let seen: Vec<Element> = bob.inbox().into_iter().filter(|s| s.name == "presence").collect();
    assert_eq!(seen.len(), 4, "{seen:?}");
    for presence in seen {
        item(&presence).must(&format!("<item xmlns='{USER}' affiliation='none' role='{ANY}'/>"));
    }
}

/// §5.2: an affiliation lasts across visits.
#[test]
fn an_affiliation_lasts_across_visits() {
    let room = room();
    let alice = room.guest_as("member", "alice");
    alice.leave(&room, "alice");
    let own = alice.try_join(&room, "alicia", "");
    item(&own).must(&format!("<item xmlns='{USER}' affiliation='member'/>"));
}

/// §5.1: in a moderated room a role SHOULD last across visits: voice that was given …
#[test]
fn voice_lasts_across_visits_to_a_moderated_room() {
    let room = room_with(MODERATED);
    let alice = room.guest("alice");
    room.give_role("alice", "participant");
    alice.leave(&room, "alice");
    let own = alice.try_join(&room, "alice", "");
    item(&own).must(&format!("<item xmlns='{USER}' role='participant'/>"));
}

/// §5.1: … and voice that was taken.
#[test]
fn a_loss_of_voice_lasts_across_visits_to_a_moderated_room() {
    let room = room_with(MODERATED);
    let alice = room.guest_as("member", "alice");
    room.give_role("alice", "visitor");
    alice.leave(&room, "alice");
    let own = alice.try_join(&room, "alice", "");
    item(&own).must(&format!("<item xmlns='{USER}' affiliation='member' role='visitor'/>"));
}

/// §17.3 (9): presence that comes later has the role of then.
#[test]
fn later_presence_has_the_new_role() {
    let room = room();
    let alice = room.guest("alice");
    room.give_role("alice", "moderator");
    send!(alice, "<presence to='{room}/alice'><show>away</show></presence>");
    item(&expect!(room.owner, "<presence from='{room}/alice'><show>away</show></presence>"))
        .must(&format!("<item xmlns='{USER}' role='moderator'/>"));
    let came = online().join(&room, "bob");
    let seen = came.iter().find(|s| nick_of(s) == "alice").unwrap_or_else(|| panic!("no alice: {came:?}"));
    item(seen).must(&format!("<item xmlns='{USER}' role='moderator'/>"));
}

/// §5.2: an affiliation belongs to the bare JID: another session has it too.
#[test]
fn an_affiliation_belongs_to_the_account() {
    let room = room();
    let alice = room.guest_as("admin", "alice");
    let desk = alice.session_online("desk", 0);
    let own = desk.try_join(&room, "alice", "");
    item(&own).must(&format!("<item xmlns='{USER}' affiliation='admin' role='moderator'/>"));
}

/// §5.1.3: who becomes an admin becomes a moderator by that.
#[test]
fn a_new_admin_is_a_moderator() {
    let room = room();
    let _alice = room.guest("alice");
    let alice = room.guest("bob");
    room.owner.affiliate(&room, &alice.bare(), "admin").must("<iq type='result'/>");
    expect!(
        room.owner,
        "<presence from='{room}/bob'><x xmlns='{USER}'><item affiliation='admin' role='moderator'/></x></presence>"
    );
}

/// §5.1.3: who becomes a member in a moderated room has voice by that.
#[test]
fn a_new_member_of_a_moderated_room_has_voice() {
    let room = room_with(MODERATED);
    let alice = room.guest("alice");
    room.owner.affiliate(&room, &alice.bare(), "member").must("<iq type='result'/>");
    expect!(
        alice,
        "<presence from='{room}/alice'><x xmlns='{USER}'><item affiliation='member' role='participant'/></x></presence>"
    );
    alice.say(&room, "m", "hi");
    expect!(room.owner, "<message from='{room}/alice' id='m'/>");
}

/// §5.1.1: visitors are present, and get messages and presence.
#[test]
fn a_visitor_gets_messages_and_presence() {
    let room = room_with(MODERATED);
    let visitor = room.guest("alice");
    room.owner.say(&room, "m", "hi");
    expect!(visitor, "<message from='{room}/owner' id='m'/>");
    send!(room.owner, "<presence to='{room}/owner'><show>away</show></presence>");
    expect!(visitor, "<presence from='{room}/owner'><show>away</show></presence>");
}

/// §5.1.1: visitors may do by default what is not speaking: presence, nicks, private messages.
#[test]
fn a_visitor_may_change_presence_and_nick_and_whisper() {
    let room = room_with(MODERATED);
    let visitor = room.guest("alice");
    send!(visitor, "<presence to='{room}/alice'><show>away</show></presence>");
    expect!(room.owner, "<presence from='{room}/alice'><show>away</show></presence>");
    send!(visitor, "<message to='{room}/owner' type='chat' id='m'><body>psst</body></message>");
    expect!(room.owner, "<message from='{room}/alice' type='chat' id='m'/>");
    send!(visitor, "<presence to='{room}/alicia'/>");
    expect!(room.owner, "<presence from='{room}/alicia' type='{NONE}'/>");
}

/// What a service may say to somebody who may not: which of them when is shown use case by use case.
const REFUSED: &[&str] = &["forbidden", "not-allowed"];

/// §5.1.1, §5.2.1: what participants, members and moderators may not do is forbidden.
#[test]
fn nobody_may_do_what_takes_a_higher_place() {
    let room = room();
    let (member, moderator) = (room.guest_as("member", "member"), room.guest("moderator"));
    let (participant, victim) = (room.guest("participant"), room.guest("victim"));
    room.give_role("moderator", "moderator");
    for client in [&participant, &member] {
        client.give_role(&room, "victim", "none").must_fail_with_one_of(REFUSED);
        client.give_role(&room, "victim", "visitor").must_fail_with_one_of(REFUSED);
    }
    for client in [&participant, &member, &moderator] {
        client.give_role(&room, "victim", "moderator").must_fail_with_one_of(REFUSED);
        for affiliation in ["outcast", "member", "admin", "owner"] {
            client.affiliate(&room, &victim.bare(), affiliation).must_fail_with_one_of(REFUSED);
        }
    }
    room.owner.expect_nothing();
    victim.expect_nothing();
}

/// §5.2.1: what admins may not do is forbidden or not allowed.
#[test]
fn an_admin_may_not_do_what_an_owner_may() {
    let room = room();
    let (admin, victim) = (room.guest_as("admin", "admin"), room.guest("victim"));
    for affiliation in ["admin", "owner"] {
        admin.affiliate(&room, &victim.bare(), affiliation).must_fail_with_one_of(REFUSED);
    }
    request!(admin, "<iq type='get' to='{room}'><query xmlns='{OWNER}'/></iq>")
        .must_fail_with_one_of(REFUSED);
    room.owner.expect_nothing();
}
