//! Writes trees as canonical bytes.

use std::borrow::Cow;

use crate::escape::{escape_attribute, escape_text};
use crate::name::{self, is_ncname};
use crate::namespace::{self, Outside, XML, XMLNS};
use crate::{Node, Tree};

/// The element's canonical bytes: elements without prefixes, a namespace declared where it changes.
pub(crate) fn write(tree: &Tree) -> Vec<u8> {
    let mut writer =
        Writer { out: Vec::with_capacity(256), prefixes: Vec::new(), outside: Outside::stanza() };
    writer.element(tree, None);
    writer.out
}

struct Writer<'a> {
    out: Vec<u8>,
    /// Prefixes in scope, with their namespaces.
    prefixes: Vec<(Cow<'a, str>, &'a str)>,
    outside: Outside,
}

impl<'a> Writer<'a> {
    /// `default` is the default namespace in scope, `None` for the content namespace of whatever stream.
    fn element(&mut self, tree: &'a Tree, default: Option<&str>) {
        let in_scope = self.prefixes.len();
        let name = fitting_name(tree.name());
        let namespace = fitting_namespace(tree.namespace());
        let content = default.is_none() && namespace::is_content(namespace.as_bytes(), &self.outside);
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        if !content && default != Some(&*namespace) {
            self.attribute("xmlns", &namespace);
        }
        self.attributes(tree);
        if tree.nodes().is_empty() {
            self.out.extend_from_slice(b"/>");
        } else {
            self.out.push(b'>');
            let default = if content { None } else { Some(&*namespace) };
            for node in tree.nodes() {
                match node {
                    Node::Tree(tree) => self.element(tree, default),
                    Node::Text(text) => escape_text(text, &mut self.out),
                }
            }
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(name.as_bytes());
            self.out.push(b'>');
        }
        self.prefixes.truncate(in_scope);
    }

    /// Attributes whose names no parser would take are left out.
    fn attributes(&mut self, tree: &'a Tree) {
        let attributes = tree.raw_attributes();
        for (key, value) in attributes {
            if let Some(prefix) = key.strip_prefix("xmlns:")
                && declarable(prefix, value)
            {
                self.declare(prefix.into(), value);
            }
        }
        for (namespace, local) in attributes.iter().filter_map(|(key, _)| expanded(key)) {
            if fits(namespace, local) && self.prefix(namespace).is_none() {
                self.declare(self.unused_prefix().into(), namespace);
            }
        }
        for (key, value) in attributes {
            if let Some((namespace, local)) =
                expanded(key).filter(|(namespace, local)| fits(namespace, local))
            {
                let prefix = self.prefix(namespace).unwrap_or_default();
                self.attribute(&format!("{prefix}:{local}"), value);
            } else if let Some(local) = key.strip_prefix("xml:") {
                // No xml:id: parsers treat it differently.
                if is_ncname(local) && local != "id" {
                    self.attribute(key, value);
                }
            } else if is_ncname(key) && key != "xmlns" {
                self.attribute(key, value);
            }
        }
    }

    fn declare(&mut self, prefix: Cow<'a, str>, namespace: &'a str) {
        self.attribute(&format!("xmlns:{prefix}"), namespace);
        self.prefixes.push((prefix, namespace));
    }

    /// A prefix in scope for the namespace.
    fn prefix(&self, namespace: &str) -> Option<&str> {
        let visible = |number: usize, prefix: &str| {
            !self.prefixes.iter().skip(number + 1).any(|(later, _)| later == prefix)
        };
        let mut all = self.prefixes.iter().enumerate();
        let found = all.find(|(number, (prefix, found))| *found == namespace && visible(*number, prefix));
        found.map(|(_, (prefix, _))| &**prefix)
    }

    fn unused_prefix(&self) -> String {
        let mut number = self.prefixes.len();
        loop {
            let prefix = format!("ns{number}");
            if !self.prefixes.iter().any(|(used, _)| *used == prefix) {
                return prefix;
            }
            number += 1;
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"='");
        escape_attribute(value, &mut self.out);
        self.out.push(b'\'');
    }
}

/// `{namespace}local`
fn expanded(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix('{')?.split_once('}')
}

fn fits(namespace: &str, local: &str) -> bool {
    is_ncname(local) && declarable("ns", namespace)
}

fn declarable(prefix: &str, namespace: &str) -> bool {
    is_ncname(prefix)
        && !matches!(prefix, "xml" | "xmlns")
        && !matches!(namespace, "" | XML | XMLNS)
        && namespace::is_plain_uri(namespace.as_bytes())
}

fn fitting_name(name: &str) -> Cow<'_, str> {
    if is_ncname(name) {
        return Cow::Borrowed(name);
    }
    let fitting = |char: char| u8::try_from(char).is_ok_and(|byte| name::is(byte, name::NAME));
    let replaced: String = name.chars().map(|char| if fitting(char) { char } else { '_' }).collect();
    Cow::Owned(if is_ncname(&replaced) { replaced } else { format!("_{replaced}") })
}

fn fitting_namespace(namespace: &str) -> Cow<'_, str> {
    if namespace::is_plain_uri(namespace.as_bytes()) && !matches!(namespace, XML | XMLNS) {
        return Cow::Borrowed(namespace);
    }
    let replaced: String =
        namespace.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
    Cow::Owned(replaced.chars().take(namespace::NAMESPACE_BYTES).collect())
}
