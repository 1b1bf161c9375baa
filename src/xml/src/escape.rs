//! Escaping of characters that would be markup.

use crate::name;

/// Escapes text for element content. CR becomes `&#xD;`, characters that XML forbids become U+FFFD.
pub fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |char| match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Escapes text for an attribute value in either kind of quotes. Tab, LF and CR become references, so that they
/// survive attribute-value normalisation (XML 1.0 §3.3.3).
pub fn escape_attribute(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |char| match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\'' => Some("&apos;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#x9;"),
        '\n' => Some("&#xA;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

fn escape(text: &str, out: &mut Vec<u8>, entity: impl Fn(char) -> Option<&'static str>) {
    let mut rest = text;
    while !rest.is_empty() {
        let plain = name::long_run(rest.as_bytes(), name::PLAIN);
        let (copied, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.extend_from_slice(copied.as_bytes());
        let mut chars = after.chars();
        if let Some(char) = chars.next() {
            match entity(char) {
                Some(entity) => out.extend_from_slice(entity.as_bytes()),
                None if name::is_char(char) => {
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes())
                }
                None => out.extend_from_slice("\u{fffd}".as_bytes()),
            }
        }
        rest = chars.as_str();
    }
}
