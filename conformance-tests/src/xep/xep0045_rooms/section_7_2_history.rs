//! XEP-0045 §7.2.13–§7.2.15: what was said before, and the subject.

use crate::harness::rooms::*;

/// A room in which three messages were said.
fn room_with_history() -> Room {
    let room = room();
    for n in 1..=3 {
        room.owner.say(&room, &format!("m{n}"), &format!("message {n}"));
    }
    settle();
    room
}

/// The ids of the messages with a body that came to a new occupant who asked for that much.
#[track_caller]
fn asked_for(room: &Room, limits: &str) -> Vec<String> {
    let came = online().join_with(room, "alice", &format!("<history {limits}/>"));
    let said = came.iter().filter(|s| s.name == "message" && s.child("body").is_some());
    said.map(|m| m.attr("id").unwrap_or_default().to_owned()).collect()
}

/// The subject message among what came.
#[track_caller]
fn subject_of(came: &[Element]) -> &Element {
    let subject = came.iter().find(|s| s.name == "message" && s.child("subject").is_some());
    subject.unwrap_or_else(|| panic!("no subject in {came:?}"))
}

/// §7.2.13: history messages MUST have a delay with the room's address and the time.
#[test]
fn history_is_stamped_by_the_room() {
    let room = room_with_history();
    let came = online().join(&room, "alice");
    for message in came.iter().filter(|s| s.child("body").is_some()) {
        message.must(&format!(
            "<message from='{room}/owner' type='groupchat'>\
             <delay xmlns='{DELAY}' from='{room}' stamp='{ANY}Z'/></message>"
        ));
    }
    assert_eq!(came.iter().filter(|s| s.child("body").is_some()).count(), 3);
}

/// §7.2.13, the other way round: a live message has none.
#[test]
fn a_live_message_is_not_stamped() {
    let room = room();
    let alice = room.guest("alice");
    room.owner.say(&room, "m", "hi");
    assert!(expect!(alice, "<message id='m'/>").child("delay").is_none());
}

/// §7.2.13: it comes in the order in which it was said.
#[test]
fn history_is_in_order() {
    assert_eq!(asked_for(&room_with_history(), ""), ["m1", "m2", "m3"]);
}

/// §7.2.13, §7.2.4: in a semi-anonymous room it does not say who is who.
#[test]
fn history_does_not_tell_real_addresses() {
    let room = room_with(SEMI_ANONYMOUS);
    let bob = room.guest("bob");
    bob.say(&room, "m", "hi");
    settle();
    for stanza in online().join(&room, "alice") {
        assert!(!stanza.to_string().contains(&bob.bare()), "{stanza}");
    }
}

/// §7.2.13: what somebody said who has left is history too.
#[test]
fn history_has_what_was_said_by_those_who_left() {
    let room = room();
    let bob = room.guest("bob");
    bob.say(&room, "m", "goodbye");
    bob.leave(&room, "bob");
    assert_eq!(asked_for(&room, ""), ["m"]);
}

/// §7.2.13: the subject and its changes are no part of it.
#[test]
fn changes_of_the_subject_are_no_history() {
    let room = room();
    for subject in ["one", "two"] {
        send!(room.owner, "<message to='{room}' type='groupchat'><subject>{subject}</subject></message>");
    }
    settle();
    let came = online().join(&room, "alice");
    let subjects: Vec<String> = came.iter().filter_map(|s| s.child("subject")).map(Element::text).collect();
    assert_eq!(subjects, ["two"]);
}

/// §7.5: nor are private messages.
#[test]
fn private_messages_are_no_history() {
    let room = room();
    let _bob = room.guest("bob");
    send!(room.owner, "<message to='{room}/bob' type='chat' id='secret'><body>psst</body></message>");
    settle();
    assert_eq!(asked_for(&room, ""), Vec::<String>::new());
}

/// §7.4: nor is what was not let through.
#[test]
fn what_was_refused_is_no_history() {
    let room = room_with(MODERATED);
    let visitor = room.guest("bob");
    visitor.say(&room, "refused", "hi");
    settle();
    assert_eq!(asked_for(&room, ""), Vec::<String>::new());
}

/// §7.2.14: maxstanzas limits the number, and the newest are what is left.
#[test]
fn maxstanzas_limits_the_number() {
    let room = room_with_history();
    assert_eq!(asked_for(&room, "maxstanzas='2'"), ["m2", "m3"]);
}

/// §7.2.14.
#[test]
fn maxstanzas_of_zero_is_none() {
    assert_eq!(asked_for(&room_with_history(), "maxstanzas='0'"), Vec::<String>::new());
}

/// §7.2.14: and the subject comes all the same (§7.2.15).
#[test]
fn the_subject_comes_without_history_too() {
    let room = room_with_history();
    let came = online().join_with(&room, "alice", "<history maxstanzas='0'/>");
    subject_of(&came);
}

/// §7.2.14: more than there is is all there is.
#[test]
fn a_high_limit_is_no_limit() {
    assert_eq!(
        asked_for(&room_with_history(), "maxstanzas='15' maxchars='65000' seconds='3600'"),
        ["m1", "m2", "m3"]
    );
}

