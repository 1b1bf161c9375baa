//! Namespace names and what they are bound to (Namespaces in XML 1.0).

use crate::lex::{RawAttribute, Span};
use crate::name::{self, NAME, URI};
use crate::{CONTENT, Text};

/// Bound to the prefix `xml` for ever.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Bound to the prefix `xmlns` for ever; nothing may be in it.
pub(crate) const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Longest namespace name. Rewriting repeats namespace names, so this bounds what an element can grow by.
pub(crate) const NAMESPACE_BYTES: usize = 256;

/// What holds around an element: the root's declarations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outside {
    /// The content namespace of this stream.
    pub(crate) content: Text,
    /// The default namespace in scope.
    pub(crate) default: Text,
    /// Prefixes in scope, the innermost last.
    pub(crate) prefixes: Vec<(Text, Text)>,
}

impl Outside {
    /// What holds around a canonical child.
    pub(crate) const fn stanza() -> Self {
        let content = Text::from_static(CONTENT);
        Self { content, default: Text::from_static(CONTENT), prefixes: Vec::new() }
    }

    /// What holds around a document of its own: nothing is inherited (RFC 7395 §3.3.3).
    pub(crate) const fn document() -> Self {
        Self { content: Text::from_static(CONTENT), default: Text::new(), prefixes: Vec::new() }
    }
}

/// Where a namespace name is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// No namespace.
    None,
    /// [`XML`]
    Xml,
    /// Written in the element.
    Inside(Span),
    /// The default namespace outside.
    Default,
    /// The prefix with this number outside.
    Prefix(usize),
}

impl Namespace {
    /// Its name as bytes.
    pub(crate) fn bytes<'a>(self, source: &'a [u8], outside: &'a Outside) -> &'a [u8] {
        match self {
            Self::None => b"",
            Self::Xml => XML.as_bytes(),
            Self::Inside(span) => span.of(source),
            Self::Default => outside.default.as_bytes(),
            Self::Prefix(number) => outside.prefixes.get(number).map_or(b"", |(_, name)| name.as_bytes()),
        }
    }

    /// Its name.
    pub(crate) fn str<'a>(self, source: &'a [u8], outside: &'a Outside) -> &'a str {
        std::str::from_utf8(self.bytes(source, outside)).unwrap_or_default()
    }
}

/// Whether stanzas live in this namespace on some stream, so that it must not be mixed up with the content
/// namespace of the stream that a child is written to (RFC 6120 §4.8.3, XEP-0114 §3).
pub(crate) fn is_content(namespace: &[u8], outside: &Outside) -> bool {
    let known = namespace.first() == Some(&b'j')
        && matches!(
            namespace,
            b"jabber:client" | b"jabber:server" | b"jabber:component:accept" | b"jabber:component:connect"
        );
    known || (!namespace.is_empty() && namespace == outside.content.as_bytes())
}

/// What a declaration declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    Default,
    Prefix(Span),
}

/// What an attribute declares, if it is a namespace declaration.
pub(crate) fn declaration(attribute: &RawAttribute) -> Option<Declared> {
    let name = attribute.name;
    attribute
        .declares
        .then(|| if name.prefix.is_empty() { Declared::Default } else { Declared::Prefix(name.local) })
}

/// Why a declaration is ill-formed (Namespaces in XML §2.2, §3, §5), if it is.
pub(crate) fn misdeclared(declared: Declared, namespace: &[u8], source: &[u8]) -> Option<&'static str> {
    let prefix = match declared {
        Declared::Default => b"",
        Declared::Prefix(span) => span.of(source),
    };
    let is_xml = namespace == XML.as_bytes();
    match prefix {
        b"xml" if is_xml => None,
        b"xml" => Some("the prefix xml bound anew"),
        b"xmlns" => Some("the prefix xmlns declared"),
        _ if is_xml || namespace == XMLNS.as_bytes() => Some("a reserved namespace bound anew"),
        [_, ..] if namespace.is_empty() => Some("a prefix undeclared"),
        _ => None,
    }
}

/// Whether every parser takes this as a namespace name: a URI reference (RFC 3986 §4.1), relative ones included,
/// within a subset on which no two parsers differ. No brackets (IP literals), no apostrophe, no references.
pub(crate) fn is_plain_uri(bytes: &[u8]) -> bool {
    is_urn(bytes) || is_uri(bytes)
}

/// The most common kind, told in one pass.
fn is_urn(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(b"urn:").or_else(|| bytes.strip_prefix(b"jabber:"));
    rest.is_some_and(|rest| rest.len() < 64 && rest.iter().all(|byte| name::is(*byte, NAME) || *byte == b':'))
}

fn is_uri(bytes: &[u8]) -> bool {
    if bytes.len() > NAMESPACE_BYTES || !only_uri_characters(bytes) {
        return false;
    }
    let fragments = bytes.iter().filter(|byte| **byte == b'#').count();
    let delimiter = bytes.iter().position(|byte| matches!(byte, b':' | b'/' | b'?' | b'#'));
    // §3.1: what stands before the first colon is a scheme.
    let (scheme, rest) = match delimiter.and_then(|at| bytes.split_at_checked(at)) {
        Some((scheme, [b':', rest @ ..])) => (Some(scheme), rest),
        _ => (None, bytes),
    };
    fragments <= 1 && scheme.is_none_or(scheme_fits) && rest.strip_prefix(b"//").is_none_or(authority_fits)
}

fn scheme_fits(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn only_uri_characters(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        let plain = name::run(rest, URI);
        rest = match rest.get(plain..) {
            Some([b'%', high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                after
            }
            Some([_, ..]) => return false,
            _ => return true,
        };
    }
}

/// RFC 3986 §3.2: host and port; we take no user.
fn authority_fits(rest: &[u8]) -> bool {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let mut parts = authority.split(|byte| *byte == b':');
    let host = parts.next().unwrap_or_default();
    let port = parts.next().unwrap_or(b"0");
    let port_fits = (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit);
    !host.is_empty() && !authority.contains(&b'@') && port_fits && parts.next().is_none()
}
