//! The scanner: one pass over the bytes, keeping its position when a stanza arrives in pieces.

use bytes::Bytes;

use crate::lex::{Lexed, Stop};
use crate::namespace::Outside;
use crate::skip::Skip;
use crate::walk::Walk;
use crate::{Item, Limits, Refusal, XmlError, build, declaration, name};

/// What the bytes are the content of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One long document: an optional XML declaration, a root start tag, first-level elements, a root end tag
    /// (RFC 6120 §4.2; also one BOSH body, XEP-0124).
    Stream,
    /// Each element is a document of its own (RFC 7395): no root; the content namespace is declared explicitly.
    Documents,
}

/// Turns bytes into [`Item`]s.
///
/// The input is read where it lies; only an incomplete element is copied and held until its rest comes. No byte is
/// read twice, however small the pieces are. After an error every further call gives the same error.
#[derive(Debug)]
pub struct Scanner {
    framing: Framing,
    limits: Limits,
    place: Place,
    /// Not the first stream of the connection.
    restarted: bool,
    outside: Outside,
    root: Vec<u8>,
    /// The begin of what is incomplete.
    held: Vec<u8>,
    walk: Walk,
    skip: Option<Box<Skip>>,
    failed: Option<XmlError>,
}

/// Where in the document the scanner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing but an XML declaration or the root may come; the first is allowed at the very begin only.
    Begin { declaration: bool },
    /// Between first-level elements.
    Inside,
    /// The root was an empty tag: its end is to be told.
    EmptyRoot,
    /// After the root.
    End,
}

/// What lies complete at the begin of the bytes, and its length.
#[derive(Debug)]
enum Found {
    Declaration(usize),
    Root(usize),
    Element(usize),
    RootEnd(usize),
}

