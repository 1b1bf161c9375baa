//! XEP-0045 §7.2.2–§7.2.4: who is told of whom, and how much.

use crate::harness::rooms::*;

/// The presence of that nick among what came.
#[track_caller]
fn of<'a>(came: &'a [Element], whose: &str) -> &'a Element {
    came.iter()
        .find(|s| s.name == "presence" && nick_of(s) == whose)
        .unwrap_or_else(|| panic!("no {whose}: {came:?}"))
}

/// §7.2.2: the user MUST get the presence of each occupant, with role and affiliation.
#[test]
fn the_user_is_told_of_each_occupant() {
    let room = room();
    let (_bob, _carol) = (room.guest_as("member", "bob"), room.guest("carol"));
    let came = online().join(&room, "alice");
    item(of(&came, "owner")).must(&format!("<item xmlns='{USER}' affiliation='owner' role='moderator'/>"));
    item(of(&came, "bob")).must(&format!("<item xmlns='{USER}' affiliation='member' role='participant'/>"));
    item(of(&came, "carol")).must(&format!("<item xmlns='{USER}' affiliation='none' role='participant'/>"));
}

/// §7.2.2: each once, and nobody else.
#[test]
fn the_user_is_told_of_each_occupant_once() {
    let room = room();
    let (_bob, carol) = (room.guest("bob"), room.guest("carol"));
    carol.leave(&room, "carol");
    let came = online().join(&room, "alice");
    let mut nicks: Vec<&str> = came.iter().filter(|s| s.name == "presence").map(nick_of).collect();
    nicks.sort_unstable();
    assert_eq!(nicks, ["alice", "bob", "owner"]);
}

/// §7.2.2: the other occupants MUST get the presence of the new one.
#[test]
fn each_occupant_is_told_of_the_user() {
    let room = room();
    let (bob, alice) = (room.guest("bob"), online());
    alice.send_join(&room, "alice", "");
    for occupant in [&bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='{NONE}'>\
             <x xmlns='{USER}'><item affiliation='none' role='participant'/></x></presence>"
        );
    }
    expect_no!(bob, "<presence from='{room}/alice'/>");
}

/// §7.2.2: 110 MUST be in the user's own presence …
#[test]
fn the_users_own_presence_says_so() {
    let room = room();
    let came = online().join(&room, "alice");
    assert!(codes(of(&came, "alice")).contains(&"110".to_owned()), "{came:?}");
}

/// §7.2.2: … and in no other, to the user and to others.
#[test]
fn the_presence_of_others_does_not_say_that_it_is_ones_own() {
    let room = room();
    let (bob, alice) = (room.guest("bob"), online());
    alice.send_join(&room, "alice", "");
    let seen = expect!(bob, "<presence from='{room}/alice'/>");
    assert!(!codes(&seen).contains(&"110".to_owned()), "{seen}");
    let others = expect!(alice, "<presence from='{room}/bob'/>");
    assert!(!codes(&others).contains(&"110".to_owned()), "{others}");
}

/// §7.2.2: the own presence MUST NOT come before that of all others.
#[test]
fn the_users_own_presence_comes_last() {
    let room = room();
    let (_bob, _carol, _dave) = (room.guest("bob"), room.guest("carol"), room.guest("dave"));
    let came = online().join(&room, "alice");
    let nicks: Vec<&str> = came.iter().filter(|s| s.name == "presence").map(nick_of).collect();
    assert_eq!(nicks.iter().position(|n| *n == "alice"), Some(4), "{nicks:?}");
}

