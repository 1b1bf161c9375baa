//! Each rule with what breaks it: the cases of `corpus/`.

use super::{HEADER, after, client, corpus, one_element, scan_all};
use crate::name;
use crate::namespace::{self, Outside};
use crate::{CONTENT, Framing, Item, Limits, Refusal, Scanner, Tree, XmlError};

fn condition(error: &XmlError) -> &'static str {
    match error {
        XmlError::NotWellFormed(_) => "not-well-formed",
        XmlError::Restricted(_) => "restricted-xml",
        XmlError::BadFormat(_) => "bad-format",
        XmlError::Encoding => "unsupported-encoding",
        XmlError::BadNamespacePrefix => "bad-namespace-prefix",
        XmlError::TooLarge { .. } => "policy-violation",
    }
}

const fn refusal(reason: Refusal) -> &'static str {
    match reason {
        Refusal::Unsupported(_) => "not-acceptable",
        Refusal::Limit(..) => "policy-violation",
    }
}

#[test]
fn rfc6120_11_3_what_all_parsers_read_passes() {
    for case in corpus::accepted() {
        one_element(&mut client(), std::str::from_utf8(&case.bytes).expect("UTF-8"));
    }
}

/// Each ends the stream with its condition, in one piece and in pieces of one byte.
#[test]
fn rfc6120_11_3_ill_formed_xml_ends_the_stream_with_its_condition() {
    for case in corpus::ill_formed() {
        let (_, end) = scan_all(&mut client(), &case.bytes);
        let error = end.expect_err(case.words);
        assert_eq!(condition(&error), case.expected, "{}: {error}", case.words);
        let mut scanner = client();
        let error_of_pieces = case.bytes.chunks(1).find_map(|piece| scan_all(&mut scanner, piece).1.err());
        assert_eq!(error_of_pieces.as_ref(), Some(&error), "{}", case.words);
        assert_eq!(
            scan_all(&mut scanner, b"<presence/>").1,
            Err(error),
            "dead after an error: {}",
            case.words
        );
    }
}

/// Each costs its sender a stanza error and nobody a stream.
#[test]
fn what_is_outside_of_our_subset_is_refused_and_the_stream_lives() {
    for case in corpus::refused() {
        for size in [case.bytes.len() + 100, 1, 4096] {
            let mut scanner = client();
            let bytes = [&case.bytes[..], b"<presence/>"].concat();
            let mut items = Vec::new();
            for piece in bytes.chunks(size) {
                let (more, end) = scan_all(&mut scanner, piece);
                assert_eq!(end, Ok(()), "{} by {size}", case.words);
                items.extend(more);
            }
            let [Item::Refused(refused), Item::Element(presence)] = items.as_slice() else {
                panic!("{} by {size}: {items:?}", case.words)
            };
            assert_eq!(refusal(refused.reason), case.expected, "{}", case.words);
            assert_eq!(refused.namespace, CONTENT, "{}", case.words);
            let id = refused.attributes.iter().find(|found| found.name == "id");
            assert_eq!(id.map(|found| found.value.as_str()), Some("1"), "{} by {size}", case.words);
            assert_eq!(presence.name, "presence");
            assert!(scanner.is_idle());
        }
    }
}

/// Before login nothing is skipped.
#[test]
fn before_login_what_is_refused_ends_the_stream() {
    for case in corpus::refused() {
        let mut scanner = after(HEADER, Limits { strict: true, ..Limits::CLIENT });
        let (items, end) = scan_all(&mut scanner, &case.bytes);
        let expected = if case.expected == "not-acceptable" { "bad-format" } else { case.expected };
        assert_eq!((items.len(), condition(&end.expect_err(case.words))), (0, expected), "{}", case.words);
    }
}

/// What never ends is cut, before login long before it is large.
#[test]
fn endless_input_is_cut() {
    for case in corpus::endless() {
        let (_, end) = scan_all(&mut client(), &case.bytes);
        assert_eq!(condition(&end.expect_err(case.words)), case.expected, "{}", case.words);
        let mut scanner = after(HEADER, Limits::BEFORE_LOGIN);
        let mut taken = 0;
        let end = case.bytes.chunks(1000).find_map(|piece| {
            taken += piece.len();
            scan_all(&mut scanner, piece).1.err()
        });
        assert_eq!(condition(&end.expect(case.words)), case.expected, "{}", case.words);
        assert!(taken <= 11_000, "{}: {taken}", case.words);
    }
}

