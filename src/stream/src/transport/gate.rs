//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Network;
use super::network::customer;

/// Counts connections; shared by all listeners.
#[derive(Debug)]
pub struct Gate {
    connections_max: usize,
    per_address_max: usize,
    exempt: Vec<Network>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Only addresses with an open connection are in here, so it is bounded by `connections_max`.
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The server has as many as it may.
    #[error("too many connections")]
    Full,
    /// This address has as many as it may.
    #[error("too many connections from this address")]
    Address,
}

/// The right to be connected; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// `exempt`: networks that the limit per address does not hold for; the limit for all holds for everyone.
    pub fn new(connections_max: usize, per_address_max: usize, exempt: Vec<Network>) -> Arc<Self> {
        Arc::new(Self { connections_max, per_address_max, exempt, open: Mutex::default() })
    }

    /// Whether rates and limits per address do not hold for this address.
    pub fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(address))
    }

    /// Lets a connection in.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refusal> {
        let exempt = self.is_exempt(address);
        let address = customer(address);
        let mut open = self.open.lock();
        if open.all >= self.connections_max {
            return Err(Refusal::Full);
        }
        let here = open.by_address.get(&address).copied().unwrap_or_default();
        if here >= self.per_address_max && !exempt {
            return Err(Refusal::Address);
        }
        open.by_address.insert(address, here + 1);
        open.all += 1;
        drop(open);
        Ok(Permit { gate: self.clone(), address })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.lock().all
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.gate.open.lock();
        open.all = open.all.saturating_sub(1);
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_only_so_many_connections() {
        let gate = Gate::new(10, 2, Vec::new());
        let one = gate.admit(address("192.0.2.1")).unwrap();
        let _two = gate.admit(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(gate.admit(address("192.0.2.1")).unwrap_err(), Refusal::Address);
        assert!(gate.admit(address("192.0.2.2")).is_ok());
        drop(one);
        assert!(gate.admit(address("192.0.2.1")).is_ok());
    }

    #[test]
    fn the_server_has_only_so_many_connections() {
        let gate = Gate::new(2, 2, vec!["127.0.0.0/8".parse().unwrap()]);
        let _open = [gate.admit(address("192.0.2.1")).unwrap(), gate.admit(address("192.0.2.2")).unwrap()];
        assert_eq!(gate.admit(address("127.0.0.1")).unwrap_err(), Refusal::Full);
    }

    #[test]
    fn exempt_networks_are_not_counted_by_address() {
        let gate = Gate::new(10, 1, vec!["127.0.0.0/8".parse().unwrap()]);
        let open: Vec<_> = (0..5).map(|_| gate.admit(address("127.0.0.1")).unwrap()).collect();
        assert_eq!(gate.open(), 5);
        drop(open);
        assert_eq!(gate.open(), 0);
        assert!(gate.open.lock().by_address.is_empty());
    }
}
