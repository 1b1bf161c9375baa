//! For any tree: what is written is read again.

use proptest::prelude::*;

use crate::{CONTENT, Child, Node, Tree};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\\t\\n\u{a0}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{0,12}",
        "[]>&<'\"\r\n\t ]{0,8}",
    ]
}

fn namespace() -> impl Strategy<Value = String> {
    let known = [CONTENT, "", "urn:x", "urn:y", "vcard-temp", "urn:xmpp:forward:0"];
    proptest::sample::select(known.map(str::to_owned).to_vec())
}

fn attribute() -> impl Strategy<Value = (String, String)> {
    ("[a-cA-C_][a-z0-9.-]{0,2}|xml:lang|\\{urn:x\\}[ab]|\\{urn:y\\}[ab]", text())
}

fn leaf() -> impl Strategy<Value = Tree> {
    (namespace(), "[a-z_][a-z0-9.-]{0,4}", proptest::collection::vec(attribute(), 0..4)).prop_map(
        |(namespace, name, attributes)| {
            attributes
                .into_iter()
                .fold(Tree::new(&namespace, &name), |tree, (name, value)| tree.with_attr(&name, value))
        },
    )
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let node = prop_oneof![inner.prop_map(Node::Tree), text().prop_map(Node::Text)];
        (leaf(), proptest::collection::vec(node, 0..4)).prop_map(|(mut tree, nodes)| {
            for node in nodes {
                match node {
                    Node::Text(text) if text.is_empty() => {}
                    Node::Text(text) => tree.push_text(&text),
                    node => tree.push(node),
                }
            }
            tree
        })
    })
}

/// Prefixes that were made up are no part of what was meant.
fn bare(tree: &Tree) -> Tree {
    let mut out = Tree::new(tree.namespace(), tree.name());
    for (name, value) in tree.attrs() {
        out.set_attr(name, value);
    }
    for node in tree.nodes() {
        out.push(match node {
            Node::Tree(tree) => Node::Tree(bare(tree)),
            Node::Text(text) => Node::Text(text.clone()),
        });
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_is_read_as_it_was_written(tree in tree()) {
        let child = tree.to_child();
        prop_assert_eq!(bare(&child.tree()), bare(&tree));
        let again = Child::from_bytes(child.bytes().clone()).expect("written bytes are canonical");
        prop_assert!(again.is(tree.namespace(), tree.name()));
        prop_assert_eq!(child.tree().to_xml(), tree.to_xml());
        prop_assert_eq!(Tree::parse(&tree.to_xml()).expect("written text is read"), child.tree());
        for (name, value) in tree.attrs().filter(|(name, _)| !name.starts_with('{')) {
            prop_assert_eq!(child.attribute(name), Some(value.to_owned()));
        }
    }

    /// What is lifted is what the nested element was, wherever it came from.
    #[test]
    fn what_is_lifted_is_read_as_it_was(tree in tree()) {
        let child = tree.to_child();
        let lifted: Vec<Tree> = child.lift().iter().map(|child| bare(&child.tree())).collect();
        let lang = tree.attr("xml:lang").filter(|lang| lang.len() <= 64);
        let nested: Vec<Tree> = tree
            .children()
            .map(|nested| match lang {
                Some(lang) if nested.attr("xml:lang").is_none() => bare(nested).with_attr("xml:lang", lang),
                _ => bare(nested),
            })
            .collect();
        prop_assert_eq!(lifted, nested);
        for child in &child.lift() {
            prop_assert!(Child::from_bytes(child.bytes().clone()).is_some());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut scanner = super::client();
        let (items, _) = super::scan_all(&mut scanner, &bytes);
        prop_assert!(items.len() <= bytes.len());
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(Tree::parse(&text).is_none_or(|_| text.contains('<')));
        prop_assert!(Child::from_bytes(bytes.into()).is_none_or(|child| child.as_str().starts_with('<')));
    }
}
