use proptest::prelude::*;
use waxwing_xml::{Attribute, CONTENT, Element, Framing, Item, Limits, Scanner, Text, Tree};

use super::*;
use crate::{Condition, ErrorType};

const LIMITS: Limits = Limits {
    element_bytes: 10_000,
    skip_bytes: 100_000,
    depth: 20,
    attributes: 20,
    name_bytes: 100,
    attribute_bytes: 5_000,
    children: 20,
    strict: false,
};

/// What the scanner makes of one first-level element on a client's stream.
fn scan(xml: &str) -> Item {
    let mut scanner = Scanner::new(Framing::Stream, LIMITS);
    let header = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    assert!(matches!(scanner.scan(&mut &header[..]), Ok(Some(Item::Root(_)))));
    scanner.scan(&mut xml.as_bytes()).unwrap().unwrap()
}

fn element(xml: &str) -> Element {
    match scan(xml) {
        Item::Element(element) => element,
        other => panic!("{xml} is no element but {other:?}"),
    }
}

fn read(xml: &str) -> Result<Stanza, ShapeError> {
    Stanza::from_element(element(xml), None).unwrap()
}

fn stanza(xml: &str) -> Stanza {
    read(xml).unwrap_or_else(|error| panic!("{xml}: {error:?}"))
}

/// The condition with which a stanza is refused, and the reply, if one may be sent.
fn refusal(xml: &str) -> (Condition, Option<String>) {
    let ShapeError { error, reply_to } = read(xml).expect_err(xml);
    let reply = reply_to.map(|stanza| stanza.error_reply(&error.condition.into()).unwrap().to_xml());
    (error.condition, reply)
}

fn error_xml(kind: &str, condition: &str) -> String {
    format!("<error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")
}

#[test]
fn rfc6121_5_2_2_an_unknown_message_type_is_normal() {
    for (name, kind) in [
        ("type='chat'", MessageType::Chat),
        ("type='groupchat'", MessageType::Groupchat),
        ("type='headline'", MessageType::Headline),
        ("type='error'", MessageType::Error),
        ("type='normal'", MessageType::Normal),
        ("type='CHAT'", MessageType::Normal),
        ("type='unheard-of'", MessageType::Normal),
        ("", MessageType::Normal),
    ] {
        assert_eq!(stanza(&format!("<message {name}/>")).kind, Kind::Message(kind), "{name}");
    }
    assert_eq!(stanza("<message type='unheard-of'/>").to_xml(), "<message/>");
}

#[test]
fn rfc6121_4_7_1_an_unknown_presence_type_is_a_bad_request() {
    for (name, kind) in [
        ("", PresenceType::Available),
        ("type='unavailable'", PresenceType::Unavailable),
        ("type='subscribe'", PresenceType::Subscribe),
        ("type='subscribed'", PresenceType::Subscribed),
        ("type='unsubscribe'", PresenceType::Unsubscribe),
        ("type='unsubscribed'", PresenceType::Unsubscribed),
        ("type='probe'", PresenceType::Probe),
        ("type='error'", PresenceType::Error),
    ] {
        assert_eq!(stanza(&format!("<presence {name}/>")).kind, Kind::Presence(kind), "{name}");
    }
    for name in ["available", "Unavailable", ""] {
        let (condition, reply) = refusal(&format!("<presence from='a.example/x' id='1' type='{name}'/>"));
        assert_eq!(condition, Condition::BadRequest);
        let error = error_xml("modify", "bad-request");
        assert_eq!(reply, Some(format!("<presence to='a.example/x' id='1' type='error'>{error}</presence>")));
    }
}

#[test]
fn rfc6120_8_2_3_the_shape_of_an_iq() {
    for xml in [
        "<iq type='get' id='1'><q xmlns='urn:x'/></iq>",
        "<iq type='set' id=''><q xmlns='urn:x'/></iq>",
        "<iq type='set' id='1'> <q xmlns='urn:x'/> </iq>",
        "<iq type='result' id='1'/>",
        "<iq type='result' id='1'><q xmlns='urn:x'/></iq>",
        "<iq type='error' id='1'/>",
        "<iq type='error' id='1'><q xmlns='urn:x'/><error type='wait'/></iq>",
    ] {
        assert!(read(xml).is_ok(), "{xml}");
    }
    for xml in [
        "<iq id='1'><q xmlns='urn:x'/></iq>",
        "<iq type='GET' id='1'><q xmlns='urn:x'/></iq>",
        "<iq type='' id='1'><q xmlns='urn:x'/></iq>",
        "<iq type='get'><q xmlns='urn:x'/></iq>",
        "<iq type='get' id='1'/>",
        "<iq type='set' id='1'>text</iq>",
        "<iq type='set' id='1'><q xmlns='urn:x'/><q xmlns='urn:x'/></iq>",
    ] {
        let (condition, reply) = refusal(xml);
        assert_eq!(condition, Condition::BadRequest, "{xml}");
        let id = if xml.contains("id='1'") { "1" } else { "" };
        let error = error_xml("modify", "bad-request");
        assert_eq!(reply, Some(format!("<iq id='{id}' type='error'>{error}</iq>")), "{xml}");
    }
}

