//! What the host and its accounts say of namespaces that components manage
//! ([XEP-0355 §7.2](https://xmpp.org/extensions/xep-0355.html#disco_nesting)).

use std::sync::Arc;

use tracing::warn;
use waxwing_component::Grantee;
use waxwing_core::DiscoNode;
use waxwing_core::prelude::*;

use crate::{Delegation, INFO_OF_THE_REST, ITEMS_OF_THE_REST, NS, nested};

impl Delegation {
    /// §7.2.1, §7.2.2: asks a component what it can, for each namespace and both entities, all at once.
    pub(crate) fn ask_what_it_can(self: &Arc<Self>, grantee: &Grantee) {
        let component = grantee.external.domain();
        let connection = self.nested.begin(component);
        for namespace in namespaces(grantee) {
            for on in [DiscoOn::Host, DiscoOn::Account] {
                let (this, component, namespace) = (Arc::clone(self), component.clone(), namespace.clone());
                self.workers.spawn(async move {
                    if let Some(node) = this.ask(&component, on, &namespace).await {
                        this.nested.put(&component, connection, on, &namespace, node);
                    }
                });
            }
        }
    }

    async fn ask(&self, component: &Domain, on: DiscoOn, namespace: &str) -> Option<DiscoNode> {
        let separator = match on {
            DiscoOn::Host => "::",
            DiscoOn::Account => ":bare:",
        };
        let query =
            Tree::new(ns::DISCO_INFO, "query").with_attr("node", format!("{NS}{separator}{namespace}"));
        let request = Stanza::iq(IqType::Get, Text::default()).to(component.to_jid()).with(&query);
        // Who does not answer has nothing to add.
        let answer = self.host.request(request, self.config.answer_time_max.0).await.ok()?;
        let payload = answer.payload().filter(|payload| payload.is(ns::DISCO_INFO, "query"))?;
        if payload.bytes().len() > self.config.nested_bytes_max.0 {
            warn!(remote = %component, namespace, "What a component says of a namespace is too long; it is left out.");
            return None;
        }
        Some(nested::read(&payload.tree()))
    }

    /// §7.2.1: instead of what the server itself has in a delegated namespace, what its manager has, while it is there.
    pub(crate) fn revise(&self, on: DiscoOn, node: &mut DiscoNode) {
        for grantee in Grantee::all(&self.host) {
            for namespace in namespaces(&grantee) {
                take_out(node, namespace);
                let component = grantee.external.domain();
                let nested = self.nested.get(component, on, namespace);
                if let (Some(nested), true) = (nested, grantee.external.is_connected()) {
                    join(node, nested);
                }
            }
        }
    }
}

/// Without those that are none (§7.2.4, §7.2.5).
fn namespaces(grantee: &Grantee) -> impl Iterator<Item = &String> {
    let special = |namespace: &&String| ![INFO_OF_THE_REST, ITEMS_OF_THE_REST].contains(&namespace.as_str());
    grantee.grants.delegations.keys().filter(special)
}

/// §7.2.1, §7.2.3: features and forms of the namespace, with or without a fragment.
fn take_out(node: &mut DiscoNode, namespace: &str) {
    let within = |name: &str| {
        name.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    };
    node.features.retain(|feature| !within(feature));
    node.forms.retain(|form| !form.form_type().is_some_and(within));
}

fn join(node: &mut DiscoNode, nested: DiscoNode) {
    node.identities.retain(|ours| {
        !nested
            .identities
            .iter()
            .any(|theirs| (&theirs.category, &theirs.kind) == (&ours.category, &ours.kind))
    });
    node.identities.extend(nested.identities);
    node.features.extend(nested.features);
    node.forms.extend(nested.forms);
}