/// §7.2.2 note 1, §17.3 (6): there is one element, and what the user puts into one is not reflected.
#[test]
fn a_forged_element_is_not_reflected() {
    let (room, alice) = (room(), online());
    send!(
        alice,
        "<presence to='{room}/alice'><x xmlns='{MUC}'/><x xmlns='{USER}'>\
         <item affiliation='owner' role='moderator' jid='admin@localhost'/><status code='201'/></x></presence>"
    );
    let seen = expect!(room.owner, "<presence from='{room}/alice'/>");
    assert_eq!(seen.children().filter(|c| c.ns == USER).count(), 1, "{seen}");
    item(&seen).must(&format!("<item xmlns='{USER}' affiliation='none' role='participant' jid='{alice}'/>"));
    assert_eq!(codes(&seen), Vec::<String>::new());
}

/// §17.3 (6): the same in an update.
#[test]
fn a_forged_element_in_an_update_is_not_reflected() {
    let room = room();
    let alice = room.guest("alice");
    send!(
        alice,
        "<presence to='{room}/alice'><show>away</show>\
         <x xmlns='{USER}'><item affiliation='owner' role='moderator'/><status code='110'/></x></presence>"
    );
    let seen = expect!(room.owner, "<presence from='{room}/alice'><show>away</show></presence>");
    assert_eq!(seen.children().filter(|c| c.ns == USER).count(), 1, "{seen}");
    item(&seen).must(&format!("<item xmlns='{USER}' affiliation='none' role='participant'/>"));
    assert_eq!(codes(&seen), Vec::<String>::new());
}

/// §17.3 (6): nor is the request, in which a password may be.
#[test]
fn the_request_and_its_password_are_not_reflected() {
    let room = room_with(PROTECTED);
    let alice = online();
    alice.send_join(&room, "alice", "<password>cauldronburn</password>");
    let seen = expect!(room.owner, "<presence from='{room}/alice' type='{NONE}'/>");
    assert!(!seen.to_string().contains("cauldronburn"), "{seen}");
    seen.must_not(&format!("<presence><x xmlns='{MUC}'/></presence>"));
}

/// §17.3 (7): other content of presence SHOULD pass.
#[test]
fn other_content_passes() {
    let (room, alice) = (room(), online());
    send!(
        alice,
        "<presence to='{room}/alice'><x xmlns='{MUC}'/><show>dnd</show><status>stirring</status>\
         <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.com' ver='abc='/></presence>"
    );
    expect!(
        room.owner,
        "<presence from='{room}/alice'><show>dnd</show><status>stirring</status>\
         <c xmlns='http://jabber.org/protocol/caps' ver='abc='/></presence>"
    );
}

/// §7.2.2: the presence of occupants who are away is told as it is.
#[test]
fn a_new_occupant_gets_the_last_presence_of_others() {
    let room = room();
    let bob = room.guest("bob");
    send!(bob, "<presence to='{room}/bob'><show>xa</show><status>brewing</status></presence>");
    settle();
    let came = online().join(&room, "alice");
    of(&came, "bob").must("<presence><show>xa</show><status>brewing</status></presence>");
}

/// §7.2.2: presence of those whose role is not broadcast MUST not be sent to others.
#[test]
fn a_role_that_is_not_broadcast_is_not_seen() {
    let room = room_with(&[MODERATED, &[("presencebroadcast", "moderator\nparticipant")]].concat());
    let (bob, alice) = (room.guest("bob"), online());
    let came = alice.join(&room, "alice");
    // Bob is a visitor too: Alice is told of herself, which she has to be, and not of him.
    of(&came, "alice").must(&format!("<presence><x xmlns='{USER}'><item role='visitor'/></x></presence>"));
    assert!(!came.iter().any(|s| nick_of(s) == "bob"), "{came:?}");
    send!(alice, "<presence to='{room}/alice'><show>away</show></presence>");
    expect_no!(bob, "<presence from='{room}/alice'/>");
}

/// §7.2.2, the other way round.
#[test]
fn a_role_that_is_broadcast_is_seen() {
    let room = room_with(&[MODERATED, &[("presencebroadcast", "moderator\nparticipant")]].concat());
    let (bob, _carol) = (room.guest("bob"), room.guest_as("member", "carol"));
    let came = online().join(&room, "alice");
    of(&came, "carol")
        .must(&format!("<presence><x xmlns='{USER}'><item role='participant'/></x></presence>"));
    let dave = online();
    room.affiliate(&dave, "member");
    dave.send_join(&room, "dave", "");
    expect!(bob, "<presence from='{room}/dave' type='{NONE}'/>");
}

