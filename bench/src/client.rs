//! One client connection: STARTTLS, registration, login, and waiting for words.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Fallible;
use crate::scram::{self, Hash};

/// How long the server may take to say something that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many sockets have the same address; further ones take the next of loopback, which has ports of its own.
const SOCKETS_PER_ADDRESS: usize = 20_000;

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    StartTls,
    /// From the first byte (XEP-0368).
    Direct,
}

/// The server, and what all connections share.
pub(crate) struct Target {
    port: u16,
    port_tls: u16,
    tls: TlsConnector,
    name: ServerName<'static>,
    /// What opens a stream.
    header: String,
    passwords: scram::Cache,
    opened: AtomicUsize,
}

impl Target {
    /// The server at this port of loopback, which serves `domain`.
    pub(crate) fn new(domain: &str, port: u16, tls: rustls::ClientConfig) -> Fallible<Self> {
        let name = ServerName::try_from(domain.to_owned())?;
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        let tls = TlsConnector::from(Arc::new(tls));
        let (passwords, opened) = (scram::Cache::default(), AtomicUsize::new(0));
        Ok(Self { port, port_tls: 0, tls, name, header, passwords, opened })
    }

    /// The same with a port for [`Begin::Direct`].
    pub(crate) fn with_tls_port(self, port_tls: u16) -> Self {
        Self { port_tls, ..self }
    }

    /// Makes an account (XEP-0077) on a connection of its own. One that is there already will do.
    pub(crate) async fn register(&self, user: &str) -> Fallible {
        self.register_all(&[user.to_owned()]).await
    }

    /// The same for several on one connection, if the server lets strangers do that.
    pub(crate) async fn register_all(&self, users: &[String]) -> Fallible {
        let mut client = self.open(Begin::StartTls).await?;
        for user in users {
            let query = format!(
                "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>{user}</username>\
                 <password>{}</password></query></iq>",
                password(user)
            );
            client.send(&query).await?;
            let answer = client.wait_for(&["</iq>", "/>"]).await?;
            if !answer.contains("result") && !answer.contains("conflict") {
                return Err(format!("{user} cannot register: {answer}").into());
            }
        }
        client.send("</stream:stream>").await
    }

    /// A session: STARTTLS, SCRAM-SHA-1 and a bound resource.
    pub(crate) async fn login(&self, user: &str, resource: &str) -> Fallible<Client> {
        self.login_by(Begin::StartTls, Hash::Sha1, user, resource).await
    }

    /// The same in another way. Who believes without a proof (the floor) gets none.
    pub(crate) async fn login_by(
        &self,
        begin: Begin,
        hash: Hash,
        user: &str,
        resource: &str,
    ) -> Fallible<Client> {
        let mut client = self.open(begin).await?;
        let first = scram::first_bare(user, &format!("n{user}{resource}"));
        let encoded = STANDARD.encode(format!("n,,{first}"));
        let mechanism = hash.mechanism();
        client.send(&format!("<auth {SASL} mechanism='{mechanism}'>{encoded}</auth>")).await?;
        let answer = client.wait_for(&["</challenge>", "<success", "failure"]).await?;
        if !answer.contains("<success") {
            self.prove(&mut client, hash, user, &first, &answer).await?;
        }
        client.send(&self.header).await?;
        client.wait_for(&["</stream:features>"]).await?;
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>";
        client
            .send(&format!("<iq type='set' id='b'>{bind}<resource>{resource}</resource></bind></iq>"))
            .await?;
        let bound = client.wait_for(&["</iq>"]).await?;
        let jid = bound.split("<jid>").nth(1).and_then(|rest| rest.split('<').next());
        client.jid = jid.ok_or_else(|| format!("not bound: {bound}"))?.to_owned();
        Ok(client)
    }

    async fn prove(
        &self,
        client: &mut Client,
        hash: Hash,
        user: &str,
        first: &str,
        challenge: &str,
    ) -> Fallible {
        let refused = |answer: &str| format!("{user} cannot log in: {answer}");
        if challenge.contains("failure") {
            return Err(refused(challenge).into());
        }
        let challenge = String::from_utf8(STANDARD.decode(inner(challenge)?)?)?;
        let last = scram::last(&self.passwords, hash, &password(user), first, &challenge)?;
        client.send(&format!("<response {SASL}>{}</response>", STANDARD.encode(last))).await?;
        let outcome = client.wait_for(&["</success>", "<success", "failure"]).await?;
        if outcome.contains("failure") {
            return Err(refused(&outcome).into());
        }
        Ok(())
    }

    /// What the server offers before login.
    pub(crate) async fn features(&self) -> Fallible<String> {
        let mut client = self.open(Begin::StartTls).await?;
        let features = std::mem::take(&mut client.features);
        client.close().await?;
        Ok(features)
    }

    /// TCP, TLS, and the features inside TLS.
    async fn open(&self, begin: Begin) -> Fallible<Client> {
        let mut socket = self.connect(begin).await?;
        if begin == Begin::StartTls {
            let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
            socket.write_all(self.header.as_bytes()).await?;
            wait_for(&mut socket, &mut Vec::new(), &["</stream:features>"]).await?;
            socket.write_all(starttls.as_bytes()).await?;
            wait_for(&mut socket, &mut Vec::new(), &["<proceed"]).await?;
        }
        let tls = timeout(PATIENCE, self.tls.connect(self.name.clone(), socket)).await??;
        let mut client = Client { tls, heard: Vec::new(), features: String::new(), jid: String::new() };
        client.send(&self.header).await?;
        client.features = client.wait_for(&["</stream:features>"]).await?;
        Ok(client)
    }

