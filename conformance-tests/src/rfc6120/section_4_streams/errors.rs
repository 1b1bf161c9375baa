//! RFC 6120 §4.9: stream errors that a client can cause.

use crate::harness::*;

fn header(rest: &str) -> String {
    format!("<?xml version='1.0'?><stream:stream version='1.0' {rest}>")
}

const NAMESPACES: &str = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";

/// §4.9.1.1: after the error the server closes the stream and the connection.
#[test]
fn an_error_closes_the_stream() {
    let conn = Conn::plain();
    conn.open_features();
    conn.send("<a></b>");
    conn.expect_stream_error("not-well-formed");
    conn.expect_close();
}

/// §4.9.1.2: an error during set-up comes after a stream header.
#[test]
fn an_error_in_the_header_comes_after_a_header() {
    let conn = Conn::plain();
    conn.send(&header(&format!("to='nowhere.example' {NAMESPACES}")));
    match conn.item() {
        Item::Header(_) => {}
        other => conn.fail(&format!("expected a header, got {other:?}")),
    }
    conn.expect_stream_error("host-unknown");
}

/// §4.9.3.6: a domain the server does not serve.
#[test]
fn an_unknown_host_is_host_unknown() {
    let conn = Conn::plain();
    conn.send(&header(&format!("to='nowhere.example' {NAMESPACES}")));
    conn.expect_stream_error("host-unknown");
    conn.expect_close();
}

/// §4.7.2 and §4.9.3.7: no domain at all.
#[test]
fn a_header_without_to_is_refused() {
    let conn = Conn::plain();
    conn.send(&header(NAMESPACES));
    conn.expect_stream_error_of(&["host-unknown", "improper-addressing"]);
}

/// §4.9.3.7: something that is no domain.
#[test]
fn a_header_with_a_malformed_to_is_refused() {
    let conn = Conn::plain();
    conn.send(&header(&format!("to='@@' {NAMESPACES}")));
    conn.expect_stream_error_of(&["host-unknown", "improper-addressing"]);
}

/// §4.9.3.25: a major version that does not exist.
#[test]
fn version_2_0_is_unsupported_or_answered_with_1_0() {
    let conn = Conn::plain();
    conn.send(&format!("<stream:stream to='localhost' version='2.0' {NAMESPACES}>"));
    match conn.item() {
        Item::Header(h) => assert_eq!(h.attr("version"), Some("1.0"), "{h}"),
        other => conn.fail(&format!("expected a header, got {other:?}")),
    }
    let next = conn.take_where("features or an error", |_| true);
    if next.name == "error" {
        next.must(
            "<stream:error><unsupported-version xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        );
    }
}

/// §4.7.5: a peer without version speaks "0.9" and SHOULD NOT be answered with a version, or is refused.
#[test]
fn a_header_without_version_is_answered_without_or_refused() {
    let conn = Conn::plain();
    conn.send(&format!("<stream:stream to='localhost' {NAMESPACES}>"));
    match conn.item() {
        Item::Header(h) if h.attr("version").is_none() => {}
        Item::Header(_) => {
            conn.expect_stream_error("unsupported-version");
        }
        other => conn.fail(&format!("expected a header, got {other:?}")),
    }
}

/// §4.8.1 and §4.9.3.10: the wrong streams namespace.
#[test]
fn a_wrong_streams_namespace_is_invalid_namespace() {
    let conn = Conn::plain();
    conn.send(&header("to='localhost' xmlns='jabber:client' xmlns:stream='http://wrong.example/'"));
    conn.expect_stream_error("invalid-namespace");
}

/// §4.8.3 and §4.9.3.10: a content namespace that does not exist.
/// Neither Prosody nor ejabberd: §4.8.3 is a MUST.
#[test]
fn a_wrong_content_namespace_is_invalid_namespace() {
    let conn = Conn::plain();
    conn.send(&header(
        "to='localhost' xmlns='urn:example:wrong' xmlns:stream='http://etherx.jabber.org/streams'",
    ));
    conn.expect_stream_error("invalid-namespace");
}

/// §4.8.3: a client's port does not speak jabber:server.
#[test]
fn the_server_namespace_is_refused_at_the_clients_port() {
    let conn = Conn::plain();
    conn.send(&header(
        "to='localhost' xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'",
    ));
    conn.expect_stream_error("invalid-namespace");
}

/// §4.9.3.1 or §4.9.3.10: another root element.
#[test]
fn another_root_element_is_refused() {
    let conn = Conn::plain();
    conn.send(&format!("<stream:flood to='localhost' version='1.0' {NAMESPACES}>"));
    conn.expect_stream_error_of(&["invalid-namespace", "bad-format", "invalid-xml", "not-well-formed"]);
}

/// §4.9.3.13: something that is not XML at all.
#[test]
fn bytes_that_are_no_xml_are_not_well_formed() {
    let conn = Conn::plain();
    conn.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    conn.expect_stream_error("not-well-formed");
}

/// §4.9.3.24: an unknown first-level element after login.
#[test]
fn an_unknown_first_level_element_is_unsupported_stanza_type() {
    let alice = online();
    alice.send("<pubsub xmlns='jabber:client'><x/></pubsub>");
    alice.expect_stream_error("unsupported-stanza-type");
}

/// §4.8.4: an element of another namespace is ignored or unsupported-stanza-type.
#[test]
fn a_first_level_element_of_another_namespace_is_ignored_or_unsupported() {
    let alice = online();
    alice.send("<thing xmlns='urn:example:thing'/>");
    match alice.poll(std::time::Duration::from_millis(300)) {
        None => alice.expect_nothing(),
        Some(Item::Stanza(e)) => {
            e.must("<stream:error><unsupported-stanza-type xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
        }
        other => alice.fail(&format!("expected silence or an error, got {other:?}")),
    }
}

/// §4.8.4: a stanza of another namespace is never routed.
#[test]
fn a_message_of_another_content_namespace_is_not_delivered() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message xmlns='jabber:server' to='{bob}'><body>hi</body></message>");
    // Whatever becomes of the sender's stream, nothing reaches the other.
    alice.poll(std::time::Duration::from_millis(300));
    alice.cut();
    bob.expect_no("<message/>");
}

/// §4.8.5 and §11.3: an undeclared prefix is not namespace-well-formed.
#[test]
fn an_undeclared_prefix_is_refused_and_not_delivered() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}'><y:x/></message>");
    alice.expect_stream_error_of(&["not-well-formed", "bad-namespace-prefix"]);
    bob.expect_no("<message/>");
}

/// §4.9.2: the condition is in the namespace for stream errors, in an error of the streams namespace.
#[test]
fn an_error_has_one_condition_in_the_right_namespace() {
    let conn = Conn::plain();
    conn.open_features();
    conn.send("<a></b>");
    let error = conn.expect_stream_error("not-well-formed");
    let conditions = error
        .children()
        .filter(|c| c.ns == "urn:ietf:params:xml:ns:xmpp-streams" && c.name != "text")
        .count();
    assert_eq!(conditions, 1, "{error}");
}

/// §4.9.3.3 or §4.9.3.1: a second header in the middle of a stream is an error.
#[test]
fn a_second_header_in_the_middle_of_a_stream_is_refused() {
    let conn = Conn::plain();
    conn.open_features();
    conn.send(&format!("<stream:stream to='localhost' version='1.0' {NAMESPACES}>"));
    conn.send("</stream:stream>");
    conn.expect_eof();
}
