//! RFC 6120 §5: STARTTLS, and RFC 7590.

use crate::harness::*;

/// §5.4.1: TLS is offered.
#[test]
fn starttls_is_offered() {
    Conn::plain()
        .open_features()
        .must("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>");
}

/// §5.4.1: and marked as required, since nothing else is allowed here.
#[test]
fn starttls_is_marked_as_required() {
    Conn::plain().open_features().must(
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
    );
}

/// §5.4.2.3: the server answers with proceed, and the handshake works.
#[test]
fn starttls_is_answered_with_proceed_and_a_handshake() {
    let conn = Conn::plain();
    conn.starttls();
    assert!(conn.tls(|t| t.protocol_version().is_some()));
}

/// §5.4.3.3 (5): STARTTLS is not offered again.
#[test]
fn after_tls_starttls_is_not_offered() {
    Conn::plain()
        .starttls()
        .must_not("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>");
}

/// §5.4.3.3 (5): a login is.
#[test]
fn after_tls_a_login_is_offered() {
    Conn::plain()
        .starttls()
        .must("<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>");
}

/// §5.4.3.3 (4): the stream after TLS has another id.
#[test]
fn after_tls_the_stream_has_a_new_id() {
    let conn = Conn::plain();
    let before = conn.open();
    conn.features();
    conn.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    conn.expect_next("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    conn.handshake(&Tls::default());
    assert_ne!(before.need("id"), conn.open().need("id"));
}

/// §5.4.3.3: TLS within TLS is refused.
#[test]
fn starttls_after_tls_is_refused() {
    let conn = Conn::plain();
    conn.starttls();
    conn.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    // A <failure/>, a stream error or a plain end: but no <proceed/>.
    loop {
        match conn.item() {
            Item::Stanza(e) => {
                e.must_not("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
            }
            Item::Header(_) => {}
            Item::End | Item::Eof => break,
        }
    }
}

/// §5.4.3.3 (2): what was pipelined in plain text is discarded and never taken as sent inside TLS. The injected
/// login of a real account must not count, and the injected header must not be answered.
#[test]
fn text_injected_before_the_handshake_is_discarded() {
    let alice = user();
    let conn = Conn::plain();
    conn.open_features();
    conn.send(
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
         <stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    send!(
        conn,
        "<iq type='set' id='evil'><query xmlns='jabber:iq:register'><username>{0}x</username><password>x</password></query></iq>",
        alice.name
    );
    let next = conn.take_where("proceed or a refusal", |_| true);
    if next.name != "proceed" {
        return;
    }
    // The server may also find that the handshake does not start with a ClientHello.
    if conn.try_handshake(&Tls::default()).is_err() {
        return;
    }
    conn.open_features();
    conn.send("<iq type='get' id='mine'><query xmlns='jabber:iq:register'/></iq>");
    let reply = conn.take_where("the first answer inside TLS", |e| e.name == "iq");
    assert_eq!(reply.attr("id"), Some("mine"), "{conn}");
}

/// §5.3.1 and §6.3.4: without TLS a login is refused.
#[test]
fn a_login_before_tls_is_refused() {
    let alice = user();
    let conn = Conn::plain();
    conn.open_features();
    let message = plain("", &alice.name, &alice.password);
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    match conn.item() {
        Item::Stanza(e) => {
            e.must_not("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        }
        Item::End | Item::Eof => {}
        Item::Header(h) => conn.fail(&format!("unexpected {h}")),
    }
}

/// §6.5.4: the failure names the reason.
#[test]
fn a_login_before_tls_fails_with_encryption_required() {
    let alice = user();
    let conn = Conn::plain();
    conn.open_features();
    let message = plain("", &alice.name, &alice.password);
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>");
}

/// §5.4.3.2: a handshake that fails ends the connection.
#[test]
fn a_failed_handshake_ends_the_connection() {
    let conn = Conn::plain();
    conn.open_features();
    conn.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    conn.expect_next("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    conn.send("this is no ClientHello, it is plain text that goes on for a while");
    let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| conn.expect_eof()));
    // The alert is no XML: a parse failure of this side is as good as the end of the connection.
    drop(end);
}

/// RFC 7590 §3.4: TLS 1.2 is spoken.
#[test]
fn tls_1_2_works() {
    let conn = Conn::direct_tls_with(&Tls { versions: TLS12, ..Default::default() });
    conn.open_features();
    assert_eq!(conn.tls(|t| t.protocol_version()), Some(rustls::ProtocolVersion::TLSv1_2));
}

/// RFC 9325 §3.1.1: TLS 1.3 is spoken.
#[test]
fn tls_1_3_works() {
    let conn = Conn::direct_tls_with(&Tls { versions: TLS13, ..Default::default() });
    conn.open_features();
    assert_eq!(conn.tls(|t| t.protocol_version()), Some(rustls::ProtocolVersion::TLSv1_3));
}

/// §5.4.3.1: the certificate is the one for the domain (§13.7.2); the client's check passes.
#[test]
fn the_certificate_is_the_one_configured() {
    let conn = Conn::direct_tls();
    let shown = conn.tls(|t| t.peer_certificates().and_then(|c| c.first()).map(|c| c.to_vec()));
    assert_eq!(shown, Some(Subject::get().certificate.clone()));
}

/// §5.4.3.1: STARTTLS works for each host.
#[test]
fn starttls_works_for_the_other_host() {
    let conn = Conn::plain();
    conn.open_to("second.localhost");
    conn.features();
    conn.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    conn.expect_next("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    conn.handshake(&Tls { name: "second.localhost", ..Default::default() });
    conn.open_to("second.localhost");
    conn.features()
        .must("<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>");
}

/// §5.4.2.1: a whole login after STARTTLS.
#[test]
fn a_login_after_starttls_works() {
    let alice = user();
    let conn = Conn::plain();
    conn.starttls();
    log_in(&conn, &alice.name, &alice.password);
    conn.open_features();
    conn.bind();
}
