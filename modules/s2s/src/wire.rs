//! One stream with another server, in either role: bytes in, items out.

use std::fmt;
use std::io;

use waxwing_stream::transport::Connection;
use waxwing_xml::{Element, Framing, Item, Limits, Root, Scanner, Text, Tree, XmlError, escape_attribute};
use waxwing_xmpp::{Stanza, StreamCondition, StreamError, ns};

/// The stream and what was read of it.
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    scanner: Scanner,
    /// Read, from `at` on not interpreted.
    input: Vec<u8>,
    at: usize,
    /// Bytes read in all.
    pub(crate) received: usize,
    /// … since others had a turn.
    turn: usize,
}

/// Why nothing more comes.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The other side has closed the connection.
    Ended,
    /// It cannot be read or written any more.
    Io(io::Error),
    /// What came is not XML as XMPP wants it.
    Xml(XmlError),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the connection was closed"),
            Self::Io(error) => write!(f, "the connection broke ({error})"),
            Self::Xml(error) => write!(f, "what it sent is not XML ({error})"),
        }
    }
}

impl Wire {
    pub(crate) fn new(connection: Connection, limits: Limits) -> Self {
        let scanner = Scanner::new(Framing::Stream, limits);
        Self { connection, scanner, input: Vec::new(), at: 0, received: 0, turn: 0 }
    }

