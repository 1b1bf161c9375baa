//! XEP-0045 §6: what anybody can find out about rooms.

use crate::harness::rooms::*;

/// The items of an entity, page by page where they come in pages (XEP-0059).
#[track_caller]
pub(super) fn items_of(who: &Client, whom: &impl std::fmt::Display) -> Vec<Element> {
    let mut items: Vec<Element> = Vec::new();
    let mut after = String::new();
    loop {
        let answer = request!(who, "<iq type='get' to='{whom}'><query xmlns='{ITEMS}'>{after}</query></iq>");
        let query = answer.must("<iq type='result'/>").need_child("query").clone();
        items.extend(query.children().filter(|c| c.name == "item").cloned());
        let Some(set) = query.child("set") else { return items };
        let text = |name| set.child(name).map(Element::text);
        let all = text("count").and_then(|n| n.parse().ok()).is_none_or(|count: usize| items.len() >= count);
        match text("last") {
            Some(last) if !all => {
                after = format!("<set xmlns='http://jabber.org/protocol/rsm'><after>{last}</after></set>");
            }
            _ => return items,
        }
    }
}

/// The entry of a room in its service's list.
#[track_caller]
fn listed(who: &Client, room: &Room) -> Option<Element> {
    let address = room.to_string();
    items_of(who, &SERVICE).into_iter().find(|i| i.attr("jid") == Some(&address))
}

/// A room with this configuration has the one feature and not the other.
#[track_caller]
fn has_not(fields: &[(&str, &str)], has: &str, has_not: &str) {
    let features = room_with(fields).features();
    assert!(features.iter().any(|f| f == has), "{has} is not in {features:?}");
    assert!(!features.iter().any(|f| f == has_not), "{has_not} is in {features:?}");
}

/// §6.1: the server's items have the service.
#[test]
fn the_server_lists_the_service() {
    let alice = user();
    let items = items_of(&alice, &"localhost");
    assert!(items.iter().any(|i| i.attr("jid") == Some(SERVICE)), "{items:?}");
}

/// §6.2: the service MUST return its identity.
#[test]
fn the_service_is_a_conference() {
    user().info(&SERVICE).must(&format!(
        "<iq><query xmlns='{INFO}'><identity category='conference' type='text'/></query></iq>"
    ));
}

/// §6.2: the service MUST return its features.
#[test]
fn the_service_has_the_feature_of_rooms() {
    user().info(&SERVICE).must(&format!("<iq><query xmlns='{INFO}'><feature var='{MUC}'/></query></iq>"));
}

/// §6.2, the other way round: the server itself is none.
#[test]
fn the_server_itself_is_no_conference() {
    let info = user().info(&"localhost");
    info.must_not(&format!("<iq><query xmlns='{INFO}'><identity category='conference'/></query></iq>"));
    info.must_not(&format!("<iq><query xmlns='{INFO}'><feature var='{MUC}'/></query></iq>"));
}

/// §6.3: the service SHOULD return its public rooms.
#[test]
fn a_public_room_is_listed() {
    let room = room_with(&[("publicroom", "1"), ("roomname", "A Dark Cave")]);
    let entry = listed(&user(), &room);
    let entry = entry.unwrap_or_else(|| panic!("{room} is not listed"));
    // A service may add to the name, such as the number of occupants.
    entry.must(&format!("<item xmlns='{ITEMS}' name='A Dark Cave{ANY}'/>"));
}

/// §6.3: and not the hidden ones.
#[test]
fn a_hidden_room_is_not_listed() {
    let room = room_with(&[("publicroom", "0")]);
    assert_eq!(listed(&user(), &room), None);
}

/// §6.3: a room that becomes hidden leaves the list, and comes back.
#[test]
fn a_room_that_is_hidden_later_leaves_the_list() {
    let (room, alice) = (room_with(&[("publicroom", "1")]), user());
    room.configure(&[("publicroom", "0")]);
    assert_eq!(listed(&alice, &room), None);
    room.configure(&[("publicroom", "1")]);
    assert!(listed(&alice, &room).is_some());
}

/// §6.3, §10.9: a destroyed room is no room of the service.
#[test]
fn a_destroyed_room_is_not_listed() {
    let (room, alice) = (room_with(&[("publicroom", "1")]), user());
    request!(room.owner, "<iq type='set' to='{room}'><query xmlns='{OWNER}'><destroy/></query></iq>")
        .must("<iq type='result'/>");
    settle();
    assert_eq!(listed(&alice, &room), None);
}

/// §6.4: a room MUST return its identity, with the configured name.
#[test]
fn a_room_is_a_conference_with_its_name() {
    let room = room_with(&[("roomname", "A Dark Cave")]);
    user().info(&room).must(&format!(
        "<iq from='{room}'><query xmlns='{INFO}'>\
         <identity category='conference' type='text' name='A Dark Cave'/></query></iq>"
    ));
}

/// §6.4: a room SHOULD return the features it supports.
#[test]
fn a_room_has_the_feature_of_rooms() {
    let room = room();
    user().info(&room).must(&format!("<iq><query xmlns='{INFO}'><feature var='{MUC}'/></query></iq>"));
}

/// §6.4 with XEP-0030 §7: a room that does not exist has no information.
#[test]
fn a_room_that_does_not_exist_is_not_found() {
    let (room, alice) = (address(), user());
    request!(alice, "<iq type='get' to='{room}'><query xmlns='{INFO}'/></iq>").must_fail("item-not-found");
}

