//! RFC 6120 §4.8 and §8.4: namespaces of extended content, and text that must mean the same at the other end.

use crate::harness::*;

/// Sends a message with this inside and returns what arrives.
#[track_caller]
fn through(attributes: &str, inside: &str) -> Element {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' {attributes}>{inside}</message>");
    bob.expect("<message/>")
}

/// §4.8.2: the content namespace may be repeated on a stanza.
#[test]
fn the_content_namespace_may_be_repeated() {
    through("xmlns='jabber:client'", "<body>x</body>").must("<message><body>x</body></message>");
}

/// §4.8.5: a prefix declared in the stream header means the same at the other end, whose header does not have it.
#[test]
fn a_prefix_of_the_stream_header_means_the_same_at_the_other_end() {
    let (account, bob) = (user(), online());
    let conn = Conn::secure();
    log_in(&conn, &account.name, &account.password);
    conn.open_with(
        "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:e='urn:example:e' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    conn.features();
    conn.bind();
    send!(conn, "<message to='{bob}'><e:x k='v'><e:y/></e:x></message>");
    bob.expect("<message/>").must("<message><x xmlns='urn:example:e' k='v'><y/></x></message>");
}

/// §8.4: a child in no namespace stays in none.
#[test]
fn a_child_without_namespace_stays_without() {
    let message = through("", "<x xmlns=''><y/></x>");
    let child = message.need_child("x");
    assert_eq!((child.ns.as_str(), child.need_child("y").ns.as_str()), ("", ""));
}

/// §8.4: a default namespace ends where its element ends.
#[test]
fn a_default_namespace_ends_with_its_element() {
    through("", "<x xmlns='urn:a'><y xmlns='urn:b'/><z/></x><body>t</body>")
        .must("<message><x xmlns='urn:a'><y xmlns='urn:b'/><z/></x><body>t</body></message>");
}

/// §8.4: a prefix may be declared again below.
#[test]
fn a_prefix_may_be_declared_again() {
    through("", "<p:x xmlns:p='urn:a'><p:y xmlns:p='urn:b'/><p:z/></p:x>")
        .must("<message><x xmlns='urn:a'><y xmlns='urn:b'/><z/></x></message>");
}

/// §8.4: attributes with a prefix keep their namespace.
#[test]
fn attributes_with_a_prefix_keep_their_namespace() {
    let message = through("", "<x xmlns='urn:a' xmlns:p='urn:b' p:k='v' k='w'/>");
    let child = message.need_child("x");
    assert_eq!((child.attr("{urn:b}k"), child.attr("k")), (Some("v"), Some("w")), "{message}");
}

/// A relative namespace name, as vcard-temp is one, passes.
#[test]
fn relative_namespace_names_pass() {
    through("", "<x xmlns='vcard-temp'/><y xmlns='eu.siacs.conversations.axolotl'/>")
        .must("<message><x xmlns='vcard-temp'/><y xmlns='eu.siacs.conversations.axolotl'/></message>");
}

/// A forwarded stanza inside a message keeps its own namespace (XEP-0297).
#[test]
fn a_forwarded_stanza_keeps_its_namespace() {
    through(
        "",
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='a@b'><body>x</body></message></forwarded>",
    )
    .must(
        "<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='a@b'><body>x</body></message></forwarded></message>",
    );
}

/// XML 1.0 §2.11: a carriage return is read as a line feed, and nothing else may reach the other end.
#[test]
fn a_bare_carriage_return_is_a_line_feed() {
    assert_eq!(through("", "<body>a\rb</body>").need_child("body").text(), "a\nb");
}

/// XML 1.0 §2.11: so is one that is followed by a line feed.
#[test]
fn a_carriage_return_with_line_feed_is_a_line_feed() {
    assert_eq!(through("", "<body>a\r\nb</body>").need_child("body").text(), "a\nb");
}

/// XML 1.0 §4.1: a reference to a carriage return is one, so it has to leave as a reference.
/// Neither Prosody nor ejabberd: they send the bare character, which §2.11 turns into a line feed.
#[test]
fn a_reference_to_a_carriage_return_stays_one() {
    assert_eq!(through("", "<body>a&#13;b</body>").need_child("body").text(), "a\rb");
}

/// XML 1.0 §3.3.3: the same for a line feed in an attribute.
#[test]
fn a_reference_to_a_line_feed_in_an_attribute_stays_one() {
    assert_eq!(through("", "<x xmlns='urn:a' k='a&#10;b'/>").need_child("x").attr("k"), Some("a\nb"));
}

/// XML 1.0 §2.4: the end of a CDATA section can be written in text.
#[test]
fn an_escaped_cdata_end_passes() {
    assert_eq!(through("", "<body>]]&gt;</body>").need_child("body").text(), "]]>");
}

/// XML 1.0 §2.7: two CDATA sections side by side are one text.
#[test]
fn cdata_sections_side_by_side_are_one_text() {
    let body = "<body><![CDATA[a]]]]><![CDATA[>b]]></body>";
    assert_eq!(through("", body).need_child("body").text(), "a]]>b");
}

/// Both kinds of quotes pass in an attribute.
#[test]
fn quotes_in_attributes_pass() {
    let message = through("", "<x xmlns='urn:a' k='&quot;&apos;' l=\"it's\" m='say \"x\"'/>");
    let child = message.need_child("x");
    assert_eq!(
        (child.attr("k"), child.attr("l"), child.attr("m")),
        (Some("\"'"), Some("it's"), Some("say \"x\""))
    );
}

/// §8.1.5: xml:lang of a child is delivered, and of the stanza as it was.
#[test]
fn languages_are_not_changed() {
    through("xml:lang='de-AT'", "<body xml:lang='fr'>x</body>")
        .must("<message xml:lang='de-AT'><body xml:lang='fr'>x</body></message>");
}

/// §13.12: depth and number of attributes as real clients use them.
#[test]
fn thirty_levels_and_fifty_attributes_pass() {
    let open: String = (0..30).map(|i| format!("<l{i} xmlns='urn:a'>")).collect();
    let close: String = (0..30).rev().map(|i| format!("</l{i}>")).collect();
    let attributes: String = (0..50).map(|i| format!(" a{i}='{i}'")).collect();
    let message = through("", &format!("{open}{close}<x xmlns='urn:b'{attributes}/>"));
    assert_eq!(message.need_child("x").attrs.len(), 50);
    message.must(&format!("<message>{open}{close}</message>"));
}
