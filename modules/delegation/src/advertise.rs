//! A component is told what it manages (XEP-0355 §4.2), and asked what it can (§7.2).

use std::sync::Arc;

use waxwing_component::Grantee;
use waxwing_core::prelude::*;

use crate::{Delegation, NS};

impl Delegation {
    pub(crate) async fn connected(self: Arc<Self>, notice: Notice) {
        let Notice::ExternalConnected(external) = notice else { return };
        let known = self.nested.forget(external.domain());
        let Some(grantee) = Grantee::of(external, &self.host) else { return };
        // §8 rule 3: changes are told as well, and so is that there is nothing any more.
        if known || !grantee.grants.delegations.is_empty() {
            self.advertise(&grantee);
            self.ask_what_it_can(&grantee);
        }
    }

    fn advertise(&self, grantee: &Grantee) {
        let message = Stanza::message(MessageType::Normal)
            .from(self.host.domain().to_jid())
            .to(grantee.external.domain().to_jid())
            .id(self.host.random().id())
            .with(&delegations(grantee));
        // Who has gone meanwhile is told the next time.
        grantee.external.deliver(&message).ok();
    }
}

fn delegations(grantee: &Grantee) -> Tree {
    let attribute = |delegated: Tree, name: &String| {
        delegated.with_child(Tree::new(NS, "attribute").with_attr("name", name.as_str()))
    };
    let delegated = |(namespace, filters): (&String, &Vec<String>)| {
        let delegated = Tree::new(NS, "delegated").with_attr("namespace", namespace.as_str());
        filters.iter().fold(delegated, attribute)
    };
    grantee.grants.delegations.iter().map(delegated).fold(Tree::new(NS, "delegation"), Tree::with_child)
}
