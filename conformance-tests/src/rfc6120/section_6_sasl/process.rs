//! RFC 6120 §6.3 and §6.4: the process.

use crate::harness::*;

/// §6.4.1: mechanisms are offered over TLS.
#[test]
fn mechanisms_are_offered_over_tls() {
    Conn::direct_tls().open_features().must(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>{any}</mechanism></mechanisms></stream:features>",
    );
}

/// §13.8: SCRAM-SHA-1 and PLAIN over TLS are what every server offers.
#[test]
fn scram_sha_1_and_plain_are_offered() {
    Conn::direct_tls().open_features().must(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
    );
}

/// RFC 7677: SCRAM-SHA-256. Prosody 0.12 and ejabberd 23.01 offer it only by configuration.
#[test]
fn scram_sha_256_is_offered() {
    Conn::direct_tls().open_features().must(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>SCRAM-SHA-256</mechanism></mechanisms></stream:features>",
    );
}

/// §6.4.1: before TLS no mechanism is offered that would send a password in plain text.
#[test]
fn plain_is_not_offered_before_tls() {
    Conn::plain().open_features().must_not(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
    );
}

/// §6.4.6: success is followed by a new stream with features.
#[test]
fn success_is_followed_by_a_new_stream() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    assert_eq!(conn.open().attr("from"), Some("localhost"));
    conn.features();
}

/// §6.4.6: a login is not offered again.
#[test]
fn after_success_mechanisms_are_not_offered() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.open_features().must_not(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>",
    );
}

/// §6.4.6: nor can it be done again.
#[test]
fn a_second_login_is_refused() {
    let (alice, bob) = (user(), user());
    let conn = alice.authenticated();
    let message = plain("", &bob.name, &bob.password);
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    match conn.item() {
        Item::Stanza(e) => {
            e.must_not("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        }
        Item::End | Item::Eof => {}
        Item::Header(h) => conn.fail(&format!("unexpected {h}")),
    }
}

/// §6.4.4: an abort is answered with the failure aborted.
#[test]
fn an_abort_is_answered_with_aborted() {
    let alice = user();
    let conn = Conn::secure();
    Scram::new("SCRAM-SHA-1", &alice.name, "pencil").start(&conn);
    conn.expect_next("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    conn.send("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><aborted/></failure>");
}

/// §6.4.4: and another try may follow.
#[test]
fn after_an_abort_another_try_succeeds() {
    let alice = user();
    let conn = Conn::secure();
    Scram::new("SCRAM-SHA-1", &alice.name, "pencil").start(&conn);
    conn.expect_next("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    conn.send("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    log_in(&conn, &alice.name, "pencil");
}

/// §6.4.5: after a failure another try may follow; two to five are to be allowed.
#[test]
fn after_a_failure_another_try_succeeds() {
    let alice = user();
    let conn = Conn::secure();
    let wrong = plain("", &alice.name, "wrong");
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{wrong}</auth>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
    log_in(&conn, &alice.name, "pencil");
}

/// §6.4.5: the number of tries on one stream is limited.
/// Neither Prosody nor ejabberd: §6.4.5 is a SHOULD against guessing.
#[test]
fn the_number_of_tries_is_limited() {
    let alice = user();
    let conn = Conn::secure();
    let wrong = plain("", &alice.name, "wrong");
    for _ in 0..30 {
        send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{wrong}</auth>");
        match conn.item() {
            Item::Stanza(e) if e.name == "failure" => {}
            Item::Stanza(e) => {
                e.must("<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
                return;
            }
            _ => return,
        }
    }
    conn.fail("30 wrong passwords and no end");
}

/// §6.4.2: a mechanism with an initial response that is sent without one gets an empty challenge.
/// Neither Prosody nor ejabberd: §6.4.2 allows a client to leave it out.
#[test]
fn without_initial_response_there_is_an_empty_challenge() {
    let alice = user();
    let conn = Conn::secure();
    conn.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>");
    let challenge = conn.expect_next("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    assert!(matches!(challenge.text().as_str(), "" | "="), "{challenge}");
    let message = plain("", &alice.name, "pencil");
    send!(conn, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{message}</response>");
    conn.expect_next("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

/// §6.4.2: a second auth while the first is under way discards the first.
#[test]
fn a_second_auth_discards_the_first() {
    let alice = user();
    let conn = Conn::secure();
    Scram::new("SCRAM-SHA-1", &alice.name, "pencil").start(&conn);
    conn.expect_next("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    log_in(&conn, &alice.name, "pencil");
}

/// §6.4.3: a response that nobody asked for is refused.
#[test]
fn a_response_without_auth_is_refused() {
    let conn = Conn::secure();
    conn.send("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AAAA</response>");
    match conn.item() {
        Item::Stanza(e) => {
            e.must_not("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
                .must_not("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        }
        Item::End | Item::Eof => {}
        Item::Header(h) => conn.fail(&format!("unexpected {h}")),
    }
}

/// §6.4.6 and §4.7.2: after login the stream cannot be moved to another host of the server.
#[test]
fn a_restart_to_another_host_does_not_move_the_session() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.restart();
    conn.send(
        "<stream:stream to='second.localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    loop {
        match conn.item() {
            Item::Header(_) => {}
            Item::Stanza(e) if e.name == "features" => break,
            Item::Stanza(e) if e.name == "error" => return,
            Item::Stanza(e) => conn.fail(&format!("unexpected {e}")),
            Item::End | Item::Eof => return,
        }
    }
    let reply = conn.request("<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    if reply.attr("type") == Some("result") {
        let jid = reply.need_child("bind").need_child("jid").text();
        assert!(jid.starts_with(&format!("{alice:#}/")), "{jid}");
    }
}

/// An account of one host cannot log in to another.
#[test]
fn an_account_of_one_host_cannot_log_in_to_another() {
    let alice = user();
    let conn = Conn::direct_tls_with(&Tls { name: "second.localhost", ..Default::default() });
    conn.open_to("second.localhost");
    conn.features();
    let message = plain("", &alice.name, "pencil");
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
}
