//! Service discovery: who the host and its accounts are, what they can, what belongs to them.
//!
//! Specs: [XEP-0030](https://xmpp.org/extensions/xep-0030.html),
//! [XEP-0128](https://xmpp.org/extensions/xep-0128.html),
//! [XEP-0157](https://xmpp.org/extensions/xep-0157.html), and of
//! [XEP-0115](https://xmpp.org/extensions/xep-0115.html) the server's own capabilities (§6.3).
//!
//! The facts are declared by the modules and kept by the core; this module puts them into words. It decides who may
//! ask about an account (XEP-0030 §8): nobody else can tell an account from an address that is none.

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_core::{Contacts, DiscoAnswer, DiscoItem, DiscoNode, DiscoQuery};
use waxwing_xmpp::SetRequest;

pub mod caps;
mod config;
mod write;

pub use config::{Config, ContactAddresses};

/// Answers service discovery.
#[derive(Debug)]
pub struct Disco {
    /// Items that the operator added.
    items: Vec<DiscoItem>,
    contacts: ServiceHandle<dyn Contacts>,
}

impl Module for Disco {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("disco", "Tells what the server and its accounts can")
        .specs(&[
            Spec::xep(30, "2.5.0"),
            Spec::xep(115, "1.6.0").partial("the server's own capabilities; clients' ones pass through"),
            Spec::xep(128, "1.0.1"),
            Spec::xep(157, "1.1.1"),
        ])
        .scope(Scope::Host(HostKind::Any));

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let host = Arc::clone(reg.host()?);
        let this = Arc::new(Self { items: config.items()?, contacts: reg.optional_service() });
        for var in [ns::DISCO_INFO, ns::DISCO_ITEMS] {
            reg.feature(DiscoOn::Host, var);
        }
        if let Some(form) = config.contact.form(&host.config().admins)? {
            reg.disco_form(DiscoOn::Host, form);
        }
        reg.iq(Iq::get(IqTo::Host, ns::DISCO_INFO, "query"), &this, Self::info)?;
        reg.iq(Iq::get(IqTo::Host, ns::DISCO_ITEMS, "query"), &this, Self::items)?;
        if host.kind() == HostKind::Accounts {
            reg.identity(DiscoOn::Host, "server", "im", &config.name);
            this.on_accounts(reg)?;
            this.show_caps(reg);
        }
        Ok(this)
    }
}

impl Disco {
    fn on_accounts(self: &Arc<Self>, reg: &mut Registrar<'_>) -> Result<(), StartError> {
        // §3.1: the primary identity of a bare JID.
        reg.identity(DiscoOn::Account, "account", "registered", "");
        for var in [ns::DISCO_INFO, ns::DISCO_ITEMS] {
            reg.feature(DiscoOn::Account, var);
        }
        for to in [IqTo::Own, IqTo::Account] {
            reg.iq(Iq::get(to, ns::DISCO_INFO, "query"), self, Self::info)?;
            reg.iq(Iq::get(to, ns::DISCO_ITEMS, "query"), self, Self::items)?;
        }
        // §8, rule 2.1. Rule 1.1 is what the core answers anyway.
        reg.iq(Iq::get(IqTo::Missing, ns::DISCO_ITEMS, "query"), self, Self::no_items)
    }

    /// XEP-0115 §6.3, §7.
    fn show_caps(self: &Arc<Self>, reg: &mut Registrar<'_>) {
        reg.feature(DiscoOn::Host, ns::CAPS);
        let name = Tree::new(ns::CAPS, "c");
        reg.stream_feature(StreamFeature::computed(Offered::AfterLogin, &name, |declared| {
            caps::element(caps::NODE, &write::info(None, declared))
        }));
        reg.disco(DiscoOn::Host, self, Self::caps_node);
    }

    /// XEP-0115 §6.2: the node `NODE#VER` says what the hash was made of.
    async fn caps_node(self: Arc<Self>, query: DiscoQuery) -> DiscoAnswer {
        let Some(asked) = query.node.as_deref().and_then(|node| node.strip_prefix(caps::NODE)) else {
            return Ok(None);
        };
        let declared = query.host.declared(DiscoOn::Host);
        let ver = caps::verification_string(&write::info(None, &declared));
        Ok((asked.strip_prefix('#') == Some(&ver)).then_some(declared))
    }

