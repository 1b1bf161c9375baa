//! What is kept of a password: SCRAM verifiers ([RFC 5802 §3](https://www.rfc-editor.org/rfc/rfc5802#section-3)).

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};

use crate::random;

/// The hash function of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScramHash {
    /// RFC 5802.
    Sha1,
    /// RFC 7677.
    Sha256,
    /// As RFC 5802 with SHA-512.
    Sha512,
}

impl ScramHash {
    /// All, the one to prefer first.
    pub const ALL: [Self; 3] = [Self::Sha512, Self::Sha256, Self::Sha1];

    /// Bytes of a hash value.
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// How often the hash is applied for new passwords: RFC 5802 §5.1 wants 4096 at least for SHA-1, RFC 7677 §4
    /// the same for SHA-256; 10,000 is what SCRAM-SHA-512 asks for, and cheap enough for all.
    pub const ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

    pub(super) fn digest(self, data: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data)
    }

    pub(super) fn hmac(self, key: &[u8], data: &[u8]) -> hmac::Tag {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data)
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// The verifier of a password for one hash: enough to check a login, not enough to log in somewhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// For which mechanisms.
    pub hash: ScramHash,
    /// How often the hash was applied.
    pub iterations: NonZeroU32,
    /// The salt.
    pub salt: Vec<u8>,
    /// `H(ClientKey)`.
    pub stored_key: Vec<u8>,
    /// `HMAC(SaltedPassword, "Server Key")`.
    pub server_key: Vec<u8>,
}

impl ScramKeys {
    /// Derives the verifier of a prepared password (see [`super::prepare`]) with a fresh salt.
    ///
    /// Takes milliseconds of CPU on purpose: not for the worker threads of the runtime.
    pub fn derive(hash: ScramHash, iterations: NonZeroU32, password: &[u8]) -> Self {
        Self::derive_with_salt(hash, iterations, random::bytes::<16>().to_vec(), password)
    }

    /// The same with a given salt.
    pub fn derive_with_salt(hash: ScramHash, iterations: NonZeroU32, salt: Vec<u8>, password: &[u8]) -> Self {
        let mut salted = vec![0; hash.bytes()];
        pbkdf2::derive(hash.pbkdf2(), iterations, &salt, password, &mut salted);
        let client_key = hash.hmac(&salted, b"Client Key");
        let stored_key = hash.digest(client_key.as_ref()).as_ref().to_vec();
        let server_key = hash.hmac(&salted, b"Server Key").as_ref().to_vec();
        Self { hash, iterations, salt, stored_key, server_key }
    }

    /// Whether this is the verifier of `password` (prepared). As slow as [`ScramKeys::derive`]; the comparison
    /// takes the same time for every wrong password.
    pub fn verify(&self, password: &[u8]) -> bool {
        let derived = Self::derive_with_salt(self.hash, self.iterations, self.salt.clone(), password);
        equal(&derived.stored_key, &self.stored_key)
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// Compares without telling by the time it takes where the difference is.
pub(super) fn equal(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_accepts_its_password_and_no_other() {
        for hash in ScramHash::ALL {
            let keys = ScramKeys::derive(hash, NonZeroU32::new(4096).unwrap(), b"pencil");
            assert!(keys.verify(b"pencil"));
            assert!(!keys.verify(b"pencil "));
            assert!(!keys.verify(b""));
            assert_eq!(keys.stored_key.len(), hash.bytes());
            assert_eq!(keys.server_key.len(), hash.bytes());
        }
    }

    #[test]
    fn two_verifiers_of_one_password_differ_by_their_salt() {
        let one = ScramKeys::derive(ScramHash::Sha256, NonZeroU32::MIN, b"pencil");
        let other = ScramKeys::derive(ScramHash::Sha256, NonZeroU32::MIN, b"pencil");
        assert_ne!(one.salt, other.salt);
        assert_ne!(one.stored_key, other.stored_key);
    }

    #[test]
    fn debug_output_shows_no_key() {
        let keys = ScramKeys::derive_with_salt(ScramHash::Sha1, NonZeroU32::MIN, b"salt".to_vec(), b"pencil");
        assert_eq!(format!("{keys:?}"), "ScramKeys { hash: Sha1, iterations: 1, .. }");
    }
}
