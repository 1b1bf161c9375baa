//! Who manages what a request is about.

use std::sync::Arc;

use waxwing_component::Grantee;
use waxwing_core::prelude::*;
use waxwing_core::{DiscoQuery, Origin};

use crate::{Delegation, INFO_OF_THE_REST, ITEMS_OF_THE_REST};

/// The component that a request goes to.
pub(crate) struct Manager {
    pub(crate) grantee: Grantee,
    /// Only if the server itself has no answer.
    pub(crate) asks_for_the_rest: bool,
}

impl Delegation {
    /// The managing entity of a request; none if nobody is, or if it is the one who asks (§4.3.1).
    pub(crate) fn manager(&self, event: &Event) -> Option<Manager> {
        let payload = event.stanza.payload()?;
        let all = Grantee::all(&self.host);
        let whole = all.iter().find(|grantee| manages(grantee, payload));
        let (grantee, asks_for_the_rest) = match whole {
            Some(grantee) => (grantee, false),
            None => {
                // §7.2.4, §7.2.5: for bare JIDs, whether there is such an account or not.
                let missing = || event.stanza.to.as_ref().is_some_and(|to| to.local().is_some());
                (event.account.is_some() || missing()).then_some(())?;
                let rest = rest(&event.stanza, payload)?;
                (all.iter().find(|grantee| grantee.grants.delegations.contains_key(rest))?, true)
            }
        };
        (!is_by(event, grantee.external.domain()))
            .then(|| Manager { grantee: grantee.clone(), asks_for_the_rest })
    }

    /// §7.2.4, §7.2.5: whether the server answers for the node itself.
    pub(crate) async fn is_ours(&self, event: &Event) -> Result<bool, StanzaError> {
        let Some(node) = event.stanza.payload().and_then(node) else { return Ok(false) };
        let query = DiscoQuery {
            host: Arc::clone(&self.host),
            account: event.account.clone(),
            from: event.stanza.from.clone().ok_or(Condition::BadRequest)?,
            origin: event.origin.clone(),
            node: Some(node),
            set: None,
        };
        Ok(self.host.disco(DiscoOn::Account, query).await?.is_some())
    }
}

/// §4.3.1: by the managing entity itself, be it in the name of an account (XEP-0356 §6); its users are somebody else.
fn is_by(event: &Event, manager: &Domain) -> bool {
    match &event.origin {
        Origin::Component(name) => {
            name == manager && event.stanza.from.as_ref().is_some_and(|from| from.local().is_none())
        }
        Origin::Account { by, .. } => by == manager,
        Origin::Client(_) | Origin::Remote(_) | Origin::Server => false,
    }
}

/// §4.1: the namespace is delegated, and the filtering attributes are there.
fn manages(grantee: &Grantee, payload: &Child) -> bool {
    let filters = grantee.grants.delegations.get(payload.namespace());
    filters.is_some_and(|filters| filters.iter().all(|name| payload.attribute(name).is_some()))
}

/// The special namespace that a question about a bare JID falls into.
fn rest(request: &Stanza, payload: &Child) -> Option<&'static str> {
    if request.kind != Kind::Iq(IqType::Get) || payload.name() != "query" {
        return None;
    }
    match payload.namespace() {
        // What the account itself is the server answers, with the nested features (§7.2.2).
        ns::DISCO_INFO => node(payload).map(|_| INFO_OF_THE_REST),
        ns::DISCO_ITEMS => Some(ITEMS_OF_THE_REST),
        _ => None,
    }
}

fn node(payload: &Child) -> Option<String> {
    payload.attribute("node").filter(|node| !node.is_empty())
}
