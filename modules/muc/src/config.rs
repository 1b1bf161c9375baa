//! The keys of the config file.

use serde::{Deserialize, Serialize};
use waxwing_core::config::{Bytes, Duration};

/// `[host."conference.NAME".modules.muc]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The name of the service for people.
    pub name: String,
    /// Who may create rooms: `"local"` (accounts of this server), `"anyone"` or `"admins"` (of the host above);
    /// others get `not-allowed`.
    pub create: Create,
    /// Rooms of the whole service; one more is refused with `resource-constraint`.
    pub rooms_max: usize,
    /// Rooms that one user may have created; one more is refused with `resource-constraint`.
    pub rooms_per_user_max: usize,
    /// Rooms in memory; when there are more, those that nobody uses are forgotten at once, and not after five minutes.
    pub rooms_idle_max: usize,
    /// Rooms in the list of rooms that one answer has.
    pub rooms_listed_max: usize,
    /// Occupants of one room, whatever its owners choose; more get `service-unavailable`.
    pub occupants_max: usize,
    /// So many admins and owners may enter a full room.
    pub occupants_reserve: usize,
    /// Clients of one user under one nickname; one more gets `resource-constraint`.
    pub sessions_per_nick_max: usize,
    /// Members, admins, owners and banned users of a room; one more is refused with `resource-constraint`.
    pub affiliations_max: usize,
    /// Bytes of one of these lists in an answer; what would make it longer is refused with `resource-constraint`, and so is
    /// who asks for a list that is longer. Servers take stanzas of 256 KiB.
    pub list_bytes_max: Bytes,
    /// Changes in one request to a room; more are refused with `policy-violation`.
    pub items_max: usize,
    /// Bytes of a nickname; a longer one gets `not-acceptable`.
    pub nick_bytes_max: usize,
    /// Bytes of one text of a room's configuration, of a reason or of the subject; a longer one gets `not-acceptable`.
    pub text_bytes_max: usize,
    /// Bytes of presence in a room; larger presence gets `policy-violation`.
    pub presence_bytes_max: Bytes,
    /// Bytes of a room's vCard; a larger one gets `policy-violation`.
    pub vcard_bytes_max: Bytes,
    /// Stanzas a second, messages and presence, that an occupant may send for long; faster ones get
    /// `policy-violation`. Networks in `limits.exempt` are free of it.
    pub rate: u32,
    /// Stanzas at once that an occupant may send after a pause.
    pub burst: u32,
    /// Changes of nickname a minute; one more gets `policy-violation`.
    pub nick_changes: u32,
    /// Times a minute that one user may enter a room, register, or ask for a list; one more gets `policy-violation`.
    pub entries: u32,
    /// Messages of history that a room keeps at hand.
    pub history_max: usize,
    /// Bytes of history that a room keeps at hand.
    pub history_bytes_max: Bytes,
    /// Messages on a page of an archive whose size the client leaves open.
    pub page_default: usize,
    /// Messages on one page of an archive, and ids in one query; for more ids, `policy-violation`.
    pub page_max: usize,
    /// Bytes of one page of an archive; it ends before the message that would be too much.
    pub page_bytes_max: Bytes,
    /// Stanzas that wait to leave a room; while there are more, who sends to the room waits.
    pub queue_max: usize,
    /// How long what is for a client of this server waits while that has half a mailbox to read; then it is sent all the
    /// same.
    pub slow_time_max: Duration,
    /// Requests between occupants, private messages and invitations that wait for their answer, in one room; older
    /// requests get `resource-constraint`, an error about an older message is lost.
    pub requests_max: usize,
    /// The same of one user. One more request is refused with `resource-constraint`, until one of them is answered or a
    /// minute old; of messages the oldest is forgotten.
    pub requests_per_user_max: usize,
    /// Users who wait for a room's admins to let them register; one more gets `resource-constraint`.
    pub registrations_max: usize,
    /// Members who are told of one message that mentions them; more are not told.
    pub mentions_max: usize,
    /// Hats of a room; more get `resource-constraint`.
    pub hats_max: usize,
    /// Hats that one user wears in a room, where they are in each presence; more get `resource-constraint`.
    pub hats_worn_max: usize,
    /// Bytes of the title of a hat, and of its URI; a longer one gets `not-acceptable`.
    pub hat_bytes_max: usize,
    /// Changes of affiliations that a room remembers for clients that come back (XEP-0463).
    pub versions_max: usize,
    /// How long the address of a destroyed room tells where it went (`gone`).
    pub tombstone_time: Duration,
    /// Time for the creator to configure a new room; then it goes away.
    pub configure_time_max: Duration,
    /// Occupants of other servers that have been silent for so long are asked whether they are there.
    pub probe_after: Duration,
    /// How a room is when it is made.
    pub defaults: Defaults,
}

/// Who may create rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the key says it")]
pub enum Create {
    Local,
    Anyone,
    Admins,
}

/// `[host."conference.NAME".modules.muc.defaults]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// The room is in the list of rooms.
    pub public: bool,
    /// The room stays when the last occupant leaves.
    pub persistent: bool,
    /// Only members may enter.
    pub members_only: bool,
    /// Who has no affiliation has to ask for voice.
    pub moderated: bool,
    /// Everybody sees real addresses.
    pub non_anonymous: bool,
    /// What is said is archived.
    pub logging: bool,
    /// Whoever has voice may change the subject.
    pub change_subject: bool,
    /// Members may invite into a members-only room.
    pub allow_invites: bool,
    /// Occupants at most.
    pub max_users: usize,
    /// Messages of history for whoever enters.
    pub history: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "Rooms".to_owned(),
            create: Create::Local,
            rooms_max: 100_000,
            rooms_per_user_max: 200,
            rooms_idle_max: 1000,
            rooms_listed_max: 200,
            occupants_max: 2000,
            occupants_reserve: 20,
            sessions_per_nick_max: 10,
            affiliations_max: 10_000,
            list_bytes_max: Bytes(240 << 10),
            items_max: 200,
            nick_bytes_max: 256,
            text_bytes_max: 8 << 10,
            presence_bytes_max: Bytes(16 << 10),
            vcard_bytes_max: Bytes(128 << 10),
            rate: 10,
            burst: 100,
            nick_changes: 10,
            entries: 60,
            history_max: 50,
            history_bytes_max: Bytes(256 << 10),
            page_default: 50,
            page_max: 250,
            page_bytes_max: Bytes(1 << 20),
            queue_max: 10_000,
            slow_time_max: Duration::seconds(10),
            requests_max: 2000,
            requests_per_user_max: 50,
            registrations_max: 100,
            mentions_max: 20,
            hats_max: 50,
            hats_worn_max: 5,
            hat_bytes_max: 256,
            versions_max: 200,
            tombstone_time: Duration::seconds(31 * 86_400),
            configure_time_max: Duration::seconds(3600),
            probe_after: Duration::seconds(1800),
            defaults: Defaults::default(),
        }
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            public: true,
            persistent: false,
            members_only: false,
            moderated: false,
            non_anonymous: false,
            logging: true,
            change_subject: false,
            allow_invites: false,
            max_users: 500,
            history: 20,
        }
    }
}
