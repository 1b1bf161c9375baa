//! Answers for accounts that do not exist, so that nobody can tell.

use std::num::NonZeroU32;

use crate::Secret;

use super::{ScramHash, ScramKeys};

/// Makes verifiers for unknown names: always the same salt for the same name, as a real account would show, and keys
/// that no password fits (RFC 5802 §5.1 and RFC 6120 §6.5.10: no directory harvest).
///
/// The secret must outlive restarts, or an unknown name is known by its changing salt.
#[derive(Debug, Clone)]
pub struct Decoy {
    secret: Secret,
    iterations: NonZeroU32,
}

impl Decoy {
    /// `iterations`: the count that new passwords get; accounts with another one are told apart from unknown names.
    pub fn new(secret: Secret, iterations: NonZeroU32) -> Self {
        Self { secret, iterations }
    }

    /// The verifier shown for a name that has none.
    pub fn keys(&self, hash: ScramHash, name: &str) -> ScramKeys {
        let part = |label: &str| {
            let message =
                [label.as_bytes(), b"\0", format!("{hash:?}").as_bytes(), b"\0", name.as_bytes()].concat();
            ScramHash::Sha512.hmac(self.secret.expose(), &message)
        };
        let take =
            |label: &str, len: usize| part(label).as_ref().iter().copied().take(len).collect::<Vec<_>>();
        ScramKeys {
            hash,
            iterations: self.iterations,
            salt: take("salt", 16),
            stored_key: take("stored key", hash.bytes()),
            server_key: take("server key", hash.bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoy(secret: &[u8]) -> Decoy {
        Decoy::new(Secret::new(secret), ScramHash::ITERATIONS)
    }

    #[test]
    fn an_unknown_name_always_shows_the_same_salt() {
        let one = decoy(b"one");
        assert_eq!(one.keys(ScramHash::Sha256, "romeo"), one.keys(ScramHash::Sha256, "romeo"));
        assert_eq!(one.keys(ScramHash::Sha256, "romeo").salt.len(), 16);
    }

    #[test]
    fn salts_differ_by_name_hash_and_server() {
        let salt = |secret: &[u8], hash, name| decoy(secret).keys(hash, name).salt;
        let salts: std::collections::HashSet<_> = [
            salt(b"one", ScramHash::Sha256, "romeo"),
            salt(b"one", ScramHash::Sha256, "juliet"),
            salt(b"one", ScramHash::Sha1, "romeo"),
            salt(b"two", ScramHash::Sha256, "romeo"),
        ]
        .into();
        assert_eq!(salts.len(), 4);
    }
}
