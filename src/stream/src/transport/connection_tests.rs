use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::*;
use crate::sasl::BindingType;
use crate::tls::{Settings, write_self_signed};

async fn pair() -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, Connection::new(server).unwrap())
}

/// Reads until something is there.
async fn read(connection: &mut Connection) -> Vec<u8> {
    let mut buffer = [0; 4096];
    loop {
        connection.ready(true).await.unwrap();
        connection.try_flush().unwrap();
        match connection.try_read(&mut buffer) {
            Ok(count) => return buffer[..count].to_vec(),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
}

struct Tls {
    _folder: tempfile::TempDir,
    certificates: Certificates,
    roots: RootCertStore,
}

fn tls() -> Tls {
    let folder = tempfile::tempdir().unwrap();
    write_self_signed(folder.path(), &["localhost".to_owned()]).unwrap();
    let settings = Settings { alpn: vec![b"xmpp-client".to_vec()], ..Settings::default() };
    let (certificates, problems) = Certificates::load(&[folder.path()], settings);
    assert!(problems.is_empty());
    let mut roots = RootCertStore::empty();
    use rustls::pki_types::pem::PemObject;
    roots.add(CertificateDer::from_pem_file(folder.path().join("localhost.crt")).unwrap()).unwrap();
    Tls { _folder: folder, certificates, roots }
}

impl Tls {
    fn connector(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

type Client = tokio_rustls::client::TlsStream<TcpStream>;

async fn encrypted(
    tls: &Tls,
    connector: TlsConnector,
) -> (io::Result<Client>, Connection, io::Result<TlsFacts>) {
    let (client, mut connection) = pair().await;
    let name = ServerName::try_from("localhost").unwrap();
    let (client, facts) =
        tokio::join!(connector.connect(name, client), connection.accept_tls(&tls.certificates, None));
    (client, connection, facts)
}

#[tokio::test]
async fn bytes_go_both_ways_in_the_clear() {
    let (mut client, mut connection) = pair().await;
    client.write_all(b"ping").await.unwrap();
    assert_eq!(read(&mut connection).await, b"ping");
    connection.output().extend_from_slice(b"pong");
    assert!(connection.try_flush().unwrap());
    let mut answer = [0; 4];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"pong");
    assert_eq!(connection.out.capacity(), 0, "a drained buffer is given back");
}

#[tokio::test]
async fn bytes_go_both_ways_over_tls_13() {
    let tls = tls();
    let (client, mut connection, facts) =
        encrypted(&tls, tls.connector(&[&rustls::version::TLS13], &[b"xmpp-client"])).await;
    let (mut client, facts) = (client.unwrap(), facts.unwrap());
    assert_eq!(facts.server_name.as_deref(), Some("localhost"));
    assert!(facts.is_tls13 && connection.is_encrypted());
    client.write_all(b"ping").await.unwrap();
    assert_eq!(read(&mut connection).await, b"ping");
    let long = vec![b'x'; 300_000];
    connection.output().extend_from_slice(&long);
    let mut received = vec![0; long.len()];
    let (flushed, read) = tokio::join!(connection.flush(), client.read_exact(&mut received));
    flushed.unwrap();
    read.unwrap();
    assert_eq!(received, long);
    assert!(!connection.has_output());
}

#[tokio::test]
async fn rfc9266_2_both_sides_export_the_same_bytes() {
    let tls = tls();
    let (client, _connection, facts) = encrypted(&tls, tls.connector(&[&rustls::version::TLS13], &[])).await;
    let facts = facts.unwrap();
    let (_, state) = client.as_ref().unwrap().get_ref();
    let exported = state.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
    let kinds: Vec<_> = facts.bindings.iter().map(|binding| binding.kind).collect();
    assert_eq!(kinds, [BindingType::TlsExporter, BindingType::TlsServerEndPoint]);
    assert_eq!(facts.bindings[0].data, exported);
    let certificate = &state.peer_certificates().unwrap()[0];
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    assert_eq!(facts.bindings[1].data, hash.as_ref());
}

#[tokio::test]
async fn rfc9266_3_tls_12_is_not_offered_tls_exporter() {
    let tls = tls();
    let (client, _connection, facts) = encrypted(&tls, tls.connector(&[&rustls::version::TLS12], &[])).await;
    client.unwrap();
    let facts = facts.unwrap();
    assert!(!facts.is_tls13);
    let kinds: Vec<_> = facts.bindings.iter().map(|binding| binding.kind).collect();
    assert_eq!(kinds, [BindingType::TlsServerEndPoint]);
}

#[tokio::test]
async fn xep0368_3_a_client_that_speaks_another_protocol_is_refused() {
    let tls = tls();
    let (client, _connection, facts) =
        encrypted(&tls, tls.connector(&[&rustls::version::TLS13], &[b"http/1.1"])).await;
    assert!(client.is_err() && facts.is_err());
}

#[tokio::test]
async fn what_is_not_tls_gets_an_alert_and_an_end() {
    let tls = tls();
    let (mut client, mut connection) = pair().await;
    client.write_all(b"<message to='romeo@example.net'/>").await.unwrap();
    let error = connection.accept_tls(&tls.certificates, None).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    connection.close(Duration::from_secs(1)).await;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert record");
}

#[tokio::test]
async fn what_came_with_the_end_of_the_handshake_is_read() {
    let tls = tls();
    let (client, mut connection) = pair().await;
    let connector = tls.connector(&[&rustls::version::TLS13], &[]);
    let name = ServerName::try_from("localhost").unwrap();
    let eager = async {
        let mut client = connector.connect(name, client).await.unwrap();
        client.write_all(b"eager").await.unwrap();
        client
    };
    let (_client, facts) = tokio::join!(eager, connection.accept_tls(&tls.certificates, None));
    facts.unwrap();
    assert_eq!(read(&mut connection).await, b"eager");
}

#[tokio::test]
async fn a_peer_that_does_not_read_leaves_output_pending_and_ready_can_be_dropped() {
    let (_client, mut connection) = pair().await;
    connection.output().extend(std::iter::repeat_n(b'x', 20_000_000));
    assert!(!connection.try_flush().unwrap());
    let before = connection.pending_bytes();
    assert!(before > 0);
    let waited = timeout(Duration::from_millis(20), connection.ready(false)).await;
    assert!(waited.is_err(), "the socket takes nothing");
    assert_eq!(connection.pending_bytes(), before);
}

#[tokio::test]
async fn the_end_of_the_peer_is_zero_bytes() {
    let (client, mut connection) = pair().await;
    drop(client);
    assert!(read(&mut connection).await.is_empty());
    let tls = tls();
    let (client, mut connection, _) = encrypted(&tls, tls.connector(&[&rustls::version::TLS13], &[])).await;
    client.unwrap().shutdown().await.unwrap();
    assert!(read(&mut connection).await.is_empty());
}

#[tokio::test]
async fn last_words_reach_a_peer_that_is_still_talking() {
    let (mut client, mut connection) = pair().await;
    client.write_all(&[b'x'; 100_000]).await.unwrap();
    connection.output().extend_from_slice(b"</stream:stream>");
    let talk = async {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        drop(client);
        answer
    };
    let ((), answer) = tokio::join!(connection.close(Duration::from_secs(5)), talk);
    assert_eq!(answer, b"</stream:stream>");
}

#[tokio::test]
async fn renegotiation_does_not_exist() {
    // rustls has none to offer (RFC 6120 §5.3.5 leaves it to us): a second hello is an unexpected message.
    let tls = tls();
    let (client, mut connection, _) = encrypted(&tls, tls.connector(&[&rustls::version::TLS12], &[])).await;
    let (mut socket, _) = client.unwrap().into_inner();
    socket.write_all(b"\x16\x03\x03\x00\x04\x01\x00\x00\x00").await.unwrap();
    let mut buffer = [0; 64];
    connection.ready(true).await.unwrap();
    let error = loop {
        match connection.try_read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => connection.ready(true).await.unwrap(),
            Err(error) => break error,
            Ok(count) => panic!("{count} bytes"),
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn rfc9325_3_4_a_session_is_resumed_by_its_ticket() {
    let tls = tls();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let connector = tls.connector(&[version], &[]);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let (client, mut connection, facts) = encrypted(&tls, connector.clone()).await;
            facts.unwrap();
            let mut client = client.unwrap();
            kinds.push(client.get_ref().1.handshake_kind().unwrap());
            // The ticket of TLS 1.3 comes after the handshake.
            connection.output().extend_from_slice(b"x");
            connection.flush().await.unwrap();
            client.read_exact(&mut [0]).await.unwrap();
        }
        assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed], "{version:?}");
    }
}
