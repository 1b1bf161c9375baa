//! One document per frame, in the manner of [RFC 7395](https://www.rfc-editor.org/rfc/rfc7395): `<open/>` and `<close/>`
//! in place of a root element. Here without a socket; it proves that the machine does not depend on TCP's framing.

use waxwing_xml::{Element, Framing, Item};
use waxwing_xmpp::{Stanza, StreamError, ns};

use super::header::{attribute_opening, empty_opening};
use super::tcp::{attribute, attributes};
use super::{Framed, ServerHeader, Sink, StreamFraming};

/// The framing of RFC 7395.
#[derive(Debug, Clone, Copy)]
pub struct Documents;

/// Collects frames.
#[derive(Debug, Default)]
pub struct Frames {
    current: Vec<u8>,
    complete: Vec<Vec<u8>>,
}

impl Frames {
    /// The complete frames so far; they are taken out.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.complete)
    }
}

impl Sink for Frames {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.current
    }
    fn end_document(&mut self) {
        self.complete.push(std::mem::take(&mut self.current));
    }
}

impl StreamFraming for Documents {
    fn scanner(&self) -> Framing {
        Framing::Documents
    }

    fn read(&self, item: Item) -> Framed {
        match item {
            Item::Element(element) if is(&element, "open") => {
                Framed::Open(attribute_opening(&element.attributes))
            }
            Item::Element(element) if is(&element, "close") => Framed::Close,
            Item::Element(element) => Framed::Element(element),
            Item::Refused(refused) => Framed::Refused(refused),
            // The scanner hands out neither in this framing; a root would be a header that says nothing.
            Item::Root(_) => Framed::Open(empty_opening()),
            Item::RootEnd => Framed::Close,
        }
    }

    fn open(&self, header: ServerHeader<'_>, out: &mut dyn Sink) {
        // RFC 7395 §3.4.
        out.bytes().extend_from_slice(b"<open");
        attribute("xmlns", NS_FRAMING, out.bytes());
        attributes(header, out.bytes());
        out.bytes().extend_from_slice(b"/>");
        out.end_document();
    }

    fn features(&self, elements: &[Vec<u8>], out: &mut dyn Sink) {
        // RFC 7395 §3.3.3: each frame declares what it uses.
        out.bytes().extend_from_slice(b"<stream:features");
        attribute("xmlns:stream", ns::STREAMS, out.bytes());
        out.bytes().push(b'>');
        out.bytes().extend(elements.iter().flatten());
        out.bytes().extend_from_slice(b"</stream:features>");
        out.end_document();
    }

    fn nonza(&self, element: &[u8], out: &mut dyn Sink) {
        out.bytes().extend_from_slice(element);
        out.end_document();
    }

    fn stanza(&self, stanza: &Stanza, out: &mut dyn Sink) {
        stanza.write(out.bytes(), Some(ns::CLIENT));
        out.end_document();
    }

    fn error(&self, error: &StreamError, out: &mut dyn Sink) {
        error.write_document(out.bytes());
        out.end_document();
    }

    fn close(&self, out: &mut dyn Sink) {
        // RFC 7395 §3.6.
        out.bytes().extend_from_slice(b"<close");
        attribute("xmlns", NS_FRAMING, out.bytes());
        out.bytes().extend_from_slice(b"/>");
        out.end_document();
    }
}

fn is(element: &Element, name: &str) -> bool {
    element.name.as_str() == name && element.namespace.as_str() == NS_FRAMING
}

const NS_FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
