//! The keys of dialback ([XEP-0185](https://xmpp.org/extensions/xep-0185.html)).

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use waxwing_core::HostSecret;

/// What makes the keys of one of our hosts; nothing has to be remembered of a key to know it again.
pub(crate) struct Keys(hmac::Key);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    pub(crate) fn of(secret: &HostSecret) -> Self {
        Self::new(&secret.derive("s2s.dialback"))
    }

    fn new(secret: &[u8]) -> Self {
        let hashed = hex(digest::digest(&digest::SHA256, secret).as_ref());
        Self(hmac::Key::new(hmac::HMAC_SHA256, hashed.as_bytes()))
    }

    /// The key for a stream that the receiving server has called `id`. Bound to both domains and to the stream: it
    /// proves nothing anywhere else.
    pub(crate) fn key(&self, receiving: &str, originating: &str, id: &str) -> String {
        let text = format!("{receiving} {originating} {id}");
        hex(hmac::sign(&self.0, text.as_bytes()).as_ref())
    }

    /// Whether a key is ours, in a time that tells nothing of it.
    pub(crate) fn is_right(&self, key: &str, receiving: &str, originating: &str, id: &str) -> bool {
        let right = self.key(receiving, originating, id);
        constant_time::verify_slices_are_equal(right.as_bytes(), key.trim().as_bytes()).is_ok()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0185_2_the_key_of_the_specification() {
        let keys = Keys::new(b"s3cr3tf0rd14lb4ck");
        assert_eq!(
            keys.key("xmpp.example.com", "example.org", "D60000229F"),
            "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643"
        );
    }

    #[test]
    fn xep0185_a_key_is_for_one_stream_and_two_domains() {
        let keys = Keys::new(b"secret");
        let key = keys.key("a.example", "b.example", "1");
        assert!(keys.is_right(&key, "a.example", "b.example", "1"));
        assert!(keys.is_right(&format!("\n{key} "), "a.example", "b.example", "1"));
        for (receiving, originating, id) in [
            ("c.example", "b.example", "1"),
            ("a.example", "c.example", "1"),
            ("a.example", "b.example", "2"),
        ] {
            assert!(!keys.is_right(&key, receiving, originating, id));
        }
        assert!(!keys.is_right("", "a.example", "b.example", "1"));
        assert!(!Keys::new(b"other").is_right(&key, "a.example", "b.example", "1"));
    }
}
