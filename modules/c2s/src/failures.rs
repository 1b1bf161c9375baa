//! Failed logins of the last minute, by address and by account.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use waxwing_stream::transport::customer;
use waxwing_xmpp::BareJid;

/// Counts failed logins.
///
/// An address with too many is refused for a while. An account with too many is not, or anybody could lock anybody out;
/// each further try at it is only slowed down, whether the account exists or not.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    addresses: HashMap<IpAddr, Window>,
    accounts: HashMap<BareJid, Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    begin: Instant,
    count: u32,
}

/// What to do with a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let it be made.
    Allow,
    /// After a pause.
    Delay(Duration),
    /// Not at all.
    Refuse,
}

impl Failures {
    /// Judges a try. `limit`: failures in a minute from one address.
    pub(crate) fn judge(
        &self,
        address: IpAddr,
        account: Option<&BareJid>,
        limit: u32,
        now: Instant,
    ) -> Verdict {
        let counts = self.0.lock();
        let failed = |window: Option<&Window>| {
            window.filter(|window| window.is_open(now)).map_or(0, |window| window.count)
        };
        if failed(counts.addresses.get(&customer(address))) >= limit {
            Verdict::Refuse
        } else if failed(account.and_then(|account| counts.accounts.get(account))) >= limit {
            Verdict::Delay(PAUSE)
        } else {
            Verdict::Allow
        }
    }

    /// Counts a failure.
    pub(crate) fn count(&self, address: IpAddr, account: Option<&BareJid>, now: Instant) {
        let mut counts = self.0.lock();
        add(&mut counts.addresses, customer(address), now);
        if let Some(account) = account {
            add(&mut counts.accounts, account.clone(), now);
        }
    }
}

impl Window {
    fn is_open(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begin) < MINUTE
    }
}

fn add<K: Eq + Hash>(windows: &mut HashMap<K, Window>, key: K, now: Instant) {
    if windows.len() >= WINDOWS_MAX {
        windows.retain(|_, window| window.is_open(now));
    }
    if windows.len() >= WINDOWS_MAX {
        // A flood from everywhere: rather forget than grow.
        windows.clear();
    }
    let window = windows.entry(key).or_insert(Window { begin: now, count: 0 });
    if !window.is_open(now) {
        *window = Window { begin: now, count: 0 };
    }
    window.count = window.count.saturating_add(1);
}

const MINUTE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);
const WINDOWS_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn an_address_with_many_failures_is_refused_for_a_minute() {
        let (failures, now) = (Failures::default(), Instant::now());
        for _ in 0..2 {
            failures.count(HERE, None, now);
            assert_eq!(failures.judge(HERE, None, 3, now), Verdict::Allow);
        }
        failures.count(HERE, None, now);
        assert_eq!(failures.judge(HERE, None, 3, now), Verdict::Refuse);
        assert_eq!(failures.judge(THERE, None, 3, now), Verdict::Allow);
        assert_eq!(failures.judge(HERE, None, 3, now + MINUTE), Verdict::Allow);
    }

    #[test]
    fn an_account_with_many_failures_is_slowed_but_never_locked() {
        let (failures, now) = (Failures::default(), Instant::now());
        let (juliet, romeo) =
            (BareJid::parse("juliet@example.org").unwrap(), BareJid::parse("romeo@example.org").unwrap());
        for host in 0..100 {
            failures.count(IpAddr::from([198, 51, 100, host]), Some(&juliet), now);
        }
        assert_eq!(failures.judge(HERE, Some(&juliet), 30, now), Verdict::Delay(PAUSE));
        assert_eq!(failures.judge(HERE, Some(&romeo), 30, now), Verdict::Allow);
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_without_end() {
        let (failures, now) = (Failures::default(), Instant::now());
        for address in 0..150_000_u32 {
            failures.count(IpAddr::V4(address.into()), None, now);
        }
        assert!(failures.0.lock().addresses.len() <= WINDOWS_MAX);
    }
}
