//! The floor: a relay that does the least a server between two clients can do.
//!
//! It speaks STARTTLS and direct TLS with the certificate of the others, believes every login, finds the end of a
//! stanza with memchr and hands its bytes to the full JID in `to`. It checks nothing, stores nothing, stamps no `from`
//! and has no limits: what a server costs beyond it is the price of being one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr, memchr_iter, memmem};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, LocalSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Fallible;

/// What a session keeps for its next write; more is given back.
const KEPT_BYTES: usize = 512;

const HEADER: &str = "<?xml version='1.0'?><stream:stream from='localhost' id='floor' version='1.0' \
                      xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const BEFORE_TLS: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
                          </stream:features>";
const BEFORE_LOGIN: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
                            <mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>";
const AFTER_LOGIN: &str =
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";

thread_local! {
    /// All sessions read into the same buffer, one after the other.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 16 * 1024]);
}

/// Serves until it is killed.
pub(crate) async fn serve(port: u16, port_tls: u16, certificate: &str, key: &str) -> Fallible {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let peers = Peers::default();
    let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let direct = TcpListener::bind((Ipv4Addr::LOCALHOST, port_tls)).await?;
    let accept = async {
        let mut sessions = JoinSet::new();
        loop {
            let (socket, starttls) = tokio::select! {
                accepted = plain.accept() => (accepted?.0, true),
                accepted = direct.accept() => (accepted?.0, false),
            };
            socket.set_nodelay(true)?;
            sessions.spawn_local(connection(socket, starttls, acceptor.clone(), Rc::clone(&peers)));
            while sessions.try_join_next().is_some() {}
        }
    };
    LocalSet::new().run_until(accept).await
}

/// One client, until it goes. What ends it is of no interest.
async fn connection(mut socket: TcpStream, starttls: bool, acceptor: TlsAcceptor, peers: Peers) {
    let greeted = if starttls { upgrade(&mut socket).await } else { Ok(()) };
    if greeted.is_err() {
        return;
    }
    let Ok(mut tls) = Box::pin(acceptor.accept(socket)).await else { return };
    let mut session = Session { peers, ..Session::default() };
    drop(std::future::poll_fn(|context| session.poll(&mut tls, context)).await);
    session.leave();
}

/// What is said before STARTTLS.
async fn upgrade(socket: &mut TcpStream) -> io::Result<()> {
    for (word, answer) in [
        ("<stream:stream", [HEADER, BEFORE_TLS]),
        ("<starttls", ["<proceed xmlns='urn:ietf:params:", "xml:ns:xmpp-tls'/>"]),
    ] {
        let mut heard = Vec::new();
        while !(memmem::find(&heard, word.as_bytes()).is_some() && heard.ends_with(b">")) {
            if socket.read_buf(&mut heard).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        socket.write_all(answer.concat().as_bytes()).await?;
    }
    Ok(())
}

/// Who is there, by full JID.
type Peers = Rc<RefCell<HashMap<Box<[u8]>, Rc<Mailbox>>>>;

/// What is to be written to a client, and how to wake its task.
#[derive(Default)]
struct Mailbox {
    waiting: RefCell<Vec<u8>>,
    waker: RefCell<Option<Waker>>,
}

impl Mailbox {
    fn put(&self, bytes: &[u8]) {
        self.waiting.borrow_mut().extend_from_slice(bytes);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

#[derive(Default)]
struct Session {
    peers: Peers,
    mailbox: Rc<Mailbox>,
    /// The user, once they have said who they are.
    user: String,
    jid: Box<[u8]>,
    /// The beginning of a stanza whose end has not come.
    partial: Vec<u8>,
    writing: Vec<u8>,
    written: usize,
    /// The client has said goodbye.
    has_ended: bool,
}

impl Session {
    /// Reads and writes until neither goes on; ready when the client has gone.
    fn poll(&mut self, tls: &mut TlsStream<TcpStream>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Poll::Ready(count) = self.read(tls, context)? {
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let writes = self.write(tls, context)?;
        // Set last: what this session says to itself wakes nobody.
        *self.mailbox.waker.borrow_mut() = Some(context.waker().clone());
        if writes.is_ready() {
            if self.has_ended {
                return Poll::Ready(Ok(()));
            }
            self.writing.shrink_to(KEPT_BYTES);
        }
        Poll::Pending
    }

    fn read(&mut self, tls: &mut TlsStream<TcpStream>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(tls).poll_read(context, &mut read))?;
            self.take(read.filled());
            Poll::Ready(Ok(read.filled().len()))
        })
    }

    fn write(&mut self, tls: &mut TlsStream<TcpStream>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while let Some(rest) = self.writing.get(self.written..).filter(|rest| !rest.is_empty()) {
                self.written += ready!(Pin::new(&mut *tls).poll_write(context, rest))?;
            }
            self.writing.clear();
            self.written = 0;
            if self.mailbox.waiting.borrow().is_empty() {
                return Pin::new(tls).poll_flush(context);
            }
            std::mem::swap(&mut self.writing, &mut self.mailbox.waiting.borrow_mut());
        }
    }

    /// Does what the stanzas in these bytes ask for and keeps the rest.
    fn take(&mut self, bytes: &[u8]) {
        let kept = std::mem::take(&mut self.partial);
        let joined;
        let mut rest = if kept.is_empty() {
            bytes
        } else {
            joined = [kept.as_slice(), bytes].concat();
            joined.as_slice()
        };
        while let Some((element, after)) = frame(rest).and_then(|length| rest.split_at_checked(length)) {
            self.element(element.trim_ascii_start());
            rest = after;
        }
        self.partial = rest.to_vec();
    }

    fn element(&mut self, element: &[u8]) {
        let head = memchr(b'>', element).and_then(|end| element.get(..end)).unwrap_or(element);
        if let Some(to) = attribute(head, b" to='").filter(|_| !head.starts_with(b"<stream:stream")) {
            if let Some(peer) = self.peers.borrow().get(to) {
                peer.put(element);
            }
        } else if head.starts_with(b"<stream:stream") {
            let features = if self.user.is_empty() { BEFORE_LOGIN } else { AFTER_LOGIN };
            self.mailbox.put([HEADER, features].concat().as_bytes());
        } else if head.starts_with(b"<auth") {
            self.user = user(element).unwrap_or_else(|| "nobody".to_owned());
            self.mailbox.put(b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        } else if head.starts_with(b"<iq") {
            self.request(attribute(head, b" id='").unwrap_or_default(), element);
        } else if head.starts_with(b"<presence") {
            let me = String::from_utf8_lossy(&self.jid).into_owned();
            self.mailbox.put(format!("<presence from='{me}' to='{me}'/>").as_bytes());
        } else if head.starts_with(b"</stream") {
            self.mailbox.put(b"</stream:stream>");
            self.has_ended = true;
        }
    }

    /// Binds what asks to be bound; all else is done.
    fn request(&mut self, id: &[u8], element: &[u8]) {
        let id = String::from_utf8_lossy(id);
        let resource = between(element, b"<resource>", b"</resource>");
        let Some(resource) = resource.filter(|_| memmem::find(element, b"<bind").is_some()) else {
            return self.mailbox.put(format!("<iq type='result' id='{id}'></iq>").as_bytes());
        };
        let jid = format!("{}@localhost/{}", self.user, String::from_utf8_lossy(resource));
        self.mailbox.put(
            format!(
                "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{jid}</jid></bind></iq>"
            )
            .as_bytes(),
        );
        self.jid = jid.into_bytes().into();
        self.peers.borrow_mut().insert(self.jid.clone(), Rc::clone(&self.mailbox));
    }

    fn leave(&self) {
        let mut peers = self.peers.borrow_mut();
        if peers.get(&self.jid).is_some_and(|mailbox| Rc::ptr_eq(mailbox, &self.mailbox)) {
            peers.remove(&self.jid);
        }
    }
}

/// How long the first element of the stream is; `None` as long as its end is missing. A stream header and the stream's
/// end count as elements. No element of the load holds another of its own name.
fn frame(bytes: &[u8]) -> Option<usize> {
    let start = memchr(b'<', bytes)?;
    let element = bytes.get(start..)?;
    let head = memchr(b'>', element)?;
    let alone = [b"<?".as_slice(), b"</", b"<stream:stream"].iter().any(|word| element.starts_with(word));
    if alone || element.get(..head)?.ends_with(b"/") {
        return Some(start + head + 1);
    }
    let name = element.get(1..head)?.split(|byte| *byte == b' ').next()?;
    let content = element.get(head..)?;
    let end = memchr_iter(b'<', content).find(|at| {
        let tag = content.get(at + 1..).and_then(|tag| tag.strip_prefix(b"/"));
        tag.and_then(|tag| tag.strip_prefix(name)).is_some_and(|tag| tag.starts_with(b">"))
    })?;
    Some(start + head + end + name.len() + 3)
}

fn attribute<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    between(head, name, b"'")
}

