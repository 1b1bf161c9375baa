//! Whatever happens in a room, what its occupants have been sent adds up to what the room is: random joins, leaves,
//! changes of nicknames, roles, affiliations and configuration, kicks, bans and lost clients, on the room alone.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use waxwing_xmpp::Timestamp;

use super::*;
use crate::affiliation::{Affiliate, Affiliation};
use crate::nick;
use crate::role::Role;
use crate::room::Room;
use crate::settings::Settings;
use crate::turn::{Kept, Outgoing, Turn, World};

/// A world without an archive.
#[derive(Default)]
pub(crate) struct Nowhere(Cell<u64>);

impl World for Nowhere {
    fn id(&self) -> Text {
        self.0.set(self.0.get() + 1);
        Text::from(self.0.get().to_string())
    }
    fn keep(&self, _: &Stanza) -> Result<Kept, StanzaError> {
        Ok(Kept { id: self.id(), ticket: None })
    }
}

/// What a client knows of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    role: String,
    affiliation: String,
    show: Option<&'static str>,
    jid: Option<String>,
}

/// What each client in the room has been told.
#[derive(Debug, Default)]
struct Views(BTreeMap<String, BTreeMap<String, Seen>>);

impl Views {
    fn take(&mut self, to: &Jid, stanza: &Stanza) {
        let Kind::Presence(kind) = stanza.kind else { return };
        if kind == PresenceType::Error {
            return;
        }
        let (own, view) =
            (codes(stanza).contains(&"110".to_owned()), self.0.entry(to.to_string()).or_default());
        let name = nick(stanza).to_owned();
        if kind == PresenceType::Unavailable {
            view.remove(&name);
            if own && !codes(stanza).contains(&"303".to_owned()) {
                self.0.remove(to.as_str());
            }
            return;
        }
        let text = |attribute| item(stanza, attribute);
        let (role, affiliation) = (text("role").unwrap_or_default(), text("affiliation").unwrap_or_default());
        let show = stanza.show().map(|show| show.name());
        view.insert(name, Seen { role, affiliation, show, jid: text("jid") });
    }

    fn deliver(&mut self, out: impl IntoIterator<Item = Outgoing>) {
        for outgoing in out {
            match outgoing {
                Outgoing::One(stanza) => self.take(&stanza.to.clone().expect("an address"), &stanza),
                Outgoing::Many { stanza, to } => to.for_each(|to| self.take(&to, &stanza)),
            }
        }
    }

    /// Compares what clients know with what is.
    fn check(&self, room: &Room) {
        let inside: Vec<String> = room.clients.keys().map(Jid::to_string).collect();
        let mut knowing: Vec<String> = self.0.keys().cloned().collect();
        let mut expected = inside.clone();
        expected.sort();
        knowing.sort();
        assert_eq!(knowing, expected, "who believes to be in the room");
        for (client, key) in &room.clients {
            let (view, me) = (&self.0[client.as_str()], &room.occupants[key]);
            let shown =
                room.occupants.values().filter(|other| room.is_broadcast(other.role) || other.jid == me.jid);
            let names: Vec<&str> = shown.clone().map(|other| other.nick()).collect();
            let mut names: Vec<&str> = names;
            names.sort_unstable();
            assert_eq!(view.keys().map(String::as_str).collect::<Vec<_>>(), names, "whom {client} sees");
            for other in shown {
                let seen = &view[other.nick()];
                let client = other.shown().expect("a client");
                assert_eq!(seen.role, other.role.name(), "role of {}", other.jid);
                assert_eq!(
                    seen.affiliation,
                    room.affiliations.of(&other.real).name(),
                    "affiliation of {}",
                    other.jid
                );
                let presence =
                    Stanza { children: client.presence.clone(), ..Stanza::presence(PresenceType::Available) };
                assert_eq!(seen.show, presence.show().map(|show| show.name()), "presence of {}", other.jid);
                if room.sees_addresses(me.role) {
                    assert_eq!(
                        seen.jid.as_deref(),
                        Some(client.jid.as_str()),
                        "{} sees {}",
                        me.jid,
                        other.jid
                    );
                }
            }
        }
    }
}

fn jid(user: u8, resource: u8) -> Jid {
    Jid::parse(&format!("user{}@shakespeare.lit/{}", user % 5, resource % 2)).unwrap()
}

fn name(number: u8) -> String {
    ["Ash", "birch", "Cedar", "elm", "BIRCH", "fir"][usize::from(number % 6)].to_owned()
}

