//! First-level children of a stanza as verified, self-contained bytes.

use bytes::Bytes;
use std::sync::Arc;

use crate::{Text, Tree};

/// One first-level child: bytes that any parser reads in the same way wherever they are put
/// (in a stream whose default namespace is the content namespace).
#[derive(Debug, Clone)]
pub struct Child {
    name: Text,
    namespace: Text,
    bytes: Bytes,
}

impl Child {
    /// Local name.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Namespace; [`crate::CONTENT`] for the content namespace.
    pub fn namespace(&self) -> &str {
        todo!()
    }
    /// Whether this is `name` in `namespace`.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }
    /// The element's bytes, from `<` to `>`. Unprefixed elements without declaration are in the content namespace.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// Reads the child into a tree.
    pub fn tree(&self) -> Tree {
        todo!()
    }
    /// The value of an attribute of the child's own start tag, unescaped, without building a tree.
    pub fn attribute(&self, _name: &str) -> Option<String> {
        todo!()
    }
    /// Takes back what [`Child::bytes`] gave, e.g. from the store. Scans it again in full: `None` if it is not
    /// one self-contained element.
    pub fn from_bytes(_bytes: Bytes) -> Option<Self> {
        todo!()
    }
    /// Cuts out nested elements by themselves, each self-contained again: prefixes, default namespace and
    /// `xml:lang` that they inherited are declared on them (design: `Child::lift`). In document order.
    pub fn lift(&self) -> Children {
        todo!()
    }
}

/// The children of a stanza: cheap to clone, copied on the first change.
#[derive(Debug, Clone, Default)]
pub struct Children(Arc<Vec<Child>>);

impl Children {
    /// No children.
    pub fn new() -> Self {
        Self::default()
    }
    /// In document order.
    pub fn iter(&self) -> std::slice::Iter<'_, Child> {
        self.0.iter()
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The first child with this namespace and name.
    pub fn find(&self, namespace: &str, name: &str) -> Option<&Child> {
        self.iter().find(|child| child.is(namespace, name))
    }
    /// Appends a child.
    pub fn push(&mut self, child: Child) {
        Arc::make_mut(&mut self.0).push(child);
    }
    /// Keeps what `keep` says; copies only if something goes.
    pub fn retain(&mut self, keep: impl Fn(&Child) -> bool) {
        if !self.iter().all(&keep) {
            Arc::make_mut(&mut self.0).retain(|child| keep(child));
        }
    }
    /// Bytes of all children together.
    pub fn byte_len(&self) -> usize {
        self.iter().map(|child| child.bytes().len()).sum()
    }
}

impl FromIterator<Child> for Children {
    fn from_iter<I: IntoIterator<Item = Child>>(iter: I) -> Self {
        Self(Arc::new(iter.into_iter().collect()))
    }
}

impl<'a> IntoIterator for &'a Children {
    type Item = &'a Child;
    type IntoIter = std::slice::Iter<'a, Child>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
