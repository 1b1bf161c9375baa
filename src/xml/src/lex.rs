//! Tags and character data as bytes, without namespaces. Every function can stop at any byte and go on later.

use crate::name::{self, NAME, NAME_START, SPACE, TEXT, VALUE};
use crate::{Limits, XmlError};

/// The result of reading a piece.
pub(crate) type Lexed<T> = Result<T, Stop>;

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The input ends here; come again with more of it.
    More,
    /// The stream is at its end.
    Fatal(XmlError),
    /// A limit (words, value) was crossed: skip the element or end the stream.
    Limit(&'static str, usize),
}

impl Stop {
    pub(crate) const fn ill_formed(why: &'static str) -> Self {
        Self::Fatal(XmlError::NotWellFormed(why))
    }
    pub(crate) const fn restricted(what: &'static str) -> Self {
        Self::Fatal(XmlError::Restricted(what))
    }
}

/// A range of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
    pub(crate) fn of(self, source: &[u8]) -> &[u8] {
        source.get(self.start..self.end).unwrap_or_default()
    }
    /// The bytes as text; they were verified to be UTF-8 before.
    pub(crate) fn str(self, source: &[u8]) -> &str {
        std::str::from_utf8(self.of(source)).unwrap_or_default()
    }
    pub(crate) const fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A name as written, `prefix:local` or `local`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct QName {
    pub(crate) prefix: Span,
    pub(crate) local: Span,
}

impl QName {
    /// The whole of it.
    pub(crate) const fn span(self) -> Span {
        if self.prefix.is_empty() { self.local } else { Span::new(self.prefix.start, self.local.end) }
    }
}

/// An attribute as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawAttribute {
    pub(crate) name: QName,
    /// Between the quotes.
    pub(crate) value: Span,
    /// It is a namespace declaration.
    pub(crate) declares: bool,
    /// Holds a reference.
    pub(crate) escaped: bool,
    /// Holds a tab, LF or CR, which attribute-value normalisation turns into a space.
    pub(crate) spaced: bool,
}

/// A start tag, being read or read.
#[derive(Debug)]
pub(crate) struct Tag {
    /// Where its `<` is.
    pub(crate) start: usize,
    /// The next byte to read; past the `>` in the end.
    pub(crate) at: usize,
    pub(crate) name: QName,
    pub(crate) attributes: Vec<RawAttribute>,
    /// `<a/>`.
    pub(crate) empty: bool,
    /// Why the tag is outside of our subset although it is well-formed.
    pub(crate) unsupported: Option<&'static str>,
    stage: Stage,
    quote: u8,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Name,
    /// After a name or value: white space must come before an attribute.
    Gap,
    /// White space was seen.
    Attribute,
    Equals,
    Quote,
    Value,
    /// `>` of `/>`.
    Close,
}

impl Tag {
    pub(crate) const fn new() -> Self {
        Self {
            start: 0,
            at: 0,
            name: QName { prefix: Span::new(0, 0), local: Span::new(0, 0) },
            attributes: Vec::new(),
            empty: false,
            unsupported: None,
            stage: Stage::Name,
            quote: 0,
        }
    }

    /// Begins with the tag whose `<` is at `start`.
    pub(crate) fn begin(&mut self, start: usize) {
        self.start = start;
        self.at = start + 1;
        self.name = QName::default();
        self.attributes.clear();
        self.empty = false;
        self.unsupported = None;
        self.stage = Stage::Name;
    }

    /// Reads on to the `>`.
    pub(crate) fn read(&mut self, source: &[u8], limits: &Limits) -> Lexed<()> {
        loop {
            match self.stage {
                Stage::Name => {
                    self.name = self.qname(source, limits)?;
                    self.stage = Stage::Gap;
                }
                Stage::Gap | Stage::Attribute => {
                    if self.attribute(source, limits)? {
                        return Ok(());
                    }
                }
                Stage::Equals => {
                    self.spaces(source);
                    self.expect(source, b'=', "an attribute without value")?;
                    self.stage = Stage::Quote;
                }
                Stage::Quote => {
                    self.spaces(source);
                    self.quote = self.byte(source)?;
                    if self.quote != b'"' && self.quote != b'\'' {
                        return Err(Stop::ill_formed("an attribute value without quotes"));
                    }
                    self.at += 1;
                    if let Some(attribute) = self.attributes.last_mut() {
                        attribute.value = Span::new(self.at, self.at);
                    }
                    self.stage = Stage::Value;
                }
                Stage::Value => {
                    self.value(source, limits)?;
                    self.stage = Stage::Gap;
                }
                Stage::Close => {
                    self.expect(source, b'>', "/ without >")?;
                    self.empty = true;
                    return Ok(());
                }
            }
        }
    }

    /// The attributes read to their closing quote.
    pub(crate) fn complete(&self) -> &[RawAttribute] {
        match self.stage {
            Stage::Equals | Stage::Quote | Stage::Value => {
                self.attributes.split_last().map_or(&[], |(_, complete)| complete)
            }
            _ => &self.attributes,
        }
    }

