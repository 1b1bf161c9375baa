//! A listening socket that survives running out of descriptors.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

use super::{Allowance, Gate, Permit};

/// Accepts connections.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    starved: AtomicBool,
}

impl Listener {
    /// Binds; `[::]` takes IPv4 as well.
    ///
    /// # Errors
    /// As the system says, e.g. the address is in use.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        Ok(Self { listener: TcpListener::from_std(socket.into())?, starved: AtomicBool::new(false) })
    }

    /// The address it is bound to, with the port that the system chose.
    ///
    /// # Errors
    /// As the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection that the gate lets in. Never fails: without descriptors or memory it waits and tries again,
    /// so that only new connections suffer.
    pub async fn accept(
        &self,
        gate: &Arc<Gate>,
        allowance: impl Fn(IpAddr) -> Allowance,
    ) -> (TcpStream, SocketAddr, Permit) {
        loop {
            match self.listener.accept().await {
                Ok((socket, peer)) => {
                    if self.starved.swap(false, Ordering::Relaxed) {
                        warn!("New connections are accepted again.");
                    }
                    match gate.admit(peer.ip(), allowance(peer.ip())) {
                        Ok(permit) => return (socket, peer, permit),
                        Err(refusal) => debug!(peer = %peer, error = %refusal, "Connection refused."),
                    }
                }
                Err(error) => self.back_off(&error).await,
            }
        }
    }

    async fn back_off(&self, error: &io::Error) {
        // A client that was gone before we came to it concerns nobody.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        if !self.starved.swap(true, Ordering::Relaxed) {
            warn!(error = %error, "New connections cannot be accepted for now.");
        }
        tokio::time::sleep(BACK_OFF).await;
    }
}

const BACK_OFF: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn one(_: IpAddr) -> Allowance {
        Allowance { connections_max: 10, per_address_max: Some(1) }
    }

    #[tokio::test]
    async fn the_unspecified_ipv6_address_takes_ipv4_as_well() {
        let listener = Listener::bind("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let gate = Arc::new(Gate::default());
        let _client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (_socket, peer, _permit) = listener.accept(&gate, one).await;
        assert_eq!(peer.ip().to_canonical(), IpAddr::from([127, 0, 0, 1]));
    }

    #[tokio::test]
    async fn a_connection_over_the_limit_is_closed_and_the_next_is_served() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(Gate::default());
        let _first = TcpStream::connect(address).await.unwrap();
        let (_socket, _, permit) = listener.accept(&gate, one).await;
        let mut refused = TcpStream::connect(address).await.unwrap();
        let accept = listener.accept(&gate, one);
        let mut byte = [0];
        tokio::select! {
            _ = accept => panic!("over the limit"),
            read = refused.read(&mut byte) => assert_eq!(read.unwrap(), 0),
        }
        drop(permit);
        let _next = TcpStream::connect(address).await.unwrap();
        listener.accept(&gate, one).await;
    }
}
