//! XEP-0410: whether one is still in a room.

use crate::harness::rooms::*;

#[track_caller]
fn ping(who: &Client, room: &Room, nick: &str) -> Element {
    request!(who, "<iq type='get' to='{room}/{nick}'><ping xmlns='urn:xmpp:ping'/></iq>")
}

/// §3.3: a room that answers itself MUST say so.
#[test]
fn a_room_says_that_it_answers() {
    let room = room();
    assert!(room.has("http://jabber.org/protocol/muc#self-ping-optimization"), "{:?}", room.features());
}

/// §3.3: then an occupant MUST get a result, from the room and not from the client.
#[test]
fn an_occupant_gets_a_result() {
    let room = room();
    let alice = room.guest("alice");
    ping(&alice, &room, "alice").must(&format!("<iq type='result' from='{room}/alice'/>"));
    alice.expect_silence();
}

/// §3.3: so does each session of several under a nick.
#[test]
fn each_session_of_a_nick_gets_a_result() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alice");
    for session in [&phone, &desk] {
        ping(session, &room, "alice").must("<iq type='result'/>");
    }
    phone.expect_silence();
    desk.expect_silence();
}

/// §3.2, §3.3: who is not there MUST get not-acceptable.
#[test]
fn an_outsider_gets_not_acceptable() {
    let room = room();
    let outsider = online();
    ping(&outsider, &room, "owner").must_fail("not-acceptable");
    ping(&outsider, &room, "nobody").must_fail("not-acceptable");
    room.owner.expect_silence();
}

/// §3.3: also a session that is not there, of a user who is.
#[test]
fn another_session_that_is_not_there_gets_not_acceptable() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    ping(&desk, &room, "alice").must_fail("not-acceptable");
    phone.expect_silence();
}

/// §3.3: and who has left …
#[test]
fn who_has_left_gets_not_acceptable() {
    let room = room();
    let alice = room.guest("alice");
    alice.leave(&room, "alice");
    ping(&alice, &room, "alice").must_fail("not-acceptable");
}

/// §3.3: … or was kicked.
#[test]
fn who_was_kicked_gets_not_acceptable() {
    let room = room();
    let alice = room.guest("alice");
    room.give_role("alice", "none");
    ping(&alice, &room, "alice").must_fail("not-acceptable");
}

/// §3.3: under a new nick it is the new nick that counts.
#[test]
fn after_a_change_of_the_nick_the_new_one_is_answered() {
    let room = room();
    let alice = room.guest("alice");
    send!(alice, "<presence to='{room}/alicia'/>");
    settle();
    ping(&alice, &room, "alicia").must("<iq type='result'/>");
    ping(&alice, &room, "alice").must("<iq type='error'/>");
}

/// §3.2: the ping of another is passed on to that occupant.
#[test]
fn a_ping_of_another_is_passed_on() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    send!(alice, "<iq type='get' id='p' to='{room}/bob'><ping xmlns='urn:xmpp:ping'/></iq>");
    let asked = expect!(bob, "<iq type='get' from='{room}/alice'><ping xmlns='urn:xmpp:ping'/></iq>");
    send!(bob, "<iq type='result' id='{}' to='{room}/alice'/>", asked.need("id"));
    expect!(alice, "<iq type='result' id='p' from='{room}/bob'/>");
}
