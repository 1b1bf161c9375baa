//! Verifies one first-level element while it arrives, and finds its children.

mod scope;

use crate::lex::{self, Lexed, QName, RawAttribute, Span, Stop, Tag, TextKind};
use crate::namespace::{self, Declared, Namespace, Outside};
use crate::{Limits, Refusal, XmlError};

/// Progress in one first-level element. Positions count from the element's `<`.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Everything before is verified.
    at: usize,
    /// Where the `<` of the last tag or section is.
    token: usize,
    state: State,
    tag: Tag,
    open: Vec<Open>,
    /// Elements that stay open.
    base: usize,
    bindings: Vec<Binding>,
    /// The namespaces of the attributes of the tag that is being checked.
    resolved: Vec<Namespace>,
    pub(crate) head: Option<Head>,
    /// Room for the next head's attributes.
    spare: Vec<(RawAttribute, Namespace)>,
    pub(crate) children: Vec<Mark>,
    /// Character data directly inside the element.
    pub(crate) text: Vec<Run>,
    /// The element is well-formed but outside of our subset.
    pub(crate) refusal: Option<Refusal>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Content,
    StartTag,
    EndTag,
    EndTagSpace,
    Cdata,
}

/// Where skipping begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resume {
    /// Open elements.
    pub(crate) depth: usize,
    pub(crate) at: usize,
    /// Inside a CDATA section.
    pub(crate) cdata: bool,
}

/// An element that is open.
#[derive(Debug)]
struct Open {
    name: Span,
    default: Default,
    bindings: usize,
    /// It and all its ancestors are in a content namespace.
    content: bool,
}

/// A default namespace and the depth at which it was declared; 0 is outside.
#[derive(Debug, Clone, Copy)]
struct Default {
    namespace: Namespace,
    depth: usize,
    /// It is a content namespace.
    content: bool,
}

impl Default {
    fn outer(outside: &Outside) -> Self {
        let content = namespace::is_content(outside.default.as_bytes(), outside);
        Self { namespace: Namespace::Default, depth: 0, content }
    }
}

#[derive(Debug, Clone, Copy)]
struct Binding {
    prefix: Span,
    namespace: Span,
    depth: usize,
}

/// The first-level element's own start tag.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) name: QName,
    pub(crate) namespace: Namespace,
    pub(crate) default: Namespace,
    pub(crate) prefixes: Vec<(Span, Span)>,
    pub(crate) attributes: Vec<(RawAttribute, Namespace)>,
    pub(crate) end: usize,
}

/// A child found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) span: Span,
    pub(crate) name: Span,
    pub(crate) namespace: Namespace,
    /// Its bytes mean something else elsewhere, or are not canonical.
    pub(crate) rewrite: bool,
}

/// Character data of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) span: Span,
    pub(crate) kind: TextKind,
    pub(crate) cdata: bool,
}

impl Walk {
    pub(crate) const fn new() -> Self {
        Self {
            at: 0,
            token: 0,
            state: State::Content,
            tag: Tag::new(),
            open: Vec::new(),
            base: 0,
            bindings: Vec::new(),
            resolved: Vec::new(),
            head: None,
            spare: Vec::new(),
            children: Vec::new(),
            text: Vec::new(),
            refusal: None,
        }
    }

    /// Forgets everything; gives back memory that only an unusual element needed.
    pub(crate) fn clear(&mut self) {
        self.at = 0;
        self.token = 0;
        self.state = State::Content;
        self.open.clear();
        self.bindings.clear();
        self.children.clear();
        self.text.clear();
        self.tag.attributes.clear();
        self.open.shrink_to(8);
        self.bindings.shrink_to(2);
        self.children.shrink_to(8);
        self.text.shrink_to(4);
        self.tag.attributes.shrink_to(8);
        self.resolved.clear();
        self.resolved.shrink_to(8);
        if let Some(head) = self.head.take() {
            self.spare = head.attributes;
            self.spare.clear();
            self.spare.shrink_to(8);
        }
        self.refusal = None;
    }

