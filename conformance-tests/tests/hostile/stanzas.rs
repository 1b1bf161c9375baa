//! RFC 6120 §8: stanzas after login that lie, are too much, or are none.

use super::attack::*;
use super::bystanders::Bystanders;
use crate::harness::*;

/// §8.1.2.1: a forged `from` is replaced by the real one, or ends the stream; nobody gets it as it was sent.
#[test]
fn rfc6120_8_1_2_1_a_forged_from() {
    let _turn = beside_others();
    let (victim, friend) = (online(), online());
    befriend(&victim, &friend);
    for from in [
        friend.to_string(),
        friend.bare(),
        victim.to_string(),
        victim.bare(),
        "localhost".to_owned(),
        "second.localhost".to_owned(),
        "admin@localhost/x".to_owned(),
        "nobody@nowhere.example/x".to_owned(),
        String::new(),
        "@@".to_owned(),
        "\u{202e}@localhost".to_owned(),
    ] {
        for stanza in [
            format!("<message from='{from}' to='{victim}' id='1'><body>boo</body></message>"),
            format!("<presence from='{from}' to='{victim}' id='1'/>"),
            format!(
                "<iq from='{from}' to='{victim}' type='set' id='1'><query xmlns='jabber:iq:roster'/></iq>"
            ),
            format!("<presence from='{from}' to='{victim:#}' type='unsubscribed' id='1'/>"),
        ] {
            let outcome = attack(Place::AfterLogin, stanza.as_bytes());
            let allowed = match &outcome.fate {
                Fate::Lives => true,
                Fate::Error(condition) => ["invalid-from", "not-authorized"].contains(&condition.as_str()),
                _ => false,
            };
            assert!(allowed, "{stanza}: {outcome}");
            victim.ping();
            let offender = format!("{}@localhost", offender().0);
            let forged = victim.unclaimed(|e| e.attr("from").is_none_or(|f| !f.starts_with(&offender)));
            assert!(forged.is_none(), "{stanza} arrived as {forged:?}");
            victim.clear();
        }
    }
    // The subscription that was forged away is still there.
    let item = victim.roster_item(&friend.bare()).expect("they are friends");
    assert_eq!(item.attr("subscription"), Some("both"));
}

/// §8.1.1: addresses that are none, or too long, are refused by themselves.
#[test]
fn rfc6120_8_1_1_malformed_addresses() {
    let long = "a".repeat(1024);
    let addresses = [
        "@@".to_owned(),
        "@localhost".to_owned(),
        "a@".to_owned(),
        "a@localhost/".to_owned(),
        "a b@localhost".to_owned(),
        "a@b@c/d".to_owned(),
        format!("{long}@localhost"),
        format!("a@{long}.example"),
        format!("a@localhost/{long}"),
        "\u{fdfa}&lt;@localhost".to_owned(),
        "a@local\u{202e}host".to_owned(),
    ];
    let inputs = addresses.into_iter().map(|to| {
        let stanza = format!("<message to='{to}' id='1'><body>boo</body></message>");
        (to, stanza.into_bytes(), stanza_error(&["jid-malformed"]))
    });
    all_refused(Place::AfterLogin, inputs);
}

/// §8.2.3 and §8.1.4: requests without the parts that a request has.
#[test]
fn rfc6120_8_2_3_malformed_requests() {
    let iqs = [
        "<iq type='get' id='1'/>",
        "<iq type='get' id='1'><a xmlns='urn:x'/><b xmlns='urn:x'/></iq>",
        "<iq type='steal' id='1'><a xmlns='urn:x'/></iq>",
        "<iq id='1'><a xmlns='urn:x'/></iq>",
    ];
    let inputs = iqs.map(|iq| (iq.to_owned(), iq.as_bytes().to_vec(), stanza_error(&["bad-request"])));
    all_refused(Place::AfterLogin, inputs);
}

