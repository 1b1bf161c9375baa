//! String classes of PRECIS ([RFC 8264](https://www.rfc-editor.org/rfc/rfc8264)), derived from a current Unicode table.

use icu_properties::props::{
    BidiClass, CanonicalCombiningClass, DefaultIgnorableCodePoint, GeneralCategory, HangulSyllableType,
    JoiningType, NoncharacterCodePoint, Script,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization as _;

/// What a code point may do (RFC 8264 §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    Valid,
    /// FREE_PVAL: in the FreeformClass only.
    Freeform,
    Context,
    Disallowed,
    Unassigned,
}

/// Whether every code point is allowed in the IdentifierClass (RFC 8264 §4.2).
pub(super) fn is_identifier(text: &str) -> bool {
    all(text, |property| property == Property::Valid)
}

/// Whether every code point is allowed in the FreeformClass (RFC 8264 §4.3); ones newer than our table pass.
pub(super) fn is_freeform(text: &str) -> bool {
    all(text, |property| matches!(property, Property::Valid | Property::Freeform | Property::Unassigned))
}

fn all(text: &str, allows: impl Fn(Property) -> bool) -> bool {
    text.char_indices().all(|(at, c)| match property(c) {
        Property::Context => context_allows(text, at, c),
        property => allows(property),
    })
}

/// RFC 8264 §8: the order of the rules is normative.
fn property(c: char) -> Property {
    use GeneralCategory as Gc;
    if let Some(property) = exception(c) {
        return property;
    }
    let category = category(c);
    // §9.10: Noncharacters are not unassigned.
    if category == Gc::Unassigned && !is_noncharacter(c) {
        // Default-ignorable code points that are reserved for later stay out (§9.13): they would be invisible.
        return if is_ignorable(c) { Property::Disallowed } else { Property::Unassigned };
    }
    match c {
        '\u{21}'..='\u{7E}' => return Property::Valid,
        '\u{200C}' | '\u{200D}' => return Property::Context,
        _ => {}
    }
    if is_old_hangul_jamo(c) || is_ignorable(c) || is_noncharacter(c) || category == Gc::Control {
        return Property::Disallowed;
    }
    if has_compat(c) {
        return Property::Freeform;
    }
    match category {
        // §9.1 LetterDigits (RFC 5892 §2.1)
        Gc::LowercaseLetter
        | Gc::UppercaseLetter
        | Gc::OtherLetter
        | Gc::DecimalNumber
        | Gc::ModifierLetter => Property::Valid,
        Gc::NonspacingMark | Gc::SpacingMark => Property::Valid,
        // §9.18 OtherLetterDigits, §9.14 Spaces
        Gc::TitlecaseLetter | Gc::LetterNumber | Gc::OtherNumber | Gc::EnclosingMark | Gc::SpaceSeparator => {
            Property::Freeform
        }
        // §9.15 Symbols
        Gc::MathSymbol | Gc::CurrencySymbol | Gc::ModifierSymbol | Gc::OtherSymbol => Property::Freeform,
        // §9.16 Punctuation
        Gc::ConnectorPunctuation | Gc::DashPunctuation | Gc::OpenPunctuation | Gc::ClosePunctuation => {
            Property::Freeform
        }
        Gc::InitialPunctuation | Gc::FinalPunctuation | Gc::OtherPunctuation => Property::Freeform,
        _ => Property::Disallowed,
    }
}

