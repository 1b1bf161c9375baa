//! What the scanner hands out.

use crate::{Children, Refusal, Text};
use smallvec::SmallVec;

/// One step of a stream.
#[derive(Debug)]
pub enum Item {
    /// The root's start tag: the stream header.
    Root(Root),
    /// A complete first-level element.
    Element(Element),
    /// A first-level element that was skipped to its end.
    Refused(Refused),
    /// The root's end tag.
    RootEnd,
}

/// The start tag of the stream's root.
#[derive(Debug, Clone)]
pub struct Root {
    /// Local name as written (`stream`).
    pub name: Text,
    /// Prefix as written, empty if none (RFC 6120 §4.8.5 demands `stream`).
    pub prefix: Text,
    /// Namespace of the root element.
    pub namespace: Text,
    /// The default namespace in scope for stanzas: the stream's content namespace, as written.
    pub content: Text,
    /// All attributes but namespace declarations.
    pub attributes: SmallVec<[Attribute; 6]>,
    /// Other prefixes declared (prefix, namespace), e.g. (`db`, `jabber:server:dialback`).
    pub prefixes: SmallVec<[(Text, Text); 2]>,
}

/// An attribute; the value is unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Namespace of a prefixed attribute, empty for an unprefixed one.
    pub namespace: Text,
    /// Local name.
    pub name: Text,
    /// Value after unescaping and attribute-value normalisation.
    pub value: Text,
}

/// A complete first-level element: a stanza or a nonza.
#[derive(Debug, Clone)]
pub struct Element {
    /// Local name.
    pub name: Text,
    /// Namespace; [`crate::CONTENT`] for the stream's content namespace.
    pub namespace: Text,
    /// Attributes but namespace declarations, in document order, `xml:lang` included
    /// (namespace `http://www.w3.org/XML/1998/namespace`).
    pub attributes: SmallVec<[Attribute; 6]>,
    /// First-level child elements, each self-contained.
    pub children: Children,
    /// Character data directly inside the element, unescaped and concatenated.
    pub text: Text,
    /// Bytes on the wire, tags included.
    pub wire_bytes: usize,
}

/// What is known of an element that was refused: enough to answer its sender.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Local name of the element.
    pub name: Text,
    /// Namespace of the element.
    pub namespace: Text,
    /// Attributes of its start tag if it could be read, else empty.
    pub attributes: SmallVec<[Attribute; 6]>,
    /// Why.
    pub reason: Refusal,
}
