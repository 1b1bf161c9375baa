//! RFC 6120 §6 and §7: what is sent before, during and instead of a login.

use super::attack::*;
use super::bystanders::Bystanders;
use super::random::Random;
use crate::harness::*;

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const NAMESPACES: &str = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";

fn auth(mechanism: &str, message: &str) -> String {
    format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>{message}</auth>")
}

/// §4.9.3.12: stanzas before login are not processed, in the clear or inside TLS.
#[test]
fn rfc6120_4_9_3_12_stanzas_before_login() {
    let victim = {
        let _turn = beside_others();
        online()
    };
    for place in [Place::BeforeTls, Place::BeforeLogin] {
        for stanza in [
            format!("<message to='{victim}'><body>boo</body></message>"),
            format!("<message from='admin@localhost' to='{victim}'><body>boo</body></message>"),
            format!("<presence to='{victim:#}' type='subscribe'/>"),
            "<presence/>".to_owned(),
            "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>".to_owned(),
            "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>".to_owned(),
            "<iq type='set' id='1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>".to_owned(),
        ] {
            refused(place, stanza.as_bytes(), &stream_error(&["not-authorized"]));
        }
    }
    victim.expect_nothing();
}

/// §7.1: after login, but before a resource is bound, stanzas to others end the stream.
#[test]
fn rfc6120_7_1_a_stanza_before_binding() {
    let _turn = beside_others();
    let victim = online();
    let stanza = format!("<message to='{victim}'><body>boo</body></message>");
    let outcome = send_and_see(&logged_in(), stanza.as_bytes(), false);
    outcome.check(&stream_error(&["not-authorized"])).unwrap_or_else(|problem| panic!("{problem}"));
    victim.expect_nothing();
}

/// §6.4.2: everything in one packet: a login with a wrong password and what would follow a right one. The login
/// fails, and nothing of the rest has an effect.
#[test]
fn rfc6120_6_4_2_a_pipelined_login_with_a_wrong_password() {
    let _turn = beside_others();
    let victim = online();
    let conn = Conn::secure();
    let (name, _) = offender();
    let outcome = send_and_see(
        &conn,
        format!(
            "{}<stream:stream to='localhost' version='1.0' {NAMESPACES}>\
             <iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>\
             <message to='{victim}'><body>boo</body></message></stream:stream></stream:stream>",
            auth("PLAIN", &plain("", name, "guessed"))
        )
        .as_bytes(),
        false,
    );
    // A header in the middle of a stream is an element like others, with the rest inside it.
    assert!(matches!(outcome.fate, Fate::Error(_) | Fate::Ended), "{outcome}");
    let failure = Element::parse(&format!("<failure xmlns='{SASL}'><not-authorized/></failure>"));
    assert!(outcome.answers.first().is_some_and(|e| e.matches(&failure)), "{outcome}");
    assert_eq!(outcome.answers.len(), 1, "{outcome}");
    victim.expect_nothing();
    Bystanders::get().still_chat();
}

/// §6.4.2: a second `<auth/>` while the first is under way does not make two logins.
#[test]
fn rfc6120_6_4_2_a_login_within_a_login() {
    let _turn = beside_others();
    let (name, password) = offender();
    let conn = Conn::secure();
    Scram::new("SCRAM-SHA-1", name, password).start(&conn);
    conn.expect_next(&format!("<challenge xmlns='{SASL}'/>"));
    conn.send(&auth("PLAIN", &plain("", name, "guessed")));
    conn.send(&format!("<response xmlns='{SASL}'>{}</response>", plain("", name, password)));
    let outcome = send_and_see(&conn, b"</stream:stream>", false);
    assert!(outcome.answers.iter().all(|e| e.name != "success"), "{outcome}");
    Bystanders::get().still_chat();
}

/// §6.5.1: an exchange that was aborted is over; a late answer to its challenge lets nobody in.
#[test]
fn rfc6120_6_5_1_an_aborted_login_is_over() {
    let _turn = beside_others();
    let (name, password) = offender();
    let conn = Conn::secure();
    let scram = Scram::new("SCRAM-SHA-1", name, password);
    scram.start(&conn);
    let outcome = scram.finish(&conn, |right| {
        conn.send(&format!("<abort xmlns='{SASL}'/>"));
        right
    });
    assert!(outcome.end.child("aborted").is_some(), "{}", outcome.end);
    let late = see(&conn, Vec::new());
    assert!(late.answers.iter().all(|e| e.name != "success"), "{late}");
    Bystanders::get().still_chat();
}

/// RFC 5802 §9: what let somebody in once lets nobody in again, as each exchange has a nonce of the server's.
#[test]
fn rfc5802_9_a_replayed_proof_lets_nobody_in() {
    let _turn = beside_others();
    let (name, password) = offender();
    let mut right = String::new();
    let first = Conn::secure();
    let scram = Scram::new("SCRAM-SHA-256", name, password);
    scram.start(&first);
    let outcome = scram.finish(&first, |message| {
        right.clone_from(&message);
        message
    });
    assert_eq!(outcome.end.name, "success", "{}", outcome.end);
    let second = Conn::secure();
    scram.start(&second);
    let outcome = scram.finish(&second, |_| right);
    assert_eq!(outcome.end.name, "failure", "{}", outcome.end);
    Bystanders::get().still_chat();
}

