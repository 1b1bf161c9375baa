//! Ports, and the connections that come in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::info;
use waxwing_core::config::Listen;
use waxwing_core::metrics::Gauge;
use waxwing_core::{CloseReason, Phase, Shutdown, StartError};
use waxwing_stream::transport::{Allowance, Listener, Permit};
use waxwing_xmpp::{StreamCondition, StreamError};

use crate::client::serve;
use crate::{C2s, Port};

/// Binds all addresses, so that a port that is taken stops the start.
pub(crate) fn bind(listen: &Listen) -> Result<Vec<Port>, StartError> {
    let plain = listen.c2s.iter().map(|address| (*address, false));
    let direct = listen.c2s_tls.iter().map(|address| (*address, true));
    plain.chain(direct).map(|(address, direct_tls)| port(address, direct_tls)).collect()
}

fn port(address: SocketAddr, direct_tls: bool) -> Result<Port, StartError> {
    let wrong = |error: std::io::Error| {
        let key = if direct_tls { "c2s_tls" } else { "c2s" };
        StartError::new(format!(
            "{address} cannot be listened on ({error}): change listen.{key}, or end who has the port"
        ))
    };
    let listener = Listener::bind(address).map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok(Port { listener, address, direct_tls })
}

/// Accepts until the server drains, then says good-bye to all sessions and waits for the connections to end.
pub(crate) async fn run(c2s: Arc<C2s>, mut shutdown: Shutdown) {
    let mut ports = JoinSet::new();
    for port in std::mem::take(&mut *c2s.listeners.lock()) {
        info!(address = %port.address, direct_tls = port.direct_tls, "Listening for clients.");
        ports.spawn(accept(c2s.clone(), port, shutdown.clone()));
    }
    shutdown.reached(Phase::Draining).await;
    c2s.say_good_bye();
    tokio::select! {
        () = async { while ports.join_next().await.is_some() {} } => {}
        // When all sessions have ended, who is still logging in has a moment left to be told as well.
        () = async {
            shutdown.reached(Phase::Stopping).await;
            tokio::time::sleep(LAST_WORDS).await;
        } => {}
    }
}

/// Time for the last writes of connections without a session at a graceful stop.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// One port.
async fn accept(c2s: Arc<C2s>, port: Port, mut shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (socket, peer, permit) = port.listener.accept(&c2s.gate, |address| c2s.allowance(address)) => {
                let open = Open::new(&c2s, permit);
                connections.spawn(serve(c2s.clone(), open, socket, peer, port.direct_tls, shutdown.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = shutdown.reached(Phase::Draining) => break,
        }
    }
    drop(port);
    while connections.join_next().await.is_some() {}
}

/// An open connection, as it is counted.
pub(crate) struct Open {
    connections: Gauge,
    _permit: Permit,
}

impl Open {
    fn new(c2s: &C2s, permit: Permit) -> Self {
        let connections = c2s.metrics.connections.clone();
        connections.inc();
        Self { connections, _permit: permit }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

impl C2s {
    fn allowance(&self, address: IpAddr) -> Allowance {
        let limits = self.shared.limits();
        let per_address_max = (!self.is_exempt(address)).then_some(limits.connections_per_address_max);
        Allowance { connections_max: limits.connections_max, per_address_max }
    }

    /// Whether rates and limits per address do not hold for this address.
    pub(crate) fn is_exempt(&self, address: IpAddr) -> bool {
        self.shared.limits().exempt.iter().any(|network| network.contains(address))
    }

    /// RFC 6120 §4.9.3.20.
    fn say_good_bye(&self) {
        let error = StreamError::new(StreamCondition::SystemShutdown);
        for host in self.shared.router().hosts() {
            for account in host.accounts_in_use() {
                // Who is asleep outlives the server.
                for session in account.sessions() {
                    session.close_connection(CloseReason::Error(error.clone()));
                }
            }
        }
    }
}