/// RFC 6120 §8.2.3 rule 4 and §8.3.1 rule 8.
#[test]
fn rfc6120_8_3_1_results_and_errors_are_never_answered() {
    for xml in [
        "<iq type='result' id='1'><q xmlns='urn:x'/><q xmlns='urn:x'/></iq>",
        "<iq type='result'/>",
        "<iq type='error'/>",
        "<iq type='result' id='1' to='@'/>",
        "<message type='error' to='@'/>",
        "<presence type='error' from='@'/>",
    ] {
        assert_eq!(refusal(xml).1, None, "{xml}");
    }
    for xml in [
        "<iq type='result' id='1'/>",
        "<iq type='error' id='1'/>",
        "<message type='error'/>",
        "<presence type='error'/>",
    ] {
        assert!(stanza(xml).error_reply(&Condition::ItemNotFound.into()).is_none(), "{xml}");
    }
}

#[test]
fn rfc7622_4_a_malformed_address_is_answered() {
    let error = error_xml("modify", "jid-malformed");
    assert_eq!(
        refusal("<message from='romeo@example.net/a' to='@example.com' id='m' type='chat'/>"),
        (
            Condition::JidMalformed,
            Some(format!("<message to='romeo@example.net/a' id='m' type='error'>{error}</message>"))
        )
    );
    assert_eq!(
        refusal("<presence from='fußball@example.net' to='example.com'/>"),
        (
            Condition::JidMalformed,
            Some(format!("<presence from='example.com' type='error'>{error}</presence>"))
        )
    );
    assert_eq!(refusal("<iq to='' type='get' id='1'><q xmlns='urn:x'/></iq>").0, Condition::JidMalformed);
    let good = stanza("<message from='Romeo@EXAMPLE.net/A' to='example.com'/>");
    assert_eq!(good.to_xml(), "<message from='romeo@example.net/A' to='example.com'/>");
}

#[test]
fn other_elements_are_no_stanzas() {
    for xml in [
        "<message xmlns='urn:x'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<auth/>",
        "<Message/>",
        "<stream:features/>",
    ] {
        assert!(Stanza::from_element(element(xml), None).is_none(), "{xml}");
    }
}

#[test]
fn rfc6120_8_4_text_between_children_is_dropped() {
    let message = stanza("<message>one<body>two</body>three</message>");
    assert_eq!(message.to_xml(), "<message><body>two</body></message>");
}

#[test]
fn rfc6120_8_1_5_the_language_of_the_stream_is_the_default() {
    let stream = Text::from_static("eo");
    let read = |xml| Stanza::from_element(element(xml), Some(&stream)).unwrap().unwrap();
    assert_eq!(read("<message/>").to_xml(), "<message xml:lang='eo'/>");
    assert_eq!(read("<message xml:lang='cs'/>").to_xml(), "<message xml:lang='cs'/>");
    assert_eq!(read("<message xml:lang=''/>").to_xml(), "<message xml:lang=''/>");
    assert_eq!(stanza("<message/>").lang, None);
}

#[test]
fn unknown_attributes_are_kept() {
    let xml =
        "<message to='a.example' b='1' xmlns:x='urn:x' x:b='2' xml:space='preserve' x:c='&lt;&apos;&gt;'/>";
    let message = stanza(xml);
    assert_eq!(message.extra.as_deref().map(Vec::len), Some(4));
    let written = message.to_xml();
    assert_eq!(
        written,
        "<message to='a.example' b='1' xmlns:a1='urn:x' a1:b='2' xml:space='preserve' xmlns:a3='urn:x' a3:c='&lt;&apos;&gt;'/>"
    );
    assert_eq!(stanza(&written).extra, message.extra);
    assert_eq!(stanza("<message to='a.example'/>").extra, None);
}

#[test]
fn the_head_is_written_in_a_fixed_order_and_escaped() {
    let id = Text::from_static("<'\"&>");
    let stanza = Stanza::message(MessageType::Chat)
        .with(&Tree::new(CONTENT, "body").with_text("1 < 2"))
        .id(id)
        .to(Jid::parse("a@b.example/it's <&>").unwrap())
        .from(Jid::parse("c.example").unwrap());
    let xml = stanza.to_xml();
    assert!(xml.starts_with("<message from='c.example' to='a@b.example/it&apos;s &lt;&amp;"), "{xml}");
    let again = Stanza::parse(&xml).unwrap();
    assert_eq!((again.to, again.from, again.id), (stanza.to, stanza.from, stanza.id));
    assert_eq!(again.children.find(CONTENT, "body").unwrap().tree().text(), "1 < 2");
}

