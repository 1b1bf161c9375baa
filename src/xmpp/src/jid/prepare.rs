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

/// Where the parts of an address end that preparation would leave as it is: the position of the `@`, or 0, and of the
/// `/`, or the length. `None` for any other text: one pass over plain ASCII, which nearly all addresses are.
pub(super) fn find_plain(text: &[u8]) -> Option<(usize, usize)> {
    let mut local_end = 0;
    let mut domain_start = 0;
    let mut domain_end = text.len();
    let mut label_start = 0;
    let mut labels_are_ok = true;
    let mut allowed = ALL;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'/' => {
                domain_end = at;
                break;
            }
            b'@' if domain_start == 0 && (1..=MAX_BYTES).contains(&at) && allowed & LOCAL != 0 => {
                (local_end, domain_start, label_start) = (at, at + 1, at + 1);
                (allowed, labels_are_ok) = (ALL, true);
                continue;
            }
            b'.' => {
                labels_are_ok &= is_label_ok(text, label_start, at);
                label_start = at + 1;
            }
            // Two hyphens in a row are left to a closer look: A-labels have them (RFC 5890 §2.3.1).
            b'-' => labels_are_ok &= at > label_start && text.get(at - 1) != Some(&b'-'),
            _ => {}
        }
        allowed &= class(byte);
    }
    let is_domain = allowed & DOMAIN != 0
        && labels_are_ok
        && is_label_ok(text, label_start, domain_end)
        && domain_end - domain_start <= MAX_DNS;
    let is_resource = text.get(domain_end + 1..).is_none_or(is_plain_resource);
    (is_domain && is_resource).then_some((local_end, domain_end))
}

/// Neither empty nor too long, and no hyphen at the end; the one that begins here and ends before `end`.
fn is_label_ok(text: &[u8], start: usize, end: usize) -> bool {
    (1..=MAX_LABEL).contains(&(end - start)) && text.get(end - 1) != Some(&b'-')
}

const LOCAL: u8 = 1;
const DOMAIN: u8 = 2;
const RESOURCE: u8 = 4;
const ALL: u8 = LOCAL | DOMAIN | RESOURCE;

/// In which parts a byte may stand that preparation does not change.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x7F {
        let mut class = 0;
        if byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !is_excluded(byte) {
            class |= LOCAL;
        }
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.') {
            class |= DOMAIN;
        }
        if byte >= b' ' {
            class |= RESOURCE;
        }
        #[expect(clippy::as_conversions, reason = "no other widening conversion is const")]
        #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
        {
            classes[byte as usize] = class;
        }
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

fn is_all(part: &[u8], wanted: u8) -> bool {
    (1..=MAX_BYTES).contains(&part.len())
        && part.iter().fold(wanted, |allowed, &byte| allowed & class(byte)) != 0
}

/// Whether preparation would change nothing: lower-case ASCII without the excluded characters.
fn is_plain_local(local: &[u8]) -> bool {
    is_all(local, LOCAL)
}

/// Whether preparation would change nothing: printable ASCII.
fn is_plain_resource(resource: &[u8]) -> bool {
    is_all(resource, RESOURCE) && resource.first() != Some(&b' ')
}

/// Whether preparation would change nothing: lower-case labels of letters, digits, hyphens and underscores.
fn is_plain_domain(domain: &[u8]) -> bool {
    find_plain(domain) == Some((0, domain.len()))
}

/// RFC 7622 §3.3.1.
const fn is_excluded(byte: u8) -> bool {
    matches!(byte, b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@')
}

fn is_length_ok(part: &str) -> bool {
    (1..=MAX_BYTES).contains(&part.len())
}

/// RFC 7622 §3.3: UsernameCaseMapped (RFC 8265 §3.3) without the excluded characters, and the same by Nodeprep.
pub(super) fn localpart(input: &str) -> Result<Cow<'_, str>, JidError> {
    if is_plain_local(input.as_bytes()) {
        return Ok(Cow::Borrowed(input));
    }
    let lower = input.to_ascii_lowercase();
    if is_plain_local(lower.as_bytes()) {
        return Ok(Cow::Owned(lower));
    }
    localpart_in_full(input).map(Cow::Owned)
}

fn localpart_in_full(input: &str) -> Result<String, JidError> {
    const FAULT: JidError = JidError("the localpart has a character that may not be in it");
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
    Ok(prepared)
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
    if is_plain_resource(input.as_bytes()) {
        return Ok(Cow::Borrowed(input));
    }
    resourcepart_in_full(input).map(Cow::Owned)
}

fn resourcepart_in_full(input: &str) -> Result<String, JidError> {
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
    Ok(prepared)
}

/// RFC 7622 §3.2: an IP address literal or a name of NR-LDH labels and U-labels, the same by Nameprep.
pub(super) fn domainpart(input: &str) -> Result<Cow<'_, str>, JidError> {
    // §3.2: a final dot is stripped before anything else.
    let input = input.strip_suffix('.').unwrap_or(input);
    if is_plain_domain(input.as_bytes()) {
        return Ok(Cow::Borrowed(input));
    }
    let lower = input.to_ascii_lowercase();
    if is_plain_domain(lower.as_bytes()) {
        return Ok(Cow::Owned(lower));
    }
    domainpart_in_full(input).map(Cow::Owned)
}

fn domainpart_in_full(input: &str) -> Result<String, JidError> {
    if input.is_empty() || input.len() > MAX_INPUT {
        return Err(JidError("the domainpart is empty or too long"));
    }
    if let Some(literal) = input.strip_prefix('[') {
        let address = literal.strip_suffix(']').and_then(|literal| literal.parse::<Ipv6Addr>().ok());
        return address.map(|address| format!("[{address}]")).ok_or(JidError("not an IPv6 address"));
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
    Ok(name.into_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_short_ways_for_ascii_end_where_the_long_ones_do(
            local in "[ -~]{0,8}", domain in "([a-zA-Z0-9_-]{0,5}[.-]){0,3}[a-zA-Z0-9 !]{0,3}", resource in "[\\x00-\\x7f]{0,6}",
        ) {
            let whole = |result: Result<Cow<'_, str>, JidError>| result.map(Cow::into_owned).ok();
            prop_assert_eq!(whole(localpart(&local)), localpart_in_full(&local).ok());
            prop_assert_eq!(whole(resourcepart(&resource)), resourcepart_in_full(&resource).ok());
            let undotted = domain.strip_suffix('.').unwrap_or(&domain);
            prop_assert_eq!(whole(domainpart(&domain)), domainpart_in_full(undotted).ok());
            // And all of them at once, where it is clear which part is which.
            prop_assume!(!local.contains('/'));
            let text = format!("{local}@{domain}/{resource}");
            if let Some((local_end, domain_end)) = find_plain(text.as_bytes()) {
                prop_assert_eq!(text.get(..local_end), Some(local.as_str()));
                prop_assert_eq!(localpart_in_full(&local), Ok(local));
                prop_assert_eq!(text.get(local_end + 1..domain_end), Some(domain.as_str()));
                prop_assert_eq!(domainpart_in_full(&domain), Ok(domain));
                prop_assert_eq!(resourcepart_in_full(&resource), Ok(resource));
            }
        }
    }
}
