//! One connection to the subject: bytes out, elements in, with a transcript for the failure message.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};
use rxml::error::EndOrError;
use rxml::{Parse, Parser};

use super::dom::{Element, Piece, STREAM_ERROR_NS, Tree, new_parser};
use super::sm::Sm;
use super::subject::{HOSTS, Subject};

/// How long a test waits for something that has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// For a handshake that speaks TLS 1.2 only.
pub(crate) static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
/// For a handshake that speaks TLS 1.3 only.
pub(crate) static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// How a TLS handshake is done.
pub(crate) struct Tls {
    pub(crate) name: &'static str,
    pub(crate) sni: bool,
    pub(crate) alpn: &'static [&'static str],
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
}

impl Default for Tls {
    fn default() -> Self {
        Self { name: "localhost", sni: true, alpn: &[], versions: rustls::ALL_VERSIONS }
    }
}

/// What a connection can deliver.
#[derive(Debug)]
pub(crate) enum Item {
    /// The peer's stream header, as an element without children.
    Header(Element),
    /// A first-level child of the stream.
    Stanza(Element),
    /// The end tag of the stream.
    End,
    /// The peer closed the connection.
    Eof,
}

/// A connection. All methods fail the test, with the transcript, when the subject does something else.
pub(crate) struct Conn {
    inner: RefCell<Inner>,
    name: RefCell<String>,
    ids: Cell<u32>,
    ended: Cell<bool>,
    pub(super) sm: RefCell<Sm>,
}

struct Inner {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    parser: Parser,
    tree: Tree,
    bytes: Vec<u8>,
    /// Stanzas that came and that no `expect` has claimed.
    inbox: VecDeque<Element>,
    closed: bool,
    transcript: String,
}

impl Conn {
    /// A TCP connection to the port for STARTTLS.
    #[track_caller]
    pub(crate) fn plain() -> Self {
        Self::connect(Subject::get().c2s)
    }

    /// A connection with TLS from the first byte (XEP-0368).
    #[track_caller]
    pub(crate) fn direct_tls() -> Self {
        Self::direct_tls_with(&Tls::default())
    }

    /// Direct TLS to one of the subject's hosts.
    #[track_caller]
    pub(crate) fn direct_tls_to(host: &str) -> Self {
        let name = HOSTS.into_iter().find(|h| *h == host).expect("a host of the subject");
        Self::direct_tls_with(&Tls { name, ..Tls::default() })
    }

    /// Direct TLS with a choice of names and versions.
    #[track_caller]
    pub(crate) fn direct_tls_with(tls: &Tls) -> Self {
        let conn = Self::connect(Subject::get().c2s_tls);
        conn.handshake(tls);
        conn
    }

    /// A TCP connection to the port for components.
    #[track_caller]
    pub(crate) fn component() -> Self {
        let conn = Self::connect(Subject::get().component);
        conn.inner.borrow_mut().tree = Tree::of_component();
        conn
    }

