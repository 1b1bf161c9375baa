//! Makes elements out of what the walk has found.

use bytes::Bytes;
use smallvec::SmallVec;
use std::borrow::Cow;

use crate::lex::{self, Span};
use crate::namespace::{Namespace, Outside, XML};
use crate::rewrite::{Inherited, rewrite};
use crate::walk::{Head, Mark, Walk};
use crate::{Attribute, CONTENT, Child, Element, Refusal, Refused, Root, Text};

/// The element that the walk has read in `bytes`.
pub(crate) fn element(walk: &Walk, bytes: &Bytes, outside: &Outside, max: usize) -> Result<Element, Refusal> {
    let Some(head) = &walk.head else { return Err(Refusal::Unsupported("no start tag")) };
    let mut grown = 0;
    let mut children = Vec::with_capacity(walk.children.len());
    for mark in &walk.children {
        let child = child(mark, head, bytes, outside, max.saturating_sub(grown))?;
        grown += if mark.rewrite { child.bytes().len() } else { 0 };
        children.push(child);
    }
    Ok(Element {
        name: text(head.name.local, bytes),
        namespace: head_namespace(head.namespace, bytes, outside),
        attributes: attributes(head, bytes, outside),
        children: children.into(),
        text: direct_text(walk, bytes),
        wire_bytes: bytes.len(),
    })
}

/// What can be told of an element that is refused; `source` begins with its `<`.
pub(crate) fn refused(head: &Head, source: &[u8], outside: &Outside, reason: Refusal) -> Refused {
    let bytes = Bytes::copy_from_slice(source.get(..head.end).unwrap_or_default());
    Refused {
        name: text(head.name.local, &bytes),
        namespace: head_namespace(head.namespace, &bytes, outside),
        attributes: attributes(head, &bytes, outside),
        reason,
    }
}

/// The root whose start tag the walk has read.
pub(crate) fn root(head: &Head, source: &[u8]) -> Root {
    let outside = Outside::default();
    let bytes = Bytes::copy_from_slice(source.get(..head.end).unwrap_or_default());
    let prefixes = head.prefixes.iter().map(|(prefix, name)| (text(*prefix, &bytes), text(*name, &bytes)));
    Root {
        name: text(head.name.local, &bytes),
        prefix: text(head.name.prefix, &bytes),
        namespace: namespace(head.namespace, &bytes, &outside),
        content: namespace(head.default, &bytes, &outside),
        attributes: attributes(head, &bytes, &outside),
        prefixes: prefixes.collect(),
    }
}

/// What the root hands down to the stanzas.
pub(crate) fn outside(root: &Root) -> Outside {
    // RFC 6120 §4.8.2: with the stream's own namespace as the default one, stanzas declare theirs themselves.
    let content = if root.prefix.is_empty() { Text::from_static(CONTENT) } else { root.content.clone() };
    Outside { content, default: root.content.clone(), prefixes: root.prefixes.to_vec() }
}

fn child(mark: &Mark, head: &Head, bytes: &Bytes, outside: &Outside, max: usize) -> Result<Child, Refusal> {
    let start = mark.span.start;
    if !mark.rewrite {
        let here = |span: Span| Span::new(span.start.saturating_sub(start), span.end.saturating_sub(start));
        let namespace = match mark.namespace {
            Namespace::Inside(span) if span.start >= start => Some(here(span)),
            Namespace::None => Some(Span::default()),
            _ => None,
        };
        return Ok(Child::new(bytes.slice(start..mark.span.end), here(mark.name), namespace));
    }
    let mut prefixes = Inherited::prefixes_of(&outside.prefixes);
    prefixes.extend(head.prefixes.iter().map(|(prefix, name)| (prefix.str(bytes), name.str(bytes))));
    let inherited = Inherited { default: head.default.str(bytes, outside), prefixes, lang: None };
    let too_large = Refusal::Limit("a stanza", max);
    let written = rewrite(bytes, mark.span, &inherited, outside, max).ok_or(too_large)?;
    Child::from_canonical(written.into()).ok_or(too_large)
}

fn attributes(head: &Head, bytes: &Bytes, outside: &Outside) -> SmallVec<[Attribute; 6]> {
    let attribute = |(raw, found): &(lex::RawAttribute, Namespace)| Attribute {
        namespace: namespace(*found, bytes, outside),
        name: text(raw.name.local, bytes),
        value: if raw.escaped || raw.spaced {
            lex::unescape_value(raw.value.str(bytes)).into()
        } else {
            text(raw.value, bytes)
        },
    };
    head.attributes.iter().map(attribute).collect()
}

/// RFC 6120 §4.8.2: the stream's content namespace reads as [`CONTENT`].
fn head_namespace(found: Namespace, bytes: &Bytes, outside: &Outside) -> Text {
    let spelled = found.bytes(bytes, outside);
    if spelled == CONTENT.as_bytes() || (!spelled.is_empty() && spelled == outside.content.as_bytes()) {
        return Text::from_static(CONTENT);
    }
    namespace(found, bytes, outside)
}

fn namespace(found: Namespace, bytes: &Bytes, outside: &Outside) -> Text {
    match found {
        Namespace::None => Text::new(),
        Namespace::Xml => Text::from_static(XML),
        Namespace::Inside(span) => text(span, bytes),
        Namespace::Default => outside.default.clone(),
        Namespace::Prefix(number) => {
            outside.prefixes.get(number).map(|(_, name)| name.clone()).unwrap_or_default()
        }
    }
}

fn direct_text(walk: &Walk, bytes: &Bytes) -> Text {
    if let [run] = walk.text.as_slice()
        && !run.cdata
        && !run.kind.escaped
        && !run.kind.carriage_return
    {
        return text(run.span, bytes);
    }
    let mut all = String::new();
    for run in &walk.text {
        let raw = run.span.str(bytes);
        all.push_str(&match (run.cdata, run.kind.escaped || run.kind.carriage_return) {
            (true, _) => Cow::Owned(lex::unescape_lines(raw)),
            (false, true) => Cow::Owned(lex::unescape_text(raw)),
            (false, false) => Cow::Borrowed(raw),
        });
    }
    if all.is_empty() { Text::new() } else { all.into() }
}

fn text(span: Span, bytes: &Bytes) -> Text {
    let range = span.start.min(bytes.len())..span.end.min(bytes.len());
    if range.start >= range.end { Text::new() } else { Text::from_verified(bytes.slice(range)) }
}
