//! XEP-0045 §7.1: what comes when somebody enters, and in which order.

use crate::harness::rooms::*;

/// What a stanza is for somebody who enters.
fn kind(stanza: &Element, own: &str) -> &'static str {
    let says = |name| stanza.child(name).is_some();
    match stanza.name.as_str() {
        "presence" if nick_of(stanza) == own => "self",
        "presence" => "other",
        "message" if says("body") && says("delay") => "history",
        "message" if says("body") => "live",
        "message" if says("subject") => "subject",
        _ => "unknown",
    }
}

/// §7.1: other occupants, the user, history, subject.
#[test]
fn others_come_first_then_oneself_then_history_then_the_subject() {
    let room = room();
    let bob = room.guest("bob");
    bob.say(&room, "m1", "one");
    bob.say(&room, "m2", "two");
    let kinds: Vec<&str> = online().join(&room, "alice").iter().map(|s| kind(s, "alice")).collect();
    assert_eq!(kinds, ["other", "other", "self", "history", "history", "subject"]);
}

/// §7.1, §7.2.15: the same in a new room: the subject comes, though nobody has set one.
#[test]
fn an_empty_subject_ends_it() {
    let room = room();
    let kinds: Vec<&str> = online().join(&room, "alice").iter().map(|s| kind(s, "alice")).collect();
    assert_eq!(kinds, ["other", "self", "subject"]);
}

/// §7.1: a message sent meanwhile is history before the subject, or live after it.
#[test]
fn a_message_sent_meanwhile_is_history_or_live() {
    let room = room();
    let (alice, bob) = (online(), room.guest("bob"));
    alice.send_join(&room, "alice", "");
    bob.say(&room, "m", "meanwhile");
    let kinds: Vec<&str> = alice.came().iter().map(|s| kind(s, "alice")).collect();
    let before = ["other", "other", "self", "history", "subject"];
    let after = ["other", "other", "self", "subject", "live"];
    assert!(kinds == before || kinds == after, "{kinds:?}");
}

/// §7.2.16: what happens afterwards comes: messages, presence, who enters and who leaves.
#[test]
fn what_happens_afterwards_comes() {
    let room = room();
    let alice = room.guest("alice");
    let bob = online();
    bob.send_join(&room, "bob", "");
    expect!(alice, "<presence from='{room}/bob' type='{NONE}'/>");
    bob.say(&room, "m", "hello");
    expect!(alice, "<message from='{room}/bob' id='m' type='groupchat'><body>hello</body></message>");
    send!(bob, "<presence to='{room}/bob'><show>away</show></presence>");
    expect!(alice, "<presence from='{room}/bob'><show>away</show></presence>");
    send!(bob, "<presence to='{room}/bob' type='unavailable'/>");
    expect!(alice, "<presence from='{room}/bob' type='unavailable'/>");
}
