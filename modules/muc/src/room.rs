//! A room: who is in it, who stands how to it, how it is configured. What happens in it stands in the files beside.

use std::collections::{BTreeMap, HashMap, VecDeque};

use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

use crate::affiliation::{Affiliation, Affiliations};
use crate::audience::Audience;
use crate::hats::Hats;
use crate::history::History;
use crate::nick;
use crate::occupant::Occupant;
use crate::pace::Paces;
use crate::rate::Entries;
use crate::role::Role;
use crate::settings::Settings;
use crate::slow::Slow;
use crate::subject::Subject;
use crate::turn::Turn;
use crate::versions::Versions;

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) jid: BareJid,
    /// Of the account that its rows hang on; none while it is locked: then nothing of it is on disk.
    pub(crate) number: Option<AccountNumber>,
    pub(crate) settings: Settings,
    /// Who made it, and when.
    pub(crate) creator: BareJid,
    pub(crate) created: Timestamp,
    /// §10.1.1: nobody else may enter before the creator has configured it.
    pub(crate) locked: bool,
    /// It has been destroyed: whoever still holds it finds nothing here.
    pub(crate) gone: bool,
    /// A change that was not kept is about to be undone.
    pub(crate) stale: bool,
    /// Grows whenever rows of it are written.
    pub(crate) writes: u64,
    /// What its address tells then.
    pub(crate) tombstone: Option<crate::owner::Destroyed>,
    pub(crate) affiliations: Affiliations,
    /// By the key of their nickname.
    pub(crate) occupants: BTreeMap<String, Occupant>,
    /// The key of the occupant of each client.
    pub(crate) clients: HashMap<Jid, String>,
    /// Changes with both, and with what they see.
    pub(crate) audience: Audience,
    /// §5.1: roles of people who have left and would come back with another one.
    pub(crate) remembered: VecDeque<(BareJid, Role)>,
    pub(crate) subject: Subject,
    pub(crate) history: History,
    /// People who want to become members (§9.9), with the nickname they want.
    pub(crate) requests: BTreeMap<BareJid, String>,
    pub(crate) versions: Versions,
    pub(crate) hats: Hats,
    pub(crate) slow: Slow,
    /// How often people come in.
    pub(crate) entries: Entries,
    /// How fast they are, under all their nicknames.
    pub(crate) paces: Paces,
    /// The vCard, and the hashes of its photos.
    pub(crate) card: Option<Child>,
    pub(crate) photos: Vec<String>,
    /// Requests between occupants that wait for their answer.
    pub(crate) relayed: crate::relay::Relayed,
    pub(crate) invited: crate::invite::Invited,
    /// Makes occupant ids.
    pub(crate) key: [u8; 32],
}

impl Room {
    pub(crate) fn new(
        jid: BareJid,
        settings: Settings,
        creator: BareJid,
        now: Timestamp,
        key: [u8; 32],
    ) -> Self {
        Self {
            jid,
            number: None,
            settings,
            creator,
            created: now,
            locked: true,
            gone: false,
            stale: false,
            writes: 0,
            tombstone: None,
            affiliations: Affiliations::default(),
            occupants: BTreeMap::new(),
            clients: HashMap::new(),
            audience: Audience::default(),
            remembered: VecDeque::new(),
            subject: Subject::default(),
            history: History::default(),
            requests: BTreeMap::new(),
            versions: Versions::default(),
            hats: Hats::default(),
            slow: Slow::default(),
            entries: Entries::default(),
            paces: Paces::default(),
            card: None,
            photos: Vec::new(),
            relayed: crate::relay::Relayed::default(),
            invited: crate::invite::Invited::default(),
            key,
        }
    }

    /// How somebody stands to the room. The admins of the service own all rooms.
    pub(crate) fn affiliation(&self, turn: &Turn<'_>, jid: &BareJid) -> Affiliation {
        if turn.is_admin(jid) { Affiliation::Owner } else { self.affiliations.of(jid) }
    }

    pub(crate) fn is_occupant(&self, client: &Jid) -> bool {
        self.clients.contains_key(client)
    }

    /// The occupant that a client is.
    pub(crate) fn occupant_of(&self, client: &Jid) -> Option<&Occupant> {
        self.occupants.get(self.clients.get(client)?)
    }

    pub(crate) fn occupant_of_mut(&mut self, client: &Jid) -> Option<&mut Occupant> {
        self.occupants.get_mut(self.clients.get(client)?)
    }

    /// The occupant with exactly this nickname.
    pub(crate) fn occupant_named(&self, name: &str) -> Option<&Occupant> {
        self.occupants.get(&nick::key(name)).filter(|occupant| occupant.nick() == name)
    }

    /// The occupants that a user is.
    pub(crate) fn occupants_of<'a>(&'a self, real: &'a BareJid) -> impl Iterator<Item = &'a Occupant> + 'a {
        self.occupants.values().filter(move |occupant| occupant.real == *real)
    }

    /// Clients of occupants with this role.
    pub(crate) fn with_role(&self, role: Role) -> Vec<Jid> {
        let with = self.occupants.values().filter(|occupant| occupant.role == role);
        with.flat_map(Occupant::addresses).collect()
    }

    /// Whether somebody of this role gets to see real addresses (§7.2.3, §7.2.4).
    pub(crate) fn sees_addresses(&self, role: Role) -> bool {
        self.settings.non_anonymous || role == Role::Moderator
    }

    /// Whether everybody gets presence of occupants with this role.
    pub(crate) fn is_broadcast(&self, role: Role) -> bool {
        self.settings.presence.has(role)
    }

    /// Whether somebody may enter, password aside.
    pub(crate) fn admits(&self, affiliation: Affiliation) -> bool {
        let least = if self.settings.members_only { Affiliation::Member } else { Affiliation::None };
        affiliation >= least
    }

    /// The room's own address with a resource.
    pub(crate) fn with_nick(&self, name: &str) -> Result<Jid, StanzaError> {
        Ok(self.jid.with_resource(name)?)
    }

    /// A message of the room itself to everybody in it.
    pub(crate) fn announce(&self, turn: &mut Turn<'_>, x: &Tree) {
        let mut message = Stanza::message(MessageType::Groupchat).from(&self.jid).with(x);
        message.id = Some(turn.world.id());
        turn.send_all(message, self.everybody());
    }
}
