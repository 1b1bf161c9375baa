//! RFC 6120 §4.3: features and restarts.

use crate::harness::*;

/// §4.3.2: features follow the header.
#[test]
fn features_follow_the_header() {
    let conn = Conn::plain();
    conn.open();
    conn.expect_next("<stream:features/>");
}

/// §4.3.5: a stanza before login is refused with not-authorized.
#[test]
fn a_message_before_login_is_not_authorized() {
    let conn = Conn::secure();
    conn.send("<message to='someone@localhost'><body>hi</body></message>");
    conn.expect_stream_error("not-authorized");
}

/// §4.3.5: presence too.
#[test]
fn presence_before_login_is_not_authorized() {
    let conn = Conn::secure();
    conn.send("<presence/>");
    conn.expect_stream_error("not-authorized");
}

/// §4.9.3.12: and it is not processed.
#[test]
fn a_message_before_login_is_not_delivered() {
    let bob = online();
    let conn = Conn::secure();
    send!(conn, "<message to='{bob}' from='{bob}'><body>forged</body></message>");
    conn.expect_eof();
    bob.expect_nothing();
}

/// §4.3.5: the same before TLS.
#[test]
fn a_message_before_tls_is_not_authorized() {
    let conn = Conn::plain();
    conn.open_features();
    conn.send("<message to='someone@localhost'><body>hi</body></message>");
    conn.expect_stream_error_of(&["not-authorized", "policy-violation"]);
}

/// §4.3.3: after login the features are new ones.
#[test]
fn features_after_login_are_sent_anew() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.open();
    conn.features()
        .must("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")
        .must_not(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>",
        );
}

/// §4.3.3: each restart gets a new id.
#[test]
fn a_restart_gets_a_new_id() {
    let alice = user();
    let conn = Conn::direct_tls();
    let first = conn.open();
    conn.features();
    log_in(&conn, &alice.name, &alice.password);
    assert_ne!(first.need("id"), conn.open().need("id"));
}

/// XEP-0170 §2.1: before TLS only STARTTLS, and what goes with it, is offered; a login is not.
#[test]
fn before_tls_starttls_is_offered_and_plain_is_not() {
    Conn::plain()
        .open_features()
        .must("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
        .must_not(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
             <mechanism>PLAIN</mechanism></mechanisms></stream:features>",
        );
}

/// §7.4: binding is not offered before login.
#[test]
fn before_login_binding_is_not_offered() {
    let conn = Conn::direct_tls();
    conn.open_features()
        .must_not("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>");
}

/// §7.4: an attempt to bind before login is refused.
#[test]
fn binding_before_login_is_refused() {
    let conn = Conn::secure();
    conn.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    conn.expect_stream_error("not-authorized");
}

/// RFC 3921 §3: an old client's session request succeeds, if it is offered or not.
#[test]
fn a_legacy_session_request_succeeds() {
    let alice = user();
    alice
        .request("<iq type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
        .must("<iq type='result'/>");
}
