//! The life of the server: start hosts and modules, reload, drain, stop.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};
use waxwing_store::{Kind as NumberKind, Store};
use waxwing_xmpp::Domain;

use crate::command::{CommandCall, CommandError, CommandResult};
use crate::config::{Config, HostConfig, Limits, split_enabled};
use crate::host::HostState;
use crate::metrics::{Counter, Gauge, Metrics};
use crate::module::{ModuleDef, Reload, Running, Scope, StartError};
use crate::registrar::{Bind, Job, Registrar};
use crate::router::{Counters, Router};
use crate::tasks::{Every, Phase, Shutdown, repeat};
use crate::{Clock, Command, DiscoOn, Host, HostKind, HostRef, HostSecret, Random, SessionRef};

/// What every part of the server shares.
#[derive(Debug)]
pub struct Shared {
    config: ArcSwap<Config>,
    limits: ArcSwap<Limits>,
    pub(crate) store: Store,
    pub(crate) router: Router,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    phase: watch::Sender<Phase>,
    panics: Counter,
    waiting: Gauge,
}

impl Shared {
    /// The config as it is now.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// The limits as they are now.
    pub fn limits(&self) -> Arc<Limits> {
        self.limits.load_full()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The router.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// All metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All metrics as they are now, in the OpenMetrics text format.
    pub fn encode_metrics(&self) -> String {
        self.waiting.set(i64::try_from(self.store.waiting_bytes()).unwrap_or(i64::MAX));
        self.metrics.encode()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The source of randomness.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Tells when to end.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.phase.subscribe())
    }

    pub(crate) fn panicked(&self, module: &str) {
        error!(module, "A module panicked.");
        self.panics.inc();
    }
}

/// How to start.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// The compiled-in modules.
    pub modules: &'static [ModuleDef],
    /// Whether modules of scope `Server` (listeners) run; not for a single command of the administrator.
    pub listeners: bool,
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
}

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    options: StartOptions,
    running: Vec<(Option<HostRef>, ModuleDef, Box<dyn Running>)>,
    preparations: Vec<Job>,
    /// Of modules that run once per server.
    commands: Vec<Command>,
    tasks: JoinSet<()>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({} modules)", self.running.len())
    }
}