    /// Where to go on if the element is skipped from here.
    pub(crate) fn resume(&self) -> Resume {
        let depth = self.open.len();
        match self.state {
            State::Content => Resume { depth, at: self.at, cdata: false },
            State::StartTag | State::EndTag | State::EndTagSpace => {
                Resume { depth, at: self.token, cdata: false }
            }
            // The `]]` of the end may be read already.
            State::Cdata => Resume { depth, at: self.at.saturating_sub(2), cdata: true },
        }
    }

    /// Reads a first-level start tag only, the root's. Gives its length.
    pub(crate) fn read_root(&mut self, source: &[u8], limits: &Limits) -> Lexed<usize> {
        let outside = Outside::default();
        loop {
            match self.state {
                State::Content => self.content(source)?,
                State::StartTag => {
                    self.start_tag(source, limits, &outside)?;
                    return Ok(self.tag.at);
                }
                _ => return Err(Stop::ill_formed("no start tag at the begin")),
            }
        }
    }

    /// Reads an element as the child of a stanza. Gives its length when it is complete.
    pub(crate) fn read_child(&mut self, source: &[u8], limits: &Limits, outside: &Outside) -> Lexed<usize> {
        if source.first() != Some(&b'<') {
            return Err(Stop::ill_formed("no element"));
        }
        let default = Default::outer(outside);
        self.open.push(Open { name: Span::default(), default, bindings: 0, content: true });
        self.base = 1;
        self.read(source, limits, outside)
    }

    /// Whether the last start tag was `<a/>`.
    pub(crate) const fn is_empty_tag(&self) -> bool {
        self.tag.empty
    }

    /// What is known of the first-level start tag when it could not be read to its end.
    pub(crate) fn partial_head(&self, source: &[u8]) -> Head {
        let name = self.tag.name;
        let attributes = self.tag.complete();
        let is_default =
            |attribute: &&RawAttribute| namespace::declaration(attribute) == Some(Declared::Default);
        let default = attributes
            .iter()
            .find(is_default)
            .map_or(Namespace::Default, |found| Namespace::Inside(found.value));
        let plain = |attribute: &&RawAttribute| attribute.name.prefix.is_empty() && !attribute.declares;
        Head {
            name,
            namespace: if name.prefix.is_empty() { default } else { Namespace::None },
            default,
            prefixes: Vec::new(),
            attributes: attributes.iter().filter(plain).map(|found| (*found, Namespace::None)).collect(),
            end: self.tag.at.min(source.len()),
        }
    }

    /// Reads on in `source`, which begins with the element's `<`. Gives the element's length when it is complete.
    pub(crate) fn read(&mut self, source: &[u8], limits: &Limits, outside: &Outside) -> Lexed<usize> {
        loop {
            match self.state {
                State::Content => self.content(source)?,
                State::Cdata => self.cdata(source)?,
                State::StartTag => {
                    self.start_tag(source, limits, outside)?;
                    self.state = State::Content;
                    if self.tag.empty {
                        self.close();
                    }
                }
                State::EndTag => self.end_tag(source)?,
                State::EndTagSpace => {
                    self.at +=
                        crate::name::run(source.get(self.at..).unwrap_or_default(), crate::name::SPACE);
                    match source.get(self.at) {
                        None => return Err(Stop::More),
                        Some(b'>') => self.at += 1,
                        Some(_) => {
                            return Err(lex::unexpected(source, self.at, "an end tag with more than a name"));
                        }
                    }
                    self.state = State::Content;
                    self.close();
                }
            }
            if self.open.len() <= self.base && matches!(self.state, State::Content) {
                return Ok(self.at);
            }
        }
    }

    fn start_tag(&mut self, source: &[u8], limits: &Limits, outside: &Outside) -> Lexed<()> {
        self.tag.read(source, limits)?;
        if let Some(why) = self.tag.unsupported {
            self.refuse(why, limits)?;
        }
        self.open(source, limits, outside)
    }

