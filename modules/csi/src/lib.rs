//! Client State Indication: what can wait does not wake up a phone in a pocket.
//!
//! Spec: [XEP-0352](https://xmpp.org/extensions/xep-0352.html). A client says that nobody looks at it; from then on what
//! is unimportant is held back, and goes out in order before the next thing that is not, or when the client is active
//! again. Nothing is thrown away but presence that newer presence makes outdated; the core does the holding.

mod importance;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{Enable, Trigger};

/// `[host.<name>.modules.csi]`: what waits while a client is inactive (§3.2 wants it to be configurable).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Presence of contacts and in rooms; of each resource only the last is kept.
    pub presence: bool,
    /// Messages that only tell that somebody is typing, or has stopped.
    pub chat_states: bool,
    /// Messages that only confirm others: receipts and markers.
    pub receipts: bool,
    /// News about contacts: avatars, moods, keys, whatever they publish.
    pub events: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { presence: true, chat_states: true, receipts: true, events: true }
    }
}

/// Holds back what is unimportant for the clients of a host that are inactive.
#[derive(Debug)]
pub struct Csi {
    config: Config,
    inactive: SessionSlot<Inactive>,
    /// Stanzas held back.
    held: Counter,
}

/// §4.2: a stream begins active. Not saved: a resumed stream is active as well (§5.2).
#[derive(Debug, Default)]
struct Inactive(AtomicBool);

impl Module for Csi {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("csi", "Holds back what can wait for inactive clients")
        .specs(&[Spec::xep(352, "1.0.0")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            inactive: reg.session_slot(),
            held: reg.counter("held", "Stanzas held back for inactive clients."),
        });
        // §4.1.
        let feature = StreamFeature::new(Offered::AfterLogin, Tree::new(NS, "csi"))
            .on(Trigger::Nonza(NS, "active"))
            .on(Trigger::Nonza(NS, "inactive"));
        reg.stream_feature_with(feature, &this, Self::indicated);
        let kinds = Kinds::AVAILABILITY | Kinds::NORMAL | Kinds::CHAT | Kinds::GROUPCHAT | Kinds::HEADLINE;
        reg.exit(Exit::Hold, kinds, &this, Self::hold);
        reg.notice(NoticeKind::SessionSleeps, &this, Self::stream_changed);
        reg.notice(NoticeKind::SessionResumed, &this, Self::stream_changed);
        Ok(this)
    }
}

impl Csi {
    /// §4.2; there is no answer.
    async fn indicated(self: Arc<Self>, request: Enable) -> IqResult {
        // Without a session there is nothing to hold back.
        if let Some(session) = &request.session {
            self.set_active(session, request.payload.name() == "active");
        }
        Ok(Reply::empty())
    }

    /// §5.1: what was held stands in the mailbox before the client's next request is read.
    fn set_active(&self, session: &Session, active: bool) {
        let was_inactive = self.inactive.get(session).0.swap(!active, Ordering::AcqRel);
        if active && was_inactive {
            session.release_held();
        }
    }

    /// §5.2.
    async fn stream_changed(self: Arc<Self>, notice: Notice) {
        let session = match notice {
            // A client that was quick is back already, and may have said that it is inactive.
            Notice::SessionSleeps(session) if session.is_asleep() => session,
            Notice::SessionResumed(session) => session,
            _ => return,
        };
        if self.inactive.peek(&session).is_some() {
            self.set_active(&session, true);
        }
    }

    fn hold(&self, event: &mut Event) -> HookResult {
        let session = event.origin.session();
        let inactive = session.and_then(|session| self.inactive.peek(session));
        let (Some(session), true) = (session, inactive.is_some_and(|slot| slot.0.load(Ordering::Acquire)))
        else {
            return Ok(Flow::Continue);
        };
        if !self.config.may_wait(&event.stanza, session.account()) {
            return Ok(Flow::Continue);
        }
        self.held.inc();
        Ok(Flow::Handled)
    }
}

const NS: &str = "urn:xmpp:csi:0";

#[cfg(test)]
mod tests;
