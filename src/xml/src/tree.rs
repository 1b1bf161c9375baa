//! A small element tree for payloads that we look into or build.

use crate::Child;

/// An element with attributes and nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    name: String,
    namespace: String,
    attributes: Vec<(String, String)>,
    nodes: Vec<Node>,
}

/// What an element contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A nested element.
    Tree(Tree),
    /// Character data, unescaped.
    Text(String),
}

impl Tree {
    /// An empty element.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { name: name.to_owned(), namespace: namespace.to_owned(), attributes: Vec::new(), nodes: Vec::new() }
    }
    /// Sets an attribute; builder style. `xml:lang` is written `"xml:lang"`.
    #[must_use]
    pub fn with_attr(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }
    /// Appends a nested element; builder style.
    #[must_use]
    pub fn with_child(mut self, child: Tree) -> Self {
        self.nodes.push(Node::Tree(child));
        self
    }
    /// Appends character data; builder style.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.nodes.push(Node::Text(text.into()));
        self
    }
    /// Local name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Namespace; [`crate::CONTENT`] for the content namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
    /// Whether this is `name` in `namespace`.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace == namespace
    }
    /// An unprefixed attribute (or `xml:lang`).
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    /// Attributes in document order.
    pub fn attrs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
    /// Nested elements in document order.
    pub fn children(&self) -> impl Iterator<Item = &Tree> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Tree(tree) => Some(tree),
            Node::Text(_) => None,
        })
    }
    /// The first nested element with this namespace and name.
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Tree> {
        self.children().find(|tree| tree.is(namespace, name))
    }
    /// Direct character data, concatenated.
    pub fn text(&self) -> String {
        self.nodes
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.as_str()),
                Node::Tree(_) => None,
            })
            .collect()
    }
    /// Nodes in document order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// Appends a node.
    pub fn push(&mut self, node: Node) {
        self.nodes.push(node);
    }
    /// Reads one self-contained element (default namespace: the content namespace). `None` if it is ill-formed.
    pub fn parse(_xml: &str) -> Option<Self> {
        todo!()
    }
    /// Writes the element into verified bytes. Characters that XML forbids are replaced by U+FFFD, CR by `&#xD;`.
    pub fn to_child(&self) -> Child {
        todo!()
    }
    /// Writes the element as text.
    pub fn to_xml(&self) -> String {
        todo!()
    }
}

/// Escapes text for element content.
pub fn escape_text(_text: &str, _out: &mut Vec<u8>) {
    todo!()
}

/// Escapes text for an attribute value in single quotes.
pub fn escape_attribute(_text: &str, _out: &mut Vec<u8>) {
    todo!()
}