#[test]
fn every_registered_namespace_passes() {
    let namespaces = corpus::namespaces();
    assert!(namespaces.len() > 300, "{}", namespaces.len());
    for namespace in namespaces {
        let xml = format!("<iq><x xmlns='{namespace}'/><p:x xmlns:p='{namespace}' p:a='1'/></iq>");
        let element = one_element(&mut client(), &xml);
        let expected =
            if namespace::is_content(namespace.as_bytes(), &Outside::stanza()) { CONTENT } else { namespace };
        let [first, second] = element.children.iter().collect::<Vec<_>>()[..] else { panic!("{xml}") };
        assert!(first.is(expected, "x") && second.is(expected, "x"), "{xml}");
        assert!(Tree::new(namespace, "x").to_child().is(expected, "x"), "{xml}");
    }
}

/// What a peer sends behind the last element of a stream is that stream's: go-xmpp ends `<auth/>` with a line feed.
#[test]
fn rfc6120_11_7_white_space_before_a_restarted_stream_is_of_the_old_one() {
    let rest = HEADER.trim_start_matches("<?xml version='1.0'?>");
    let spaced = format!("\n<?xml version='1.0'?>{rest}");
    let mut scanner = client();
    scanner.restart();
    let (items, end) = scan_all(&mut scanner, spaced.as_bytes());
    assert!(end.is_ok() && matches!(items.as_slice(), [Item::Root(_)]), "{items:?} {end:?}");
    scanner.restart();
    let (items, end) = scan_all(&mut scanner, format!("a{spaced}").as_bytes());
    assert!(items.is_empty());
    assert_eq!(condition(&end.expect_err("no error")), "not-well-formed");
}

fn header_error(header: &[u8]) -> XmlError {
    let mut scanner = Scanner::new(Framing::Stream, Limits::BEFORE_LOGIN);
    let (items, end) = scan_all(&mut scanner, header);
    assert!(items.is_empty(), "{items:?}");
    end.expect_err("no error")
}

#[test]
fn rfc6120_11_5_the_xml_declaration_is_read_at_the_very_begin_only() {
    let rest = HEADER.trim_start_matches("<?xml version='1.0'?>");
    for declaration in [
        "",
        "<?xml version=\"1.0\"?>",
        "<?xml version='1.0' encoding='UTF-8'?>\n",
        "<?xml version = '1.0'\tencoding = \"utf-8\" standalone='no' ?>",
    ] {
        after(&format!("{declaration}{rest}"), Limits::BEFORE_LOGIN);
    }
    let declaration = "<?xml version='1.0'?>";
    let error = header_error(format!(" {declaration}{rest}").as_bytes());
    assert_eq!(condition(&error), "restricted-xml");
    assert_eq!(condition(&header_error(format!("{declaration}{declaration}").as_bytes())), "restricted-xml");
    for (broken, expected) in [
        ("<?xml?>", "restricted-xml"),
        ("<?xml-stylesheet href='a'?>", "restricted-xml"),
        ("<?xml encoding='UTF-8'?>", "not-well-formed"),
        ("<?xml version='1.0' a='b'?>", "not-well-formed"),
        ("<?xml version='1.0'encoding='UTF-8'?>", "not-well-formed"),
        ("<?xml version='1.1'?>", "bad-format"),
    ] {
        assert_eq!(condition(&header_error(broken.as_bytes())), expected, "{broken}");
    }
    let endless = format!("<?xml version='1.0'{}", " ".repeat(300));
    assert_eq!(condition(&header_error(endless.as_bytes())), "policy-violation");
}

#[test]
fn rfc6120_11_6_no_encoding_but_utf8_and_no_byte_order_mark() {
    for encoding in ["ISO-8859-1", "UTF-16", "us-ascii"] {
        let header = format!("<?xml version='1.0' encoding='{encoding}'?>");
        assert_eq!(header_error(header.as_bytes()), XmlError::Encoding);
    }
    assert_eq!(condition(&header_error(b"\xef\xbb\xbf<?xml version='1.0'?>")), "not-well-formed");
    assert_eq!(header_error(b"\xfe\xff\x00<"), XmlError::Encoding);
    assert_eq!(condition(&header_error(b"<\x00?\x00")), "not-well-formed");
}

