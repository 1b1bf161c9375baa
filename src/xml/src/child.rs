//! First-level children of a stanza as verified, self-contained bytes.

use bytes::Bytes;
use std::sync::Arc;

use crate::lex::{self, Span, Tag};
use crate::namespace::{self, Declared, Outside};
use crate::rewrite::{Inherited, Token, Tokens, rewrite};
use crate::walk::Walk;
use crate::{CONTENT, Limits, Tree};

/// One first-level child: bytes that any parser reads in the same way wherever they are put
/// (in a stream whose default namespace is the content namespace).
///
/// Elements of the content namespace carry neither prefix nor declaration, so they take on the content namespace
/// of the stream they are written to; all else is declared inside (RFC 6120 §4.8.3, §4.8.5). Below an element of
/// another namespace the content namespaces are written out and stay as they are, as in a forwarded stanza.
#[derive(Debug, Clone)]
pub struct Child {
    bytes: Bytes,
    name: Span,
    /// Where the namespace is written; `None` for the content namespace.
    namespace: Option<Span>,
}

impl Child {
    /// `name` and `namespace` are ranges of `bytes`, which were verified and are canonical.
    pub(crate) const fn new(bytes: Bytes, name: Span, namespace: Option<Span>) -> Self {
        Self { bytes, name, namespace }
    }

    /// Reads name and namespace from canonical bytes.
    pub(crate) fn from_canonical(bytes: Bytes) -> Option<Self> {
        let mut tag = Tag::new();
        tag.begin(0);
        tag.read(&bytes, &Limits::VERIFIED).ok()?;
        let wanted = tag.name.prefix.of(&bytes);
        let declares = |attribute| match namespace::declaration(attribute) {
            Some(Declared::Default) => wanted.is_empty(),
            Some(Declared::Prefix(prefix)) => prefix.of(&bytes) == wanted,
            None => false,
        };
        let namespace = tag.attributes.iter().find(|found| declares(found)).map(|found| found.value);
        Some(Self { name: tag.name.local, namespace, bytes })
    }

