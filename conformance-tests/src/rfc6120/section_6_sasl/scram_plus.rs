//! RFC 5802 §6, RFC 9266 and XEP-0440: SCRAM with channel binding. Prosody 0.12 and ejabberd 23.01 do not offer
//! tls-exporter; the RFCs ask for it wherever TLS 1.3 is spoken.

use crate::harness::*;

/// RFC 9266 §2: -PLUS is offered over TLS 1.3.
#[test]
fn plus_is_offered_over_tls_1_3() {
    let conn = Conn::direct_tls_with(&Tls { versions: TLS13, ..Default::default() });
    let features = conn.open_features();
    assert!(features.need_child("mechanisms").children().any(|m| m.text().ends_with("-PLUS")), "{features}");
}

/// RFC 5802 §6: -PLUS is not offered without TLS.
#[test]
fn plus_is_not_offered_before_tls() {
    let features = Conn::plain().open_features();
    let mechanisms = features.child("mechanisms");
    assert!(!mechanisms.is_some_and(|m| m.children().any(|m| m.text().ends_with("-PLUS"))), "{features}");
}

/// A stream on which SCRAM-SHA-1-PLUS is offered.
#[track_caller]
fn offering() -> Conn {
    let conn = Conn::direct_tls();
    conn.open_features().must(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>SCRAM-SHA-1-PLUS</mechanism></mechanisms></stream:features>",
    );
    conn
}

#[track_caller]
fn works(mechanism: &str) {
    let alice = user();
    let conn = Conn::secure();
    let outcome = Scram::new(mechanism, &alice.name, "pencil").with_exporter(&conn).run(&conn);
    assert_eq!(outcome.end.name, "success", "{conn}");
    assert!(outcome.server_proved, "{conn}");
}

#[test]
fn scram_sha_1_plus_works_with_tls_exporter() {
    works("SCRAM-SHA-1-PLUS");
}

#[test]
fn scram_sha_256_plus_works_with_tls_exporter() {
    works("SCRAM-SHA-256-PLUS");
}

/// After STARTTLS as well.
#[test]
fn plus_works_after_starttls() {
    let alice = user();
    let conn = Conn::plain();
    conn.starttls();
    let outcome = Scram::new("SCRAM-SHA-1-PLUS", &alice.name, "pencil").with_exporter(&conn).run(&conn);
    assert_eq!(outcome.end.name, "success", "{conn}");
}

/// RFC 5802 §6: the binding of another connection is what an attacker in the middle would have.
#[test]
fn the_binding_of_another_connection_fails() {
    let alice = user();
    let (other, conn) = (Conn::secure(), offering());
    let outcome = Scram::new("SCRAM-SHA-1-PLUS", &alice.name, "pencil").with_exporter(&other).run(&conn);
    assert_eq!(outcome.end.name, "failure", "{conn}");
}

/// RFC 5802 §6: -PLUS without binding fails.
#[test]
fn plus_without_binding_fails() {
    let alice = user();
    let conn = offering();
    let outcome = Scram::new("SCRAM-SHA-1-PLUS", &alice.name, "pencil").run(&conn);
    assert_eq!(outcome.end.name, "failure", "{conn}");
}

/// RFC 5802 §6: a binding type the server does not know fails.
#[test]
fn an_unknown_binding_type_fails() {
    let alice = user();
    let conn = offering();
    let mut scram = Scram::new("SCRAM-SHA-1-PLUS", &alice.name, "pencil").with_exporter(&conn);
    "p=tls-telepathy,,".clone_into(&mut scram.gs2);
    assert_eq!(scram.run(&conn).end.name, "failure", "{conn}");
}

/// XEP-0440 §3: the binding types are listed.
#[test]
fn xep0440_the_binding_types_are_listed() {
    Conn::direct_tls().open_features().must(
        "<stream:features><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>\
         <channel-binding type='tls-exporter'/></sasl-channel-binding></stream:features>",
    );
}

/// XEP-0440 §3: before TLS there is nothing to list.
#[test]
fn xep0440_no_binding_types_are_listed_before_tls() {
    Conn::plain()
        .open_features()
        .must_not("<stream:features><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'/></stream:features>");
}

/// RFC 5929 §4: tls-server-end-point, where it is listed, is the certificate's hash.
#[test]
fn tls_server_end_point_works_where_it_is_listed() {
    let alice = user();
    let conn = Conn::direct_tls();
    let listed = Element::parse(
        "<stream:features><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>\
         <channel-binding type='tls-server-end-point'/></sasl-channel-binding></stream:features>",
    );
    if !conn.open_features().matches(&listed) {
        return;
    }
    let mut scram = Scram::new("SCRAM-SHA-1-PLUS", &alice.name, "pencil");
    "p=tls-server-end-point,,".clone_into(&mut scram.gs2);
    scram.binding =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &Subject::get().certificate).as_ref().to_vec();
    assert_eq!(scram.run(&conn).end.name, "success", "{conn}");
}

/// RFC 5929 §3: tls-unique is not defined for TLS 1.3, so it is not listed there.
#[test]
fn tls_unique_is_not_listed_over_tls_1_3() {
    let conn = Conn::direct_tls_with(&Tls { versions: TLS13, ..Default::default() });
    conn.open_features().must_not(
        "<stream:features><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>\
         <channel-binding type='tls-unique'/></sasl-channel-binding></stream:features>",
    );
}
