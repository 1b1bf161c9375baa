//! XEP-0500: one message of each in so many seconds.

use crate::harness::rooms::*;

const FIELD: &str = "muc#roomconfig_slow_mode_duration";
const INFO_FIELD: &str = "muc#roominfo_slow_mode_duration";

/// A room where everybody waits for a minute, and somebody there.
fn slow() -> (Room, Client) {
    let room = room_with(&[(FIELD, "60")]);
    let alice = room.guest("alice");
    (room, alice)
}

/// §5.1: the owner's form MUST have the field, with its type and validation.
#[test]
fn the_form_has_the_field() {
    let room = room();
    room.owner.form(&room).must(&format!(
        "<x xmlns='jabber:x:data'><field var='{FIELD}' type='text-single'>\
         <validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:integer'><range min='0'/></validate>\
         </field></x>"
    ));
}

/// §5.2: what is set MUST be told.
#[test]
fn the_time_is_told() {
    let (room, _alice) = slow();
    assert_eq!(room.info_field(INFO_FIELD), Some(vec!["60".to_owned()]));
}

/// §5.2: zero means that there is none.
#[test]
fn without_slow_mode_the_time_is_zero_or_absent() {
    let room = room_with(&[(FIELD, "0")]);
    let told = room.info_field(INFO_FIELD);
    assert!(told.is_none() || told == Some(vec!["0".to_owned()]), "{told:?}");
}

/// §5.1: a change SHOULD be told: 104.
#[test]
fn a_change_is_told() {
    let room = room();
    let alice = room.guest("alice");
    room.owner.configure(&room, &[(FIELD, "60")]).must("<iq type='result'/>");
    expect!(alice, "<message from='{room}'><x xmlns='{USER}'><status code='104'/></x></message>");
}

/// §5.1: what is no such number is refused.
#[test]
fn what_is_no_number_is_refused() {
    let room = room();
    for value in ["-1", "soon", "99999999999999999999999"] {
        room.owner
            .configure(&room, &[(FIELD, value)])
            .must_fail_with_one_of(&["not-acceptable", "bad-request"]);
    }
}

/// §6: the second message MUST be refused: policy-violation, of type "wait" …
#[test]
fn the_second_message_has_to_wait() {
    let (room, alice) = slow();
    alice.say(&room, "m1", "one");
    expect!(room.owner, "<message id='m1'/>");
    alice.say(&room, "m2", "two");
    let refused = expect!(alice, "<message type='error' id='m2'><error type='wait'/></message>");
    refused.must_fail("policy-violation");
}

/// §6: … and MUST NOT reach anybody, now or in the history.
#[test]
fn the_second_message_reaches_nobody() {
    let (room, alice) = slow();
    alice.say(&room, "m1", "one");
    alice.say(&room, "m2", "two");
    expect_no!(room.owner, "<message id='m2'/>");
    let came = online().join(&room, "bob");
    assert!(!came.iter().any(|s| s.attr("id") == Some("m2")), "{came:?}");
}

/// §6, the other way round: without slow mode it does.
#[test]
fn without_slow_mode_nobody_waits() {
    let room = room_with(&[(FIELD, "0")]);
    let alice = room.guest("alice");
    alice.say(&room, "m1", "one");
    alice.say(&room, "m2", "two");
    expect!(room.owner, "<message id='m2'/>");
}

/// §6: each waits for oneself.
#[test]
fn others_do_not_wait_for_one() {
    let (room, alice) = slow();
    let bob = room.guest("bob");
    alice.say(&room, "m1", "one");
    bob.say(&room, "m2", "two");
    expect!(room.owner, "<message from='{room}/bob' id='m2'/>");
}

/// §8: another session or nick of the same account does not get around it.
#[test]
fn another_session_has_to_wait_too() {
    let (room, alice) = slow();
    let desk = alice.session_online("desk", 0);
    desk.join(&room, "alicia");
    alice.say(&room, "m1", "one");
    barrier();
    desk.say(&room, "m2", "two");
    expect!(desk, "<message type='error' id='m2'/>").must_fail("policy-violation");
}

/// §8: nor does a new visit.
#[test]
fn another_visit_has_to_wait_too() {
    let (room, alice) = slow();
    alice.say(&room, "m1", "one");
    settle();
    alice.leave(&room, "alice");
    alice.join(&room, "alicia");
    alice.say(&room, "m2", "two");
    expect!(alice, "<message type='error' id='m2'/>").must_fail("policy-violation");
}

/// §6: only messages with a body count.
#[test]
fn chat_states_do_not_count() {
    let (room, alice) = slow();
    for id in ["s1", "s2"] {
        send!(
            alice,
            "<message to='{room}' type='groupchat' id='{id}'>\
             <composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
        );
        expect!(room.owner, "<message from='{room}/alice' id='{id}'/>");
    }
    alice.say(&room, "m1", "one");
    expect!(room.owner, "<message from='{room}/alice' id='m1'/>");
}

/// §6: admins and owners MUST NOT wait.
#[test]
fn admins_and_owners_do_not_wait() {
    let (room, alice) = slow();
    let admin = room.guest_as("admin", "bob");
    for (client, nick) in [(&admin, "bob"), (&room.owner, "owner")] {
        for id in ["m1", "m2", "m3"] {
            client.say(&room, id, "in a row");
            expect!(alice, "<message from='{room}/{nick}' id='{id}'/>");
        }
    }
}
