//! One connection: plain TCP or TLS over it.

use std::future::pending;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::Acceptor;
use rustls::{ClientConfig, ClientConnection};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::tls::{Certificates, TlsFacts};

/// A connection.
///
/// Everything that waits can be cancelled without loss: [`Connection::ready`] holds nothing, reading and writing do not
/// wait. So one task can select over the socket, its mailbox and its timers:
///
/// ```text
/// connection.try_flush()?;
/// select! {
///     ready = connection.ready(true) => loop { connection.try_read(&mut scratch)?; … }   // until WouldBlock
///     stanza = mailbox.next() => stanza.write(connection.output()),
///     _ = deadline => …
/// }
/// ```
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    tls: Option<Box<rustls::Connection>>,
    /// Not yet given to TLS or the socket; from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// There may be something to read although the socket says nothing.
    unread: bool,
}

impl Connection {
    /// A plain connection.
    ///
    /// # Errors
    /// As the system says.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        // A peer that vanished is found out by the kernel, which costs no memory of ours and no battery of a phone
        // that is well: its radio is not woken for a probe more often than this.
        SockRef::from(&socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        Ok(Self { socket, tls: None, out: Vec::new(), sent: 0, unread: true })
    }

    /// Whether TLS protects it.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Where to append what is to be written; [`Connection::try_flush`] writes it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Bytes that wait to be written.
    pub fn pending_bytes(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Whether anything waits to be written, TLS's own records included.
    pub fn has_output(&self) -> bool {
        self.pending_bytes() > 0 || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Whether it was left off reading before all was read.
    pub fn is_unread(&self) -> bool {
        self.unread
    }

    /// Waits until [`Connection::try_read`] (if `read`) or, while something waits to be written,
    /// [`Connection::try_flush`] is worth calling. Holds no memory while it waits. Who has not read all that was there
    /// gives way to others first.
    ///
    /// # Errors
    /// As the system says.
    pub async fn ready(&self, read: bool) -> io::Result<()> {
        let interest = match (read, self.has_output()) {
            (true, _) if self.unread => {
                yield_now().await;
                return Ok(());
            }
            (true, true) => Interest::READABLE | Interest::WRITABLE,
            (true, false) => Interest::READABLE,
            (false, true) => Interest::WRITABLE,
            (false, false) => pending().await,
        };
        self.socket.ready(interest).await.map(drop)
    }

    /// Reads what is there into `buffer`. Zero: the peer has ended its side. Call until `WouldBlock` before waiting.
    ///
    /// # Errors
    /// `WouldBlock`: nothing there. `InvalidData`: what came is not TLS or was tampered with.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.tls {
            None => self.socket.try_read(buffer),
            Some(tls) => read_tls(tls, &self.socket, buffer),
        };
        self.unread = !matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        result
    }

