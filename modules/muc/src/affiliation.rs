//! Affiliations ([XEP-0045 §5.2](https://xmpp.org/extensions/xep-0045.html#affil)): what lasts across visits.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use waxwing_xmpp::BareJid;

use crate::nick;

/// How a user stands to the room; a higher one has all the privileges of the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub(crate) enum Affiliation {
    Outcast,
    #[default]
    None,
    Member,
    Admin,
    Owner,
}

impl Affiliation {
    pub(crate) const ALL: [Self; 5] = [Self::Outcast, Self::None, Self::Member, Self::Admin, Self::Owner];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Outcast => "outcast",
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|affiliation| affiliation.name() == name)
    }
}

/// One row of the room's lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Affiliate {
    pub(crate) affiliation: Affiliation,
    /// The nickname that nobody else may use (§7.10, §9.3).
    pub(crate) nick: Option<String>,
    /// Why, as the admin put it.
    pub(crate) reason: Option<String>,
}

impl Affiliate {
    /// What it takes in an answer, at most.
    fn bytes(&self, jid: &BareJid) -> usize {
        let nick = self.nick.as_deref().map_or(0, |nick| escaped(nick) + " nick=''".len());
        let reason =
            self.reason.as_deref().map_or(0, |reason| escaped(reason) + "<reason></reason></item>".len());
        "<item affiliation='outcast' jid=''/>".len() + escaped(jid.as_str()) + nick + reason
    }
}

/// How long a text is where every character that may be escaped is.
fn escaped(text: &str) -> usize {
    text.len() + 5 * text.bytes().filter(|byte| b"&<>'\"".contains(byte)).count()
}

/// All lists of a room.
#[derive(Debug, Clone, Default)]
pub(crate) struct Affiliations {
    rows: BTreeMap<BareJid, Affiliate>,
    /// Whose a nickname is, by its key.
    nicks: HashMap<String, BareJid>,
    /// How long each list is in an answer, at most.
    bytes: BTreeMap<Affiliation, usize>,
}

impl Affiliations {
    pub(crate) fn from_rows(rows: impl IntoIterator<Item = (BareJid, Affiliate)>) -> Self {
        let mut all = Self::default();
        for (jid, row) in rows {
            all.set(&jid, row);
        }
        all
    }

    /// §9.2: the address itself goes before its domain.
    pub(crate) fn of(&self, jid: &BareJid) -> Affiliation {
        let domain = || self.rows.get(jid.domain());
        self.rows.get(jid.as_str()).or_else(domain).map_or(Affiliation::None, |row| row.affiliation)
    }

    pub(crate) fn row(&self, jid: &BareJid) -> Option<&Affiliate> {
        self.rows.get(jid.as_str())
    }

    /// Sets a row; one that says nothing goes. Returns what was there.
    pub(crate) fn set(&mut self, jid: &BareJid, mut row: Affiliate) -> Option<Affiliate> {
        let old = self.rows.remove(jid);
        if let Some(old) = &old {
            let bytes = self.bytes.entry(old.affiliation).or_default();
            *bytes = bytes.saturating_sub(old.bytes(jid));
        }
        if let Some(nick) = old.as_ref().and_then(|old| old.nick.as_deref()) {
            self.nicks.remove(&nick::key(nick));
        }
        // §9.1: whoever is banned, or nobody any more, has no reserved nickname.
        if row.affiliation <= Affiliation::None {
            row.nick = None;
        }
        if let Some(nick) = &row.nick {
            self.nicks.insert(nick::key(nick), jid.clone());
        }
        if row.affiliation != Affiliation::None {
            *self.bytes.entry(row.affiliation).or_default() += row.bytes(jid);
            self.rows.insert(jid.clone(), row);
        }
        old
    }

    /// All with this affiliation, by address.
    pub(crate) fn list(&self, affiliation: Affiliation) -> impl Iterator<Item = (&BareJid, &Affiliate)> {
        self.rows.iter().filter(move |(_, row)| row.affiliation == affiliation)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&BareJid, &Affiliate)> {
        self.rows.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many lines there would be with these, and how long the longest list that they make longer.
    pub(crate) fn with<'a>(
        &self,
        lines: impl IntoIterator<Item = (&'a BareJid, &'a Affiliate)>,
    ) -> (usize, usize) {
        let (mut count, mut bytes) = (self.rows.len(), self.bytes.clone());
        for (jid, row) in lines {
            if let Some(old) = self.row(jid) {
                count = count.saturating_sub(1);
                let list = bytes.entry(old.affiliation).or_default();
                *list = list.saturating_sub(old.bytes(jid));
            }
            if row.affiliation != Affiliation::None {
                count += 1;
                *bytes.entry(row.affiliation).or_default() += row.bytes(jid);
            }
        }
        let grown = bytes.iter().filter(|(list, after)| **after > self.bytes.get(list).copied().unwrap_or(0));
        (count, grown.map(|(_, after)| *after).max().unwrap_or(0))
    }

    pub(crate) fn count(&self, affiliation: Affiliation) -> usize {
        self.list(affiliation).count()
    }

    /// Whose nickname this is.
    pub(crate) fn reserved_by(&self, nick: &str) -> Option<&BareJid> {
        self.nicks.get(&nick::key(nick))
    }

    /// The nickname that is reserved for somebody.
    pub(crate) fn nick_of(&self, jid: &BareJid) -> Option<&str> {
        self.rows.get(jid.as_str())?.nick.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> BareJid {
        BareJid::parse(text).unwrap()
    }

    fn row(affiliation: Affiliation, nick: Option<&str>) -> Affiliate {
        Affiliate { affiliation, nick: nick.map(str::to_owned), reason: None }
    }

    #[test]
    fn xep0045_9_2_the_address_goes_before_its_domain() {
        let mut all = Affiliations::default();
        all.set(&jid("evil.example"), row(Affiliation::Outcast, None));
        all.set(&jid("good@evil.example"), row(Affiliation::Member, None));
        assert_eq!(all.of(&jid("bad@evil.example")), Affiliation::Outcast);
        assert_eq!(all.of(&jid("evil.example")), Affiliation::Outcast);
        assert_eq!(all.of(&jid("good@evil.example")), Affiliation::Member);
        assert_eq!(all.of(&jid("bad@sub.evil.example")), Affiliation::None);
    }

    #[test]
    fn xep0045_9_1_a_banned_user_loses_the_reserved_nickname() {
        let mut all = Affiliations::default();
        let hag = jid("hag66@shakespeare.lit");
        all.set(&hag, row(Affiliation::Member, Some("ThirdWitch")));
        assert_eq!(all.reserved_by("thirdwitch"), Some(&hag));
        all.set(&hag, row(Affiliation::Outcast, Some("ThirdWitch")));
        assert_eq!((all.reserved_by("thirdwitch"), all.nick_of(&hag)), (None, None));
        all.set(&hag, row(Affiliation::None, None));
        assert_eq!(all.len(), 0);
    }

    #[test]
    fn xep0045_5_2_names_survive_writing_and_reading() {
        for affiliation in Affiliation::ALL {
            assert_eq!(Affiliation::from_name(affiliation.name()), Some(affiliation));
        }
        assert_eq!(Affiliation::from_name("king"), None);
    }
}
