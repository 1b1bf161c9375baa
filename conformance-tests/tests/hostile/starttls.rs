//! RFC 6120 §5: bytes injected around the STARTTLS negotiation.

use super::attack::*;
use super::bystanders::Bystanders;
use crate::harness::*;

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const HEADER: &str = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";

/// Sends text in the same packet as `<starttls/>`; if TLS comes about, the first things answered inside it are those
/// sent inside it, and nobody is logged in.
#[track_caller]
fn injected_before_the_handshake(text: &str) {
    let _turn = beside_others();
    Bystanders::get().still_chat();
    let conn = Conn::plain();
    conn.open_features();
    send!(conn, "{STARTTLS}{text}");
    let secured = match conn.item() {
        Item::Stanza(e) if e.matches(&Element::parse(PROCEED)) => conn.try_handshake(&Tls::default()).is_ok(),
        Item::Stanza(e) if e.name == "failure" || e.name == "error" => false,
        other => conn.fail(&format!("expected an answer to <starttls/>, got {other:?}")),
    };
    if secured {
        // A second header would be answered by a second header; a login by <success/>; an iq by its id.
        let features = conn.open_features();
        features.must(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>",
        );
        conn.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X-MINE'>AAAA</auth>");
        conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-mechanism/></failure>");
        let outcome = send_and_see(
            &conn,
            b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
            false,
        );
        assert_eq!(outcome.fate, Fate::Error("not-authorized".to_owned()), "{conn}");
    }
    Bystanders::get().still_chat();
}

/// §5.4.3.3: a header.
#[test]
fn rfc6120_5_4_3_3_an_injected_header() {
    injected_before_the_handshake(HEADER);
}

/// §5.4.3.3: a login with the right password.
#[test]
fn rfc6120_5_4_3_3_an_injected_login() {
    let (name, password) = offender();
    let message = plain("", name, password);
    injected_before_the_handshake(&format!(
        "{HEADER}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>"
    ));
}

/// §5.4.3.3: half an element, which would put what follows inside TLS into quotes.
#[test]
fn rfc6120_5_4_3_3_half_an_element() {
    injected_before_the_handshake("<iq type='set' id='evil'><query xmlns='jabber:iq:register'><username a='");
}

/// §5.4.3.3: more than a read buffer of it.
#[test]
fn rfc6120_5_4_3_3_a_megabyte_injected() {
    injected_before_the_handshake(&"<presence/>".repeat(100_000));
}

/// §5.4.3.3: sent after `<proceed/>` instead of a ClientHello; it is not answered in the clear.
#[test]
fn rfc6120_5_4_3_3_a_stream_in_the_clear_after_proceed() {
    let _turn = beside_others();
    Bystanders::get().still_chat();
    let conn = Conn::plain();
    conn.open_features();
    conn.send(STARTTLS);
    conn.expect_next(PROCEED);
    send!(conn, "{HEADER}<presence/>");
    // An alert of TLS is no XML, which ends the reading as well.
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| see(&conn, Vec::new())));
    if let Ok(outcome) = read {
        assert_eq!(outcome.fate, Fate::Ended, "{conn}");
        assert!(outcome.answers.is_empty(), "{conn}");
    }
    assert!(!conn.to_string().contains("<presence/>\nS: <stream"), "{conn}");
    Bystanders::get().still_chat();
}

/// §5.4.2.2 (1): a command with something in it is malformed, and answered with a failure and the end.
#[test]
fn rfc6120_5_4_2_2_a_malformed_command() {
    let _turn = beside_others();
    let conn = enter(Place::BeforeTls);
    conn.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><x xmlns='urn:example:x'/></starttls>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    conn.expect_close();
    Bystanders::get().still_chat();
}

/// §5.4.2.2 (2): inside TLS and after login the command was not offered.
#[test]
fn rfc6120_5_4_2_2_the_command_where_it_was_not_offered() {
    let _turn = beside_others();
    for place in [Place::BeforeLogin, Place::AfterLogin] {
        let conn = enter(place);
        conn.send(STARTTLS);
        conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        conn.expect_close();
    }
    Bystanders::get().still_chat();
}

/// §4.3.3: before any header there is no stream to secure.
#[test]
fn rfc6120_4_3_3_the_command_before_any_header() {
    let _turn = beside_others();
    let outcome = send_and_see(&Conn::plain(), STARTTLS.as_bytes(), false);
    let conditions = ["invalid-namespace", "bad-format", "invalid-xml", "not-well-formed", "not-authorized"];
    outcome.check(&stream_error(&conditions)).unwrap_or_else(|problem| panic!("{problem}"));
    Bystanders::get().still_chat();
}
