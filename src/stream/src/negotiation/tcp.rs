//! One long document in each direction: [RFC 6120 §4.2](https://www.rfc-editor.org/rfc/rfc6120#section-4.2).

use waxwing_xml::{Framing, Item, escape_attribute};
use waxwing_xmpp::{Stanza, StreamError, ns};

use super::header::tcp_opening;
use super::{Framed, ServerHeader, Sink, StreamFraming};

/// The framing of TCP; also of one BOSH body.
#[derive(Debug, Clone, Copy)]
pub struct Tcp;

impl StreamFraming for Tcp {
    fn scanner(&self) -> Framing {
        Framing::Stream
    }

    fn read(&self, item: Item) -> Framed {
        match item {
            Item::Root(root) => Framed::Open(tcp_opening(&root)),
            Item::Element(element) => Framed::Element(element),
            Item::Refused(refused) => Framed::Refused(refused),
            Item::RootEnd => Framed::Close,
        }
    }

    fn open(&self, header: ServerHeader<'_>, out: &mut dyn Sink) {
        let out = out.bytes();
        out.extend_from_slice(b"<?xml version='1.0'?><stream:stream");
        attributes(header, out);
        for (name, value) in [("xmlns", ns::CLIENT), ("xmlns:stream", ns::STREAMS)] {
            attribute(name, value, out);
        }
        out.push(b'>');
    }

    fn features(&self, elements: &[Vec<u8>], out: &mut dyn Sink) {
        let out = out.bytes();
        out.extend_from_slice(b"<stream:features>");
        out.extend(elements.iter().flatten());
        out.extend_from_slice(b"</stream:features>");
    }

    fn nonza(&self, element: &[u8], out: &mut dyn Sink) {
        out.bytes().extend_from_slice(element);
    }

    fn stanza(&self, stanza: &Stanza, out: &mut dyn Sink) {
        stanza.write(out.bytes(), None);
    }

    fn error(&self, error: &StreamError, out: &mut dyn Sink) {
        error.write(out.bytes());
    }

    fn close(&self, out: &mut dyn Sink) {
        out.bytes().extend_from_slice(b"</stream:stream>");
    }
}

/// The attributes that both framings share (RFC 6120 §4.7).
pub(super) fn attributes(header: ServerHeader<'_>, out: &mut Vec<u8>) {
    attribute("from", header.from, out);
    attribute("id", header.id, out);
    if let Some(to) = header.to {
        attribute("to", to, out);
    }
    if header.version {
        attribute("version", "1.0", out);
    }
    // RFC 6120 §4.7.4: the language of what we say ourselves.
    attribute("xml:lang", "en", out);
}

/// Appends one attribute.
pub(super) fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attribute(value, out);
    out.push(b'\'');
}
