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
    let bare = one_element(&mut scanner, "<message><body>1</body></message>");
    assert_eq!(bare.namespace, "", "nothing is inherited");
    assert_eq!(bare.children.iter().next().expect("a child").bytes(), "<body xmlns=''>1</body>");
    let declared = "<?xml version='1.0'?><presence xmlns='jabber:client'/>";
    assert_eq!(one_element(&mut scanner, declared).namespace, CONTENT);
    assert!(scanner.is_idle());
}

/// RFC 6120 §4.8.3: between servers the content namespace is another one, and reads the same.
#[test]
fn rfc6120_4_8_3_the_content_namespace_of_servers_reads_as_content() {
    let header = HEADER.replace("jabber:client", "jabber:server");
    let mut scanner = super::after(&header, Limits::SERVER);
    let message = one_element(&mut scanner, "<message><body>1</body><x xmlns='jabber:client'/></message>");
    assert_eq!(message.namespace, CONTENT);
    assert_eq!(super::written(&message), ["<body>1</body>", "<x/>"]);
    let forwarded = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded>";
    assert_eq!(
        super::written(&one_element(&mut scanner, &format!("<message>{forwarded}</message>"))),
        [forwarded]
    );
    // On a client's stream it is another namespace: RFC 6120 §4.8.3 lets the stream end.
    assert_eq!(element("<message xmlns='jabber:server'/>").namespace, "jabber:server");
}

#[test]
fn what_is_lifted_declares_what_it_inherited() {
    let child = element(
        "<iq><query xmlns='jabber:iq:private' xmlns:p='urn:p' xml:lang='de'><a/><p:b p:c='1'>2</p:b>\
         <d xmlns='urn:d' xml:lang='en'/><message xmlns='jabber:client'><body/></message></query></iq>",
    );
    let lifted = child.children.iter().next().expect("a child").lift();
    let lifted: Vec<&str> = lifted.iter().map(crate::Child::as_str).collect();
    assert_eq!(
        lifted,
        [
            "<a xmlns='jabber:iq:private' xml:lang='de'/>",
            "<p:b p:c='1' xmlns:p='urn:p' xml:lang='de'>2</p:b>",
            "<d xmlns='urn:d' xml:lang='en'/>",
            "<message xml:lang='de'><body/></message>",
        ]
    );
}

#[test]
fn only_one_canonical_element_is_taken_back_from_the_store() {
    let take = |xml: &str| crate::Child::from_bytes(xml.to_owned().into());
    assert!(take("<a xmlns='urn:x'><b/></a>").is_some_and(|child| child.is("urn:x", "a")));
    for wrong in [
        "",
        " ",
        "a",
        "<a>",
        "<a/><b/>",
        "<a/> ",
        " <a/>",
        "<p:a/>",
        "<a xmlns='jabber:client'/>",
        "<a>\r</a>",
        "<a><![CDATA[]]></a>",
        "<!-- --><a/>",
        "</a>",
        "</>",
        "<a b='1' b='2'/>",
        "<\u{e9}/>",
    ] {
        assert!(take(wrong).is_none(), "{wrong}");
    }
    assert_eq!(
        Tree::parse(" <p:a xmlns:p='jabber:client'>\r<![CDATA[<]]></p:a>\n").expect("a tree").text(),
        "\n<"
    );
    assert!(Tree::parse(&format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000))).is_none());
}

/// Namespaces in XML §6.3: told apart by namespace, not by prefix.
#[test]
fn attributes_of_many_prefixes_are_told_apart() {
    let declared: String = (0..60).map(|number| format!(" xmlns:p{number}='urn:{number}'")).collect();
    let used: String = (0..60).map(|number| format!(" p{number}:a=''")).collect();
    let xml = format!("<message{declared}>{}</message>", format!("<x xmlns='urn:x'{used}/>").repeat(20));
    let same = xml.replace("p59:a", "q:a").replacen(" xmlns:p59", " xmlns:q", 1);
    assert_eq!(element(&same).children.len(), 20);
    let twice = same.replace("'urn:59'", "'urn:0'");
    let (items, end) = scan_all(&mut super::client(), twice.as_bytes());
    assert!(items.is_empty() && matches!(end, Err(crate::XmlError::NotWellFormed(_))), "{end:?}");
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
