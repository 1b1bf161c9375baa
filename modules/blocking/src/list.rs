//! A block list and how addresses match it (XEP-0191 §6).

use std::collections::BTreeSet;

use waxwing_xmpp::{BareJid, Jid};

/// Addresses as prepared text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BlockList(BTreeSet<String>);

impl BlockList {
    /// Whether `owner` has blocked `other`.
    ///
    /// §6: an item matches the address itself; without resourcepart, all its resources; a domain, everything at it.
    pub(crate) fn blocks(&self, owner: &BareJid, other: &Jid) -> bool {
        // §5, note 1: never between one's own resources. Our rule: nor the own server, which speaks for itself
        // (errors, results) and could not be asked to unblock any more.
        let server = other.local().is_none() && other.domain() == owner.domain();
        if self.0.is_empty() || server || other.same_bare(owner.as_jid()) {
            return false;
        }
        self.has(other.as_str()) || self.has(other.bare_str()) || self.has(other.domain())
    }

    /// Whether this very item is on the list.
    pub(crate) fn has(&self, jid: &str) -> bool {
        self.0.contains(jid)
    }

    pub(crate) fn with(&self, items: &[Jid]) -> Self {
        let mut list = self.clone();
        list.0.extend(items.iter().map(|jid| jid.as_str().to_owned()));
        list
    }

    pub(crate) fn without(&self, items: &[Jid]) -> Self {
        let mut list = self.clone();
        list.0.retain(|item| !items.iter().any(|jid| jid.as_str() == item));
        list
    }

    /// Takes back what led from `before` to `after`, and leaves what others have changed since.
    pub(crate) fn undo(&self, before: &Self, after: &Self) -> Self {
        let added = |item: &String| after.0.contains(item) && !before.0.contains(item);
        let mut list = self.clone();
        list.0.retain(|item| !added(item));
        list.0.extend(before.0.difference(&after.0).cloned());
        list
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<String> for BlockList {
    fn from_iter<I: IntoIterator<Item = String>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(item: &str, other: &str) -> bool {
        let list: BlockList = std::iter::once(item.to_owned()).collect();
        list.blocks(&BareJid::parse("juliet@capulet.lit").unwrap(), &Jid::parse(other).unwrap())
    }

    /// §6, each kind of item against each kind of address.
    #[test]
    fn xep0191_6_matching() {
        let others =
            ["a@b.lit/r", "a@b.lit/s", "a@b.lit", "c@b.lit/r", "b.lit/r", "b.lit/s", "b.lit", "a@x.b.lit/r"];
        let table = [
            ("a@b.lit/r", [true, false, false, false, false, false, false, false]),
            ("a@b.lit", [true, true, true, false, false, false, false, false]),
            ("b.lit/r", [false, false, false, false, true, false, false, false]),
            ("b.lit", [true, true, true, true, true, true, true, false]),
        ];
        for (item, row) in table {
            for (other, expected) in others.iter().zip(row) {
                assert_eq!(blocks(item, other), expected, "{item} against {other}");
            }
        }
    }

    /// §5, note 1, and our rule for the server.
    #[test]
    fn xep0191_5_own_resources_and_the_own_server_are_never_blocked() {
        for item in ["juliet@capulet.lit", "juliet@capulet.lit/balcony", "capulet.lit"] {
            for other in ["juliet@capulet.lit/balcony", "juliet@capulet.lit", "capulet.lit"] {
                assert!(!blocks(item, other), "{item} against {other}");
            }
        }
        assert!(blocks("capulet.lit", "tybalt@capulet.lit/hall"));
    }

    #[test]
    fn an_empty_list_blocks_nobody() {
        let owner = BareJid::parse("juliet@capulet.lit").unwrap();
        assert!(!BlockList::default().blocks(&owner, &Jid::parse("a@b.lit").unwrap()));
    }
}
