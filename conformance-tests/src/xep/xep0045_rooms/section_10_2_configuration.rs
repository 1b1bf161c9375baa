//! XEP-0045 §10.2: configuration of a room that exists.

use crate::harness::rooms::*;

/// The status codes of the message that all get after a change.
#[track_caller]
fn told(who: &Client, room: &Room) -> Vec<String> {
    let message = expect!(
        who,
        "<message from='{room}' to='{who}'><x xmlns='{USER}'><status code='{ANY}'/></x></message>"
    );
    assert_eq!(message.child("body"), None, "{message}");
    codes(&message)
}

/// The owner changes the configuration, and an occupant is told these codes, in one message or several.
#[track_caller]
fn change(before: &[(&str, &str)], after: &[(&str, &str)], expected: &str, not: &str) {
    let room = room_with(before);
    let alice = room.guest("alice");
    room.owner.configure(&room, after).must("<iq type='result'/>");
    for who in [&alice, &room.owner] {
        let mut all = told(who, &room);
        all.extend(who.came().iter().filter(|s| s.name == "message").flat_map(codes));
        assert!(all.iter().any(|c| c == expected), "no {expected} in {all:?}");
        assert!(!all.iter().any(|c| c == not), "{not} in {all:?}");
    }
}

/// §10.2: the form MUST have the current values.
#[test]
fn the_form_has_the_current_values() {
    let room = room_with(&[("roomname", "A Dark Cave"), ("membersonly", "1"), ("whois", "anyone")]);
    let form = room.owner.form(&room);
    let value = |name: &str| value_of(&form, &format!("muc#roomconfig_{name}")).unwrap_or_default().concat();
    assert_eq!(value("roomname"), "A Dark Cave");
    assert!(["1", "true"].contains(&value("membersonly").as_str()), "{form}");
    assert_eq!(value("whois"), "anyone");
}

/// §10.2: who is no owner MUST get forbidden, for reading …
#[test]
fn nobody_else_gets_the_form() {
    let room = room();
    for client in
        [room.guest_as("admin", "alice"), room.guest_as("member", "bob"), room.guest("carol"), online()]
    {
        request!(client, "<iq type='get' to='{room}'><query xmlns='{OWNER}'/></iq>").must_fail("forbidden");
    }
}

/// §10.2: … and for writing.
#[test]
fn nobody_else_configures() {
    let room = room();
    for client in
        [room.guest_as("admin", "alice"), room.guest_as("member", "bob"), room.guest("carol"), online()]
    {
        request!(
            client,
            "<iq type='set' to='{room}'><query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>\
             <field var='muc#roomconfig_membersonly'><value>1</value></field></x></query></iq>"
        )
        .must_fail("forbidden");
    }
    online().join(&room, "dave");
}

/// §10.2: another owner may.
#[test]
fn another_owner_configures() {
    let room = room();
    let owner = room.guest_as("owner", "alice");
    owner.configure(&room, MEMBERS_ONLY).must("<iq type='result'/>");
    online().try_join(&room, "dave", "").must_fail("registration-required");
}

/// §10.2: an owner who cancels MUST leave everything as it was.
#[test]
fn a_cancelled_change_changes_nothing() {
    let room = room_with(&[("roomname", "A Dark Cave")]);
    let alice = room.guest("alice");
    request!(
        room.owner,
        "<iq type='set' to='{room}'><query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='cancel'/></query></iq>"
    )
    .must("<iq type='result'/>");
    alice.expect_silence();
    room.info().must(&format!("<iq><query xmlns='{INFO}'><identity name='A Dark Cave'/></query></iq>"));
}

/// §10.2.1: all MUST be told that the room is non-anonymous now: 172.
#[test]
fn all_are_told_that_the_room_is_non_anonymous() {
    change(SEMI_ANONYMOUS, NON_ANONYMOUS, "172", "173");
}

/// §10.2.1: and that it is semi-anonymous: 173.
#[test]
fn all_are_told_that_the_room_is_semi_anonymous() {
    change(NON_ANONYMOUS, SEMI_ANONYMOUS, "173", "172");
}

/// §10.2.1: for any other change it SHOULD be 104.
#[test]
fn all_are_told_of_another_change() {
    change(&[], &[("roomname", "A Dark Cave")], "104", "172");
}