    /// XEP-0030 §3.
    async fn info(self: Arc<Self>, iq: IqRequest) -> IqResult {
        if !self.may_ask(&iq).await? {
            // §8, rule 1.2: as if the account did not exist.
            return Err(Condition::ServiceUnavailable.into());
        }
        let query = query(&iq)?;
        // §7: there is no such node.
        let answer = iq.host.disco(on(iq.to), query.clone()).await?.ok_or(Condition::ItemNotFound)?;
        Ok(Reply::tree(&write::info(query.node.as_deref(), &answer)))
    }

    /// XEP-0030 §4.
    async fn items(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let query = query(&iq)?;
        if !self.may_ask(&iq).await? {
            // §8, rule 2: an empty set, as for an account that does not exist.
            return Ok(Reply::tree(&write::items(query.node.as_deref(), &DiscoNode::default())));
        }
        let mut answer = iq.host.disco(on(iq.to), query.clone()).await?.ok_or(Condition::ItemNotFound)?;
        if query.node.is_none() {
            match &iq.account {
                Some(account) => answer.items.extend(resources(account)),
                None => answer.items.extend(self.host_items(&iq.host)),
            }
        }
        Ok(Reply::tree(&write::items(query.node.as_deref(), &answer)))
    }

    async fn no_items(self: Arc<Self>, iq: IqRequest) -> IqResult {
        Ok(Reply::tree(&write::items(query(&iq)?.node.as_deref(), &DiscoNode::default())))
    }

    /// XEP-0030 §8: others' accounts answer those who may see their presence. Hosts answer everybody.
    async fn may_ask(&self, iq: &IqRequest) -> Result<bool, StanzaError> {
        match (iq.to, &iq.account, self.contacts.get()) {
            (IqTo::Account, Some(account), Some(contacts)) => {
                contacts.sees(account, iq.from()?).await.map_err(store_failed)
            }
            (to, ..) => Ok(to != IqTo::Account),
        }
    }

    /// The services below this domain, components included while they are connected, and what the operator added.
    fn host_items(&self, host: &HostRef) -> Vec<DiscoItem> {
        let below = |other: &HostRef| {
            let parent = other.domain().as_str().split_once('.').map(|(_, parent)| parent);
            other.kind() == HostKind::Service && parent == Some(host.domain().as_str())
        };
        let services = host.router().hosts().into_iter().filter(below).map(|service| {
            let identity = service.declared(DiscoOn::Host).identities.into_iter().next();
            let name = identity.map(|identity| identity.name).filter(|name| !name.is_empty());
            DiscoItem { jid: service.domain().to_jid(), node: None, name }
        });
        let router = host.router();
        let ours =
            |domain: &Domain| router.parent(domain.as_str()).is_some_and(|parent| Arc::ptr_eq(&parent, host));
        let components = router
            .externals()
            .into_iter()
            .filter(|external| external.is_connected() && ours(external.domain()))
            .map(|external| DiscoItem { jid: external.domain().to_jid(), node: None, name: None });
        services.chain(components).chain(self.items.iter().cloned()).collect()
    }
}

/// §4.1: the available resources are items of an account.
fn resources(account: &AccountRef) -> Vec<DiscoItem> {
    let available = account.sessions().into_iter().filter(|session| session.is_available());
    available.map(|session| DiscoItem { jid: session.jid().clone(), node: None, name: None }).collect()
}

fn on(to: IqTo) -> DiscoOn {
    match to {
        IqTo::Host => DiscoOn::Host,
        IqTo::Own | IqTo::Account | IqTo::Missing => DiscoOn::Account,
    }
}

fn query(iq: &IqRequest) -> Result<DiscoQuery, StanzaError> {
    Ok(DiscoQuery {
        host: Arc::clone(&iq.host),
        account: iq.account.clone(),
        from: iq.from()?.clone(),
        origin: iq.origin.clone(),
        // §4.2: a node is never empty; an empty one means the entity itself.
        node: iq.payload.attribute("node").filter(|node| !node.is_empty()),
        set: set(&iq.payload)?,
    })
}

/// XEP-0059 §2: which page of the items, if somebody wants one.
fn set(payload: &Child) -> Result<Option<SetRequest>, StanzaError> {
    let Some(set) = payload.lift().find(ns::RSM, "set").map(Child::tree) else { return Ok(None) };
    let set = SetRequest::from_tree(&set);
    set.map(Some).ok_or_else(|| StanzaError::bad_request("<max/> and <index/> are numbers."))
}

/// Each feature once, in order; each identity once (§3.1).
fn tidy(node: &DiscoNode) -> DiscoNode {
    let mut node = node.clone();
    node.features.sort();
    node.features.dedup();
    let mut seen = Vec::new();
    node.identities.retain(|identity| {
        let key = (identity.category.clone(), identity.kind.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    node
}

#[cfg(test)]
mod tests;
