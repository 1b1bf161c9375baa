use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn parts(text: &str) -> Option<(Option<String>, String, Option<String>)> {
    let jid = Jid::parse(text).ok()?;
    Some((jid.local().map(str::to_owned), jid.domain().to_owned(), jid.resource().map(str::to_owned)))
}

/// What a table row expects: the parts, with `-` for an absent one.
fn expect(text: &str, local: &str, domain: &str, resource: &str) {
    let part = |part: &str| (part != "-").then(|| part.to_owned());
    assert_eq!(parts(text), Some((part(local), domain.to_owned(), part(resource))), "{text:?}");
}

fn refused(text: &str) {
    assert_eq!(parts(text), None, "{text:?}");
}

#[test]
fn rfc7622_3_5_legal_addresses() {
    expect("juliet@example.com", "juliet", "example.com", "-");
    expect("juliet@example.com/foo", "juliet", "example.com", "foo");
    expect("juliet@example.com/foo bar", "juliet", "example.com", "foo bar");
    expect("juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar");
    expect("foo\\20bar@example.com", "foo\\20bar", "example.com", "-");
    expect("fussball@example.com", "fussball", "example.com", "-");
    expect("π@example.com", "π", "example.com", "-");
    expect("Σ@example.com/foo", "σ", "example.com", "foo");
    expect("σ@example.com/foo", "σ", "example.com", "foo");
    expect("king@example.com/♚", "king", "example.com", "♚");
    expect("example.com", "-", "example.com", "-");
    expect("example.com/foobar", "-", "example.com", "foobar");
    expect("a.example.com/b@example.net", "-", "a.example.com", "b@example.net");
}

#[test]
fn rfc7622_3_5_strings_that_are_no_addresses() {
    for text in [
        "\"juliet\"@example.com",
        "foo bar@example.com",
        "juliet@example.com/ foo",
        "@example.com/",
        "henry\u{2163}@example.com",
        "\u{265A}@example.com",
        "juliet@",
        "/foobar",
    ] {
        refused(text);
    }
}

/// RFC 7622 and RFC 6122 prepare these differently: examples 7 and 11 of RFC 7622 §3.5 are among them.
#[test]
fn rfc6122_a_localpart_that_both_do_not_prepare_alike_is_malformed() {
    for text in [
        "fußball@example.com",          // ss by case folding
        "ς@example.com",                // σ by case folding
        "ju\u{AD}liet@example.com",     // the soft hyphen is mapped to nothing
        "\u{212A}@example.com",         // Kelvin sign: k by NFKC
        "\u{FB01}@example.com",         // ligature fi
        "²@example.com",                // 2 by NFKC
        "a\u{200D}b@example.com",       // joiner mapped to nothing
        "\u{1C89}@example.com",         // newer than Unicode 3.2
        "\u{10D0}\u{1C90}@example.com", // Georgian: Mtavruli has had lower case since Unicode 11
    ] {
        refused(text);
    }
}

#[test]
fn rfc8265_3_3_localparts_are_mapped_where_both_agree() {
    expect("JULIET@example.com", "juliet", "example.com", "-");
    expect("ＪＵＬＩＥＴ@example.com", "juliet", "example.com", "-");
    expect("Ünal@example.com", "ünal", "example.com", "-");
    expect("u\u{308}nal@example.com", "ünal", "example.com", "-");
    expect("ＭＵＬＬＥＲ@example.com", "muller", "example.com", "-");
    expect("\u{FF76}\u{FF9E}@example.com", "ガ", "example.com", "-");
    expect("ХЛЕБ@example.com", "хлеб", "example.com", "-");
    expect("ΧΡΙΣΤΟΣ@example.com", "χριστοσ", "example.com", "-");
}

#[test]
fn rfc7622_3_3_1_excluded_characters() {
    for c in "\"&'/:<>@ ".chars() {
        assert!(Jid::from_parts(Some(&format!("a{c}b")), "example.com", None).is_err(), "{c:?}");
    }
    for wide in "＂＆＇／：＜＞＠\u{3000}".chars() {
        refused(&format!("a{wide}b@example.com"));
    }
    for c in "!#$%()*+,-.;=?[\\]^_`{|}~".chars() {
        expect(&format!("a{c}b@example.com"), &format!("a{c}b"), "example.com", "-");
    }
}

