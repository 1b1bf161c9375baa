//! Message Carbons: the other clients of an account see what one of them sends and receives.
//!
//! Spec: [XEP-0280](https://xmpp.org/extensions/xep-0280.html). Copies are made under the account's arrival lock, before
//! the original goes out, so they stand in each mailbox where the message stands in the log. A copy of a message of the
//! log is handed over by its position: a session that sleeps or reads slowly gets it rebuilt from the row.

mod eligible;
mod recent;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{Origin, Shape};
use waxwing_log::Log;
use waxwing_xmpp::carbon;

use eligible::{Eligible, eligible};
use recent::{Key, Keys, Recent};

/// Copies messages to the clients of a host that ask for copies.
#[derive(Debug)]
pub struct Carbons {
    /// Where messages are kept, if they are.
    log: ServiceHandle<Log>,
    enabled: SessionSlot<Enabled>,
    recent: AccountSlot<Mutex<Recent>>,
    keys: Keys,
    metrics: Metrics,
}

#[derive(Debug)]
struct Metrics {
    copies: Counter,
    forged: Counter,
}

/// Whether the session gets copies (§4).
#[derive(Debug, Default)]
struct Enabled(AtomicBool);

impl Enabled {
    fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Module for Carbons {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("carbons", "Copies messages to all clients of an account")
        .specs(&[
            Spec::xep(280, "1.0.1"),
            Spec::xep(297, "1.0").partial("for copies"),
            Spec::xep(334, "1.0.0").partial("no-copy"),
        ]);

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            log: reg.optional_service(),
            enabled: reg.saved_session_slot(
                "carbons",
                |enabled: &Enabled| enabled.is_on().then(Vec::new),
                |enabled, _| enabled.0.store(true, Ordering::Release),
            ),
            recent: reg.account_slot(),
            keys: Keys::default(),
            metrics: Metrics {
                copies: reg.counter("copies", "Copies given to other sessions of an account."),
                forged: reg.counter("forged", "Messages that came with a forged copy, which was taken out."),
            },
        });
        // §3, §6.2.
        for on in [DiscoOn::Host, DiscoOn::Account] {
            reg.feature(on, ns::CARBONS);
            reg.feature(on, NS_RULES);
        }
        for to in [IqTo::Own, IqTo::Host] {
            reg.iq(Iq::set(to, ns::CARBONS, "enable"), &this, Self::enable)?;
            reg.iq(Iq::set(to, ns::CARBONS, "disable"), &this, Self::disable)?;
        }
        for name in ["enable", "disable"] {
            // §4.1, §5.1; and nobody learns which accounts exist (RFC 6120 §13.11).
            for to in [IqTo::Account, IqTo::Missing] {
                reg.iq(Iq::set(to, ns::CARBONS, name), &this, Self::refuse)?;
            }
        }
        for side in [Side::Sent, Side::Received] {
            reg.gate(side, Gate::Rewrite, Kinds::MESSAGE, &this, Self::take_out_forged);
        }
        reg.step(Side::Sent, Step::Copy, COPIED, &this, Self::copy_sent);
        reg.step(Side::Received, Step::Copy, COPIED, &this, Self::copy_received);
        Ok(this)
    }
}

impl Carbons {
    /// §4.
    async fn enable(self: Arc<Self>, iq: IqRequest) -> IqResult {
        self.switch(&iq, true)
    }

    /// §5.
    async fn disable(self: Arc<Self>, iq: IqRequest) -> IqResult {
        self.switch(&iq, false)
    }

    /// §10.1: as often as the client likes, and twice the same is no error.
    fn switch(&self, iq: &IqRequest, on: bool) -> IqResult {
        // §4.1, §5.1: not for clients of other servers.
        let session = iq.origin.session().filter(|session| session.host().domain() == iq.host.domain());
        let session = session.ok_or(Condition::NotAllowed)?;
        if self.enabled.get(session).0.swap(on, Ordering::AcqRel) != on {
            session.touch();
        }
        Ok(Reply::empty())
    }

    /// §4.1, §5.1: another account's copies are not the asker's business.
    async fn refuse(self: Arc<Self>, _: IqRequest) -> IqResult {
        Err(Condition::NotAllowed.into())
    }

