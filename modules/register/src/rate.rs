//! How often one address may try.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Tries per address in a window that begins with the first one.
#[derive(Debug)]
pub(crate) struct Rate {
    max: u32,
    window: Duration,
    tries: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Rate {
    pub(crate) fn new(max: u32, window: Duration) -> Self {
        Self { max, window, tries: Mutex::new(HashMap::new()) }
    }

    /// Counts a try; false: one too many.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let now = Instant::now();
        let mut tries = self.tries.lock();
        let network = network(address);
        if tries.len() >= ADDRESSES_MAX && !tries.contains_key(&network) {
            tries.retain(|_, (since, _)| now.duration_since(*since) < self.window);
            // So many addresses at once are one attack: nobody registers until the window is over.
            if tries.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let (since, count) = tries.entry(network).or_insert((now, 0));
        if now.duration_since(*since) >= self.window {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.max
    }

    /// Forgets windows that are over.
    pub(crate) fn forget(&self) {
        let now = Instant::now();
        self.tries.lock().retain(|_, (since, _)| now.duration_since(*since) < self.window);
    }
}

/// An IPv4 address, or a /64 network: whoever has one IPv6 address has them all.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

const ADDRESSES_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_has_so_many_tries_in_a_window() {
        let rate = Rate::new(2, Duration::from_secs(60));
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!([rate.allows(one), rate.allows(one), rate.allows(one)], [true, true, false]);
        assert!(rate.allows(other));
        tokio::time::advance(Duration::from_secs(59)).await;
        rate.forget();
        assert!(!rate.allows(one));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(rate.allows(one));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_ipv4() {
        let rate = Rate::new(1, Duration::from_secs(60));
        let allows = |text: &str| rate.allows(text.parse().unwrap());
        assert!(allows("2001:db8::1"));
        assert!(!allows("2001:db8::ffff:2"));
        assert!(allows("2001:db8:0:1::1"));
        assert!(allows("192.0.2.1"));
        assert!(!allows("::ffff:192.0.2.1"));
    }
}