    /// What is there already; none: it takes more bytes, or others are to have a turn. A server that sends without a
    /// break, white space for one, is never read to the end: `ready` comes between.
    pub(crate) fn poll(&mut self) -> Result<Option<Item>, Broken> {
        loop {
            let mut rest = self.input.get(self.at..).unwrap_or_default();
            let before = rest.len();
            let item = self.scanner.scan(&mut rest).map_err(Broken::Xml)?;
            self.at += before - rest.len();
            if item.is_some() {
                return Ok(item);
            }
            // Memory only while there is something in it.
            (self.input, self.at) = (Vec::new(), 0);
            if self.turn >= TURN_BYTES_MAX {
                self.turn = 0;
                return Ok(None);
            }
            let mut chunk = [0; CHUNK];
            match self.connection.try_read(&mut chunk) {
                Ok(0) => return Err(Broken::Ended),
                Ok(count) => {
                    self.received = self.received.saturating_add(count);
                    self.turn += count;
                    self.input.extend_from_slice(chunk.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.turn = 0;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes what there is to write and waits for the next item. It is for negotiating, for which few bytes do: more
    /// are an error.
    pub(crate) async fn next(&mut self) -> Result<Item, Broken> {
        loop {
            // Whoever always has something to say leaves room for others, and for a time limit.
            tokio::task::consume_budget().await;
            self.connection.flush().await?;
            if self.received > NEGOTIATION_BYTES_MAX {
                return Err(io::Error::other("too much was sent before any proof").into());
            }
            if let Some(item) = self.poll()? {
                return Ok(item);
            }
            self.connection.ready(true).await?;
        }
    }

    /// A new stream on the same connection (RFC 6120 §4.3.3); whatever was read and not interpreted is forgotten.
    pub(crate) fn restart(&mut self) {
        self.scanner.restart();
        (self.input, self.at) = (Vec::new(), 0);
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.scanner.set_limits(limits);
    }

    /// A stream header (RFC 6120 §4.7) that also declares dialback (XEP-0220 §2.1).
    pub(crate) fn open(&mut self, from: &str, to: Option<&str>, id: Option<&str>) {
        let out = self.connection.output();
        out.extend_from_slice(b"<?xml version='1.0'?><stream:stream");
        let attributes = [
            ("xmlns", Some(ns::SERVER)),
            ("xmlns:stream", Some(ns::STREAMS)),
            ("xmlns:db", Some(NS_DIALBACK)),
            ("from", Some(from)),
            ("to", to),
            ("id", id),
            ("version", Some("1.0")),
            ("xml:lang", Some("en")),
        ];
        for (name, value) in attributes {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                out.push(b' ');
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"='");
                escape_attribute(value, out);
                out.push(b'\'');
            }
        }
        out.push(b'>');
    }

    /// An element that is no stanza.
    pub(crate) fn element(&mut self, element: &Tree) {
        self.connection.output().extend_from_slice(element.to_xml().as_bytes());
    }

    pub(crate) fn features(&mut self, features: &[Tree]) {
        let out = self.connection.output();
        out.extend_from_slice(b"<stream:features>");
        for feature in features {
            out.extend_from_slice(feature.to_xml().as_bytes());
        }
        out.extend_from_slice(b"</stream:features>");
    }

    pub(crate) fn stanza(&mut self, stanza: &Stanza) {
        stanza.write(self.connection.output(), None);
    }

    pub(crate) fn error(&mut self, error: &StreamError) {
        error.write(self.connection.output());
    }

    pub(crate) fn close(&mut self) {
        self.connection.output().extend_from_slice(b"</stream:stream>");
    }
}

/// What a header says.
#[derive(Debug, Default, Clone)]
pub(crate) struct Header {
    pub(crate) from: Option<Text>,
    pub(crate) to: Option<Text>,
    pub(crate) id: Option<Text>,
    pub(crate) lang: Option<Text>,
    /// XMPP 1.0; without it there are no features, and only dialback is left (RFC 6120 §4.7.5).
    pub(crate) version: bool,
    /// It declares dialback.
    pub(crate) dialback: bool,
}

impl Header {
    /// # Errors
    /// It opens no stream between servers.
    pub(crate) fn read(root: &Root) -> Result<Self, StreamCondition> {
        if root.namespace.as_str() != ns::STREAMS || root.content.as_str() != ns::SERVER {
            // RFC 6120 §4.8.1, §4.8.3.
            return Err(StreamCondition::InvalidNamespace);
        }
        if root.name.as_str() != "stream" {
            return Err(StreamCondition::BadFormat);
        }
        let get = |namespace: &str, name: &str| {
            let is = |attribute: &&waxwing_xml::Attribute| {
                attribute.name.as_str() == name && attribute.namespace.as_str() == namespace
            };
            let value = root.attributes.iter().find(is).map(|attribute| attribute.value.clone());
            value.filter(|value| !value.as_str().is_empty())
        };
        let version = get("", "version");
        let major =
            version.as_ref().and_then(|version| version.as_str().split_once('.')).map(|(major, _)| major);
        Ok(Self {
            from: get("", "from"),
            to: get("", "to"),
            id: get("", "id"),
            lang: get(ns::XML, "lang"),
            version: major == Some("1"),
            dialback: root.prefixes.iter().any(|(_, namespace)| namespace.as_str() == NS_DIALBACK),
        })
    }
}

/// An attribute without namespace.
pub(crate) fn attribute<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    let is = |attribute: &&waxwing_xml::Attribute| {
        attribute.namespace.as_str().is_empty() && attribute.name.as_str() == name
    };
    element.attributes.iter().find(is).map(|attribute| attribute.value.as_str())
}

pub(crate) fn is(element: &Element, namespace: &str, name: &str) -> bool {
    element.namespace.as_str() == namespace && element.name.as_str() == name
}

/// What a `<stream:error/>` says, for people.
pub(crate) fn told(element: &Element) -> String {
    let condition = element.children.iter().find(|child| child.namespace() == ns::STREAM_ERRORS);
    let condition = condition.map_or("an error without condition", |child| child.name()).to_owned();
    let text = element.children.find(ns::STREAM_ERRORS, "text").map(|text| text.tree().text());
    match text.filter(|text| !text.is_empty()) {
        Some(text) => format!("{condition} (\"{}\")", text.chars().take(TEXT_TOLD).collect::<String>()),
        None => condition,
    }
}

/// XEP-0220.
pub(crate) const NS_DIALBACK: &str = "jabber:server:dialback";
/// XEP-0220 §2.
pub(crate) const NS_DIALBACK_FEATURE: &str = "urn:xmpp:features:dialback";
/// XEP-0288 §2.2.
pub(crate) const NS_BIDI: &str = "urn:xmpp:bidi";
/// XEP-0288 §2.1.
pub(crate) const NS_BIDI_FEATURE: &str = "urn:xmpp:features:bidi";
/// Read at once: one TLS record.
const CHUNK: usize = 16 << 10;
/// Read at a time, before others have a turn.
const TURN_BYTES_MAX: usize = 16 << 10;
/// The other server may say so much until both are proven: headers, features and a few answers.
const NEGOTIATION_BYTES_MAX: usize = 64 << 10;
/// So much of what another server says goes into our log.
const TEXT_TOLD: usize = 200;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;

    /// A wire to a server that has sent a header and goes on with `xml` without end, from a thread of its own; the flag
    /// ends it.
    async fn endless(xml: &'static str) -> (Wire, Arc<AtomicBool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let other = listener.accept().await.unwrap().0.into_std().unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        std::thread::spawn(move || {
            use std::io::Write;
            let mut other = other;
            let header =
                "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
            other.set_nonblocking(false).unwrap();
            other.write_all(header.as_bytes()).unwrap();
            let chunk = xml.repeat((1 << 20) / xml.len());
            while !ended.load(Ordering::Relaxed) && other.write_all(chunk.as_bytes()).is_ok() {}
        });
        let mut wire = Wire::new(Connection::new(socket).unwrap(), Limits::BEFORE_LOGIN);
        assert!(matches!(wire.next().await.unwrap(), Item::Root(_)));
        (wire, end)
    }

    #[tokio::test]
    async fn a_server_that_never_stops_is_too_much_before_a_proof() {
        for xml in [" ", "<presence/>", "<x xmlns='urn:example:x'/>"] {
            let (mut wire, end) = endless(xml).await;
            let negotiating = async {
                loop {
                    if let Err(broken) = wire.next().await {
                        return broken.to_string();
                    }
                }
            };
            let broken = timeout(Duration::from_secs(20), negotiating).await.unwrap();
            assert!(broken.contains("too much was sent before any proof"), "{xml}: {broken}");
            assert!(
                wire.received <= NEGOTIATION_BYTES_MAX + TURN_BYTES_MAX + CHUNK,
                "{xml}: {}",
                wire.received
            );
            end.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_server_that_never_stops_lets_others_have_a_turn() {
        for xml in [" ", "<presence/>"] {
            let (mut wire, end) = endless(xml).await;
            let turns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let taken = Arc::clone(&turns);
            let other = tokio::spawn(async move {
                loop {
                    taken.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            });
            let mut rounds = 0;
            while wire.received < 16 << 20 {
                let before = wire.received;
                while wire.poll().unwrap().is_some() {}
                rounds += 1;
                assert!(wire.received - before <= TURN_BYTES_MAX + CHUNK, "{xml}");
                wire.connection.ready(true).await.unwrap();
            }
            assert!(turns.load(Ordering::Relaxed) >= rounds / 2, "{xml}: {rounds} rounds");
            other.abort();
            end.store(true, Ordering::Relaxed);
        }
    }
}