/// XEP-0106 §4: escapes are text to a server.
#[test]
fn xep0106_escapes_are_never_transformed() {
    expect("d\\27artagnan@example.com", "d\\27artagnan", "example.com", "-");
    expect("c\\3a\\5c5@example.com/a\\20b", "c\\3a\\5c5", "example.com", "a\\20b");
    expect("\\20x@example.com", "\\20x", "example.com", "-");
}

#[test]
fn rfc5893_2_right_to_left_localparts() {
    expect("שלום@example.com", "שלום", "example.com", "-");
    expect("مرحبا@example.com", "مرحبا", "example.com", "-");
    refused("aשלום@example.com");
    refused("שלוםa@example.com");
    refused("1שלום@example.com");
    // The Bidi Rule lets a number end the label, RFC 3454 §6 does not.
    refused("שלום1@example.com");
}

#[test]
fn rfc5892_appendix_a_contextual_rules() {
    expect("paral\u{B7}lel@example.com", "paral\u{B7}lel", "example.com", "-");
    refused("para\u{B7}lel@example.com");
    expect("\u{375}α@example.com", "\u{375}α", "example.com", "-");
    refused("\u{375}a@example.com");
    expect("a.example/א\u{5F3}", "-", "a.example", "א\u{5F3}");
    refused("a.example/a\u{5F3}");
    expect("a.example/カ\u{30FB}", "-", "a.example", "カ\u{30FB}");
    refused("a.example/a\u{30FB}");
    expect("a.example/\u{661}\u{662}", "-", "a.example", "\u{661}\u{662}");
    refused("a.example/\u{661}\u{6F2}");
    // Joiners: after a virama, or a non-joiner between letters that join.
    expect("a.example/\u{915}\u{94D}\u{200D}\u{937}", "-", "a.example", "\u{915}\u{94D}\u{200D}\u{937}");
    refused("a.example/a\u{200D}b");
    expect("a.example/\u{628}\u{200C}\u{628}", "-", "a.example", "\u{628}\u{200C}\u{628}");
    refused("a.example/a\u{200C}b");
}

#[test]
fn rfc8265_4_2_resourceparts_keep_case_and_map_spaces() {
    expect("a.example/Balcony", "-", "a.example", "Balcony");
    expect("a.example/a\u{A0}b\u{3000}c", "-", "a.example", "a b c");
    expect("a.example/u\u{308}", "-", "a.example", "ü");
    expect("a.example/Ⅳ ﬁ ß ς", "-", "a.example", "Ⅳ ﬁ ß ς");
    for resource in
        ["", "\u{A0}a", "a\tb", "a\u{7F}", "a\u{80}", "\u{FDD0}", "\u{AD}", "\u{E000}", "\u{1100}\u{1100}"]
    {
        refused(&format!("a.example/{resource}"));
    }
}

/// Design §3: code points newer than our table pass in resourceparts, and nowhere else.
#[test]
fn design_3_code_points_newer_than_our_table() {
    let unassigned = '\u{3FFFD}';
    expect(&format!("a.example/x{unassigned}"), "-", "a.example", &format!("x{unassigned}"));
    refused(&format!("x{unassigned}@a.example"));
    refused(&format!("x{unassigned}.example"));
}

#[test]
fn rfc7622_3_2_domainparts() {
    expect("Example.COM.", "-", "example.com", "-");
    expect("a@EXAMPLE.com./R", "a", "example.com", "R");
    expect("Bücher.example", "-", "bücher.example", "-");
    expect("xn--bcher-kva.example", "-", "bücher.example", "-");
    expect("XN--BCHER-KVA.example", "-", "bücher.example", "-");
    expect("ｅｘａｍｐｌｅ.com", "-", "example.com", "-");
    expect("例え。テスト", "-", "例え.テスト", "-");
    expect("my_host.local", "-", "my_host.local", "-");
    expect("localhost", "-", "localhost", "-");
    expect("192.0.2.1", "-", "192.0.2.1", "-");
    expect("a@[2001:DB8::0:1]/x", "a", "[2001:db8::1]", "x");
    for domain in [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a b",
        "a\u{0}",
        "-a",
        "a-",
        "a.-b",
        "ab--cd",
        "xn--",
        "xn--a",
        "[",
        "[]",
        "[::1",
        "::1",
        "[::1%25eth0]",
        "[1.2.3.4]",
        "a:5222",
        "☃.example",
        "a@b@c",
        "a\u{2028}b",
        "!",
        "\u{301}a",
    ] {
        refused(domain);
    }
}