/// §9.6: the table of RFC 5892 §2.6.
fn exception(c: char) -> Option<Property> {
    match c {
        '\u{DF}' | '\u{3C2}' | '\u{6FD}' | '\u{6FE}' | '\u{F0B}' | '\u{3007}' => Some(Property::Valid),
        '\u{B7}' | '\u{375}' | '\u{5F3}' | '\u{5F4}' | '\u{30FB}' => Some(Property::Context),
        '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => Some(Property::Context),
        '\u{640}' | '\u{7FA}' | '\u{302E}' | '\u{302F}' | '\u{3031}'..='\u{3035}' | '\u{303B}' => {
            Some(Property::Disallowed)
        }
        _ => None,
    }
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Whether this is a space by general category (RFC 8264 §9.14).
pub(super) fn is_space(c: char) -> bool {
    category(c) == GeneralCategory::SpaceSeparator
}

fn is_noncharacter(c: char) -> bool {
    CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// §9.9: RFC 5892 §2.9.
fn is_old_hangul_jamo(c: char) -> bool {
    matches!(
        CodePointMapData::<HangulSyllableType>::new().get(c),
        HangulSyllableType::LeadingJamo | HangulSyllableType::VowelJamo | HangulSyllableType::TrailingJamo
    )
}

/// §9.17: NFKC changes it.
fn has_compat(c: char) -> bool {
    !std::iter::once(c).eq(std::iter::once(c).nfkc())
}

/// The contextual rules of RFC 5892 Appendix A for the code point `c` at `at`.
fn context_allows(text: &str, at: usize, c: char) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at + c.len_utf8()..).unwrap_or_default();
    let script = |other: Option<char>, wanted: Script| {
        other.is_some_and(|other| CodePointMapData::<Script>::new().get(other) == wanted)
    };
    match c {
        '\u{200C}' => follows_virama(before) || joins(before, after),
        '\u{200D}' => follows_virama(before),
        '\u{B7}' => before.ends_with('l') && after.starts_with('l'),
        '\u{375}' => script(after.chars().next(), Script::Greek),
        '\u{5F3}' | '\u{5F4}' => script(before.chars().next_back(), Script::Hebrew),
        '\u{30FB}' => text.chars().any(|c| {
            [Script::Hiragana, Script::Katakana, Script::Han].into_iter().any(|s| script(Some(c), s))
        }),
        '\u{660}'..='\u{669}' => !text.contains(|c| matches!(c, '\u{6F0}'..='\u{6F9}')),
        '\u{6F0}'..='\u{6F9}' => !text.contains(|c| matches!(c, '\u{660}'..='\u{669}')),
        _ => false,
    }
}

fn follows_virama(before: &str) -> bool {
    before.chars().next_back().is_some_and(|c| {
        CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
    })
}

/// RFC 5892 Appendix A.1: a letter that joins to the left before, one that joins to the right after.
fn joins(before: &str, after: &str) -> bool {
    let joining = |c: char| CodePointMapData::<JoiningType>::new().get(c);
    let visible = |joining: &JoiningType| *joining != JoiningType::Transparent;
    let left = before.chars().rev().map(joining).find(visible);
    let right = after.chars().map(joining).find(visible);
    matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// The Bidi Rule of RFC 5893 §2 for a text that has right-to-left code points; any other text passes.
pub(super) fn is_bidi_ok(text: &str) -> bool {
    use BidiClass as B;
    let class = |c: char| CodePointMapData::<BidiClass>::new().get(c);
    if !text.chars().map(class).any(|c| matches!(c, B::RightToLeft | B::ArabicLetter | B::ArabicNumber)) {
        return true;
    }
    let last = text.chars().rev().map(class).find(|c| *c != B::NonspacingMark);
    match text.chars().next().map(class) {
        // Rules 1 to 4: a right-to-left label.
        Some(B::RightToLeft | B::ArabicLetter) => {
            let has = |wanted: BidiClass| text.chars().map(class).any(|c| c == wanted);
            text.chars().map(class).all(|c| is_neutral(c) || is_right_to_left(c))
                && last.is_some_and(|c| is_right_to_left(c) || c == B::EuropeanNumber)
                && !(has(B::EuropeanNumber) && has(B::ArabicNumber))
        }
        // Rules 1, 5 and 6: a left-to-right label may hold none of the code points that brought us here.
        _ => false,
    }
}

fn is_right_to_left(class: BidiClass) -> bool {
    matches!(class, BidiClass::RightToLeft | BidiClass::ArabicLetter | BidiClass::ArabicNumber)
}

/// RFC 5893 §2 rule 2: what may stand in a right-to-left label beside R, AL and AN.
fn is_neutral(class: BidiClass) -> bool {
    use BidiClass as B;
    matches!(
        class,
        B::EuropeanNumber
            | B::EuropeanSeparator
            | B::CommonSeparator
            | B::EuropeanTerminator
            | B::OtherNeutral
            | B::BoundaryNeutral
            | B::NonspacingMark
    )
}
