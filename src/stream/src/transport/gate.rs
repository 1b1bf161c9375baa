//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts connections; shared by all listeners.
#[derive(Debug, Default)]
pub struct Gate {
    open: Mutex<Open>,
}

/// How many there may be, as an address finds it when it connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// In all.
    pub connections_max: usize,
    /// From this address; `None` for networks that the operator exempts.
    pub per_address_max: Option<usize>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Only addresses with an open connection are in here, so it is bounded by the limit for all.
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
    /// Lets a connection in. The allowance is given each time, so that it can change while the server runs.
    ///
    /// # Errors
    /// There are as many connections as there may be.
    pub fn admit(self: &Arc<Self>, address: IpAddr, allowance: Allowance) -> Result<Permit, Refusal> {
        let address = customer(address);
        let mut open = self.open.lock();
        if open.all >= allowance.connections_max {
            return Err(Refusal::Full);
        }
        let here = open.by_address.get(&address).copied().unwrap_or_default();
        if allowance.per_address_max.is_some_and(|max| here >= max) {
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

/// What counts as one address for limits: an IPv4 address, or the /64 that one IPv6 customer has at least.
pub fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn allow(connections_max: usize, per_address_max: Option<usize>) -> Allowance {
        Allowance { connections_max, per_address_max }
    }

    #[test]
    fn an_address_has_only_so_many_connections() {
        let gate = Arc::new(Gate::default());
        let admit = |text| gate.admit(address(text), allow(10, Some(2)));
        let one = admit("192.0.2.1").unwrap();
        let _two = admit("::ffff:192.0.2.1").unwrap();
        assert_eq!(admit("192.0.2.1").unwrap_err(), Refusal::Address);
        assert!(admit("192.0.2.2").is_ok());
        drop(one);
        assert!(admit("192.0.2.1").is_ok());
    }

    #[test]
    fn the_server_has_only_so_many_connections() {
        let gate = Arc::new(Gate::default());
        let admit = |text| gate.admit(address(text), allow(2, None));
        let _open = [admit("192.0.2.1").unwrap(), admit("192.0.2.2").unwrap()];
        assert_eq!(admit("127.0.0.1").unwrap_err(), Refusal::Full);
    }

    #[test]
    fn exempt_addresses_are_limited_only_by_the_whole() {
        let gate = Arc::new(Gate::default());
        let open: Vec<_> =
            (0..5).map(|_| gate.admit(address("127.0.0.1"), allow(5, None)).unwrap()).collect();
        assert_eq!(gate.open(), 5);
        drop(open);
        assert_eq!(gate.open(), 0);
        assert!(gate.open.lock().by_address.is_empty());
    }

    #[test]
    fn one_ipv6_customer_is_a_64() {
        let of = |text: &str| customer(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
