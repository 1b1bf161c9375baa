//! What a user wants archived: [XEP-0441](https://xmpp.org/extensions/xep-0441.html).

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use waxwing_core::prelude::*;

use crate::{Mam, NS};

/// What happens with those on neither list (§2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByDefault {
    /// All messages are archived.
    #[default]
    Always,
    /// None is.
    Never,
    /// Those with contacts of the roster are.
    Roster,
}

/// A user's preferences.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Prefs {
    by_default: ByDefault,
    always: Vec<Jid>,
    never: Vec<Jid>,
}

/// One row for each account whose user has set something.
#[derive(Debug)]
pub(crate) struct PrefsTable;

impl Table for PrefsTable {
    const NAME: &'static str = "mam.prefs";
    const VERSION: u16 = 1;
    const SCOPE: waxwing_store::Scope = waxwing_store::Scope::Account;
    type Key = ();
    type Value = Prefs;
}

/// The preferences of an account in use.
#[derive(Debug)]
pub(crate) struct Held(Mutex<Arc<Prefs>>);

impl Held {
    pub(crate) fn now(&self) -> Arc<Prefs> {
        Arc::clone(&self.0.lock())
    }
}

impl ByDefault {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Always, "always"), (Self::Never, "never"), (Self::Roster, "roster")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| *name)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, it)| *it == name).map(|(it, _)| *it)
    }
}

impl Prefs {
    /// Whether messages with `target` are archived (§2.3). The more exact entry decides, and of two alike "never".
    pub(crate) fn wants(&self, target: &Jid, in_roster: impl FnOnce() -> bool) -> bool {
        // An entry with a resourcepart is compared with the whole target, one without with the bare one.
        for text in [target.as_str(), target.bare_str()] {
            let on = |list: &[Jid]| list.iter().any(|jid| jid.as_str() == text);
            if on(&self.never) {
                return false;
            }
            if on(&self.always) {
                return true;
            }
        }
        match self.by_default {
            ByDefault::Always => true,
            ByDefault::Never => false,
            ByDefault::Roster => in_roster(),
        }
    }

    pub(crate) fn asks_roster(&self) -> bool {
        self.by_default == ByDefault::Roster
    }

    fn len(&self) -> usize {
        self.always.len() + self.never.len()
    }

    /// Reads `<prefs/>`; a list that is not there is empty (§2.1.2, §2.1.3).
    fn from_tree(tree: &Tree) -> Result<Self, StanzaError> {
        let by_default = tree.attr("default").and_then(ByDefault::from_name).ok_or_else(|| {
            StanzaError::bad_request("'default' is one of \"always\", \"never\" and \"roster\".")
        })?;
        Ok(Self { by_default, always: jids(tree, "always")?, never: jids(tree, "never")? })
    }

    fn to_tree(&self) -> Tree {
        let list = |name, jids: &[Jid]| {
            jids.iter().fold(Tree::new(NS, name), |list, jid| {
                list.with_child(Tree::new(NS, "jid").with_text(jid.as_str()))
            })
        };
        Tree::new(NS, "prefs")
            .with_attr("default", self.by_default.name())
            .with_child(list("always", &self.always))
            .with_child(list("never", &self.never))
    }
}

fn jids(tree: &Tree, list: &str) -> Result<Vec<Jid>, StanzaError> {
    let Some(list) = tree.child(NS, list) else { return Ok(Vec::new()) };
    let mut jids = Vec::new();
    for text in list.children_named(NS, "jid").map(Tree::text) {
        let jid = Jid::parse(text.trim())
            .map_err(|error| StanzaError::from(Condition::JidMalformed).text(error.to_string()))?;
        if !jids.contains(&jid) {
            jids.push(jid);
        }
    }
    Ok(jids)
}

