//! Privileged Entity: components that act for the accounts of a host, as far as the operator lets them.
//!
//! Spec: [XEP-0356](https://xmpp.org/extensions/xep-0356.html). What a component may do stands in
//! `[modules.component.domains."NAME".privileges]`; nothing is granted by default.
//!
//! Invariants: the component's stream has proved who it is, so that nothing but the stream's domain decides what it may
//! do; only the component itself is privileged, nobody at its domain; what goes out in an account's name passes the
//! same hooks as what its clients send, and may do nothing that they may not (§9.4).

mod advertise;
mod catch_up;
mod iq;
mod message;
mod presence;
mod roster;
#[cfg(test)]
mod tests;
mod told;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use waxwing_component::{Grantee, PresenceAccess, Privileges};
use waxwing_core::config::Duration;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::tasks::Workers;
use waxwing_core::{Blocks, Origin};
use waxwing_presence::PresenceWatch;
use waxwing_roster::{RosterService, RosterWatch};

use catch_up::CatchUp;
use told::{Limits, Told};

/// `[host.<name>.modules.privilege]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Time that somebody has to answer a request in an account's name; then `remote-server-timeout`.
    pub answer_time_max: Duration,
    /// Requests in accounts' names that wait for answers; one more gets `resource-constraint`.
    pub requests_max: usize,
    /// What is remembered of what a component was told: each resource once for each account that sees it. Of further ones
    /// it may hear twice.
    pub presences_max: usize,
    /// Resources of one contact of which is remembered what a component was told.
    pub resources_per_contact_max: usize,
    /// Time between two contacts at other servers that are asked whether they are there, when a component connects.
    pub probe_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            answer_time_max: Duration::seconds(60),
            requests_max: 1000,
            presences_max: 100_000,
            resources_per_contact_max: 100,
            probe_interval: Duration(std::time::Duration::from_millis(10)),
        }
    }
}

/// Lets components act for the accounts of a host.
pub struct Privilege {
    host: HostRef,
    config: Config,
    rosters: ServiceHandle<RosterService>,
    blocks: ServiceHandle<dyn Blocks>,
    told: Told,
    underway: Arc<Semaphore>,
    workers: Workers,
    metrics: Metrics,
}

struct Metrics {
    roster: Counter,
    messages: Counter,
    requests: Counter,
    refused: Counter,
}

impl fmt::Debug for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Privilege")
    }
}

impl Module for Privilege {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("privilege", "Lets components act for accounts")
        .specs(&[Spec::xep(356, "0.4.1")])
        .requires(&["presence", "roster"])
        // Who manages a namespace comes before who may only use it.
        .after(&["delegation", "presence"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let limits = Limits {
            presences_max: config.presences_max,
            resources_per_contact_max: config.resources_per_contact_max,
        };
        let unremembered =
            reg.counter("presences_unremembered", "Presence of contacts that a component may hear of twice.");
        let this = Arc::new(Self {
            host: Arc::clone(reg.host()?),
            rosters: reg.service(),
            blocks: reg.optional_service(),
            told: Told::new(limits, unremembered),
            underway: Arc::new(Semaphore::new(config.requests_max.min(Semaphore::MAX_PERMITS))),
            workers: Workers::default(),
            metrics: Metrics {
                roster: reg
                    .counter("roster_requests", "Roster requests of components that were carried out."),
                messages: reg.counter("messages", "Messages of components in the name of others."),
                requests: reg.counter("requests", "Requests of components in the name of accounts."),
                refused: reg.counter("refused", "What components were not permitted to do."),
            },
            config,
        });
        reg.provide::<dyn RosterWatch>(this.clone())?;
        reg.provide::<dyn PresenceWatch>(this.clone())?;
        reg.gate(Side::Received, Gate::Handle, Kinds::IQ_REQUEST, &this, Self::received_iq);
        reg.gate(Side::Received, Gate::Handle, Kinds::AVAILABILITY, &this, Self::received_presence);
        reg.host_gate(Kinds::MESSAGE, &this, Self::for_the_host);
        // §4.3, §6.3: the same answer whether the account exists or not (RFC 6120 §13.11).
        reg.iq(Iq::get(IqTo::Missing, ns::ROSTER, "query"), &this, Self::no_roster)?;
        for to in [IqTo::Missing, IqTo::Host] {
            reg.iq(Iq::get(to, NS, "privileged_iq"), &this, Self::nobody)?;
            reg.iq(Iq::set(to, NS, "privileged_iq"), &this, Self::nobody)?;
        }
        reg.notice(NoticeKind::ExternalConnected, &this, Self::connected);
        Ok(this)
    }

    fn stop(&self) {
        self.workers.stop();
    }
}

impl Privilege {
    /// A request for an account.
    fn received_iq<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let Some(payload) = event.stanza.payload() else { return Hooked::pass() };
        let from_component = matches!(event.origin, Origin::Component(_));
        let to_account = event.stanza.to.as_ref().is_some_and(Jid::is_bare);
        if payload.is(ns::ROSTER, "query") && from_component && to_account {
            return Hooked::wait(self.roster_request(event));
        }
        // Between clients it is nobody's business here.
        let for_us = payload.is(NS, "privileged_iq") && (from_component || to_account);
        if for_us { Hooked::wait(self.privileged_iq(event)) } else { Hooked::pass() }
    }

    /// A message for the host itself.
    fn for_the_host<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let from_component = matches!(event.origin, Origin::Component(_));
        let privileged = from_component && event.stanza.children.find(NS, "privilege").is_some();
        if privileged && !event.stanza.is_error() {
            return Hooked::wait(self.privileged_message(event));
        }
        Hooked::pass()
    }

    /// The component that sent this, if the operator lets it do anything here.
    fn grantee(&self, event: &Event) -> Option<Grantee> {
        let (Origin::Component(name), Some(from)) = (&event.origin, &event.stanza.from) else { return None };
        let itself = from.local().is_none() && from.domain() == name.as_str();
        itself.then(|| Grantee::named(name, &self.host)).flatten()
    }

    /// §4.3, §5.1, §6.3.
    fn forbidden(&self, text: &str) -> StanzaError {
        self.metrics.refused.inc();
        StanzaError::from(Condition::Forbidden).text(text)
    }

    async fn connected(self: Arc<Self>, notice: Notice) {
        let Notice::ExternalConnected(external) = notice else { return };
        let known = self.told.forget(external.domain());
        let nothing = Privileges::default();
        let grantee = Grantee::of(Arc::clone(&external), &self.host);
        let privileges = grantee.as_ref().map_or(&nothing, |grantee| &grantee.grants.privileges);
        let may = *privileges != nothing;
        // That there is nothing any more is told once.
        if may || known {
            self.advertise(&*external, privileges);
        }
        let Some(grantee) = grantee.filter(|_| may) else { return };
        let round = self.told.begin(external.domain());
        if grantee.grants.privileges.presence > PresenceAccess::None {
            self.workers.spawn(CatchUp { privilege: Arc::clone(&self), grantee, round }.run());
        }
    }
}

/// §11.1
const NS: &str = "urn:xmpp:privilege:2";
