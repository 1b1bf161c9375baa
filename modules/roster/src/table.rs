//! What is kept of a roster: one row per contact, and the versions.

use serde::{Deserialize, Serialize};
use waxwing_store::{Scope, Table};

use crate::State;

/// One row per contact, by bare JID.
#[derive(Debug)]
pub struct ContactTable;

impl Table for ContactTable {
    const NAME: &'static str = "roster.contacts";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = String;
    type Value = ContactRow;
}

/// One row per account that ever changed its roster.
#[derive(Debug)]
pub struct VersionTable;

impl Table for VersionTable {
    const NAME: &'static str = "roster.versions";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = Versions;
}

/// Which versions of a roster are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Random; tells this roster from one that an account of the same name had before. 0: never changed.
    pub epoch: u64,
    /// The current version; each change that is pushed makes a new one.
    pub version: u64,
    /// Changes since this version are known in full; removals before it are forgotten.
    pub floor: u64,
}

/// All that is known of one contact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRow {
    /// The roster item; None: the contact is not in the roster.
    pub item: Option<Item>,
    /// The contact's subscription request that waits for an answer, as XML (RFC 6121 §3.1.3: the complete stanza).
    pub request: Option<String>,
    /// The roster's version when the item last changed or went; 0: never.
    pub version: u64,
}

/// A roster item (RFC 6121 §2.1.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The handle; empty if there is none.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
    /// The user has a subscription to the contact's presence.
    pub to: bool,
    /// The contact has a subscription to the user's presence.
    pub from: bool,
    /// The user has asked for a subscription.
    pub ask: bool,
    /// The user has pre-approved a subscription of the contact.
    pub approved: bool,
}

impl ContactRow {
    /// The subscription state (RFC 6121 appendix A.1).
    pub fn state(&self) -> State {
        let pending_in = self.request.is_some();
        let Some(item) = &self.item else { return State { pending_in, ..State::default() } };
        State { to: item.to, from: item.from, pending_out: item.ask, pending_in, approved: item.approved }
    }

    /// Whether it only remembers that there was an item.
    pub(crate) fn is_removed(&self) -> bool {
        self.item.is_none() && self.request.is_none() && self.version > 0
    }
}
