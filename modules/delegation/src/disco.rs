//! What the host and its accounts say of namespaces that components manage
//! ([XEP-0355 §7.2](https://xmpp.org/extensions/xep-0355.html#disco_nesting)).

use std::sync::Arc;

use tracing::warn;
use waxwing_component::Grantee;
use waxwing_core::prelude::*;
use waxwing_core::{DiscoNode, Identity};

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
        let all = Grantee::all(&self.host);
        // Of two that manage the same the first does.
        let mut managed: Vec<(&String, &Grantee)> = Vec::new();
        for (grantee, namespace) in all.iter().flat_map(|it| namespaces(it).map(move |name| (it, name))) {
            if !managed.iter().any(|(other, _)| *other == namespace) {
                managed.push((namespace, grantee));
            }
        }
        for (namespace, _) in &managed {
            node.features.retain(|feature| !within(namespace, feature));
            // §7.2.3.
            node.forms.retain(|form| !form.form_type().is_some_and(|name| within(namespace, name)));
        }
        for (namespace, grantee) in &managed {
            let component = grantee.external.domain();
            let nested = self.nested.get(component, on, namespace);
            if let (Some(nested), true) = (nested, grantee.external.is_connected()) {
                let of_others = |name: &str| {
                    let others = managed.iter().filter(|(_, other)| other.external.domain() != component);
                    others.map(|(theirs, _)| theirs).any(|theirs| within(theirs, name))
                };
                join(node, nested, of_others);
            }
        }
    }
}

/// Without those that are none (§7.2.4, §7.2.5).
fn namespaces(grantee: &Grantee) -> impl Iterator<Item = &String> {
    let special = |namespace: &&String| ![INFO_OF_THE_REST, ITEMS_OF_THE_REST].contains(&namespace.as_str());
    grantee.grants.delegations.keys().filter(special)
}

/// Whether a feature or the type of a form is of a namespace, with or without a fragment.
fn within(namespace: &str, name: &str) -> bool {
    name.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Adds what a component says. It speaks of what it manages: what the entity is, and what the server says elsewhere, stay
/// the server's. A second form of one type would make the whole answer ill-formed (XEP-0115 §5.4 rule 3.6).
fn join(node: &mut DiscoNode, nested: DiscoNode, of_others: impl Fn(&str) -> bool) {
    for theirs in nested.identities {
        let same = |ours: &Identity| (&ours.category, &ours.kind) == (&theirs.category, &theirs.kind);
        if !OURS.contains(&&*theirs.category) && !node.identities.iter().any(same) {
            node.identities.push(theirs);
        }
    }
    for theirs in nested.features {
        if !of_others(&theirs) && !node.features.contains(&theirs) {
            node.features.push(theirs);
        }
    }
    for theirs in nested.forms {
        // XEP-0128 §2: without a type nobody can tell what it is.
        let Some(name) = theirs.form_type() else { continue };
        if !of_others(name) && !node.forms.iter().any(|ours| ours.form_type() == Some(name)) {
            node.forms.push(theirs);
        }
    }
}

/// Categories that say what the host and its accounts are themselves.
const OURS: [&str; 2] = ["server", "account"];
