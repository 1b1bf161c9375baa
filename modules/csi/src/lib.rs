//! Client State Indication: a client that nobody looks at is left alone until there is something to see.
//!
//! Spec: [XEP-0352](https://xmpp.org/extensions/xep-0352.html). The core keeps what is held back, the last availability of
//! each entity only, and lets it go, in order, before the next thing that is not held.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{Exit, Trigger};

#[cfg(test)]
mod tests;

/// `[host.<name>.modules.csi]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Hold back who comes and goes.
    pub presence: bool,
    /// Hold back messages that show the user nothing: chat states, receipts, markers, events of pubsub.
    pub messages: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { presence: true, messages: true }
    }
}

/// Holds back what can wait.
#[derive(Debug)]
pub struct Csi {
    config: Config,
    inactive: SessionSlot<Inactive>,
    held: Counter,
}

/// Whether the client has said that nobody looks at it.
#[derive(Debug, Default)]
struct Inactive(AtomicBool);

impl Module for Csi {
    type Config = Config;

    const INFO: ModuleInfo =
        ModuleInfo::new("csi", "Leaves clients alone that nobody looks at").specs(&[Spec::xep(352, "1.0.0")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            inactive: reg.session_slot(),
            held: reg.counter("held", "Stanzas held back from clients that nobody looks at."),
        });
        let feature = StreamFeature::new(Offered::AfterLogin, Tree::new(NS, "csi"))
            .on(Trigger::Nonza(NS, "active"))
            .on(Trigger::Nonza(NS, "inactive"));
        reg.stream_feature_with(feature, &this, Self::indicated);
        reg.exit(Exit::Hold, Kinds::AVAILABILITY | Kinds::MESSAGE, &this, Self::hold);
        reg.notice(NoticeKind::SessionSleeps, &this, Self::slept);
        Ok(this)
    }
}

impl Csi {
    /// §4.2: there is no answer.
    async fn indicated(self: Arc<Self>, request: waxwing_core::Enable) -> IqResult {
        let session = request.session.ok_or(Condition::UnexpectedRequest)?;
        let inactive = request.payload.name() == "inactive";
        self.inactive.get(&session).0.store(inactive, Ordering::Relaxed);
        if !inactive {
            // §5.1: before whatever the client asks next.
            session.release_held();
        }
        Ok(Reply::empty())
    }

    /// §5.2: a resumed stream begins as active.
    async fn slept(self: Arc<Self>, notice: Notice) {
        if let Notice::SessionSleeps(session) = notice
            && let Some(inactive) = self.inactive.peek(&session)
        {
            inactive.0.store(false, Ordering::Relaxed);
        }
    }

    fn hold(&self, event: &mut Event) -> HookResult {
        let Some(session) = event.origin.session() else { return Ok(Flow::Continue) };
        let inactive = self.inactive.peek(session).is_some_and(|inactive| inactive.0.load(Ordering::Relaxed));
        let waits = match event.stanza.kind {
            Kind::Presence(_) => self.config.presence && !is_own_in_room(&event.stanza),
            Kind::Message(_) => self.config.messages && !is_important(&event.stanza),
            Kind::Iq(_) => false,
        };
        if !(inactive && waits) {
            return Ok(Flow::Continue);
        }
        self.held.inc();
        Ok(Flow::Handled)
    }
}

/// Whether the user has entered or left a room by it (XEP-0045, status 110): the client has to know.
fn is_own_in_room(stanza: &Stanza) -> bool {
    let Some(x) = stanza.children.find(ns::MUC_USER, "x") else { return false };
    x.tree().children_named(ns::MUC_USER, "status").any(|status| status.attr("code") == Some("110"))
}

/// Whether a message shows the user something, or says that something went wrong. A copy (XEP-0280) is as important as
/// what it is a copy of.
fn is_important(stanza: &Stanza) -> bool {
    if stanza.is_error() || stanza.wants_attention() {
        return true;
    }
    // A room's new subject.
    if stanza.kind == Kind::Message(MessageType::Groupchat)
        && stanza.children.find(ns::CLIENT, "subject").is_some()
    {
        return true;
    }
    let copy = stanza.children.iter().find(|child| child.namespace() == ns::CARBONS);
    copy.is_some_and(|copy| original(copy).is_some_and(|original| is_important(&original)))
}

/// What a copy is a copy of.
fn original(copy: &Child) -> Option<Stanza> {
    let forwarded = copy.lift();
    let forwarded = forwarded.find(ns::FORWARD, "forwarded")?;
    let message = forwarded.lift();
    Stanza::parse(message.find(ns::CLIENT, "message")?.as_str())
}

const NS: &str = "urn:xmpp:csi:0";
