//! XEP-0045 §7.6, §7.7: new nicks and new presence.

use crate::harness::rooms::*;

/// Alice and Bob in a room.
fn two() -> (Room, Client, Client) {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    (room, alice, bob)
}

/// §7.6: the old nick becomes unavailable with 303 and the new nick, for all …
#[test]
fn the_old_nick_says_which_is_the_new_one() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/alicia'/>");
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='unavailable'>\
             <x xmlns='{USER}'><item nick='alicia'/><status code='303'/></x></presence>"
        );
    }
}

/// §7.6: … and then the new nick is available.
#[test]
fn the_new_nick_comes_after_it() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/alicia'/>");
    for occupant in [&alice, &bob] {
        barrier();
        occupant.expect_next(&format!("<presence from='{room}/alice' type='unavailable'/>"));
        occupant.expect_next(&format!(
            "<presence from='{room}/alicia' type='{NONE}'>\
             <x xmlns='{USER}'><item affiliation='none' role='participant'/></x></presence>"
        ));
        occupant.expect_nothing();
    }
}

/// §7.6: the user's own new presence says so.
#[test]
fn the_users_own_new_presence_says_so() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/alicia'/>");
    let own = expect!(alice, "<presence from='{room}/alicia' type='{NONE}'/>");
    assert!(codes(&own).contains(&"110".to_owned()), "{own}");
    let seen = expect!(bob, "<presence from='{room}/alicia' type='{NONE}'/>");
    assert!(!codes(&seen).contains(&"110".to_owned()), "{seen}");
}

/// §7.6: messages come from the new nick, and reach it.
#[test]
fn messages_are_of_the_new_nick() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/alicia'/>");
    alice.say(&room, "m", "hello");
    expect!(bob, "<message from='{room}/alicia' id='m'/>");
    send!(bob, "<message to='{room}/alicia' type='chat' id='m2'><body>psst</body></message>");
    expect!(alice, "<message from='{room}/bob' type='chat' id='m2'/>");
}

/// §7.6: the old nick is free.
#[test]
fn the_old_nick_is_free() {
    let (room, alice, _bob) = two();
    send!(alice, "<presence to='{room}/alicia'/>");
    settle();
    online().join(&room, "alice");
}

/// §7.6: a role is kept.
#[test]
fn a_role_is_kept() {
    let (room, alice, bob) = two();
    room.give_role("alice", "moderator");
    send!(alice, "<presence to='{room}/alicia'/>");
    expect!(
        bob,
        "<presence from='{room}/alicia' type='{NONE}'><x xmlns='{USER}'><item role='moderator'/></x></presence>"
    );
}

/// §7.6: the nick of another MUST be refused with conflict.
#[test]
fn the_nick_of_another_is_a_conflict() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/bob' id='p'/>");
    expect!(alice, "<presence type='error' id='p' from='{room}/bob'/>").must_fail("conflict");
    bob.expect_nothing();
}

/// §7.6: and the user stays under the old one.
#[test]
fn after_a_conflict_the_old_nick_stays() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/bob' id='p'/>");
    alice.say(&room, "m", "hello");
    expect!(bob, "<message from='{room}/alice' id='m'/>");
}

/// §17.1: a nick of spaces MUST NOT be allowed here either.
#[test]
fn a_nick_of_spaces_is_refused() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/  ' id='p'/>");
    expect!(alice, "<presence type='error' id='p'><error/></presence>");
    bob.expect_nothing();
}

/// §7.6, §7.2.8: with two sessions under one nick, the one that changes leaves the other where it is, or takes it along;
/// in no case do others see an occupant twice or lose one.
#[test]
fn a_session_that_changes_its_nick_is_one_occupant() {
    let (room, alice, bob) = two();
    let desk = alice.session_online("desk", 0);
    desk.join(&room, "alice");
    bob.clear();
    send!(desk, "<presence to='{room}/alicia'/>");
    expect!(bob, "<presence from='{room}/alicia' type='{NONE}'/>");
    settle();
    let came = online().join(&room, "carol");
    let nicks: Vec<&str> = came.iter().filter(|s| s.name == "presence").map(nick_of).collect();
    let gone = !nicks.contains(&"alice");
    desk.say(&room, "m1", "hello");
    expect!(bob, "<message from='{room}/alicia' id='m1'/>");
    alice.say(&room, "m2", "hello");
    let expected = if gone { "alicia" } else { "alice" };
    expect!(bob, "<message from='{room}/{expected}' id='m2'/>");
}

/// §7.7: presence of an occupant comes to all, with role and affiliation.
#[test]
fn new_presence_reaches_all() {
    let (room, alice, bob) = two();
    send!(
        alice,
        "<presence to='{room}/alice'><show>xa</show><status>gone where the goblins go</status></presence>"
    );
    for occupant in [&alice, &bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='{NONE}'><show>xa</show>\
             <status>gone where the goblins go</status>\
             <x xmlns='{USER}'><item affiliation='none' role='participant'/></x></presence>"
        );
    }
}

/// §7.7: moderators see whose it is, others do not (§7.2.4).
#[test]
fn new_presence_tells_moderators_whose_it_is() {
    let (room, alice, bob) = two();
    room.configure(SEMI_ANONYMOUS);
    send!(alice, "<presence to='{room}/alice'><show>xa</show></presence>");
    item(&expect!(room.owner, "<presence from='{room}/alice'/>"))
        .must(&format!("<item xmlns='{USER}' jid='{alice}'/>"));
    item(&expect!(bob, "<presence from='{room}/alice'/>"))
        .must(&format!("<item xmlns='{USER}' jid='{NONE}'/>"));
}

/// §7.7: the presence of somebody else is not for others to set.
#[test]
fn the_presence_of_another_stays() {
    let (room, alice, bob) = two();
    send!(alice, "<presence to='{room}/bob'><show>xa</show></presence>");
    expect!(alice, "<presence type='error'/>").must_fail("conflict");
    expect_no!(room.owner, "<presence from='{room}/bob'/>");
    bob.expect_nothing();
}