/// §7.2.14: a client that wants none says so with maxchars 0.
#[test]
fn maxchars_of_zero_is_none() {
    assert_eq!(asked_for(&room_with_history(), "maxchars='0'"), Vec::<String>::new());
}

/// §7.2.14: maxchars lets whole stanzas through, as many as fit: two of a little over 5,000 characters into 12,000.
#[test]
fn maxchars_lets_whole_stanzas_through() {
    let room = room();
    for n in 1..=3 {
        room.owner.say(&room, &format!("m{n}"), &"x".repeat(5000));
    }
    settle();
    let came = online().join_with(&room, "alice", "<history maxchars='12000'/>");
    let bodies: Vec<usize> = came.iter().filter_map(|s| s.child("body")).map(|b| b.text().len()).collect();
    assert_eq!(bodies, [5000, 5000]);
}

/// §7.2.14: fewer characters than a stanza has let none through.
#[test]
fn maxchars_below_a_stanza_is_none() {
    let room = room();
    room.owner.say(&room, "m", &"x".repeat(5000));
    settle();
    assert_eq!(asked_for(&room, "maxchars='1000'"), Vec::<String>::new());
}

/// §7.2.14: seconds goes back from now.
#[test]
fn seconds_go_back_from_now() {
    assert_eq!(asked_for(&room_with_history(), "seconds='600'"), ["m1", "m2", "m3"]);
}

/// §7.2.14: since a time before all messages it is all.
#[test]
fn since_long_ago_is_all() {
    assert_eq!(asked_for(&room_with_history(), "since='1970-01-01T00:00:00Z'"), ["m1", "m2", "m3"]);
}

/// §7.2.14: since a time after all messages it is none.
#[test]
fn since_a_time_to_come_is_none() {
    assert_eq!(asked_for(&room_with_history(), "since='2099-01-01T00:00:00Z'"), Vec::<String>::new());
}

/// §7.2.14: of several limits the least traffic counts.
#[test]
fn the_tightest_of_several_limits_counts() {
    let none = asked_for(&room_with_history(), "maxstanzas='2' since='2099-01-01T00:00:00Z'");
    assert_eq!(none, Vec::<String>::new());
    let one = asked_for(&room_with_history(), "maxstanzas='1' since='1970-01-01T00:00:00Z'");
    assert_eq!(one, ["m3"]);
}

/// §7.2.14: a limit that cannot be read does not keep the user out.
#[test]
fn a_limit_of_nonsense_keeps_nobody_out() {
    let room = room_with_history();
    online().join_with(&room, "alice", "<history maxstanzas='many' since='yesterday'/>");
}

/// §7.2.15: without a subject it MUST be an empty one, of the room, without a body.
#[test]
fn without_a_subject_it_is_empty() {
    let room = room();
    let came = online().join(&room, "alice");
    let subject = subject_of(&came);
    subject
        .must(&format!("<message from='{room}{ANY}' type='groupchat'/>"))
        .must_not("<message><body/></message>");
    assert_eq!(subject.need_child("subject").text(), "");
}

/// §7.2.15: the current subject comes from the room or from the occupant who set it, without a body.
#[test]
fn the_current_subject_comes() {
    let room = room();
    send!(room.owner, "<message to='{room}' type='groupchat'><subject>Fire Burn</subject></message>");
    settle();
    let came = online().join(&room, "alice");
    subject_of(&came)
        .must(&format!("<message from='{room}{ANY}' type='groupchat'><subject>Fire Burn</subject></message>"))
        .must_not("<message><body/></message>");
}

/// §7.2.15: it SHOULD be stamped by the room.
#[test]
fn the_current_subject_is_stamped_by_the_room() {
    let room = room();
    send!(room.owner, "<message to='{room}' type='groupchat'><subject>Fire Burn</subject></message>");
    settle();
    let came = online().join(&room, "alice");
    subject_of(&came)
        .must(&format!("<message><delay xmlns='{DELAY}' from='{room}' stamp='{ANY}Z'/></message>"));
}

/// §7.2.15: and so SHOULD one that was cleared.
#[test]
fn a_cleared_subject_is_stamped() {
    let room = room();
    send!(room.owner, "<message to='{room}' type='groupchat'><subject>Fire Burn</subject></message>");
    send!(room.owner, "<message to='{room}' type='groupchat'><subject/></message>");
    settle();
    let came = online().join(&room, "alice");
    let subject = subject_of(&came);
    assert_eq!(subject.need_child("subject").text(), "");
    subject.must(&format!("<message><delay xmlns='{DELAY}' from='{room}' stamp='{ANY}Z'/></message>"));
}

/// §7.2.15: the subject of a persistent room is kept while nobody is there.
#[test]
fn a_subject_outlasts_its_visitors() {
    let room = room();
    send!(room.owner, "<message to='{room}' type='groupchat'><subject>Fire Burn</subject></message>");
    room.is_left_by_its_owner();
    let came = online().join(&room, "alice");
    assert_eq!(subject_of(&came).need_child("subject").text(), "Fire Burn");
}