    #[track_caller]
    fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("the subject accepts connections");
        socket.set_nodelay(true).expect("a TCP socket");
        socket.set_write_timeout(Some(PATIENCE)).expect("a time above zero");
        Self {
            inner: RefCell::new(Inner {
                socket,
                tls: None,
                parser: new_parser(),
                tree: Tree::default(),
                bytes: Vec::new(),
                inbox: VecDeque::new(),
                closed: false,
                transcript: String::new(),
            }),
            name: RefCell::new("raw".to_owned()),
            ids: Cell::new(0),
            ended: Cell::new(false),
            sm: RefCell::default(),
        }
    }

    /// Does the TLS handshake now.
    #[track_caller]
    pub(crate) fn handshake(&self, tls: &Tls) {
        if let Err(e) = self.try_handshake(tls) {
            self.fail(&format!("the TLS handshake failed: {e}"));
        }
    }

    /// Does the TLS handshake and returns what went wrong.
    pub(crate) fn try_handshake(&self, tls: &Tls) -> Result<(), String> {
        let mut config = ClientConfig::builder_with_protocol_versions(tls.versions)
            .with_root_certificates(Subject::get().roots.clone())
            .with_no_client_auth();
        config.enable_sni = tls.sni;
        config.alpn_protocols = tls.alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(tls.name).expect("a domain name");
        let mut session = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
        let mut inner = self.inner.borrow_mut();
        inner.log("C", "(TLS handshake)");
        // RFC 6120 §5.4.3.3 (1): what came in plain text is forgotten.
        inner.bytes.clear();
        inner.inbox.clear();
        inner.socket.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        while session.is_handshaking() {
            session.complete_io(&mut inner.socket).map_err(|e| e.to_string())?;
        }
        inner.tls = Some(Box::new(session));
        inner.restart();
        Ok(())
    }

    /// A short name for the transcript.
    pub(crate) fn named(&self, name: &str) {
        name.clone_into(&mut self.name.borrow_mut());
    }

    /// Reads facts about the TLS session.
    #[track_caller]
    pub(crate) fn tls<T>(&self, read: impl FnOnce(&ClientConnection) -> T) -> T {
        read(self.inner.borrow().tls.as_deref().expect("TLS is up"))
    }

    /// Sends text as it is.
    #[track_caller]
    pub(crate) fn send(&self, xml: &str) {
        self.count_sent(xml);
        self.send_bytes(xml.as_bytes());
    }

    /// Sends bytes as they are. A connection that is already closed is noticed by the next read.
    #[track_caller]
    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        let mut inner = self.inner.borrow_mut();
        inner.log("C", &String::from_utf8_lossy(bytes));
        match inner.write(bytes) {
            Ok(()) => {}
            Err(e) if is_gone(e.kind()) => {}
            Err(e) => {
                drop(inner);
                self.fail(&format!("cannot send: {e}"));
            }
        }
    }

    /// Cuts the connection without a word, as a phone does in a tunnel.
    pub(crate) fn cut(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.log("C", "(cuts the connection)");
        inner.closed = true;
        // The peer may have been faster; then there is nothing left to cut.
        drop(inner.socket.shutdown(Shutdown::Both));
    }

    /// Whether the peer has ended the stream, or one side the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.ended.get() || self.inner.borrow().closed
    }

    /// Forgets the XML read so far: the next byte starts a new document.
    pub(crate) fn restart(&self) {
        self.inner.borrow_mut().restart();
    }

    /// A new stanza id.
    pub(crate) fn id(&self) -> String {
        self.ids.set(self.ids.get() + 1);
        format!("id{}", self.ids.get())
    }

    /// The next item, or None when the patience ran out. `<r/>` and `<a/>` of stream management are no items.
    #[track_caller]
    pub(crate) fn poll(&self, patience: Duration) -> Option<Item> {
        let deadline = Instant::now() + patience;
        loop {
            match self.receive(deadline) {
                Some(Item::Stanza(e)) if self.is_ack(&e) => {}
                item => return item,
            }
        }
    }

    /// The next item as it comes.
    #[track_caller]
    pub(super) fn receive(&self, deadline: Instant) -> Option<Item> {
        let result = self.inner.borrow_mut().next(deadline);
        let item = result.unwrap_or_else(|problem| self.fail(&problem));
        if matches!(item, Some(Item::End | Item::Eof)) {
            self.ended.set(true);
        }
        item
    }

    /// Pings the server and reads up to the answer, or up to the end of the stream if that comes first. Whatever
    /// else comes stays unclaimed.
    #[track_caller]
    pub(crate) fn ping(&self) {
        let id = self.id();
        self.send(&format!("<iq type='get' id='{id}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"));
        if !self.read_up_to(&id, PATIENCE) {
            self.fail("nothing came");
        }
    }

    /// The same with a room, which is asked what it is and may say that it is not there. A room that is going just now
    /// may lose the question; then it is asked again.
    #[track_caller]
    pub(super) fn ask(&self, room: &str) {
        for _ in 0..4 {
            let id = self.id();
            self.send(&format!(
                "<iq type='get' id='{id}' to='{room}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            ));
            if self.read_up_to(&id, PATIENCE / 4) {
                return;
            }
        }
        self.fail("the room does not answer");
    }

    /// Reads up to the answer to a request, or up to the end of the stream if that comes first; false when neither comes.
    #[track_caller]
    fn read_up_to(&self, id: &str, patience: Duration) -> bool {
        loop {
            match self.poll(patience) {
                None => return false,
                Some(Item::Stanza(e)) if e.name == "iq" && e.attr("id") == Some(id) => return true,
                Some(Item::Stanza(e)) => self.keep(e),
                Some(Item::Header(h)) => self.fail(&format!("unexpected {h}")),
                Some(Item::End | Item::Eof) => return true,
            }
        }
    }

    /// The next item; there has to be one.
    #[track_caller]
    pub(crate) fn item(&self) -> Item {
        self.poll(PATIENCE).unwrap_or_else(|| self.fail("nothing came"))
    }

    /// Reads until the inbox has grown; false when nothing came in time.
    #[track_caller]
    fn fill(&self, deadline: Instant) -> bool {
        match self.poll(deadline.saturating_duration_since(Instant::now())) {
            None => false,
            Some(Item::Stanza(e)) => {
                self.keep(e);
                true
            }
            Some(other) => self.fail(&format!("expected a stanza, got {other:?}")),
        }
    }

    /// Leaves a stanza unclaimed.
    pub(super) fn keep(&self, stanza: Element) {
        self.inner.borrow_mut().inbox.push_back(stanza);
    }

    /// Takes the first stanza that `wanted` accepts, waiting for it; others stay for later.
    #[track_caller]
    pub(crate) fn take_where(&self, what: &str, wanted: impl Fn(&Element) -> bool) -> Element {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.unclaimed(&wanted) {
                return found;
            }
            if !self.fill(deadline) {
                self.fail(&format!("expected {what}, which did not come"));
            }
        }
    }

    /// Waits until a stanza is here that `wanted` accepts, and leaves it unclaimed.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Element) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.inbox().iter().any(&wanted) {
            if !self.fill(deadline) {
                self.fail(&format!("expected {what}, which did not come"));
            }
        }
    }

    /// Takes a stanza that is already here and that `wanted` accepts.
    pub(crate) fn unclaimed(&self, wanted: impl Fn(&Element) -> bool) -> Option<Element> {
        let mut inner = self.inner.borrow_mut();
        let at = inner.inbox.iter().position(wanted)?;
        inner.inbox.remove(at)
    }

    /// Waits for a stanza that matches the pattern and returns it; others stay unclaimed.
    #[track_caller]
    pub(crate) fn expect(&self, pattern: &str) -> Element {
        let wanted = Element::parse(pattern);
        self.take_where(pattern, |e| e.matches(&wanted))
    }

    /// Takes the next stanza in order, which has to match the pattern.
    #[track_caller]
    pub(crate) fn expect_next(&self, pattern: &str) -> Element {
        let next = self.take_where(pattern, |_| true);
        if !next.matches(&Element::parse(pattern)) {
            self.fail(&format!("expected {pattern} as the next stanza, got {next}"));
        }
        next
    }

    /// The stanzas that came and that no `expect` has claimed.
    pub(crate) fn inbox(&self) -> Vec<Element> {
        self.inner.borrow().inbox.iter().cloned().collect()
    }

    /// Forgets the transcript, which nobody will read, and unclaimed stanzas.
    pub(crate) fn forget(&self) {
        self.inner.borrow_mut().transcript.clear();
        self.clear();
    }

    /// Forgets unclaimed stanzas.
    pub(crate) fn clear(&self) {
        self.inner.borrow_mut().inbox.clear();
        self.clear_nonzas();
    }

    /// Sends an `<iq>` with a fresh id put into it and waits for its answer.
    #[track_caller]
    pub(crate) fn request(&self, iq: &str) -> Element {
        let rest = iq.strip_prefix("<iq ").expect("a request starts with <iq and an attribute");
        let id = self.id();
        self.send(&format!("<iq id='{id}' {rest}"));
        self.answer(&id)
    }

    /// Waits for the answer to a request.
    #[track_caller]
    pub(crate) fn answer(&self, id: &str) -> Element {
        self.take_where(&format!("the answer to {id}"), |e| {
            e.name == "iq" && e.attr("id") == Some(id) && matches!(e.attr("type"), Some("result" | "error"))
        })
    }

    /// Waits for a stream error with that condition, whether or not the peer has opened its stream yet.
    #[track_caller]
    pub(crate) fn expect_stream_error(&self, condition: &str) -> Element {
        self.expect_stream_error_of(&[condition])
    }

    /// Waits for a stream error with one of the conditions among which the RFC leaves the choice.
    #[track_caller]
    pub(crate) fn expect_stream_error_of(&self, conditions: &[&str]) -> Element {
        let what = format!("the stream error {}", conditions.join(" or "));
        loop {
            match self.poll(PATIENCE) {
                Some(Item::Header(_)) => {}
                Some(Item::Stanza(e)) if e.name != "error" || e.ns != super::dom::STREAM_NS => {}
                Some(Item::Stanza(e)) => {
                    let named = e
                        .children()
                        .any(|c| c.ns == STREAM_ERROR_NS && conditions.contains(&c.name.as_str()));
                    if !named {
                        self.fail(&format!("expected {what}, got {e}"));
                    }
                    return e;
                }
                other => self.fail(&format!("expected {what}, got {other:?}")),
            }
        }
    }

    /// Waits until the peer has ended the stream and closed the connection.
    #[track_caller]
    pub(crate) fn expect_close(&self) {
        match self.item() {
            Item::End => {}
            other => self.fail(&format!("expected </stream:stream>, got {other:?}")),
        }
        self.expect_eof();
    }

    /// Waits until the peer has closed the connection, whatever it says before.
    #[track_caller]
    pub(crate) fn expect_eof(&self) {
        loop {
            match self.poll(PATIENCE) {
                Some(Item::Eof) => return,
                Some(_) => {}
                None => self.fail("the connection stays open"),
            }
        }
    }

    /// Fails the test and shows what went over the wire.
    #[track_caller]
    pub(crate) fn fail(&self, problem: &str) -> ! {
        panic!("{problem}\n{self}");
    }
}

