//! From a scanned element to a stanza.

use waxwing_xml::{Attribute, CONTENT, Element, Framing, Item, Limits, Refused, Scanner, Text};

use super::{IqType, Kind, MessageType, PresenceType, Stanza};
use crate::{Condition, Jid, JidError, StanzaError, ns};

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
    ///
    /// Text directly inside the element is dropped: no stanza has mixed content (RFC 6120 §8.4).
    pub fn from_element(element: Element, lang: Option<&Text>) -> Option<Result<Self, ShapeError>> {
        let Element { name, namespace, attributes, children, .. } = element;
        let (mut stanza, fault) = read_head(name.as_str(), namespace.as_str(), attributes, lang)?;
        stanza.children = children;
        // Only a well-read head tells which children there may be.
        Some(match fault.or_else(|| stanza.wrong_children()) {
            Some(error) => Err(stanza.refuse(error)),
            None => Ok(stanza),
        })
    }

    /// What there is to answer when the scanner has refused the element (design §3): the error of the refusal and
    /// the head as far as it could be read. `None` if it was no stanza.
    pub fn from_refused(refused: Refused, lang: Option<&Text>) -> Option<ShapeError> {
        let Refused { name, namespace, attributes, reason } = refused;
        let (stanza, _) = read_head(name.as_str(), namespace.as_str(), attributes, lang)?;
        Some(stanza.refuse(reason.into()))
    }

    /// Reads one stanza as text, e.g. in tests or from the store; a declared content namespace is fine.
    pub fn parse(xml: &str) -> Option<Self> {
        Self::from_store_bytes(xml.as_bytes())
    }

    /// Reads what [`Stanza::to_store_bytes`] wrote. The bytes are scanned again in full: `None` if they are not
    /// one stanza and nothing else.
    pub fn from_store_bytes(bytes: &[u8]) -> Option<Self> {
        let mut scanner = Scanner::new(Framing::Stream, UNLIMITED);
        let Ok(Some(Item::Root(_))) = scanner.scan(&mut &HEADER[..]) else { return None };
        let mut rest = bytes;
        let Ok(Some(Item::Element(element))) = scanner.scan(&mut rest) else { return None };
        rest.trim_ascii().is_empty().then_some(())?;
        Self::from_element(element, None)?.ok()
    }

    fn refuse(self, error: StanzaError) -> ShapeError {
        let reply_to = self.kind.of_error_reply().is_some().then(|| Box::new(self));
        ShapeError { error, reply_to }
    }

    /// RFC 6120 §8.2.3 rules 5 and 6.
    fn wrong_children(&self) -> Option<StanzaError> {
        match (self.kind, self.children.len()) {
            (Kind::Iq(IqType::Get | IqType::Set), count) if count != 1 => {
                Some(StanzaError::bad_request("an IQ of type get or set has exactly one child"))
            }
            (Kind::Iq(IqType::Result), count) if count > 1 => {
                Some(StanzaError::bad_request("an IQ of type result has at most one child"))
            }
            _ => None,
        }
    }
}

/// A stream header for a stanza by itself.
const HEADER: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// What we wrote ourselves was within the limits when it came in and has grown only by what we added.
const UNLIMITED: Limits = Limits {
    element_bytes: 1 << 28,
    skip_bytes: 0,
    depth: 4096,
    attributes: 4096,
    name_bytes: 1 << 16,
    attribute_bytes: 1 << 28,
    children: 1 << 16,
    strict: true,
};

/// The head and the first thing that is wrong with it; `None` if the element is no stanza.
fn read_head(
    name: &str,
    namespace: &str,
    attributes: impl IntoIterator<Item = Attribute>,
    lang: Option<&Text>,
) -> Option<(Stanza, Option<StanzaError>)> {
    // The type is not read yet: these kinds are where an unknown one stays, so that it can be answered.
    let kind = match name {
        _ if namespace != CONTENT => return None,
        "message" => Kind::Message(MessageType::Normal),
        "presence" => Kind::Presence(PresenceType::Available),
        "iq" => Kind::Iq(IqType::Get),
        _ => return None,
    };
    let mut stanza = Stanza { lang: lang.cloned(), ..Stanza::new(kind) };
    let (mut kind, mut fault) = (None, None);
    for attribute in attributes {
        match (attribute.namespace.as_str(), attribute.name.as_str()) {
            ("", "to") => stanza.to = address(attribute.value.as_str(), &mut fault),
            ("", "from") => stanza.from = address(attribute.value.as_str(), &mut fault),
            ("", "id") => stanza.id = Some(attribute.value),
            ("", "type") => kind = Some(attribute.value),
            // RFC 6120 §8.1.5: the own language wins and is not changed, an empty one included.
            (ns::XML, "lang") => stanza.lang = Some(attribute.value),
            _ => stanza.extra.get_or_insert_default().push(attribute),
        }
    }
    let fault = read_type(&mut stanza, kind.as_ref().map(Text::as_str)).or(fault);
    Some((stanza, fault))
}

/// RFC 7622 §4: a server refuses what is no address. The first fault is the one that the sender is told.
fn address(text: &str, fault: &mut Option<StanzaError>) -> Option<Jid> {
    match Jid::parse(text) {
        Ok(jid) => Some(jid),
        Err(JidError(reason)) => {
            fault.get_or_insert_with(|| StanzaError::new(Condition::JidMalformed).text(reason));
            None
        }
    }
}

fn read_type(stanza: &mut Stanza, name: Option<&str>) -> Option<StanzaError> {
    match stanza.kind {
        Kind::Message(_) => stanza.kind = Kind::Message(MessageType::read(name)),
        Kind::Presence(_) => match PresenceType::read(name) {
            Some(kind) => stanza.kind = Kind::Presence(kind),
            // RFC 6121 §4.7.1.
            None => return Some(StanzaError::bad_request("unknown type of presence")),
        },
        Kind::Iq(_) => match IqType::read(name) {
            Some(kind) => stanza.kind = Kind::Iq(kind),
            // RFC 6120 §8.2.3 rule 2.
            None => return Some(StanzaError::bad_request("an IQ has a type: get, set, result or error")),
        },
    }
    // RFC 6120 §8.2.3 rule 1.
    (matches!(stanza.kind, Kind::Iq(_)) && stanza.id.is_none())
        .then(|| StanzaError::bad_request("an IQ has an id"))
}
