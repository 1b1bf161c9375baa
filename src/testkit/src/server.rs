//! The server in memory.

use waxwing_core::{
    Clock, Config, HostConfig, Module, ModuleDef, Peer, Random, ResourceConflict, Server, StartError,
    StartOptions,
};
use waxwing_store::Store;
use waxwing_xmpp::Jid;
use waxwing_xmpp::datetime::Timestamp;

use crate::{TestAccounts, TestClient, TestComponent};

/// A running server in memory.
#[derive(Debug)]
pub struct TestServer {
    server: Server,
}

/// What the server shall have.
#[derive(Debug)]
pub struct TestServerBuilder {
    config: Config,
    host: String,
    modules: Vec<ModuleDef>,
    clock: Clock,
    store: Store,
    seed: u64,
    listeners: bool,
}

impl TestServer {
    /// A server for one host with accounts; more are added by the builder.
    pub fn host(domain: &str) -> TestServerBuilder {
        let mut config = Config::default();
        config.host.insert(domain.to_owned(), HostConfig::default());
        TestServerBuilder {
            config,
            host: domain.to_owned(),
            modules: Vec::new(),
            clock: Clock::fixed(Timestamp(1_700_000_000_000_000)),
            store: Store::memory(),
            seed: 1,
            listeners: false,
        }
    }

    /// The server itself.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A session for this full JID, bound without login. No presence is sent.
    ///
    /// # Panics
    /// If there is no such account.
    pub async fn login(&self, jid: &str) -> TestClient {
        let jid = Jid::parse(jid).expect("a full JID");
        let host = self.server.shared().router().host(jid.domain()).expect("a host of this server");
        let account = host.account(jid.local().unwrap_or_default()).await.expect("the store works");
        let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
        let account = account.expect("an account");
        let session =
            account.bind(jid.resource(), ResourceConflict::ReplaceOld, peer).expect("the resource binds");
        session.opened().await;
        TestClient::new(session)
    }

    /// As [`TestServer::login`], and sends initial presence; what that brings is thrown away.
    ///
    /// # Panics
    /// If there is no such account.
    pub async fn online(&self, jid: &str) -> TestClient {
        let mut client = self.login(jid).await;
        client.send("<presence/>").await;
        client.forget();
        client
    }

    /// A component for this domain, attached but not connected; `grant` is what the operator lets it do.
    ///
    /// # Panics
    /// If somebody serves the domain already.
    pub fn component<T: Send + Sync + 'static>(&self, domain: &str, grant: T) -> TestComponent {
        TestComponent::attach(self.server.shared(), domain, grant)
    }

    /// Stops it in order, but leaves the store open for the next server.
    pub async fn halt(self) {
        self.server.halt().await;
    }

    /// Stops it and waits for the end.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl TestServerBuilder {
    /// Adds a module, on each host it fits.
    #[must_use]
    pub fn with<M: Module>(mut self) -> Self {
        self.modules.push(ModuleDef::of::<M>());
        self
    }

    /// Adds another host.
    #[must_use]
    pub fn and_host(mut self, domain: &str) -> Self {
        self.config.host.insert(domain.to_owned(), HostConfig::default());
        self
    }

    /// Changes the config.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Sets a module's section on the first host, as TOML.
    ///
    /// # Panics
    /// If it is no TOML.
    #[must_use]
    pub fn module_config(mut self, module: &str, toml: &str) -> Self {
        let table = toml.parse().expect("a TOML table");
        self.config.host.entry(self.host.clone()).or_default().modules.insert(module.to_owned(), table);
        self
    }

    /// Starts listeners as well: modules of scope `Server`. Their sections are `Config::modules`.
    #[must_use]
    pub fn with_listeners(mut self) -> Self {
        self.listeners = true;
        self
    }

    /// Uses this clock; by default one stands still in November 2023.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Uses this store, e.g. one that a server used before.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = store;
        self
    }

    /// Seeds the randomness; a second server on one store needs another seed than the first.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn try_start(mut self) -> Result<TestServer, StartError> {
        if !self.modules.iter().any(|def| def.info.name == "accounts") {
            self.modules.push(ModuleDef::of::<TestAccounts>());
        }
        let options = StartOptions {
            // A test's server lives as long as the test process.
            modules: Box::leak(self.modules.into_boxed_slice()),
            listeners: self.listeners,
            clock: self.clock,
            random: Random::seeded(self.seed),
        };
        Ok(TestServer { server: Server::start(self.config, self.store, options).await? })
    }

    /// Starts the server.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> TestServer {
        self.try_start().await.expect("the server starts")
    }
}
