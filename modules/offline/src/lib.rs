//! Which messages a user is owed who is away: the policy over the account's log, which keeps them.
//!
//! Specs: [XEP-0160](https://xmpp.org/extensions/xep-0160.html), [XEP-0334](https://xmpp.org/extensions/xep-0334.html).
//! Messages that somebody takes at once are owed too, until a client has acknowledged them: a crash loses neither.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::Outcome;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_log::Log;

#[cfg(test)]
mod tests;

/// `[host.<name>.modules.offline]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Messages that an account is owed at most; while nobody takes them, the next gets `service-unavailable`.
    pub messages_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { messages_max: 10_000 }
    }
}

/// Says what a host's accounts are owed.
#[derive(Debug)]
pub struct Offline {
    config: Config,
    log: ServiceHandle<Log>,
    full: Counter,
}

impl Module for Offline {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("offline", "Keeps messages for users who are away")
        .specs(&[Spec::xep(160, "1.0.1"), Spec::xep(334, "0.4.0")])
        .requires(&["log"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            log: reg.service(),
            full: reg.counter("full", "Messages refused because the account was owed too many."),
        });
        // XEP-0160 §4.
        reg.feature(DiscoOn::Host, "msgoffline");
        reg.step(Side::Received, Step::Record, Kinds::NORMAL | Kinds::CHAT, &this, Self::keep);
        Ok(this)
    }
}

impl Offline {
    fn keep(&self, event: &mut Event) -> HookResult {
        if !is_owed(&event.stanza) {
            return Ok(Flow::Continue);
        }
        let away = event.plan.outcome == Outcome::Undelivered;
        if let (true, Some(log), Some(account)) = (away, self.log.get(), &event.account)
            && log.owed_count(account) >= self.config.messages_max
        {
            self.full.inc();
            // RFC 6121 §8.5.2.2.1, XEP-0160 §2.
            let full = StanzaError::from(Condition::ServiceUnavailable);
            return Err(full.text("Too many messages wait for this user."));
        }
        event.keep.owed = true;
        Ok(Flow::Continue)
    }
}

/// XEP-0160 §3 with XEP-0334 §4: all that says more than the state of a chat. A receipt or a marker is not shown, but
/// its user would miss it.
fn is_owed(stanza: &Stanza) -> bool {
    if stanza.has_hint("no-store") {
        return false;
    }
    stanza.has_hint("store") || !(stanza.children.is_empty() || stanza.is_chat_state_only())
}
