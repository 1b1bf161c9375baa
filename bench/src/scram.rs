//! The client's side of SCRAM-SHA-1 (RFC 5802) and SCRAM-SHA-256 (RFC 7677), without channel binding.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Fallible;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    pub(crate) fn mechanism(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> hmac::Tag {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data)
    }

    fn digest(self, data: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, data)
    }

    fn derive(self, rounds: NonZeroU32, salt: &[u8], password: &[u8]) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        };
        let mut salted = vec![0; length];
        pbkdf2::derive(algorithm, rounds, salt, password, &mut salted);
        salted
    }
}

/// Salted passwords by password, salt and count: an account that logs in ten times pays for it once.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<(Hash, String, String), Vec<u8>>>);

impl Cache {
    fn salted(&self, hash: Hash, password: &str, salt: &str, count: &str) -> Fallible<Vec<u8>> {
        let key = (hash, format!("{password},{count}"), salt.to_owned());
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let salted = hash.derive(count.parse()?, &STANDARD.decode(salt)?, password.as_bytes());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, salted.clone());
        Ok(salted)
    }
}

/// The first message without its GS2 header.
pub(crate) fn first_bare(user: &str, nonce: &str) -> String {
    format!("n={user},r={nonce}")
}

/// The final message that answers the server's first.
pub(crate) fn last(
    cache: &Cache,
    hash: Hash,
    password: &str,
    first_bare: &str,
    server_first: &str,
) -> Fallible<String> {
    let field = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name));
    let (Some(nonce), Some(salt), Some(count)) = (field("r="), field("s="), field("i=")) else {
        return Err(format!("no SCRAM challenge: {server_first}").into());
    };
    let salted = cache.salted(hash, password, salt, count)?;
    let client_key = hash.hmac(&salted, b"Client Key");
    let stored_key = hash.digest(client_key.as_ref());
    let without_proof = format!("c=biws,r={nonce}");
    let message = format!("{first_bare},{server_first},{without_proof}");
    let signature = hash.hmac(stored_key.as_ref(), message.as_bytes());
    let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    Ok(format!("{without_proof},p={}", STANDARD.encode(proof)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 5802 §5.
    #[test]
    fn rfc5802_5_example() {
        let first = first_bare("user", "fyko+d2lbbFgONRv9qkxdawL");
        let challenge = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
        let wanted = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        assert_eq!(last(&Cache::default(), Hash::Sha1, "pencil", &first, challenge).unwrap(), wanted);
        assert_ne!(last(&Cache::default(), Hash::Sha1, "pencil2", &first, challenge).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_challenge_is_an_error() {
        assert!(last(&Cache::default(), Hash::Sha1, "pencil", "n=user,r=a", "e=other-error").is_err());
    }

    /// The example of RFC 7677 §3.
    #[test]
    fn rfc7677_3_example() {
        let first = first_bare("user", "rOprNGfwEbeRWgbNEkqO");
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let wanted = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                      p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(last(&Cache::default(), Hash::Sha256, "pencil", &first, challenge).unwrap(), wanted);
    }
}
