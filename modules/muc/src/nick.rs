//! Room nicknames ([XEP-0045 §17.1](https://xmpp.org/extensions/xep-0045.html#bizrules-jids)).

use unicode_normalization::UnicodeNormalization;
use waxwing_xmpp::{Condition, StanzaError};

/// By what nicknames are compared: who looks like somebody else is somebody else's double. Case, compatibility forms and
/// spaces do not count ([RFC 8266 §2.4](https://www.rfc-editor.org/rfc/rfc8266#section-2.4)).
pub(crate) fn key(nick: &str) -> String {
    let mut folded = fold(nick);
    // What comes out of one step may be something that the other one changes.
    for _ in 0..FOLDS_MAX {
        let again = fold(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fold(nick: &str) -> String {
    let seen =
        nick.nfkc().flat_map(char::to_lowercase).filter(|char| is_visible(*char) || char.is_whitespace());
    seen.nfkc().collect()
}

/// Two are enough for all that Unicode has today.
const FOLDS_MAX: usize = 4;

/// §17.1: neither empty nor invisible, and not too long.
///
/// # Errors
/// `jid-malformed` for what nobody would see, `not-acceptable` for what is too long.
pub(crate) fn check(nick: &str, bytes_max: usize) -> Result<(), StanzaError> {
    if !nick.chars().any(is_visible) {
        return Err(StanzaError::from(Condition::JidMalformed).text("A nickname must be visible."));
    }
    if nick.len() > bytes_max {
        let text = format!("A nickname may take {bytes_max} bytes.");
        return Err(StanzaError::from(Condition::NotAcceptable).text(text));
    }
    Ok(())
}

/// White space is invisible, and so are fillers, joiners and marks of direction.
fn is_visible(char: char) -> bool {
    let invisible = matches!(
        char,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}'
    );
    !invisible && !char.is_whitespace() && !char.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8266_2_4_doubles_have_one_key() {
        for (one, two) in [
            ("Oldhag", "oldHAG"),
            ("old hag", "Old  Hag "),
            ("ﬁve", "FIVE"),
            ("Ａ", "a"),
            ("𝐀nna", "anna"),
            ("℡", "tel"),
            ("a\u{2800}nna", "anna"),
            ("an\u{200b}na", "anna"),
        ] {
            assert_eq!(key(one), key(two), "{one} {two}");
            assert_eq!(key(&key(one)), key(one), "{one}");
        }
        assert_ne!(key("oldhag"), key("old hag"));
    }

    #[test]
    fn xep0045_17_1_invisible_nicknames_are_refused() {
        for nick in ["", " ", "\u{3000}", "\u{200b}", "\u{2800}\u{fe0f}", "\u{3164}"] {
            assert_eq!(check(nick, 100).unwrap_err().condition, Condition::JidMalformed, "{nick:?}");
        }
        for nick in ["a", " a ", "\u{200b}a", "魔女", "🧙"] {
            check(nick, 100).unwrap();
        }
        assert_eq!(check("abcdef", 5).unwrap_err().condition, Condition::NotAcceptable);
    }
}
