//! XEP-0317: hats.

use crate::harness::rooms::*;

const NS: &str = "urn:xmpp:hats:0";
const TEACHER: &str = "http://tech.example.edu/hats#Teacher";

fn hat_fields(fields: &[(&str, &str)]) -> String {
    let all: String = fields
        .iter()
        .map(|(var, value)| format!("<field var='hats#{var}'><value>{value}</value></field>"))
        .collect();
    format!(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>\
         <value>urn:xmpp:hats:commands</value></field>{all}</x>"
    )
}

#[track_caller]
fn command(who: &Client, room: &Room, name: &str, content: &str) -> Element {
    request!(
        who,
        "<iq type='set' to='{room}'><command xmlns='http://jabber.org/protocol/commands' action='execute' \
         node='urn:xmpp:hats:commands:{name}'>{content}</command></iq>"
    )
}

/// Runs a command: asks for its form, and submits it.
#[track_caller]
fn run(who: &Client, room: &Room, name: &str, fields: &[(&str, &str)]) -> Element {
    let form = command(who, room, name, "");
    if form.attr("type") == Some("error") {
        return form;
    }
    let session = form.need_child("command").need("sessionid").to_owned();
    form.must(
        "<iq><command xmlns='http://jabber.org/protocol/commands' status='executing'>\
         <x xmlns='jabber:x:data' type='form'/></command></iq>",
    );
    request!(
        who,
        "<iq type='set' to='{room}'><command xmlns='http://jabber.org/protocol/commands' \
         node='urn:xmpp:hats:commands:{name}' sessionid='{session}'>{}</command></iq>",
        hat_fields(fields)
    )
}

const DONE: &str =
    "<iq type='result'><command xmlns='http://jabber.org/protocol/commands' status='completed'/></iq>";

/// A room that has a hat, and somebody who may wear it.
fn room_with_hat() -> (Room, Client) {
    let room = room();
    let alice = room.guest("alice");
    run(&room.owner, &room, "create", &[("title", "Teacher"), ("uri", TEACHER), ("hue", "327.255249")])
        .must(DONE);
    settle();
    (room, alice)
}

/// Puts the hat on.
#[track_caller]
fn assign(room: &Room, whom: &Client) {
    run(&room.owner, room, "assign", &[("jid", &whom.bare()), ("uri", TEACHER)]).must(DONE);
}

const WEARS: &str =
    "<hats xmlns='urn:xmpp:hats:0'><hat title='Teacher' uri='http://tech.example.edu/hats#Teacher'/></hats>";

/// §2: a room with hats MUST say so.
#[test]
fn a_room_says_that_it_has_hats() {
    let room = room();
    assert!(room.has(NS), "{:?}", room.features());
}

/// §3.2: an owner makes a hat, and it is on the list (§3.4).
#[test]
fn a_hat_is_on_the_list() {
    let (room, _alice) = room_with_hat();
    command(&room.owner, &room, "list", "").must(&format!(
        "<iq type='result'><command xmlns='http://jabber.org/protocol/commands' status='completed'>\
         <x xmlns='jabber:x:data' type='result'><item><field var='hats#title'><value>Teacher</value></field>\
         <field var='hats#uri'><value>{TEACHER}</value></field></item></x></command></iq>"
    ));
}

/// §2: a room with a list has a hash of it, and another after a change.
#[test]
fn the_list_has_a_hash() {
    let (room, _alice) = room_with_hat();
    let first = room.info_field("hats#hash").expect("there is a hash");
    run(
        &room.owner,
        &room,
        "create",
        &[("title", "Proctor"), ("uri", "http://tech.example.edu/hats#Proctor")],
    )
    .must(DONE);
    assert_ne!(room.info_field("hats#hash").expect("there is a hash"), first);
}

/// §3.2: all SHOULD be told of a change of the list: 104.
#[test]
fn all_are_told_of_a_new_hat() {
    let room = room();
    let alice = room.guest("alice");
    run(&room.owner, &room, "create", &[("title", "Teacher"), ("uri", TEACHER)]).must(DONE);
    expect!(alice, "<message from='{room}'><x xmlns='{USER}'><status code='104'/></x></message>");
}

