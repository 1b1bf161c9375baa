//! What the user wants to be archived ([XEP-0441](https://xmpp.org/extensions/xep-0441.html)).

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use waxwing_core::prelude::*;
use waxwing_core::store_failed;
use waxwing_store::Scope as TableScope;

use crate::{Mam, NS};

/// What becomes of messages with somebody who is on neither list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultPolicy {
    /// They are archived.
    Always,
    /// They are not.
    Never,
    /// They are if the other one is in the roster.
    Roster,
}

impl DefaultPolicy {
    fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Roster => "roster",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Always, Self::Never, Self::Roster].into_iter().find(|policy| policy.name() == name)
    }
}

/// One account's preferences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prefs {
    default: DefaultPolicy,
    always: Vec<String>,
    never: Vec<String>,
}

/// One row for each account that has said something.
#[derive(Debug)]
pub(crate) struct PrefsTable;

impl Table for PrefsTable {
    const NAME: &'static str = "mam.prefs";
    const VERSION: u16 = 1;
    const SCOPE: TableScope = TableScope::Account;
    type Key = ();
    type Value = Prefs;
}

impl Mam {
    async fn prefs<'a>(&self, account: &'a Account) -> Result<&'a Mutex<Arc<Prefs>>, StoreError> {
        let load = async {
            let stored = self.table.get(account.number(), &()).await?;
            let unsaid = || Prefs { default: self.config.default, always: Vec::new(), never: Vec::new() };
            Ok(Mutex::new(Arc::new(stored.unwrap_or_else(unsaid))))
        };
        self.prefs.load(account, load).await
    }

    /// Whether messages with `peer` are archived (§2.3).
    pub(crate) async fn allows(&self, account: &Account, peer: &Jid) -> Result<bool, StoreError> {
        let prefs = Arc::clone(&self.prefs(account).await?.lock());
        let listed = |list: &[String]| list.iter().any(|jid| jid == peer.as_str() || jid == peer.bare_str());
        if listed(&prefs.never) {
            return Ok(false);
        }
        if listed(&prefs.always) {
            return Ok(true);
        }
        Ok(match prefs.default {
            DefaultPolicy::Always => true,
            DefaultPolicy::Never => false,
            DefaultPolicy::Roster => match self.rosters.get() {
                Some(rosters) => rosters.load(account).await?.item(&peer.to_bare()).is_some(),
                None => false,
            },
        })
    }

    /// §2.1.
    pub(crate) async fn get_prefs(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let prefs = Arc::clone(&self.prefs(iq.account()?).await.map_err(store_failed)?.lock());
        Ok(Reply::tree(&prefs.to_tree()))
    }

    pub(crate) async fn set_prefs(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let account = iq.account()?;
        let prefs = Prefs::read(&iq.tree())?;
        if prefs.always.len() + prefs.never.len() > self.config.prefs_max {
            return Err(StanzaError::from(Condition::PolicyViolation).text("The lists are too long."));
        }
        let now = self.prefs(account).await.map_err(store_failed)?;
        let mut now = now.lock();
        let ticket = self.table.put(account.number(), &(), &prefs).map_err(store_failed)?;
        let answer = prefs.to_tree();
        *now = Arc::new(prefs);
        Ok(Reply::tree(&answer).after(ticket))
    }
}

impl Prefs {
    fn read(tree: &Tree) -> Result<Self, StanzaError> {
        let default = tree.attr("default").and_then(DefaultPolicy::from_name);
        let default =
            default.ok_or_else(|| StanzaError::bad_request("'default' is always, never or roster."))?;
        Ok(Self { default, always: list(tree, "always")?, never: list(tree, "never")? })
    }

    fn to_tree(&self) -> Tree {
        let list = |name: &str, jids: &[String]| {
            let jid = |jid: &String| Tree::new(NS, "jid").with_text(jid.as_str());
            jids.iter().map(jid).fold(Tree::new(NS, name), Tree::with_child)
        };
        Tree::new(NS, "prefs")
            .with_attr("default", self.default.name())
            .with_child(list("always", &self.always))
            .with_child(list("never", &self.never))
    }
}

fn list(tree: &Tree, name: &str) -> Result<Vec<String>, StanzaError> {
    let Some(list) = tree.child(NS, name) else { return Ok(Vec::new()) };
    let jid = |jid: &Tree| {
        let jid = Jid::parse(jid.text().trim());
        jid.map(|jid| jid.as_str().to_owned())
            .map_err(|error| StanzaError::new(Condition::JidMalformed).text(error.to_string()))
    };
    list.children_named(NS, "jid").map(jid).collect()
}
