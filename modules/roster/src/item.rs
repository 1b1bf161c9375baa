//! The query element: read from roster sets, written into results and pushes.

use std::collections::HashSet;

use waxwing_core::prelude::*;

use crate::table::{ContactRow, Item, Versions};
use crate::{NS, RosterConfig};

/// What a roster set asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) jid: BareJid,
    pub(crate) change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// §2.5
    Remove,
    /// §2.3, §2.4: the item is exactly as given.
    Put { name: String, groups: Vec<String> },
}

impl Wanted {
    /// Reads a roster set (§2.1.5). `ask`, `approved` and any other `subscription` than `remove` are ignored, as
    /// §2.1.2 says.
    pub(crate) fn read(query: &Tree, config: &RosterConfig) -> Result<Self, StanzaError> {
        let mut items = query.children_named(NS, "item");
        // §2.1.5 rule 1, §2.3.3
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(StanzaError::bad_request("A roster set has one item."));
        };
        // §2.1.2.3
        let jid = item.attr("jid").ok_or_else(|| StanzaError::bad_request("An item has a jid."))?;
        let jid = Jid::parse(jid)
            .map_err(|error| StanzaError::from(Condition::JidMalformed).text(error.to_string()))?;
        if !jid.is_bare() {
            return Err(StanzaError::bad_request("A contact is a bare JID."));
        }
        let jid = jid.to_bare();
        if item.attr("subscription") == Some("remove") {
            return Ok(Self { jid, change: Change::Remove });
        }
        let name = item.attr("name").unwrap_or_default().to_owned();
        if name.len() > config.name_bytes_max {
            // §2.3.3
            return Err(not_acceptable("The name is too long."));
        }
        Ok(Self { jid, change: Change::Put { name, groups: groups(item, config)? } })
    }
}

/// §2.3.3
fn groups(item: &Tree, config: &RosterConfig) -> Result<Vec<String>, StanzaError> {
    let groups: Vec<String> = item.children_named(NS, "group").map(Tree::text).collect();
    if groups.iter().any(String::is_empty) {
        return Err(not_acceptable("The name of a group is not empty."));
    }
    if groups.iter().any(|group| group.len() > config.group_bytes_max) {
        return Err(not_acceptable("The name of a group is too long."));
    }
    if groups.len() > config.groups_max {
        return Err(not_acceptable("The item has too many groups."));
    }
    let mut seen = HashSet::new();
    if !groups.iter().all(|group| seen.insert(group.as_str())) {
        return Err(StanzaError::bad_request("A group is named twice."));
    }
    Ok(groups)
}

fn not_acceptable(text: &str) -> StanzaError {
    StanzaError::from(Condition::NotAcceptable).text(text)
}

/// The query of a result or push, without items.
pub(crate) fn query(ver: &str) -> Tree {
    Tree::new(NS, "query").with_attr("ver", ver)
}

/// A contact as results and pushes show it; one that is not in the roster as removed (§2.1.6).
pub(crate) fn item(jid: &BareJid, row: &ContactRow) -> Tree {
    let tree = Tree::new(NS, "item").with_attr("jid", jid.as_str());
    let Some(item) = &row.item else { return tree.with_attr("subscription", "remove") };
    let Item { name, groups, ask, approved, .. } = item;
    let mut tree = tree.with_attr("subscription", row.state().subscription());
    if !name.is_empty() {
        tree.set_attr("name", name.as_str());
    }
    if *ask {
        // §2.1.2.2
        tree.set_attr("ask", "subscribe");
    }
    if *approved {
        // §2.1.2.1
        tree.set_attr("approved", "true");
    }
    groups.iter().fold(tree, |tree, group| tree.with_child(Tree::new(NS, "group").with_text(group.as_str())))
}

impl Versions {
    /// The `ver` attribute at a version (§2.1.1: opaque for the client).
    pub(crate) fn ver(self, version: u64) -> String {
        format!("{:x}.{version}", self.epoch)
    }

    /// The version that a client names, if changes since then are known.
    pub(crate) fn known(self, ver: &str) -> Option<u64> {
        let (epoch, version) = ver.split_once('.')?;
        let version = version.parse().ok()?;
        let known = (self.floor..=self.version).contains(&version);
        (u64::from_str_radix(epoch, 16) == Ok(self.epoch) && known).then_some(version)
    }
}
