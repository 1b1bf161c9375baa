//! XEP-0045 §9.1, §9.2: bans.

use crate::harness::online_at;
use crate::harness::rooms::*;

fn ban(who: &Client, room: &Room, jid: &str) -> Element {
    who.administer(room, &format!("<item affiliation='outcast' jid='{jid}'><reason>Treason</reason></item>"))
}

/// The list of the banned.
#[track_caller]
fn banned(room: &Room) -> Vec<String> {
    let list = room.owner.list(room, "affiliation='outcast'");
    list.must("<iq type='result'/>").values("item", "jid")
}

/// §9.1: the banned MUST be removed with 301.
#[test]
fn the_banned_is_told() {
    let room = room();
    let alice = room.guest("alice");
    ban(&room.owner, &room, &alice.bare()).must("<iq type='result'/>");
    let presence = expect!(
        alice,
        "<presence from='{room}/alice' to='{alice}' type='unavailable'>\
         <x xmlns='{USER}'><item affiliation='outcast' role='none'/><status code='301'/></x></presence>"
    );
    if let Some(reason) = item(&presence).child("reason") {
        assert_eq!(reason.text(), "Treason");
    }
}

/// §9.1: all others MUST be told, with the code.
#[test]
fn all_others_are_told() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    ban(&room.owner, &room, &alice.bare()).must("<iq type='result'/>");
    for occupant in [&bob, &room.owner] {
        expect!(
            occupant,
            "<presence from='{room}/alice' to='{occupant}' type='unavailable'>\
             <x xmlns='{USER}'><item affiliation='outcast' role='none'/><status code='301'/></x></presence>"
        );
    }
}

/// §9.1: the banned is out …
#[test]
fn the_banned_is_out() {
    let room = room();
    let alice = room.guest("alice");
    room.affiliate(&alice, "outcast");
    room.owner.say(&room, "m", "hello");
    alice.expect_silence();
    alice.say(&room, "m2", "hello?");
    expect!(alice, "<message type='error' id='m2'/>");
    room.owner.expect_no("<presence/>");
}

/// §9.1: … under every nick and with every session.
#[test]
fn all_sessions_of_the_banned_are_removed() {
    let room = room();
    let phone = room.guest("alice");
    let desk = phone.session_online("desk", 0);
    desk.join(&room, "alicia");
    ban(&room.owner, &room, &phone.bare()).must("<iq type='result'/>");
    for (session, nick) in [(&phone, "alice"), (&desk, "alicia")] {
        expect!(
            session,
            "<presence from='{room}/{nick}' to='{session}' type='unavailable'><x xmlns='{USER}'><status code='301'/></x></presence>"
        );
    }
}

/// §9.1: somebody who is not there can be banned.
#[test]
fn somebody_absent_can_be_banned() {
    let (room, alice) = (room(), online());
    ban(&room.owner, &room, &alice.bare()).must("<iq type='result'/>");
    settle();
    alice.try_join(&room, "alice", "").must_fail("forbidden");
}

/// §9.1: the ban MUST be by bare JID.
#[test]
fn a_ban_is_by_bare_jid() {
    let (room, alice) = (room(), online());
    let answer = ban(&room.owner, &room, &alice.to_string());
    settle();
    // A service may refuse the full JID; if it takes it, it is the account that is banned.
    if answer.attr("type") == Some("result") {
        assert_eq!(banned(&room), [alice.bare()]);
        alice.session_online("desk", 0).try_join(&room, "alice", "").must_fail("forbidden");
    } else {
        answer.must_fail_with_one_of(&["bad-request", "jid-malformed", "not-acceptable"]);
    }
}

/// §9: who is no admin MUST get forbidden.
#[test]
fn who_is_no_admin_is_forbidden() {
    let room = room();
    let (alice, bob) = (room.guest_as("member", "alice"), room.guest("bob"));
    ban(&alice, &room, &bob.bare()).must_fail("forbidden");
    bob.expect_nothing();
}

/// §9: who is not in the room and is no admin neither.
#[test]
fn an_outsider_is_forbidden() {
    let room = room();
    let (outsider, bob) = (online(), room.guest("bob"));
    ban(&outsider, &room, &bob.bare()).must_fail("forbidden");
    bob.expect_nothing();
}

/// §9: an admin may, though not in the room.
#[test]
fn an_admin_may_from_outside() {
    let room = room();
    let (admin, bob) = (online(), room.guest("bob"));
    room.affiliate(&admin, "admin");
    ban(&admin, &room, &bob.bare()).must("<iq type='result'/>");
    expect!(bob, "<presence type='unavailable'><x xmlns='{USER}'><status code='301'/></x></presence>");
}

/// §9.1: an admin MUST NOT ban an owner: not-allowed.
#[test]
fn an_admin_cannot_ban_an_owner() {
    let room = room();
    let admin = room.guest_as("admin", "alice");
    ban(&admin, &room, &room.owner.bare()).must_fail("not-allowed");
    room.owner.expect_nothing();
}

