//! A server with two hosts and a client that speaks bytes.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use waxwing_core::prelude::*;
use waxwing_core::{Accounts, Clock, Config, ModuleDef, Random, Server, StartOptions, Trigger};
use waxwing_store::{EngineKind, Faults, Kind as NumberKind, StoreOptions};
use waxwing_stream::Secret;
use waxwing_stream::sasl::{Credentials, Decoy, Doing, Finding, ScramHash, ScramKeys, Stored, encode_base64};

use crate::C2s;

/// Everybody but nobody exists, and has the password "pencil".
#[derive(Debug)]
struct TestAccounts {
    store: Store,
    domain: String,
    keys: Vec<ScramKeys>,
    guests: parking_lot::Mutex<Vec<String>>,
}

impl Module for TestAccounts {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("accounts", "Everybody exists but nobody");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let host = reg.host()?;
        let derive = |hash| ScramKeys::derive(hash, NonZeroU32::new(4096).unwrap(), b"pencil");
        let this = Arc::new(Self {
            store: host.store().clone(),
            domain: host.domain().as_str().to_owned(),
            keys: ScramHash::ALL.into_iter().map(derive).collect(),
            guests: parking_lot::Mutex::default(),
        });
        reg.provide::<dyn Accounts>(this.clone())?;
        reg.provide::<dyn Credentials>(this.clone())?;
        let feature = StreamFeature::new(Offered::BeforeLogin, Tree::new("urn:example:early", "early"))
            .on(Trigger::Iq(IqType::Get, "urn:example:early", "query"));
        reg.stream_feature_with(feature, &this, |_, _| async {
            Ok(Reply::tree(&Tree::new("urn:example:early", "answer")))
        });
        let feature = StreamFeature::new(Offered::AfterLogin, Tree::new("urn:example:late", "late"))
            .on(Trigger::Nonza("urn:example:late", "enable"));
        reg.stream_feature_with(feature, &this, |_, _| async {
            Ok(Reply::tree(&Tree::new("urn:example:late", "enabled")))
        });
        Ok(this)
    }
}

impl Accounts for TestAccounts {
    fn find<'a>(
        &'a self,
        local: &'a str,
    ) -> waxwing_core::BoxFuture<'a, Result<Option<AccountNumber>, StoreError>> {
        Box::pin(async move {
            let guest =
                local.starts_with("anonymous-") && !self.guests.lock().iter().any(|guest| guest == local);
            if local == "nobody" || guest {
                return Ok(None);
            }
            let name = format!("{local}@{}", self.domain);
            Ok(Some(self.store.numbers().ensure(NumberKind::Account, &name).await?.account()))
        })
    }
}

impl Credentials for TestAccounts {
    fn find<'a>(&'a self, local: &'a str) -> Finding<'a> {
        let stored = (local != "nobody").then(|| Stored { keys: self.keys.clone(), enabled: true });
        Box::pin(std::future::ready(Ok(stored)))
    }
    fn admit<'a>(&'a self, local: &'a str) -> Doing<'a> {
        self.guests.lock().push(local.to_owned());
        Box::pin(std::future::ready(Ok(())))
    }
    fn dismiss(self: Arc<Self>, local: String) -> Doing<'static> {
        self.guests.lock().retain(|guest| *guest != local);
        Box::pin(std::future::ready(Ok(())))
    }
    fn decoy(&self) -> Arc<Decoy> {
        Arc::new(Decoy::new(Secret::new(b"decoy".as_slice()), NonZeroU32::new(4096).unwrap()))
    }
}

static MODULES: [ModuleDef; 2] = [ModuleDef::of::<TestAccounts>(), ModuleDef::of::<C2s>()];

/// A running server.
pub(super) struct TestServer {
    pub(super) server: Server,
    port: u16,
    tls_port: u16,
    folder: tempfile::TempDir,
}

/// The same with what stream management needs.
static MANAGED: [ModuleDef; 5] = [
    ModuleDef::of::<TestAccounts>(),
    ModuleDef::of::<waxwing_log::Log>(),
    ModuleDef::of::<waxwing_offline::Offline>(),
    ModuleDef::of::<waxwing_sm::Sm>(),
    ModuleDef::of::<C2s>(),
];

pub(super) async fn start() -> TestServer {
    start_with("").await
}

/// With stream management, on a store that gets into trouble on demand.
pub(super) async fn start_managed(more: &str, faults: &Faults) -> TestServer {
    let options = StoreOptions { faults: faults.clone(), ..StoreOptions::new(EngineKind::Memory, "") };
    start_stored(more, options).await
}

pub(super) async fn start_stored(more: &str, options: StoreOptions) -> TestServer {
    for _ in 0..20 {
        let store = Store::open(options.clone()).await.unwrap();
        if let Some(server) = try_start(more, &MANAGED, store).await {
            return server;
        }
    }
    panic!("no free ports");
}

/// With more lines of config.
pub(super) async fn start_with(more: &str) -> TestServer {
    for _ in 0..20 {
        if let Some(server) = try_start(more, &MODULES, Store::memory()).await {
            return server;
        }
    }
    panic!("no free ports");
}

