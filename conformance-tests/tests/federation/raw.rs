//! A server that says whatever a test wants.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

use crate::server::Server;

/// A stream to the server under test.
pub(crate) struct Raw {
    stream: Stream,
    seen: String,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Raw {
    /// In the clear, up to the features.
    pub(crate) fn plain(server: &Server, from: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.s2s)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time above zero");
        let mut raw = Self { stream: Stream::Plain(stream), seen: String::new() };
        raw.open(server, from);
        raw
    }

    /// A stream that the server under test has opened.
    pub(crate) fn accepted(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time above zero");
        Self { stream: Stream::Plain(stream), seen: String::new() }
    }

    /// Over TLS, showing a certificate, up to the features.
    pub(crate) fn secure(server: &Server, from: &str, (chain, key): &(String, String)) -> Self {
        let mut raw = Self::plain(server, from);
        raw.until("</stream:features>");
        raw.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        raw.until("<proceed");
        raw.until(">");
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_client_auth_cert(chain.expect("certificates"), key)
            .expect("they belong together");
        let name = ServerName::try_from(server.domain.clone()).expect("a domain name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("a good config");
        let Stream::Plain(socket) = raw.stream else { panic!("it is plain") };
        let mut raw =
            Self { stream: Stream::Tls(Box::new(StreamOwned::new(tls, socket))), seen: String::new() };
        raw.open(server, from);
        raw
    }

    pub(crate) fn open(&mut self, server: &Server, from: &str) {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
             xmlns:db='jabber:server:dialback' from='{from}' to='{}' version='1.0'>",
            server.domain
        ));
    }

    pub(crate) fn send(&mut self, text: &str) {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(text.as_bytes()),
            Stream::Tls(stream) => stream.write_all(text.as_bytes()),
        }
        .expect("the connection is open");
    }

    /// As [`Raw::send`], to somebody who may have gone.
    pub(crate) fn try_send(&mut self, text: &str) -> bool {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(text.as_bytes()),
            Stream::Tls(stream) => stream.write_all(text.as_bytes()),
        }
        .is_ok()
    }

    /// Reads until `what` came; returns all up to there.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(what) {
                let rest = self.seen.split_off(at + what.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let count = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut buffer),
                Stream::Tls(stream) => stream.read(&mut buffer),
            };
            match count {
                Ok(0) => panic!("the stream ended before {what}: {}", self.seen),
                Ok(count) => {
                    self.seen.push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()))
                }
                Err(error) => panic!("{what}: {error}: {}", self.seen),
            }
        }
    }

    /// The connection must end; what was said before does not matter.
    pub(crate) fn ends(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(1..) = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut buffer),
            Stream::Tls(stream) => stream.read(&mut buffer),
        } {}
    }

    /// The stream must end with this error.
    #[track_caller]
    pub(crate) fn ends_with(&mut self, condition: &str) {
        let end = self.until("</stream:stream>");
        assert!(
            end.contains(&format!("<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>")),
            "{end}"
        );
    }
}

/// Takes every certificate: it is the other side that is tested.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