/// One thing that happens; what it may not do fails, and changes nothing.
fn act(room: &mut Room, turn: &mut Turn<'_>, what: u8, who: u8, with: u8) {
    let from = jid(who, with >> 6);
    let owner = jid(0, 0);
    let joining = Stanza::presence(PresenceType::Available).with(&Tree::new(MUC, "x"));
    let shows = ["away", "xa", "dnd", "chat"];
    let show = Tree::new(waxwing_xml::CONTENT, "show").with_text(shows[usize::from(with % 4)]);
    let update = Stanza::presence(PresenceType::Available).with(&show);
    let target = room.occupants.values().nth(usize::from(with) % room.occupants.len().max(1)).cloned();
    let of = |name: &str, value: &str| Tree::new(names::ADMIN, "item").with_attr(name, value);
    let query = |item: Tree| Tree::new(names::ADMIN, "query").with_child(item);
    let done = match (what % 12, target) {
        (0..=2, _) if !room.is_occupant(&from) => room.enter(turn, &from, &name(with), &joining),
        (0..=2, _) => room.enter_again(turn, &from, &joining),
        (3, _) if room.is_occupant(&from) => room.rename(turn, &from, &name(with), &update),
        (4, _) if room.is_occupant(&from) => room.update(turn, &from, &update),
        (5, _) => {
            room.leave(turn, &from, &Stanza::presence(PresenceType::Unavailable));
            Ok(())
        }
        (6, _) => {
            room.lose(turn, &from);
            Ok(())
        }
        (7, Some(target)) => {
            let role = ["none", "visitor", "participant", "moderator"][usize::from(who % 4)];
            room.change(turn, &owner, &query(of("role", role).with_attr("nick", target.nick())))
        }
        (8 | 9, _) => {
            let affiliation = ["none", "outcast", "member", "admin"][usize::from(with % 4)];
            room.change(
                turn,
                &owner,
                &query(of("affiliation", affiliation).with_attr("jid", from.bare_str())),
            )
        }
        (10, _) => {
            let field = |var: &str, values: &[&str]| {
                let values = values.iter().map(|value| (*value).to_owned()).collect();
                waxwing_xmpp::Field { values, var: format!("muc#roomconfig_{var}"), ..Default::default() }
            };
            let field = match with % 8 {
                0 => field("presencebroadcast", &["moderator", "participant"]),
                1 => field("presencebroadcast", &["moderator", "participant", "visitor"]),
                2 => field("whois", &["anyone"]),
                3 => field("whois", &["moderators"]),
                4 => field("moderatedroom", &["1"]),
                5 => field("moderatedroom", &["0"]),
                6 => field("membersonly", &["1"]),
                _ => field("membersonly", &["0"]),
            };
            let form =
                waxwing_xmpp::Form { kind: "submit".into(), fields: vec![field], ..Default::default() };
            room.own(turn, &owner, &Tree::new(names::OWNER, "query").with_child(form.to_tree()))
        }
        _ => Ok(()),
    };
    drop(done);
}

/// A room of `user0` that nobody is in.
pub(crate) fn room(config: &Config) -> Room {
    let owner = BareJid::parse("user0@shakespeare.lit").unwrap();
    let settings = Settings::new(&config.defaults, config.occupants_max);
    let mut room = Room::new(BareJid::parse(COVEN).unwrap(), settings, owner.clone(), Timestamp(0), [7; 32]);
    room.affiliations.set(&owner, Affiliate { affiliation: Affiliation::Owner, ..Affiliate::default() });
    (room.locked, room.settings.persistent) = (false, true);
    room
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn what_occupants_were_sent_is_what_the_room_is(acts in prop::collection::vec(any::<(u8, u8, u8)>(), 1..120)) {
        let (world, config) = (Nowhere::default(), Config { rate: 1_000_000, burst: 1_000_000, nick_changes: 1_000_000, entries: 1_000_000, ..Config::default() });
        let mut room = room(&config);
        let mut views = Views::default();
        for (at, (what, who, with)) in acts.into_iter().enumerate() {
            let now = Timestamp(i64::try_from(at).unwrap() * 1_000_000);
            let mut turn = Turn::new(&world, &config, &[], now);
            act(&mut room, &mut turn, what, who, with);
            views.deliver(std::mem::take(&mut turn.out));
            views.check(&room);
            for (key, occupant) in &room.occupants {
                prop_assert_eq!(key, &nick::key(occupant.nick()));
                prop_assert!(occupant.role > Role::None && !occupant.clients.is_empty());
            }
        }
    }
}