#[test]
fn rfc6122_a_domainpart_that_both_do_not_prepare_alike_is_malformed() {
    for domain in [
        "straße.example",
        "xn--strae-oqa.example",
        "ς.example",
        "xn--3xa.example.\u{1C89}",
        "\u{1C89}.example",
    ] {
        refused(domain);
    }
    // The twin: what only one character makes differ is fine without it.
    expect("strasse.example", "-", "strasse.example", "-");
    expect("σ.example", "-", "σ.example", "-");
}

#[test]
fn rfc7622_3_1_lengths_are_counted_in_bytes_after_preparation() {
    let long = |c: &str, bytes: usize| c.repeat(bytes / c.len());
    assert!(Jid::parse(&format!("{}@a.example/{}", long("a", 1023), long("b", 1023))).is_ok());
    refused(&format!("{}@a.example", long("a", 1024)));
    refused(&format!("a.example/{}", long("a", 1024)));
    assert!(Jid::parse(&format!("{}@a.example", long("ü", 1022))).is_ok());
    refused(&format!("{}@a.example", long("ü", 1024)));
    // One byte shorter after preparation: u and a combining diaeresis become ü.
    assert!(Jid::parse(&format!("a.example/{}u\u{308}", long("a", 1021))).is_ok());
    refused(&format!("a.example/{}u\u{308}", long("a", 1022)));
    // RFC 1034 §3.1.
    assert!(Domain::parse(&format!("{}.example", long("a", 63))).is_ok());
    assert!(Domain::parse(&format!("{}.example", long("a", 64))).is_err());
    assert!(Domain::parse(&format!("{}a", long("a.", 252))).is_ok());
    assert!(Domain::parse(&format!("{}a", long("a.", 254))).is_err());
}

#[test]
fn bare_addresses_look_up_maps_without_the_resource() {
    let mut map = HashMap::new();
    map.insert(BareJid::parse("juliet@example.com").unwrap(), 1);
    let full = Jid::parse("Juliet@example.com/balcony").unwrap();
    assert_eq!(map.get(full.bare_str()), Some(&1));
    assert_eq!(map.get("romeo@example.com"), None);
    assert_eq!(full.to_bare(), BareJid::parse("juliet@example.com").unwrap());
    assert!(full.same_bare(full.to_bare().as_jid()));
    assert!(!full.same_bare(&Jid::parse("romeo@example.com/balcony").unwrap()));
    assert!(full.to_bare().as_jid().is_bare() && !full.is_bare());
    assert!(BareJid::parse("juliet@example.com/balcony").is_err());
}

#[test]
fn addresses_are_made_from_parts() {
    let domain = Domain::parse("Example.COM").unwrap();
    let bare = BareJid::new(Some("Juliet"), &domain).unwrap();
    assert_eq!(bare, "juliet@example.com");
    assert_eq!(bare.with_resource("Balcony").unwrap(), Jid::parse("juliet@example.com/Balcony").unwrap());
    assert_eq!(BareJid::new(None, &domain).unwrap(), BareJid::from(domain.clone()));
    assert_eq!(bare.to_domain(), domain);
    assert_eq!(domain.to_jid().domain(), "example.com");
    assert!(BareJid::new(Some(""), &domain).is_err());
    assert!(BareJid::new(Some("a b"), &domain).is_err());
    assert!(bare.with_resource("").is_err());
    assert_eq!(Domain::parse("bücher.example").unwrap().to_ascii(), "xn--bcher-kva.example");
    assert_eq!(Domain::parse("[::1]").unwrap().to_ascii(), "[::1]");
}

