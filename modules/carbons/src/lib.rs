//! Message Carbons: all clients of an account see the whole conversation.
//!
//! Spec: [XEP-0280](https://xmpp.org/extensions/xep-0280.html). Copies are made under the account's arrival lock, next to
//! the original; of a message of the log a session that sleeps gets only its position.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{Origin, Outcome, Shape};
use waxwing_log::Log;
use waxwing_xml::CONTENT;

mod eligible;
mod sent;
#[cfg(test)]
mod tests;

use eligible::{Direction, is_eligible};
use sent::SentIds;

/// Copies the messages of a host's accounts.
#[derive(Debug)]
pub struct Carbons {
    log: ServiceHandle<Log>,
    enabled: SessionSlot<Enabled>,
    sent: AccountSlot<SentIds>,
    copies: Counter,
}

/// Whether the session's client wants copies.
#[derive(Debug, Default)]
struct Enabled(AtomicBool);

impl Module for Carbons {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("carbons", "Copies messages to all clients of a user")
        .specs(&[Spec::xep(280, "1.0.1")])
        .after(&["log"]);

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let enabled = reg.saved_session_slot::<Enabled>(
            "carbons.enabled",
            |enabled| enabled.0.load(Ordering::Relaxed).then(|| vec![1]),
            |enabled, _| enabled.0.store(true, Ordering::Relaxed),
        );
        let this = Arc::new(Self {
            log: reg.optional_service(),
            enabled,
            sent: reg.account_slot(),
            copies: reg.counter("copies", "Copies of messages for other clients of a user."),
        });
        // §3, §6.2.
        for feature in [ns::CARBONS, "urn:xmpp:carbons:rules:0"] {
            reg.feature(DiscoOn::Host, feature);
            reg.feature(DiscoOn::Account, feature);
        }
        for to in [IqTo::Own, IqTo::Host] {
            reg.iq(Iq::set(to, ns::CARBONS, "enable"), &this, |this, iq| this.switch(iq, true))?;
            reg.iq(Iq::set(to, ns::CARBONS, "disable"), &this, |this, iq| this.switch(iq, false))?;
        }
        for side in [Side::Sent, Side::Received] {
            reg.gate(side, Gate::Rewrite, Kinds::MESSAGE, &this, Self::refuse_forged);
        }
        reg.step(Side::Sent, Step::Copy, Kinds::MESSAGE, &this, Self::copy_sent);
        reg.step(Side::Received, Step::Copy, Kinds::MESSAGE, &this, Self::copy_received);
        Ok(this)
    }
}

impl Carbons {
    /// §4, §5; §10: asking twice changes nothing.
    async fn switch(self: Arc<Self>, iq: IqRequest, on: bool) -> IqResult {
        // §4.1: not for clients of others.
        let session = iq.session().map_err(|_| StanzaError::from(Condition::NotAllowed))?;
        if session.host().domain() != iq.host.domain() {
            return Err(Condition::NotAllowed.into());
        }
        self.enabled.get(session).0.store(on, Ordering::Relaxed);
        session.touch();
        Ok(Reply::empty())
    }

    /// §11: only the account's own server makes copies; what looks like one was made by somebody else.
    fn refuse_forged<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let forged =
            |child: &Child| child.namespace() == ns::CARBONS && matches!(child.name(), "received" | "sent");
        event.stanza.children.retain(|child| !forged(child));
        Hooked::pass()
    }

    /// §8: to the other clients of the sender.
    fn copy_sent(&self, event: &mut Event) -> HookResult {
        let (Some(account), Origin::Client(sender)) = (&event.account, &event.origin) else {
            return Ok(Flow::Continue);
        };
        if !is_eligible(&event.stanza, Direction::Sent) && !self.answers(event, Direction::Sent) {
            return Ok(Flow::Continue);
        }
        self.note(event, Direction::Sent);
        // A message to oneself is copied where it arrives.
        if event.stanza.to.as_ref().is_none_or(|to| to.same_bare(account.jid().as_jid())) {
            return Ok(Flow::Continue);
        }
        let mut stanza = event.stanza.clone();
        if let (Some(position), Some(log)) = (event.logged, self.log.get()) {
            // XEP-0313 §3.5: in the copy, never in what goes out.
            stanza.children.push(log.stanza_id(account, position).to_child());
        }
        for session in event.sessions.iter().filter(|session| *session != sender && self.wants(session)) {
            self.copy(account, session, &stanza, event.logged, Shape::CopyOfSent);
        }
        Ok(Flow::Continue)
    }

    /// §7: to the clients of the recipient that do not get the original.
    fn copy_received(&self, event: &mut Event) -> HookResult {
        let Some(account) = event.account.clone() else { return Ok(Flow::Continue) };
        if !is_eligible(&event.stanza, Direction::Received) && !self.answers(event, Direction::Received) {
            return Ok(Flow::Continue);
        }
        self.note(event, Direction::Received);
        let sender = event.origin.session();
        for (index, session) in event.sessions.iter().enumerate() {
            let original = event.plan.outcome == Outcome::Deliver && event.plan.targets.contains(&index);
            if !original && self.wants(session) && sender != Some(session) {
                self.copy(&account, session, &event.stanza, event.logged, Shape::CopyOfReceived);
            }
        }
        Ok(Flow::Continue)
    }

    fn wants(&self, session: &Session) -> bool {
        self.enabled.peek(session).is_some_and(|enabled| enabled.0.load(Ordering::Relaxed))
    }

    fn copy(
        &self,
        account: &Account,
        session: &SessionRef,
        stanza: &Stanza,
        logged: Option<u64>,
        shape: Shape,
    ) {
        let sent = shape == Shape::CopyOfSent;
        let Some(copy) = waxwing_xmpp::carbon(sent, stanza, account.jid(), session.jid()) else { return };
        self.copies.inc();
        match logged {
            Some(position) => session.hand(copy, position, shape, false),
            None => session.send(copy),
        };
    }

    /// §6.1: an error that answers an eligible message. The other direction is that of the message.
    fn answers(&self, event: &Event, direction: Direction) -> bool {
        if event.stanza.kind != Kind::Message(MessageType::Error) || eligible::is_private(&event.stanza) {
            return false;
        }
        let Some(account) = &event.account else { return false };
        let Some(id) = &event.stanza.id else { return false };
        let (peer, asked) = match direction {
            Direction::Sent => (event.stanza.to.as_ref(), Direction::Received),
            Direction::Received => (event.stanza.from.as_ref(), Direction::Sent),
        };
        peer.is_some_and(|peer| self.sent.get(account).contains(asked, peer, id.as_str()))
    }

    /// Remembers an eligible message, for an error that may answer it.
    fn note(&self, event: &Event, direction: Direction) {
        let peer = match direction {
            Direction::Sent => event.stanza.to.as_ref(),
            Direction::Received => event.stanza.from.as_ref(),
        };
        if let (Some(account), Some(peer), Some(id)) = (&event.account, peer, &event.stanza.id) {
            self.sent.get(account).add(direction, peer, id.as_str());
        }
    }
}

/// Whether there is a body.
fn has_body(stanza: &Stanza) -> bool {
    stanza.children.find(CONTENT, "body").is_some()
}
