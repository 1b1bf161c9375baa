//! XEP-0045 §7.5: messages to one occupant.

use crate::harness::rooms::*;

/// Alice and Bob in a room.
fn two() -> (Room, Client, Client) {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    (room, alice, bob)
}

/// §7.5: it comes from the sender's occupant JID.
#[test]
fn it_comes_from_the_occupant() {
    let (room, alice, bob) = two();
    send!(alice, "<message to='{room}/bob' type='chat' id='m'><body>psst</body></message>");
    expect!(bob, "<message from='{room}/alice' to='{bob}' type='chat' id='m'><body>psst</body></message>");
}

/// §7.5: a message without a type is one too.
#[test]
fn a_normal_message_is_one_too() {
    let (room, alice, bob) = two();
    send!(alice, "<message to='{room}/bob' id='m'><body>psst</body></message>");
    let message = expect!(bob, "<message from='{room}/alice' to='{bob}' id='m'><body>psst</body></message>");
    assert!(matches!(message.attr("type"), None | Some("normal")), "{message}");
}

/// §7.5: nobody else gets it.
#[test]
fn nobody_else_gets_it() {
    let (room, alice, _bob) = two();
    send!(alice, "<message to='{room}/bob' type='chat' id='m'><body>psst</body></message>");
    room.owner.expect_nothing();
    alice.expect_nothing();
}

/// §7.5: the service SHOULD add the element that says what it is.
#[test]
fn the_element_is_added() {
    let (room, alice, bob) = two();
    send!(alice, "<message to='{room}/bob' type='chat' id='m'><body>psst</body></message>");
    expect!(bob, "<message id='m'/>").must(&format!("<message><x xmlns='{USER}'/></message>"));
}

/// §7.5: if it is not there already.
#[test]
fn the_element_is_not_added_twice() {
    let (room, alice, bob) = two();
    send!(
        alice,
        "<message to='{room}/bob' type='chat' id='m'><body>psst</body><x xmlns='{USER}'/></message>"
    );
    let message = expect!(bob, "<message id='m'/>");
    assert_eq!(message.children().filter(|c| c.ns == USER).count(), 1, "{message}");
}

/// §7.5: of type "groupchat" it MUST be refused with bad-request.
#[test]
fn of_type_groupchat_it_is_a_bad_request() {
    let (room, alice, bob) = two();
    send!(alice, "<message to='{room}/bob' type='groupchat' id='m'><body>psst</body></message>");
    expect!(alice, "<message type='error' id='m' from='{room}/bob'/>").must_fail("bad-request");
    bob.expect_nothing();
}

/// §7.5: to a nick that nobody has it MUST be item-not-found.
#[test]
fn to_a_nick_that_nobody_has_it_is_not_found() {
    let (room, alice, _bob) = two();
    send!(alice, "<message to='{room}/carol' type='chat' id='m'><body>psst</body></message>");
    expect!(alice, "<message type='error' id='m' from='{room}/carol'/>").must_fail("item-not-found");
}

/// §7.5: from a non-occupant it MUST be not-acceptable.
#[test]
fn from_an_outsider_it_is_not_acceptable() {
    let (room, outsider) = (room(), online());
    send!(outsider, "<message to='{room}/owner' type='chat' id='m'><body>psst</body></message>");
    expect!(outsider, "<message type='error' id='m'/>").must_fail("not-acceptable");
    room.owner.expect_nothing();
}

/// §7.5, §14.4: and the same to a nick that nobody has, or it could be seen who is there.
#[test]
fn an_outsider_does_not_learn_who_is_there() {
    let (room, outsider) = (room(), online());
    send!(outsider, "<message to='{room}/nobody' type='chat' id='m'><body>psst</body></message>");
    expect!(outsider, "<message type='error' id='m'/>").must_fail("not-acceptable");
}

/// §7.5: who may send them is configured: nobody.
#[test]
fn where_nobody_may_they_are_refused() {
    let (room, alice, bob) = two();
    room.configure(&[("allowpm", "none")]);
    send!(alice, "<message to='{room}/bob' type='chat' id='m'><body>psst</body></message>");
    expect!(alice, "<message type='error' id='m'/>");
    bob.expect_nothing();
}

/// §7.5: or only moderators.
#[test]
fn where_only_moderators_may_others_are_refused() {
    let (room, alice, bob) = two();
    room.configure(&[("allowpm", "moderators")]);
    send!(alice, "<message to='{room}/bob' type='chat' id='m'><body>psst</body></message>");
    expect!(alice, "<message type='error' id='m'/>");
    bob.expect_nothing();
    send!(room.owner, "<message to='{room}/bob' type='chat' id='m2'><body>psst</body></message>");
    expect!(bob, "<message from='{room}/owner' type='chat' id='m2'/>");
}

/// §7.5: or everybody.
#[test]
fn where_everybody_may_they_are_delivered() {
    let (room, alice, bob) = two();
    room.configure(&[("allowpm", "moderators")]);
    room.configure(&[("allowpm", "anyone")]);
    send!(alice, "<message to='{room}/bob' type='chat' id='m'><body>psst</body></message>");
    expect!(bob, "<message from='{room}/alice' type='chat' id='m'/>");
}

/// §7.5: real addresses stay hidden.
#[test]
fn it_does_not_tell_real_addresses() {
    let (room, alice, bob) = two();
    send!(alice, "<message to='{room}/bob' type='chat' id='m'><body>psst</body></message>");
    let message = expect!(bob, "<message id='m'/>");
    assert!(!message.to_string().contains(&alice.bare()), "{message}");
}

/// §17.4 (3): an iq between occupants does not tell them either.
#[test]
fn an_iq_does_not_tell_real_addresses() {
    let (room, alice, bob) = two();
    send!(alice, "<iq type='get' id='v' to='{room}/bob'><query xmlns='jabber:iq:version'/></iq>");
    let asked = expect!(bob, "<iq type='get' from='{room}/alice'><query xmlns='jabber:iq:version'/></iq>");
    assert!(!asked.to_string().contains(&alice.bare()), "{asked}");
    send!(
        bob,
        "<iq type='result' id='{}' to='{room}/alice'><query xmlns='jabber:iq:version'/></iq>",
        asked.need("id")
    );
    let answer = expect!(alice, "<iq type='result' id='v' from='{room}/bob'/>");
    assert!(!answer.to_string().contains(&bob.bare()), "{answer}");
}

/// §17.4 (3): and to a nick that nobody has it is refused.
#[test]
fn an_iq_to_a_nick_that_nobody_has_is_refused() {
    let (room, alice, _bob) = two();
    request!(alice, "<iq type='get' to='{room}/nobody'><query xmlns='jabber:iq:version'/></iq>")
        .must_fail("item-not-found");
}
