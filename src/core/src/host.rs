//! A virtual host: a domain with its modules, accounts or service.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::RwLock;
use waxwing_store::{HostNumber, Store, StoreError};
use waxwing_xmpp::{BareJid, Domain, StreamCondition, StreamError};

use crate::command::Command;
use crate::config::{HostConfig, Limits};
use crate::disco::{Disco, DiscoNode, DiscoOn, DiscoQuery};
use crate::iq::IqTable;
use crate::metrics::Metrics;
use crate::notice::NoticeEntry;
use crate::points::Points;
use crate::router::{AddressOwner, Router};
use crate::server::Shared;
use crate::service::{AccountLog, Accounts, Services};
use crate::{Account, AccountRef, Clock, HostKind, HostSecret, Notice, Random, Session, StreamFeature};

/// A handle to a host.
pub type HostRef = Arc<Host>;

/// A virtual host. What its modules declared is frozen before the first stanza.
#[derive(Debug)]
pub struct Host {
    domain: Domain,
    kind: HostKind,
    number: HostNumber,
    secret: HostSecret,
    shared: Arc<Shared>,
    config: arc_swap::ArcSwap<HostConfig>,
    state: OnceLock<HostState>,
    accounts: RwLock<HashMap<Box<str>, AccountRef>>,
    me: Weak<Host>,
}

/// What the modules of a host declared.
#[derive(Default)]
pub(crate) struct HostState {
    pub(crate) points: Points,
    pub(crate) iq: IqTable,
    pub(crate) disco: Disco,
    pub(crate) services: Services,
    pub(crate) notices: Vec<NoticeEntry>,
    pub(crate) features: Vec<StreamFeature>,
    pub(crate) commands: Vec<Command>,
    pub(crate) addresses: Option<AddressOwner>,
    pub(crate) account_slots: usize,
    pub(crate) session_slots: usize,
    pub(crate) saved_slots: Vec<SavedSlot>,
    pub(crate) log: Option<Arc<dyn AccountLog>>,
    pub(crate) modules: Vec<&'static str>,
}

impl std::fmt::Debug for HostState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostState({:?})", self.modules)
    }
}

/// How a slot of sessions outlives the process.
pub(crate) struct SavedSlot {
    pub(crate) name: &'static str,
    pub(crate) save: Box<SaveSlot>,
    pub(crate) load: Box<LoadSlot>,
}

type SaveSlot = dyn Fn(&Session) -> Option<Vec<u8>> + Send + Sync;
type LoadSlot = dyn Fn(&Session, &[u8]) + Send + Sync;

impl std::fmt::Debug for SavedSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Host {
    pub(crate) fn new(
        domain: Domain,
        kind: HostKind,
        number: HostNumber,
        secret: HostSecret,
        shared: Arc<Shared>,
        config: Arc<HostConfig>,
    ) -> HostRef {
        Arc::new_cyclic(|me| Self {
            domain,
            kind,
            number,
            secret,
            shared,
            config: arc_swap::ArcSwap::new(config),
            state: OnceLock::new(),
            accounts: RwLock::new(HashMap::new()),
            me: Weak::clone(me),
        })
    }

    /// Freezes what the modules declared.
    pub(crate) fn freeze(&self, mut state: HostState) {
        state.log = state.services.find();
        // Set once, by the start of the server.
        drop(self.state.set(state));
    }

    #[expect(clippy::expect_used, reason = "the server freezes every host before it takes stanzas")]
    pub(crate) fn state(&self) -> &HostState {
        self.state.get().expect("the host has started")
    }

    /// Its domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// What it is for.
    pub fn kind(&self) -> HostKind {
        self.kind
    }

    /// Its number: the key of its rows.
    pub fn number(&self) -> HostNumber {
        self.number
    }

    /// Its secret, from which modules derive keys that outlive restarts.
    pub fn secret(&self) -> &HostSecret {
        &self.secret
    }

    /// Its section of the config, as it is now.
    pub fn config(&self) -> Arc<HostConfig> {
        self.config.load_full()
    }

    pub(crate) fn set_config(&self, config: Arc<HostConfig>) {
        self.config.store(config);
    }

    /// The limits of the server, as they are now.
    pub fn limits(&self) -> Arc<Limits> {
        self.shared.limits()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The source of randomness.
    pub fn random(&self) -> &Random {
        &self.shared.random
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The router.
    pub fn router(&self) -> &Router {
        &self.shared.router
    }

    /// All metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// What runs on it, in start order.
    pub fn modules(&self) -> &[&'static str] {
        &self.state().modules
    }

    /// Its stream features.
    pub fn stream_features(&self) -> &[StreamFeature] {
        &self.state().features
    }

    /// Its commands.
    pub fn commands(&self) -> &[Command] {
        &self.state().commands
    }

    /// A service that one of its modules provides.
    pub fn service<S: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        self.state().services.find()
    }

    /// The account with this (prepared) localpart, if it exists.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn account(&self, local: &str) -> Result<Option<AccountRef>, StoreError> {
        if let Some(account) = self.known(local) {
            return Ok(Some(account));
        }
        let Some(accounts) = self.service::<dyn Accounts>() else { return Ok(None) };
        let Some(number) = accounts.find(local).await? else { return Ok(None) };
        let Some(host) = self.me.upgrade() else { return Ok(None) };
        let Ok(jid) = BareJid::new(Some(local), &self.domain) else { return Ok(None) };
        let account = Arc::new(Account::new(number, jid, host));
        account.touch();
        let mut known = self.accounts.write();
        Ok(Some(Arc::clone(known.entry(local.into()).or_insert(account))))
    }