#[test]
fn rfc6120_4_2_before_the_header_comes_nothing_else() {
    for (broken, expected) in [
        ("hello", "not-well-formed"),
        ("</stream:stream>", "not-well-formed"),
        ("<!DOCTYPE a>", "restricted-xml"),
        ("<!-- a -->", "restricted-xml"),
        ("GET / HTTP/1.1\r\n", "not-well-formed"),
        ("\x16\x03\x01", "not-well-formed"),
        ("<stream:stream>", "not-well-formed"),
        ("<s\u{e9}/>", "bad-format"),
    ] {
        assert_eq!(condition(&header_error(broken.as_bytes())), expected, "{broken}");
    }
}

#[test]
fn rfc6120_4_4_the_root_ends_with_its_own_name_once() {
    let mut scanner = client();
    let (items, end) = scan_all(&mut scanner, b" </stream:stream \n> \n");
    assert!(matches!(items.as_slice(), [Item::RootEnd]) && end == Ok(()));
    assert_eq!(condition(&scan_all(&mut client(), b"</stream>").1.expect_err("an error")), "not-well-formed");
    let empty = HEADER.replace("streams'>", "streams'/>");
    let (items, end) = scan_all(&mut Scanner::new(Framing::Stream, Limits::CLIENT), empty.as_bytes());
    assert!(matches!(items.as_slice(), [Item::Root(_), Item::RootEnd]) && end == Ok(()));
}

#[test]
fn a_limit_is_kept_to_the_byte() {
    let limits = Limits { element_bytes: 40, ..Limits::CLIENT };
    let fits = format!("<message>{}</message>", "a".repeat(40 - 19));
    let over = format!("<message>{}</message>", "a".repeat(41 - 19));
    for size in [1, 7, 100] {
        for (xml, passes) in [(&fits, true), (&over, false)] {
            let mut scanner = client();
            scanner.set_limits(limits);
            let items: Vec<Item> =
                xml.as_bytes().chunks(size).flat_map(|piece| scan_all(&mut scanner, piece).0).collect();
            assert_eq!(matches!(items.as_slice(), [Item::Element(_)]), passes, "{xml} by {size}: {items:?}");
        }
    }
    let mut scanner = client();
    scanner.set_limits(Limits { skip_bytes: 100, ..limits });
    let (items, end) = scan_all(&mut scanner, format!("<a>{}", "a".repeat(200)).as_bytes());
    assert!(items.is_empty() && matches!(end, Err(XmlError::TooLarge { .. })));
}

#[test]
fn a_run_by_blocks_is_a_run_by_bytes() {
    for class in [name::TEXT, name::VALUE, name::PLAIN] {
        for byte in 0..=255 {
            for at in 0..40 {
                let mut bytes = [b'a'; 40];
                bytes[at] = byte;
                bytes[39 - at / 2] = b'"';
                assert_eq!(name::long_run(&bytes, class), name::run(&bytes, class), "{byte} at {at}");
            }
        }
    }
}

#[test]
fn rfc3986_4_1_namespaces_are_plain_uri_references() {
    for fits in [
        "",
        "a",
        "urn:a:b",
        "jabber:iq:roster",
        "vcard-temp:x:update",
        "http://a",
        "http://a.b-c:80/d//e?f=g:h/i#j:k",
        "a/b:c",
        "?a",
        "#a",
        "//a/b",
        "a+b-c.d:e",
        "http://a?b",
        "http://a#b",
        "urn:%20",
        "a:",
        "urn:a@b",
    ] {
        assert!(namespace::is_plain_uri(fits.as_bytes()), "{fits}");
    }
    for odd in [
        ":a",
        "1a:b",
        "a=b:c",
        "a_b:c",
        "-a:b",
        "http://",
        "http:///a",
        "http://a@b/",
        "http://a:b/",
        "http://a:/",
        "http://a:1:2/",
        "http://a:123456/",
        "a#b#c",
        "a b",
        "a%2",
        "a%g0",
        "a\"b",
        "a<b",
        "a>b",
        "a\\b",
        "a^b",
        "a`b",
        "a{b",
        "a|b",
        "a}b",
        "a[b]",
        "a'b",
        "a&b",
        "a\u{e9}",
        "a\nb",
        "urn:a b",
        "urn:a\x7f",
    ] {
        assert!(!namespace::is_plain_uri(odd.as_bytes()), "{odd}");
    }
}