    /// §11: copies come from the account's own server only, which does not send them past here. Clients must check
    /// that, and several did not (CVE-2017-5589), so nobody else's gets through, in either direction.
    fn take_out_forged<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let before = event.stanza.children.len();
        event.stanza.children.retain(|child| !is_copy(child));
        if event.stanza.children.len() != before {
            self.metrics.forged.inc();
        }
        Hooked::pass()
    }

    /// §8: what a client sends goes to the others.
    fn copy_sent(&self, event: &mut Event) -> HookResult {
        let Some(account) = event.account.as_ref() else { return Ok(Flow::Continue) };
        if !self.concerns(event, account, Side::Sent) || is_own(account, event.stanza.to.as_ref()) {
            // What an account sends to itself is copied where it arrives: there it is known who gets the original.
            return Ok(Flow::Continue);
        }
        let mut original = event.stanza.clone();
        if let (Some(position), Some(log)) = (event.logged, self.log.get()) {
            // XEP-0313 §3.5: for the account, never for the recipient.
            original.children.push(log.stanza_id(account, position).to_child());
        }
        // What was said in the account's name was said by none of its clients.
        let sender = event.origin.session().map(|sender| sender.id());
        let others = event.sessions.iter().filter(|session| Some(session.id()) != sender);
        self.give(account, &original, event.logged, Shape::CopyOfSent, others);
        Ok(Flow::Continue)
    }

    /// §7: what a client receives goes to the others.
    fn copy_received(&self, event: &mut Event) -> HookResult {
        let Some(account) = event.account.as_ref() else { return Ok(Flow::Continue) };
        if !self.concerns(event, account, Side::Received) {
            return Ok(Flow::Continue);
        }
        let own = is_own(account, event.stanza.from.as_ref());
        // To the others a message to the own account is one that it has sent: nobody is to be called by it.
        let shape = if own { Shape::CopyOfSent } else { Shape::CopyOfReceived };
        let sender = match &event.origin {
            Origin::Client(sender) if own => Some(sender.id()),
            _ => None,
        };
        let others = event.sessions.iter().enumerate();
        let others = others.filter(|(index, _)| !event.plan.targets.contains(index));
        let others = others.map(|(_, session)| session).filter(|session| Some(session.id()) != sender);
        self.give(account, &event.stanza, event.logged, shape, others);
        Ok(Flow::Continue)
    }

    /// Whether anybody gets copies, and the message is one to be copied (§6).
    fn concerns(&self, event: &Event, account: &Account, side: Side) -> bool {
        if !event.sessions.iter().any(|session| self.gets_copies(session)) {
            return false;
        }
        let peer = match side {
            Side::Sent => event.stanza.to.as_ref(),
            Side::Received => event.stanza.from.as_ref(),
        };
        let peer = peer.unwrap_or_else(|| account.jid().as_jid());
        // Without an id nobody can tell what an error answers.
        let key: Option<Key> = event.stanza.id.as_ref().map(|id| self.keys.key(id.as_str(), peer));
        match eligible(&event.stanza, side) {
            Eligible::No => false,
            Eligible::Yes => {
                if let Some(key) = key {
                    self.recent.get(account).lock().add(side, key);
                }
                true
            }
            // It answers what went the other way.
            Eligible::IfItAnswers => {
                let recent = self.recent.get(account).lock();
                key.is_some_and(|key| match side {
                    Side::Sent => recent.has(Side::Received, key),
                    Side::Received => recent.has(Side::Sent, key),
                })
            }
        }
    }

    fn gets_copies(&self, session: &Session) -> bool {
        self.enabled.peek(session).is_some_and(Enabled::is_on)
    }

    /// Gives those of the sessions copies that have asked for them.
    fn give<'s>(
        &self,
        account: &Account,
        original: &Stanza,
        logged: Option<u64>,
        shape: Shape,
        sessions: impl Iterator<Item = &'s SessionRef>,
    ) {
        let mut made: Option<Stanza> = None;
        for session in sessions.filter(|session| self.gets_copies(session)) {
            let copy = match made.take() {
                Some(copy) => Some(copy.to(session.jid().clone())),
                None => carbon(shape == Shape::CopyOfSent, original, account.jid(), session.jid()),
            };
            let Some(copy) = copy else { return };
            made = Some(copy.clone());
            let taken = match logged {
                Some(position) => session.hand(copy, position, shape, false),
                None => session.send(copy),
            };
            self.metrics.copies.inc_by(u64::from(taken));
        }
    }
}

fn is_own(account: &Account, jid: Option<&Jid>) -> bool {
    // A message without 'to' is for the sender's own account (RFC 6120 §10.3.1).
    jid.is_none_or(|jid| jid.same_bare(account.jid().as_jid()))
}

fn is_copy(child: &Child) -> bool {
    child.is(ns::CARBONS, "received") || child.is(ns::CARBONS, "sent")
}

/// §6.2: all the rules of §6.1 hold.
const NS_RULES: &str = "urn:xmpp:carbons:rules:0";

/// §6.1: groupchat never.
const COPIED: Kinds = Kinds::NORMAL.or(Kinds::CHAT).or(Kinds::HEADLINE).or(Kinds::MESSAGE_ERROR);

#[cfg(test)]
mod tests;
