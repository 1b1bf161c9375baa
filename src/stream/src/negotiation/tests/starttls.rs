use super::*;

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[test]
fn rfc6120_5_4_starttls_then_a_new_stream() {
    let mut stream = tcp();
    stream.say(HEADER);
    assert_eq!(stream.say(STARTTLS), "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    let answer = stream.say(HEADER);
    assert!(answer.starts_with("<?xml version='1.0'?><stream:stream "), "{answer}");
    assert!(!answer.contains("<starttls"), "§5.4.3.3: {answer}");
    assert!(answer.contains("<mechanisms "), "{answer}");
}

#[test]
fn rfc6120_5_3_1_before_tls_nothing_but_starttls_is_offered() {
    let answer = tcp().say(HEADER);
    let features = answer.split("<stream:features>").nth(1).unwrap();
    assert_eq!(
        features,
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
    );
}

#[test]
fn rfc6120_5_4_3_3_what_is_pipelined_after_starttls_is_never_interpreted() {
    let mut stream = tcp();
    stream.say(HEADER);
    let injected =
        format!("{STARTTLS}{HEADER}{}<message to='romeo@example.net'/>", plain("\0juliet\0pencil"));
    assert_eq!(stream.say(&injected), "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(*stream.seen.borrow(), ["starttls example.org"]);
    assert!(stream.say(HEADER).contains("<mechanisms "));
}

#[test]
fn rfc6120_5_4_3_3_half_an_element_before_the_handshake_is_forgotten() {
    let mut stream = tcp();
    stream.say(HEADER);
    stream.say(&format!("{STARTTLS}<message to='romeo@exam"));
    let answer = stream.say(HEADER);
    assert!(answer.contains("<mechanisms ") && !answer.contains("error"), "{answer}");
}

#[test]
fn rfc6120_5_4_3_3_what_was_said_in_the_clear_is_forgotten() {
    let mut stream = tcp();
    stream.say(&HEADER.replace("to='example.org'", "to='example.org' from='romeo@example.org'"));
    stream.say(STARTTLS);
    assert!(!stream.say(HEADER).contains("romeo"));
    assert!(stream.say(&plain("\0juliet\0pencil")).starts_with("<success "));
}

#[test]
fn rfc6120_5_4_2_2_starttls_that_was_not_offered_fails() {
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>";
    let mut inside = tls();
    inside.say(HEADER);
    assert_eq!(inside.say(STARTTLS), failure, "XEP-0368 §3: not over direct TLS");
    let mut bound = tls();
    bound.bind_resource();
    assert_eq!(bound.say(STARTTLS), failure);
    let mut without =
        Stream::<Vec<u8>>::new(&Tcp, World { tls: false, allow_plaintext: true, ..World::default() }, None);
    assert!(!without.say(HEADER).contains("<starttls"));
    assert_eq!(without.say(STARTTLS), failure);
}

#[test]
fn rfc6120_5_4_2_2_a_malformed_starttls_fails() {
    let mut stream = tcp();
    stream.say(HEADER);
    let answer = stream.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>");
    assert_eq!(answer, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
}

#[test]
fn rfc6120_6_5_4_login_before_tls_needs_encryption() {
    let mut stream = tcp();
    stream.say(HEADER);
    assert_eq!(
        stream.say(&plain("\0juliet\0pencil")),
        format!("<failure {SASL}><encryption-required/></failure>")
    );
    assert_eq!(
        stream.say(&format!("<auth {SASL} mechanism='X-UNKNOWN'/>")),
        format!("<failure {SASL}><invalid-mechanism/></failure>")
    );
    assert!(stream.seen.borrow().is_empty());
}

#[test]
fn with_allow_plaintext_login_is_offered_beside_starttls_but_no_channel_binding() {
    let world = World { allow_plaintext: true, ..World::default() };
    let mut stream = Stream::<Vec<u8>>::new(&Tcp, world, None);
    let answer = stream.say(HEADER);
    assert!(answer.contains("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls>"), "{answer}");
    assert!(
        answer.contains("<mechanism>PLAIN</mechanism>")
            && answer.contains("<mechanism>SCRAM-SHA-256</mechanism>")
    );
    assert!(!answer.contains("-PLUS") && !answer.contains("sasl-channel-binding"), "{answer}");
    assert!(stream.say(&plain("\0juliet\0pencil")).starts_with("<success "));
}