impl Mam {
    /// The account's preferences, read from the store at the first use.
    pub(crate) async fn prefs<'a>(&self, account: &'a Account) -> Result<&'a Held, StoreError> {
        let load = async {
            let saved = self.prefs_rows.get(account.number(), &()).await?;
            let prefs =
                saved.unwrap_or_else(|| Prefs { by_default: self.config.default, ..Prefs::default() });
            Ok(Held(Mutex::new(Arc::new(prefs))))
        };
        self.prefs.load(account, load).await
    }

    /// §2.1: what holds now.
    pub(crate) async fn get_prefs(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let held = self.prefs(iq.account()?).await.map_err(store_failed)?;
        Ok(Reply::tree(&held.now().to_tree()))
    }

    /// §2.1: they hold at once; the answer comes when they are on disk.
    pub(crate) async fn set_prefs(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let account = iq.account()?;
        let new = Arc::new(Prefs::from_tree(&iq.tree())?);
        let max = self.config.prefs_max;
        if new.len() > max {
            self.metrics.refused.inc();
            let text = format!("The lists have {max} addresses at most.");
            return Err(StanzaError::from(Condition::PolicyViolation).text(text));
        }
        let held = self.prefs(account).await.map_err(store_failed)?;
        let (old, ticket) = {
            let mut held = held.0.lock();
            let ticket = self.prefs_rows.put(account.number(), &(), &new).map_err(store_failed)?;
            (std::mem::replace(&mut *held, Arc::clone(&new)), ticket)
        };
        if let Err(error) = ticket.durable().await {
            let mut held = held.0.lock();
            if Arc::ptr_eq(&held, &new) {
                *held = old;
            }
            return Err(store_failed(error));
        }
        Ok(Reply::tree(&new.to_tree()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefs(by_default: ByDefault, always: &[&str], never: &[&str]) -> Prefs {
        let jids = |jids: &[&str]| jids.iter().map(|jid| Jid::parse(jid).unwrap()).collect();
        Prefs { by_default, always: jids(always), never: jids(never) }
    }

    fn wants(prefs: &Prefs, target: &str, in_roster: bool) -> bool {
        prefs.wants(&Jid::parse(target).unwrap(), || in_roster)
    }

    #[test]
    fn xep0441_2_1_1_the_default_decides_for_those_on_no_list() {
        for (by_default, in_roster, expected) in [
            (ByDefault::Always, false, true),
            (ByDefault::Never, true, false),
            (ByDefault::Roster, true, true),
            (ByDefault::Roster, false, false),
        ] {
            let prefs = prefs(by_default, &[], &["other@b.lit"]);
            assert_eq!(wants(&prefs, "a@b.lit/r", in_roster), expected, "{by_default:?} {in_roster}");
        }
    }

    #[test]
    fn xep0441_2_3_1_an_entry_without_resource_stands_for_all_with_one_only_for_itself() {
        let never = prefs(ByDefault::Always, &[], &["a@b.lit", "c@d.lit/r"]);
        assert!(!wants(&never, "a@b.lit", false) && !wants(&never, "a@b.lit/r", false));
        assert!(!wants(&never, "c@d.lit/r", false));
        assert!(wants(&never, "c@d.lit", false) && wants(&never, "c@d.lit/s", false));
        let always = prefs(ByDefault::Never, &["a@b.lit", "c@d.lit/r"], &[]);
        assert!(wants(&always, "a@b.lit/r", false) && wants(&always, "c@d.lit/r", false));
        assert!(!wants(&always, "c@d.lit/s", false) && !wants(&always, "b.lit", false));
    }

    #[test]
    fn the_more_exact_entry_decides_and_then_never() {
        let both = prefs(ByDefault::Always, &["a@b.lit/r"], &["a@b.lit"]);
        assert!(wants(&both, "a@b.lit/r", false) && !wants(&both, "a@b.lit/s", false));
        let same = prefs(ByDefault::Always, &["a@b.lit"], &["a@b.lit"]);
        assert!(!wants(&same, "a@b.lit/r", false));
    }
}
