//! XEP-0368: direct TLS.

use crate::harness::*;

/// §2: the stream starts inside TLS; STARTTLS is not offered.
#[test]
fn starttls_is_not_offered_inside_direct_tls() {
    Conn::direct_tls()
        .open_features()
        .must("<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>")
        .must_not("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>");
}

/// §2: ALPN xmpp-client is accepted and confirmed.
/// Neither Prosody nor ejabberd: they ignore ALPN, which XEP-0368 §2 wants and RFC 7301 has confirmed.
#[test]
fn alpn_xmpp_client_is_confirmed() {
    let conn = Conn::direct_tls_with(&Tls { alpn: &["xmpp-client"], ..Default::default() });
    conn.open_features();
    assert_eq!(conn.tls(|t| t.alpn_protocol().map(<[u8]>::to_vec)), Some(b"xmpp-client".to_vec()));
}

/// §2: ALPN xmpp-client does no harm.
#[test]
fn alpn_xmpp_client_does_no_harm() {
    Conn::direct_tls_with(&Tls { alpn: &["xmpp-client"], ..Default::default() }).open_features();
}

/// §2: a client without ALPN is served.
#[test]
fn a_client_without_alpn_is_served() {
    Conn::direct_tls().open_features();
}

/// A client without SNI is served, as there is one certificate for all.
#[test]
fn a_client_without_sni_is_served() {
    Conn::direct_tls_with(&Tls { sni: false, ..Default::default() }).open_features();
}

/// §2: SNI of the other host, and a stream to it.
#[test]
fn the_other_host_is_served() {
    let conn = Conn::direct_tls_with(&Tls { name: "second.localhost", ..Default::default() });
    conn.open_to("second.localhost");
    conn.features();
}

/// §2: a plain text header at the port for direct TLS gets no stream.
#[test]
fn plain_text_at_the_tls_port_gets_no_stream() {
    use std::io::{Read, Write};
    let mut socket =
        std::net::TcpStream::connect(("127.0.0.1", Subject::get().c2s_tls)).expect("the port is open");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a time above zero");
    let header = b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    socket.write_all(header).expect("the connection is up");
    let mut answer = Vec::new();
    // An alert, or nothing, or a reset: but no XML.
    drop(socket.read_to_end(&mut answer));
    assert!(!String::from_utf8_lossy(&answer).contains("<stream"), "{answer:?}");
}
