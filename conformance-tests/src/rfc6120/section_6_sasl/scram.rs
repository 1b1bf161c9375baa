//! RFC 5802 and RFC 7677: SCRAM without channel binding.

use sasl::client::Mechanism;
use sasl::client::mechanisms::Scram as Library;
use sasl::common::scram::Sha1;
use sasl::common::{ChannelBinding, Credentials};

use crate::harness::*;

#[track_caller]
fn works(mechanism: &str) {
    let alice = user();
    let conn = Conn::secure();
    let outcome = Scram::new(mechanism, &alice.name, "pencil").run(&conn);
    assert_eq!(outcome.end.name, "success", "{conn}");
    assert!(outcome.server_proved, "the server's signature is wrong\n{conn}");
    conn.open_features();
    assert!(conn.bind().starts_with(&format!("{alice:#}/")));
}

#[track_caller]
fn fails(scram: &Scram) {
    let conn = Conn::secure();
    let end = scram.run(&conn).end;
    assert_eq!(end.name, "failure", "{conn}");
}

#[test]
fn scram_sha_1_works() {
    works("SCRAM-SHA-1");
}

/// RFC 7677.
/// Neither Prosody nor ejabberd: off by default there; RFC 7677 asks for it.
#[test]
fn scram_sha_256_works() {
    works("SCRAM-SHA-256");
}

/// Not an RFC yet; Waxwing's promise. Prosody 0.12 does not offer it.
#[test]
fn scram_sha_512_works() {
    works("SCRAM-SHA-512");
}

/// RFC 5802 §5.1: a client that could bind, but saw no -PLUS, says so with "y".
#[test]
fn the_flag_y_works_where_no_plus_is_offered() {
    let alice = user();
    let conn = Conn::direct_tls();
    let features = conn.open_features();
    let plus = features.need_child("mechanisms").children().any(|m| m.text().ends_with("-PLUS"));
    let mut scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    "y,,".clone_into(&mut scram.gs2);
    let end = scram.run(&conn).end;
    // §6: where -PLUS is offered, "y" shows that somebody removed it: the server must refuse.
    assert_eq!(end.name, if plus { "failure" } else { "success" }, "{conn}");
}

