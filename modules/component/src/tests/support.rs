//! A server with a component, and a component that speaks bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use waxwing_carbons::Carbons;
use waxwing_core::{Config, HostConfig, Module};
use waxwing_disco::Disco;
use waxwing_log::Log;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_stream::Secret;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};

use crate::Components;
use crate::handshake::expected;

pub(super) const IRC: &str = "[domains.\"irc.example.org\"]\nsecret = \"secret\"\n";

/// A running server for example.org with the components of `section`.
pub(super) struct Running {
    pub(super) server: TestServer,
    address: SocketAddr,
}

pub(super) async fn start(section: &str) -> Running {
    start_with(section, |_| {}).await
}

pub(super) async fn start_with(section: &str, change: fn(&mut Config)) -> Running {
    start_builder(section, change, |server| server).await
}

/// With one more module.
pub(super) async fn start_with_module<M: Module>(section: &str) -> Running {
    start_builder(section, |_| {}, TestServerBuilder::with::<M>).await
}

async fn start_builder(
    section: &str,
    change: fn(&mut Config),
    more: fn(TestServerBuilder) -> TestServerBuilder,
) -> Running {
    for _ in 0..20 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let server = TestServer::host("example.org")
            .with::<Carbons>()
            .with::<Disco>()
            .with::<Log>()
            .with::<Presence>()
            .with::<Rosters>()
            .with::<Components>()
            .with_listeners()
            .config(|config| {
                config.listen.component = vec![address];
                config.host.insert("example.net".to_owned(), HostConfig::default());
                config.modules.insert("component".to_owned(), section.parse().unwrap());
                // Nobody of these leaves when told to.
                config.limits.drain_time = "200 ms".parse().unwrap();
                change(config);
            });
        match more(server).try_start().await {
            Ok(server) => return Running { server, address },
            // Somebody else took the port.
            Err(error) if error.to_string().contains("cannot be listened on") => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no free port");
}

impl Running {
    pub(super) async fn connect(&self) -> Peer {
        Peer { socket: TcpStream::connect(self.address).await.unwrap(), received: String::new() }
    }

    /// A component that has shown its secret.
    pub(super) async fn join(&self, name: &str, secret: &str) -> Peer {
        let mut peer = self.connect().await;
        peer.shake(name, secret).await;
        assert_eq!(peer.expect("/>").await, "<handshake/>");
        peer
    }

    pub(super) async fn irc(&self) -> Peer {
        self.join("irc.example.org", "secret").await
    }

    pub(super) async fn juliet(&self) -> TestClient {
        self.server.online("juliet@example.org/balcony").await
    }

    pub(super) fn metric(&self, line: &str) -> bool {
        self.server.server().shared().encode_metrics().lines().any(|other| other == line)
    }

    /// Waits until the server knows that the component has gone.
    pub(super) async fn gone(&self, name: &str) {
        let router = self.server.server().shared().router();
        let begin = Instant::now();
        while router.external(name).is_some_and(|external| external.is_connected()) {
            assert!(begin.elapsed() < PATIENCE, "{name} stays");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(super) fn header(name: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream to='{name}' xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    )
}

/// A component that speaks bytes.
pub(super) struct Peer {
    pub(super) socket: TcpStream,
    received: String,
}

impl Peer {
    pub(super) async fn send(&mut self, xml: &str) {
        self.socket.write_all(xml.as_bytes()).await.unwrap();
    }

    /// Sends while the other end may already have gone.
    pub(super) async fn push(&mut self, bytes: &[u8]) {
        drop(self.socket.write_all(bytes).await);
    }

    /// Opens a stream; the answer is its id.
    pub(super) async fn open(&mut self, name: &str) -> String {
        self.send(&header(name)).await;
        let answer = self.expect("'>").await;
        assert!(answer.contains(&format!(" from='{name}' ")), "{answer}");
        answer.split(" id='").nth(1).unwrap().split('\'').next().unwrap().to_owned()
    }

    /// Opens a stream and says the secret.
    pub(super) async fn shake(&mut self, name: &str, secret: &str) {
        let id = self.open(name).await;
        let proof = expected(&id, &Secret::new(secret.as_bytes()));
        self.send(&format!("<handshake>{proof}</handshake>")).await;
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

    /// The stream must end with this error.
    pub(super) async fn expect_error(&mut self, condition: &str) {
        let rest = self.rest().await;
        assert!(rest.contains(&format!("<stream:error><{condition} ")), "{condition}: {rest}");
        assert!(rest.ends_with("</stream:error></stream:stream>"), "{rest}");
    }

    /// Nothing comes before a message of the component to itself.
    pub(super) async fn expect_nothing(&mut self) {
        self.send("<message from='a@irc.example.org' to='sync@irc.example.org'/>").await;
        let next = self.expect(">").await;
        assert_eq!(next, "<message from='a@irc.example.org' to='sync@irc.example.org'/>");
    }

    /// False at the end.
    async fn more(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        match self.socket.read(&mut buffer).await {
            Ok(count) => {
                self.received.push_str(str::from_utf8(&buffer[..count]).unwrap());
                count > 0
            }
            Err(_) => false,
        }
    }
}

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
