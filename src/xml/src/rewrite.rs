//! The slow path: writes a verified element anew so that it means the same wherever it is put.
//!
//! Elements of the content namespace lose prefix and declaration (RFC 6120 §4.8.5), all others get what they
//! inherited declared inside; CDATA becomes text, CR and CRLF become LF, white space in attribute values becomes
//! spaces. Prefixes stay, because content may use them.

use std::borrow::Cow;

use crate::escape::{escape_attribute, escape_text};
use crate::lex::{self, QName, RawAttribute, Span, Tag, TextKind};
use crate::namespace::{self, Declared, Outside, XML};
use crate::{Limits, Text};

/// What the element inherits.
pub(crate) struct Inherited<'a> {
    pub(crate) default: &'a str,
    /// The innermost last.
    pub(crate) prefixes: Vec<(&'a str, &'a str)>,
    /// `xml:lang` to be declared if the element has none.
    pub(crate) lang: Option<&'a str>,
}

/// Writes the element that begins at `start` of verified `source`. `None` if it grows beyond `max` bytes.
pub(crate) fn rewrite(
    source: &[u8],
    span: Span,
    inherited: &Inherited<'_>,
    outside: &Outside,
    max: usize,
) -> Option<Vec<u8>> {
    let mut writer = Rewriter {
        source,
        outside,
        out: Vec::with_capacity(span.end.saturating_sub(span.start) + 64),
        open: Vec::new(),
        prefixes: inherited
            .prefixes
            .iter()
            .map(|(prefix, name)| (prefix.as_bytes(), name.as_bytes()))
            .collect(),
        declared: Vec::new(),
        default: inherited.default,
        lang: inherited.lang,
    };
    let mut tokens = Tokens::new(source, span);
    while let Some(token) = tokens.next() {
        match token {
            Token::Start => writer.start(&tokens.tag),
            Token::End => writer.end(),
            Token::Text(span, kind) => writer.text(span, kind),
            Token::Cdata(span) => escape_text(&lex::unescape_lines(span.str(source)), &mut writer.out),
        }
        if writer.out.len() > max {
            return None;
        }
    }
    Some(writer.out)
}

/// Longest `xml:lang` that is handed down: no language tag is longer (RFC 5646 §4.4.1), and handing down repeats it.
const LANG_BYTES: usize = 64;

/// The tokens of verified bytes.
pub(crate) struct Tokens<'a> {
    source: &'a [u8],
    pub(crate) at: usize,
    end: usize,
    /// The start tag of [`Token::Start`].
    pub(crate) tag: Tag,
    /// `</a>` of an `<a/>` is still to be given.
    pending: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Token {
    Start,
    End,
    Text(Span, TextKind),
    Cdata(Span),
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(source: &'a [u8], span: Span) -> Self {
        Self { source, at: span.start, end: span.end, tag: Tag::new(), pending: false }
    }

    /// The next token; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Token> {
        if std::mem::take(&mut self.pending) {
            return Some(Token::End);
        }
        if self.at >= self.end {
            return None;
        }
        let rest = self.source.get(self.at..self.end)?;
        if rest.starts_with(b"</") {
            self.at += memchr::memchr(b'>', rest)? + 1;
            return Some(Token::End);
        }
        if rest.starts_with(b"<!") {
            let start = self.at + b"<![CDATA[".len();
            self.at = start;
            let end = lex::cdata(self.source, &mut self.at).ok()?;
            return Some(Token::Cdata(Span::new(start, end)));
        }
        if rest.starts_with(b"<") {
            self.tag.begin(self.at);
            self.tag.read(self.source, &Limits::VERIFIED).ok()?;
            self.at = self.tag.at;
            self.pending = self.tag.empty;
            return Some(Token::Start);
        }
        let (start, mut kind) = (self.at, TextKind::default());
        lex::text(self.source, &mut self.at, &mut kind).ok()?;
        Some(Token::Text(Span::new(start, self.at), kind))
    }
}

struct Rewriter<'a> {
    source: &'a [u8],
    outside: &'a Outside,
    out: Vec<u8>,
    open: Vec<Open<'a>>,
    /// Prefixes in scope in the source.
    prefixes: Vec<(&'a [u8], &'a [u8])>,
    /// Prefixes in scope in the output.
    declared: Vec<(&'a [u8], &'a [u8])>,
    default: &'a str,
    lang: Option<&'a str>,
}

struct Open<'a> {
    /// As written to the output; empty if the element is.
    name: Span,
    empty: bool,
    content: bool,
    default: &'a str,
    /// The default namespace in the output; `None` stands for the content namespace of whatever stream.
    written: Option<&'a str>,
    prefixes: usize,
    declared: usize,
}

