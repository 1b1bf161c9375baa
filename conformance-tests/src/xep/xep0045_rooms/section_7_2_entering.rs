//! XEP-0045 §7.2.1, §7.2.18: asking to enter.

use crate::harness::rooms::*;

/// §7.2.1: who asks with the element and a nick is in the room.
#[test]
fn a_user_enters_under_a_nick() {
    let (room, alice) = (room(), online());
    alice.try_join(&room, "alice", "").must(&format!(
        "<presence from='{room}/alice' to='{alice}' type='{NONE}'>\
         <x xmlns='{USER}'><item affiliation='none' role='participant'/><status code='110'/></x></presence>"
    ));
}

/// §7.2.1: without a nick it MUST be jid-malformed.
#[test]
fn without_a_nick_it_is_jid_malformed() {
    let (room, alice) = (room(), online());
    send!(alice, "<presence to='{room}' id='p'><x xmlns='{MUC}'/></presence>");
    expect!(alice, "<presence type='error' from='{room}' id='p'/>").must_fail("jid-malformed");
    room.owner.expect_nothing();
}

/// §17.1: a nick of spaces MUST NOT be allowed.
#[test]
fn a_nick_of_spaces_is_refused() {
    let (room, alice) = (room(), online());
    send!(alice, "<presence to='{room}/  ' id='p'><x xmlns='{MUC}'/></presence>");
    expect!(alice, "<presence type='error' id='p'><error/></presence>");
    room.owner.expect_nothing();
}

/// §17.1: a nick may have spaces and letters of any language.
#[test]
fn a_nick_may_have_spaces_and_any_letters() {
    let (room, alice) = (room(), online());
    alice.join(&room, "Übel &amp; Söhne");
    alice.say(&room, "m", "hi");
    expect!(room.owner, "<message from='{room}/Übel &amp; Söhne' id='m'/>");
}

/// §17.1: the name of a room is the same in capitals (Nodeprep).
#[test]
fn the_name_of_a_room_in_capitals_is_the_same_room() {
    let (room, alice) = (room(), online());
    alice.send_join(&room.to_string().replacen("room", "ROOM", 1), "alice", "");
    expect!(room.owner, "<presence from='{room}/alice' type='{NONE}'/>");
}

/// §7.2.1: a second request of an occupant brings everything again.
#[test]
fn entering_again_brings_everything_again() {
    let room = room();
    room.owner.say(&room, "m", "hello");
    let alice = online();
    let first = alice.join(&room, "alice");
    let second = alice.join(&room, "alice");
    let shape = |all: &[Element]| -> Vec<(String, String)> {
        all.iter().map(|s| (s.name.clone(), nick_of(s).to_owned())).collect()
    };
    assert_eq!(shape(&first), shape(&second));
}

/// §17.3 (3): and the others SHOULD get a changed presence.
#[test]
fn entering_again_with_another_presence_is_an_update() {
    let room = room();
    let alice = room.guest("alice");
    send!(alice, "<presence to='{room}/alice'><show>away</show><x xmlns='{MUC}'/></presence>");
    expect!(room.owner, "<presence from='{room}/alice' type='{NONE}'><show>away</show></presence>");
}

/// §17.3 (1): a presence with a type MUST NOT be taken for a request to enter.
#[test]
fn presence_with_a_type_is_no_request_to_enter() {
    let (room, alice) = (room(), online());
    for kind in ["probe", "subscribe", "unsubscribe", "unsubscribed", "unavailable", "error"] {
        send!(alice, "<presence to='{room}/alice' type='{kind}'><x xmlns='{MUC}'/></presence>");
    }
    room.owner.expect_no("<presence/>");
    alice.say(&room, "m", "am I in?");
    expect!(alice, "<message id='m' type='error'/>");
}

/// §17.3 (2): nor for a request to leave, unless it is "unavailable".
#[test]
fn presence_with_a_type_is_no_request_to_leave() {
    let room = room();
    let alice = room.guest("alice");
    for kind in ["probe", "subscribe", "unsubscribe", "unsubscribed"] {
        send!(alice, "<presence to='{room}/alice' type='{kind}'/>");
    }
    expect_no!(room.owner, "<presence from='{room}/alice' type='unavailable'/>");
    alice.say(&room, "m", "still here");
    expect!(room.owner, "<message from='{room}/alice' id='m'/>");
}

/// §7.2.18: presence of a non-occupant without the element SHOULD be answered with a kick for technical problems.
#[test]
fn presence_of_an_outsider_without_the_element_is_answered_with_a_kick() {
    let (room, alice) = (room(), online());
    send!(alice, "<presence to='{room}/alice'/>");
    let kick =
        expect!(alice, "<presence from='{room}/alice' type='unavailable'><x xmlns='{USER}'/></presence>");
    for code in ["110", "307", "333"] {
        assert!(codes(&kick).iter().any(|c| c == code), "no {code} in {kick}");
    }
    item(&kick).must(&format!("<item xmlns='{USER}' role='none'/>"));
}

/// §7.2.18: and does not let the user in.
#[test]
fn presence_of_an_outsider_without_the_element_does_not_enter() {
    let (room, alice) = (room(), online());
    send!(alice, "<presence to='{room}/alice'/>");
    room.owner.expect_nothing();
    room.owner.say(&room, "m", "hi");
    alice.expect_no("<message id='m'/>");
}

/// §7.2.18: such presence does not make a room either.
#[test]
fn presence_without_the_element_makes_no_room() {
    let (room, alice) = (address(), online());
    send!(alice, "<presence to='{room}/alice'/>");
    barrier();
    request!(alice, "<iq type='get' to='{room}'><query xmlns='{INFO}'/></iq>").must_fail("item-not-found");
}

/// RFC 6120 §8.3.1: a refusal has the id of the request and comes from where it was sent to.
#[test]
fn a_refusal_answers_the_request() {
    let (room, alice) = (room(), online());
    send!(alice, "<presence to='{room}/owner' id='p7'><x xmlns='{MUC}'/></presence>");
    expect!(alice, "<presence type='error' id='p7' from='{room}/owner' to='{alice}'/>").must_fail("conflict");
}
