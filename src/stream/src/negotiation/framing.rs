//! How a stream looks on the wire.

use std::fmt;

use waxwing_xml::{Element, Framing, Item, Refused};
use waxwing_xmpp::{Stanza, StreamError};

use super::Opening;

/// Where bytes go. A byte stream has no ends; a transport of messages learns where each of them ends.
pub trait Sink {
    /// Where to append.
    fn bytes(&mut self) -> &mut Vec<u8>;
    /// One document is complete.
    fn end_document(&mut self);
}

impl Sink for Vec<u8> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self
    }
    fn end_document(&mut self) {}
}

/// An item of the scanner as the framing understands it.
#[derive(Debug)]
pub enum Framed {
    /// A stream begins.
    Open(Opening),
    /// A first-level element.
    Element(Element),
    /// One that the scanner has refused.
    Refused(Refused),
    /// The stream ends.
    Close,
}

/// What we say in our header.
#[derive(Debug, Clone, Copy)]
pub struct ServerHeader<'a> {
    /// Our host; empty if the client named none that we know (RFC 6120 §4.9.1.3).
    pub from: &'a str,
    /// The bare JID that the client named itself.
    pub to: Option<&'a str>,
    /// Unpredictable.
    pub id: &'a str,
    /// False for a client that named no version (RFC 6120 §4.7.5 rule 4).
    pub version: bool,
}

/// How headers, features, stanzas and the end of a stream are written, and what starts and ends one.
pub trait StreamFraming: fmt::Debug + Send + Sync {
    /// How the scanner must read.
    fn scanner(&self) -> Framing;
    /// Understands an item.
    fn read(&self, item: Item) -> Framed;
    /// Our header.
    fn open(&self, header: ServerHeader<'_>, out: &mut dyn Sink);
    /// `<stream:features/>` with these elements, each of which declares its namespace.
    fn features(&self, elements: &[Vec<u8>], out: &mut dyn Sink);
    /// An element that declares its namespace.
    fn nonza(&self, element: &[u8], out: &mut dyn Sink);
    /// A stanza.
    fn stanza(&self, stanza: &Stanza, out: &mut dyn Sink);
    /// `<stream:error/>`.
    fn error(&self, error: &StreamError, out: &mut dyn Sink);
    /// The end of our stream.
    fn close(&self, out: &mut dyn Sink);
}
