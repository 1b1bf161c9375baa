//! A small tree of elements, and patterns that are compared with it.
//!
//! A pattern is XML too. An element matches a pattern when the expanded name is the same, each attribute of the
//! pattern is there with that value, each child of the pattern matches a different child, and the text of the
//! pattern, if it has one, is the element's text. What the pattern does not name is ignored.
//! In values and text `{any}` stands for any characters; the value `{none}` demands that the attribute is absent.

use std::fmt;

use rxml::parser::{Options, WithOptions};
use rxml::{Event, Parse, Parser};

/// Stands for any characters in a pattern.
pub(crate) const ANY: &str = "{any}";
/// As an attribute's value in a pattern: the attribute is not there.
pub(crate) const NONE: &str = "{none}";

pub(crate) const STREAM_NS: &str = "http://etherx.jabber.org/streams";
const COMPONENT_NS: &str = "jabber:component:accept";
pub(crate) const STANZA_ERROR_NS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
pub(crate) const STREAM_ERROR_NS: &str = "urn:ietf:params:xml:ns:xmpp-streams";

/// An element with everything below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Element {
    pub(crate) ns: String,
    pub(crate) name: String,
    pub(crate) attrs: Vec<(String, String)>,
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// Reads one element as it would stand in a client's stream.
    #[track_caller]
    pub(crate) fn parse(xml: &str) -> Self {
        let whole =
            format!("<stream:stream xmlns='jabber:client' xmlns:stream='{STREAM_NS}'>{xml}</stream:stream>");
        let mut tree = Tree::default();
        let mut parser = new_parser();
        let mut bytes = whole.as_bytes();
        loop {
            match parser.parse(&mut bytes, true) {
                Ok(Some(event)) => {
                    if let Some(Piece::Stanza(element)) = tree.take(event) {
                        return element;
                    }
                }
                Ok(None) => panic!("no element in {xml:?}"),
                Err(e) => panic!("{e:?} in the pattern {xml:?}"),
            }
        }
    }

    /// The value of an attribute.
    pub(crate) fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The value of an attribute that has to be there.
    #[track_caller]
    pub(crate) fn need(&self, name: &str) -> &str {
        self.attr(name).unwrap_or_else(|| panic!("no attribute {name:?} in {self}"))
    }

    /// The child elements.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|n| match n {
            Node::Element(e) => Some(e),
            Node::Text(_) => None,
        })
    }

    /// The first child of this name, whatever its namespace.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children().find(|c| c.name == name)
    }

    /// The first child that has to be there.
    #[track_caller]
    pub(crate) fn need_child(&self, name: &str) -> &Self {
        self.child(name).unwrap_or_else(|| panic!("no child {name:?} in {self}"))
    }

    /// The text directly inside.
    pub(crate) fn text(&self) -> String {
        self.nodes
            .iter()
            .filter_map(|n| match n {
                Node::Text(t) => Some(t.as_str()),
                Node::Element(_) => None,
            })
            .collect()
    }

    /// Whether this element is what the pattern describes.
    pub(crate) fn matches(&self, pattern: &Self) -> bool {
        let text = pattern.text();
        self.name == pattern.name
            && self.ns == pattern.ns
            && pattern.attrs.iter().all(|(name, value)| match self.attr(name) {
                None => value == NONE,
                Some(actual) => value != NONE && glob(value, actual),
            })
            && (text.trim().is_empty() || glob(text.trim(), self.text().trim()))
            && self.children_match(pattern)
    }

    fn children_match(&self, pattern: &Self) -> bool {
        let mut left: Vec<&Self> = self.children().collect();
        pattern.children().all(|wanted| match left.iter().position(|c| c.matches(wanted)) {
            Some(at) => {
                left.remove(at);
                true
            }
            None => false,
        })
    }

    /// Fails unless this element is what the pattern describes.
    #[track_caller]
    pub(crate) fn must(&self, pattern: &str) -> &Self {
        assert!(self.matches(&Self::parse(pattern)), "expected {pattern}\n     got {self}");
        self
    }

    /// Fails if this element is what the pattern describes.
    #[track_caller]
    pub(crate) fn must_not(&self, pattern: &str) -> &Self {
        assert!(!self.matches(&Self::parse(pattern)), "did not expect {pattern}\n              got {self}");
        self
    }

    /// Fails unless this is a stanza of type "error" with that condition.
    #[track_caller]
    pub(crate) fn must_fail(&self, condition: &str) -> &Self {
        assert_eq!(self.attr("type"), Some("error"), "expected the error {condition}, got {self}");
        assert_eq!(self.condition().as_deref(), Some(condition), "in {self}");
        self
    }

    /// Fails unless this is a stanza of type "error" with one of the conditions, which the RFC leaves open.
    #[track_caller]
    pub(crate) fn must_fail_with_one_of(&self, conditions: &[&str]) -> &Self {
        assert_eq!(self.attr("type"), Some("error"), "expected one of the errors {conditions:?}, got {self}");
        let condition = self.condition().unwrap_or_default();
        assert!(conditions.contains(&condition.as_str()), "expected one of {conditions:?}, got {self}");
        self
    }

    /// The defined condition of a stanza error.
    pub(crate) fn condition(&self) -> Option<String> {
        let error = self.child("error")?;
        error.children().find(|c| c.ns == STANZA_ERROR_NS && c.name != "text").map(|c| c.name.clone())
    }

    /// All features, identities … of a disco result: the values of one attribute of the query's children.
    pub(crate) fn values(&self, child: &str, attr: &str) -> Vec<String> {
        let Some(query) = self.child("query") else { return Vec::new() };
        query.children().filter(|c| c.name == child).filter_map(|c| c.attr(attr)).map(str::to_owned).collect()
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} xmlns='{}'", self.name, self.ns)?;
        for (name, value) in &self.attrs {
            write!(f, " {name}='{value}'")?;
        }
        if self.nodes.is_empty() {
            return f.write_str("/>");
        }
        f.write_str(">")?;
        for node in &self.nodes {
            match node {
                Node::Element(e) => write!(f, "{e}")?,
                Node::Text(t) => f.write_str(t)?,
            }
        }
        write!(f, "</{}>", self.name)
    }
}

