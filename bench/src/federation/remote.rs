//! A small server of the network: it takes streams from the server under test, and opens streams to it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::Fallible;
use crate::federation::line::{Line, PATIENCE};
use crate::federation::network::{Domain, HERE, Network, Proof};
use crate::federation::xml::{attribute, name, text};

/// Accepts until the runtime ends.
pub(crate) async fn listen(network: Arc<Network>, index: usize, listener: TcpListener) {
    while let Ok((socket, _)) = listener.accept().await {
        let network = Arc::clone(&network);
        tokio::spawn(async move {
            // How streams end is not measured; what did not arrive is noticed where it is counted.
            drop(serve(&network, index, socket).await);
        });
    }
}

/// One stream that the server under test opens.
async fn serve(network: &Network, index: usize, socket: TcpStream) -> Fallible {
    let domain = network.domain(index)?;
    socket.set_nodelay(true)?;
    let mut line = Line::new(socket);
    line.until("stream:stream").await?;
    line.send(&greeting(&domain.name, &network.id(), STARTTLS)).await?;
    line.until("starttls").await?;
    line.send(PROCEED).await?;
    let tls = timeout(PATIENCE, domain.acceptor.accept(line.into_inner())).await??;
    let mut line = Line::new(tls);
    let (mut id, mut proven) = (network.id(), false);
    loop {
        let element = line.element().await?;
        match name(&element) {
            "stream:stream" => {
                id = network.id();
                let features = match network.proof {
                    _ if proven => "",
                    Proof::External => EXTERNAL,
                    Proof::Dialback => DIALBACK,
                };
                line.send(&greeting(&domain.name, &id, features)).await?;
            }
            "auth" => {
                proven = true;
                line.send("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await?;
            }
            "db:result" => {
                let valid = verify(network, index, &id, text(&element)).await?;
                let kind = if valid { "valid" } else { "invalid" };
                line.send(&format!("<db:result from='{}' to='{HERE}' type='{kind}'/>", domain.name)).await?;
            }
            "db:verify" => {
                let id = attribute(&element, "id").unwrap_or_default();
                let kind = if text(&element) == key(&domain.name, id) { "valid" } else { "invalid" };
                let answer =
                    format!("<db:verify from='{}' to='{HERE}' id='{id}' type='{kind}'/>", domain.name);
                line.send(&answer).await?;
            }
            "message" => network.out.hear(&element),
            "/stream:stream" => return line.send("</stream:stream>").await,
            _ => {}
        }
    }
}

/// Opens a stream to the server under test and proves on it who we are.
pub(crate) async fn call(
    domain: &Domain,
    proof: Proof,
    subject: SocketAddr,
) -> Fallible<Line<TlsStream<TcpStream>>> {
    let (mut line, id, features) = open(domain, subject).await?;
    if proof == Proof::External {
        if !features.contains("EXTERNAL") {
            return Err(format!("{} may not prove itself by its certificate: {features}", domain.name).into());
        }
        let identity = STANDARD.encode(&domain.name);
        line.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{identity}</auth>"
        ))
        .await?;
        line.until("success").await?;
        greet(&mut line, &domain.name).await?;
        return Ok(line);
    }
    let key = key(&domain.name, &id);
    line.send(&format!("<db:result from='{}' to='{HERE}'>{key}</db:result>", domain.name)).await?;
    let answer = line.until("db:result").await?;
    if attribute(&answer, "type") == Some("valid") { Ok(line) } else { Err(answer.into()) }
}

/// XEP-0220 §2.3: asks the server under test, on a stream of its own, whether it made a key.
async fn verify(network: &Network, index: usize, id: &str, key: &str) -> Fallible<bool> {
    let domain = network.domain(index)?;
    let mut line = open(domain, network.subject).await?.0;
    let ask = format!("<db:verify from='{}' to='{HERE}' id='{id}'>{key}</db:verify>", domain.name);
    line.send(&ask).await?;
    let answer = line.until("db:verify").await?;
    line.send("</stream:stream>").await?;
    Ok(attribute(&answer, "type") == Some("valid"))
}

/// TCP from the domain's own address, STARTTLS, and the id and features inside.
pub(crate) async fn open(
    domain: &Domain,
    subject: SocketAddr,
) -> Fallible<(Line<TlsStream<TcpStream>>, String, String)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(domain.address), 0))?;
    let socket = timeout(PATIENCE, socket.connect(subject)).await??;
    socket.set_nodelay(true)?;
    let mut line = Line::new(socket);
    greet(&mut line, &domain.name).await?;
    line.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    line.until("proceed").await?;
    let here = ServerName::try_from(HERE)?;
    let tls = timeout(PATIENCE, domain.connector.connect(here, line.into_inner())).await??;
    let mut line = Line::new(tls);
    let (id, features) = greet(&mut line, &domain.name).await?;
    Ok((line, id, features))
}

/// Headers in both directions; the id of the stream, and its features.
async fn greet<S>(line: &mut Line<S>, from: &str) -> Fallible<(String, String)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    line.send(&format!("{HEADER} from='{from}' to='{HERE}' version='1.0'>")).await?;
    let header = line.until("stream:stream").await?;
    let id = attribute(&header, "id").unwrap_or_default().to_owned();
    Ok((id, line.until("stream:features").await?))
}

/// The header and features of a server.
pub(crate) fn greeting(from: &str, id: &str, features: &str) -> String {
    format!(
        "{HEADER} from='{from}' to='{HERE}' id='{id}' version='1.0'><stream:features>{features}</stream:features>"
    )
}

/// What a domain's server makes as key for a stream: no secret is needed where nobody lies.
pub(crate) fn key(domain: &str, id: &str) -> String {
    format!("the key of {domain} for {id}")
}

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
                      xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'";
pub(crate) const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
pub(crate) const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const EXTERNAL: &str =
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>";
pub(crate) const DIALBACK: &str = "<dialback xmlns='urn:xmpp:features:dialback'/>";