#[test]
fn rfc7395_3_3_3_the_content_namespace_is_declared_on_demand() {
    let mut out = Vec::new();
    stanza("<presence to='a.example'><show>away</show></presence>").write(&mut out, Some("jabber:client"));
    assert_eq!(out, b"<presence xmlns='jabber:client' to='a.example'><show>away</show></presence>");
    out.clear();
    stanza("<presence/>").write(&mut out, None);
    assert_eq!(out, b"<presence/>");
}

#[test]
fn one_stanza_is_written_to_many_recipients() {
    let message =
        stanza("<message from='room@a.example/x' type='groupchat' id='1'><body>hi</body></message>");
    for to in ["b@c.example/1", "d@e.example/'"] {
        let to = Jid::parse(to).unwrap();
        let mut out = Vec::new();
        message.write_with_to(&to, &mut out, None);
        assert_eq!(String::from_utf8(out).unwrap(), message.clone().to(&to).to_xml());
    }
    assert_eq!(message.to, None);
}

#[test]
fn rfc6120_8_3_1_an_error_reply_swaps_addresses_and_keeps_the_id() {
    let error = StanzaError::new(Condition::ServiceUnavailable);
    let reply = |xml: &str| stanza(xml).error_reply(&error).unwrap().to_xml();
    let inner = error_xml("cancel", "service-unavailable");
    assert_eq!(
        reply("<message from='a.example' to='b.example' id='7' type='chat'><body>secret</body></message>"),
        format!("<message from='b.example' to='a.example' id='7' type='error'>{inner}</message>")
    );
    assert_eq!(
        reply("<presence to='b.example'/>"),
        format!("<presence from='b.example' type='error'>{inner}</presence>")
    );
    assert_eq!(
        reply("<iq type='get' id='' to='b.example'><q xmlns='urn:x'/></iq>"),
        format!("<iq from='b.example' id='' type='error'>{inner}</iq>")
    );
    let refusing = stanza(&reply("<message/>"));
    assert_eq!(refusing.error(), Some(error));
    assert_eq!(stanza("<message/>").error(), None);
}

#[test]
fn rfc6120_8_2_3_a_result_answers_a_request() {
    let request = stanza("<iq from='a@b.example/c' to='b.example' type='get' id='9'><q xmlns='urn:x'/></iq>");
    assert!(request.is_request());
    assert!(request.payload().unwrap().is("urn:x", "q"));
    let result = request.result();
    assert_eq!(result.to_xml(), "<iq from='b.example' to='a@b.example/c' id='9' type='result'/>");
    assert!(!result.is_request() && !result.is_error() && result.payload().is_none());
    assert!(stanza("<message><q xmlns='urn:x'/></message>").payload().is_none());
}

#[test]
fn rfc6121_4_7_2_3_priority() {
    let priority =
        |text: &str| stanza(&format!("<presence><priority>{text}</priority></presence>")).priority();
    for (text, value) in [("5", 5), ("-1", -1), ("+127", 127), ("-128", -128), (" 3\n", 3), ("0", 0)] {
        assert_eq!(priority(text), value, "{text}");
    }
    for text in ["128", "-129", "500", "", "1.5", "high", "1 2"] {
        assert_eq!(priority(text), 0, "{text}");
    }
    assert_eq!(stanza("<presence/>").priority(), 0);
    assert_eq!(stanza("<presence><priority xmlns='urn:x'>5</priority></presence>").priority(), 0);
}

#[test]
fn rfc6121_4_7_2_1_show() {
    let show = |text: &str| stanza(&format!("<presence><show>{text}</show></presence>")).show();
    for kind in [Show::Away, Show::Chat, Show::Dnd, Show::Xa] {
        assert_eq!(show(kind.name()), Some(kind));
    }
    assert_eq!((show("AWAY"), show("online"), show("")), (None, None, None));
    assert_eq!(stanza("<presence/>").show(), None);
}

#[test]
fn rfc6121_5_2_3_body() {
    assert!(stanza("<message><body>x</body></message>").has_body());
    assert!(!stanza("<message><subject>x</subject><body xmlns='urn:x'/></message>").has_body());
}

#[test]
fn what_was_stored_is_read_again() {
    let xml = "<message from='a@b.example/c' to='d@e.example' id='&amp;1' type='chat' xml:lang='en'>\
               <body>&lt;hi&gt;</body><x xmlns='urn:x'><y/></x></message>";
    let message = stanza(xml);
    let stored = message.to_store_bytes();
    assert!(stored.starts_with(b"<message xmlns='jabber:client' from="));
    assert_eq!(Stanza::from_store_bytes(&stored).unwrap().to_xml(), message.to_xml());
    for bytes in [
        &b""[..],
        b"<message",
        b"<message/><message/>",
        b"<message/>x",
        b"<foo/>",
        b"</stream:stream>",
        b"\xff",
    ] {
        assert!(Stanza::from_store_bytes(bytes).is_none(), "{bytes:?}");
    }
    assert!(Stanza::parse("<message xmlns='jabber:client'/>\n").is_some());
    assert!(Stanza::parse("<iq type='get' id='1'/>").is_none());
}

