//! Domains of others that are reached through us: external components.
//!
//! [RFC 6120 §10.5](https://www.rfc-editor.org/rfc/rfc6120#section-10.5) has a server bring a stanza for a domain of
//! its own either to itself or to a specialized local service. A listener module attaches such a service under its
//! domain, for as long as it is to be known here, whether it is connected or not: what is for it never goes to another
//! server.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use waxwing_xmpp::{Condition, Domain, Stanza};

use crate::event::Origin;
use crate::router::Router;
use crate::{Custody, HostKind, HostRef, Notice};

/// Serves a domain that is no host of ours.
pub trait External: Send + Sync {
    /// The domain that it serves.
    fn domain(&self) -> &Domain;

    /// Whether it serves all domains below its own as well, but those that have hosts or others of their own.
    fn serves_subdomains(&self) -> bool {
        false
    }

    /// Whether somebody is there.
    fn is_connected(&self) -> bool;

    /// Takes a stanza for the domain; never waits.
    ///
    /// # Errors
    /// Why it took nothing: the stanza bounces.
    fn deliver(&self, stanza: &Stanza) -> Result<(), Condition>;

    /// Takes a stanza by which a module tells it something that nobody has sent to it; never waits. Nothing of it ever
    /// bounces: what does not arrive is told anew when somebody connects.
    fn inform(&self, stanza: &Stanza) {
        self.deliver(stanza).ok();
    }

    /// Whether so much waits for it that who has a lot to tell waits as well.
    fn is_busy(&self) -> bool {
        false
    }

    /// What the operator lets it do beyond that, for modules that know this type; see [`granted`].
    fn grant(&self, _of: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
}

/// What the operator lets an external service do, of this type.
pub fn granted<T: Send + Sync + 'static>(external: &dyn External) -> Option<Arc<T>> {
    external.grant(TypeId::of::<T>())?.downcast().ok()
}

/// A handle to an external service.
pub type ExternalRef = Arc<dyn External>;

/// The domain has a host, or an external service already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is served here already")]
pub struct Taken(pub Domain);

/// All external services, by domain.
#[derive(Default)]
pub(crate) struct Externals {
    by_domain: ArcSwap<BTreeMap<Box<str>, ExternalRef>>,
    /// Held while the map is changed, which is rare.
    changing: Mutex<()>,
}

impl fmt::Debug for Externals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Externals({})", self.by_domain.load().len())
    }
}

impl Externals {
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<Box<str>, ExternalRef>) -> T) -> T {
        let _one_at_a_time = self.changing.lock();
        let mut map = BTreeMap::clone(&self.by_domain.load());
        let result = change(&mut map);
        self.by_domain.store(Arc::new(map));
        result
    }

    pub(crate) fn clear(&self) {
        self.change(BTreeMap::clear);
    }

    /// Who serves the domain: the one attached there, or the nearest above that serves what is below it.
    fn find(&self, domain: &str) -> Option<ExternalRef> {
        let map = self.by_domain.load();
        if map.is_empty() {
            return None;
        }
        let above = |external: &&ExternalRef| external.serves_subdomains();
        let mut found = map.get(domain);
        let mut rest = domain;
        while found.is_none() {
            rest = rest.split_once('.')?.1;
            found = map.get(rest).filter(above);
        }
        found.cloned()
    }
}

impl Router {
    /// Attaches an external service: stanzas for its domain go to it from now on.
    ///
    /// # Errors
    /// The domain is that of a host, or of another external service.
    pub fn attach(&self, external: ExternalRef) -> Result<(), Taken> {
        let domain = external.domain().clone();
        if self.host(domain.as_str()).is_some() {
            return Err(Taken(domain));
        }
        self.externals.change(|map| match map.contains_key(domain.as_str()) {
            true => Err(Taken(domain)),
            false => {
                map.insert(domain.as_str().into(), external);
                Ok(())
            }
        })
    }

    /// The domain is one of the wide world again.
    pub fn detach(&self, domain: &Domain) {
        self.externals.change(|map| map.remove(domain.as_str()));
    }

    /// The external service that stanzas for this domain go to. Hosts come first.
    pub fn external(&self, domain: &str) -> Option<ExternalRef> {
        self.externals.find(domain).filter(|_| self.host(domain).is_none())
    }

    /// All external services, by domain.
    pub fn externals(&self) -> Vec<ExternalRef> {
        self.externals.by_domain.load().values().cloned().collect()
    }

    /// The nearest host with accounts above a domain.
    pub fn parent(&self, domain: &str) -> Option<HostRef> {
        let parents = std::iter::successors(domain.split_once('.'), |(_, parent)| parent.split_once('.'));
        parents.filter_map(|(_, parent)| self.host(parent)).find(|host| host.kind() == HostKind::Accounts)
    }

    /// Tells the modules of all hosts that an external service has connected, or that it may do other things now.
    pub async fn connected(&self, external: &ExternalRef) {
        for host in self.hosts() {
            host.notify(Notice::ExternalConnected(Arc::clone(external))).await;
        }
    }

    /// Brings a stanza to an external service.
    pub(crate) async fn to_external(
        &self,
        external: ExternalRef,
        stanza: Stanza,
        origin: Origin,
        custody: Custody,
    ) -> Custody {
        match external.deliver(&stanza) {
            Ok(()) => custody,
            Err(condition) => self.bounce(stanza, &condition.into(), &origin).await,
        }
    }

    /// The domain, if we speak for it at other servers: that of a host, or one that an external service serves.
    pub(crate) fn own(&self, domain: &str) -> Option<Domain> {
        match self.host(domain) {
            Some(host) => Some(host.domain().clone()),
            None => self.external(domain).and_then(|_| Domain::parse(domain).ok()),
        }
    }
}