    /// Local name.
    pub fn name(&self) -> &str {
        self.name.str(&self.bytes)
    }
    /// Namespace; [`crate::CONTENT`] for the content namespace.
    pub fn namespace(&self) -> &str {
        self.namespace.map_or(CONTENT, |namespace| namespace.str(&self.bytes))
    }
    /// Whether this is `name` in `namespace`.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }
    /// The element's bytes, from `<` to `>`. Unprefixed elements without declaration are in the content namespace.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// The element as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }
    /// The same child with an allocation of its own, so that it does not keep the rest of its stanza alive.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), name: self.name, namespace: self.namespace }
    }
    /// Reads the child into a tree.
    pub fn tree(&self) -> Tree {
        Tree::read(self.as_str()).unwrap_or_else(|| Tree::new(self.namespace(), self.name()))
    }
    /// The value of an attribute of the child's own start tag, unescaped, without building a tree.
    /// `name` has no prefix, or is `xml:lang`.
    pub fn attribute(&self, name: &str) -> Option<String> {
        if name.contains(':') && name != "xml:lang" || name == "xmlns" {
            return None;
        }
        let mut tag = Tag::new();
        tag.begin(0);
        tag.read(&self.bytes, &Limits::VERIFIED).ok()?;
        let found =
            tag.attributes.iter().find(|found| found.name.span().of(&self.bytes) == name.as_bytes())?;
        Some(lex::unescape_value(found.value.str(&self.bytes)))
    }
    /// Takes back what [`Child::bytes`] gave, e.g. from the store. Scans it again in full: `None` if it is not
    /// one self-contained element.
    pub fn from_bytes(bytes: Bytes) -> Option<Self> {
        let outside = Outside::stanza();
        let mut walk = Walk::new();
        let len = walk.read_child(&bytes, &Limits::VERIFIED, &outside).ok()?;
        let mark = walk.children.first()?;
        if len != bytes.len() || mark.rewrite {
            return None;
        }
        Self::from_canonical(bytes)
    }
    /// Cuts out nested elements by themselves, each self-contained again: prefixes, default namespace and
    /// `xml:lang` that they inherited are declared on them (design: `Child::lift`). In document order.
    pub fn lift(&self) -> Children {
        let outside = Outside::stanza();
        let mut tokens = Tokens::new(&self.bytes, Span::new(0, self.bytes.len()));
        let mut inherited = Inherited { default: CONTENT, prefixes: Vec::new(), lang: None };
        let lang = self.attribute("xml:lang");
        inherited.lang = lang.as_deref();
        let mut lifted = Children::new();
        let mut depth = 0;
        let mut start = 0;
        while let Some(token) = tokens.next() {
            match token {
                Token::Start => {
                    depth += 1;
                    if depth == 1 {
                        self.inherit(&tokens.tag, &mut inherited);
                    } else if depth == 2 {
                        start = tokens.tag.start;
                    }
                }
                Token::End => {
                    if depth == 2 {
                        let span = Span::new(start, tokens.at);
                        let out = rewrite(&self.bytes, span, &inherited, &outside, usize::MAX);
                        lifted.extend(out.and_then(|out| Self::from_canonical(out.into())));
                    }
                    depth -= 1;
                }
                Token::Text(..) | Token::Cdata(_) => {}
            }
        }
        lifted
    }

    /// What the child's own start tag hands down.
    fn inherit<'a>(&'a self, tag: &Tag, inherited: &mut Inherited<'a>) {
        for attribute in &tag.attributes {
            let value = attribute.value.str(&self.bytes);
            match namespace::declaration(attribute) {
                Some(Declared::Default) => inherited.default = value,
                Some(Declared::Prefix(prefix)) => inherited.prefixes.push((prefix.str(&self.bytes), value)),
                None => {}
            }
        }
    }
}

/// The children of a stanza: cheap to clone, copied on the first change.
#[derive(Debug, Clone, Default)]
pub struct Children(Option<Arc<Vec<Child>>>);

impl Children {
    /// No children.
    pub fn new() -> Self {
        Self::default()
    }
    fn as_slice(&self) -> &[Child] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
    /// In document order.
    pub fn iter(&self) -> std::slice::Iter<'_, Child> {
        self.as_slice().iter()
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
    /// The first child with this namespace and name.
    pub fn find(&self, namespace: &str, name: &str) -> Option<&Child> {
        self.iter().find(|child| child.is(namespace, name))
    }
    /// Appends a child.
    pub fn push(&mut self, child: Child) {
        Arc::make_mut(self.0.get_or_insert_default()).push(child);
    }
    /// Keeps what `keep` says; copies only if something goes.
    pub fn retain(&mut self, keep: impl Fn(&Child) -> bool) {
        if !self.iter().all(&keep) {
            Arc::make_mut(self.0.get_or_insert_default()).retain(|child| keep(child));
        }
    }
    /// Bytes of all children together.
    pub fn byte_len(&self) -> usize {
        self.iter().map(|child| child.bytes().len()).sum()
    }
}

impl Extend<Child> for Children {
    fn extend<I: IntoIterator<Item = Child>>(&mut self, children: I) {
        for child in children {
            self.push(child);
        }
    }
}

impl FromIterator<Child> for Children {
    fn from_iter<I: IntoIterator<Item = Child>>(iter: I) -> Self {
        iter.into_iter().collect::<Vec<Child>>().into()
    }
}

impl From<Vec<Child>> for Children {
    fn from(children: Vec<Child>) -> Self {
        Self((!children.is_empty()).then(|| Arc::new(children)))
    }
}

impl<'a> IntoIterator for &'a Children {
    type Item = &'a Child;
    type IntoIter = std::slice::Iter<'a, Child>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