    fn byte(&self, source: &[u8]) -> Lexed<u8> {
        source.get(self.at).copied().ok_or(Stop::More)
    }

    fn expect(&mut self, source: &[u8], byte: u8, otherwise: &'static str) -> Lexed<()> {
        if self.byte(source)? != byte {
            return Err(unexpected(source, self.at, otherwise));
        }
        self.at += 1;
        Ok(())
    }

    fn spaces(&mut self, source: &[u8]) {
        self.at += name::run(source.get(self.at..).unwrap_or_default(), SPACE);
    }

    /// Reads up to the name of the next attribute; true at the end of the tag.
    fn attribute(&mut self, source: &[u8], limits: &Limits) -> Lexed<bool> {
        let before = self.at;
        self.spaces(source);
        if self.at > before {
            self.stage = Stage::Attribute;
        }
        match self.byte(source)? {
            b'>' => {
                self.at += 1;
                Ok(true)
            }
            b'/' => {
                self.at += 1;
                self.stage = Stage::Close;
                Ok(false)
            }
            // XML 1.0 §3.1: STag ::= '<' Name (S Attribute)* S? '>'
            _ if matches!(self.stage, Stage::Gap) => {
                Err(unexpected(source, self.at, "an attribute without white space before it"))
            }
            _ => {
                let name = self.qname(source, limits)?;
                if self.attributes.len() >= limits.attributes {
                    return Err(Stop::Limit("the number of attributes", limits.attributes));
                }
                let value = Span::default();
                let first = if name.prefix.is_empty() { name.local } else { name.prefix };
                let declares = first.of(source) == b"xmlns";
                self.attributes.push(RawAttribute { name, value, declares, escaped: false, spaced: false });
                self.stage = Stage::Equals;
                self.plain_equals(source);
                Ok(false)
            }
        }
    }

    /// Takes `="` if it stands here without white space, as it nearly always does.
    fn plain_equals(&mut self, source: &[u8]) {
        if let Some([b'=', quote @ (b'"' | b'\'')]) = source.get(self.at..self.at + 2) {
            self.at += 2;
            self.quote = *quote;
            if let Some(attribute) = self.attributes.last_mut() {
                attribute.value = Span::new(self.at, self.at);
            }
            self.stage = Stage::Value;
        }
    }

    /// Reads a qualified name; `at` stays where it is until the name is complete.
    fn qname(&mut self, source: &[u8], limits: &Limits) -> Lexed<QName> {
        let start = self.at;
        if let Some(local) = plain_name(source, start, limits.name_bytes) {
            self.at = local.end;
            return Ok(QName { prefix: Span::new(start, start), local });
        }
        let first = self.ncname(source, start, limits)?;
        let mut name = QName { prefix: Span::new(start, start), local: first };
        if source.get(first.end) == Some(&b':') {
            let local = self.ncname(source, first.end + 1, limits)?;
            name = QName { prefix: first, local };
            // Namespaces in XML §7: a qualified name has one colon at most.
            if source.get(local.end) == Some(&b':') {
                return Err(Stop::ill_formed("a name with two colons"));
            }
        }
        self.at = name.local.end;
        Ok(name)
    }

    fn ncname(&mut self, source: &[u8], start: usize, limits: &Limits) -> Lexed<Span> {
        let first = *source.get(start).ok_or(Stop::More)?;
        if first < 0x80 && !name::is(first, NAME_START) {
            return Err(Stop::ill_formed("no name where one must be"));
        }
        let mut at = start;
        loop {
            at += name::run(source.get(at..).unwrap_or_default(), NAME);
            if at - self.at > limits.name_bytes {
                return Err(Stop::Limit("a name", limits.name_bytes));
            }
            let rest = source.get(at..).unwrap_or_default();
            if *rest.first().ok_or(Stop::More)? < 0x80 {
                return Ok(Span::new(start, at));
            }
            let (char, len) = name::character(rest)?;
            let fits = if at == start { name::is_name_start(char) } else { name::is_name_char(char) };
            if !fits {
                return Err(Stop::ill_formed("a character that may not stand in a name"));
            }
            // Legal, but expat knows the name characters of the fourth edition only.
            self.unsupported = self.unsupported.or(Some("a name that is not ASCII"));
            at += len;
        }
    }

    /// Reads an attribute value to its closing quote.
    fn value(&mut self, source: &[u8], limits: &Limits) -> Lexed<()> {
        let Some(attribute) = self.attributes.last_mut() else { return Ok(()) };
        let start = attribute.value.start;
        loop {
            let rest = source.get(self.at..).unwrap_or_default();
            self.at += name::long_run(rest, VALUE);
            if self.at - start > limits.attribute_bytes {
                return Err(Stop::Limit("an attribute value", limits.attribute_bytes));
            }
            let rest = source.get(self.at..).unwrap_or_default();
            match *rest.first().ok_or(Stop::More)? {
                byte if byte == self.quote => {
                    attribute.value.end = self.at;
                    self.at += 1;
                    return Ok(());
                }
                b'"' | b'\'' => self.at += 1,
                b'&' => {
                    self.at += name::reference(rest)?;
                    attribute.escaped = true;
                }
                b'\t' | b'\n' | b'\r' => {
                    self.at += 1;
                    attribute.spaced = true;
                }
                0x80.. => self.at += name::character(rest)?.1,
                // XML 1.0 §3.1, WFC: No < in Attribute Values
                b'<' => return Err(Stop::ill_formed("< in an attribute value")),
                _ => return Err(Stop::ill_formed("a character that XML forbids")),
            }
        }
    }
}

