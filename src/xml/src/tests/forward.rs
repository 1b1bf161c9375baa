//! What a server does with a stanza, and what other parsers make of it.

use rxml::{Event, Parse, Parser};

use super::{HEADER, scan_all};
use crate::namespace::{self, Outside, XML};
use crate::{CONTENT, Element, Framing, Item, Limits, Node, Refusal, Scanner, Tree, escape_attribute};

/// The document that a stream with `stanzas` in it is.
pub(super) fn document(stanzas: &[u8]) -> Vec<u8> {
    [HEADER.as_bytes(), stanzas, b"</stream:stream>"].concat()
}

/// What we say of a document.
pub(super) enum Verdict {
    /// Its first-level elements.
    Accepted(Vec<Element>),
    /// It does not end the stream, but something of it is not passed on: whether all that was read to its end.
    Refused(bool),
    Rejected,
}

pub(super) fn judge(document: &[u8], size: usize) -> Verdict {
    let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
    let mut items = Vec::new();
    for piece in document.chunks(size) {
        let (more, end) = scan_all(&mut scanner, piece);
        items.extend(more);
        if end.is_err() {
            return Verdict::Rejected;
        }
    }
    if !matches!(items.last(), Some(Item::RootEnd)) {
        return Verdict::Rejected;
    }
    let mut elements = Vec::new();
    let mut refused = None;
    for item in items {
        match item {
            Item::Element(element) => elements.push(element),
            Item::Refused(found) => {
                let read = matches!(found.reason, Refusal::Unsupported(_));
                refused = Some(refused.unwrap_or(true) && read);
            }
            Item::Root(_) | Item::RootEnd => {}
        }
    }
    refused.map_or(Verdict::Accepted(elements), Verdict::Refused)
}

/// The elements as we would send them on, in a stream of the content namespace.
pub(super) fn forwarded(elements: &[Element]) -> Vec<u8> {
    let mut out = Vec::new();
    for element in elements {
        out.extend_from_slice(format!("<{}", element.name).as_bytes());
        for (number, attribute) in element.attributes.iter().enumerate() {
            let name = match attribute.namespace.as_str() {
                "" => attribute.name.to_string(),
                XML => format!("xml:{}", attribute.name),
                namespace => {
                    out.extend_from_slice(format!(" xmlns:a{number}='{namespace}'").as_bytes());
                    format!("a{number}:{}", attribute.name)
                }
            };
            out.extend_from_slice(format!(" {name}='").as_bytes());
            escape_attribute(&attribute.value, &mut out);
            out.push(b'\'');
        }
        out.push(b'>');
        for child in &element.children {
            out.extend_from_slice(child.bytes());
        }
        out.extend_from_slice(format!("</{}>", element.name).as_bytes());
    }
    document(&out)
}

/// The elements as our own trees tell them.
pub(super) fn as_read(elements: &[Element]) -> Vec<Tree> {
    let tree = |element: &Element| {
        let mut tree = Tree::new(CONTENT, &element.name);
        for attribute in &element.attributes {
            tree.set_attr(&attribute_name(&attribute.namespace, &attribute.name), attribute.value.as_str());
        }
        for child in &element.children {
            tree.push(Node::Tree(bare(child.tree())));
        }
        tree
    };
    elements.iter().map(tree).map(sorted).collect()
}

pub(super) fn attribute_name(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        XML => format!("xml:{name}"),
        namespace => format!("{{{namespace}}}{name}"),
    }
}

/// Without the prefixes that were declared.
fn bare(tree: Tree) -> Tree {
    let mut bare = Tree::new(tree.namespace(), tree.name());
    for (name, value) in tree.attrs() {
        bare.set_attr(name, value);
    }
    for node in tree.nodes() {
        bare.push(match node {
            Node::Tree(tree) => Node::Tree(self::bare(tree.clone())),
            Node::Text(text) => Node::Text(text.clone()),
        });
    }
    bare
}