/// §3.5, §3.1: who gets a hat wears it in presence, for all to see.
#[test]
fn all_see_a_hat() {
    let (room, alice) = room_with_hat();
    assign(&room, &alice);
    for occupant in [&alice, &room.owner] {
        expect!(occupant, "<presence from='{room}/alice'>{WEARS}</presence>");
    }
}

/// §3.1: also those who enter later, and when the wearer comes back.
#[test]
fn a_hat_stays_on() {
    let (room, alice) = room_with_hat();
    assign(&room, &alice);
    settle();
    let came = online().join(&room, "bob");
    assert!(
        came.iter()
            .any(|s| nick_of(s) == "alice"
                && s.matches(&Element::parse(&format!("<presence>{WEARS}</presence>")))),
        "{came:?}"
    );
    alice.leave(&room, "alice");
    alice.try_join(&room, "alicia", "").must(&format!("<presence>{WEARS}</presence>"));
}

/// §3.1: a hat that a client puts on itself is not seen.
#[test]
fn nobody_puts_on_a_hat_alone() {
    let (room, alice) = room_with_hat();
    send!(alice, "<presence to='{room}/alice'><show>away</show>{WEARS}</presence>");
    let seen = expect!(room.owner, "<presence from='{room}/alice'><show>away</show></presence>");
    seen.must_not(&format!("<presence><hats xmlns='{NS}'><hat/></hats></presence>"));
}

/// §3.6: a hat is taken off, and all SHOULD see it.
#[test]
fn a_hat_is_taken_off() {
    let (room, alice) = room_with_hat();
    assign(&room, &alice);
    settle();
    run(&room.owner, &room, "unassign", &[("jid", &alice.bare()), ("uri", TEACHER)]).must(DONE);
    let seen = expect!(room.owner, "<presence from='{room}/alice'/>");
    seen.must_not(&format!("<presence><hats xmlns='{NS}'><hat/></hats></presence>"));
}

/// §3.3: a destroyed hat is worn by nobody.
#[test]
fn a_destroyed_hat_is_worn_by_nobody() {
    let (room, alice) = room_with_hat();
    assign(&room, &alice);
    settle();
    let done = command(&room.owner, &room, "destroy", &hat_fields(&[("uri", TEACHER)]));
    done.must(DONE);
    let seen = expect!(alice, "<presence from='{room}/alice'/>");
    seen.must_not(&format!("<presence><hats xmlns='{NS}'><hat/></hats></presence>"));
}

/// §3.7: the list of who wears what.
#[test]
fn who_wears_what_is_on_a_list() {
    let (room, alice) = room_with_hat();
    assign(&room, &alice);
    command(&room.owner, &room, "list-assigned", "").must(&format!(
        "<iq type='result'><command xmlns='http://jabber.org/protocol/commands' status='completed'>\
         <x xmlns='jabber:x:data' type='result'><item><field var='hats#jid'><value>{alice:#}</value></field>\
         <field var='hats#uri'><value>{TEACHER}</value></field></item></x></command></iq>"
    ));
}

/// §3.2, §3.5: hats are for admins to give: nobody else makes or assigns one, least of all to oneself.
#[test]
fn nobody_else_gives_hats() {
    let (room, alice) = room_with_hat();
    let stranger = online();
    for client in [&alice, &stranger] {
        for (name, fields) in [
            ("create", [("title", "King"), ("uri", "urn:x:king")]),
            ("assign", [("jid", &*alice.bare()), ("uri", TEACHER)]),
        ] {
            run(client, &room, name, &fields).must("<iq type='error'/>");
        }
    }
    room.owner.expect_silence();
}

/// §3.7, XEP-0045 §7.2.4: nor does anybody else learn the addresses of those who wear hats.
#[test]
fn addresses_stay_hidden() {
    let (room, alice) = room_with_hat();
    let bob = room.guest("bob");
    assign(&room, &alice);
    let answer = command(&bob, &room, "list-assigned", "");
    assert!(!answer.to_string().contains(&alice.bare()), "{answer}");
}
