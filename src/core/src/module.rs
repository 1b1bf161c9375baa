//! What a module is: a feature an operator can switch on for one host, or a listener for all of them.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Registrar;

/// A feature an operator can switch on.
pub trait Module: Sized + Send + Sync + 'static {
    /// The `[host.<name>.modules.<module>]` section of the config file; each field has a default.
    type Config: DeserializeOwned + Serialize + Default + Clone + Send + Sync;

    /// Who I am, which specs I implement, whom I need.
    const INFO: ModuleInfo;

    /// Registers facts and callbacks. Runs once per host (or once per server), before the first stanza; no
    /// network I/O.
    ///
    /// # Errors
    /// What stops the server from starting, with what to do about it.
    fn start(config: Self::Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError>;

    /// Takes a changed config. By default a restart of the server is asked for.
    fn reload(&self, _config: Self::Config) -> Reload {
        Reload::Restart
    }

    /// Last call, after the tasks have ended.
    fn stop(&self) {}
}

/// What became of a changed config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// It holds from now on.
    Applied,
    /// It needs a restart of the server.
    Restart,
}

/// A module without keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// What runs once per what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Once per server: listeners; one port serves every host.
    Server,
    /// Once per host of this kind.
    Host(HostKind),
}

/// What a host is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// It has accounts.
    Accounts,
    /// One service module owns all its addresses (rooms, pubsub).
    Service,
    /// Either.
    Any,
}

impl HostKind {
    /// Whether a module for `self` runs on a host of kind `host`.
    pub fn covers(self, host: Self) -> bool {
        self == Self::Any || self == host
    }
}

/// A spec that a module implements: the source of README's table and the DOAP file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// `XEP` or `RFC`.
    pub series: &'static str,
    /// Its number.
    pub number: u16,
    /// Version of the XEP, or the sections of the RFC.
    pub version: &'static str,
    /// What of it works, where not all does; empty otherwise.
    pub note: &'static str,
}

impl Spec {
    /// A XEP in this version.
    pub const fn xep(number: u16, version: &'static str) -> Self {
        Self { series: "XEP", number, version, note: "" }
    }

    /// An RFC, by section.
    pub const fn rfc(number: u16, sections: &'static str) -> Self {
        Self { series: "RFC", number, version: sections, note: "" }
    }

    /// Says what part works.
    #[must_use]
    pub const fn partial(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}

/// Who a module is.
#[derive(Debug, Clone, Copy)]
pub struct ModuleInfo {
    /// Name in the config and in logs, e.g. `offline`.
    pub name: &'static str,
    /// One line for `waxwing modules`.
    pub summary: &'static str,
    /// Implemented specs.
    pub specs: &'static [Spec],
    /// Where it runs.
    pub scope: Scope,
    /// Must run on the same host; started first.
    pub requires: &'static [&'static str],
    /// Order inside a phase only; absence is fine.
    pub after: &'static [&'static str],
    /// Must not run on the same host.
    pub conflicts: &'static [&'static str],
    /// For a service module: the label of its sub-domain (`conference`); it runs on a host of its own.
    pub subdomain: Option<&'static str>,
    /// Whether it runs unless the config says `enabled = false`; otherwise only with `enabled = true`.
    pub default_on: bool,
}

impl ModuleInfo {
    /// A module for hosts with accounts, on by default.
    pub const fn new(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            specs: &[],
            scope: Scope::Host(HostKind::Accounts),
            requires: &[],
            after: &[],
            conflicts: &[],
            subdomain: None,
            default_on: true,
        }
    }
    /// Names the implemented specs.
    #[must_use]
    pub const fn specs(mut self, specs: &'static [Spec]) -> Self {
        self.specs = specs;
        self
    }
    /// Says where it runs.
    #[must_use]
    pub const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
    /// Names what must run on the same host.
    #[must_use]
    pub const fn requires(mut self, names: &'static [&'static str]) -> Self {
        self.requires = names;
        self
    }
    /// Names what comes first inside a phase.
    #[must_use]
    pub const fn after(mut self, names: &'static [&'static str]) -> Self {
        self.after = names;
        self
    }
    /// Makes it a service with a host of its own, `label.example.org`, whose addresses it owns.
    #[must_use]
    pub const fn service(mut self, label: &'static str) -> Self {
        self.scope = Scope::Host(HostKind::Service);
        self.subdomain = Some(label);
        self
    }
    /// Runs only where the config says `enabled = true`.
    #[must_use]
    pub const fn off_by_default(mut self) -> Self {
        self.default_on = false;
        self
    }
}

/// Why the server does not start: says what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    /// With this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl From<waxwing_store::StoreError> for StartError {
    fn from(error: waxwing_store::StoreError) -> Self {
        Self(error.to_string())
    }
}

/// A running module, its type forgotten.
pub(crate) trait Running: Send + Sync {
    fn reload(&self, config: toml::Table) -> Result<Reload, toml::de::Error>;
    fn stop(&self);
}

struct Instance<M>(Arc<M>);

impl<M: Module> Running for Instance<M> {
    fn reload(&self, config: toml::Table) -> Result<Reload, toml::de::Error> {
        Ok(self.0.reload(config.try_into()?))
    }

    fn stop(&self) {
        self.0.stop();
    }
}

/// What the rest of the server knows of a module type.
#[derive(Clone, Copy)]
pub struct ModuleDef {
    /// Who it is.
    pub info: ModuleInfo,
    check: fn(toml::Table) -> Result<(), toml::de::Error>,
    defaults: fn() -> toml::Table,
    start: Start,
}

type Start = fn(toml::Table, &mut Registrar<'_>) -> Result<Box<dyn Running>, StartError>;

impl fmt::Debug for ModuleDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleDef({})", self.info.name)
    }
}

impl ModuleDef {
    /// The definition of a module type.
    pub const fn of<M: Module>() -> Self {
        Self { info: M::INFO, check: check::<M>, defaults: defaults::<M>, start: start::<M> }
    }

    /// Whether this section is a config of the module (`enabled` taken out before).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, config: toml::Table) -> Result<(), toml::de::Error> {
        (self.check)(config)
    }

    /// Each key of the module with its default.
    pub fn defaults(&self) -> toml::Table {
        (self.defaults)()
    }

    pub(crate) fn start(
        &self,
        config: toml::Table,
        reg: &mut Registrar<'_>,
    ) -> Result<Box<dyn Running>, StartError> {
        (self.start)(config, reg)
    }
}

fn check<M: Module>(config: toml::Table) -> Result<(), toml::de::Error> {
    config.try_into::<M::Config>().map(drop)
}

fn defaults<M: Module>() -> toml::Table {
    toml::Table::try_from(M::Config::default()).unwrap_or_default()
}

fn start<M: Module>(config: toml::Table, reg: &mut Registrar<'_>) -> Result<Box<dyn Running>, StartError> {
    let config = config.try_into().map_err(|error| StartError::new(format!("{}: {error}", M::INFO.name)))?;
    Ok(Box::new(Instance(M::start(config, reg)?)))
}
