//! Stanzas: a typed head and verified children.

use waxwing_xml::{Attribute, CONTENT, Child, Children, Text, Tree};

use crate::datetime::Timestamp;
use crate::{Jid, StanzaError, ns};

mod kind;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use kind::{IqType, Kind, MessageType, PresenceType, Show};
pub use read::ShapeError;

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

impl Stanza {
    fn new(kind: Kind) -> Self {
        Self { kind, to: None, from: None, id: None, lang: None, extra: None, children: Children::new() }
    }
    /// A message without children.
    pub fn message(kind: MessageType) -> Self {
        Self::new(Kind::Message(kind))
    }
    /// A presence without children.
    pub fn presence(kind: PresenceType) -> Self {
        Self::new(Kind::Presence(kind))
    }
    /// An IQ without children.
    pub fn iq(kind: IqType, id: Text) -> Self {
        Self { id: Some(id), ..Self::new(Kind::Iq(kind)) }
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
    /// Sets `id`; builder style.
    #[must_use]
    pub fn id(mut self, id: Text) -> Self {
        self.id = Some(id);
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
        self.kind.name()
    }
    /// Whether the type is `error`.
    pub fn is_error(&self) -> bool {
        self.kind.is_error()
    }
    /// Whether this is an IQ of type get or set.
    pub fn is_request(&self) -> bool {
        matches!(self.kind, Kind::Iq(IqType::Get | IqType::Set))
    }
    /// The child that says what an IQ is about (RFC 6120 §8.2.3): its first one. `None` for message and presence.
    pub fn payload(&self) -> Option<&Child> {
        self.children.iter().next().filter(|_| matches!(self.kind, Kind::Iq(_)))
    }
    /// Whether there is a `<body/>` (RFC 6121 §5.2.3).
    pub fn has_body(&self) -> bool {
        self.children.find(CONTENT, "body").is_some()
    }
    /// An empty IQ result to this request: addresses swapped, id kept.
    pub fn result(&self) -> Self {
        let id = self.id.clone().unwrap_or_default();
        Self { to: self.from.clone(), from: self.to.clone(), ..Self::iq(IqType::Result, id) }
    }
    /// The error reply to this stanza: addresses swapped, id kept, the children of the original left out.
    /// `None` where none may be sent (RFC 6120 §8.3.1: never answer an error; §8.2.3: nor a result).
    pub fn error_reply(&self, error: &StanzaError) -> Option<Self> {
        let kind = self.kind.of_error_reply()?;
        // RFC 6120 §8.3.1 rule 3: the id of an IQ error is empty if the request had none.
        let id = match kind {
            Kind::Iq(_) => Some(self.id.clone().unwrap_or_default()),
            _ => self.id.clone(),
        };
        let reply = Self { to: self.from.clone(), from: self.to.clone(), id, ..Self::new(kind) };
        Some(reply.with(&error.to_tree()))
    }
    /// The error that a stanza of type `error` reports; `undefined-condition` if it says none.
    pub fn error(&self) -> Option<StanzaError> {
        if !self.is_error() {
            return None;
        }
        let tree = self.children.find(CONTENT, "error").map(Child::tree);
        Some(StanzaError::from_tree(&tree.unwrap_or_else(|| Tree::new(CONTENT, "error"))))
    }
    /// RFC 6121 §4.7.2.3 of a presence: an integer between -128 and 127; 0 if absent or not a valid number.
    pub fn priority(&self) -> i8 {
        self.content_text("priority").and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
    /// RFC 6121 §4.7.2.1 of a presence.
    ///
    /// `None` for one that the RFC does not know: plain availability, as without the element.
    pub fn show(&self) -> Option<Show> {
        Show::from_name(self.content_text("show")?.trim())
    }
    fn content_text(&self, name: &str) -> Option<String> {
        self.children.find(CONTENT, name).map(|child| child.tree().text())
    }
}

/// The note that a stanza comes late ([XEP-0203 §2](https://xmpp.org/extensions/xep-0203.html#protocol)), from
/// whoever delayed it, with the time at which it was sent.
pub fn delay(from: &Jid, stamp: Timestamp, reason: Option<&str>) -> Tree {
    let delay =
        Tree::new(ns::DELAY, "delay").with_attr("from", from.as_str()).with_attr("stamp", stamp.to_rfc3339());
    match reason {
        Some(reason) => delay.with_text(reason),
        None => delay,
    }
}