/// §7.2.3: in a non-anonymous room all MUST get the full JID of the new occupant.
#[test]
fn in_a_non_anonymous_room_all_see_who_enters() {
    let room = room_with(NON_ANONYMOUS);
    let (bob, alice) = (room.guest("bob"), online());
    alice.send_join(&room, "alice", "");
    expect!(bob, "<presence from='{room}/alice'><x xmlns='{USER}'><item jid='{alice}'/></x></presence>");
}

/// §7.2.3: and the new occupant that of the others.
#[test]
fn in_a_non_anonymous_room_one_sees_who_is_there() {
    let room = room_with(NON_ANONYMOUS);
    let bob = room.guest("bob");
    let came = online().join(&room, "alice");
    item(of(&came, "bob")).must(&format!("<item xmlns='{USER}' jid='{bob}'/>"));
}

/// §7.2.3, §14.5: the user MUST be warned with 100.
#[test]
fn who_enters_a_non_anonymous_room_is_warned() {
    let room = room_with(NON_ANONYMOUS);
    let came = online().join(&room, "alice");
    assert!(codes(of(&came, "alice")).contains(&"100".to_owned()), "{came:?}");
}

/// §7.2.3, the other way round.
#[test]
fn who_enters_a_semi_anonymous_room_is_not_warned() {
    let room = room_with(SEMI_ANONYMOUS);
    let came = online().join(&room, "alice");
    assert!(!codes(of(&came, "alice")).contains(&"100".to_owned()), "{came:?}");
}

/// §7.2.4: in a semi-anonymous room moderators MUST get the full JID.
#[test]
fn in_a_semi_anonymous_room_moderators_see_who_enters() {
    let room = room_with(SEMI_ANONYMOUS);
    let alice = online();
    alice.send_join(&room, "alice", "");
    expect!(
        room.owner,
        "<presence from='{room}/alice'><x xmlns='{USER}'><item jid='{alice}'/></x></presence>"
    );
}

/// §7.2.4: and others MUST not, in any presence.
#[test]
fn in_a_semi_anonymous_room_others_do_not_see_who_enters() {
    let room = room_with(SEMI_ANONYMOUS);
    let (bob, alice) = (room.guest("bob"), online());
    alice.send_join(&room, "alice", "");
    send!(alice, "<presence to='{room}/alice'><show>away</show></presence>");
    send!(alice, "<presence to='{room}/alicia'/>");
    send!(alice, "<presence to='{room}/alicia' type='unavailable'/>");
    barrier();
    let seen = bob.inbox();
    assert!(seen.len() >= 5, "{seen:?}");
    for stanza in seen {
        assert!(!stanza.to_string().contains(&alice.bare()), "{stanza}");
    }
}

/// §7.2.4: the new occupant does not see who is there.
#[test]
fn in_a_semi_anonymous_room_one_does_not_see_who_is_there() {
    let room = room_with(SEMI_ANONYMOUS);
    let bob = room.guest("bob");
    for stanza in online().join(&room, "alice") {
        assert!(!stanza.to_string().contains(&bob.bare()), "{stanza}");
        assert!(!stanza.to_string().contains(&room.owner.bare()), "{stanza}");
    }
}

/// §17.3 (8): the JID is in the presence at the exit too, for those who may see it.
#[test]
fn moderators_see_who_leaves() {
    let room = room_with(SEMI_ANONYMOUS);
    let alice = room.guest("alice");
    send!(alice, "<presence to='{room}/alice' type='unavailable'/>");
    expect!(
        room.owner,
        "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'><item jid='{alice}'/></x></presence>"
    );
}
