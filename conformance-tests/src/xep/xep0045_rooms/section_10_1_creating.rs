//! XEP-0045 §10.1: new rooms, instant and reserved.

use crate::harness::rooms::*;

/// §10.1.1: the creator is the owner, and 201 says that the room is new.
#[test]
fn the_creator_is_the_owner_of_a_new_room() {
    let (room, alice) = (address(), online());
    let own = alice.try_join(&room, "alice", "");
    own.must(&format!(
        "<presence from='{room}/alice' to='{alice}' type='{NONE}'>\
         <x xmlns='{USER}'><item affiliation='owner' role='moderator'/>\
         <status code='110'/><status code='201'/></x></presence>"
    ));
}

/// §10.1.1, the other way round: a room that is there is not new.
#[test]
fn a_room_that_exists_is_not_new() {
    let room = room();
    let own = online().try_join(&room, "alice", "");
    assert!(!codes(&own).contains(&"201".to_owned()), "{own}");
}

/// §10.1.1: nobody else is let in before it is configured, whatever the affiliation elsewhere.
#[test]
fn a_new_room_is_locked() {
    let room = locked_room();
    online().try_join(&room, "alice", "").must_fail("item-not-found");
    room.owner.expect_nothing();
}

/// §10.1.2: an empty form MUST unlock it, with a result for the owner.
#[test]
fn an_instant_room_is_open() {
    let room = locked_room();
    room.owner.accept_defaults(&room).must(&format!("<iq type='result' from='{room}'/>"));
    online().join(&room, "alice");
}

/// §10.1.2: it is the creator's to unlock.
#[test]
fn nobody_else_unlocks_a_room() {
    let (room, alice) = (locked_room(), online());
    alice.accept_defaults(&room).must("<iq type='error'/>");
    alice.try_join(&room, "alice", "").must_fail("item-not-found");
}

/// §10.1.3: the owner MUST get a form.
#[test]
fn the_owner_of_a_new_room_gets_a_form() {
    let room = locked_room();
    room.owner.form(&room).must(
        "<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE' type='hidden'>\
         <value>http://jabber.org/protocol/muc#roomconfig</value></field></x>",
    );
}

/// §10.1.3: the room types of §3 can be chosen in it.
#[test]
fn the_form_has_the_types_of_rooms() {
    let room = locked_room();
    let form = room.owner.form(&room);
    let types = ["publicroom", "persistentroom", "roomsecret", "membersonly", "moderatedroom", "whois"];
    for name in types {
        assert!(value_of(&form, &format!("muc#roomconfig_{name}")).is_some(), "no {name} in {form}");
    }
}

/// §10.1.3: a room that is configured is open, and what was configured holds.
#[test]
fn a_reserved_room_is_as_it_was_configured() {
    let room = locked_room();
    room.owner.configure(&room, MEMBERS_ONLY).must(&format!("<iq type='result' from='{room}'/>"));
    settle();
    online().try_join(&room, "alice", "").must_fail("registration-required");
    room.guest_as("member", "bob");
}

/// §10.1.3: configuration that cannot be MUST be not-acceptable: no password for a room with a password.
#[test]
fn a_room_with_an_empty_password_is_not_acceptable() {
    let room = locked_room();
    let fields = [("passwordprotectedroom", "1"), ("roomsecret", "")];
    room.owner.configure(&room, &fields).must_fail("not-acceptable");
}

/// §10.1.3: a form of another kind is not taken.
#[test]
fn a_form_of_another_kind_is_refused() {
    let room = locked_room();
    request!(
        room.owner,
        "<iq type='set' to='{room}'><query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field></x></query></iq>"
    )
    .must_fail_with_one_of(&["bad-request", "not-acceptable"]);
}

/// §10.1.3: if the owner cancels, the service MUST destroy the room, with unavailable presence for the owner.
#[test]
fn a_cancelled_room_is_destroyed() {
    let room = locked_room();
    send!(
        room.owner,
        "<iq type='set' id='c' to='{room}'><query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='cancel'/></query></iq>"
    );
    expect!(
        room.owner,
        "<presence from='{room}/owner' type='unavailable'><x xmlns='{USER}'><item role='none'/></x></presence>"
    );
    settle();
    let alice = online();
    request!(alice, "<iq type='get' to='{room}'><query xmlns='{INFO}'/></iq>").must_fail("item-not-found");
}

/// §10.1.3: if the owner leaves before, the service MUST destroy the room.
#[test]
fn a_room_whose_creator_leaves_is_destroyed() {
    let room = locked_room();
    send!(room.owner, "<presence to='{room}/owner' type='unavailable'/>");
    expect!(room.owner, "<presence from='{room}/owner' type='unavailable'/>");
    settle();
    let own = online().try_join(&room, "alice", "");
    assert!(codes(&own).contains(&"201".to_owned()), "{own}");
}

/// §10.1.1: a room that was destroyed is nobody's: who makes it anew is the owner.
#[test]
fn who_makes_a_room_anew_is_its_owner() {
    let room = room();
    room.owner.leave(&room, "owner");
    let alice = online();
    let own = alice.try_join(&room, "alice", "");
    item(&own).must(&format!("<item xmlns='{USER}' affiliation='owner'/>"));
    alice.accept_defaults(&room).must("<iq type='result'/>");
    settle();
    let second = room.owner.try_join(&room, "owner", "");
    item(&second).must(&format!("<item xmlns='{USER}' affiliation='none'/>"));
}
