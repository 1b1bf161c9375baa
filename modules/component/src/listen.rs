//! Ports, and the connections that come in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{info, warn};
use waxwing_core::config::Listen;
use waxwing_core::{Phase, Shutdown, StartError};
use waxwing_stream::transport::{Allowance, Listener};

use crate::stream::serve;
use crate::{Components, Port};

/// Binds all addresses, so that a port that is taken stops the start.
pub(crate) fn bind(listen: &Listen) -> Result<Vec<Port>, StartError> {
    listen.component.iter().copied().map(port).collect()
}

fn port(address: SocketAddr) -> Result<Port, StartError> {
    let wrong = |error: std::io::Error| {
        StartError::new(format!(
            "{address} cannot be listened on ({error}): change listen.component, or end who has the port"
        ))
    };
    let listener = Listener::bind(address).map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    if !address.ip().is_loopback() {
        warn!(
            address = %address,
            "Components speak without TLS: everybody on the way can read along. Let listen.component be an address of \
             loopback or of a network of your own."
        );
    }
    Ok(Port { listener, address })
}

/// Accepts until the server drains. The components themselves stay until the clients have gone: they hear of that.
pub(crate) async fn run(components: Arc<Components>, shutdown: Shutdown) {
    let mut ports = JoinSet::new();
    for port in std::mem::take(&mut *components.ports.lock()) {
        info!(address = %port.address, "Listening for components.");
        ports.spawn(accept(Arc::clone(&components), port, shutdown.clone()));
    }
    while ports.join_next().await.is_some() {}
}

/// One port.
async fn accept(components: Arc<Components>, port: Port, mut shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    let allowance = |address| components.allowance(address);
    loop {
        tokio::select! {
            (socket, peer, permit) = port.listener.accept(&components.gate, allowance) => {
                connections.spawn(serve(Arc::clone(&components), permit, socket, peer, shutdown.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = shutdown.reached(Phase::Draining) => break,
        }
    }
    drop(port);
    while connections.join_next().await.is_some() {}
}

impl Components {
    fn allowance(&self, address: IpAddr) -> Allowance {
        let limits = self.shared.limits();
        let per_address_max = (!self.is_exempt(address)).then_some(limits.connections_per_address_max);
        Allowance { connections_max: limits.connections_max, per_address_max }
    }

    /// Whether rates and limits per address do not hold for this address.
    pub(crate) fn is_exempt(&self, address: IpAddr) -> bool {
        self.shared.limits().exempt.iter().any(|network| network.contains(address))
    }
}
