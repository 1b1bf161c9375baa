//! The config file: TOML, every key with a default, unknown keys refused with line and nearest known key.

mod error;
mod limits;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use error::ConfigError;
pub use limits::{Limits, RegistrationMode};
pub use value::{Bytes, Duration, Lifetime, Network};

use crate::module::{ModuleDef, Scope};

/// The whole config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server keeps everything; made if missing. Needs a restart.
    pub data_dir: PathBuf,
    /// Addresses to listen on. Needs a restart.
    pub listen: Listen,
    /// Certificates. Reloadable.
    pub tls: Tls,
    /// Name servers. Needs a restart.
    pub dns: Dns,
    /// Streams between servers. Reloadable.
    pub s2s: S2s,
    /// The store. Needs a restart.
    pub storage: Storage,
    /// Limits. Reloadable.
    pub limits: Limits,
    /// What is logged.
    pub log: Log,
    /// Sections of modules that run once per server, by name.
    pub modules: BTreeMap<String, toml::Table>,
    /// Virtual hosts, by domain. Needs a restart for new ones; their keys are reloadable.
    pub host: BTreeMap<String, HostConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./waxwing-data"),
            listen: Listen::default(),
            tls: Tls::default(),
            dns: Dns::default(),
            s2s: S2s::default(),
            storage: Storage::default(),
            limits: Limits::default(),
            log: Log::default(),
            modules: BTreeMap::new(),
            host: BTreeMap::new(),
        }
    }
}

/// `[listen]`: each a list of addresses; `[]` turns it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Clients, STARTTLS.
    pub c2s: Vec<SocketAddr>,
    /// Clients, direct TLS (XEP-0368).
    pub c2s_tls: Vec<SocketAddr>,
    /// Servers, STARTTLS. For the federation module.
    pub s2s: Vec<SocketAddr>,
    /// Servers, direct TLS. For the federation module.
    pub s2s_tls: Vec<SocketAddr>,
    /// Components (XEP-0114).
    pub component: Vec<SocketAddr>,
    /// HTTP without TLS, for a reverse proxy or loopback.
    pub http: Vec<SocketAddr>,
    /// HTTP with TLS.
    pub https: Vec<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Self {
        let any = |port| vec![SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port))];
        let local = |port| vec![SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port))];
        Self {
            c2s: any(5222),
            c2s_tls: any(5223),
            s2s: any(5269),
            s2s_tls: any(5270),
            component: local(5347),
            http: local(5280),
            https: any(5443),
        }
    }
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Folder with NAME.crt and NAME.key, or NAME/fullchain.pem and NAME/privkey.pem, per domain; relative to the
    /// config file. Read again when changed.
    pub certificates: PathBuf,
}

impl Default for Tls {
    fn default() -> Self {
        Self { certificates: PathBuf::from("certs") }
    }
}

/// `[dns]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Name servers with port; the system's if empty.
    pub servers: Vec<SocketAddr>,
    /// Validate what they say (DNSSEC), and hold other servers to the certificates that their records name (DANE). The name
    /// servers have to pass signatures on: those that strip them make every answer a forgery.
    pub dnssec: bool,
    /// File of DNSKEY records that are trusted instead of the keys of the root: for private roots. Needs `dnssec`.
    pub trust_anchor: Option<PathBuf>,
}

/// `[s2s]`: for the federation module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S2s {
    /// PEM file of certificate authorities trusted in addition to the system's.
    pub trusted_ca: Option<PathBuf>,
    /// True: a valid certificate or nothing; false: dialback over TLS will do as well.
    pub require_certificate: bool,
}

/// `[storage]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// `"sled"`, `"fjall"` or `"memory"` (which forgets everything at the end).
    pub engine: String,
    /// Memory for the engine's cache.
    pub cache: Bytes,
}

impl Default for Storage {
    fn default() -> Self {
        Self { engine: "sled".to_owned(), cache: Bytes(64 << 20) }
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `"error"`, `"warn"`, `"info"`, `"debug"`, `"trace"`, or a filter such as `"info,waxwing_c2s=debug"`.
    pub level: String,
    /// `"text"` or `"json"`.
    pub format: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: "text".to_owned() }
    }
}

/// `[host."example.org"]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// Addresses of the administrators; published for contact (XEP-0157).
    pub admins: Vec<String>,
    /// Who may register an account in-band (XEP-0077).
    pub registration: RegistrationMode,
    /// True only makes sense on loopback: offers PLAIN and SCRAM without TLS.
    pub allow_plaintext: bool,
    /// Sections of modules, by name; `enabled = false` turns one off.
    pub modules: BTreeMap<String, toml::Table>,
}

impl HostConfig {
    /// The config of a service beside this host (rooms, say) that has no section of its own.
    pub(crate) fn of_service(&self, name: &str) -> Self {
        let section = self.modules.get(name).map(|table| (name.to_owned(), table.clone()));
        Self { modules: section.into_iter().collect(), ..Self::default() }
    }
}

