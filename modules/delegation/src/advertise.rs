//! A component is told what it manages (XEP-0355 §4.2), and asked what it can (§7.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use waxwing_component::Grantee;
use waxwing_core::External;
use waxwing_core::prelude::*;

use crate::{Delegation, NS};

impl Delegation {
    pub(crate) async fn connected(self: Arc<Self>, notice: Notice) {
        let Notice::ExternalConnected(external) = notice else { return };
        let known = self.nested.forget(external.domain());
        let grantee = Grantee::of(Arc::clone(&external), &self.host);
        let delegations = grantee.as_ref().map(|grantee| &grantee.grants.delegations);
        // §8 rule 3: changes are told as well, and so is that there is nothing any more.
        let none = BTreeMap::new();
        if known || delegations.is_some_and(|delegations| !delegations.is_empty()) {
            self.advertise(&*external, delegations.unwrap_or(&none));
        }
        if let Some(grantee) = grantee.filter(|grantee| !grantee.grants.delegations.is_empty()) {
            self.ask_what_it_can(&grantee);
        }
    }

    fn advertise(&self, external: &dyn External, delegations: &BTreeMap<String, Vec<String>>) {
        let message = Stanza::message(MessageType::Normal)
            .from(self.host.domain().to_jid())
            .to(external.domain().to_jid())
            .id(self.host.random().id())
            .with(&delegation(delegations));
        // Who has gone meanwhile is told the next time.
        external.inform(&message);
    }
}

fn delegation(delegations: &BTreeMap<String, Vec<String>>) -> Tree {
    let attribute = |delegated: Tree, name: &String| {
        delegated.with_child(Tree::new(NS, "attribute").with_attr("name", name.as_str()))
    };
    let delegated = |(namespace, filters): (&String, &Vec<String>)| {
        let delegated = Tree::new(NS, "delegated").with_attr("namespace", namespace.as_str());
        filters.iter().fold(delegated, attribute)
    };
    delegations.iter().map(delegated).fold(Tree::new(NS, "delegation"), Tree::with_child)
}
