use super::*;

fn header(change: impl FnOnce(String) -> String) -> String {
    tcp().say(&change(HEADER.to_owned()))
}

fn replaced(from: &str, to: &str) -> String {
    assert!(HEADER.contains(from));
    header(|header| header.replacen(from, to, 1))
}

#[test]
fn rfc6120_4_7_the_answer_has_our_header_and_features() {
    let answer = header(|header| header);
    assert!(answer.starts_with("<?xml version='1.0'?><stream:stream from='example.org' id='"), "{answer}");
    for part in [
        " version='1.0'",
        " xml:lang='en'",
        " xmlns='jabber:client'",
        " xmlns:stream='http://etherx.jabber.org/streams'>",
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    assert!(!answer.contains(" to='"), "§4.7.2: no 'to' without a 'from'");
}

#[test]
fn rfc6120_4_7_2_to_is_the_bare_jid_of_from() {
    let answer = replaced(" to=", " from='Juliet@example.org/balcony' to=");
    assert!(answer.contains(" to='juliet@example.org'"), "{answer}");
}

#[test]
fn rfc6120_4_7_3_every_stream_has_a_new_id() {
    let id = |answer: &str| answer.split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let one = id(&header(|header| header));
    assert_eq!(one.len(), 24);
    assert_ne!(one, id(&header(|header| header)));
    let mut stream = tls();
    let first = stream.say(HEADER);
    stream.say(&plain("\0juliet\0pencil"));
    assert_ne!(id(&first), id(&stream.say(HEADER)), "§6.4.6");
}

#[test]
fn rfc6120_4_7_3_an_id_of_the_client_is_ignored() {
    let answer = replaced(" to=", " id='mine' to=");
    assert!(!answer.contains("mine") && answer.contains("<starttls "), "{answer}");
}

#[test]
fn rfc6120_4_9_3_6_an_unknown_host() {
    let answer = replaced("to='example.org'", "to='example.com'");
    assert!(answer.contains(" from='example.org'"), "§4.9.1.3: {answer}");
    assert_error(&answer, "host-unknown");
}

#[test]
fn rfc6120_4_9_3_7_no_host() {
    for to in ["", "to=''", "to='a b'"] {
        assert_error(&replaced("to='example.org'", to), "improper-addressing");
    }
}

#[test]
fn rfc6120_4_9_3_9_a_from_that_is_no_address() {
    assert_error(&replaced(" to=", " from='@' to="), "invalid-from");
    assert!(replaced(" to=", " from='' to=").contains("<starttls "));
}

#[test]
fn rfc6120_4_9_3_10_wrong_namespaces() {
    assert_error(
        &replaced("http://etherx.jabber.org/streams", "http://wrong.namespace.example.org/"),
        "invalid-namespace",
    );
    assert_error(&replaced("'jabber:client'", "'jabber:server'"), "invalid-namespace");
    assert_error(&replaced(" xmlns='jabber:client'", ""), "invalid-namespace");
}

#[test]
fn rfc6120_4_9_3_2_another_prefix_than_stream() {
    let header = HEADER.replace("stream:stream", "foobar:stream").replace("xmlns:stream", "xmlns:foobar");
    assert_error(&tcp().say(&header), "bad-namespace-prefix");
}

#[test]
fn rfc6120_4_9_3_1_another_root_than_stream() {
    assert_error(&tcp().say(&HEADER.replace("stream:stream", "stream:steam")), "bad-format");
}

#[test]
fn rfc6120_4_9_3_25_another_version() {
    assert_error(
        &tcp().say(&HEADER.replacen("to='example.org' version='1.0'", "to='example.org' version='11.0'", 1)),
        "unsupported-version",
    );
}

#[test]
fn rfc6120_4_7_5_no_version_is_answered_with_none() {
    let answer = tcp().say(&HEADER.replacen("to='example.org' version='1.0'", "to='example.org'", 1));
    assert_error(&answer, "unsupported-version");
    assert_eq!(answer.matches("version='1.0'").count(), 1, "only in the XML declaration: {answer}");
}

#[test]
fn rfc6120_4_7_5_a_higher_minor_version_is_welcome() {
    let answer =
        tcp().say(&HEADER.replacen("to='example.org' version='1.0'", "to='example.org' version='1.7'", 1));
    assert!(answer.contains(" version='1.0'") && answer.contains("<starttls "), "{answer}");
}

#[test]
fn rfc6120_4_9_1_2_an_error_before_the_header_comes_with_ours() {
    for (bytes, condition) in [("<<", "not-well-formed"), ("<!DOCTYPE x><x>", "restricted-xml")] {
        let answer = tcp().say(bytes);
        assert!(answer.starts_with("<?xml version='1.0'?><stream:stream from='example.org'"), "{answer}");
        assert_error(&answer, condition);
    }
}

#[test]
fn rfc6120_4_9_3_22_another_encoding() {
    assert_error(&tcp().say(&HEADER.replacen("?>", " encoding='UTF-16'?>", 1)), "unsupported-encoding");
}

#[test]
fn rfc6120_4_7_4_the_language_of_the_stream_is_the_language_of_its_stanzas() {
    let mut stream = tls();
    stream.say(HEADER);
    stream.say(&plain("\0juliet\0pencil"));
    stream.say(&HEADER.replace("xml:lang='en'", "xml:lang='de-CH'"));
    stream.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    stream.say("<message to='romeo@example.net'/><message to='romeo@example.net' xml:lang='fr'/>");
    let seen = stream.seen.borrow();
    assert!(seen[1].contains("xml:lang='de-CH'"), "{seen:?}");
    assert!(seen[2].contains("xml:lang='fr'"), "{seen:?}");
}