/// §6.4, §16.3: the type of the room is in its features.
#[test]
fn a_room_with_a_password_says_so() {
    has_not(PROTECTED, "muc_passwordprotected", "muc_unsecured");
}

/// §6.4, §16.3.
#[test]
fn a_room_without_a_password_says_so() {
    has_not(&[], "muc_unsecured", "muc_passwordprotected");
}

/// §6.4, §16.3.
#[test]
fn a_hidden_room_says_so() {
    has_not(&[("publicroom", "0")], "muc_hidden", "muc_public");
}

/// §6.4, §16.3.
#[test]
fn a_public_room_says_so() {
    has_not(&[("publicroom", "1")], "muc_public", "muc_hidden");
}

/// §6.4, §16.3.
#[test]
fn a_temporary_room_says_so() {
    has_not(&[("persistentroom", "0")], "muc_temporary", "muc_persistent");
}

/// §6.4, §16.3.
#[test]
fn a_persistent_room_says_so() {
    has_not(&[("persistentroom", "1")], "muc_persistent", "muc_temporary");
}

/// §6.4, §16.3.
#[test]
fn an_open_room_says_so() {
    has_not(&[("membersonly", "0")], "muc_open", "muc_membersonly");
}

/// §6.4, §16.3.
#[test]
fn a_members_only_room_says_so() {
    has_not(&[("membersonly", "1")], "muc_membersonly", "muc_open");
}

/// §6.4, §16.3.
#[test]
fn a_moderated_room_says_so() {
    has_not(&[("moderatedroom", "1")], "muc_moderated", "muc_unmoderated");
}

/// §6.4, §16.3.
#[test]
fn an_unmoderated_room_says_so() {
    has_not(&[("moderatedroom", "0")], "muc_unmoderated", "muc_moderated");
}

/// §6.4, §16.3.
#[test]
fn a_non_anonymous_room_says_so() {
    has_not(&[("whois", "anyone")], "muc_nonanonymous", "muc_semianonymous");
}

/// §6.4, §16.3.
#[test]
fn a_semi_anonymous_room_says_so() {
    has_not(&[("whois", "moderators")], "muc_semianonymous", "muc_nonanonymous");
}

/// §6.4: more information MAY be there, in a form with its type; a description is what owners write for it.
#[test]
fn extended_information_is_a_form_of_its_type() {
    let room = room_with(&[("roomdesc", "The place for all good witches!")]);
    user().info(&room).must(&format!(
        "<iq><query xmlns='{INFO}'><x xmlns='jabber:x:data' type='result'>\
         <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roominfo</value></field>\
         <field var='muc#roominfo_description'><value>The place for all good witches!</value></field></x></query></iq>"
    ));
}

/// §6.5: where occupants are private, the room MUST return an empty query; a hidden room's are.
#[test]
fn an_outsider_does_not_learn_who_is_in_a_hidden_room() {
    assert_eq!(items_of(&user(), &room_with(HIDDEN)), []);
}

/// §6.5: what a room does list has nothing that a list of items cannot have.
#[test]
fn the_items_of_a_room_have_no_roles() {
    let room = room_with(&[("publicroom", "1")]);
    let alice = room.guest("alice");
    for item in items_of(&alice, &room) {
        item.must(&format!("<item xmlns='{ITEMS}' jid='{room}/{ANY}' affiliation='{NONE}' role='{NONE}'/>"));
    }
}

/// §6.5 with XEP-0030 §7: a room that does not exist has no items.
#[test]
fn a_room_that_does_not_exist_has_no_items() {
    let (room, alice) = (address(), user());
    request!(alice, "<iq type='get' to='{room}'><query xmlns='{ITEMS}'/></iq>").must_fail("item-not-found");
}

/// §6.6: a question of a non-occupant to an occupant MUST be answered with bad-request.
#[test]
fn an_outsider_may_not_ask_an_occupant() {
    let (room, alice) = (room(), user());
    request!(alice, "<iq type='get' to='{room}/owner'><query xmlns='{INFO}'/></iq>").must_fail("bad-request");
    room.owner.expect_nothing();
}

/// §6.6: and the same where no occupant is, or it could be seen who is there.
#[test]
fn an_outsider_does_not_learn_who_is_there() {
    let (room, alice) = (room(), user());
    let there = request!(alice, "<iq type='get' to='{room}/owner'><query xmlns='{INFO}'/></iq>");
    let not_there = request!(alice, "<iq type='get' to='{room}/nobody'><query xmlns='{INFO}'/></iq>");
    assert_eq!(there.attr("type"), Some("error"), "{there}");
    assert_eq!(there.condition(), not_there.condition());
}

/// §6.6, §17.4 (3): the question of an occupant is passed on, and so is the answer.
#[test]
fn an_occupant_may_ask_an_occupant() {
    let room = room();
    let (alice, bob) = (room.guest("alice"), room.guest("bob"));
    send!(alice, "<iq type='get' id='ask' to='{room}/bob'><query xmlns='{INFO}'/></iq>");
    let asked = expect!(bob, "<iq type='get' from='{room}/alice' to='{bob}'><query xmlns='{INFO}'/></iq>");
    send!(bob, "<iq type='result' id='{}' to='{room}/alice'><query xmlns='{INFO}'/></iq>", asked.need("id"));
    expect!(alice, "<iq type='result' id='ask' from='{room}/bob'/>");
}