    /// Writes as much as the socket takes. True: all of it. When drained, the buffer is given back.
    ///
    /// # Errors
    /// As the system says.
    pub fn try_flush(&mut self) -> io::Result<bool> {
        loop {
            if let Some(tls) = &mut self.tls
                && !write_tls(tls, &self.socket)?
            {
                return Ok(false);
            }
            let rest = self.out.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                self.out = Vec::new();
                self.sent = 0;
                return Ok(true);
            }
            let written = match &mut self.tls {
                Some(tls) => tls.writer().write(rest)?,
                None => match self.socket.try_write(rest) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    result => result?,
                },
            };
            self.sent += written;
        }
    }

    /// Waits until all is written. May be cancelled; what was not written stays.
    ///
    /// # Errors
    /// As the system says.
    pub async fn flush(&mut self) -> io::Result<()> {
        while !self.try_flush()? {
            self.socket.writable().await?;
        }
        Ok(())
    }

    /// Does the handshake: RFC 6120 §5.4.3, or at once on a port of XEP-0368. `to`: the host of the stream header, for
    /// clients without SNI. Whatever the peer sent in the clear and was not read yet is read as TLS, and fails.
    ///
    /// # Errors
    /// As TLS says; the alert has been sent if there is one.
    pub async fn accept_tls(
        &mut self,
        certificates: &Certificates,
        to: Option<&str>,
    ) -> io::Result<TlsFacts> {
        // Boxed: the handshake's state is large and short-lived, the connection's task is not.
        let (tls, facts) = Box::pin(accept(&self.socket, certificates, to)).await?;
        self.tls = Some(tls);
        self.unread = true;
        Ok(facts)
    }

    /// The other side of [`Connection::accept_tls`]: to another server, which is called `name`.
    ///
    /// # Errors
    /// As TLS says; the alert has been sent if there is one.
    pub async fn connect_tls(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<()> {
        let tls = ClientConnection::new(config, name).map_err(invalid)?;
        let mut tls = Box::new(rustls::Connection::from(tls));
        Box::pin(handshake(&mut tls, &self.socket)).await?;
        self.tls = Some(tls);
        self.unread = true;
        Ok(())
    }

    /// The chain of certificates that the other side has shown, its own first.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.tls.as_ref().and_then(|tls| tls.peer_certificates()).unwrap_or_default()
    }

    /// The version of TLS, as people write it.
    pub fn tls_version(&self) -> Option<&'static str> {
        match self.tls.as_ref()?.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
            rustls::ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
            _ => None,
        }
    }

    /// Ends the connection: writes what waits, then `close_notify` and FIN, then reads until the peer ends as well, so
    /// that our last words are not lost to a reset. All of it takes no longer than `patience`.
    pub async fn close(mut self, patience: Duration) {
        let farewell = async {
            self.flush().await?;
            if let Some(tls) = &mut self.tls {
                tls.send_close_notify();
            }
            self.flush().await?;
            SockRef::from(&self.socket).shutdown(Shutdown::Write)?;
            let mut ignored = vec![0; 16 << 10];
            let mut budget = IGNORED_BYTES_MAX;
            while budget > 0 {
                self.socket.readable().await?;
                match self.socket.try_read(&mut ignored) {
                    Ok(0) => break,
                    Ok(count) => budget = budget.saturating_sub(count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok::<(), io::Error>(())
        };
        // Nobody is left to be told.
        drop(timeout(patience, farewell).await);
    }
}

/// Runs a whole handshake as the server.
async fn accept(
    socket: &TcpStream,
    certificates: &Certificates,
    to: Option<&str>,
) -> io::Result<(Box<rustls::Connection>, TlsFacts)> {
    let mut acceptor = Acceptor::default();
    let accepted = loop {
        read_some(socket, |reader| acceptor.read_tls(reader)).await?;
        match acceptor.accept() {
            Ok(Some(accepted)) => break accepted,
            Ok(None) => {}
            Err((error, mut alert)) => {
                alert.write_all(&mut Socket(socket)).ok();
                return Err(invalid(error));
            }
        }
    };
    let served = certificates.choose(accepted.client_hello().server_name(), to);
    let served = served.ok_or_else(|| io::Error::other("there is no certificate"))?;
    let mut tls = match accepted.into_connection(served.config()) {
        Ok(tls) => Box::new(rustls::Connection::from(tls)),
        Err((error, mut alert)) => {
            alert.write_all(&mut Socket(socket)).ok();
            return Err(invalid(error));
        }
    };
    handshake(&mut tls, socket).await?;
    let facts = match &*tls {
        rustls::Connection::Server(tls) => TlsFacts::of(tls, &served),
        rustls::Connection::Client(_) => TlsFacts::default(),
    };
    Ok((tls, facts))
}

/// Goes on until nothing is left to negotiate.
async fn handshake(tls: &mut rustls::Connection, socket: &TcpStream) -> io::Result<()> {
    loop {
        while !write_tls(tls, socket)? {
            socket.writable().await?;
        }
        if !tls.is_handshaking() {
            return Ok(());
        }
        read_some(socket, |reader| tls.read_tls(reader)).await?;
        process(tls, socket)?;
    }
}

/// Waits for bytes and hands them to `read`; the end of the connection is an error.
async fn read_some(
    socket: &TcpStream,
    mut read: impl FnMut(&mut dyn Read) -> io::Result<usize>,
) -> io::Result<()> {
    loop {
        socket.readable().await?;
        match read(&mut Socket(socket)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn read_tls(tls: &mut rustls::Connection, socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Without close_notify: XML tells by itself whether it is complete.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            result => return result,
        }
        if tls.read_tls(&mut Socket(socket))? > 0 {
            process(tls, socket)?;
        }
    }
}

fn process(tls: &mut rustls::Connection, socket: &TcpStream) -> io::Result<()> {
    match tls.process_new_packets() {
        Ok(_) => Ok(()),
        Err(error) => {
            // The alert that tells the peer.
            write_tls(tls, socket).ok();
            Err(invalid(error))
        }
    }
}

/// Writes TLS records; false: the socket takes no more for now.
fn write_tls(tls: &mut rustls::Connection, socket: &TcpStream) -> io::Result<bool> {
    while tls.wants_write() {
        match tls.write_tls(&mut Socket(socket)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The socket as rustls wants it.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }
    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const KEEPALIVE: Duration = Duration::from_secs(15 * 60);
const IGNORED_BYTES_MAX: usize = 256 << 10;

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
