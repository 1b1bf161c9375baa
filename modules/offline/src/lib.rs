//! Messages for who is away: the account is owed them until one of its clients has them.
//!
//! Spec: [XEP-0160](https://xmpp.org/extensions/xep-0160.html). This module only says which messages are owed; the log
//! keeps them, and hands them over at the next presence of non-negative priority. They are owed from the moment they
//! come, also if somebody is there to take them: a client may be gone before it has read what was written to it, and the
//! server may be killed in between.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::Outcome;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_log::Log;
use waxwing_xmpp::content;

/// `[host.<name>.modules.offline]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Messages that wait for one account; while nobody is there to take the next one, its sender gets
    /// `service-unavailable`. 0: nothing waits for who is away.
    pub messages_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { messages_max: 10_000 }
    }
}

/// Says which messages the accounts of a host are owed.
#[derive(Debug)]
pub struct Offline {
    config: Config,
    log: ServiceHandle<Log>,
    /// Messages refused because too many waited.
    full: Counter,
}

impl Module for Offline {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("offline", "Keeps messages for who is away")
        .specs(&[Spec::xep(160, "1.0.1"), Spec::xep(334, "1.0.0").partial("store, no-store")])
        .requires(&["log"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            log: reg.service(),
            full: reg.counter("full", "Messages refused because too many waited for their account."),
        });
        // §4.
        reg.feature(DiscoOn::Host, "msgoffline");
        reg.step(Side::Received, Step::Record, Kinds::NORMAL | Kinds::CHAT, &this, Self::record);
        Ok(this)
    }
}

impl Offline {
    /// §2 (3), (4).
    fn record(&self, event: &mut Event) -> HookResult {
        if !is_storable(&event.stanza) {
            return Ok(Flow::Continue);
        }
        if event.plan.outcome == Outcome::Undelivered && self.is_full(event) {
            self.full.inc();
            // RFC 6121 §8.5.2.2.1.
            return Err(StanzaError::from(Condition::ServiceUnavailable).text("Too many messages wait."));
        }
        event.keep.owed = true;
        Ok(Flow::Continue)
    }

    fn is_full(&self, event: &Event) -> bool {
        let count = event.account.as_ref().zip(self.log.get()).map(|(account, log)| log.owed_count(account));
        count.is_some_and(|count| count >= self.config.messages_max)
    }
}

/// §3: whether there is something in it that a user would miss.
///
/// All of it counts that is neither a chat state nor says something about the message only: a receipt that is lost
/// leaves its message unconfirmed for ever, a key or an invitation more than that.
fn is_storable(stanza: &Stanza) -> bool {
    if stanza.has_hint("no-store") {
        // XEP-0334 §4.2.
        return false;
    }
    let says = |child| !content::is_chat_state(child) && !content::is_bookkeeping(child);
    // XEP-0334 §4.4.
    stanza.has_hint("store") || stanza.children.iter().any(says)
}

#[cfg(test)]
mod tests;