async fn try_start(more: &str, modules: &'static [ModuleDef], store: Store) -> Option<TestServer> {
    let folder = tempfile::tempdir().unwrap();
    let (port, tls_port) = (free_port(), free_port());
    let text = format!(
        "data_dir = {:?}\n{more}\n[listen]\nc2s = [\"127.0.0.1:{port}\"]\nc2s_tls = [\"127.0.0.1:{tls_port}\"]\n\
         [tls]\ncertificates = {:?}\n[host.\"example.org\"]\nallow_plaintext = true\n[host.\"example.net\"]\n",
        folder.path(),
        folder.path().join("none"),
    );
    let config = Config::parse(&text, Path::new("test"), modules).unwrap();
    let options = StartOptions { modules, listeners: true, clock: Clock::System, random: Random::System };
    match Server::start(config, store, options).await {
        Ok(server) => Some(TestServer { server, port, tls_port, folder }),
        // Somebody else took the port.
        Err(error) if error.to_string().contains("cannot be listened on") => None,
        Err(error) => panic!("{error}"),
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl TestServer {
    pub(super) async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(("127.0.0.1", self.port)).await.unwrap())
    }

    fn certificate(&self, host: &str) -> PathBuf {
        self.folder.path().join(format!("self-signed/{host}.crt"))
    }

    fn connector(&self, host: &str) -> TlsConnector {
        self.connector_as(host, None)
    }

    fn connector_as(&self, host: &str, identity: Option<Identity>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.certificate(host)).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match identity {
            Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    /// XEP-0368.
    pub(super) async fn connect_tls(&self, host: &str) -> Client<Tls> {
        self.connect_tls_as(host, None).await
    }

    /// A bare connection to the port of direct TLS.
    pub(super) async fn connect_tls_port(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(("127.0.0.1", self.tls_port)).await.unwrap())
    }

    /// With a certificate of the client.
    pub(super) async fn connect_tls_as(&self, host: &str, identity: Option<Identity>) -> Client<Tls> {
        let socket = TcpStream::connect(("127.0.0.1", self.tls_port)).await.unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        Client::new(self.connector_as(host, identity).connect(name, socket).await.unwrap())
    }

    /// STARTTLS after the header and `<starttls/>` with what is pipelined behind it.
    pub(super) async fn connect_starttls(&self, host: &str, pipelined: &str) -> Client<Tls> {
        let mut client = self.connect().await;
        client.send(&header(host)).await;
        client.expect("</stream:features>").await;
        client.send(&format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>{pipelined}")).await;
        assert_eq!(client.expect("/>").await, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        let name = ServerName::try_from(host.to_owned()).unwrap();
        Client::new(self.connector(host).connect(name, client.socket).await.unwrap())
    }

    /// A bound session of example.org without TLS.
    pub(super) async fn bound(&self, local: &str) -> Client<TcpStream> {
        let mut client = self.connect().await;
        client.log_in("example.org", local).await;
        client
    }
}

/// A client's certificate and key.
pub(super) type Identity = (CertificateDer<'static>, rustls::pki_types::PrivateKeyDer<'static>);

pub(super) type Tls = tokio_rustls::client::TlsStream<TcpStream>;

pub(super) fn header(host: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream to='{host}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    )
}

pub(super) fn plain(local: &str, password: &str) -> String {
    let message = encode_base64(format!("\0{local}\0{password}").as_bytes());
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>")
}

/// A client that speaks bytes.
pub(super) struct Client<S> {
    pub(super) socket: S,
    received: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(socket: S) -> Self {
        Self { socket, received: String::new() }
    }

    pub(super) async fn send(&mut self, xml: &str) {
        self.socket.write_all(xml.as_bytes()).await.unwrap();
    }

    /// Reads up to the end of the first occurrence of `end`; the rest is kept.
    pub(super) async fn expect(&mut self, end: &str) -> String {
        let wait = async {
            loop {
                if let Some(at) = self.received.find(end) {
                    let rest = self.received.split_off(at + end.len());
                    return std::mem::replace(&mut self.received, rest);
                }
                assert!(self.more().await, "the stream ended without {end}: {:?}", self.received);
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no {end}"))
    }

    /// Reads to the end.
    pub(super) async fn rest(&mut self) -> String {
        let wait = async {
            while self.more().await {}
            std::mem::take(&mut self.received)
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no end"))
    }

    /// Reads to the end what need not be text.
    pub(super) async fn rest_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.socket.read_to_end(&mut bytes)).await;
        // A reset is an end as well.
        drop(read.unwrap_or_else(|_| panic!("no end")));
        bytes
    }

    /// False at the end.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer).await {
            Ok(count) => {
                self.received.push_str(str::from_utf8(&buffer[..count]).unwrap());
                count > 0
            }
            Err(_) => false,
        }
    }

    /// Nothing comes before the answer to a ping of the stream.
    pub(super) async fn expect_nothing(&mut self) {
        self.send("<iq type='set' id='sync'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
            .await;
        let answer = self.expect("/>").await;
        assert!(answer.starts_with("<iq ") && answer.contains("id='sync'"), "{answer}");
    }

    pub(super) async fn log_in(&mut self, host: &str, local: &str) -> String {
        self.send(&header(host)).await;
        self.expect("</stream:features>").await;
        self.send(&plain(local, "pencil")).await;
        self.expect("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
        self.send(&header(host)).await;
        self.expect("</stream:features>").await;
        self.bind(local).await
    }

    /// Binds the account's name as resource.
    pub(super) async fn bind(&mut self, resource: &str) -> String {
        self.send(&format!(
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"
        ))
        .await;
        let answer = self.expect("</iq>").await;
        let jid = answer.split("<jid>").nth(1).unwrap_or_else(|| panic!("{answer}"));
        jid.split('<').next().unwrap().to_owned()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
