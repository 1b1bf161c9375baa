//! RFC 4616: the mechanism PLAIN.

use crate::harness::*;

/// A password that was registered over the wire lets in, whatever characters it has.
#[track_caller]
fn password_works(password: &str, escaped: &str) {
    let conn = Conn::secure();
    let name = fresh("user");
    register(&conn, &name, escaped).must("<iq type='result'/>");
    let conn = Conn::secure();
    log_in(&conn, &name, password);
}

#[test]
fn a_password_with_markup_works() {
    password_works("<&>'\"", "&lt;&amp;&gt;&apos;&quot;");
}

/// RFC 4616 §2: UTF-8.
#[test]
fn a_password_beyond_ascii_works() {
    password_works("Grüße世界", "Grüße世界");
}

#[test]
fn a_password_with_spaces_works() {
    password_works("correct horse battery", "correct horse battery");
}

#[test]
fn a_password_with_commas_and_equals_signs_works() {
    password_works("a=2C,b==,", "a=2C,b==,");
}

#[test]
fn a_long_password_works() {
    let password = "p".repeat(200);
    password_works(&password, &password);
}

/// RFC 7622 §3.3.1: a user name is prepared, so capitals do not matter.
#[test]
fn a_user_name_in_capitals_is_the_same_account() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name.to_uppercase(), "pencil");
    conn.open_features();
    assert!(conn.bind().starts_with(&format!("{alice:#}/")));
}

/// RFC 8265 §4: capitals in a password do matter.
#[test]
fn a_password_in_capitals_is_another_password() {
    let alice = user();
    let conn = Conn::secure();
    let message = plain("", &alice.name, "PENCIL");
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
}

/// RFC 4616 §2: a bare JID is no user name.
#[test]
fn a_bare_jid_as_user_name_is_refused() {
    let alice = user();
    let conn = Conn::secure();
    let message = plain("", &alice.bare(), "pencil");
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

/// RFC 7622 §3.3: a user name beyond ASCII is registered, logs in and is an address.
#[test]
fn a_user_name_beyond_ascii_works() {
    let (name, bob) = (fresh("żółw"), online());
    let conn = Conn::secure();
    register(&conn, &name, "pencil").must("<iq type='result'/>");
    log_in(&conn, &name, "pencil");
    conn.open_features();
    let jid = conn.bind();
    assert!(jid.starts_with(&format!("{name}@localhost/")), "{jid}");
    send!(conn, "<message to='{bob}'><body>x</body></message>");
    expect!(bob, "<message from='{jid}'/>");
}

/// RFC 7622 §3.3: the other normal form of the name is the same name.
#[test]
fn a_user_name_in_another_normal_form_is_the_same_account() {
    let name = fresh("ang");
    register(&Conn::secure(), &format!("{name}\u{e5}"), "pencil").must("<iq type='result'/>");
    let conn = Conn::secure();
    log_in(&conn, &format!("{name}a\u{30a}"), "pencil");
    conn.open_features();
    assert!(conn.bind().starts_with(&format!("{name}\u{e5}@localhost/")));
}