    async fn connect(&self, begin: Begin) -> Fallible<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        let next = self.opened.fetch_add(1, Ordering::Relaxed) / SOCKETS_PER_ADDRESS;
        if next > 0 {
            let address = Ipv4Addr::new(127, 0, 0, 1 + u8::try_from(next % 200)?);
            socket.bind(SocketAddr::from((address, 0)))?;
        }
        let port = if begin == Begin::Direct { self.port_tls } else { self.port };
        let socket = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }
}

const SASL: &str = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";

/// Everyone's password.
fn password(user: &str) -> String {
    format!("the password of {user}")
}

/// The text of an element that holds only text.
fn inner(element: &str) -> Fallible<&str> {
    let text = element.split('>').nth_back(1).and_then(|rest| rest.split('<').next());
    text.filter(|text| !text.is_empty()).ok_or_else(|| format!("nothing in {element}").into())
}

/// A connection inside TLS.
pub(crate) struct Client {
    tls: TlsStream<TcpStream>,
    heard: Vec<u8>,
    /// What was offered before login.
    features: String,
    /// The full JID once it is bound.
    pub(crate) jid: String,
}

impl Client {
    pub(crate) async fn send(&mut self, xml: &str) -> Fallible {
        self.tls.write_all(xml.as_bytes()).await?;
        self.tls.flush().await?;
        Ok(())
    }

    /// Reads until one of the words has come; gives all since the last such wait up to and with it.
    pub(crate) async fn wait_for(&mut self, words: &[&str]) -> Fallible<String> {
        wait_for(&mut self.tls, &mut self.heard, words).await
    }

    /// Asks the server with an IQ; gives all that came up to and with the result. Sets go to the own account.
    pub(crate) async fn ask(&mut self, query: &str) -> Fallible<String> {
        let kind = if query.contains("urn:xmpp:mam:2") { "set" } else { "get" };
        self.send(&format!("<iq type='{kind}' id='asked'>{query}</iq>")).await?;
        let mut heard = self.wait_for(&["id='asked'", "id=\"asked\""]).await?;
        heard += &self.wait_for(&["</iq>", "/>"]).await?;
        while heard.contains("<fin") && !heard.ends_with("</iq>") {
            heard += &self.wait_for(&["</iq>"]).await?;
        }
        if heard.contains("<error") { Err(format!("refused: {heard}").into()) } else { Ok(heard) }
    }

    /// Becomes available and waits until the server has sent that presence back (RFC 6121 §4.2.2).
    pub(crate) async fn available(&mut self) -> Fallible {
        self.send("<presence id='here'/>").await?;
        let me = self.jid.clone();
        loop {
            let stanza = self.wait_for(&["</presence>", "/>"]).await?;
            if stanza.contains(&me) {
                return Ok(());
            }
        }
    }

    /// Reads until at least one more message has come; gives how many have.
    pub(crate) async fn messages(&mut self) -> Fallible<u64> {
        const END: &[u8] = b"</message>";
        loop {
            let count = u64::try_from(memmem::find_iter(&self.heard, END).count())?;
            if count > 0 {
                let end = memmem::rfind(&self.heard, END).map_or(0, |at| at + END.len());
                self.heard.drain(..end);
                return Ok(count);
            }
            let read = timeout(PATIENCE, self.tls.read_buf(&mut self.heard)).await??;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
        }
    }

    /// The connection, for who reads it in another way; what was heard and not waited for is forgotten.
    pub(crate) fn into_inner(self) -> TlsStream<TcpStream> {
        self.tls
    }

    /// Reads and forgets until the connection ends.
    pub(crate) async fn idle(mut self) {
        self.heard = Vec::new();
        self.features = String::new();
        let mut buffer = [0; 512];
        while let Ok(1..) = self.tls.read(&mut buffer).await {}
    }

    pub(crate) async fn close(mut self) -> Fallible {
        self.send("</stream:stream>").await?;
        // The server's own end tag, or the end of the connection, whichever comes.
        let mut rest = Vec::new();
        drop(timeout(PATIENCE, self.tls.read_to_end(&mut rest)).await?);
        Ok(())
    }
}

/// Reads until one of the words has come.
async fn wait_for<S>(socket: &mut S, heard: &mut Vec<u8>, words: &[&str]) -> Fallible<String>
where
    S: AsyncReadExt + Unpin,
{
    loop {
        let ends =
            words.iter().filter_map(|word| memmem::find(heard, word.as_bytes()).map(|at| at + word.len()));
        if let Some(end) = ends.min() {
            return Ok(String::from_utf8(heard.drain(..end).collect())?);
        }
        let read = timeout(PATIENCE, socket.read_buf(heard)).await.map_err(|_| {
            format!("no {words:?} for {PATIENCE:?}, only: {}", String::from_utf8_lossy(heard))
        })??;
        if read == 0 {
            return Err(format!("closed before {words:?}: {}", String::from_utf8_lossy(heard)).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_element() {
        assert_eq!(inner("<challenge xmlns='x'>cj1h</challenge>").unwrap(), "cj1h");
        assert!(inner("<challenge xmlns='x'></challenge>").is_err());
    }

    #[tokio::test]
    async fn waiting_takes_up_to_the_first_word_and_keeps_the_rest() {
        let (mut socket, mut heard) = (&b"<a/><b></b><c/>"[..], Vec::new());
        assert_eq!(wait_for(&mut socket, &mut heard, &["</b>", "/>"]).await.unwrap(), "<a/>");
        assert_eq!(wait_for(&mut socket, &mut heard, &["</b>"]).await.unwrap(), "<b></b>");
        assert!(wait_for(&mut socket, &mut heard, &["</d>"]).await.is_err());
    }
}
