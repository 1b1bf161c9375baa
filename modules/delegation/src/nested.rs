//! What components have said of the namespaces that they manage, kept while they are connected (XEP-0355 §9 note 2).

use std::collections::HashMap;

use parking_lot::Mutex;
use waxwing_core::prelude::*;
use waxwing_core::{DiscoNode, Identity};
use waxwing_xmpp::Form;

/// The answers of all components.
#[derive(Debug, Default)]
pub(crate) struct Nested(Mutex<Components>);

#[derive(Debug, Default)]
struct Components {
    /// Told apart by number: an answer may be to a question of the connection before.
    connections: u64,
    known: HashMap<Domain, Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    connection: u64,
    nodes: HashMap<(DiscoOn, String), DiscoNode>,
}

impl Nested {
    /// Nothing is known any more. False: nothing was before.
    pub(crate) fn forget(&self, component: &Domain) -> bool {
        self.0.lock().known.remove(component).is_some()
    }

    /// From now on answers are taken that bear this number.
    pub(crate) fn begin(&self, component: &Domain) -> u64 {
        let mut components = self.0.lock();
        components.connections += 1;
        let connection = components.connections;
        components.known.insert(component.clone(), Answers { connection, nodes: HashMap::new() });
        connection
    }

    pub(crate) fn put(
        &self,
        component: &Domain,
        connection: u64,
        on: DiscoOn,
        namespace: &str,
        node: DiscoNode,
    ) {
        let mut components = self.0.lock();
        let answers = components.known.get_mut(component).filter(|answers| answers.connection == connection);
        if let Some(answers) = answers {
            answers.nodes.insert((on, namespace.to_owned()), node);
        }
    }

    pub(crate) fn get(&self, component: &Domain, on: DiscoOn, namespace: &str) -> Option<DiscoNode> {
        self.0.lock().known.get(component)?.nodes.get(&(on, namespace.to_owned())).cloned()
    }
}

/// Reads an answer (§7.2.1, §7.2.2, §7.2.3).
pub(crate) fn read(query: &Tree) -> DiscoNode {
    let filled = |tree: &Tree, name| tree.attr(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let identity = |tree: &Tree| {
        Some(Identity {
            category: filled(tree, "category")?.into(),
            kind: filled(tree, "type")?.into(),
            name: tree.attr("name").unwrap_or_default().to_owned(),
        })
    };
    DiscoNode {
        identities: query.children_named(ns::DISCO_INFO, "identity").filter_map(identity).collect(),
        features: query
            .children_named(ns::DISCO_INFO, "feature")
            .filter_map(|feature| filled(feature, "var"))
            .collect(),
        forms: query.children_named(ns::DATA_FORMS, "x").filter_map(Form::from_tree).collect(),
        items: Vec::new(),
        set: None,
    }
}
