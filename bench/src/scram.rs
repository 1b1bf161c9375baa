//! The client's side of SCRAM-SHA-1 (RFC 5802), without channel binding.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Fallible;

/// Salted passwords by password, salt and count: an account that logs in ten times pays for it once.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<(String, String), [u8; 20]>>);

impl Cache {
    fn salted(&self, password: &str, salt: &str, count: &str) -> Fallible<[u8; 20]> {
        let key = (format!("{password},{count}"), salt.to_owned());
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*known);
        }
        let rounds: NonZeroU32 = count.parse()?;
        let mut salted = [0; 20];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA1,
            rounds,
            &STANDARD.decode(salt)?,
            password.as_bytes(),
            &mut salted,
        );
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, salted);
        Ok(salted)
    }
}

/// The first message without its GS2 header.
pub(crate) fn first_bare(user: &str, nonce: &str) -> String {
    format!("n={user},r={nonce}")
}

/// The final message that answers the server's first.
pub(crate) fn last(cache: &Cache, password: &str, first_bare: &str, server_first: &str) -> Fallible<String> {
    let field = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name));
    let (Some(nonce), Some(salt), Some(count)) = (field("r="), field("s="), field("i=")) else {
        return Err(format!("no SCRAM challenge: {server_first}").into());
    };
    let salted = cache.salted(password, salt, count)?;
    let sha1 =
        |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), data);
    let client_key = sha1(&salted, b"Client Key");
    let stored_key = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, client_key.as_ref());
    let without_proof = format!("c=biws,r={nonce}");
    let message = format!("{first_bare},{server_first},{without_proof}");
    let signature = sha1(stored_key.as_ref(), message.as_bytes());
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
        assert_eq!(last(&Cache::default(), "pencil", &first, challenge).unwrap(), wanted);
        assert_ne!(last(&Cache::default(), "pencil2", &first, challenge).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_challenge_is_an_error() {
        assert!(last(&Cache::default(), "pencil", "n=user,r=a", "e=other-error").is_err());
    }
}
