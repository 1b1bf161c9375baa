//! The two answers as XML.

use waxwing_core::DiscoNode;
use waxwing_xml::Tree;
use waxwing_xmpp::ns;

use crate::tidy;

/// XEP-0030 §3.1: identities, features, then forms (XEP-0128 §2).
pub(crate) fn info(node: Option<&str>, answer: &DiscoNode) -> Tree {
    let answer = tidy(answer);
    let mut query = query(ns::DISCO_INFO, node);
    for identity in &answer.identities {
        let mut element = Tree::new(ns::DISCO_INFO, "identity")
            .with_attr("category", &*identity.category)
            .with_attr("type", &*identity.kind);
        if !identity.name.is_empty() {
            element.set_attr("name", identity.name.as_str());
        }
        query = query.with_child(element);
    }
    for var in &answer.features {
        query = query.with_child(Tree::new(ns::DISCO_INFO, "feature").with_attr("var", var.as_str()));
    }
    answer.forms.iter().fold(query, |query, form| query.with_child(form.to_tree()))
}

/// XEP-0030 §4.1; without items the query is empty (§7).
pub(crate) fn items(node: Option<&str>, answer: &DiscoNode) -> Tree {
    let query = answer.items.iter().fold(query(ns::DISCO_ITEMS, node), |query, item| {
        let mut element = Tree::new(ns::DISCO_ITEMS, "item").with_attr("jid", item.jid.as_str());
        if let Some(node) = &item.node {
            element.set_attr("node", node.as_str());
        }
        if let Some(name) = &item.name {
            element.set_attr("name", name.as_str());
        }
        query.with_child(element)
    });
    match &answer.set {
        Some(set) => query.with_child(set.to_tree()),
        None => query,
    }
}

/// §3.2: the answer mirrors the node that was asked about.
fn query(namespace: &str, node: Option<&str>) -> Tree {
    let query = Tree::new(namespace, "query");
    match node {
        Some(node) => query.with_attr("node", node),
        None => query,
    }
}
