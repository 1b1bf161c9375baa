//! What is kept of an account.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use waxwing_store::{Scope, Table};
use waxwing_stream::sasl::{ScramHash, ScramKeys, Stored};

/// One row per account: its verifiers and whether it may log in.
#[derive(Debug)]
pub struct CredentialTable;

impl Table for CredentialTable {
    const NAME: &'static str = "accounts.credentials";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Account;
    type Key = ();
    type Value = CredentialRow;
}

/// What is kept of an account. No `Debug`: who has it can try passwords.
#[derive(Clone, Serialize, Deserialize)]
pub struct CredentialRow {
    /// Whether logins are refused.
    pub disabled: bool,
    /// Microseconds since the epoch.
    pub created_at: i64,
    verifiers: Vec<Verifier>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Verifier {
    hash: Hash,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl CredentialRow {
    pub(crate) fn new(keys: Vec<ScramKeys>, created_at: i64) -> Self {
        Self { disabled: false, created_at, verifiers: verifiers(keys) }
    }

    pub(crate) fn set_keys(&mut self, keys: Vec<ScramKeys>) {
        self.verifiers = verifiers(keys);
    }

    pub(crate) fn into_stored(self) -> Stored {
        let keys = self.verifiers.into_iter().map(Verifier::into_keys).collect();
        Stored { keys, enabled: !self.disabled }
    }
}

fn verifiers(keys: Vec<ScramKeys>) -> Vec<Verifier> {
    keys.into_iter().map(Verifier::new).collect()
}

impl Verifier {
    fn new(keys: ScramKeys) -> Self {
        let ScramKeys { hash, iterations, salt, stored_key, server_key } = keys;
        let hash = match hash {
            ScramHash::Sha1 => Hash::Sha1,
            ScramHash::Sha256 => Hash::Sha256,
            ScramHash::Sha512 => Hash::Sha512,
        };
        Self { hash, iterations, salt, stored_key, server_key }
    }

    fn into_keys(self) -> ScramKeys {
        let Self { hash, iterations, salt, stored_key, server_key } = self;
        let hash = match hash {
            Hash::Sha1 => ScramHash::Sha1,
            Hash::Sha256 => ScramHash::Sha256,
            Hash::Sha512 => ScramHash::Sha512,
        };
        ScramKeys { hash, iterations, salt, stored_key, server_key }
    }
}
