//! RFC 6120 §11: which XML is allowed, sent by a user who is logged in, and before login.

use crate::harness::*;

/// Sends bytes inside a message after login: the stream has to end with one of the errors, and the other user gets
/// nothing.
#[track_caller]
fn refused(inside: &[u8], conditions: &[&str]) {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat'><body>");
    alice.send_bytes(inside);
    alice.send("</body></message>");
    alice.expect_stream_error_of(conditions);
    alice.expect_eof();
    bob.expect_no("<message/>");
}

/// Sends bytes as the first thing in a stream that is open, before login.
#[track_caller]
fn refused_before_login(bytes: &[u8], conditions: &[&str]) {
    let conn = Conn::plain();
    conn.open_features();
    conn.send_bytes(bytes);
    conn.expect_stream_error_of(conditions);
    conn.expect_eof();
}

macro_rules! refused {
    ($($(#[$doc:meta])* $name:ident: $inside:expr => $conditions:expr;)*) => {
        mod after_login { use super::*; $($(#[$doc])* #[test] fn $name() { refused($inside.as_ref(), &$conditions); })* }
        mod before_login { use super::*; $($(#[$doc])* #[test] fn $name() { refused_before_login($inside.as_ref(), &$conditions); })* }
    };
}

// §11.1 allows bad-format as some implementations send it; §11.3 demands not-well-formed. For comments and processing
// instructions Prosody says not-well-formed, which they are not, and ejabberd skips them against a MUST.
refused! {
    /// §11.1: comments.
    a_comment_is_restricted_xml: "<!-- c -->" => ["restricted-xml", "bad-format"];
    /// §11.1: processing instructions.
    a_processing_instruction_is_restricted_xml: "<?php echo ?>" => ["restricted-xml", "bad-format"];
    /// §11.1: a reference to an entity that is not predefined.
    an_entity_reference_is_restricted_or_not_well_formed: "<x>&nbsp;</x>" => ["restricted-xml", "bad-format", "not-well-formed"];
    /// §11.1: a DTD in mid-stream is not even XML.
    a_doctype_is_restricted_or_not_well_formed: "<!DOCTYPE x>" => ["restricted-xml", "bad-format", "not-well-formed"];
    /// §11.3: tags that do not match.
    mismatched_tags_are_not_well_formed: "<a><b></a></b>" => ["not-well-formed"];
    /// §11.3: an attribute twice.
    a_duplicate_attribute_is_not_well_formed: "<a b='1' b='2'/>" => ["not-well-formed"];
    /// §11.3: an attribute without quotes.
    an_unquoted_attribute_is_not_well_formed: "<a b=1/>" => ["not-well-formed"];
    /// §11.3: a bare less-than in an attribute.
    a_less_than_in_an_attribute_is_not_well_formed: "<a b='<'/>" => ["not-well-formed"];
    /// §11.3: a bare ampersand.
    a_bare_ampersand_is_not_well_formed: "<a>& </a>" => ["not-well-formed"];
    /// §11.3: a control character.
    a_control_character_is_not_well_formed: "<a>\u{1}</a>" => ["not-well-formed"];
    /// §11.3: a reference to a control character.
    a_reference_to_a_control_character_is_not_well_formed: "<a>&#1;</a>" => ["not-well-formed"];
    /// §11.3: a reference to a surrogate.
    a_reference_to_a_surrogate_is_not_well_formed: "<a>&#xD800;</a>" => ["not-well-formed"];
    /// §11.3: a name that starts with a digit.
    a_name_that_starts_with_a_digit_is_not_well_formed: "<1a/>" => ["not-well-formed"];
    /// §11.3: the end of a CDATA section in text.
    a_cdata_end_in_text_is_not_well_formed: "<a>]]></a>" => ["not-well-formed"];
    /// §11.6: bytes that are not UTF-8.
    bytes_that_are_not_utf8_are_refused: b"<a>\xff\xfe</a>" => ["not-well-formed", "unsupported-encoding", "bad-format"];
    /// §11.6: an overlong form is not UTF-8.
    an_overlong_utf8_sequence_is_refused: b"<a>\xc0\xaf</a>" => ["not-well-formed", "unsupported-encoding", "bad-format"];
    /// §11.6: an encoded surrogate is not UTF-8.
    a_surrogate_in_utf8_is_refused: b"<a>\xed\xa0\x80</a>" => ["not-well-formed", "unsupported-encoding", "bad-format"];
    /// §11.3 (4): a namespace that is bound to nothing.
    an_empty_prefixed_namespace_is_not_well_formed: "<a xmlns:x=''/>" => ["not-well-formed"];
    /// §11.3 (4): the same attribute by two prefixes.
    a_duplicate_attribute_by_namespace_is_not_well_formed: "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>" => ["not-well-formed"];
    /// §11.3 (4): the prefix xmlns cannot be declared.
    declaring_the_prefix_xmlns_is_not_well_formed: "<a xmlns:xmlns='u'/>" => ["not-well-formed"];
    /// §11.3 (4): the prefix xml belongs to its namespace.
    rebinding_the_prefix_xml_is_not_well_formed: "<a xmlns:xml='u'/>" => ["not-well-formed"];
}

/// §11.1: a document type declaration before the header, with an entity bomb, is refused.
#[test]
fn an_entity_bomb_before_the_header_is_refused() {
    let conn = Conn::plain();
    conn.send(
        "<?xml version='1.0'?><!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY c '&a;&a;&a;&a;&a;'>]>\
         <stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    conn.expect_stream_error_of(&["restricted-xml", "bad-format", "not-well-formed"]);
}

/// §11.6: a declared encoding other than UTF-8 is refused.
#[test]
fn a_declared_encoding_other_than_utf8_is_refused() {
    let conn = Conn::plain();
    conn.send(
        "<?xml version='1.0' encoding='ISO-8859-1'?><stream:stream to='localhost' version='1.0' \
         xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    conn.expect_stream_error_of(&["unsupported-encoding", "bad-format", "not-well-formed"]);
}

/// §11.6: the same for text in UTF-16.
/// Neither Prosody nor ejabberd: §11.6 is a MUST, their parser library knows better.
#[test]
fn utf16_is_refused() {
    let conn = Conn::plain();
    let header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    let bytes: Vec<u8> = header.encode_utf16().flat_map(u16::to_be_bytes).collect();
    conn.send_bytes(&[&[0xfe, 0xff], bytes.as_slice()].concat());
    conn.expect_eof();
}

/// §11.1: the five predefined entities are allowed.
#[test]
fn predefined_entities_are_allowed() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}'><body>&lt;&gt;&amp;&apos;&quot;</body></message>");
    assert_eq!(bob.expect("<message/>").need_child("body").text(), "<>&'\"");
}

/// §11.6: U+FEFF inside text is a character like others.
#[test]
fn a_zero_width_no_break_space_is_kept() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}'><body>a\u{feff}b</body></message>");
    assert_eq!(bob.expect("<message/>").need_child("body").text(), "a\u{feff}b");
}

/// §11.6: characters that arrive in pieces are put together.
#[test]
fn a_character_in_two_packets_is_one_character() {
    let (alice, bob) = (online(), online());
    let stanza = format!("<message to='{bob}'><body>🐦</body></message>");
    let middle = stanza.find('🐦').expect("it is there") + 2;
    let (first, second) = stanza.as_bytes().split_at(middle);
    alice.send_bytes(first);
    alice.send_bytes(second);
    assert_eq!(bob.expect("<message/>").need_child("body").text(), "🐦");
}

/// §13.12: a stanza above the server's limit ends with policy-violation, or is refused by itself, and is not
/// delivered. The limits of the three subjects are below 2 MiB.
#[test]
fn an_oversized_stanza_is_refused() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat' id='big'><body>");
    let piece = "b".repeat(64 * 1024);
    for _ in 0..32 {
        alice.send(&piece);
    }
    alice.send("</body></message>");
    match alice.item() {
        Item::Stanza(e) if e.name == "error" => {
            e.must("<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
        }
        Item::Stanza(e) => {
            e.must_fail_with_one_of(&["policy-violation", "not-acceptable"]);
        }
        // The rest of the stanza may be on its way when the server closes, which destroys the error.
        Item::Eof => {}
        other => alice.fail(&format!("expected policy-violation, got {other:?}")),
    }
    bob.expect_no("<message/>");
}

/// §13.12: before login much less is enough.
#[test]
fn an_endless_header_is_refused() {
    let conn = Conn::plain();
    conn.send("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' x='");
    let piece = "x".repeat(64 * 1024);
    for _ in 0..32 {
        conn.send(&piece);
    }
    conn.expect_eof();
}

/// Whatever one user does, others go on: a stream error ends only the stream it is about.
#[test]
fn an_error_ends_only_the_senders_stream() {
    let (alice, bob) = (online(), online());
    let carol = online();
    alice.send("<a></b>");
    alice.expect_stream_error("not-well-formed");
    send!(carol, "<message to='{bob}'><body>still here</body></message>");
    expect!(bob, "<message><body>still here</body></message>");
}
