//! Base64 as RFC 6120 §6.3.5 demands it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::FailureCondition;

/// Reads the character data of `<auth/>` or `<response/>`.
///
/// Strict: padding present, padding bits zero, no whitespace (RFC 6120 §6.3.5). `=` stands for data of zero length
/// (§6.4.2).
pub fn decode_base64(text: &str) -> Result<Vec<u8>, FailureCondition> {
    if text == "=" {
        return Ok(Vec::new());
    }
    STANDARD.decode(text).map_err(|_| FailureCondition::IncorrectEncoding)
}

/// Writes the character data of `<success/>`: `=` for data of zero length (§6.4.6).
pub fn encode_base64(data: &[u8]) -> String {
    if data.is_empty() { "=".to_owned() } else { STANDARD.encode(data) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6120_6_3_5_base64_is_strict() {
        assert_eq!(decode_base64("AGp1bGlldAByMG0zMG15cjBtMzA="), Ok(b"\0juliet\0r0m30myr0m30".to_vec()));
        for wrong in ["AGp1bGlldA", "AG p1", "AGp1\n", "AGp1b===", "A", "AB==", "A-_=", "==", "\u{fffd}"] {
            assert_eq!(decode_base64(wrong), Err(FailureCondition::IncorrectEncoding), "{wrong:?}");
        }
    }

    #[test]
    fn rfc6120_6_4_2_equals_sign_is_empty_data() {
        assert_eq!(decode_base64("="), Ok(Vec::new()));
        assert_eq!(encode_base64(b""), "=");
        assert_eq!(encode_base64(b"v=x"), "dj14");
    }
}