impl Config {
    /// The section of a module on a host; that of a service stands with the host above unless its own host has one.
    pub(crate) fn section(&self, domain: &str, module: &str) -> Option<&toml::Table> {
        let parent = || self.host.get(domain.split_once('.')?.1);
        self.host.get(domain).or_else(parent)?.modules.get(module)
    }

    /// Reads a config from text. `file`: its name for error messages.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(text: &str, file: &Path, modules: &[ModuleDef]) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::from_toml(&error, text, file))?;
        config.check(modules).map_err(|error| error.locate(text, file))?;
        Ok(config)
    }

    /// Reads a config file, with `KEY=VALUE` settings put over it.
    ///
    /// # Errors
    /// The file cannot be read, or the first mistake.
    pub fn load(file: Option<&Path>, set: &[String], modules: &[ModuleDef]) -> Result<Self, ConfigError> {
        let name = file.unwrap_or_else(|| Path::new("the built-in config"));
        let text = match file {
            Some(file) => {
                std::fs::read_to_string(file).map_err(|error| ConfigError::unreadable(file, &error))?
            }
            None => FIRST_RUN.to_owned(),
        };
        let mut config = Self::parse(&text, name, modules)?;
        if !set.is_empty() {
            let mut table: toml::Table =
                text.parse().map_err(|error| ConfigError::from_toml(&error, &text, name))?;
            for setting in set {
                value::overlay(&mut table, setting)?;
            }
            let source = Path::new("--set");
            config = table.try_into().map_err(|error| ConfigError::from_toml(&error, "", source))?;
            config.check(modules)?;
        }
        if let Some(folder) = file.and_then(Path::parent) {
            config.resolve(folder);
        }
        Ok(config)
    }

    /// Paths other than `data_dir` are relative to the config file.
    fn resolve(&mut self, folder: &Path) {
        self.tls.certificates = folder.join(&self.tls.certificates);
        self.s2s.trusted_ca = self.s2s.trusted_ca.as_ref().map(|path| folder.join(path));
        self.dns.trust_anchor = self.dns.trust_anchor.as_ref().map(|path| folder.join(path));
    }

    fn check(&self, modules: &[ModuleDef]) -> Result<(), ConfigError> {
        if !["sled", "fjall", "memory"].contains(&self.storage.engine.as_str()) {
            let reason =
                format!("there is no storage engine \"{}\": use sled, fjall or memory", self.storage.engine);
            return Err(ConfigError::at("engine", reason));
        }
        for (name, section) in &self.modules {
            check_section(name, section, modules, true)?;
        }
        for (domain, host) in &self.host {
            waxwing_xmpp::Domain::parse(domain)
                .map_err(|error| ConfigError::at(domain, format!("\"{domain}\" is no domain: {error}")))?;
            for admin in &host.admins {
                waxwing_xmpp::BareJid::parse(admin)
                    .map_err(|error| ConfigError::at(admin, format!("\"{admin}\" is no address: {error}")))?;
            }
            for (name, section) in &host.modules {
                check_section(name, section, modules, false)?;
            }
        }
        Ok(())
    }
}

fn check_section(
    name: &str,
    section: &toml::Table,
    modules: &[ModuleDef],
    server: bool,
) -> Result<(), ConfigError> {
    let fits = |def: &&ModuleDef| (def.info.scope == Scope::Server) == server;
    let Some(def) = modules.iter().filter(fits).find(|def| def.info.name == name) else {
        let names = modules.iter().filter(fits).map(|def| def.info.name);
        return Err(ConfigError::at(
            name,
            format!("there is no module \"{name}\"{}", error::did_you_mean(name, names)),
        ));
    };
    let (_, config) = split_enabled(section, def.info.default_on)
        .map_err(|reason| ConfigError::at("enabled", format!("module {name}: {reason}")))?;
    def.check(config).map_err(|error| ConfigError::in_module(name, &error))
}

/// Takes `enabled` out of a module's section.
pub(crate) fn split_enabled(section: &toml::Table, default: bool) -> Result<(bool, toml::Table), String> {
    let mut config = section.clone();
    match config.remove("enabled") {
        None => Ok((default, config)),
        Some(toml::Value::Boolean(enabled)) => Ok((enabled, config)),
        Some(other) => Err(format!("enabled is true or false, not {other}")),
    }
}

/// What `waxwing serve` without a config file runs: loopback, open registration.
pub const FIRST_RUN: &str = r#"
[listen]
c2s = ["127.0.0.1:5222", "[::1]:5222"]
c2s_tls = ["127.0.0.1:5223", "[::1]:5223"]
s2s = []
s2s_tls = []
component = []
http = []
https = []
[host."localhost"]
registration = "open"
"#;

#[cfg(test)]
mod tests;
