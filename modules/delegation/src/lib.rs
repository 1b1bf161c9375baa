//! Namespace Delegation: components answer requests of some namespaces in the place of the host and its accounts.
//!
//! Spec: [XEP-0355](https://xmpp.org/extensions/xep-0355.html) in admin mode (§4): what a component manages stands in
//! `[modules.component.domains."NAME".delegations]`. Client mode (§5) is left out (§9 note 1).
//!
//! Invariants: the stream of nobody waits for a component (§9 note 3); of an answer only the payload is taken, and only
//! when its addresses, its id and its type are those of the answer that was waited for; whoever asks gets an answer,
//! whatever the component does.

mod advertise;
mod answer;
mod disco;
mod manager;
mod nested;
mod places;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_component::Grantee;
use waxwing_core::config::{Bytes, Duration};
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::tasks::Workers;
use waxwing_roster::RosterService;
use waxwing_xmpp::forwarded;

use answer::Underway;
use nested::Nested;
use places::Places;

/// `[host.<name>.modules.delegation]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Time that a component has to answer; then whoever asked gets `service-unavailable`.
    pub answer_time_max: Duration,
    /// Requests at components that wait for answers; one more gets `resource-constraint`.
    pub requests_max: usize,
    /// The same of one account, of another server, of a component, of a host or of an occupant of a room.
    pub requests_per_sender_max: usize,
    /// Bytes that a component may add to what the host, or each account, says of itself, for each namespace; more are
    /// ignored.
    pub nested_bytes_max: Bytes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            answer_time_max: Duration::seconds(60),
            requests_max: 10_000,
            requests_per_sender_max: 100,
            nested_bytes_max: Bytes(16 << 10),
        }
    }
}

/// Delegates namespaces of a host.
pub struct Delegation {
    host: HostRef,
    config: Config,
    rosters: ServiceHandle<RosterService>,
    nested: Nested,
    places: Arc<Places>,
    workers: Workers,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Metrics {
    delegated: Counter,
    unanswered: Counter,
    refused: Counter,
}

impl fmt::Debug for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delegation")
    }
}

impl Module for Delegation {
    type Config = Config;

    const INFO: ModuleInfo =
        ModuleInfo::new("delegation", "Lets components answer for the host and its accounts")
            .specs(&[Spec::xep(355, "0.5").partial("admin mode")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            host: Arc::clone(reg.host()?),
            rosters: reg.optional_service(),
            nested: Nested::default(),
            places: Arc::new(Places::new(config.requests_max, config.requests_per_sender_max)),
            workers: Workers::default(),
            metrics: Arc::new(Metrics {
                delegated: reg.counter("delegated", "Requests that were forwarded to components."),
                unanswered: reg
                    .counter("unanswered", "Requests that a component did not answer as it has to."),
                refused: reg.counter("refused", "Requests refused because too many waited for answers."),
            }),
            config,
        });
        // §7.1.
        reg.feature(DiscoOn::Host, NS);
        reg.disco_revision(&this, Self::revise);
        reg.gate(Side::Sent, Gate::Handle, Kinds::IQ_REQUEST, &this, Self::without_address);
        reg.gate(Side::Received, Gate::Handle, Kinds::IQ_REQUEST, &this, Self::request);
        reg.host_gate(Kinds::IQ_REQUEST, &this, Self::request);
        // "Any bare jid": who asks does not learn from it which of them are accounts (RFC 6120 §13.11).
        reg.missing_gate(Kinds::IQ_REQUEST, &this, Self::request);
        reg.notice(NoticeKind::ExternalConnected, &this, Self::connected);
        Ok(this)
    }

    fn stop(&self) {
        self.workers.stop();
    }
}

impl Delegation {
    /// §4.3: "no 'to' attribute". With one it comes to the gates of whom it is for.
    fn without_address<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        if event.stanza.to.is_some() { Hooked::pass() } else { self.request(event) }
    }

    /// §4.3: for the host or a bare JID of it, "and only bare jid".
    fn request<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        if event.stanza.to.as_ref().is_some_and(|to| to.resource().is_some()) {
            return Hooked::pass();
        }
        match self.manager(event) {
            Some(manager) => Hooked::wait(self.delegate(event, manager)),
            None => Hooked::pass(),
        }
    }

    async fn delegate(&self, event: &mut Event, manager: manager::Manager) -> HookResult {
        if manager.asks_for_the_rest && self.is_ours(event).await? {
            return Ok(Flow::Continue);
        }
        self.forward(event, &manager.grantee).await?;
        Ok(Flow::Handled)
    }

    /// §4.3, example 3. The answer is not waited for here.
    async fn forward(&self, event: &mut Event, grantee: &Grantee) -> Result<(), StanzaError> {
        let full =
            || StanzaError::from(Condition::ResourceConstraint).text("Too many requests wait for answers.");
        let place = self.places.take(event).ok_or_else(|| {
            self.metrics.refused.inc();
            full()
        })?;
        let request = event.stanza.clone();
        let component = grantee.external.domain();
        let mut outer =
            Stanza::iq(IqType::Set, Text::default()).from(self.host.domain().to_jid()).to(component.to_jid());
        let inside = forwarded(&Tree::new(NS, "delegation"), &request, None);
        outer.children.push(inside.ok_or(Condition::InternalServerError)?);
        let asked = self.host.open_request(&mut outer).map_err(|_| full())?;
        self.metrics.delegated.inc();
        // One that is not there is answered for by the router.
        drop(self.host.router().send(outer).await);
        let underway = Underway {
            host: Arc::clone(&self.host),
            request,
            origin: event.origin.clone(),
            asked,
            patience: self.config.answer_time_max.0,
            rosters: self.rosters.get().cloned(),
            metrics: Arc::clone(&self.metrics),
            _place: place,
        };
        self.workers.spawn(underway.finish());
        Ok(())
    }
}

/// §12.1
const NS: &str = "urn:xmpp:delegation:2";
/// §7.2.4
const INFO_OF_THE_REST: &str = "urn:xmpp:delegation:2:bare:disco#info:*";
/// §7.2.5
const ITEMS_OF_THE_REST: &str = "urn:xmpp:delegation:2:bare:disco#items:*";