#[test]
fn design_3_a_stanza_that_the_scanner_refuses_is_answered() {
    let children = "<a xmlns='urn:x'/>".repeat(30);
    let Item::Refused(refused) = scan(&format!("<iq from='a.example' type='get' id='1'>{children}</iq>"))
    else {
        panic!("not refused")
    };
    let shape = Stanza::from_refused(refused, None).unwrap();
    assert_eq!((shape.error.condition, shape.error.kind), (Condition::PolicyViolation, ErrorType::Modify));
    let reply = shape.reply_to.unwrap().error_reply(&shape.error).unwrap();
    assert!(
        reply
            .to_xml()
            .starts_with("<iq to='a.example' id='1' type='error'><error type='modify'><policy-violation ")
    );
    let Item::Refused(refused) = scan(&format!("<a xmlns='urn:y'>{children}</a>")) else {
        panic!("not refused")
    };
    assert!(Stanza::from_refused(refused, None).is_none());
}

#[test]
fn xep0203_2_a_delay() {
    let from = Jid::parse("capulet.example").unwrap();
    let stamp = Timestamp::parse("2002-09-10T23:08:25Z").unwrap();
    assert_eq!(
        delay(&from, stamp, Some("Offline Storage")).to_xml(),
        "<delay xmlns='urn:xmpp:delay' from='capulet.example' stamp='2002-09-10T23:08:25.000Z'>Offline Storage</delay>"
    );
    assert_eq!(delay(&from, stamp, None).text(), "");
}

/// Stanzas are moved through many calls; what is rare is boxed.
#[test]
fn a_stanza_is_small() {
    assert!(size_of::<Stanza>() <= 160, "{}", size_of::<Stanza>());
    assert!(size_of::<Jid>() <= 24);
}

#[test]
fn attributes_can_be_added() {
    let mut message = Stanza::message(MessageType::Normal);
    message.extra.get_or_insert_default().push(Attribute {
        namespace: Text::from_static("urn:x"),
        name: Text::from_static("b"),
        value: Text::from_static("c"),
    });
    assert_eq!(message.to_xml(), "<message xmlns:a0='urn:x' a0:b='c'/>");
}

/// Nothing that XML reads as markup is in a localpart or domainpart, so these are written as they are.
#[test]
fn rfc7622_3_3_1_only_resourceparts_are_escaped() {
    for c in ('\0'..='\u{FFFF}').chain(['\u{1FFFE}', '\u{10FFFF}']) {
        for text in [format!("a{c}@b.example"), format!("a{c}.example"), format!("b.example/a{c}")] {
            let Ok(jid) = Jid::parse(&text) else { continue };
            let mut escaped = Vec::new();
            waxwing_xml::escape_attribute(jid.bare_str(), &mut escaped);
            assert_eq!(escaped, jid.bare_str().as_bytes(), "{text:?}");
        }
    }
    let xml = Stanza::presence(PresenceType::Available).to(Jid::parse("a.example/<'&\">").unwrap()).to_xml();
    assert_eq!(xml, "<presence to='a.example/&lt;&apos;&amp;&quot;&gt;'/>");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_is_read_the_same(id in "\\PC{0,20}", lang in "[a-z-]{0,8}", resource in "\\PC{1,20}", value in "\\PC{0,20}") {
        let mut sent = Stanza::message(MessageType::Chat).id(id.as_str().into()).with(&Tree::new(CONTENT, "body").with_text(value.as_str()));
        sent.from = Jid::from_parts(Some("a"), "b.example", Some(&resource)).ok();
        sent.lang = Some(lang.as_str().into());
        sent.extra.get_or_insert_default().push(Attribute {
            namespace: Text::from_static("urn:x"),
            name: Text::from_static("b"),
            value: value.as_str().into(),
        });
        let read = Stanza::parse(&sent.to_xml()).unwrap();
        prop_assert_eq!((read.kind, &read.to, &read.from, &read.id), (sent.kind, &sent.to, &sent.from, &sent.id));
        prop_assert_eq!((&read.lang, &read.extra), (&sent.lang, &sent.extra));
        prop_assert_eq!(read.to_xml(), sent.to_xml());
    }

    #[test]
    fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..60), tail in "[<>a-z/'=\"& ]{0,40}") {
        let _ = Stanza::from_store_bytes(&bytes);
        let _ = Stanza::parse(&format!("<message {tail}"));
    }
}
