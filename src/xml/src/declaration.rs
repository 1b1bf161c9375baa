//! The XML declaration (XML 1.0 §2.8; RFC 6120 §11.5, §11.6, §11.8).

use crate::XmlError;
use crate::lex::{Lexed, Stop};
use crate::name::{self, SPACE};

/// Longest declaration that we read.
const DECLARATION_BYTES: usize = 256;

/// Reads the declaration that begins `source`, and gives its length.
pub(crate) fn read(source: &[u8]) -> Lexed<usize> {
    const BEGIN: &[u8] = b"<?xml";
    let len = source.len().min(BEGIN.len());
    if source.get(..len) != BEGIN.get(..len) {
        return Err(Stop::restricted("a processing instruction"));
    }
    let after = source.get(BEGIN.len()).ok_or(Stop::More)?;
    if !name::is(*after, SPACE) {
        return Err(Stop::restricted("a processing instruction"));
    }
    let window = source.get(..source.len().min(DECLARATION_BYTES)).unwrap_or_default();
    let Some(end) = window.windows(2).position(|pair| pair == b"?>") else {
        return Err(match window.len() {
            DECLARATION_BYTES => Stop::Limit("an XML declaration", DECLARATION_BYTES),
            _ => Stop::More,
        });
    };
    check(window.get(BEGIN.len()..end).unwrap_or_default())?;
    Ok(end + 2)
}

/// `VersionInfo EncodingDecl? SDDecl? S?`
fn check(inner: &[u8]) -> Lexed<()> {
    let mut rest = std::str::from_utf8(inner).map_err(|_| Stop::Fatal(XmlError::Encoding))?;
    let Some(version) = pseudo_attribute(&mut rest, "version") else {
        return Err(Stop::ill_formed("an XML declaration without version"));
    };
    // RFC 6120 §11.8: XMPP is defined for XML 1.0.
    if version != "1.0" {
        return Err(Stop::Fatal(XmlError::BadFormat("an XML version other than 1.0")));
    }
    if let Some(encoding) = pseudo_attribute(&mut rest, "encoding")
        && !encoding.eq_ignore_ascii_case("utf-8")
    {
        return Err(Stop::Fatal(XmlError::Encoding));
    }
    // RFC 6120 §11.5: to be ignored.
    if let Some(standalone) = pseudo_attribute(&mut rest, "standalone")
        && !matches!(standalone, "yes" | "no")
    {
        return Err(Stop::ill_formed("a broken XML declaration"));
    }
    if rest.trim_matches([' ', '\t', '\n', '\r']).is_empty() {
        Ok(())
    } else {
        Err(Stop::ill_formed("a broken XML declaration"))
    }
}

/// Takes `S name S? = S? "value"` from the begin of `rest` if it is there.
fn pseudo_attribute<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let space = [' ', '\t', '\n', '\r'];
    let after = rest.trim_start_matches(space);
    if after.len() == rest.len() {
        return None;
    }
    let value =
        after.strip_prefix(name)?.trim_start_matches(space).strip_prefix('=')?.trim_start_matches(space);
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (value, after) = value.strip_prefix(quote)?.split_once(quote)?;
    *rest = after;
    Some(value)
}
