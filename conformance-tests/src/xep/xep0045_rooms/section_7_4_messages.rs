//! XEP-0045 §7.4: messages to all.

use crate::harness::rooms::*;

/// §7.4: the message MUST come to each occupant from the sender's occupant JID.
#[test]
fn a_message_reaches_each_occupant() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    alice.say(&room, "m", "hello");
    for occupant in [&bob, &room.owner] {
        expect!(
            occupant,
            "<message from='{room}/alice' to='{occupant}' type='groupchat'><body>hello</body></message>"
        );
    }
}

/// §7.4: the sender too.
#[test]
fn a_message_comes_back_to_its_sender() {
    let room = room();
    let alice = room.guest("alice");
    alice.say(&room, "m", "hello");
    expect!(alice, "<message from='{room}/alice' to='{alice}' type='groupchat'><body>hello</body></message>");
}

/// §7.4: each gets it once.
#[test]
fn a_message_reaches_each_occupant_once() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    alice.say(&room, "m", "hello");
    for occupant in [&alice, &bob] {
        expect!(occupant, "<message from='{room}/alice'/>");
        occupant.expect_nothing();
    }
}

/// §7.4: it SHOULD have the id that its sender gave it.
#[test]
fn a_message_keeps_its_id() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    alice.say(&room, "an id of mine", "hello");
    for occupant in [&alice, &bob] {
        expect!(occupant, "<message from='{room}/alice' id='an id of mine'/>");
    }
}

/// §7.4: and the service SHOULD say that it does so.
#[test]
fn the_service_says_that_ids_are_stable() {
    let features = user().info(&SERVICE).values("feature", "var");
    assert!(features.iter().any(|f| f == "http://jabber.org/protocol/muc#stable_id"), "{features:?}");
}

/// §7.4: and each room.
#[test]
fn a_room_says_that_ids_are_stable() {
    let features = room().features();
    assert!(features.iter().any(|f| f == "http://jabber.org/protocol/muc#stable_id"), "{features:?}");
}

/// §7.4: who has left gets no more.
#[test]
fn who_has_left_gets_no_message() {
    let room = room();
    let alice = room.guest("alice");
    alice.leave(&room, "alice");
    room.owner.say(&room, "m", "hello");
    alice.expect_nothing();
}

/// §17.2 (4): content of other namespaces SHOULD pass, and so does the language (§13).
#[test]
fn other_content_passes() {
    let room = room();
    let alice = room.guest("alice");
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m' xml:lang='de'><body>hallo</body>\
         <x xmlns='urn:example:extension' a='b'><c>d</c></x><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    );
    expect!(
        alice,
        "<message id='m'><body>hallo</body><x xmlns='urn:example:extension' a='b'><c>d</c></x>\
         <active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    .must("<message xml:lang='de'/>");
}

/// §7.4: the message of a visitor MUST be refused with forbidden …
#[test]
fn the_message_of_a_visitor_is_forbidden() {
    let room = room_with(MODERATED);
    let visitor = room.guest("alice");
    visitor.say(&room, "m", "hello");
    expect!(visitor, "<message type='error' id='m' from='{room}'/>").must_fail("forbidden");
}

/// §7.4: … and MUST NOT reach anybody.
#[test]
fn the_message_of_a_visitor_reaches_nobody() {
    let room = room_with(MODERATED);
    let visitor = room.guest("alice");
    visitor.say(&room, "m", "hello");
    room.owner.expect_nothing();
}

/// §7.4, the other way round: those with voice speak in a moderated room.
#[test]
fn who_has_voice_speaks_in_a_moderated_room() {
    let room = room_with(MODERATED);
    let (visitor, member) = (room.guest("alice"), room.guest_as("member", "bob"));
    member.say(&room, "m", "hello");
    expect!(visitor, "<message from='{room}/bob' id='m'/>");
}

/// §7.4: the message of a non-occupant SHOULD be refused with not-acceptable.
#[test]
fn the_message_of_an_outsider_is_not_acceptable() {
    let (room, outsider) = (room(), online());
    outsider.say(&room, "m", "hello");
    expect!(outsider, "<message type='error' id='m' from='{room}'/>").must_fail("not-acceptable");
}

/// §7.4: and SHOULD NOT reach anybody.
#[test]
fn the_message_of_an_outsider_reaches_nobody() {
    let (room, outsider) = (room(), online());
    outsider.say(&room, "m", "hello");
    room.owner.expect_nothing();
}

/// §7.4: another session of an occupant is none.
#[test]
fn the_message_of_a_session_that_is_not_in_the_room_is_not_acceptable() {
    let room = room();
    let alice = room.guest("alice");
    let desk = alice.session_online("desk", 0);
    desk.say(&room, "m", "hello");
    expect!(desk, "<message type='error' id='m'/>").must_fail("not-acceptable");
    room.owner.expect_nothing();
}

/// §17.2 (3): in a room that does not exist it SHOULD be item-not-found.
#[test]
fn a_message_to_a_room_that_does_not_exist_is_not_found() {
    let (room, alice) = (address(), online());
    alice.say(&room, "m", "hello");
    expect!(alice, "<message type='error' id='m'/>").must_fail("item-not-found");
}

/// §17.2 (3): and in one that is locked.
#[test]
fn a_message_to_a_locked_room_is_not_found() {
    let (room, alice) = (locked_room(), online());
    alice.say(&room, "m", "hello");
    expect!(alice, "<message type='error' id='m'/>").must_fail("item-not-found");
    room.owner.expect_nothing();
}

/// §7.9: what the owner says with a delay gets no other.
#[test]
fn a_delay_of_the_owner_is_kept_alone() {
    let room = room();
    let alice = room.guest("alice");
    send!(
        room.owner,
        "<message to='{room}' type='groupchat' id='m'><body>Thrice the brinded cat hath mew'd.</body>\
         <delay xmlns='{DELAY}' from='alice@example.com/desktop' stamp='2004-09-29T01:54:37Z'/></message>"
    );
    let message =
        expect!(alice, "<message id='m'><delay xmlns='{DELAY}' stamp='2004-09-29T01:54:37Z'/></message>");
    assert_eq!(message.children().filter(|c| c.ns == DELAY).count(), 1, "{message}");
}

/// RFC 6120 §8.3.1: an error that comes to the room is neither reflected nor answered.
#[test]
fn an_error_is_not_reflected() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    send!(
        alice,
        "<message to='{room}' type='error' id='m'><body>hello</body><error type='wait'>\
         <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    bob.expect_no("<message/>");
    alice.expect_no("<message/>");
}

/// §17.4 (1): an iq to the room is the room's to answer, and no occupant sees it.
#[test]
fn an_iq_to_the_room_is_not_reflected() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    request!(alice, "<iq type='get' to='{room}'><query xmlns='urn:example:unknown'/></iq>")
        .must_fail_with_one_of(&["service-unavailable", "feature-not-implemented"]);
    bob.expect_silence();
}
