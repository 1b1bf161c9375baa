//! XEP-0463: what has changed in the lists of a room.

use crate::harness::rooms::*;

const NS: &str = "urn:xmpp:muc:affiliations:1";

/// Enters with the version last seen, or without one; what came.
#[track_caller]
fn enter(who: &Client, room: &Room, since: &str) -> Vec<Element> {
    who.join_with(room, "alice", &format!("<mav xmlns='{NS}'{since}/>"))
}

/// A part of the room's own messages and presence.
fn mav(stanza: &Element) -> Option<&Element> {
    stanza.children().find(|c| c.ns == USER)?.children().find(|c| c.ns == NS)
}

/// The lists that came, and how they are called.
fn lists(came: &[Element]) -> Vec<&Element> {
    came.iter().filter(|s| s.name == "message" && mav(s).is_some()).collect()
}

/// The version in the user's own presence.
#[track_caller]
fn version(came: &[Element]) -> String {
    let own = came.iter().find(|s| s.name == "presence" && codes(s).contains(&"110".to_owned()));
    let own = own.unwrap_or_else(|| panic!("no self-presence in {came:?}"));
    mav(own).unwrap_or_else(|| panic!("no version in {own}")).need("until").to_owned()
}

/// Each address with its affiliation.
fn entries(lists: &[&Element]) -> Vec<(String, String)> {
    let items = lists.iter().flat_map(|m| m.children().filter(|c| c.ns == USER)).flat_map(Element::children);
    let mut all: Vec<(String, String)> = items
        .filter(|i| i.name == "item")
        .map(|i| (i.need("jid").to_owned(), i.need("affiliation").to_owned()))
        .collect();
    all.sort();
    all
}

/// A room where members may see who is a member, and one of them.
fn private_group() -> (Room, Client) {
    let room = room_with(&[("membersonly", "1"), ("whois", "anyone")]);
    let alice = online();
    room.affiliate(&alice, "member");
    (room, alice)
}

/// §4: a room that does it MUST say so.
#[test]
fn a_room_says_that_it_has_versions() {
    let (room, _alice) = private_group();
    assert!(room.has(NS), "{:?}", room.features());
}

/// §5.2.1: without a version the whole list comes, before any presence, with the version it stands for.
#[test]
fn without_a_version_all_comes_first() {
    let (room, alice) = private_group();
    let came = enter(&alice, &room, "");
    let lists = lists(&came);
    let mut expected = vec![(alice.bare(), "member".to_owned()), (room.owner.bare(), "owner".to_owned())];
    expected.sort();
    assert_eq!(entries(&lists), expected);
    assert_eq!(came[0].name, "message", "{came:?}");
    assert_eq!(mav(lists[lists.len() - 1]).and_then(|m| m.attr("until")), Some(&*version(&came)));
    assert_eq!(mav(lists[0]).and_then(|m| m.attr("since")), None);
}

/// §5.2.1: with the current version no list comes, and the own presence has the version.
#[test]
fn with_the_current_version_nothing_comes() {
    let (room, alice) = private_group();
    let current = version(&enter(&alice, &room, ""));
    alice.leave(&room, "alice");
    let came = enter(&alice, &room, &format!(" since='{current}'"));
    assert_eq!(lists(&came).len(), 0, "{came:?}");
    assert_eq!(version(&came), current);
}

/// §5.2.1: with an older version the changes come.
#[test]
fn with_an_older_version_the_changes_come() {
    let (room, alice) = private_group();
    let (bob, old) = (online(), version(&enter(&alice, &room, "")));
    alice.leave(&room, "alice");
    room.affiliate(&bob, "admin");
    let came = enter(&alice, &room, &format!(" since='{old}'"));
    let lists = lists(&came);
    assert_eq!(mav(lists[0]).and_then(|m| m.attr("since")), Some(&*old));
    assert_eq!(entries(&lists), [(bob.bare(), "admin".to_owned())]);
    assert_ne!(version(&came), old);
}

/// §5.2.1: a loss is a change.
#[test]
fn a_lost_affiliation_is_a_change() {
    let (room, alice) = private_group();
    let bob = online();
    room.affiliate(&bob, "member");
    let old = version(&enter(&alice, &room, ""));
    alice.leave(&room, "alice");
    room.affiliate(&bob, "none");
    let came = enter(&alice, &room, &format!(" since='{old}'"));
    assert_eq!(entries(&lists(&came)), [(bob.bare(), "none".to_owned())]);
}

/// §5.2.1: with a version that nobody knows all MUST come, without "since".
#[test]
fn with_an_unknown_version_all_comes() {
    let (room, alice) = private_group();
    let came = enter(&alice, &room, " since='no such version'");
    let lists = lists(&came);
    assert_eq!(mav(lists[0]).and_then(|m| m.attr("since")), None, "{lists:?}");
    assert_eq!(entries(&lists).len(), 2);
}

/// §5.1: who does not ask gets no list.
#[test]
fn who_does_not_ask_gets_no_list() {
    let (room, alice) = private_group();
    let came = alice.join(&room, "alice");
    assert_eq!(lists(&came).len(), 0, "{came:?}");
}

/// §5.1: the request MUST NOT reach others.
#[test]
fn the_request_is_not_passed_on() {
    let (room, alice) = private_group();
    alice.send_join(&room, "alice", &format!("<mav xmlns='{NS}' since='secret'/>"));
    let seen = expect!(room.owner, "<presence from='{room}/alice'/>");
    assert!(!seen.to_string().contains("secret"), "{seen}");
}

/// §5.2.2: a change MUST have the versions before and after it.
#[test]
fn a_change_has_both_versions() {
    let (room, alice) = private_group();
    let before = version(&enter(&alice, &room, ""));
    room.owner.affiliate(&room, &alice.bare(), "admin").must("<iq type='result'/>");
    let change = expect!(
        alice,
        "<presence from='{room}/alice'><x xmlns='{USER}'><item affiliation='admin'/></x></presence>"
    );
    let mav = mav(&change).unwrap_or_else(|| panic!("no versions in {change}"));
    assert_eq!(mav.attr("since"), Some(&*before));
    assert_ne!(mav.need("until"), before);
}

/// §5.2.2: and one of somebody absent MUST come in a message.
#[test]
fn a_change_of_somebody_absent_is_told() {
    let (room, alice) = private_group();
    let (bob, before) = (online(), version(&enter(&alice, &room, "")));
    room.owner.affiliate(&room, &bob.bare(), "admin").must("<iq type='result'/>");
    let change = expect!(
        alice,
        "<message from='{room}'><x xmlns='{USER}'><mav xmlns='{NS}' since='{before}'/>\
         <item jid='{bob:#}' affiliation='admin'/></x></message>"
    );
    assert_ne!(mav(&change).unwrap_or_else(|| panic!("{change}")).need("until"), before);
}

/// §5.2.3: who may not see the lists MUST get forbidden, in a message, and no list.
#[test]
fn who_may_not_see_the_lists_does_not() {
    let (room, alice) = (room_with(SEMI_ANONYMOUS), online());
    let came = enter(&alice, &room, "");
    assert_eq!(lists(&came).len(), 0, "{came:?}");
    let error = came.iter().find(|s| s.name == "message" && s.attr("type") == Some("error"));
    error.unwrap_or_else(|| panic!("no error in {came:?}")).must_fail("forbidden");
}