#[test]
fn design_3_only_undisputed_names_may_be_created() {
    for name in ["juliet@example.com", "ünal@example.com", "room@conference.example.com", "example.com"] {
        assert!(BareJid::parse(name).unwrap().may_be_created(), "{name}");
    }
    assert!(!BareJid::parse("my_host.example").unwrap().may_be_created());
    let host = Domain::parse("example.com").unwrap();
    assert_eq!(BareJid::for_creation("ünal", &host).unwrap(), "ünal@example.com");
    for typed in ["Juliet", "ＪＵＬＩＥＴ", "u\u{308}nal", "fußball", "a b", "", "Σ"] {
        assert!(BareJid::for_creation(typed, &host).is_err(), "{typed:?}");
    }
    assert!(BareJid::for_creation("a", &Domain::parse("my_host.example").unwrap()).is_err());
}

#[test]
fn config_files_hold_addresses_as_text() {
    use serde::Deserialize as _;
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error, StrDeserializer};
    let read = |text: &'static str| {
        let from: StrDeserializer<'_, Error> = text.into_deserializer();
        BareJid::deserialize(from)
    };
    assert_eq!(read("Anna@example.org").unwrap(), "anna@example.org");
    assert!(read("anna@example.org/x").is_err());
}

/// Letters, marks, digits, spaces and signs from many scripts, denser than any string at random.
fn lively() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            4 => proptest::char::range('!', '~'),
            2 => proptest::char::range('\u{80}', '\u{6FF}'),
            1 => proptest::char::range('\u{900}', '\u{1FFF}'),
            1 => proptest::char::range('\u{2000}', '\u{33FF}'),
            1 => proptest::char::range('\u{FE00}', '\u{FFEF}'),
            1 => proptest::char::any(),
        ],
        1..12,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_was_prepared_stays_as_it_is(local in lively(), resource in lively()) {
        for text in [format!("{local}@example.com"), format!("example.com/{resource}"), format!("{local}.example"), local] {
            if let Ok(jid) = Jid::parse(&text) {
                let again = Jid::parse(jid.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&jid));
                let again = again.unwrap();
                prop_assert_eq!((again.local(), again.domain(), again.resource()), (jid.local(), jid.domain(), jid.resource()));
                prop_assert_eq!(Jid::from_parts(jid.local(), jid.domain(), jid.resource()), Ok(jid));
            }
        }
    }

    #[test]
    fn no_string_brings_the_parser_down(text in any::<String>()) {
        if let Ok(jid) = Jid::parse(&text) {
            prop_assert!(!jid.domain().is_empty());
            prop_assert!(jid.as_str().len() <= 3 * 1023 + 2);
        }
    }

    #[test]
    fn plain_ascii_takes_the_short_way_and_the_long_way_alike(
        local in "[!-~]{1,8}", domain in "[A-Za-z0-9_.-]{1,12}", resource in "[ -~]{1,8}",
    ) {
        let short = Jid::parse(&format!("{local}@{domain}/{resource}"));
        let long = Jid::parse(&format!("{}@{}/{resource}", local.to_uppercase(), domain.to_uppercase()));
        if !local.contains(['@', '/']) {
            prop_assert_eq!(short, long);
        }
    }
}

/// Every code point by itself, in each part: what passes is stable.
#[test]
fn every_code_point_is_stable_or_refused() {
    let mut passed = [0_u32; 3];
    // Planes 0 to 3 and the special-purpose plane; the others hold no character.
    for c in ('\0'..='\u{3FFFF}').chain('\u{E0000}'..='\u{E0FFF}') {
        for (count, text) in passed.iter_mut().zip([
            format!("a{c}@b.example"),
            format!("a{c}.example"),
            format!("b.example/a{c}"),
        ]) {
            let Ok(jid) = Jid::parse(&text) else { continue };
            *count += 1;
            assert_eq!(Jid::parse(jid.as_str()).as_ref(), Ok(&jid), "U+{:04X}", u32::from(c));
        }
    }
    // Tens of thousands of letters pass as localpart and label, more in the resourcepart, but not everything.
    assert!(passed.iter().all(|count| (50_000..260_000).contains(count)), "{passed:?}");
}
