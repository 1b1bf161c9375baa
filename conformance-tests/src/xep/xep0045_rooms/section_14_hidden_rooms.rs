//! XEP-0045 §4.2, §6.5, §14.4: what a hidden room for members tells, to whom: each standing × each question.

use crate::harness::rooms::*;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    /// Somebody the room does not know.
    Stranger,
    Outcast,
    /// A member, an admin who are not there.
    Member,
    Admin,
    /// A member who is there.
    Occupant,
    /// A moderator who is there and has no affiliation but "member".
    Moderator,
}

/// A hidden room for members, its owner in it under a nick that is a secret, and somebody who asks.
fn coven(who: Who) -> (Room, Client) {
    let fields = [("membersonly", "1"), ("whois", "moderators")];
    let room = room_with(&[HIDDEN, &fields].concat());
    let client = online();
    let affiliation = match who {
        Who::Stranger => "none",
        Who::Outcast => "outcast",
        Who::Member | Who::Occupant | Who::Moderator => "member",
        Who::Admin => "admin",
    };
    if who != Who::Stranger {
        room.affiliate(&client, affiliation);
    }
    if matches!(who, Who::Occupant | Who::Moderator) {
        client.join(&room, "asker");
    }
    if who == Who::Moderator {
        room.give_role("asker", "moderator");
    }
    (room, client)
}

const ALL: [Who; 6] = [Who::Stranger, Who::Outcast, Who::Member, Who::Admin, Who::Occupant, Who::Moderator];
const OUTSIDE: [Who; 4] = [Who::Stranger, Who::Outcast, Who::Member, Who::Admin];

/// The answer to a question has nothing of the owner: neither address nor nick.
#[track_caller]
fn tells_nothing(room: &Room, who: Who, answer: &Element) {
    let text = answer.to_string();
    assert!(!text.contains(&room.owner.bare()), "{who:?} is told the owner's address: {answer}");
    assert!(!text.contains(&format!("{room}/owner")), "{who:?} is told the owner's nick: {answer}");
}

/// §4.2, §6.3: no user finds it by asking the service.
#[test]
fn it_is_on_no_list() {
    for who in OUTSIDE {
        let (room, client) = coven(who);
        let address = room.to_string();
        let items = super::section_6_discovery::items_of(&client, &SERVICE);
        assert!(!items.iter().any(|i| i.attr("jid") == Some(&address)), "{who:?}");
    }
}

/// §6.5: its items are empty for those who are not let in.
#[test]
fn its_occupants_are_not_its_items() {
    for who in [Who::Stranger, Who::Outcast] {
        let (room, client) = coven(who);
        let answer = request!(client, "<iq type='get' to='{room}'><query xmlns='{ITEMS}'/></iq>");
        tells_nothing(&room, who, &answer);
    }
}

/// §6.4: its information names nobody.
#[test]
fn its_information_names_nobody() {
    for who in ALL {
        let (room, client) = coven(who);
        let answer = request!(client, "<iq type='get' to='{room}'><query xmlns='{INFO}'/></iq>");
        tells_nothing(&room, who, &answer);
    }
}

/// §6.6: a question to a nick has the same answer whether it is taken or not.
#[test]
fn its_nicks_cannot_be_guessed() {
    for who in OUTSIDE {
        let (room, client) = coven(who);
        for query in [
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "<ping xmlns='urn:xmpp:ping'/>",
            "<vCard xmlns='vcard-temp'/>",
        ] {
            let taken = request!(client, "<iq type='get' to='{room}/owner'>{query}</iq>");
            let free = request!(client, "<iq type='get' to='{room}/nobody'>{query}</iq>");
            taken.must("<iq type='error'/>");
            assert_eq!(taken.condition(), free.condition(), "{who:?}, {query}");
        }
    }
}

/// §7.5: nor by private messages.
#[test]
fn its_nicks_cannot_be_guessed_by_messages() {
    for who in OUTSIDE {
        let (room, client) = coven(who);
        let condition = |nick: &str| {
            send!(client, "<message to='{room}/{nick}' type='chat' id='{nick}'><body>hi</body></message>");
            expect!(client, "<message type='error' id='{nick}'/>").condition()
        };
        assert_eq!(condition("owner"), condition("nobody"), "{who:?}");
        room.owner.expect_nothing();
    }
}

/// §7.2: nor by asking to enter under them, for those who are not let in.
#[test]
fn its_nicks_cannot_be_guessed_by_entering() {
    for who in [Who::Stranger, Who::Outcast] {
        let (room, client) = coven(who);
        let taken = client.try_join(&room, "owner", "").condition();
        let free = client.try_join(&room, "nobody", "").condition();
        assert_eq!(taken, free, "{who:?}");
        room.owner.expect_nothing();
    }
}

/// §9, §10: its lists are for admins and owners, those of owners and admins for owners.
#[test]
fn its_lists_are_closed() {
    for who in ALL {
        let (room, client) = coven(who);
        for list in ["owner", "admin", "member", "outcast"] {
            let answer = client.list(&room, &format!("affiliation='{list}'"));
            let may = who == Who::Admin && ["member", "outcast"].contains(&list);
            let expected = if may { "result" } else { "error" };
            assert_eq!(answer.attr("type"), Some(expected), "{who:?} asks for {list}: {answer}");
        }
    }
}

/// §8.5, §9.8: lists of roles are for moderators.
#[test]
fn its_roles_are_closed() {
    for who in ALL {
        let (room, client) = coven(who);
        if matches!(who, Who::Admin | Who::Moderator) {
            continue;
        }
        for list in ["moderator", "participant", "visitor"] {
            client.list(&room, &format!("role='{list}'")).must("<iq type='error'/>");
        }
    }
}

/// §10.2: its configuration is for owners.
#[test]
fn its_configuration_is_closed() {
    for who in ALL {
        let (room, client) = coven(who);
        request!(client, "<iq type='get' to='{room}'><query xmlns='{OWNER}'/></iq>").must_fail("forbidden");
    }
}

/// §7.4: nobody from outside speaks or changes the subject.
#[test]
fn nobody_speaks_from_outside() {
    for who in OUTSIDE {
        let (room, client) = coven(who);
        client.say(&room, "m", "boo");
        expect!(client, "<message type='error' id='m'/>");
        send!(client, "<message to='{room}' type='groupchat' id='s'><subject>boo</subject></message>");
        expect!(client, "<message type='error' id='s'/>");
        room.owner.expect_nothing();
    }
}

/// §17.3 (4): presence of an unknown kind from outside tells nothing.
#[test]
fn probes_from_outside_tell_nothing() {
    for who in OUTSIDE {
        let (room, client) = coven(who);
        for to in [room.to_string(), format!("{room}/owner")] {
            send!(client, "<presence to='{to}' type='probe'/>");
            send!(client, "<presence to='{to}' type='subscribe'/>");
        }
        barrier();
        for answer in client.inbox() {
            let said = answer.name == "presence" && answer.attr("type").is_none();
            assert!(!said, "{who:?}: {answer}");
        }
        room.owner.expect_no(&format!("<presence from='{client}'/>"));
    }
}