/// What comes out of a stream.
#[derive(Debug)]
pub(crate) enum Piece {
    Header(Element),
    Stanza(Element),
    End,
}

/// Builds elements from parser events; a stream's root is reported when it opens.
#[derive(Default)]
pub(crate) struct Tree {
    root: bool,
    stack: Vec<Element>,
    component: bool,
}

impl Tree {
    /// For a stream of jabber:component:accept: what is in that namespace reads as jabber:client, so that patterns are
    /// the same everywhere; but not inside other elements, where only jabber:client is right.
    pub(crate) fn of_component() -> Self {
        Self { component: true, ..Self::default() }
    }

    fn namespace(&self, ns: &str) -> String {
        let outside = self.stack.last().is_none_or(|parent| parent.ns == "jabber:client");
        match ns {
            COMPONENT_NS if self.component && self.root && outside => "jabber:client".to_owned(),
            _ => ns.to_owned(),
        }
    }

    pub(crate) fn take(&mut self, event: Event) -> Option<Piece> {
        match event {
            Event::XmlDeclaration(..) => None,
            Event::StartElement(_, (ns, name), attrs) => {
                let attrs = attrs.iter().map(|((ns, n), v)| (attr_name(ns, n), v.clone())).collect();
                let ns = self.namespace(&ns);
                let element = Element { ns, name: name.to_string(), attrs, nodes: Vec::new() };
                if self.root {
                    self.stack.push(element);
                    return None;
                }
                self.root = true;
                Some(Piece::Header(element))
            }
            Event::Text(_, text) => {
                if let Some(top) = self.stack.last_mut() {
                    top.nodes.push(Node::Text(text));
                }
                None
            }
            Event::EndElement(_) => {
                let Some(done) = self.stack.pop() else { return Some(Piece::End) };
                let Some(parent) = self.stack.last_mut() else { return Some(Piece::Stanza(done)) };
                parent.nodes.push(Node::Element(done));
                None
            }
        }
    }
}

/// A parser that takes what a server may send; the default would refuse attributes above 8 KiB.
pub(crate) fn new_parser() -> Parser {
    Parser::with_options(Options { max_token_length: 1 << 20, ..Options::default() })
}

fn attr_name(ns: &str, name: &str) -> String {
    match ns {
        "" => name.to_owned(),
        "http://www.w3.org/XML/1998/namespace" => format!("xml:{name}"),
        _ => format!("{{{ns}}}{name}"),
    }
}

/// Compares text with a pattern in which `{any}` stands for any characters.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once(ANY) else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((middle, after)) = rest.split_once(ANY) {
        let Some((_, left)) = text.split_once(middle) else { return false };
        text = left;
        rest = after;
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_ignores_what_it_does_not_name() {
        Element::parse("<message id='1' to='a'><body>hi</body><x xmlns='u'/></message>")
            .must("<message id='{any}' type='{none}'><x xmlns='u'/></message>")
            .must_not("<message id='2'/>")
            .must_not("<message type='{any}'/>")
            .must_not("<message><body>ho</body></message>")
            .must_not("<message><x/></message>")
            .must_not("<message><body/><body/></message>");
    }

    #[test]
    fn any_stands_for_any_characters() {
        assert!(glob("{any}@{any}/r", "a@b/r"));
        assert!(glob("a{any}", "a"));
        assert!(!glob("{any}@{any}/r", "a@b/s"));
    }
}