impl Server {
    /// Starts all hosts and their modules, then the listeners.
    ///
    /// # Errors
    /// What stops the start, with what to do about it.
    pub async fn start(config: Config, store: Store, options: StartOptions) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let panics = metrics.counter("core_module_panics", "Panics in modules, caught.", &[]);
        let waiting =
            metrics.gauge("store_waiting_bytes", "Bytes that wait to be written to the store.", &[]);
        let shared = Arc::new(Shared {
            limits: ArcSwap::from_pointee(config.limits.clone()),
            config: ArcSwap::from_pointee(config),
            store,
            router: Router::default(),
            clock: options.clock.clone(),
            random: options.random.clone(),
            phase: watch::Sender::new(Phase::Running),
            panics: panics.clone(),
            waiting,
            metrics,
        });
        shared.router.set_counters(counters(&shared.metrics, panics));
        let mut server = Self {
            shared,
            options,
            running: Vec::new(),
            preparations: Vec::new(),
            commands: Vec::new(),
            tasks: JoinSet::new(),
        };
        let mut jobs = Vec::new();
        let hosts = server.make_hosts().await?;
        for (host, service) in &hosts {
            server.start_host(host, *service, &mut jobs)?;
        }
        server
            .shared
            .router
            .set_hosts(hosts.into_iter().map(|(host, _)| (host.domain().as_str().into(), host)).collect());
        if server.options.listeners {
            server.start_listeners(&mut jobs)?;
        }
        for job in std::mem::take(&mut server.preparations) {
            tracing::debug!(module = job.module, task = job.name, "Preparing.");
            (job.run)(server.shared.shutdown(), Arc::clone(&server.shared)).await;
        }
        server.start_jobs(jobs);
        Ok(server)
    }

    /// What all parts share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// All hosts: those of the config, and for each host with accounts one per service module.
    async fn make_hosts(&self) -> Result<Vec<(HostRef, Option<&'static str>)>, StartError> {
        let config = self.shared.config();
        let mut wanted: Vec<(String, HostConfig, Option<&'static str>)> = Vec::new();
        for (domain, section) in &config.host {
            let service = self.service_of(domain, &config);
            wanted.push((domain.clone(), section.clone(), service));
            for (name, label) in self.services() {
                let sub = format!("{label}.{domain}");
                if service.is_none() && !config.host.contains_key(&sub) && self.is_on(section, name)? {
                    wanted.push((sub, section.of_service(name), Some(name)));
                }
            }
        }
        let mut hosts = Vec::with_capacity(wanted.len());
        for (name, section, service) in wanted {
            let domain =
                Domain::parse(&name).map_err(|error| StartError::new(format!("host {name}: {error}")))?;
            let number = self.shared.store.numbers().ensure(NumberKind::Host, domain.as_str()).await?;
            let kind = if service.is_some() { HostKind::Service } else { HostKind::Accounts };
            let shared = Arc::clone(&self.shared);
            let secret = HostSecret::load(&shared.store, number.host(), &shared.random).await?;
            hosts.push((Host::new(domain, kind, number.host(), secret, shared, Arc::new(section)), service));
        }
        Ok(hosts)
    }

    /// Service modules with the label of their sub-domain.
    fn services(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.options.modules.iter().filter_map(|def| Some((def.info.name, def.info.subdomain?)))
    }

    /// Whether a host wants this service beside it.
    fn is_on(&self, section: &HostConfig, name: &str) -> Result<bool, StartError> {
        let default_on = self.options.modules.iter().any(|def| def.info.name == name && def.info.default_on);
        let table = section.modules.get(name).cloned().unwrap_or_default();
        let split = split_enabled(&table, default_on);
        split.map(|(on, _)| on).map_err(|reason| StartError::new(format!("module {name}: {reason}")))
    }

    /// The service module of a configured host: its first label is the service's, and its parent is a host.
    fn service_of(&self, domain: &str, config: &Config) -> Option<&'static str> {
        let (label, parent) = domain.split_once('.')?;
        let parent = config.host.contains_key(parent);
        self.services().find(|(_, sub)| parent && *sub == label).map(|(name, _)| name)
    }

    fn start_host(
        &mut self,
        host: &HostRef,
        service: Option<&str>,
        jobs: &mut Vec<Job>,
    ) -> Result<(), StartError> {
        let config = host.config();
        let fits = |def: &&ModuleDef| match (def.info.scope, def.info.subdomain) {
            (Scope::Host(_), Some(_)) => service == Some(def.info.name),
            (Scope::Host(kind), None) => kind.covers(host.kind()),
            (Scope::Server, _) => false,
        };
        let defs: Vec<ModuleDef> = self.options.modules.iter().filter(fits).copied().collect();
        let state = self.start_modules(Some(host), &defs, |name| config.modules.get(name).cloned(), jobs)?;
        host.freeze(state);
        Ok(())
    }

    fn start_listeners(&mut self, jobs: &mut Vec<Job>) -> Result<(), StartError> {
        let config = self.shared.config();
        let listeners = |def: &&ModuleDef| def.info.scope == Scope::Server;
        let defs: Vec<ModuleDef> = self.options.modules.iter().filter(listeners).copied().collect();
        let state = self.start_modules(None, &defs, |name| config.modules.get(name).cloned(), jobs)?;
        self.commands = state.commands;
        Ok(())
    }

    fn start_modules(
        &mut self,
        host: Option<&HostRef>,
        defs: &[ModuleDef],
        section: impl Fn(&str) -> Option<toml::Table>,
        jobs: &mut Vec<Job>,
    ) -> Result<HostState, StartError> {
        let mut state = HostState::default();
        let mut binds: Vec<Bind> = Vec::new();
        let mut enabled = Vec::new();
        for def in defs {
            let (on, config) =
                split_enabled(&section(def.info.name).unwrap_or_default(), def.info.default_on)
                    .map_err(|reason| StartError::new(format!("module {}: {reason}", def.info.name)))?;
            if on {
                enabled.push((*def, config));
            }
        }
        for (def, config) in in_order(enabled)? {
            let mut reg = Registrar {
                info: def.info,
                host,
                shared: &self.shared,
                state: &mut state,
                binds: &mut binds,
                jobs: &mut *jobs,
                preparations: &mut self.preparations,
            };
            let running = def.start(config, &mut reg)?;
            state.modules.push(def.info.name);
            self.running.push((host.cloned(), def, running));
        }
        state
            .points
            .sort()
            .map_err(|path| StartError::new(format!("modules wait for each other: {path}")))?;
        for bind in binds {
            bind(&state)?;
        }
        let declared = state.disco.declared(DiscoOn::Host);
        state.features.iter_mut().for_each(|feature| feature.settle(&declared));
        Ok(state)
    }

    fn start_jobs(&mut self, jobs: Vec<Job>) {
        for job in jobs {
            tracing::debug!(module = job.module, task = job.name, "Task started.");
            self.tasks.spawn((job.run)(self.shared.shutdown(), Arc::clone(&self.shared)));
        }
        let shared = Arc::clone(&self.shared);
        let sweep = move || {
            shared.router.hosts().iter().for_each(|host| host.forget_idle());
            std::future::ready(())
        };
        self.tasks.spawn(repeat(Every::minutes(1), self.shared.shutdown(), sweep, || {}));
    }

    /// Takes a changed config: what can change while running does, the rest is named in the log.
    pub fn reload(&self, config: Config) {
        let old = self.shared.config();
        if config.listen != old.listen || config.storage != old.storage || config.data_dir != old.data_dir {
            warn!("Changes of listen, storage and data_dir take effect after a restart.");
        }
        for domain in config.host.keys().filter(|domain| !old.host.contains_key(*domain)) {
            warn!(host = %domain, "A new host is served after a restart.");
        }
        for (host, def, running) in &self.running {
            let section = match host {
                Some(host) => config.section(host.domain().as_str(), def.info.name),
                None => config.modules.get(def.info.name),
            };
            let table = section.cloned().unwrap_or_default();
            let before = match host {
                Some(host) => host.config().modules.get(def.info.name).cloned().unwrap_or_default(),
                None => old.modules.get(def.info.name).cloned().unwrap_or_default(),
            };
            if table != before {
                reload_module(def, running.as_ref(), table);
            }
        }
        for host in self.shared.router.hosts() {
            if let Some(section) = config.host.get(host.domain().as_str()) {
                host.set_config(Arc::new(section.clone()));
            }
        }
        self.shared.limits.store(Arc::new(config.limits.clone()));
        self.shared.config.store(Arc::new(config));
        info!("Config reloaded.");
    }

    /// Calls a command of the administrator.
    ///
    /// # Errors
    /// There is no such host or command, the number of arguments is wrong, or what the command says.
    pub async fn command(&self, domain: &str, name: &str, arguments: Vec<String>) -> CommandResult {
        let host = self.shared.router.host(domain).ok_or_else(|| {
            let known: Vec<String> =
                self.shared.router.hosts().iter().map(|host| host.domain().as_str().to_owned()).collect();
            CommandError(format!("there is no host {domain} here; hosts are: {}", known.join(", ")))
        })?;
        let all = host.commands().iter().chain(&self.commands);
        let command = all.into_iter().find(|command| command.name == name).cloned();
        let command = command.ok_or_else(|| CommandError(format!("no module of {domain} offers {name}")))?;
        if arguments.len() != command.arguments.len() {
            return Err(CommandError(format!("{name} takes: {}", command.arguments.join(" "))));
        }
        match &command.call {
            Some(call) => call(CommandCall { host, arguments }).await,
            None => Err(CommandError(format!("{name} cannot be called"))),
        }
    }

    /// Says good-bye to clients, ends all tasks, and closes the store when everything is on disk.
    pub async fn stop(self) {
        self.halt().await.close().await;
        info!("Stopped.");
    }

    /// As [`Server::stop`], but leaves the store open, for another server in the same process.
    pub async fn halt(mut self) -> Store {
        let limit = self.shared.limits().drain_time.0;
        self.shared.phase.send_replace(Phase::Draining);
        let drained = async {
            while self.shared.router.hosts().iter().any(has_sessions) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(limit, drained).await.is_err() {
            warn!("Some sessions did not end in time.");
        }
        self.shared.phase.send_replace(Phase::Stopping);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, ended).await.is_err() {
            warn!("Some tasks did not end in time.");
        }
        self.tasks.abort_all();
        for (_, _, running) in self.running.drain(..).rev() {
            running.stop();
        }
        for host in self.shared.router.hosts() {
            host.forget_all();
        }
        self.shared.router.set_hosts(HashMap::new());
        self.shared.router.externals.clear();
        self.shared.store.clone()
    }
}