    /// The account with this localpart if it is in memory.
    pub fn known(&self, local: &str) -> Option<AccountRef> {
        let account = self.accounts.read().get(local).cloned()?;
        account.touch();
        Some(account)
    }

    /// Accounts in memory.
    pub fn accounts_in_use(&self) -> Vec<AccountRef> {
        self.accounts.read().values().cloned().collect()
    }

    /// Forgets an account that was removed: its sessions are closed with `not-authorized`.
    pub fn forget(&self, local: &str) {
        // Apart: whoever delivers to the account holds its arrival lock and may look for accounts.
        let account = self.accounts.write().remove(local);
        if let Some(account) = account {
            account.close_sessions(
                None,
                &StreamError::new(StreamCondition::NotAuthorized).text("The account was removed."),
            );
        }
    }

    /// Forgets accounts that nobody has used for a while.
    pub(crate) fn forget_idle(&self) {
        let before = self.clock().now().0.saturating_sub(IDLE_MICROS);
        let idle = |account: &AccountRef| Arc::strong_count(account) == 1 && account.is_idle(before);
        self.accounts.write().retain(|_, account| !idle(account));
    }

    pub(crate) fn forget_all(&self) {
        self.accounts.write().clear();
    }

    /// Tells the modules that something happened, one after the other.
    pub async fn notify(&self, notice: Notice) {
        let kind = notice.kind();
        for entry in self.state().notices.iter().filter(|entry| entry.kind == kind) {
            if crate::tasks::guard((entry.call)(notice.clone())).await.is_err() {
                self.shared.panicked(entry.module);
            }
        }
    }

    /// What an entity of this host says of itself: declared facts joined with what providers add for this asker.
    /// None: there is no such node.
    ///
    /// # Errors
    /// What a provider refuses.
    pub async fn disco(
        &self,
        on: DiscoOn,
        query: DiscoQuery,
    ) -> Result<Option<DiscoNode>, waxwing_xmpp::StanzaError> {
        let disco = &self.state().disco;
        let mut answer = query.node.is_none().then(|| disco.declared(on));
        for (_, call) in disco.dynamic.iter().filter(|(at, _)| *at == on) {
            if let Some(more) = call(query.clone()).await? {
                answer.get_or_insert_with(DiscoNode::default).join(more);
            }
        }
        if let (None, Some(answer)) = (&query.node, &mut answer) {
            disco.revise(on, answer);
        }
        Ok(answer)
    }

    /// What an entity of this host declares for all askers.
    pub fn declared(&self, on: DiscoOn) -> DiscoNode {
        self.state().disco.revised(on)
    }

    /// Whether what its entities declare may change while it runs.
    pub(crate) fn revises(&self) -> bool {
        !self.state().disco.revisions.is_empty()
    }

    /// What `waxwing modules --hooks` prints.
    pub fn describe(&self) -> Vec<String> {
        let state = self.state();
        let mut lines = state.points.describe();
        lines.extend(state.iq.describe());
        lines.extend(state.features.iter().map(|feature| format!("stream feature {feature:?}")));
        lines.extend(state.notices.iter().map(|entry| format!("notice {entry:?}")));
        lines
    }

    /// The log of its accounts, where a module keeps one.
    pub fn log(&self) -> Option<&Arc<dyn AccountLog>> {
        self.state().log.as_ref()
    }

    pub(crate) fn save_slots(&self, session: &Session) -> Vec<(String, Vec<u8>)> {
        let save = |slot: &SavedSlot| Some((slot.name.to_owned(), (slot.save)(session)?));
        self.state().saved_slots.iter().filter_map(save).collect()
    }

    pub(crate) fn load_slots(&self, session: &Session, saved: &[(String, Vec<u8>)]) {
        for slot in &self.state().saved_slots {
            if let Some((_, bytes)) = saved.iter().find(|(name, _)| name == slot.name) {
                (slot.load)(session, bytes);
            }
        }
    }

    pub(crate) fn account_slots(&self) -> usize {
        self.state().account_slots
    }

    pub(crate) fn session_slots(&self) -> usize {
        self.state().session_slots
    }
}

/// An account is forgotten so long after its last use: 5 minutes.
const IDLE_MICROS: i64 = 300_000_000;