/// §6.5.7: mechanisms that were not offered, known and invented, short and long.
#[test]
fn rfc6120_6_5_7_mechanisms_that_were_not_offered() {
    let _turn = beside_others();
    let long = "X".repeat(200);
    for mechanism in
        ["EXTERNAL", "ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "GSSAPI", "X-OAUTH2", "plain", "", &long]
    {
        let conn = Conn::secure();
        conn.send(&auth(mechanism, "AGEAYg=="));
        conn.expect_next(&format!("<failure xmlns='{SASL}'><invalid-mechanism/></failure>"));
    }
    Bystanders::get().still_chat();
}

/// §6.4.5: so many wrong passwords are too many, and the stream ends.
#[test]
fn rfc6120_6_4_5_many_failed_logins() {
    let _turn = beside_others();
    let (name, _) = offender();
    let conn = Conn::secure();
    for _ in 0..20 {
        conn.send(&auth("PLAIN", &plain("", name, "guessed")));
        match conn.item() {
            Item::Stanza(e) if e.name == "failure" => continue,
            item => {
                let outcome = see(&conn, vec![item]);
                let expected = stream_error(&["policy-violation", "not-authorized"]);
                outcome.check(&expected).unwrap_or_else(|problem| panic!("{problem}"));
                return Bystanders::get().still_chat();
            }
        }
    }
    conn.fail("twenty wrong passwords were not enough");
}

/// §6.5: messages of mechanisms that are noise, huge or cut short fail by themselves or end the stream; nobody is
/// logged in.
#[test]
fn rfc6120_6_5_noise_instead_of_a_login() {
    let _turn = beside_others();
    let mut random = Random::new(0xa0a0);
    let mut messages: Vec<String> = (0..20).map(|n| base64(&random.bytes(n * 7))).collect();
    messages.extend(["=", "====", "A", "\u{e9}", " ", "AA=A", "n,,n=a,r=b"].map(str::to_owned));
    messages.push(base64(format!("n,,n=a,r={}", "x".repeat(5000)).as_bytes()));
    messages.push("A".repeat(100_000));
    messages.push(base64(b"p=tls-unique,,n=a,r=b"));
    messages.push(base64(b"n,a=\0,n=\xff,r=b"));
    for (message, mechanism) in messages.iter().zip(["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"].iter().cycle())
    {
        let conn = Conn::secure();
        // Ended, so that it need not time out where the server waits for more of the login.
        let outcome =
            send_and_see(&conn, format!("{}</stream:stream>", auth(mechanism, message)).as_bytes(), false);
        let refused = match (&outcome.fate, outcome.answers.as_slice()) {
            (Fate::Error(condition), _) => condition != "internal-server-error",
            (fate, [answer]) => {
                *fate == Fate::Ended && ["failure", "challenge"].contains(&answer.name.as_str())
            }
            _ => false,
        };
        assert!(refused, "{mechanism} {message:.50}: {outcome}");
        Bystanders::get().still_chat();
    }
}

/// §6.5.8: answers to a challenge that are noise.
#[test]
fn rfc6120_6_5_noise_instead_of_a_response() {
    let _turn = beside_others();
    let (name, password) = offender();
    let mut random = Random::new(0xb0b0);
    for number in 0..10 {
        let conn = Conn::secure();
        let scram = Scram::new("SCRAM-SHA-256", name, password);
        scram.start(&conn);
        let noise = random.bytes(number * 40);
        let outcome = scram.finish(&conn, |right| match number {
            0 => String::new(),
            1 => right.repeat(2),
            2 => format!("{right},x=y"),
            3 => right.replace("c=biws", "c=eSws"),
            _ => base64(&noise),
        });
        assert_eq!(outcome.end.name, "failure", "number {number}: {}", outcome.end);
    }
    Bystanders::get().still_chat();
}

/// §6.4.6 and §4.3.3: who has logged in to one host does not come to another with the restart of the stream.
#[test]
fn rfc6120_6_4_6_a_restart_with_another_to() {
    let _turn = beside_others();
    let (name, password) = offender();
    for host in ["second.localhost", "nowhere.example"] {
        let conn = Conn::secure();
        log_in(&conn, name, password);
        conn.restart();
        let header = format!("<stream:stream to='{host}' version='1.0' {NAMESPACES}>");
        let outcome = send_and_see(&conn, header.as_bytes(), false);
        let conditions =
            ["not-authorized", "host-unknown", "improper-addressing", "invalid-from", "policy-violation"];
        outcome.check(&stream_error(&conditions)).unwrap_or_else(|problem| panic!("{host}: {problem}"));
    }
    Bystanders::get().still_chat();
}

/// §4.9.3.9: nor becomes another user by its `from`.
#[test]
fn rfc6120_4_9_3_9_a_restart_with_another_from() {
    let _turn = beside_others();
    let conn = Conn::secure();
    let (name, password) = offender();
    log_in(&conn, name, password);
    conn.restart();
    let header = format!("<stream:stream from='admin@localhost' to='localhost' version='1.0' {NAMESPACES}>");
    pour(&conn, header.as_bytes());
    let outcome = send_and_see(
        &conn,
        b"<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq></stream:stream>",
        false,
    );
    // §4.7.1: the server may leave the attribute out of account, as it knows better.
    let other = outcome.answers.iter().any(|e| e.to_string().contains("admin@localhost/"));
    assert!(!other, "{outcome}");
    assert!(
        outcome.fate == Fate::Ended || outcome.fate == Fate::Error("invalid-from".to_owned()),
        "{outcome}"
    );
    Bystanders::get().still_chat();
}

/// §6.4.6: without a new header after success there is no stream.
#[test]
fn rfc6120_6_4_6_no_restart_after_success() {
    let _turn = beside_others();
    let conn = Conn::secure();
    let (name, password) = offender();
    log_in(&conn, name, password);
    conn.restart();
    let outcome = send_and_see(
        &conn,
        b"<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        false,
    );
    assert!(matches!(outcome.fate, Fate::Error(_)), "{outcome}");
    assert!(outcome.answers.is_empty(), "{outcome}");
    Bystanders::get().still_chat();
}