fn between<'a>(bytes: &'a [u8], before: &[u8], after: &[u8]) -> Option<&'a [u8]> {
    let rest = bytes.get(memmem::find(bytes, before)? + before.len()..)?;
    rest.get(..memmem::find(rest, after)?)
}

/// Who logs in, out of the first message of SCRAM (RFC 5802 §7).
fn user(auth: &[u8]) -> Option<String> {
    let first = STANDARD.decode(between(auth, b">", b"<")?).ok()?;
    String::from_utf8(between(&first, b"n=", b",")?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_framed() {
        for (bytes, length) in [
            (&b"<?xml version='1.0'?><stream:stream>"[..], Some(21)),
            (b"<stream:stream to='x'><a/>", Some(22)),
            (b" <presence/>", Some(12)),
            (b"<message to='a'><body>b</body></message><iq", Some(40)),
            (b"<message to='a'><body>b</body></messag", None),
            (b"<iq type='set'><a/>", None),
            (b"<iq", None),
            (b" ", None),
        ] {
            assert_eq!(frame(bytes), length, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn bytes_reach_the_full_jid_and_nobody_else() {
        let peers = Peers::default();
        let session = || Session { peers: Rc::clone(&peers), ..Session::default() };
        let (mut romeo, mut juliet) = (session(), session());
        for (session, name) in [(&mut romeo, "romeo"), (&mut juliet, "juliet")] {
            let first = STANDARD.encode(format!("n,,n={name},r=x"));
            session.take(format!("<auth mechanism='SCRAM-SHA-1'>{first}</auth>").as_bytes());
            session.take(b"<iq type='set' id='b'><bind><resource>r</resource></bind></iq>");
            session.mailbox.waiting.borrow_mut().clear();
        }
        romeo.take(b"<message to='juliet@localhost/r'><bo");
        assert!(juliet.mailbox.waiting.borrow().is_empty());
        romeo.take(b"dy/></message><message to='nobody'></message>");
        let message = b"<message to='juliet@localhost/r'><body/></message>";
        assert_eq!(juliet.mailbox.waiting.borrow().as_slice(), message);
        juliet.leave();
        romeo.take(message);
        assert_eq!(juliet.mailbox.waiting.borrow().len(), message.len());
        assert!(romeo.mailbox.waiting.borrow().is_empty());
    }
}
