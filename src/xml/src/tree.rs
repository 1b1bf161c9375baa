//! A small element tree for payloads that we look into or build.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, PrefixDeclaration, ResolveResult};
use quick_xml::reader::NsReader;

use crate::lex::{self, Span};
use crate::namespace::{Outside, XML};
use crate::rewrite::{Inherited, rewrite};
use crate::walk::Walk;
use crate::{CONTENT, Child, Limits, name, write};

/// An element with attributes and nodes.
///
/// Names of attributes are kept as strings: `name` without a prefix, `xml:lang` and the like with the prefix
/// `xml`, `{namespace}name` for any other prefix. Prefix declarations are kept too (content may use them) but not
/// shown.
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
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            attributes: Vec::new(),
            nodes: Vec::new(),
        }
    }
    /// Sets an attribute; builder style. `xml:lang` is written `"xml:lang"`.
    #[must_use]
    pub fn with_attr(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set_attr(name, value);
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
        let shown = self.attributes.iter().filter(|(key, _)| !key.starts_with("xmlns:"));
        shown.map(|(key, value)| (key.as_str(), value.as_str()))
    }
    /// Sets an attribute, in its old place if there is one.
    pub fn set_attr(&mut self, name: &str, value: impl Into<String>) {
        match self.attributes.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value.into(),
            None => self.attributes.push((name.to_owned(), value.into())),
        }
    }
    /// Takes an attribute away and gives its value.
    pub fn remove_attr(&mut self, name: &str) -> Option<String> {
        let at = self.attributes.iter().position(|(key, _)| key == name)?;
        Some(self.attributes.remove(at).1)
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
    /// The nested elements with this namespace and name, in document order.
    pub fn children_named<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Tree> {
        self.children().filter(move |tree| tree.is(namespace, name))
    }
    /// The text of the first nested element with this namespace and name.
    pub fn child_text(&self, namespace: &str, name: &str) -> Option<String> {
        self.child(namespace, name).map(Self::text)
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
    /// Reads one self-contained element (default namespace: the content namespace), white space around it
    /// allowed. `None` if it is ill-formed, outside of our subset or nested more than 128 deep.
    pub fn parse(xml: &str) -> Option<Self> {
        let bytes = xml.trim_matches([' ', '\t', '\n', '\r']).as_bytes();
        let limits = Limits { depth: DEPTH, ..Limits::VERIFIED };
        let outside = Outside::stanza();
        let mut walk = Walk::new();
        let len = walk.read_child(bytes, &limits, &outside).ok()?;
        let mark = walk.children.first().filter(|_| len == bytes.len())?;
        if !mark.rewrite {
            return Self::read(std::str::from_utf8(bytes).ok()?);
        }
        let inherited = Inherited { default: CONTENT, prefixes: Vec::new(), lang: None };
        let max = bytes.len().saturating_mul(4).saturating_add(64 * 1024);
        let written = rewrite(bytes, Span::new(0, len), &inherited, &outside, max)?;
        Self::read(std::str::from_utf8(&written).ok()?)
    }
    /// Reads canonical text.
    pub(crate) fn read(xml: &str) -> Option<Self> {
        let mut reader = NsReader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        let resolver = reader.resolver_mut();
        resolver.set_max_namespace_bindings(usize::MAX);
        resolver.add(PrefixDeclaration::Default, Namespace(CONTENT)).ok()?;
        let mut open: Vec<Self> = Vec::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => open.push(Self::start(&reader, &start)?),
                Event::End(_) => {
                    let tree = open.pop()?;
                    match open.last_mut() {
                        Some(parent) => parent.nodes.push(Node::Tree(tree)),
                        None => return Some(tree),
                    }
                }
                Event::Text(text) => open.last_mut()?.push_text(&text.xml10_content()),
                Event::CData(text) => open.last_mut()?.push_text(&text.xml10_content()),
                Event::GeneralRef(found) => {
                    let char = name::resolve(format!("&{};", &*found).as_bytes())?;
                    open.last_mut()?.push_text(char.encode_utf8(&mut [0; 4]));
                }
                _ => return None,
            }
        }
    }

    fn start(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Option<Self> {
        let (found, local) = reader.resolver().resolve_element(start.name());
        let mut tree = Self::new(&bound(found)?, local.as_ref());
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.ok()?;
            let value = lex::unescape_value(&attribute.value);
            let key = attribute.key;
            let name = match key.as_namespace_binding() {
                Some(PrefixDeclaration::Default) => continue,
                Some(PrefixDeclaration::Named(_)) => key.as_ref().to_owned(),
                None if key.prefix().is_none() => key.as_ref().to_owned(),
                None => match bound(reader.resolver().resolve_attribute(key).0)?.as_str() {
                    XML => key.as_ref().to_owned(),
                    namespace => format!("{{{namespace}}}{}", key.local_name().as_ref()),
                },
            };
            tree.attributes.push((name, value));
        }
        Some(tree)
    }

    /// Appends to the last text node, so that references do not cut text into pieces.
    pub(crate) fn push_text(&mut self, more: &str) {
        match self.nodes.last_mut() {
            Some(Node::Text(text)) => text.push_str(more),
            _ => self.nodes.push(Node::Text(more.to_owned())),
        }
    }

    /// All that is to be written.
    pub(crate) fn raw_attributes(&self) -> &[(String, String)] {
        &self.attributes
    }
    /// Writes the element into verified bytes. Characters that XML forbids are replaced by U+FFFD, CR by `&#xD;`;
    /// of names and namespaces that no parser would take, the offending characters by `_`.
    pub fn to_child(&self) -> Child {
        let bytes = write::write(self).into();
        #[expect(clippy::expect_used, reason = "the writer writes one start tag first")]
        Child::from_canonical(bytes).expect("written bytes begin with a start tag")
    }
    /// Writes the element as text.
    pub fn to_xml(&self) -> String {
        String::from_utf8(write::write(self)).unwrap_or_default()
    }
}

/// Deepest nesting that is read: what the writer and comparisons recurse into.
const DEPTH: usize = 128;

/// The namespace that a name is in; `None` if its prefix is not declared.
fn bound(found: ResolveResult<'_>) -> Option<String> {
    match found {
        ResolveResult::Bound(namespace) => Some(namespace.0.to_owned()),
        ResolveResult::Unbound => Some(String::new()),
        ResolveResult::Unknown(_) => None,
    }
}
