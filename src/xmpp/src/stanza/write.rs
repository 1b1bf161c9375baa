//! From a stanza to bytes: the head rendered anew, the children as they came.

use waxwing_xml::{Attribute, CONTENT, escape_attribute};

use super::Stanza;
use crate::{Jid, ns};

impl Stanza {
    /// Writes the stanza into `out`. `declare`: the namespace to declare on the head (RFC 7395 and BOSH framing;
    /// `None` on a stream whose default namespace is the content namespace).
    pub fn write(&self, out: &mut Vec<u8>, declare: Option<&str>) {
        self.write_to(self.to.as_ref(), out, declare);
    }

    /// Writes the stanza as if it were addressed to `to`: one stanza for many recipients, with no copy of it.
    pub fn write_with_to(&self, to: &Jid, out: &mut Vec<u8>, declare: Option<&str>) {
        self.write_to(Some(to), out, declare);
    }

    fn write_to(&self, to: Option<&Jid>, out: &mut Vec<u8>, declare: Option<&str>) {
        out.reserve(self.children.byte_len() + 256);
        out.push(b'<');
        out.extend_from_slice(self.name().as_bytes());
        if let Some(namespace) = declare {
            write_attribute("xmlns", namespace, out);
        }
        if let Some(from) = &self.from {
            write_address(" from='", from, out);
        }
        if let Some(to) = to {
            write_address(" to='", to, out);
        }
        if let Some(id) = &self.id {
            write_attribute("id", id.as_str(), out);
        }
        if let Some(kind) = self.kind.type_name() {
            out.extend_from_slice(b" type='");
            out.extend_from_slice(kind.as_bytes());
            out.push(b'\'');
        }
        if let Some(lang) = &self.lang {
            write_attribute("xml:lang", lang.as_str(), out);
        }
        if let Some(extra) = self.extra.as_deref() {
            write_extra(extra, out);
        }
        if self.children.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for child in &self.children {
            out.extend_from_slice(child.bytes());
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(self.name().as_bytes());
        out.push(b'>');
    }

    /// The stanza for the store: a document of its own with the content namespace declared.
    pub fn to_store_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, Some(CONTENT));
        out
    }

    /// As text, for logs at trace level and tests.
    pub fn to_xml(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out, None);
        String::from_utf8_lossy(&out).into_owned()
    }
}

fn write_attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attribute(value, out);
    out.push(b'\'');
}

/// Localparts and domainparts have nothing to escape (RFC 7622 §3.3.1).
fn write_address(start: &str, jid: &Jid, out: &mut Vec<u8>) {
    out.extend_from_slice(start.as_bytes());
    out.extend_from_slice(jid.bare_str().as_bytes());
    if let Some(resource) = jid.resource() {
        out.push(b'/');
        escape_attribute(resource, out);
    }
    out.push(b'\'');
}

/// Attributes with a namespace get a prefix of ours, declared beside each: `a0`, `a1`, …
fn write_extra(extra: &[Attribute], out: &mut Vec<u8>) {
    for (count, attribute) in extra.iter().enumerate() {
        let (name, value) = (attribute.name.as_str(), attribute.value.as_str());
        match attribute.namespace.as_str() {
            "" => write_attribute(name, value, out),
            ns::XML => write_attribute(&format!("xml:{name}"), value, out),
            namespace => {
                write_attribute(&format!("xmlns:a{count}"), namespace, out);
                write_attribute(&format!("a{count}:{name}"), value, out);
            }
        }
    }
}
