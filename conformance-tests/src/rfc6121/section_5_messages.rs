//! RFC 6121 §5: messages. Delivery by type and address is in `section_8_5`.

use crate::harness::*;

/// Sends a message from one online user to another and returns what arrives.
#[track_caller]
fn through(inside: &str) -> (Element, Client, Client) {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' {inside}</message>");
    let message = bob.expect("<message/>");
    (message, alice, bob)
}

/// §5.1: the server stamps the sender's full JID.
#[test]
fn from_is_the_senders_full_jid() {
    let (message, alice, _) = through("type='chat'><body>hi</body>");
    assert_eq!(message.attr("from"), Some(alice.to_string().as_str()));
}

/// §5.2.1: 'to' stays as it was.
#[test]
fn to_stays_as_it_was() {
    let (message, _, bob) = through("type='chat'><body>hi</body>");
    assert_eq!(message.attr("to"), Some(bob.to_string().as_str()));
}

/// RFC 6120 §8.1.3: the id stays as it was.
#[test]
fn id_stays_as_it_was() {
    through("id='abc-123'><body>hi</body>").0.must("<message id='abc-123'/>");
}

/// §5.2.2: a message without type stays one without, or becomes "normal".
#[test]
fn a_message_without_type_is_normal() {
    let (message, ..) = through("id='m'><body>hi</body>");
    assert_eq!(message.attr("type").unwrap_or("normal"), "normal");
}

/// §5.2.2: a type that is not understood is treated as normal: the message is delivered.
#[test]
fn an_unknown_type_is_treated_as_normal() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' type='letter'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}'><body>hi</body></message>");
}

/// §5.2.3: bodies in several languages are delivered.
#[test]
fn bodies_in_several_languages_are_delivered() {
    through("><body>Hello</body><body xml:lang='cs'>Ahoj</body>")
        .0
        .must("<message><body>Hello</body><body xml:lang='cs'>Ahoj</body></message>");
}

/// §5.2.4: subjects are delivered.
#[test]
fn subjects_are_delivered() {
    through("><subject>A</subject><subject xml:lang='cs'>B</subject><body>x</body>")
        .0
        .must("<message><subject>A</subject><subject xml:lang='cs'>B</subject></message>");
}

/// §5.2.5: threads are delivered with their parent.
#[test]
fn threads_are_delivered() {
    through("><thread parent='p1'>t1</thread><body>x</body>")
        .0
        .must("<message><thread parent='p1'>t1</thread></message>");
}

/// §5.3: extended content is delivered, nested and with attributes.
#[test]
fn extended_content_is_delivered() {
    through("><x xmlns='urn:example:a' k='v'><y xmlns='urn:example:b'>t<z/></y></x>")
        .0
        .must("<message><x xmlns='urn:example:a' k='v'><y xmlns='urn:example:b'>t<z/></y></x></message>");
}

/// RFC 6120 §8.1.5: xml:lang of the stanza is delivered.
#[test]
fn language_of_the_stanza_is_delivered() {
    through("xml:lang='de'><body>Hallo</body>").0.must("<message xml:lang='de'/>");
}

/// RFC 6120 §4.7.4: a stanza without xml:lang gets the one of the stream.
#[test]
fn language_of_the_stream_is_put_on_a_stanza_without_one() {
    let (alice, bob) = (user(), online());
    let german = {
        let conn = Conn::direct_tls();
        conn.open();
        conn.features();
        log_in(&conn, &alice.name, &alice.password);
        conn.open_with(
            "<stream:stream to='localhost' version='1.0' xml:lang='de' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>",
        );
        conn.features();
        Client::bound(conn, alice.name.clone(), alice.host.clone(), alice.password.clone(), "german")
    };
    send!(german, "<message to='{bob}'><body>Hallo</body></message>");
    expect!(bob, "<message from='{german}'/>").must("<message xml:lang='de'/>");
}

/// §5.2.3: an empty message is a message.
#[test]
fn a_message_without_children_is_delivered() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' id='empty' type='chat'/>");
    expect!(bob, "<message id='empty' from='{alice}'/>");
}

/// The five predefined entities and character references mean the same at the other end.
#[test]
fn entities_mean_the_same_at_the_other_end() {
    let (message, ..) = through("><body>&lt;&gt;&amp;&apos;&quot;&#65;&#x1F426;</body>");
    assert_eq!(message.need_child("body").text(), "<>&'\"A\u{1F426}");
}

/// A CDATA section means the same at the other end.
#[test]
fn cdata_means_the_same_at_the_other_end() {
    let (message, ..) = through("><body><![CDATA[<not>&markup;]]></body>");
    assert_eq!(message.need_child("body").text(), "<not>&markup;");
}

/// White space in a body is kept.
#[test]
fn white_space_in_a_body_is_kept() {
    let (message, ..) = through("><body>\n  two\tlines \n</body>");
    assert_eq!(message.need_child("body").text(), "\n  two\tlines \n");
}

/// Text beyond the Basic Multilingual Plane is kept.
#[test]
fn text_beyond_ascii_is_kept() {
    let (message, ..) = through("><body>Grüße, 世界, 👩‍👩‍👧‍👧</body>");
    assert_eq!(message.need_child("body").text(), "Grüße, 世界, 👩‍👩‍👧‍👧");
}

/// A prefix declared outside the payload means the same at the other end.
#[test]
fn a_prefix_declared_on_the_stanza_means_the_same_at_the_other_end() {
    through("xmlns:e='urn:example:e'><e:x e:k='v'><e:y/></e:x>")
        .0
        .must("<message><x xmlns='urn:example:e'><y/></x></message>");
}

/// A large body passes: servers accept at least 10,000 bytes (RFC 6120 §13.12).
#[test]
fn a_stanza_of_ten_thousand_bytes_passes() {
    let body = "b".repeat(9_700);
    let (message, ..) = through(&format!("><body>{body}</body>"));
    assert_eq!(message.need_child("body").text(), body);
}