/// First-level elements as rxml reads them. `None` if it rejects the document.
pub(super) fn rxml(mut document: &[u8]) -> Option<Vec<Tree>> {
    let mut parser = Parser::new();
    let mut open: Vec<Tree> = Vec::new();
    let mut all = Vec::new();
    while let Some(event) = parser.parse(&mut document, true).ok()? {
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (namespace, name), attributes) => {
                let mut tree = Tree::new(namespace.as_str(), name.as_str());
                for ((namespace, name), value) in attributes {
                    tree.set_attr(&attribute_name(namespace.as_str(), name.as_str()), value);
                }
                open.push(tree);
            }
            Event::Text(_, text) => {
                if let Some(tree) = open.last_mut() {
                    tree.push_text(&text);
                }
            }
            Event::EndElement(_) => {
                let tree = open.pop()?;
                match open.len() {
                    0 => return Some(all.into_iter().map(sorted).collect()),
                    1 => all.push(tree),
                    _ => open.last_mut()?.push(Node::Tree(tree)),
                }
            }
        }
    }
    None
}

/// Attributes in one order for all.
pub(super) fn sorted(tree: Tree) -> Tree {
    let mut attributes: Vec<(String, String)> =
        tree.attrs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    attributes.sort();
    let mut out = Tree::new(tree.namespace(), tree.name());
    for (name, value) in attributes {
        out.set_attr(&name, value);
    }
    for node in tree.nodes() {
        out.push(match node {
            Node::Tree(tree) => Node::Tree(sorted(tree.clone())),
            Node::Text(text) => Node::Text(text.clone()),
        });
    }
    out
}

/// A document's elements as they are to arrive: no text between children, the content namespace everywhere where
/// it is inherited by scope (RFC 6120 §4.8.3).
pub(super) fn to_arrive(trees: &[Tree]) -> Vec<Tree> {
    trees.iter().map(|tree| arriving(tree, true)).collect()
}

fn arriving(tree: &Tree, first: bool) -> Tree {
    let content = first || namespace::is_content(tree.namespace().as_bytes(), &Outside::stanza());
    let mut out = Tree::new(if content { CONTENT } else { tree.namespace() }, tree.name());
    for (name, value) in tree.attrs() {
        out.set_attr(name, value);
    }
    for node in tree.nodes() {
        match node {
            Node::Tree(tree) if content => out.push(Node::Tree(arriving(tree, false))),
            Node::Text(_) if first => {}
            node => out.push(node.clone()),
        }
    }
    out
}

/// A tree as a string that other programs can build too: names and texts with their lengths in bytes.
pub(super) fn dump(trees: &[Tree]) -> String {
    let mut out = String::new();
    for tree in trees {
        dump_into(tree, &mut out);
    }
    out
}

fn dump_into(tree: &Tree, out: &mut String) {
    let mut string = |text: &str| out.push_str(&format!("{}:{text}", text.len()));
    string(tree.namespace());
    string(tree.name());
    for (name, value) in tree.attrs() {
        string(name);
        string(value);
    }
    out.push('(');
    for node in tree.nodes() {
        match node {
            Node::Tree(tree) => dump_into(tree, out),
            Node::Text(text) => out.push_str(&format!("{}={text}", text.len())),
        }
    }
    out.push(')');
}

/// Reads what [`dump`] writes.
pub(super) fn undump(mut dump: &str) -> Vec<Tree> {
    let mut trees = Vec::new();
    while !dump.is_empty() {
        trees.push(undump_one(&mut dump));
    }
    trees
}

fn undump_one(dump: &mut &str) -> Tree {
    let namespace = undump_string(dump, ':').expect("a namespace");
    let name = undump_string(dump, ':').expect("a name");
    let mut tree = Tree::new(namespace, name);
    while let Some(name) = undump_string(dump, ':') {
        tree.set_attr(name, undump_string(dump, ':').expect("a value"));
    }
    *dump = dump.strip_prefix('(').expect("an opening parenthesis");
    loop {
        if let Some(rest) = dump.strip_prefix(')') {
            *dump = rest;
            return tree;
        }
        match undump_string(dump, '=') {
            Some(text) => tree.push_text(text),
            None => tree.push(Node::Tree(undump_one(dump))),
        }
    }
}

fn undump_string<'a>(dump: &mut &'a str, separator: char) -> Option<&'a str> {
    let (digits, rest) = dump.split_at(dump.find(|char: char| !char.is_ascii_digit())?);
    let (text, rest) = rest.strip_prefix(separator)?.split_at(digits.parse().ok()?);
    *dump = rest;
    Some(text)
}
