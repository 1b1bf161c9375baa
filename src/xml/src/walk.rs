//! Verifies one first-level element while it arrives, and finds its children.

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

    /// A start tag is complete: namespaces, then what it means for the child it is in.
    fn open(&mut self, source: &[u8], limits: &Limits, outside: &Outside) -> Lexed<()> {
        let depth = self.open.len() + 1;
        if depth > limits.depth {
            return Err(Stop::Limit("the nesting of elements", limits.depth));
        }
        if depth == 2 && self.children.len() >= limits.children {
            return Err(Stop::Limit("the number of children", limits.children));
        }
        self.at = self.tag.at;
        let bindings = self.bindings.len();
        let default = self.declare(source, limits, outside, depth)?;
        let name = self.tag.name;
        let (namespace, declared) = self.resolve_element(name, default, source, outside)?;
        if namespace == Namespace::Xml {
            self.refuse("an element in the namespace of xml:lang", limits)?;
        }
        let is_content = if name.prefix.is_empty() {
            default.content
        } else {
            namespace::is_content(namespace.bytes(source, outside), outside)
        };
        let parent_content = depth == 2 || self.open.last().is_none_or(|open| open.content);
        let content = is_content && parent_content;
        self.open.push(Open { name: name.span(), default, bindings, content });
        if depth == 1 {
            return self.open_head(namespace, default.namespace, source, limits, outside);
        }
        if depth == 2 {
            let span = Span::new(self.tag.start, 0);
            self.children.push(Mark { span, name: name.local, namespace, rewrite: false });
        }
        // Content elements are written without prefix and declaration, all others with a declaration inside the
        // child: everything else means something else in another place.
        let fits = if content { name.prefix.is_empty() && declared < 2 } else { declared >= 2 };
        let outer_attribute = self.check_attributes(source, limits, outside, |_, _| {})?;
        if !fits || outer_attribute || self.tag.attributes.iter().any(|attribute| attribute.spaced) {
            self.rewrite();
        }
        Ok(())
    }

    fn open_head(
        &mut self,
        namespace: Namespace,
        default: Namespace,
        source: &[u8],
        limits: &Limits,
        outside: &Outside,
    ) -> Lexed<()> {
        let mut attributes = std::mem::take(&mut self.spare);
        self.check_attributes(source, limits, outside, |attribute, namespace| {
            attributes.push((attribute, namespace))
        })?;
        let prefixes = self.bindings.iter().map(|binding| (binding.prefix, binding.namespace)).collect();
        self.head =
            Some(Head { name: self.tag.name, namespace, default, prefixes, attributes, end: self.tag.at });
        Ok(())
    }

    /// Takes the tag's namespace declarations into scope.
    fn declare(&mut self, source: &[u8], limits: &Limits, outside: &Outside, depth: usize) -> Lexed<Default> {
        let mut default = match self.open.last() {
            Some(open) => open.default,
            None => Default::outer(outside),
        };
        let mut unsupported = None;
        for attribute in &self.tag.attributes {
            let Some(declared) = namespace::declaration(attribute) else { continue };
            let name = attribute.value.of(source);
            if let Some(why) = namespace::misdeclared(declared, name, source) {
                return Err(Stop::ill_formed(why));
            }
            if attribute.escaped || attribute.spaced || !namespace::is_plain_uri(name) {
                unsupported = Some("a namespace name that is not a plain URI");
            }
            match declared {
                Declared::Default => {
                    let namespace =
                        if name.is_empty() { Namespace::None } else { Namespace::Inside(attribute.value) };
                    default = Default { namespace, depth, content: namespace::is_content(name, outside) };
                }
                Declared::Prefix(prefix) => {
                    // Looking up a prefix costs time by their number.
                    if self.bindings.len() >= limits.attributes {
                        return Err(Stop::Limit("the number of prefixes", limits.attributes));
                    }
                    self.bindings.push(Binding { prefix, namespace: attribute.value, depth });
                }
            }
        }
        if let Some(why) = unsupported {
            self.refuse(why, limits)?;
        }
        Ok(default)
    }

    /// The element's namespace and the depth at which it was declared.
    fn resolve_element(
        &self,
        name: QName,
        default: Default,
        source: &[u8],
        outside: &Outside,
    ) -> Lexed<(Namespace, usize)> {
        if name.prefix.is_empty() {
            return Ok((default.namespace, default.depth));
        }
        self.resolve(name.prefix, source, outside)
    }

    fn resolve(&self, prefix: Span, source: &[u8], outside: &Outside) -> Lexed<(Namespace, usize)> {
        let name = prefix.of(source);
        if name == b"xml" {
            return Ok((Namespace::Xml, usize::MAX));
        }
        if let Some(found) = self.bindings.iter().rev().find(|binding| binding.prefix.of(source) == name) {
            return Ok((Namespace::Inside(found.namespace), found.depth));
        }
        let found = outside.prefixes.iter().rposition(|(prefix, _)| prefix.as_bytes() == name);
        found
            .map(|number| (Namespace::Prefix(number), 0))
            .ok_or(Stop::ill_formed("a prefix that is not declared"))
    }

    /// Checks the tag's attributes: each name once, each prefix declared. True if one needs what is declared
    /// outside of the child. `each` gets all but the declarations.
    fn check_attributes(
        &mut self,
        source: &[u8],
        limits: &Limits,
        outside: &Outside,
        mut each: impl FnMut(RawAttribute, Namespace),
    ) -> Lexed<bool> {
        let mut outer = false;
        let mut xml_id = false;
        for (number, attribute) in self.tag.attributes.iter().enumerate() {
            let name = attribute.name;
            let before = self.tag.attributes.get(..number).unwrap_or_default();
            // XML 1.0 §3.1, WFC: Unique Att Spec
            if before.iter().any(|other| other.name.span().of(source) == name.span().of(source)) {
                return Err(Stop::ill_formed("an attribute twice"));
            }
            if attribute.declares {
                continue;
            }
            if name.prefix.is_empty() {
                each(*attribute, Namespace::None);
                continue;
            }
            let (namespace, depth) = self.resolve(name.prefix, source, outside)?;
            outer |= depth < 2;
            xml_id |= namespace == Namespace::Xml && name.local.of(source) == b"id";
            self.check_unique(before, name, namespace, source, outside)?;
            each(*attribute, namespace);
        }
        if xml_id {
            self.refuse("xml:id, which parsers treat differently", limits)?;
        }
        Ok(outer)
    }

    /// Namespaces in XML §6.3: no two attributes with the same expanded name.
    fn check_unique(
        &self,
        before: &[RawAttribute],
        name: QName,
        namespace: Namespace,
        source: &[u8],
        outside: &Outside,
    ) -> Lexed<()> {
        for other in before.iter().filter(|other| other.name.local.of(source) == name.local.of(source)) {
            if other.name.prefix.is_empty() || other.declares {
                continue;
            }
            let (found, _) = self.resolve(other.name.prefix, source, outside)?;
            if found.bytes(source, outside) == namespace.bytes(source, outside) {
                return Err(Stop::ill_formed("an attribute twice by its expanded name"));
            }
        }
        Ok(())
    }
}
