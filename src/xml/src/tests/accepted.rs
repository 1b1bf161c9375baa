use super::{HEADER, children, element, one_element, scan_all};
use crate::{CONTENT, Framing, Item, Limits, Scanner, Tree};

/// RFC 6120 §4.2: header, stanzas, end.
#[test]
fn rfc6120_4_2_a_stream_is_a_header_and_stanzas_and_an_end() {
    let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
    let stream = format!(
        "{HEADER} \n<message to='romeo@montague.lit' type='chat' id='m&amp;1'><body>O &lt;Romeo&gt;</body>\
         <active xmlns='http://jabber.org/protocol/chatstates'/></message>\n<presence/> </stream:stream>"
    );
    let (items, end) = scan_all(&mut scanner, stream.as_bytes());
    assert_eq!(end, Ok(()));
    let [Item::Root(root), Item::Element(message), Item::Element(presence), Item::RootEnd] = items.as_slice()
    else {
        panic!("{items:?}")
    };
    assert_eq!((&*root.name, &*root.prefix, &*root.content), ("stream", "stream", "jabber:client"));
    assert_eq!(root.namespace, "http://etherx.jabber.org/streams");
    let to = root.attributes.iter().find(|found| found.name == "to").map(|found| found.value.as_str());
    assert_eq!(to, Some("capulet.lit"));
    assert_eq!((&*message.name, &*message.namespace), ("message", CONTENT));
    let id = message.attributes.iter().find(|found| found.name == "id").map(|found| found.value.as_str());
    assert_eq!(id, Some("m&1"));
    let body = message.children.find(CONTENT, "body").expect("a body");
    assert_eq!(body.bytes(), "<body>O &lt;Romeo&gt;</body>");
    assert_eq!(body.tree().text(), "O <Romeo>");
    assert!(message.children.find("http://jabber.org/protocol/chatstates", "active").is_some());
    assert_eq!((&*presence.name, presence.children.len(), presence.wire_bytes), ("presence", 0, 11));
    assert!(scanner.is_idle());
}

#[test]
fn rfc6120_4_8_5_prefixes_from_outside_are_declared_in_the_child() {
    assert_eq!(
        children("<message xmlns:x='urn:x'><x:a><b/></x:a></message>"),
        ["<x:a xmlns:x='urn:x'><b xmlns='jabber:client'/></x:a>"]
    );
    assert_eq!(
        children("<c:message xmlns:c='jabber:client'><c:body>1</c:body></c:message>"),
        ["<body>1</body>"]
    );
    assert_eq!(children("<message><body xmlns='jabber:client'>1</body></message>"), ["<body>1</body>"]);
    let forwarded = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>1</body></message></forwarded>";
    assert_eq!(children(&format!("<message>{forwarded}</message>")), [forwarded]);
}

#[test]
fn rfc7395_3_3_3_each_frame_is_a_document() {
    let mut scanner = Scanner::new(Framing::Documents, Limits::CLIENT);
    let open = one_element(&mut scanner, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a'/>");
    assert_eq!(open.namespace, "urn:ietf:params:xml:ns:xmpp-framing");
    let message = one_element(&mut scanner, "<message xmlns='jabber:client'><body>1</body></message>");
    assert_eq!(message.namespace, CONTENT);
    assert_eq!(message.children.find(CONTENT, "body").expect("a body").bytes(), "<body>1</body>");
}

#[test]
fn a_tree_reads_what_it_writes() {
    let tree = Tree::new("urn:x", "a")
        .with_attr("b", "1 ' \" < & \n")
        .with_attr("xml:lang", "en")
        .with_attr("{urn:y}c", "2")
        .with_child(Tree::new(CONTENT, "body").with_text("]]> &\r"))
        .with_child(Tree::new("", "none"));
    let child = tree.to_child();
    assert_eq!(Tree::parse(&tree.to_xml()).expect("parses").attr("{urn:y}c"), Some("2"));
    assert_eq!(child.tree().to_child().bytes(), child.bytes());
    assert_eq!(child.attribute("b").as_deref(), Some("1 ' \" < & \n"));
    assert!(crate::Child::from_bytes(child.bytes().clone()).is_some());
    assert_eq!(element("<iq><query xmlns='jabber:iq:private'><x xmlns='y'/></query></iq>").children.len(), 1);
}
