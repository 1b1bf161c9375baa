//! Namespace names and what they are bound to (Namespaces in XML 1.0).

use crate::lex::{QName, Span};
use crate::name::{self, URI};
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
    /// Its name.
    pub(crate) fn str<'a>(self, source: &'a [u8], outside: &'a Outside) -> &'a str {
        match self {
            Self::None => "",
            Self::Xml => XML,
            Self::Inside(span) => span.str(source),
            Self::Default => outside.default.as_str(),
            Self::Prefix(number) => outside.prefixes.get(number).map_or("", |(_, name)| name.as_str()),
        }
    }
}

/// Whether stanzas live in this namespace on some stream, so that it must not be mixed up with the content
/// namespace of the stream that a child is written to (RFC 6120 §4.8.3, XEP-0114 §3).
pub(crate) fn is_content(namespace: &str, outside: &Outside) -> bool {
    matches!(namespace, CONTENT | "jabber:server" | "jabber:component:accept" | "jabber:component:connect")
        || (!outside.content.is_empty() && namespace == outside.content.as_str())
}

/// What a declaration declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    Default,
    Prefix(Span),
}

/// Whether an attribute is a namespace declaration.
pub(crate) fn declaration(name: QName, source: &[u8]) -> Option<Declared> {
    if name.prefix.is_empty() {
        (name.local.of(source) == b"xmlns").then_some(Declared::Default)
    } else {
        (name.prefix.of(source) == b"xmlns").then_some(Declared::Prefix(name.local))
    }
}

/// Why a declaration is ill-formed (Namespaces in XML §2.2, §3, §5), if it is.
pub(crate) fn misdeclared(declared: Declared, namespace: &str, source: &[u8]) -> Option<&'static str> {
    let prefix = match declared {
        Declared::Default => "",
        Declared::Prefix(span) => span.str(source),
    };
    match (prefix, namespace) {
        ("xml", XML) => None,
        ("xml", _) => Some("the prefix xml bound anew"),
        ("xmlns", _) => Some("the prefix xmlns declared"),
        (_, XML | XMLNS) => Some("a reserved namespace bound anew"),
        ("", _) => None,
        (_, "") => Some("a prefix undeclared"),
        _ => None,
    }
}

/// Whether every parser takes this as a namespace name: a URI reference (RFC 3986 §4.1), relative ones included,
/// within a subset on which no two parsers differ. No brackets (IP literals), no apostrophe, no references.
pub(crate) fn is_plain_uri(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.len() > NAMESPACE_BYTES || !only_uri_characters(bytes) {
        return false;
    }
    let (rest, fragment) = name.split_once('#').unwrap_or((name, ""));
    if fragment.contains('#') {
        return false;
    }
    let path = rest.split('?').next().unwrap_or_default();
    let head = path.split('/').next().unwrap_or_default();
    // §3.1: what stands before the first colon is a scheme.
    let (scheme, after) = match head.find(':') {
        Some(at) => (rest.get(..at), rest.get(at + 1..).unwrap_or_default()),
        None => (None, rest),
    };
    let scheme_fits = scheme.is_none_or(|scheme| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'))
    });
    scheme_fits && after.strip_prefix("//").is_none_or(authority_fits)
}

fn only_uri_characters(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        rest = match (first, rest) {
            (b'%', [_, high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                after
            }
            (byte, [_, after @ ..]) if name::is(*byte, URI) => after,
            _ => return false,
        };
    }
    true
}

/// RFC 3986 §3.2: host and port; we take no user.
fn authority_fits(rest: &str) -> bool {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    !authority.contains('@')
        && !host.is_empty()
        && port.len() <= 5
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
}
