//! Which bytes and characters may stand where (XML 1.0 fifth edition §2.2, §2.3, §4.1).

use crate::XmlError;
use crate::lex::{Lexed, Stop};

/// ASCII that starts a name, without the colon.
pub(crate) const NAME_START: u8 = 1;
/// ASCII that goes on in a name, without the colon.
pub(crate) const NAME: u8 = 2;
/// White space.
pub(crate) const SPACE: u8 = 4;
/// ASCII that means nothing else in character data: all that is legal but `<`, `&`, `>` and CR.
pub(crate) const TEXT: u8 = 8;
/// ASCII that means nothing else in an attribute value: all that is legal but `<`, `&`, quotes, tab, LF and CR.
pub(crate) const VALUE: u8 = 16;
/// Both of [`TEXT`] and [`VALUE`].
pub(crate) const PLAIN: u8 = 64;
/// Characters of a URI (RFC 3986 §2) but `%`, brackets and the apostrophe.
pub(crate) const URI: u8 = 32;

/// Whether `byte` is of `class`.
#[inline]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// Length of the run of bytes of `class` at the begin of `bytes`.
#[inline]
pub(crate) fn run(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|byte| !is(*byte, class)).unwrap_or(bytes.len())
}

/// Like [`run`] for [`TEXT`], [`VALUE`] and [`PLAIN`], sixteen bytes at a time where all of them are common.
pub(crate) fn long_run(bytes: &[u8], class: u8) -> usize {
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let both = u128::from_ne_bytes(*block);
        if !is_common(both) {
            let len = run(block, class);
            if len < block.len() {
                return at + len;
            }
        }
        at += block.len();
    }
    at + bytes.get(at..).map_or(0, |rest| run(rest, class))
}

/// Whether all bytes of a block are printable ASCII without markup and quotes: then they are of every class that
/// [`long_run`] is used with. False says nothing.
const fn is_common(block: u128) -> bool {
    const ONES: u128 = u128::MAX / 0xff;
    const HIGH: u128 = ONES * 0x80;
    // A byte that is zero has its high bit set in the result of this; so may others above it, which costs time only.
    const fn zeros(block: u128) -> u128 {
        block.wrapping_sub(ONES) & !block
    }
    let controls = block.wrapping_sub(ONES * 0x20) & !block;
    // < and > differ in one bit; so do " # & ' in two.
    let angles = zeros((block | (ONES * 0x02)) ^ (ONES * 0x3e));
    let quotes = zeros((block & (ONES * 0xfa)) ^ (ONES * 0x22));
    (block | controls | angles | quotes) & HIGH == 0
}

/// Reads the character that begins `bytes` (not ASCII), and its length.
///
/// XML 1.0 §2.2: no surrogates, U+FFFE or U+FFFF; RFC 6120 §11.6: UTF-8 only.
pub(crate) fn character(bytes: &[u8]) -> Lexed<(char, usize)> {
    let len = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        None => return Err(Stop::More),
        Some(_) => return Err(Stop::Fatal(XmlError::Encoding)),
    };
    let coded = bytes.get(..len).ok_or(Stop::More)?;
    let text = std::str::from_utf8(coded).map_err(|_| Stop::Fatal(XmlError::Encoding))?;
    match text.chars().next() {
        Some(found) if is_char(found) => Ok((found, len)),
        _ => Err(Stop::ill_formed("a character that XML forbids")),
    }
}

