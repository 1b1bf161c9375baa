//! The rows on disk. A room's own rows hang on its number; the index of the service says which room has which.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use waxwing_store::{Scope, Table};
use waxwing_xmpp::BareJid;

use crate::affiliation::Affiliate;
use crate::hats::Hats;
use crate::role::Role;
use crate::settings::Settings;
use crate::subject::Subject;

/// The rooms of a service, by localpart: what can be told of them without loading them.
#[derive(Debug)]
pub(crate) struct Index;

impl Table for Index {
    const NAME: &'static str = "muc.index";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Host;
    type Key = String;
    type Value = IndexRow;
}

/// One room, or what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexRow {
    /// The number that its rows hang on; none of a destroyed room.
    pub(crate) number: Option<u64>,
    pub(crate) public: bool,
    pub(crate) name: String,
    pub(crate) tombstone: Option<Tombstone>,
}

/// Where a destroyed room went (§10.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    pub(crate) alternate: Option<String>,
    pub(crate) reason: Option<String>,
    /// Who made the room; until then it counts among theirs.
    pub(crate) creator: String,
    /// How long that is told, in microseconds since the epoch.
    pub(crate) until: i64,
}

/// Who has created which rooms.
#[derive(Debug)]
pub(crate) struct Creators;

impl Table for Creators {
    const NAME: &'static str = "muc.creators";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Host;
    type Key = (String, String);
    type Value = ();
}

/// Settings and subject of a room.
#[derive(Debug)]
pub(crate) struct Rooms;

impl Table for Rooms {
    const NAME: &'static str = "muc.rooms";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = RoomRow;
}

/// One row of [`Rooms`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomRow {
    pub(crate) settings: Settings,
    pub(crate) subject: Subject,
    pub(crate) creator: BareJid,
    /// In microseconds since the epoch.
    pub(crate) created: i64,
    /// Of the affiliation lists (XEP-0463).
    pub(crate) version: u64,
}

/// The affiliation lists of a room, by address.
#[derive(Debug)]
pub(crate) struct Affiliates;

impl Table for Affiliates {
    const NAME: &'static str = "muc.affiliates";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = String;
    type Value = Affiliate;
}

/// Who is in a room, by full JID: so a restart of the server puts nobody out.
#[derive(Debug)]
pub(crate) struct Occupants;

impl Table for Occupants {
    const NAME: &'static str = "muc.occupants";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = String;
    type Value = OccupantRow;
}

/// One row of [`Occupants`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OccupantRow {
    pub(crate) nick: String,
    pub(crate) role: Role,
    /// Its presence when it entered, or when the server stopped.
    pub(crate) presence: Vec<u8>,
    /// When it last sent presence to the room, in microseconds since the epoch.
    pub(crate) entered: i64,
}

/// Who waits for the admins to let him register, with the nickname.
#[derive(Debug)]
pub(crate) struct Requests;

impl Table for Requests {
    const NAME: &'static str = "muc.requests";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = String;
    type Value = String;
}

/// The vCard of a room.
#[derive(Debug)]
pub(crate) struct Cards;

impl Table for Cards {
    const NAME: &'static str = "muc.cards";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = String;
}

/// The hats of a room.
#[derive(Debug)]
pub(crate) struct HatRows;

impl Table for HatRows {
    const NAME: &'static str = "muc.hats";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = Hats;
}

/// Who wears which hats, by bare JID.
#[derive(Debug)]
pub(crate) struct Wearers;

impl Table for Wearers {
    const NAME: &'static str = "muc.wearers";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = String;
    type Value = BTreeSet<String>;
}
