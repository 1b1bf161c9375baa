//! Random text from the operating system's generator.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Fills an array with random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "without randomness nothing here is safe: better no stream than a guessable one"
    )]
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system's random generator works");
    bytes
}

/// A stream id or resourcepart: 144 random bits (RFC 6120 §4.7.3 wants them unpredictable and non-repeating).
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<18>())
}

/// A SCRAM nonce: 144 random bits in printable characters without a comma (RFC 5802 §5.1).
pub(crate) fn nonce() -> String {
    STANDARD.encode(bytes::<18>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6120_4_7_3_stream_ids_do_not_repeat() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| token()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 24));
    }
}
