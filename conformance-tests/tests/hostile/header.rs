//! RFC 6120 §4.7 and §11: stream headers, and what is sent in their stead. In the clear and inside TLS.

use super::attack::*;
use super::bystanders::Bystanders;
use super::random::Random;
use crate::harness::*;

const NAMESPACES: &str = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";

/// Sends bytes as the first of a connection; the stream that it may or may not be ends with one of the errors.
#[track_caller]
fn first(bytes: &[u8], conditions: &[&'static str]) {
    let _turn = beside_others();
    for connect in [Conn::plain, Conn::direct_tls] {
        Bystanders::get().still_chat();
        let outcome = send_and_see(&connect(), bytes, false);
        if let Err(problem) = outcome.check(&stream_error(conditions)) {
            panic!("{problem}");
        }
        Bystanders::get().still_chat();
    }
}

/// §11.1: a document type with the billion laughs before the header.
#[test]
fn rfc6120_11_1_a_billion_laughs_before_the_header() {
    let entities: String =
        (1..=9).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let bytes = format!(
        "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY l0 \"lol\">{entities}]>\
         <stream:stream to='&l9;' version='1.0' {NAMESPACES}>"
    );
    first(bytes.as_bytes(), &["restricted-xml", "bad-format", "not-well-formed"]);
}

/// §11.1: a comment and a processing instruction before the header.
#[test]
fn rfc6120_11_1_a_comment_before_the_header() {
    first(
        format!("<!-- a --><stream:stream to='localhost' version='1.0' {NAMESPACES}>").as_bytes(),
        &["restricted-xml", "bad-format"],
    );
    first(
        format!("<?a b?><stream:stream to='localhost' version='1.0' {NAMESPACES}>").as_bytes(),
        &["restricted-xml", "bad-format"],
    );
}

/// §11.6: a header in UTF-16, in both orders, with its byte order mark.
#[test]
fn rfc6120_11_6_utf16_with_a_byte_order_mark() {
    let header = format!("\u{feff}<stream:stream to='localhost' version='1.0' {NAMESPACES}>");
    let conditions = ["unsupported-encoding", "bad-format", "not-well-formed"];
    let big: Vec<u8> = header.encode_utf16().flat_map(u16::to_be_bytes).collect();
    first(&big, &conditions);
    let little: Vec<u8> = header.encode_utf16().flat_map(u16::to_le_bytes).collect();
    first(&little, &conditions);
}

/// §11.6: encodings that are declared but not UTF-8.
#[test]
fn rfc6120_11_6_other_encodings_declared() {
    for encoding in ["UTF-16", "ISO-8859-1", "US-ASCII", "UTF-7"] {
        let header = format!(
            "<?xml version='1.0' encoding='{encoding}'?><stream:stream to='localhost' version='1.0' {NAMESPACES}>"
        );
        first(header.as_bytes(), &["unsupported-encoding", "bad-format", "not-well-formed"]);
    }
}

/// §11.3: two default namespaces, an attribute twice, a prefix that is not declared.
#[test]
fn rfc6120_11_3_headers_that_are_not_well_formed() {
    first(
        format!("<stream:stream to='localhost' version='1.0' xmlns='jabber:server' {NAMESPACES}>").as_bytes(),
        &["not-well-formed"],
    );
    first(
        format!("<stream:stream to='a' to='localhost' version='1.0' {NAMESPACES}>").as_bytes(),
        &["not-well-formed"],
    );
    first(
        b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client'>",
        &["not-well-formed", "bad-namespace-prefix", "invalid-namespace"],
    );
    first(b"<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' x\0>", &["not-well-formed"]);
}

/// §13.12: a header with 10,000 attributes.
#[test]
fn rfc6120_13_12_a_header_with_ten_thousand_attributes() {
    let attributes: String = (0..10_000).map(|n| format!(" a{n}=''")).collect();
    first(
        format!("<stream:stream to='localhost'{attributes} version='1.0' {NAMESPACES}>").as_bytes(),
        &["policy-violation"],
    );
}

/// §13.12: names, values, white space and declarations that go on for a megabyte.
#[test]
fn rfc6120_13_12_endless_headers() {
    let megabyte = |text: &str| text.repeat((1 << 20) / text.len());
    for endless in [
        format!("<stream:stream to='{}", megabyte("a")),
        format!("<stream:stream {}", megabyte("a")),
        format!("<{}", megabyte("a")),
        format!("<stream:stream{}", megabyte(" a='1'")),
        format!("<stream:stream{}", megabyte(" \n")),
        format!("<?xml version='1.0'{}", megabyte(" ")),
        megabyte(" \n"),
    ] {
        first(endless.as_bytes(), &["policy-violation", "not-well-formed"]);
    }
}

/// §4.9.3.13: other protocols.
#[test]
fn rfc6120_4_9_3_13_other_protocols() {
    let mut hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    hello.extend(Random::new(7).bytes(508));
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"{\"jsonrpc\": \"2.0\", \"method\": \"x\", \"id\": 1}\n",
        &hello,
    ] {
        first(bytes, &["not-well-formed", "unsupported-encoding", "bad-format"]);
    }
}

/// §4.9.3.13: noise.
#[test]
fn rfc6120_4_9_3_13_noise() {
    let mut random = Random::new(0xbad);
    for _ in 0..10 {
        let mut noise = random.bytes(4096);
        // White space before a header is no error by itself, so the first byte is none.
        noise[0] |= 0x80;
        first(&noise, &["not-well-formed", "unsupported-encoding", "bad-format"]);
    }
}
