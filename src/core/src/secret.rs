//! A secret per host that outlives restarts; modules derive their own keys from it.

use std::fmt;

use aws_lc_rs::hmac;
use waxwing_store::{HostNumber, Scope, Store, StoreError, Table};

use crate::Random;

/// A host's secret. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct HostSecret(hmac::Key);

impl fmt::Debug for HostSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostSecret(…)")
    }
}

/// One row per host: 32 random bytes, made at the first start.
struct Secrets;

impl Table for Secrets {
    const NAME: &'static str = "core.secrets";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Host;
    type Key = ();
    type Value = [u8; 32];
}

impl HostSecret {
    /// Reads the host's secret, or makes it, durably.
    pub(crate) async fn load(store: &Store, host: HostNumber, random: &Random) -> Result<Self, StoreError> {
        let table = store.table::<Secrets>()?;
        let secret = match table.get(host, &()).await? {
            Some(secret) => secret,
            None => {
                let mut secret = [0; 32];
                random.fill(&mut secret);
                table.put(host, &(), &secret)?.durable().await?;
                secret
            }
        };
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// The key for one purpose, e.g. `accounts.decoy`: the same in every run, and nothing about the others follows
    /// from it.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.0, purpose.as_bytes());
        let mut key = [0; 32];
        key.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_keeps_its_secret_and_each_purpose_has_its_own_key() {
        let store = Store::memory();
        let load = |host, seed| {
            let store = store.clone();
            async move { HostSecret::load(&store, HostNumber(host), &Random::seeded(seed)).await.unwrap() }
        };
        let first = load(1, 1).await;
        assert_eq!(first.derive("one"), load(1, 2).await.derive("one"));
        assert_ne!(first.derive("one"), first.derive("two"));
        assert_ne!(first.derive("one"), load(2, 3).await.derive("one"));
        assert_eq!(format!("{first:?}"), "HostSecret(…)");
    }
}