/// XML 1.0 §2.2 `Char`.
pub(crate) const fn is_char(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// XML 1.0 §2.3 `NameStartChar`, the part above ASCII.
pub(crate) const fn is_name_start(char: char) -> bool {
    matches!(char,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// XML 1.0 §2.3 `NameChar`, the part above ASCII.
pub(crate) const fn is_name_char(char: char) -> bool {
    is_name_start(char) || matches!(char, '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Checks the reference that begins `bytes` and gives its length.
///
/// RFC 6120 §11.1: the five predefined entities and character references (XML 1.0 §4.1), nothing else.
pub(crate) fn reference(bytes: &[u8]) -> Lexed<usize> {
    if bytes.get(1) == Some(&b'#') {
        return character_reference(bytes);
    }
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b';' if at > 1 => {
                let known = bytes.get(..=at).and_then(predefined).is_some();
                return if known { Ok(at + 1) } else { Err(Stop::restricted("an entity")) };
            }
            // None of the five is beyond ASCII; but what is no character at all is the graver mistake.
            0x80.. => return Err(beyond_ascii(bytes.get(at..).unwrap_or_default())),
            byte if at == 1 && !is(*byte, NAME_START) && *byte != b':' => break,
            byte if !is(*byte, NAME) && *byte != b':' => break,
            // Longer than any of the five: no need to see its end.
            _ if at > 8 => return Err(Stop::restricted("an entity")),
            _ => {}
        }
        if at + 1 == bytes.len() {
            return Err(Stop::More);
        }
    }
    if bytes.len() < 2 { Err(Stop::More) } else { Err(Stop::ill_formed("& without a reference")) }
}

/// Why a reference with this character in its name is refused.
fn beyond_ascii(bytes: &[u8]) -> Stop {
    match character(bytes) {
        Ok((char, _)) if is_name_char(char) => Stop::restricted("an entity"),
        Ok(_) => Stop::ill_formed("& without a reference"),
        Err(stop) => stop,
    }
}

/// The character of a predefined entity.
fn predefined(reference: &[u8]) -> Option<char> {
    match reference {
        b"&lt;" => Some('<'),
        b"&gt;" => Some('>'),
        b"&amp;" => Some('&'),
        b"&apos;" => Some('\''),
        b"&quot;" => Some('"'),
        _ => None,
    }
}

/// Most digits of a character reference: U+10FFFF needs no more. Leading zeros could make it endless, and rxml
/// reads no more than eight.
const REFERENCE_DIGITS: usize = 7;

fn character_reference(bytes: &[u8]) -> Lexed<usize> {
    let hex = bytes.get(2) == Some(&b'x');
    let start = if hex { 3 } else { 2 };
    let digits = bytes.get(start..).unwrap_or_default();
    let len = digits.iter().position(|byte| !is_digit(*byte, hex)).unwrap_or(digits.len());
    if len > REFERENCE_DIGITS {
        return Err(Stop::Limit("the digits of a character reference", REFERENCE_DIGITS));
    }
    match digits.get(len) {
        None => Err(Stop::More),
        Some(b';') if len > 0 => {
            let end = start + len + 1;
            let legal = bytes.get(..end).and_then(resolve).is_some();
            if legal { Ok(end) } else { Err(Stop::ill_formed("a reference to a character that XML forbids")) }
        }
        Some(_) => Err(Stop::ill_formed("a broken character reference")),
    }
}

fn is_digit(byte: u8, hex: bool) -> bool {
    if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() }
}

/// The character that a whole reference, `&` and `;` included, stands for.
pub(crate) fn resolve(reference: &[u8]) -> Option<char> {
    if let Some(known) = predefined(reference) {
        return Some(known);
    }
    let digits = std::str::from_utf8(reference).ok()?.strip_prefix("&#")?.strip_suffix(';')?;
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code).filter(|char| is_char(*char))
}

/// Whether `name` is a name without colon that every parser accepts.
pub(crate) fn is_ncname(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|first| is(*first, NAME_START)) && run(bytes, NAME) == bytes.len()
}

static CLASSES: [u8; 256] = classes();

#[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "a u8 is always an index of 256 classes")]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        classes[byte as usize] = class(byte);
        byte += 1;
    }
    classes
}

const fn class(byte: u8) -> u8 {
    let mut class = 0;
    if byte.is_ascii_alphabetic() || byte == b'_' {
        class |= NAME_START | NAME;
    }
    if byte.is_ascii_digit() || byte == b'-' || byte == b'.' {
        class |= NAME;
    }
    if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
        class |= SPACE;
    }
    if matches!(byte, b'\t' | b'\n' | b' '..=0x7f) && !matches!(byte, b'<' | b'&' | b'>') {
        class |= TEXT;
    }
    if byte >= b' ' && !matches!(byte, b'<' | b'&' | b'"' | b'\'') {
        class |= VALUE;
    }
    if class & TEXT != 0 && class & VALUE != 0 {
        class |= PLAIN;
    }
    if byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~')
        || matches!(byte, b':' | b'/' | b'?' | b'#' | b'@')
        || matches!(byte, b'!' | b'$' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
    {
        class |= URI;
    }
    class
}