/// An independent library logs in.
#[test]
fn an_independent_library_logs_in() {
    let alice = user();
    let credentials = Credentials::default()
        .with_username(&alice.name)
        .with_password("pencil")
        .with_channel_binding(ChannelBinding::None);
    let mut library: Library<Sha1> = Mechanism::from_credentials(credentials).expect("a name and a password");
    let conn = Conn::secure();
    let first = base64(&library.initial());
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>{first}</auth>");
    let challenge =
        unbase64(&conn.expect_next("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").text());
    let second = base64(&library.response(&challenge).expect("a challenge the library accepts"));
    send!(conn, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{second}</response>");
    let success = conn.expect_next("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    library.success(&unbase64(&success.text())).expect("the server's signature is right");
}

#[test]
fn a_wrong_password_is_not_authorized() {
    let alice = user();
    let conn = Conn::secure();
    let end = Scram::new("SCRAM-SHA-1", &alice.name, "wrong").run(&conn).end;
    end.must("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
}

#[test]
fn an_unknown_account_is_not_authorized() {
    let conn = Conn::secure();
    let end = Scram::new("SCRAM-SHA-1", &fresh("nobody"), "pencil").run(&conn).end;
    end.must("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
}

/// RFC 6120 §6.5.10 (Security Warning): an unknown account gets a challenge like any other.
/// Neither Prosody nor ejabberd: the RFC warns of harvesting account names.
#[test]
fn an_unknown_account_gets_a_challenge() {
    let conn = Conn::secure();
    let outcome = Scram::new("SCRAM-SHA-1", &fresh("nobody"), "pencil").run(&conn);
    assert!(outcome.challenge.is_some(), "{conn}");
}

/// The same: its salt and iteration count do not change from try to try, as a real account's do not.
/// Neither Prosody nor ejabberd: as above.
#[test]
fn an_unknown_account_keeps_its_salt() {
    let name = fresh("nobody");
    let salt = || {
        let conn = Conn::secure();
        let challenge = Scram::new("SCRAM-SHA-1", &name, "pencil").run(&conn).challenge.unwrap_or_default();
        challenge.split_once(",s=").map(|(_, s)| s.to_owned())
    };
    let first = salt();
    assert!(first.is_some());
    assert_eq!(first, salt());
}

/// RFC 5802 §5.1: the server's nonce begins with the client's and goes on.
#[test]
fn the_servers_nonce_extends_the_clients() {
    let alice = user();
    let conn = Conn::secure();
    let scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    let challenge = scram.run(&conn).challenge.expect("a challenge");
    let nonce = challenge.split(',').next().unwrap_or_default().to_owned();
    assert!(
        nonce.starts_with(&format!("r={}", scram.nonce)) && nonce.len() > scram.nonce.len() + 10,
        "{nonce}"
    );
}

/// RFC 7677 §4: at least 4096 iterations.
#[test]
fn there_are_at_least_4096_iterations() {
    let alice = user();
    let conn = Conn::secure();
    let challenge =
        Scram::new("SCRAM-SHA-1", &alice.name, "pencil").run(&conn).challenge.expect("a challenge");
    let iterations = challenge.split(',').find_map(|f| f.strip_prefix("i=")).expect("i=");
    let iterations: u32 = iterations.parse().expect("a number");
    assert!(iterations >= 4096, "{iterations}");
}

/// RFC 5802 §5.1: the nonce of the last message is the server's, or the login fails.
#[test]
fn a_changed_nonce_fails() {
    let alice = user();
    let conn = Conn::secure();
    let scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    scram.start(&conn);
    let end = scram.finish(&conn, |m| m.replacen(",r=", ",r=x", 1)).end;
    assert_eq!(end.name, "failure", "{conn}");
}

/// RFC 5802 §5.1: c= repeats the first message's header, or the login fails.
#[test]
fn a_changed_gs2_header_fails() {
    let alice = user();
    let conn = Conn::secure();
    let scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    scram.start(&conn);
    // "eSws" is "y,,", where "n,," was sent.
    let end = scram.finish(&conn, |m| m.replacen("c=biws", "c=eSws", 1)).end;
    assert_eq!(end.name, "failure", "{conn}");
}

/// RFC 5802 §5.1: without the proof there is no login.
#[test]
fn a_missing_proof_fails() {
    let alice = user();
    let conn = Conn::secure();
    let scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    scram.start(&conn);
    let end = scram.finish(&conn, |m| m.split_once(",p=").map(|(m, _)| m.to_owned()).unwrap_or_default()).end;
    assert_eq!(end.name, "failure", "{conn}");
}

/// RFC 5802 §5.1: an empty proof is a wrong one.
#[test]
fn an_empty_proof_fails() {
    let alice = user();
    let conn = Conn::secure();
    let scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    scram.start(&conn);
    let end =
        scram.finish(&conn, |m| m.split_once(",p=").map(|(m, _)| format!("{m},p=")).unwrap_or_default()).end;
    assert_eq!(end.name, "failure", "{conn}");
}

/// RFC 5802 §5.1: an extension the server must understand, and does not, makes the login fail.
#[test]
fn a_mandatory_extension_fails() {
    let alice = user();
    let mut scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    scram.reserved = "m=extension,";
    fails(&scram);
}

/// RFC 5802 §5.1: a user name with a raw equals sign breaks the encoding.
#[test]
fn a_badly_encoded_user_name_fails() {
    fails(&Scram::new("SCRAM-SHA-1", "a=b", "pencil"));
}

/// RFC 5802 §5.1: =2C and =3D in a user name are decoded. The account of that name does not exist, so the login
/// fails as any other does.
#[test]
fn an_encoded_user_name_is_not_malformed() {
    let conn = Conn::secure();
    let end = Scram::new("SCRAM-SHA-1", "a=2Cb=3D", "pencil").run(&conn).end;
    end.must("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
}

/// RFC 5802 §6: "p=" with a mechanism that is not -PLUS is a mistake.
#[test]
fn a_binding_flag_without_plus_fails() {
    let alice = user();
    let mut scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    "p=tls-exporter,,".clone_into(&mut scram.gs2);
    fails(&scram);
}

/// RFC 6120 §6.5.6: another account's authzid fails.
/// Neither Prosody nor ejabberd: RFC 5802 §5.1: the server verifies the authzid.
#[test]
fn another_accounts_authzid_fails() {
    let (alice, bob) = (user(), user());
    let mut scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    scram.gs2 = format!("n,a={bob:#},");
    fails(&scram);
}

/// RFC 6120 §6.3.8: the own bare JID as authzid is accepted.
#[test]
fn the_own_bare_jid_as_authzid_is_accepted() {
    let alice = user();
    let conn = Conn::secure();
    let mut scram = Scram::new("SCRAM-SHA-1", &alice.name, "pencil");
    scram.gs2 = format!("n,a={alice:#},");
    assert_eq!(scram.run(&conn).end.name, "success", "{conn}");
}

/// RFC 5802 §2.2 (SASLprep): a password beyond ASCII works.
#[test]
fn a_password_beyond_ascii_works() {
    let name = fresh("user");
    register(&Conn::secure(), &name, "Grüße世界").must("<iq type='result'/>");
    let conn = Conn::secure();
    assert_eq!(Scram::new("SCRAM-SHA-1", &name, "Grüße世界").run(&conn).end.name, "success", "{conn}");
}

/// RFC 4013: the same password in another normal form is the same password.
#[test]
fn a_password_is_normalized() {
    let name = fresh("user");
    // Registered with A and a combining ring, used with the composed letter.
    register(&Conn::secure(), &name, "A\u{30a}ngstrom").must("<iq type='result'/>");
    let conn = Conn::secure();
    assert_eq!(Scram::new("SCRAM-SHA-1", &name, "\u{c5}ngstrom").run(&conn).end.name, "success", "{conn}");
}
