//! Failed handshakes of the last minute, by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use waxwing_stream::transport::customer;

/// Counts failed handshakes.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<HashMap<IpAddr, Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    begin: Instant,
    count: u32,
}

impl Window {
    fn is_open(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begin) < MINUTE
    }
}

impl Tries {
    /// Whether an address may try once more; `limit`: failures in a minute.
    pub(crate) fn allow(&self, address: IpAddr, limit: u32, now: Instant) -> bool {
        let windows = self.0.lock();
        windows.get(&customer(address)).is_none_or(|window| !window.is_open(now) || window.count < limit)
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, address: IpAddr, now: Instant) {
        let mut windows = self.0.lock();
        if windows.len() >= WINDOWS_MAX {
            windows.retain(|_, window| window.is_open(now));
        }
        if windows.len() >= WINDOWS_MAX {
            // A flood from everywhere: rather forget than grow.
            windows.clear();
        }
        let window = windows.entry(customer(address)).or_insert(Window { begin: now, count: 0 });
        if !window.is_open(now) {
            *window = Window { begin: now, count: 0 };
        }
        window.count = window.count.saturating_add(1);
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const WINDOWS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_many_failures_waits_for_a_minute() {
        let (tries, now) = (Tries::default(), Instant::now());
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        tries.failed(here, now);
        assert!(tries.allow(here, 2, now));
        tries.failed(here, now);
        assert!(!tries.allow(here, 2, now) && tries.allow(there, 2, now));
        assert!(tries.allow(here, 2, now + MINUTE));
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_without_end() {
        let (tries, now) = (Tries::default(), Instant::now());
        for address in 0..15_000_u32 {
            tries.failed(IpAddr::V4(address.into()), now);
        }
        assert!(tries.0.lock().len() <= WINDOWS_MAX);
    }
}