impl Scanner {
    /// A scanner at the begin of a stream.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        Self {
            framing,
            limits,
            place: Place::Begin { declaration: true },
            restarted: false,
            outside: match framing {
                Framing::Stream => Outside::stanza(),
                Framing::Documents => Outside::document(),
            },
            root: Vec::new(),
            held: Vec::new(),
            walk: Walk::new(),
            skip: None,
            failed: None,
        }
    }
    /// Changes the limits, e.g. after login. To be called between elements.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }
    /// Back to the begin of a stream (restart after STARTTLS or SASL); forgets unread input (RFC 6120 §5.4.3.3).
    pub fn restart(&mut self) {
        *self = Self { restarted: true, ..Self::new(self.framing, self.limits) };
    }
    /// Reads from `input`, moving its begin past what was taken. `None`: all of `input` was taken and more is needed.
    pub fn scan(&mut self, input: &mut &[u8]) -> Result<Option<Item>, XmlError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.advance(input).inspect_err(|error| {
            self.failed = Some(error.clone());
            self.held = Vec::new();
            self.walk = Walk::new();
            self.skip = None;
        })
    }
    /// Whether the scanner is between elements and holds no buffer.
    pub fn is_idle(&self) -> bool {
        self.held.is_empty() && self.skip.is_none() && self.place != Place::EmptyRoot
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Item>, XmlError> {
        loop {
            if self.place == Place::EmptyRoot {
                self.place = Place::End;
                return Ok(Some(Item::RootEnd));
            }
            if self.skip.is_some() {
                return self.skip(input);
            }
            if self.held.is_empty() {
                self.between(input)?;
            }
            if input.is_empty() {
                return Ok(None);
            }
            if let Some(item) = self.unit(input)? {
                return Ok(Some(item));
            }
        }
    }

    /// Takes white space up to the next `<` (RFC 6120 §11.7).
    fn between(&mut self, input: &mut &[u8]) -> Result<(), XmlError> {
        let spaces = name::run(input, name::SPACE);
        *input = input.get(spaces..).unwrap_or_default();
        if spaces > 0 && self.place == (Place::Begin { declaration: true }) && !self.restarted {
            // XML 1.0 §2.8: an XML declaration stands at the very begin. After a restart white space is what the
            // peer sent behind the last element of the old stream, as go-xmpp does (RFC 6120 §11.7).
            self.place = Place::Begin { declaration: false };
        }
        let Some(first) = input.first().copied().filter(|first| *first != b'<' || self.place == Place::End)
        else {
            return Ok(());
        };
        Err(match (first, self.place) {
            (0x80..=0xc1 | 0xf5.., _) => XmlError::Encoding,
            (..b' ' | b'&', _) => XmlError::NotWellFormed("a character that may not stand here"),
            (_, Place::Inside) => XmlError::BadFormat("character data between stanzas"),
            (_, Place::End) => XmlError::NotWellFormed("something after the root"),
            _ => XmlError::NotWellFormed("character data outside of the root"),
        })
    }

    /// Reads the declaration, tag or element that begins here. `None`: it is not complete, or says nothing.
    fn unit(&mut self, input: &mut &[u8]) -> Result<Option<Item>, XmlError> {
        let before = self.held.len();
        let max = self.limits.element_bytes;
        let piece = input.get(..max.saturating_sub(before).min(input.len())).unwrap_or_default();
        let mut held = std::mem::take(&mut self.held);
        if before > 0 {
            held.extend_from_slice(piece);
        }
        let source = if before > 0 { held.as_slice() } else { piece };
        match self.read(source) {
            Ok(found) => {
                let len = found.len();
                *input = input.get(len.saturating_sub(before)..).unwrap_or_default();
                self.found(found, source)
            }
            Err(Stop::More) if source.len() < max => {
                if before == 0 {
                    held.extend_from_slice(piece);
                }
                *input = input.get(piece.len()..).unwrap_or_default();
                self.held = held;
                Ok(None)
            }
            Err(Stop::More) => self.refuse("a stanza", max, source, before, input),
            Err(Stop::Limit(limit, max)) => self.refuse(limit, max, source, before, input),
            Err(Stop::Fatal(error)) => Err(error),
        }
    }

    fn read(&mut self, source: &[u8]) -> Lexed<Found> {
        match (source.get(1).ok_or(Stop::More)?, self.place) {
            (b'?', Place::Begin { declaration: true }) => declaration::read(source).map(Found::Declaration),
            (_, Place::Begin { .. }) if self.framing == Framing::Stream => {
                let strict = Limits { strict: true, ..self.limits };
                self.walk.read_root(source, &strict).map(Found::Root)
            }
            (b'/', _) if self.framing == Framing::Stream => self.root_end(source).map(Found::RootEnd),
            _ => self.walk.read(source, &self.limits, &self.outside).map(Found::Element),
        }
    }

    /// Reads the root's end tag, which must match its start tag (XML 1.0 §3, WFC: Element Type Match).
    fn root_end(&self, source: &[u8]) -> Lexed<usize> {
        let found = source.get(2..).unwrap_or_default();
        let len = found.len().min(self.root.len());
        if found.get(..len) != self.root.get(..len) {
            return Err(Stop::ill_formed("an end tag that does not match"));
        }
        let rest = found.get(len..).unwrap_or_default();
        let spaces = name::run(rest, name::SPACE);
        match rest.get(spaces) {
            // Reading it anew with each piece is cheap as long as it is short.
            _ if spaces > self.limits.name_bytes => {
                Err(Stop::Limit("white space in a tag", self.limits.name_bytes))
            }
            None => Err(Stop::More),
            Some(b'>') => Ok(2 + len + spaces + 1),
            Some(_) => Err(Stop::ill_formed("an end tag that does not match")),
        }
    }

    fn found(&mut self, found: Found, source: &[u8]) -> Result<Option<Item>, XmlError> {
        match found {
            Found::Declaration(_) => {
                self.place = Place::Begin { declaration: false };
                Ok(None)
            }
            Found::Root(_) => Ok(self.root(source)),
            Found::Element(len) => {
                let item = self.element(source, len);
                self.walk.clear();
                // RFC 7395 §3.3.3: each frame is a document, which may have a declaration.
                self.place = match self.framing {
                    Framing::Stream => Place::Inside,
                    Framing::Documents => Place::Begin { declaration: true },
                };
                item.map(Some)
            }
            Found::RootEnd(_) => {
                self.place = Place::End;
                Ok(Some(Item::RootEnd))
            }
        }
    }

    fn root(&mut self, source: &[u8]) -> Option<Item> {
        let head = self.walk.head.take()?;
        let root = build::root(&head, source);
        self.outside = build::outside(&root);
        self.root = head.name.span().of(source).to_vec();
        self.place = if self.walk.is_empty_tag() { Place::EmptyRoot } else { Place::Inside };
        self.walk.clear();
        Some(Item::Root(root))
    }

    fn element(&mut self, source: &[u8], len: usize) -> Result<Item, XmlError> {
        let source = source.get(..len).unwrap_or_default();
        let max = self.limits.element_bytes;
        let built = match self.walk.refusal {
            Some(reason) => Err(reason),
            None => build::element(&self.walk, &Bytes::copy_from_slice(source), &self.outside, max),
        };
        match (built, &self.walk.head) {
            (Ok(element), _) => Ok(Item::Element(element)),
            (Err(Refusal::Limit(limit, max)), _) if self.limits.strict => {
                Err(XmlError::TooLarge { limit, max })
            }
            (Err(Refusal::Unsupported(why)), _) if self.limits.strict => Err(XmlError::BadFormat(why)),
            (Err(reason), Some(head)) => {
                Ok(Item::Refused(build::refused(head, source, &self.outside, reason)))
            }
            (Err(_), None) => Err(XmlError::NotWellFormed("no start tag")),
        }
    }

    /// A limit was crossed: the end of the stream, or of this element only.
    fn refuse(
        &mut self,
        limit: &'static str,
        max: usize,
        source: &[u8],
        before: usize,
        input: &mut &[u8],
    ) -> Result<Option<Item>, XmlError> {
        let in_element = self.framing == Framing::Documents || self.place == Place::Inside;
        if self.limits.strict || !in_element || source.get(1) == Some(&b'/') {
            return Err(XmlError::TooLarge { limit, max });
        }
        let head = self.walk.head.take().unwrap_or_else(|| self.walk.partial_head(source));
        let refused = build::refused(&head, source, &self.outside, Refusal::Limit(limit, max));
        let resume = self.walk.resume();
        self.walk.clear();
        let mut skip = Skip::new(refused, resume);
        // What is held already is skipped from the begin of the token that was too much.
        let again = source.get(resume.at..before).unwrap_or_default();
        let (_, ended) = skip.skip(again, self.limits.skip_bytes)?;
        if ended {
            return Ok(Some(Item::Refused(skip.refused)));
        }
        *input = input.get(resume.at.saturating_sub(before)..).unwrap_or_default();
        self.skip = Some(Box::new(skip));
        self.skip(input)
    }

    fn skip(&mut self, input: &mut &[u8]) -> Result<Option<Item>, XmlError> {
        let Some(mut skip) = self.skip.take() else { return Ok(None) };
        let (taken, ended) = skip.skip(input, self.limits.skip_bytes)?;
        *input = input.get(taken..).unwrap_or_default();
        if ended {
            return Ok(Some(Item::Refused(skip.refused)));
        }
        self.skip = Some(skip);
        Ok(None)
    }
}

impl Found {
    const fn len(&self) -> usize {
        match self {
            Self::Declaration(len) | Self::Root(len) | Self::Element(len) | Self::RootEnd(len) => *len,
        }
    }
}
