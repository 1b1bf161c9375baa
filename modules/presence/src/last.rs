//! When an account was last available (RFC 6121 §4.3.2 rule 3).

use tracing::warn;
use waxwing_core::prelude::*;
use waxwing_store::Scope;
use waxwing_xmpp::{Timestamp, delay};

use crate::Presence;

/// One row per account: microseconds since the epoch when its last resource became unavailable.
#[derive(Debug)]
pub(crate) struct LastTable;

impl Table for LastTable {
    const NAME: &'static str = "presence.last";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = i64;
}

impl Presence {
    /// Notes that the account has no available resource from now on.
    pub(crate) fn note_gone(&self, account: &Account) {
        let now = account.host().clock().now();
        // Nobody waits for the write: what is lost is a time stamp.
        if let Err(error) = self.last.put(account.number(), &(), &now.0) {
            warn!(%error, "The time of a last presence was not written.");
        }
    }

    /// Unavailable presence of an account, with the time since when.
    pub(crate) async fn long_gone(&self, account: &Account) -> Result<Stanza, StoreError> {
        let stanza = Stanza::presence(PresenceType::Unavailable).from(account.jid().clone());
        Ok(match self.last.get(account.number(), &()).await? {
            Some(since) => stanza.with(&delay(account.jid().as_jid(), Timestamp(since), None)),
            None => stanza,
        })
    }
}
