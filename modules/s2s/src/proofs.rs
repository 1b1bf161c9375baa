//! How many keys of others are looked into at the same time: each means a connection to a server that they name.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Places, of which nobody gets all.
#[derive(Debug)]
pub(crate) struct Proofs {
    places: Semaphore,
    /// How many each address has or waits for.
    by_address: Mutex<HashMap<IpAddr, usize>>,
    per_address_max: usize,
}

/// One place; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    _share: Share<'a>,
    _permit: SemaphorePermit<'a>,
}

/// Counts for an address.
#[derive(Debug)]
struct Share<'a> {
    proofs: &'a Proofs,
    address: Option<IpAddr>,
}

impl Proofs {
    pub(crate) fn new(max: usize) -> Self {
        let per_address_max = (max / 10).max(1);
        Self { places: Semaphore::new(max), by_address: Mutex::default(), per_address_max }
    }

    /// None: there are too many, of this address or of all for this long.
    pub(crate) async fn place(&self, address: Option<IpAddr>, patience: Duration) -> Option<Place<'_>> {
        let share = self.share(address)?;
        let permit = timeout(patience, self.places.acquire()).await.ok()?.ok()?;
        Some(Place { _share: share, _permit: permit })
    }

    fn share(&self, address: Option<IpAddr>) -> Option<Share<'_>> {
        if let Some(address) = address {
            let mut counts = self.by_address.lock();
            let count = counts.entry(address).or_default();
            if *count >= self.per_address_max {
                return None;
            }
            *count += 1;
        }
        Some(Share { proofs: self, address })
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.proofs.by_address.lock();
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_address_takes_the_places_of_the_others() {
        let proofs = Proofs::new(20);
        let (one, other): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let patience = Duration::from_secs(1);
        let first = proofs.place(Some(one), patience).await.unwrap();
        let _second = proofs.place(Some(one), patience).await.unwrap();
        assert!(proofs.place(Some(one), patience).await.is_none());
        let third = proofs.place(Some(other), patience).await.unwrap();
        drop(first);
        let again = proofs.place(Some(one), patience).await.unwrap();
        drop((third, again));
        assert_eq!(proofs.by_address.lock().len(), 1);
        assert_eq!(proofs.places.available_permits(), 19);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_place_for_ever() {
        let proofs = Proofs::new(1);
        let patience = Duration::from_secs(1);
        let held = proofs.place(None, patience).await;
        assert!(proofs.place(None, patience).await.is_none());
        drop(held);
        assert!(proofs.place(None, patience).await.is_some());
    }
}