impl<'a> Rewriter<'a> {
    fn start(&mut self, tag: &Tag) {
        let (prefixes, declared) = (self.prefixes.len(), self.declared.len());
        let parent = self.open.last();
        let mut default = parent.map_or(self.default, |parent| parent.default);
        let mut written = parent.and_then(|parent| parent.written);
        let parent_content = parent.is_none_or(|parent| parent.content);
        for attribute in &tag.attributes {
            let value = attribute.value.str(self.source);
            match namespace::declaration(attribute) {
                Some(Declared::Default) => default = value,
                Some(Declared::Prefix(prefix)) => {
                    self.prefixes.push((prefix.of(self.source), value.as_bytes()))
                }
                None => {}
            }
        }
        let namespace = if tag.name.prefix.is_empty() { default.as_bytes() } else { self.resolve(tag.name) };
        let namespace = std::str::from_utf8(namespace).unwrap_or_default();
        let content = parent_content && namespace::is_content(namespace.as_bytes(), self.outside);
        let name = if content { tag.name.local } else { tag.name.span() };
        self.out.push(b'<');
        self.out.extend_from_slice(name.of(self.source));
        for attribute in &tag.attributes {
            self.attribute(attribute, content, &mut written);
        }
        if !content && tag.name.prefix.is_empty() && written != Some(namespace) {
            self.declare(b"", namespace);
            written = Some(namespace);
        }
        if !content {
            self.need(tag.name);
        }
        for attribute in &tag.attributes {
            if !attribute.declares {
                self.need(attribute.name);
            }
        }
        if self.open.is_empty() {
            self.inherit_lang(tag);
        }
        self.out.extend_from_slice(if tag.empty { b"/>" } else { b">" });
        self.open.push(Open { name, empty: tag.empty, content, default, written, prefixes, declared });
    }

    /// Writes an attribute as it is; a declaration only where it means something.
    fn attribute(&mut self, attribute: &RawAttribute, content: bool, written: &mut Option<&'a str>) {
        let value = attribute.value.str(self.source);
        match namespace::declaration(attribute) {
            Some(Declared::Default) if content => return,
            Some(Declared::Default) => *written = Some(value),
            Some(Declared::Prefix(prefix)) => self.declared.push((prefix.of(self.source), value.as_bytes())),
            None => {}
        }
        self.out.push(b' ');
        self.out.extend_from_slice(attribute.name.span().of(self.source));
        let quote = self.source.get(attribute.value.end).copied().unwrap_or(b'\'');
        self.out.extend_from_slice(&[b'=', quote]);
        if attribute.spaced {
            self.out.extend_from_slice(lex::unescape_lines(value).replace(['\t', '\n'], " ").as_bytes());
        } else {
            self.out.extend_from_slice(value.as_bytes());
        }
        self.out.push(quote);
    }

    /// Declares the prefix of a name if the output does not have it.
    fn need(&mut self, name: QName) {
        let prefix = name.prefix.of(self.source);
        if prefix.is_empty() || prefix == b"xml" {
            return;
        }
        let namespace = self.resolve(name);
        let found = self.declared.iter().rev().find(|(declared, _)| *declared == prefix);
        if found.is_none_or(|(_, declared)| *declared != namespace) {
            self.declare(prefix, std::str::from_utf8(namespace).unwrap_or_default());
            self.declared.push((prefix, namespace));
        }
    }

    fn declare(&mut self, prefix: &[u8], namespace: &str) {
        self.out.extend_from_slice(b" xmlns");
        if !prefix.is_empty() {
            self.out.push(b':');
            self.out.extend_from_slice(prefix);
        }
        self.out.extend_from_slice(b"='");
        escape_attribute(namespace, &mut self.out);
        self.out.push(b'\'');
    }

    /// RFC 6120 §4.7.4: what is taken out of its place keeps the language it was in.
    fn inherit_lang(&mut self, tag: &Tag) {
        let has_lang = tag.attributes.iter().any(|found| found.name.span().of(self.source) == b"xml:lang");
        if let Some(lang) = self.lang.filter(|lang| !has_lang && lang.len() <= LANG_BYTES) {
            self.out.extend_from_slice(b" xml:lang='");
            escape_attribute(lang, &mut self.out);
            self.out.push(b'\'');
        }
    }

    fn resolve(&self, name: QName) -> &'a [u8] {
        let prefix = name.prefix.of(self.source);
        if prefix == b"xml" {
            return XML.as_bytes();
        }
        self.prefixes.iter().rev().find(|(found, _)| *found == prefix).map_or(&[], |(_, namespace)| namespace)
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.prefixes.truncate(open.prefixes);
        self.declared.truncate(open.declared);
        if !open.empty {
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(open.name.of(self.source));
            self.out.push(b'>');
        }
    }

    /// Every `>` is escaped: after a CDATA section it may follow a `]]` that was not of the same run.
    fn text(&mut self, span: Span, kind: TextKind) {
        let raw = span.str(self.source);
        let lines =
            if kind.carriage_return { Cow::Owned(lex::unescape_lines(raw)) } else { Cow::Borrowed(raw) };
        for (number, part) in lines.split('>').enumerate() {
            if number > 0 {
                self.out.extend_from_slice(b"&gt;");
            }
            self.out.extend_from_slice(part.as_bytes());
        }
    }
}

impl Inherited<'_> {
    /// What a stream's root gives to all.
    pub(crate) fn prefixes_of(prefixes: &[(Text, Text)]) -> Vec<(&str, &str)> {
        prefixes.iter().map(|(prefix, name)| (prefix.as_str(), name.as_str())).collect()
    }
}
