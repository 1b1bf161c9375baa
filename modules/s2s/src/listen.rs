//! Ports for other servers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tracing::info;
use waxwing_core::config::Listen;
use waxwing_core::{Phase, Shutdown, StartError};
use waxwing_stream::transport::{Allowance, Listener};

use crate::S2s;
use crate::stream::serve;

/// A port.
#[derive(Debug)]
pub(crate) struct Port {
    listener: Listener,
    address: SocketAddr,
    direct_tls: bool,
}

/// Binds all addresses, so that a port that is taken stops the start.
pub(crate) fn bind(listen: &Listen) -> Result<Vec<Port>, StartError> {
    let plain = listen.s2s.iter().map(|address| (*address, false));
    let direct = listen.s2s_tls.iter().map(|address| (*address, true));
    plain.chain(direct).map(|(address, direct_tls)| port(address, direct_tls)).collect()
}

fn port(address: SocketAddr, direct_tls: bool) -> Result<Port, StartError> {
    let wrong = |error: std::io::Error| {
        let key = if direct_tls { "s2s_tls" } else { "s2s" };
        StartError::new(format!(
            "{address} cannot be listened on ({error}): change listen.{key}, or end who has the port"
        ))
    };
    let listener = Listener::bind(address).map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok(Port { listener, address, direct_tls })
}

/// Accepts until the server drains; then all streams say good-bye.
pub(crate) async fn run(s2s: Arc<S2s>, mut shutdown: Shutdown) {
    let streams = Arc::new(Mutex::new(JoinSet::new()));
    let mut ports = JoinSet::new();
    for port in std::mem::take(&mut *s2s.listeners.lock()) {
        info!(address = %port.address, direct_tls = port.direct_tls, "Listening for other servers.");
        ports.spawn(accept(Arc::clone(&s2s), port, Arc::clone(&streams), shutdown.clone()));
    }
    shutdown.reached(Phase::Draining).await;
    while ports.join_next().await.is_some() {}
    let mut streams = std::mem::take(&mut *streams.lock());
    tokio::select! {
        () = async { while streams.join_next().await.is_some() {} } => {}
        () = shutdown.reached(Phase::Stopping) => {}
    }
    s2s.end(shutdown).await;
}

async fn accept(s2s: Arc<S2s>, port: Port, streams: Arc<Mutex<JoinSet<()>>>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            (socket, peer, permit) = port.listener.accept(&s2s.entrance, |address| s2s.allowance(address)) => {
                let stream = serve(Arc::clone(&s2s), permit, socket, peer, port.direct_tls, shutdown.clone());
                let mut streams = streams.lock();
                while streams.try_join_next().is_some() {}
                streams.spawn(stream);
            }
            () = shutdown.reached(Phase::Draining) => break,
        }
    }
}

impl S2s {
    fn allowance(&self, address: IpAddr) -> Allowance {
        let limits = self.shared.limits();
        let exempt = limits.exempt.iter().any(|network| network.contains(address));
        let per_address_max = (!exempt).then_some(limits.connections_per_address_max);
        Allowance { connections_max: limits.connections_max, per_address_max }
    }
}
