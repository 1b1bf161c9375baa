//! RFC 6120 §4.7 and §4.8: attributes and namespaces of the header.

use crate::harness::*;

/// §4.7.1: the server's header says which domain it is.
#[test]
fn from_is_the_domain_that_was_asked_for() {
    assert_eq!(Conn::plain().open_to("localhost").attr("from"), Some("localhost"));
}

/// §4.7.1: and so for the other host of the same server.
#[test]
fn from_is_the_other_domain_when_that_was_asked_for() {
    assert_eq!(Conn::plain().open_to("second.localhost").attr("from"), Some("second.localhost"));
}

/// §4.7.3: the server's header has an id.
#[test]
fn the_server_gives_the_stream_an_id() {
    assert!(!Conn::plain().open().need("id").is_empty());
}

/// §4.7.3: ids are unique.
#[test]
fn two_streams_have_different_ids() {
    assert_ne!(Conn::plain().open().need("id"), Conn::plain().open().need("id"));
}

/// §4.7.3 (Security Warning): an id cannot be guessed, so it is long enough.
#[test]
fn an_id_is_long_enough_not_to_be_guessed() {
    let header = Conn::plain().open();
    assert!(header.need("id").len() >= 16, "{header}");
}

/// §4.7.3: the server ignores an id of the client.
#[test]
fn an_id_of_the_client_is_ignored() {
    let header = Conn::plain().open_with(
        "<stream:stream to='localhost' id='mine' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    assert_ne!(header.need("id"), "mine");
}

/// §4.7.4: the server's header has xml:lang.
#[test]
fn the_servers_header_has_a_language() {
    assert!(!Conn::plain().open().need("xml:lang").is_empty());
}

/// §4.7.4: also when the client names a language nobody speaks.
#[test]
fn an_unknown_language_is_answered_with_a_default() {
    let conn = Conn::plain();
    let header = conn.open_with(
        "<stream:stream to='localhost' version='1.0' xml:lang='x-klingon' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    assert!(header.attr("xml:lang").is_some());
    conn.features();
}

/// §4.7.5: the server answers version 1.0 with 1.0.
#[test]
fn version_1_0_is_answered_with_1_0() {
    assert_eq!(Conn::plain().open().attr("version"), Some("1.0"));
}

/// §4.7.5: an unknown minor version is ignored.
#[test]
fn an_unknown_minor_version_is_accepted() {
    let conn = Conn::plain();
    let header = conn.open_with(
        "<stream:stream to='localhost' version='1.7' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    assert_eq!(header.attr("version"), Some("1.0"));
    conn.features();
}

/// §4.7.2: 'to' in the server's header is there only if the client gave 'from'.
#[test]
fn without_from_the_answer_has_no_to() {
    assert_eq!(Conn::plain().open().attr("to"), None);
}

/// §4.7.2: with 'from' the answer's 'to' is that bare JID.
#[test]
fn with_from_the_answers_to_is_that_bare_jid() {
    let conn = Conn::direct_tls();
    let header = conn.open_with(
        "<stream:stream from='juliet@localhost' to='localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    assert_eq!(header.attr("to"), Some("juliet@localhost"));
}

/// §4.8.1 and §4.8.2: the header is in the streams namespace.
#[test]
fn the_servers_header_is_in_the_streams_namespace() {
    let header = Conn::plain().open();
    assert_eq!((header.name.as_str(), header.ns.as_str()), ("stream", "http://etherx.jabber.org/streams"));
}

/// §4.8.5: the streams namespace may have another prefix.
#[test]
fn another_prefix_for_the_streams_namespace_is_accepted_or_refused_with_bad_namespace_prefix() {
    let conn = Conn::plain();
    conn.open_with(
        "<s:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>",
    );
    let next = conn.take_where("features or an error", |_| true);
    if next.name == "error" {
        next.must("<stream:error><bad-namespace-prefix xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
    }
}

/// §4.8.5: further namespaces declared on the header do no harm.
#[test]
fn further_declarations_on_the_header_are_accepted() {
    let conn = Conn::plain();
    conn.open_with(
        "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:x='urn:example:x' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    conn.features();
}

/// §11.5: an XML declaration before the header is accepted.
#[test]
fn an_xml_declaration_is_accepted() {
    let conn = Conn::plain();
    conn.open_with(
        "<?xml version='1.0' encoding='UTF-8'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    conn.features();
}

/// §11.5: none is needed.
#[test]
fn no_xml_declaration_is_accepted() {
    let conn = Conn::plain();
    conn.open_with(
        "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    conn.features();
}

/// Double quotes are as good as single ones.
#[test]
fn double_quotes_are_accepted() {
    let conn = Conn::plain();
    conn.open_with(
        "<stream:stream to=\"localhost\" version=\"1.0\" xmlns=\"jabber:client\" xmlns:stream=\"http://etherx.jabber.org/streams\">",
    );
    conn.features();
}

/// A header that arrives byte by byte is a header.
#[test]
fn a_header_in_small_pieces_is_accepted() {
    let conn = Conn::plain();
    let header = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    for byte in header.as_bytes() {
        conn.send_bytes(&[*byte]);
    }
    match conn.item() {
        Item::Header(_) => {}
        other => conn.fail(&format!("expected a header, got {other:?}")),
    }
    conn.features();
}

/// RFC 7622 §3.2: domains are compared without regard to case.
#[test]
fn a_domain_in_capitals_is_the_same_domain() {
    let conn = Conn::plain();
    assert_eq!(conn.open_to("LOCALHOST").attr("from"), Some("localhost"));
    conn.features();
}
