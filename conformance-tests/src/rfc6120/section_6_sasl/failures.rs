//! RFC 6120 §6.5: the failures.

use crate::harness::*;

#[track_caller]
fn auth(conn: &Conn, mechanism: &str, message: &str) -> Element {
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{message}</auth>");
    conn.take_where("the answer to <auth/>", |_| true)
}

fn failure(condition: &str) -> String {
    format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>")
}

/// §6.5.7: a mechanism that was not offered.
#[test]
fn an_unknown_mechanism_is_invalid_mechanism() {
    auth(&Conn::secure(), "SPELL-OF-LOVE", "AAAA").must(&failure("invalid-mechanism"));
}

/// §6.5.7: a real mechanism that was not offered either.
#[test]
fn a_mechanism_that_was_not_offered_is_invalid_mechanism() {
    auth(&Conn::secure(), "EXTERNAL", "=").must(&failure("invalid-mechanism"));
}

/// §6.5.7: ANONYMOUS is off.
#[test]
fn anonymous_is_invalid_mechanism() {
    auth(&Conn::secure(), "ANONYMOUS", "").must(&failure("invalid-mechanism"));
}

/// §6.3.1 and §6.5.7: no mechanism at all.
#[test]
fn an_auth_without_mechanism_is_refused() {
    let conn = Conn::secure();
    conn.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AAAA</auth>");
    match conn.item() {
        Item::Stanza(e) if e.name == "failure" => {}
        Item::Stanza(e) if e.name == "error" => {}
        other => conn.fail(&format!("expected a failure, got {other:?}")),
    }
}

/// §6.5.5: not base64.
#[test]
fn something_that_is_no_base64_is_incorrect_encoding() {
    auth(&Conn::secure(), "PLAIN", "!!!").must(&failure("incorrect-encoding"));
}

/// §6.5.8: base64, but not what the mechanism demands.
#[test]
fn a_plain_message_without_separators_is_malformed_request() {
    auth(&Conn::secure(), "PLAIN", "YWJj").must(&failure("malformed-request"));
}

/// §6.5.8: the same for SCRAM.
#[test]
fn a_scram_message_of_garbage_is_malformed_request() {
    auth(&Conn::secure(), "SCRAM-SHA-1", "YWJj").must(&failure("malformed-request"));
}

/// §6.5.10: a wrong password.
#[test]
fn a_wrong_password_is_not_authorized() {
    let alice = user();
    auth(&Conn::secure(), "PLAIN", &plain("", &alice.name, "wrong")).must(&failure("not-authorized"));
}

/// §6.5.10: an unknown account.
#[test]
fn an_unknown_account_is_not_authorized() {
    auth(&Conn::secure(), "PLAIN", &plain("", "nobody-here", "wrong")).must(&failure("not-authorized"));
}

/// §6.5.10 (Security Warning): the two cannot be told apart.
#[test]
fn an_unknown_account_looks_like_a_wrong_password() {
    let alice = user();
    let conn = Conn::secure();
    let wrong = auth(&conn, "PLAIN", &plain("", &alice.name, "wrong"));
    let unknown = auth(&conn, "PLAIN", &plain("", "nobody-here", "wrong"));
    assert_eq!(wrong, unknown);
}

/// §6.5.10: an empty password is a wrong password.
#[test]
fn an_empty_password_is_refused() {
    let alice = user();
    let reply = auth(&Conn::secure(), "PLAIN", &plain("", &alice.name, ""));
    assert_eq!(reply.name, "failure", "{reply}");
}

/// §6.5.10: an empty user name is refused.
#[test]
fn an_empty_user_name_is_refused() {
    let reply = auth(&Conn::secure(), "PLAIN", &plain("", "", "pencil"));
    assert_eq!(reply.name, "failure", "{reply}");
}

/// §6.5.6: another account as authorization identity, with the right password of one's own.
/// Neither Prosody nor ejabberd: they log the client in as itself; RFC 4616 §2: the server MUST fail the exchange.
#[test]
fn another_accounts_authzid_is_refused() {
    let (alice, bob) = (user(), user());
    let reply = auth(&Conn::secure(), "PLAIN", &plain(&bob.bare(), &alice.name, "pencil"));
    assert_eq!(reply.name, "failure", "{reply}");
}

/// §6.5.6: with invalid-authzid.
/// Neither Prosody nor ejabberd: they log the client in as itself; §6.3.8 and RFC 4616 §2 make it a failure.
#[test]
fn another_accounts_authzid_is_invalid_authzid() {
    let (alice, bob) = (user(), user());
    auth(&Conn::secure(), "PLAIN", &plain(&bob.bare(), &alice.name, "pencil"))
        .must(&failure("invalid-authzid"));
}

/// §6.3.8: one's own bare JID as authorization identity is fine.
#[test]
fn the_own_bare_jid_as_authzid_is_accepted() {
    let alice = user();
    let reply = auth(&Conn::secure(), "PLAIN", &plain(&alice.bare(), &alice.name, "pencil"));
    assert_eq!(reply.name, "success", "{reply}");
}

/// §6.5.7 and §6.4.1: a -PLUS mechanism that was not offered is refused.
#[test]
fn a_plus_mechanism_that_was_not_offered_is_refused() {
    let conn = Conn::direct_tls();
    let offered = conn.open_features();
    let plus = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
                <mechanism>SCRAM-SHA-1-PLUS</mechanism></mechanisms></stream:features>";
    if offered.matches(&Element::parse(plus)) {
        // Offered: then a wrong binding is refused, which scram_plus.rs shows.
        return;
    }
    auth(&conn, "SCRAM-SHA-1-PLUS", "cD10bHMtZXhwb3J0ZXIsLG49YSxyPWI=").must(&failure("invalid-mechanism"));
}