/// Sessions that are asleep outlive the server.
fn has_sessions(host: &HostRef) -> bool {
    let connected = |session: &SessionRef| !session.is_asleep();
    host.accounts_in_use().iter().any(|account| account.sessions().iter().any(connected))
}

fn reload_module(def: &ModuleDef, running: &dyn Running, mut table: toml::Table) {
    let name = def.info.name;
    let enabled = table.remove("enabled").and_then(|value| value.as_bool()).unwrap_or(def.info.default_on);
    match running.reload(table) {
        Ok(Reload::Applied) if enabled => info!(module = name, "Config of the module changed."),
        Ok(_) => warn!(module = name, "The change of this module takes effect after a restart."),
        Err(error) => error!(module = name, %error, "The module refused its new config; the old one stays."),
    }
}

/// Modules after those they require.
fn in_order(mut rest: Vec<(ModuleDef, toml::Table)>) -> Result<Vec<(ModuleDef, toml::Table)>, StartError> {
    let names: Vec<&str> = rest.iter().map(|(def, _)| def.info.name).collect();
    for (def, _) in &rest {
        if let Some(missing) = def.info.requires.iter().find(|name| !names.contains(name)) {
            let reason = format!("module {} needs module {missing}: turn it on as well", def.info.name);
            return Err(StartError::new(reason));
        }
        if let Some(other) = def.info.conflicts.iter().find(|name| names.contains(name)) {
            return Err(StartError::new(format!("modules {} and {other} exclude each other", def.info.name)));
        }
    }
    let mut ordered: Vec<(ModuleDef, toml::Table)> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let ready = |def: &ModuleDef| {
            def.info.requires.iter().all(|name| ordered.iter().any(|(done, _)| done.info.name == *name))
        };
        let Some(index) = rest.iter().position(|(def, _)| ready(def)) else {
            let path: Vec<&str> = rest.iter().map(|(def, _)| def.info.name).collect();
            return Err(StartError::new(format!("modules need each other: {}", path.join(" → "))));
        };
        ordered.push(rest.remove(index));
    }
    Ok(ordered)
}

fn counters(metrics: &Metrics, panics: Counter) -> Counters {
    Counters {
        sent: metrics.counter("core_stanzas_sent", "Stanzas taken from local clients.", &[]),
        delivered: metrics.counter(
            "core_stanzas_delivered",
            "Copies put into mailboxes of local sessions.",
            &[],
        ),
        bounced: metrics.counter("core_stanzas_bounced", "Stanzas answered with an error.", &[]),
        dropped: metrics.counter("core_stanzas_dropped", "Stanzas dropped by a module.", &[]),
        panics,
        requests_unanswered: metrics.counter(
            "core_requests_unanswered",
            "Requests of the server itself that nobody answered in time.",
            &[],
        ),
        requests_refused: metrics.counter(
            "core_requests_refused",
            "Requests of the server itself that were not sent because too many waited for answers.",
            &[],
        ),
    }
}
