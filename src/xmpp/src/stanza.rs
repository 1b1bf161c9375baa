//! Stanzas: a typed head and verified children.

use waxwing_xml::{Attribute, Children, Element, Text, Tree};

use crate::{Jid, StanzaError};

/// Which stanza, and its type attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 6121 §5.
    Message(MessageType),
    /// RFC 6121 §4.
    Presence(PresenceType),
    /// RFC 6120 §8.2.3.
    Iq(IqType),
}

/// RFC 6121 §5.2.2; an unknown type reads as `Normal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum MessageType {
    Normal,
    Chat,
    Groupchat,
    Headline,
    Error,
}

/// RFC 6121 §4.7.1; no type attribute is `Available`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum PresenceType {
    Available,
    Unavailable,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    Probe,
    Error,
}

/// RFC 6120 §8.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum IqType {
    Get,
    Set,
    Result,
    Error,
}

/// RFC 6121 §4.7.2.1; no `<show/>` is plain availability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum Show {
    Away,
    Chat,
    Dnd,
    Xa,
}

/// A stanza. Cloning is reference counting.
#[derive(Debug, Clone)]
pub struct Stanza {
    /// Message, presence or IQ, with its type.
    pub kind: Kind,
    /// Where it goes.
    pub to: Option<Jid>,
    /// Where it comes from.
    pub from: Option<Jid>,
    /// `id` as sent.
    pub id: Option<Text>,
    /// Effective `xml:lang` (RFC 6120 §4.7.4).
    pub lang: Option<Text>,
    /// Attributes that are none of the above; rare.
    pub extra: Option<Box<Vec<Attribute>>>,
    /// The payload.
    pub children: Children,
}

/// Why an element is no stanza, with what is needed to answer the sender.
#[derive(Debug)]
pub struct ShapeError {
    /// What the sender is told (`bad-request` for a wrong IQ shape, `jid-malformed` for an address).
    pub error: StanzaError,
    /// The stanza as far as it could be read, to reply to; `None` where no reply is allowed (IQ result, any error).
    pub reply_to: Option<Box<Stanza>>,
}

impl Stanza {
    /// Reads a first-level element in the content namespace named message, presence or iq.
    /// `lang`: the stream's default language. The outer `None`: it is another element (nonza or unknown).
    pub fn from_element(_element: Element, _lang: Option<&Text>) -> Option<Result<Self, ShapeError>> {
        todo!()
    }
    /// A message without children.
    pub fn message(_kind: MessageType) -> Self {
        todo!()
    }
    /// A presence without children.
    pub fn presence(_kind: PresenceType) -> Self {
        todo!()
    }
    /// An IQ without children.
    pub fn iq(_kind: IqType, _id: Text) -> Self {
        todo!()
    }
    /// Sets `to`; builder style.
    #[must_use]
    pub fn to(mut self, to: impl Into<Jid>) -> Self {
        self.to = Some(to.into());
        self
    }
    /// Sets `from`; builder style.
    #[must_use]
    pub fn from(mut self, from: impl Into<Jid>) -> Self {
        self.from = Some(from.into());
        self
    }
    /// Appends a child; builder style.
    #[must_use]
    pub fn with(mut self, child: &Tree) -> Self {
        self.children.push(child.to_child());
        self
    }
    /// `message`, `presence` or `iq`.
    pub fn name(&self) -> &'static str {
        todo!()
    }
    /// Whether the type is `error`.
    pub fn is_error(&self) -> bool {
        todo!()
    }
    /// Whether this is an IQ of type get or set.
    pub fn is_request(&self) -> bool {
        todo!()
    }
    /// An empty IQ result to this request: addresses swapped, id kept.
    pub fn result(&self) -> Self {
        todo!()
    }
    /// The error reply to this stanza: addresses swapped, id kept, the children of the original left out.
    /// `None` where none may be sent (RFC 6120 §8.3.1: never answer an error; §8.2.3: nor a result).
    pub fn error_reply(&self, _error: &StanzaError) -> Option<Self> {
        todo!()
    }
    /// RFC 6121 §4.7.2.3 of a presence: an integer between -128 and 127; 0 if absent or not a valid number.
    pub fn priority(&self) -> i8 {
        todo!()
    }
    /// RFC 6121 §4.7.2.1 of a presence.
    pub fn show(&self) -> Option<Show> {
        todo!()
    }
    /// Writes the stanza into `out`. `declare`: the namespace to declare on the head (RFC 7395 and BOSH framing;
    /// `None` on a stream whose default namespace is the content namespace).
    pub fn write(&self, _out: &mut Vec<u8>, _declare: Option<&str>) {
        todo!()
    }
    /// As text, for logs at trace level and tests.
    pub fn to_xml(&self) -> String {
        todo!()
    }
    /// Reads one stanza as text, e.g. in tests or from the store; a declared content namespace is fine.
    pub fn parse(_xml: &str) -> Option<Self> {
        todo!()
    }
}