/// §10.2.1: and for one of who is let in.
#[test]
fn all_are_told_that_the_room_is_moderated() {
    change(&[("moderatedroom", "0")], &[("moderatedroom", "1")], "104", "173");
}

/// §10.2.1, the other way round: without a change there is nothing to tell.
#[test]
fn nobody_is_told_of_no_change() {
    let room = room();
    let alice = room.guest("alice");
    room.owner.configure(&room, &[]).must("<iq type='result'/>");
    for code in ["170", "171", "172", "173"] {
        expect_no!(alice, "<message><x xmlns='{USER}'><status code='{code}'/></x></message>");
    }
}

/// §10.2.1: where logs can be switched on, all MUST be told: 170; and off: 171.
#[test]
fn all_are_told_of_logs() {
    change(&[("enablelogging", "0")], &[("enablelogging", "1")], "170", "171");
    change(&[("enablelogging", "1")], &[("enablelogging", "0")], "171", "170");
}

/// §7.2.12, §14.3: who enters a room with logs MUST be warned: 170.
#[test]
fn who_enters_a_room_with_logs_is_warned() {
    let room = room_with(&[("enablelogging", "1")]);
    let own = online().try_join(&room, "alice", "");
    assert!(codes(&own).contains(&"170".to_owned()), "{own}");
}

/// §7.2.12, the other way round.
#[test]
fn who_enters_a_room_without_logs_is_not_warned() {
    let own = online().try_join(&room_with(&[("?enablelogging", "0")]), "alice", "");
    assert!(!codes(&own).contains(&"170".to_owned()), "{own}");
}

/// §10.2: what is changed holds at once: a password.
#[test]
fn a_new_password_holds_at_once() {
    let room = room();
    room.configure(PROTECTED);
    online().try_join(&room, "alice", "").must_fail("not-authorized");
    room.configure(&[("?passwordprotectedroom", "0"), ("roomsecret", "")]);
    online().join(&room, "alice");
}

/// §10.2: the password is in nobody's hands but an owner's.
#[test]
fn the_password_is_not_told() {
    let (room, alice, bob) = (room_with(PROTECTED), online(), online());
    room.affiliate(&alice, "owner");
    assert!(alice.form(&room).to_string().contains("cauldronburn"));
    assert!(!bob.info(&room).to_string().contains("cauldronburn"));
}

/// §10.2: a value that is none is refused, and nothing is changed.
#[test]
fn a_value_that_is_none_is_refused() {
    let room = room_with(SEMI_ANONYMOUS);
    room.owner
        .configure(&room, &[("whois", "everybody and his dog")])
        .must_fail_with_one_of(&["not-acceptable", "bad-request"]);
    assert!(room.features().contains(&"muc_semianonymous".to_owned()));
}

/// §10.2: a list of admins in the form makes them admins, and all MUST be told.
#[test]
fn all_are_told_of_admins_by_configuration() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    room.owner.configure(&room, &[("roomadmins", &alice.bare())]).must("<iq type='result'/>");
    for occupant in [&alice, &bob] {
        expect!(
            occupant,
            "<presence from='{room}/alice'><x xmlns='{USER}'><item affiliation='admin' role='moderator'/></x></presence>"
        );
    }
}

/// §10.2: and a list without them makes them none.
#[test]
fn all_are_told_of_lost_admins_by_configuration() {
    let room = room();
    let (alice, bob) = (room.guest_as("admin", "alice"), room.guest("bob"));
    room.owner.configure(&room, &[("roomadmins", "")]).must("<iq type='result'/>");
    let seen = expect!(bob, "<presence from='{room}/alice'><x xmlns='{USER}'><item/></x></presence>");
    assert!(["member", "none"].contains(&item(&seen).need("affiliation")), "{seen}");
    drop(alice);
}

/// §10.2: the last owner cannot be taken away by the form: conflict.
#[test]
fn the_form_leaves_an_owner() {
    let (room, bob) = (room(), online());
    room.owner.configure(&room, &[("roomowners", "")]).must("<iq type='error'/>");
    request!(bob, "<iq type='get' to='{room}'><query xmlns='{OWNER}'/></iq>").must_fail("forbidden");
    room.owner.form(&room);
}