/// §5.2.2: nor another admin.
#[test]
fn an_admin_cannot_ban_an_admin() {
    let room = room();
    let (admin, other) = (room.guest_as("admin", "alice"), room.guest_as("admin", "bob"));
    ban(&admin, &room, &other.bare()).must_fail("not-allowed");
    other.expect_nothing();
}

/// §5.2.2: an owner can ban an admin.
#[test]
fn an_owner_can_ban_an_admin() {
    let room = room();
    let admin = room.guest_as("admin", "alice");
    ban(&room.owner, &room, &admin.bare()).must("<iq type='result'/>");
    expect!(admin, "<presence type='unavailable'><x xmlns='{USER}'><status code='301'/></x></presence>");
}

/// §9.1: nobody bans oneself: conflict.
#[test]
fn nobody_bans_oneself() {
    let room = room();
    let admin = room.guest_as("admin", "alice");
    ban(&admin, &room, &admin.bare()).must_fail("conflict");
    ban(&room.owner, &room, &room.owner.bare()).must_fail("conflict");
    admin.expect_nothing();
}

/// §9.2: the list MUST have affiliation and JID, and SHOULD have neither nick nor role (§17.4: MUST NOT).
#[test]
fn an_admin_gets_the_list() {
    let room = room();
    let (alice, admin) = (online(), room.guest_as("admin", "bob"));
    room.affiliate(&alice, "outcast");
    let list = admin.list(&room, "affiliation='outcast'");
    list.must(&format!(
        "<iq type='result'><query xmlns='{ADMIN}'>\
         <item affiliation='outcast' jid='{alice:#}' nick='{NONE}' role='{NONE}'/></query></iq>"
    ));
    assert_eq!(list.need_child("query").children().count(), 1, "{list}");
}

/// §9.2: without bans it is empty.
#[test]
fn the_list_may_be_empty() {
    assert_eq!(banned(&room()), Vec::<String>::new());
}

/// §9: nobody else gets it.
#[test]
fn who_is_no_admin_does_not_get_the_list() {
    let room = room();
    for client in [room.guest("alice"), room.guest_as("member", "bob"), online()] {
        client.list(&room, "affiliation='outcast'").must_fail("forbidden");
    }
}

/// §9.2: several changes at once, in both directions.
#[test]
fn several_changes_at_once() {
    let (room, alice, bob, carol) = (room(), online(), online(), online());
    room.affiliate(&alice, "outcast");
    let items = format!(
        "<item affiliation='none' jid='{alice:#}'/><item affiliation='outcast' jid='{bob:#}'/>\
         <item affiliation='outcast' jid='{carol:#}'/>"
    );
    room.owner.administer(&room, &items).must("<iq type='result'/>");
    let mut expected = vec![bob.bare(), carol.bare()];
    expected.sort();
    let mut found = banned(&room);
    found.sort();
    assert_eq!(found, expected);
}

/// §9.2: if one is not allowed the request MUST be denied, with conflict or not-allowed.
#[test]
fn one_change_that_is_not_allowed_denies_the_request() {
    let (room, bob) = (room(), online());
    let admin = room.guest_as("admin", "alice");
    let items = format!(
        "<item affiliation='outcast' jid='{bob:#}'/><item affiliation='outcast' jid='{:#}'/>",
        room.owner
    );
    admin.administer(&room, &items).must_fail_with_one_of(&["conflict", "not-allowed"]);
}

/// §9.2: and SHOULD NOT be applied in part.
#[test]
fn a_denied_request_changes_nothing() {
    let (room, bob) = (room(), online());
    let admin = room.guest_as("admin", "alice");
    let items = format!(
        "<item affiliation='outcast' jid='{bob:#}'/><item affiliation='outcast' jid='{:#}'/>",
        room.owner
    );
    admin.administer(&room, &items);
    assert_eq!(banned(&room), Vec::<String>::new());
}

/// §9.2: a domain can be banned, with all its users.
#[test]
fn a_banned_domain_is_banned_with_its_users() {
    let room = room();
    let stranger = online_at("second.localhost");
    room.owner.affiliate(&room, "second.localhost", "outcast").must("<iq type='result'/>");
    settle();
    stranger.try_join(&room, "alice", "").must_fail("forbidden");
}

/// §9.2: and others are not.
#[test]
fn a_banned_domain_is_not_another() {
    let room = room();
    room.owner.affiliate(&room, "second.localhost", "outcast").must("<iq type='result'/>");
    settle();
    online().join(&room, "alice");
}

/// §9.2: a user who stands on a list by name is judged by that before the domain.
#[test]
fn the_user_is_matched_before_the_domain() {
    let room = room();
    let stranger = online_at("second.localhost");
    room.affiliate(&stranger, "member");
    room.owner.affiliate(&room, "second.localhost", "outcast").must("<iq type='result'/>");
    settle();
    stranger.join(&room, "alice");
}

/// §17.4: an affiliation that is none is a bad request.
#[test]
fn an_unknown_affiliation_is_a_bad_request() {
    let (room, alice) = (room(), online());
    room.owner
        .affiliate(&room, &alice.bare(), "king")
        .must_fail_with_one_of(&["bad-request", "not-acceptable"]);
}
