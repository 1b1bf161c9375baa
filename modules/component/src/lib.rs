//! External components: programs of their own that serve a domain through this server, such as gateways and bots.
//!
//! Spec: [XEP-0114](https://xmpp.org/extensions/xep-0114.html), the method "accept".
//!
//! A component that the config names is attached to the router from the start, so that nothing for its domain ever goes
//! to another server; while it is not connected, what is for it bounces.
//!
//! Invariants: one task per connection, which alone reads, routes what it read, and writes the component's mailbox;
//! nobody who sends to a component waits for it; what it does before its handshake is bounded in time and bytes; it
//! speaks for its own domain only.

mod clocks;
mod component;
mod config;
mod grants;
mod handshake;
mod listen;
mod stream;
#[cfg(test)]
mod tests;
mod tries;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tracing::{error, warn};
use waxwing_core::metrics::{Counter, Gauge};
use waxwing_core::prelude::*;
use waxwing_core::{ExternalRef, Shared, Taken};
use waxwing_stream::transport::{Gate, Listener};
use waxwing_xmpp::{StreamCondition, StreamError};

use component::Component;
pub use config::{Config, OnConflict, Settings};
pub use grants::{Access, Grantee, Grants, MessageAccess, PROTOCOLS, PresenceAccess, Privileges};
use tries::Tries;

/// The listener for components.
#[derive(Debug)]
pub struct Components {
    shared: Arc<Shared>,
    config: Mutex<Config>,
    /// Those of the config, by name.
    known: RwLock<BTreeMap<Domain, Arc<Component>>>,
    gate: Arc<Gate>,
    tries: Tries,
    metrics: Metrics,
    /// Bound at start, taken by the task that accepts.
    ports: Mutex<Vec<Port>>,
    /// Whether there is a port at all.
    listens: bool,
}

/// A port for components.
#[derive(Debug)]
struct Port {
    listener: Listener,
    address: SocketAddr,
}

#[derive(Debug, Clone)]
struct Metrics {
    connected: Gauge,
    stanzas_in: Counter,
    stanzas_out: Counter,
    bounced: Counter,
    refused: Counter,
    stream_errors: Counter,
}

impl Module for Components {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("component", "Lets external components in")
        .scope(Scope::Server)
        .specs(&[Spec::xep(114, "1.6").partial("accept; connect is not there")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let shared = Arc::clone(reg.server());
        let ports =
            if config.domains.is_empty() { Vec::new() } else { listen::bind(&shared.config().listen)? };
        let this = Arc::new(Self {
            shared,
            config: Mutex::default(),
            known: RwLock::default(),
            gate: Arc::default(),
            tries: Tries::default(),
            metrics: Metrics {
                connected: reg.gauge("connected", "Components that are connected."),
                stanzas_in: reg.counter("stanzas_in", "Stanzas from components."),
                stanzas_out: reg.counter("stanzas_out", "Stanzas written to components."),
                bounced: reg.counter(
                    "bounced",
                    "Stanzas that bounced because a component went away or was too slow.",
                ),
                refused: reg.counter("refused", "Handshakes that were refused."),
                stream_errors: reg.counter("stream_errors", "Streams closed with an error."),
            },
            listens: !ports.is_empty(),
            ports: Mutex::new(ports),
        });
        if !config.domains.is_empty() && !this.listens {
            warn!("Components are configured, but listen.component is empty: none of them can connect.");
        }
        for (name, settings) in &config.domains {
            this.attach(name, settings, &config).map_err(|taken| StartError::new(explain(&taken)))?;
        }
        *this.config.lock() = config;
        let list = Command::new(
            "component.list",
            "Lists the components of the config, and who of them is connected",
        );
        reg.command(list, &this, Self::list);
        reg.run("listen", &this, listen::run);
        Ok(this)
    }

    fn reload(&self, config: Config) -> Reload {
        let before = std::mem::replace(&mut *self.config.lock(), config.clone());
        for name in before.domains.keys().filter(|name| !config.domains.contains_key(*name)) {
            self.detach(name);
        }
        for (name, settings) in &config.domains {
            let known = self.known.read().get(name).cloned();
            match known {
                Some(component) => {
                    component.change(settings.clone());
                    self.check_hosts(name, settings);
                }
                None => {
                    if let Err(taken) = self.attach(name, settings, &config) {
                        error!("{}", explain(&taken));
                    }
                }
            }
        }
        let port_is_missing = !self.listens && !config.domains.is_empty();
        let restart = port_is_missing || config.mailbox_bytes_max != before.mailbox_bytes_max;
        if restart { Reload::Restart } else { Reload::Applied }
    }
}

impl Components {
    async fn list(self: Arc<Self>, _: CommandCall) -> CommandResult {
        Ok(self.known.read().values().map(|component| component.describe()).collect())
    }

    fn attach(&self, name: &Domain, settings: &Settings, config: &Config) -> Result<(), Taken> {
        let bytes_max = config.mailbox_bytes_max.0;
        let component =
            Arc::new(Component::new(name.clone(), settings.clone(), bytes_max, self.metrics.clone()));
        let external: ExternalRef = Arc::<Component>::clone(&component);
        self.shared.router().attach(external)?;
        self.known.write().insert(name.clone(), component);
        self.check_hosts(name, settings);
        Ok(())
    }

    /// A permission that can never hold is most likely a mistake.
    fn check_hosts(&self, name: &Domain, settings: &Settings) {
        let router = self.shared.router();
        for host in settings.grants.hosts.iter().flatten() {
            if router.host(host.as_str()).is_none_or(|host| host.kind() != HostKind::Accounts) {
                warn!(remote = %name, %host, "A component is to manage accounts of a host that has none.");
            }
        }
    }

    fn detach(&self, name: &Domain) {
        self.shared.router().detach(name);
        if let Some(component) = self.known.write().remove(name) {
            // RFC 6120 §4.9.3.5.
            component.remove(&StreamError::new(StreamCondition::HostGone));
        }
    }
}

impl handshake::Directory for Components {
    fn component(&self, name: &Domain) -> Option<Arc<Component>> {
        self.known.read().get(name).cloned()
    }

    fn own_name(&self) -> String {
        self.shared.router().hosts().first().map(|host| host.domain().to_string()).unwrap_or_default()
    }
}

fn explain(taken: &Taken) -> String {
    let name = &taken.0;
    format!(
        "modules.component.domains.\"{name}\": {name} is a host of this server, and no component can serve it; give \
         the component a name of its own, such as gateway.{name}"
    )
}
