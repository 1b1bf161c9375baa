//! Stands in for roster and presence: a fixed list of friends sees everybody.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::{BoxFuture, Contacts, prelude::*};

/// A module `contacts`: who is in its list may see the presence of every account, others only their own.
#[derive(Debug)]
pub struct TestContacts {
    config: Friends,
}

/// `[host.<name>.modules.contacts]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Friends {
    /// Bare JIDs.
    pub friends: Vec<String>,
}

impl Module for TestContacts {
    type Config = Friends;

    const INFO: ModuleInfo = ModuleInfo::new("contacts", "Friends see everybody");

    fn start(config: Friends, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self { config });
        reg.provide::<dyn Contacts>(this.clone())?;
        Ok(this)
    }
}

impl Contacts for TestContacts {
    fn sees<'a>(&'a self, account: &'a AccountRef, who: &'a Jid) -> BoxFuture<'a, Result<bool, StoreError>> {
        let friend = self.config.friends.iter().any(|friend| friend == who.bare_str());
        let own = who.same_bare(account.jid().as_jid());
        Box::pin(async move { Ok(friend || own) })
    }
}
