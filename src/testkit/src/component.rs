//! A component without a stream.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use waxwing_core::{Custody, External, ExternalRef, Origin, Shared};
use waxwing_xmpp::{Condition, Domain, Stanza};

use crate::compare::{difference, single};

/// A scripted component, attached to the router under its domain.
pub struct TestComponent {
    wire: Arc<Wire>,
    shared: Arc<Shared>,
}

/// What the router sees of it.
struct Wire {
    domain: Domain,
    state: Mutex<State>,
    came: Notify,
}

struct State {
    connected: bool,
    busy: bool,
    grant: Arc<dyn Any + Send + Sync>,
    inbox: VecDeque<Stanza>,
}

impl std::fmt::Debug for TestComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TestComponent({})", self.wire.domain)
    }
}

impl External for Wire {
    fn domain(&self) -> &Domain {
        &self.domain
    }

    fn is_connected(&self) -> bool {
        self.state.lock().connected
    }

    fn deliver(&self, stanza: &Stanza) -> Result<(), Condition> {
        let mut state = self.state.lock();
        if !state.connected {
            return Err(Condition::RemoteServerTimeout);
        }
        state.inbox.push_back(stanza.clone());
        self.came.notify_one();
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.state.lock().busy
    }

    fn grant(&self, of: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        let grant = Arc::clone(&self.state.lock().grant);
        ((*grant).type_id() == of).then_some(grant)
    }
}

impl TestComponent {
    /// Attached, but not connected. `grant`: what it may do.
    pub(crate) fn attach<T: Send + Sync + 'static>(shared: &Arc<Shared>, domain: &str, grant: T) -> Self {
        let domain = Domain::parse(domain).expect("a domain");
        let state = State { connected: false, busy: false, grant: Arc::new(grant), inbox: VecDeque::new() };
        let wire = Arc::new(Wire { domain, state: Mutex::new(state), came: Notify::new() });
        let external: ExternalRef = Arc::<Wire>::clone(&wire);
        shared.router().attach(external).expect("nobody else serves the domain");
        Self { wire, shared: Arc::clone(shared) }
    }

    /// Connects; the modules have been told of it when this returns.
    pub async fn connect(&mut self) {
        self.wire.state.lock().connected = true;
        self.told().await;
    }

    /// Goes away, with all that waited.
    pub fn disconnect(&mut self) {
        let mut state = self.wire.state.lock();
        state.connected = false;
        state.inbox.clear();
    }

    /// Much waits for it, or no longer.
    pub fn set_busy(&mut self, busy: bool) {
        self.wire.state.lock().busy = busy;
    }

    /// It may do something else from now on, as after a reload of the config.
    pub async fn grant<T: Send + Sync + 'static>(&mut self, grant: T) {
        self.wire.state.lock().grant = Arc::new(grant);
        self.told().await;
    }

    async fn told(&self) {
        let external: ExternalRef = Arc::<Wire>::clone(&self.wire);
        self.shared.router().connected(&external).await;
    }

    /// Sends a stanza; what it causes at once has happened when this returns.
    ///
    /// # Panics
    /// If it is no stanza.
    pub async fn send(&mut self, xml: &str) {
        let stanza = Stanza::parse(&single(xml)).unwrap_or_else(|| panic!("no stanza: {xml}"));
        let origin = Origin::Component(self.wire.domain.clone());
        drop(self.shared.router().route(stanza, origin, Custody::memory()).await);
    }

    /// The next stanza, whatever it is; None if none comes within two seconds.
    pub async fn next(&mut self) -> Option<Stanza> {
        let next = async {
            loop {
                if let Some(stanza) = self.waiting() {
                    return stanza;
                }
                self.wire.came.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), next).await.ok()
    }

    /// The next stanza that is there already.
    pub fn waiting(&self) -> Option<Stanza> {
        self.wire.state.lock().inbox.pop_front()
    }

    /// The next stanza must be this one; `{any}` stands for any attribute value or text.
    ///
    /// # Panics
    /// If it is another, or none comes.
    pub async fn expect(&mut self, xml: &str) -> Stanza {
        let stanza = self.next().await.unwrap_or_else(|| panic!("nothing came, expected {xml}"));
        if let Some(difference) = difference(xml, &stanza.to_xml()) {
            panic!("{difference}\nexpected {}\n     got {}", single(xml), stanza.to_xml());
        }
        stanza
    }

    /// Nothing may be waiting.
    ///
    /// # Panics
    /// If something is.
    pub fn expect_nothing(&mut self) {
        let waiting: Vec<String> = std::iter::from_fn(|| self.waiting()).map(|it| it.to_xml()).collect();
        assert!(waiting.is_empty(), "unexpected: {waiting:#?}");
    }

    /// Throws away what waits.
    pub fn forget(&mut self) {
        self.wire.state.lock().inbox.clear();
    }
}