/// §4.9.3.24 and §4.9.3.3: first-level elements that are no stanzas.
#[test]
fn rfc6120_4_9_3_24_elements_that_are_no_stanzas() {
    let inputs =
        ["<flood/>", "<message xmlns='jabber:server' id='1'/>", "<Message id='1'/>", "<body>a</body>"];
    let inputs = inputs.map(|xml| {
        (
            xml.to_owned(),
            xml.as_bytes().to_vec(),
            stream_error(&["unsupported-stanza-type", "invalid-namespace"]),
        )
    });
    all_refused(Place::AfterLogin, inputs);
}

/// §4.3.3: elements of the negotiation, in the middle of a session.
#[test]
fn rfc6120_4_3_3_negotiation_in_the_middle_of_a_session() {
    let _turn = beside_others();
    for xml in [
        "<stream:stream to='localhost' version='1.0'>",
        "<stream:features/>",
        "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "</stream:stream><presence/>",
    ] {
        Bystanders::get().still_chat();
        let outcome =
            send_and_see(&enter(Place::AfterLogin), format!("{xml}</stream:stream>").as_bytes(), false);
        let over = matches!(outcome.fate, Fate::Error(_) | Fate::Ended);
        assert!(over && outcome.answers.iter().all(|e| e.name != "success"), "{xml}: {outcome}");
        assert!(outcome.fate != Fate::Error("internal-server-error".to_owned()), "{xml}: {outcome}");
    }
    Bystanders::get().still_chat();
}

/// How many bytes a stanza may have: what the server says (XEP-0478), if it does.
fn limit() -> Option<usize> {
    let (name, password) = offender();
    let conn = Conn::secure();
    log_in(&conn, name, password);
    let features = conn.open_features();
    let said = features.child("limits").and_then(|limits| limits.child("max-bytes"));
    said.and_then(|max| max.text().trim().parse().ok())
}

/// A message of exactly so many bytes.
fn message_of(to: &str, length: usize) -> String {
    let (start, end) = (format!("<message to='{to}' id='1'><body>"), "</body></message>");
    let body = "b".repeat(length - start.len() - end.len());
    format!("{start}{body}{end}")
}

/// §13.12 (4): a stanza of exactly the limit, or of what each server must allow, arrives.
#[test]
fn rfc6120_13_12_a_stanza_of_the_limit() {
    let _turn = beside_others();
    let victim = online();
    let outcome =
        attack(Place::AfterLogin, message_of(&victim.to_string(), limit().unwrap_or(10_000)).as_bytes());
    outcome.check(&Expected::Accepted).unwrap_or_else(|problem| panic!("{problem}"));
    victim.expect_next("<message id='1'/>");
}

/// §13.12 (4): a byte more is refused: by itself or with the stream. Its sender learns why, nobody gets it.
#[test]
fn rfc6120_13_12_a_stanza_over_the_limit() {
    let _turn = beside_others();
    let victim = online();
    let limit = limit();
    // The limits of the subjects are below 2 MiB.
    for length in [limit.map(|max| max + 1), limit.map(|max| max * 2), Some(2 << 20)].into_iter().flatten() {
        let outcome = attack(Place::AfterLogin, message_of(&victim.to_string(), length).as_bytes());
        let by_itself = outcome.check(&stanza_error(&["policy-violation"]));
        let with_the_stream = outcome.check(&stream_error(&["policy-violation"]));
        assert!(by_itself.is_ok() || with_the_stream.is_ok(), "{length}: {outcome}");
        victim.expect_nothing();
    }
}

/// RFC 6120 §13.12 (5): a thousand stanzas at once are handled one by one while others are served.
#[test]
fn rfc6120_13_12_a_thousand_stanzas_at_once() {
    let flood: String = (0..1000)
        .map(|n| format!("<iq type='get' id='f{n}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"))
        .collect();
    let _turn = beside_others();
    let outcome = attack(Place::AfterLogin, flood.as_bytes());
    outcome.check(&Expected::Accepted).unwrap_or_else(|problem| panic!("{problem}"));
    let ids: Vec<&str> = outcome.answers.iter().filter_map(|e| e.attr("id")).collect();
    let wanted: Vec<String> = (0..1000).map(|n| format!("f{n}")).collect();
    assert_eq!(ids, wanted, "each is answered, in order");
}
