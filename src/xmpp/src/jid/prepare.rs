//! Preparation and enforcement of the three parts of an address (RFC 7622 §3.2 to §3.4).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;

use super::{JidError, precis};

/// RFC 7622 §3.2 to §3.4: bytes of each part after preparation.
const MAX_BYTES: usize = 1023;
/// What is longer before preparation is not looked at: no mapping shortens a text to a quarter.
const MAX_INPUT: usize = 4 * MAX_BYTES;
/// RFC 1034 §3.1.
const MAX_DNS: usize = 253;
const MAX_LABEL: usize = 63;

/// ASCII but letters, digits, hyphen, dot and underscore. Domains with an underscore exist in private networks
/// (names of containers, for one); both preparations leave it alone.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// IDNA2003 takes these for the dot between labels (RFC 3490 §3.1).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// Whether preparation would change nothing: lower-case ASCII without the excluded characters, or no localpart.
pub(super) fn is_plain_local(local: Option<&str>) -> bool {
    local.is_none_or(|local| {
        is_length_ok(local)
            && local.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !is_excluded(b))
    })
}

/// Whether preparation would change nothing: printable ASCII, or no resourcepart.
pub(super) fn is_plain_resource(resource: Option<&str>) -> bool {
    resource.is_none_or(|resource| {
        is_length_ok(resource)
            && !resource.starts_with(' ')
            && resource.bytes().all(|b| matches!(b, b' '..=b'~'))
    })
}

/// Whether preparation would change nothing: lower-case labels of letters, digits, hyphens and underscores.
pub(super) fn is_plain_domain(domain: &str) -> bool {
    domain.len() <= MAX_DNS && domain.split('.').all(is_plain_label)
}

fn is_plain_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= MAX_LABEL
        && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
        // RFC 5890 §2.3.1: such labels are reserved; A-labels are among them.
        && bytes.get(2..4) != Some(b"--")
}

/// RFC 7622 §3.3.1.
fn is_excluded(byte: u8) -> bool {
    matches!(byte, b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@')
}

fn is_length_ok(part: &str) -> bool {
    (1..=MAX_BYTES).contains(&part.len())
}

/// RFC 7622 §3.3: UsernameCaseMapped (RFC 8265 §3.3) without the excluded characters, and the same by Nodeprep.
pub(super) fn localpart(input: &str) -> Result<Cow<'_, str>, JidError> {
    const FAULT: JidError = JidError("the localpart has a character that may not be in it");
    if is_plain_local(Some(input)) {
        return Ok(Cow::Borrowed(input));
    }
    if input.is_empty() || input.len() > MAX_INPUT {
        return Err(JidError("the localpart is empty or too long"));
    }
    let wide: String = input.chars().map(map_width).collect();
    if !precis::is_identifier(&wide) || wide.bytes().any(is_excluded) {
        return Err(FAULT);
    }
    // Case mapping goes code point by code point: PRECIS knows no final sigma (RFC 7622 §3.5).
    let prepared: String = wide.chars().flat_map(char::to_lowercase).nfc().collect();
    if !is_length_ok(&prepared) {
        return Err(JidError("the localpart is empty or too long"));
    }
    if !precis::is_identifier(&prepared) || !precis::is_bidi_ok(&prepared) {
        return Err(FAULT);
    }
    let nodeprep = |text: &str| stringprep::nodeprep(text).is_ok_and(|old| old == prepared);
    if !nodeprep(input) || !nodeprep(&prepared) {
        return Err(JidError("RFC 6122 and RFC 7622 disagree on the localpart"));
    }
    Ok(Cow::Owned(prepared))
}

/// Fullwidth and halfwidth code points become their decomposition mappings (RFC 8265 §3.3.1). Those that decompose
/// to something an identifier may not contain stay as they are and are refused.
fn map_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        // Halfwidth Katakana, each with a mapping to one code point.
        '\u{FF65}'..='\u{FF9F}' => std::iter::once(c).nfkc().next().unwrap_or(c),
        _ => c,
    }
}