impl fmt::Display for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.borrow();
        match self.inner.try_borrow() {
            Ok(inner) => write!(f, "--- transcript of {name} ---\n{}---", inner.transcript),
            Err(_) => write!(f, "--- {name} is busy ---"),
        }
    }
}

impl Inner {
    fn log(&mut self, side: &str, text: &str) {
        let visible = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
        let short: String = text.chars().take(3000).map(visible).collect();
        self.transcript.push_str(&format!("{side}: {short}\n"));
    }

    fn restart(&mut self) {
        self.parser = new_parser();
        self.tree = Tree::default();
    }

    fn write(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        let Some(tls) = self.tls.as_deref_mut() else { return self.socket.write_all(bytes) };
        while !bytes.is_empty() {
            let taken = tls.writer().write(bytes)?;
            bytes = bytes.get(taken..).unwrap_or_default();
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
        }
        Ok(())
    }

    fn next(&mut self, deadline: Instant) -> Result<Option<Item>, String> {
        loop {
            if let Some(item) = self.parse()? {
                return Ok(Some(item));
            }
            if self.closed {
                return Ok(Some(Item::Eof));
            }
            if !self.read(deadline)? {
                return Ok(None);
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Item>, String> {
        loop {
            let mut left = self.bytes.as_slice();
            let result = self.parser.parse(&mut left, false);
            let used = self.bytes.len() - left.len();
            self.bytes.drain(..used);
            match result {
                Ok(Some(event)) => {
                    if let Some(piece) = self.tree.take(event) {
                        return Ok(Some(match piece {
                            Piece::Header(e) => Item::Header(e),
                            Piece::Stanza(e) => Item::Stanza(e),
                            Piece::End => Item::End,
                        }));
                    }
                }
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(None),
                Err(EndOrError::Error(e)) => {
                    return Err(format!("the peer sent XML that is not well-formed: {e:?}"));
                }
            }
        }
    }

    /// Reads once; false when the deadline has passed.
    fn read(&mut self, deadline: Instant) -> Result<bool, String> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        self.socket.set_read_timeout(Some(left)).map_err(|e| e.to_string())?;
        let mut buffer = [0; 16384];
        match self.read_some(&mut buffer) {
            Ok(0) => {
                self.log("S", "(closes the connection)");
                self.closed = true;
                Ok(true)
            }
            Ok(n) => {
                let read = buffer.get(..n).unwrap_or_default();
                self.log("S", &String::from_utf8_lossy(read));
                self.bytes.extend_from_slice(read);
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(e) if is_gone(e.kind()) => {
                self.log("S", &format!("(breaks the connection: {e})"));
                self.closed = true;
                Ok(true)
            }
            Err(e) => Err(format!("cannot read: {e}")),
        }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(tls) = self.tls.as_deref_mut() else { return self.socket.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(|e| std::io::Error::new(ErrorKind::ConnectionAborted, e))?;
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
        }
    }
}

fn is_gone(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotConnected
    )
}