    /// Reads character data and looks at what the next `<` begins.
    fn content(&mut self, source: &[u8]) -> Lexed<()> {
        let start = self.at;
        let mut kind = TextKind::default();
        let read = lex::text(source, &mut self.at, &mut kind);
        if self.at > start {
            self.keep_text(Span::new(start, self.at), kind, false);
        }
        read?;
        self.token = self.at;
        match source.get(self.at + 1) {
            None => return Err(Stop::More),
            Some(b'/') => {
                self.at += 2;
                self.state = State::EndTag;
            }
            Some(b'?') => return Err(Stop::restricted("a processing instruction")),
            Some(b'!') => self.markup(source)?,
            Some(_) => {
                self.tag.begin(self.at);
                self.state = State::StartTag;
            }
        }
        Ok(())
    }

    /// `<!`: a CDATA section or something that RFC 6120 §11.1 forbids.
    fn markup(&mut self, source: &[u8]) -> Lexed<()> {
        const CDATA: &[u8] = b"<![CDATA[";
        let found = source.get(self.at..).unwrap_or_default();
        match found.get(2) {
            Some(b'-') => return Err(Stop::restricted("a comment")),
            Some(b'D' | b'E' | b'A' | b'N') => return Err(Stop::restricted("a document type definition")),
            _ => {}
        }
        let len = found.len().min(CDATA.len());
        if found.get(..len) != CDATA.get(..len) {
            return Err(lex::unexpected(source, self.at + 2, "<! without a meaning"));
        }
        if len < CDATA.len() {
            return Err(Stop::More);
        }
        if self.open.is_empty() {
            return Err(Stop::Fatal(XmlError::BadFormat("character data between stanzas")));
        }
        self.at += CDATA.len();
        self.rewrite();
        self.state = State::Cdata;
        Ok(())
    }

    fn cdata(&mut self, source: &[u8]) -> Lexed<()> {
        let start = self.at;
        let read = lex::cdata(source, &mut self.at);
        // The `]]` before the end may have been kept already as content of the section; it is cut again then.
        let end = read.as_ref().map_or(self.at, |end| *end);
        self.keep_text(Span::new(start, end), TextKind { escaped: false, carriage_return: true }, true);
        read?;
        self.state = State::Content;
        Ok(())
    }

    /// Notes direct text, and CR anywhere in a child.
    fn keep_text(&mut self, span: Span, kind: TextKind, cdata: bool) {
        if self.open.len() > 1 {
            if kind.carriage_return {
                self.rewrite();
            }
            return;
        }
        if let Some(last) = self.text.last_mut()
            && last.cdata == cdata
            && (last.span.end == span.start || (cdata && span.end < span.start))
        {
            last.span.end = span.end;
            last.kind.escaped |= kind.escaped;
            last.kind.carriage_return |= kind.carriage_return;
        } else {
            self.text.push(Run { span, kind, cdata });
        }
    }

    fn end_tag(&mut self, source: &[u8]) -> Lexed<()> {
        let Some(open) = self.open.last().filter(|_| self.open.len() > self.base) else {
            return Err(Stop::ill_formed("an end tag without a start tag"));
        };
        let name = open.name.of(source);
        let found = source.get(self.at..).unwrap_or_default();
        let len = found.len().min(name.len());
        if found.get(..len) != name.get(..len) {
            let at = found.iter().zip(name).position(|(found, name)| found != name).unwrap_or(0);
            return Err(lex::unexpected(source, self.at + at, "an end tag that does not match"));
        }
        if len < name.len() {
            return Err(Stop::More);
        }
        self.at += len;
        self.state = State::EndTagSpace;
        Ok(())
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop()
            && !self.open.is_empty()
        {
            self.bindings.truncate(open.bindings);
        }
        if self.open.len() == 1
            && let Some(child) = self.children.last_mut()
        {
            child.span.end = self.at;
        }
    }

    fn refuse(&mut self, why: &'static str, limits: &Limits) -> Lexed<()> {
        if limits.strict {
            return Err(Stop::Fatal(XmlError::BadFormat(why)));
        }
        self.refusal.get_or_insert(Refusal::Unsupported(why));
        Ok(())
    }

    /// Marks the child that is being read for the slow path.
    fn rewrite(&mut self) {
        if self.open.len() > 1
            && let Some(child) = self.children.last_mut()
        {
            child.rewrite = true;
        }
    }
}
