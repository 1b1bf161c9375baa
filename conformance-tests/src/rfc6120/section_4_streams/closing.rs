//! RFC 6120 §4.4: the end of a stream.

use crate::harness::*;

/// §4.4: the server answers the closing tag with its own.
#[test]
fn a_closing_tag_is_answered() {
    let conn = Conn::plain();
    conn.open_features();
    conn.send("</stream:stream>");
    conn.expect_close();
}

/// §4.4: also over TLS after login.
#[test]
fn a_closing_tag_after_login_is_answered() {
    let alice = online();
    alice.send("</stream:stream>");
    alice.expect_close();
}

/// §4.4: stanzas sent before the closing tag are processed.
#[test]
fn stanzas_before_the_closing_tag_are_processed() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat'><body>last words</body></message></stream:stream>");
    expect!(bob, "<message><body>last words</body></message>");
}

/// §4.4: nothing after the closing tag is processed.
#[test]
fn stanzas_after_the_closing_tag_are_not_processed() {
    let (alice, bob) = (online(), online());
    send!(alice, "</stream:stream><message to='{bob}' type='chat'><body>from the grave</body></message>");
    alice.expect_eof();
    bob.expect_nothing();
}

/// §4.6.1: a client that only leaves the TCP connection is gone for the server.
#[test]
fn a_cut_connection_ends_the_session() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.cut();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    request!(bob, "<iq type='get' to='{alice}'><x xmlns='urn:example:unknown'/></iq>")
        .must_fail("service-unavailable");
}

/// §4.6.1, §11.7: white space between stanzas keeps a stream alive and means nothing.
#[test]
fn white_space_between_stanzas_is_ignored() {
    let alice = online();
    alice.send(" \n\t \r\n ");
    alice.expect_nothing();
}

/// A stanza that arrives byte by byte is a stanza.
#[test]
fn a_stanza_in_small_pieces_is_a_stanza() {
    let (alice, bob) = (online(), online());
    let stanza = format!("<message to='{bob}' id='m'><body>slow &amp; steady</body></message>");
    for byte in stanza.as_bytes() {
        alice.send_bytes(&[*byte]);
    }
    assert_eq!(bob.expect("<message id='m'/>").need_child("body").text(), "slow & steady");
}

/// §4.4: a client that dies in the middle of a stanza has not sent it.
#[test]
fn half_a_stanza_is_no_stanza() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(alice, "<message to='{bob}' id='half'><body>half");
    alice.cut();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    bob.expect_no("<message id='half'/>");
}
