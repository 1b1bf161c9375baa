//! Client connections: listeners, negotiation, binding, and the task that owns a client's stream.
//!
//! Specs: [RFC 6120](https://www.rfc-editor.org/rfc/rfc6120) §3–§7, [XEP-0368](https://xmpp.org/extensions/xep-0368.html)
//! (direct TLS), [XEP-0478](https://xmpp.org/extensions/xep-0478.html) (limits in the stream features); logins are those
//! of `waxwing-stream`. One module serves all hosts: a client says in its header which one it wants.
//!
//! Invariants: one task per connection, which alone reads, runs hooks for what it read, and writes its mailbox; nothing
//! of one client is ever awaited by the task of another; what a client does before login is bounded in time and bytes.

mod acks;
mod certificates;
mod client;
mod config;
mod environment;
mod failures;
mod features;
mod listen;
mod scratch;
mod session;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use waxwing_core::Shared;
use waxwing_core::metrics::{Counter, Gauge};
use waxwing_core::prelude::*;
use waxwing_stream::tls::Certificates;
use waxwing_stream::transport::{Gate, Listener};

pub use config::{Config, MechanismName};
use failures::Failures;

/// The listener for clients.
#[derive(Debug)]
pub struct C2s {
    shared: Arc<Shared>,
    config: Config,
    certificates: Certificates,
    gate: Arc<Gate>,
    failures: Failures,
    /// How many passwords are checked at the same time; each takes a core for some milliseconds.
    password_checks: Semaphore,
    metrics: Metrics,
    /// Bound at start, taken by the task that accepts.
    listeners: Mutex<Vec<Port>>,
}

/// A port for clients.
#[derive(Debug)]
struct Port {
    listener: Listener,
    address: SocketAddr,
    direct_tls: bool,
}

#[derive(Debug)]
struct Metrics {
    connections: Gauge,
    logins: Counter,
    login_failures: Counter,
    refused: Counter,
}

impl Module for C2s {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("c2s", "Lets clients in").scope(Scope::Server).specs(&[
        Spec::rfc(6120, "3-7"),
        Spec::rfc(3921, "3").partial("session establishment is granted, and optional"),
        Spec::rfc(4616, "all"),
        Spec::rfc(5802, "all"),
        Spec::rfc(7677, "all"),
        Spec::rfc(5929, "4"),
        Spec::rfc(9266, "all").partial("with TLS 1.3"),
        Spec::rfc(7590, "all"),
        Spec::xep(170, "1.0"),
        Spec::xep(178, "1.2").partial("for clients"),
        Spec::xep(368, "1.1.0").partial("for clients"),
        Spec::xep(440, "0.4.2"),
        Spec::xep(474, "0.5.0"),
        Spec::xep(478, "0.2.0"),
    ]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let shared = Arc::clone(reg.server());
        let certificates = certificates::load(&shared, &config)?;
        let listeners = listen::bind(&shared.config().listen)?;
        let this = Arc::new(Self {
            certificates,
            config,
            gate: Arc::default(),
            failures: Failures::default(),
            password_checks: Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)),
            metrics: Metrics {
                connections: reg.gauge("connections", "Open connections of clients."),
                logins: reg.counter("logins", "Successful logins."),
                login_failures: reg.counter("login_failures", "Failed logins."),
                refused: reg.counter("stream_errors", "Streams closed with an error."),
            },
            listeners: Mutex::new(listeners),
            shared,
        });
        reg.task("certificates", Every::minutes(1), &this, |this| async move { certificates::reload(&this) });
        reg.run("listen", &this, listen::run);
        Ok(this)
    }

    fn reload(&self, config: Config) -> Reload {
        certificates::reload(self);
        if config == self.config { Reload::Applied } else { Reload::Restart }
    }
}