/// A complete name of ASCII without a prefix, if it is one, as nearly all are.
fn plain_name(source: &[u8], start: usize, max: usize) -> Option<Span> {
    let rest = source.get(start..)?;
    let len = name::run(rest, NAME);
    let next = *rest.get(len)?;
    let plain = len <= max && next < 0x80 && next != b':' && name::is(*rest.first()?, NAME_START);
    plain.then(|| Span::new(start, start + len))
}

/// What to say of a byte that does not fit: bytes that are not UTF-8 are that first.
pub(crate) fn unexpected(source: &[u8], at: usize, otherwise: &'static str) -> Stop {
    let rest = source.get(at..).unwrap_or_default();
    match rest.first() {
        Some(0x80..) => match name::character(rest) {
            Err(stop) => stop,
            Ok(_) => Stop::ill_formed(otherwise),
        },
        _ => Stop::ill_formed(otherwise),
    }
}

/// What stands in a run of character data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TextKind {
    /// Holds a reference.
    pub(crate) escaped: bool,
    /// Holds a CR, which end-of-line handling turns into LF (XML 1.0 §2.11).
    pub(crate) carriage_return: bool,
}

/// Reads character data from `at` to the next `<`, which must come. `at` is always past what was verified.
pub(crate) fn text(source: &[u8], at: &mut usize, kind: &mut TextKind) -> Lexed<()> {
    loop {
        *at += name::long_run(source.get(*at..).unwrap_or_default(), TEXT);
        let rest = source.get(*at..).unwrap_or_default();
        match rest.first().ok_or(Stop::More)? {
            b'<' => return Ok(()),
            b'&' => {
                *at += name::reference(rest)?;
                kind.escaped = true;
            }
            b'>' => {
                // XML 1.0 §2.4: "]]>" must not stand in content.
                if ends_cdata(source, *at) {
                    return Err(Stop::ill_formed("]]> in character data"));
                }
                *at += 1;
            }
            b'\r' => {
                *at += 1;
                kind.carriage_return = true;
            }
            0x80.. => *at += name::character(rest)?.1,
            _ => return Err(Stop::ill_formed("a character that XML forbids")),
        }
    }
}

/// Reads a CDATA section's content from `at` to past its `]]>`; gives where the content ended.
pub(crate) fn cdata(source: &[u8], at: &mut usize) -> Lexed<usize> {
    loop {
        *at += name::long_run(source.get(*at..).unwrap_or_default(), TEXT);
        let rest = source.get(*at..).unwrap_or_default();
        match rest.first().ok_or(Stop::More)? {
            b'>' if ends_cdata(source, *at) => {
                *at += 1;
                return Ok(*at - 3);
            }
            b'<' | b'&' | b'>' | b'\r' => *at += 1,
            0x80.. => *at += name::character(rest)?.1,
            _ => return Err(Stop::ill_formed("a character that XML forbids")),
        }
    }
}

/// Whether the `>` at `at` follows `]]`. What comes before any run of character data ends with `>`, `;` or `[`,
/// so the two bytes are always of the same run.
fn ends_cdata(source: &[u8], at: usize) -> bool {
    source.get(at.saturating_sub(2)..at) == Some(b"]]")
}

/// Resolves references and white space in an attribute value (XML 1.0 §3.3.3, CDATA type).
pub(crate) fn unescape_value(raw: &str) -> String {
    unescape(raw, |char| if matches!(char, '\t' | '\n') { ' ' } else { char })
}

/// Resolves references and line ends in character data (XML 1.0 §2.11).
pub(crate) fn unescape_text(raw: &str) -> String {
    unescape(raw, |char| char)
}

fn unescape(raw: &str, map: impl Fn(char) -> char) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(char) = rest.chars().next() {
        let mut len = char.len_utf8();
        match char {
            '&' => {
                len = rest.find(';').map_or(rest.len(), |at| at + 1);
                out.extend(rest.get(..len).and_then(|reference| name::resolve(reference.as_bytes())));
            }
            '\r' => {
                out.push(map('\n'));
                if rest.as_bytes().get(1) == Some(&b'\n') {
                    len = 2;
                }
            }
            char => out.push(map(char)),
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    out
}

/// End-of-line handling alone (XML 1.0 §2.11): CRLF and CR become LF.
pub(crate) fn unescape_lines(raw: &str) -> String {
    raw.replace("\r\n", "\n").replace('\r', "\n")
}