/// RFC 7622 §3.4: OpaqueString (RFC 8265 §4.2).
pub(super) fn resourcepart(input: &str) -> Result<Cow<'_, str>, JidError> {
    if is_plain_resource(Some(input)) {
        return Ok(Cow::Borrowed(input));
    }
    if input.is_empty() || input.len() > MAX_INPUT {
        return Err(JidError("the resourcepart is empty or too long"));
    }
    let prepared: String = input.chars().map(|c| if precis::is_space(c) { ' ' } else { c }).nfc().collect();
    if !is_length_ok(&prepared) {
        return Err(JidError("the resourcepart is empty or too long"));
    }
    // RFC 7622 §3.5, example 18.
    if prepared.starts_with(' ') {
        return Err(JidError("the resourcepart begins with a space"));
    }
    if !precis::is_freeform(&prepared) {
        return Err(JidError("the resourcepart has a character that may not be in it"));
    }
    Ok(Cow::Owned(prepared))
}

/// RFC 7622 §3.2: an IP address literal or a name of NR-LDH labels and U-labels, the same by Nameprep.
pub(super) fn domainpart(input: &str) -> Result<Cow<'_, str>, JidError> {
    // §3.2: a final dot is stripped before anything else.
    let input = input.strip_suffix('.').unwrap_or(input);
    if is_plain_domain(input) {
        return Ok(Cow::Borrowed(input));
    }
    if input.is_empty() || input.len() > MAX_INPUT {
        return Err(JidError("the domainpart is empty or too long"));
    }
    if let Some(literal) = input.strip_prefix('[') {
        let address = literal.strip_suffix(']').and_then(|literal| literal.parse::<Ipv6Addr>().ok());
        return address
            .map(|address| Cow::Owned(format!("[{address}]")))
            .ok_or(JidError("not an IPv6 address"));
    }
    let (name, outcome) = Uts46::new().to_unicode(input.as_bytes(), DENIED, Hyphens::Check);
    if outcome.is_err() || !name.split('.').all(is_valid_label) {
        return Err(JidError("the domainpart has a label that may not be in it"));
    }
    let dns = Uts46::new().to_ascii(name.as_bytes(), DENIED, Hyphens::Check, DnsLength::Verify);
    if dns.is_err() || !is_length_ok(&name) {
        return Err(JidError("the domainpart is too long"));
    }
    if !is_same_by_nameprep(input, &name) {
        return Err(JidError("RFC 6122 and RFC 7622 disagree on the domainpart"));
    }
    Ok(Cow::Owned(name.into_owned()))
}

/// UTS 46 lets symbols pass; a U-label has none (RFC 5892 §3). What is left of a label after its mappings is
/// PVALID there if and only if the IdentifierClass has it.
fn is_valid_label(label: &str) -> bool {
    !label.is_empty() && (label.is_ascii() || precis::is_identifier(label))
}

/// RFC 6122 §2.2, label by label. An A-label counts as the U-label that it became.
fn is_same_by_nameprep(input: &str, prepared: &str) -> bool {
    let same = |from: &str, to: &str| stringprep::nameprep(from).is_ok_and(|old| old == to);
    let is_a_label = |label: &str| label.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("xn--"));
    let mut before = input.split(DOTS);
    prepared.split('.').all(|label| {
        let stands = before.next().is_some_and(|before| is_a_label(before) || same(before, label));
        stands && same(label, label)
    }) && before.next().is_none()
}

/// A-labels of a prepared domainpart; an IPv6 literal stays as it is.
pub(super) fn to_ascii(prepared: &str) -> String {
    match Uts46::new().to_ascii(prepared.as_bytes(), DENIED, Hyphens::Check, DnsLength::Verify) {
        Ok(name) => name.into_owned(),
        Err(_) => prepared.to_owned(),
    }
}
