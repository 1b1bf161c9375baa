use super::*;

#[test]
fn xep0170_2_3_features_before_login_are_in_order() {
    let answer = tls().say(HEADER);
    let register = answer.find("iq-register").unwrap();
    let mechanisms = answer.find("<mechanisms ").unwrap();
    assert!(register < mechanisms, "{answer}");
    assert!(!answer.contains("<bind "), "§7.4: {answer}");
}

#[test]
fn rfc6120_6_3_3_mechanisms_are_in_order_of_preference() {
    let answer = tls().say(HEADER);
    let list: Vec<_> =
        answer.split("<mechanism>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(
        list,
        [
            "SCRAM-SHA-512-PLUS",
            "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-512",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1",
            "PLAIN"
        ]
    );
}

#[test]
fn xep0440_2_binding_types_are_advertised() {
    assert!(tls().say(HEADER).contains(
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>\
         <channel-binding type='tls-server-end-point'/></sasl-channel-binding>"
    ));
}

#[test]
fn rfc6120_6_3_4_external_is_offered_only_for_a_certificate_that_fits() {
    let with = |address: &str| {
        let facts = TlsFacts { client_addresses: vec![address.to_owned()], ..facts() };
        Stream::<Vec<u8>>::new(&Tcp, World::default(), Some(facts))
    };
    let mut stream = with("juliet@example.org");
    assert!(stream.say(HEADER).contains("<mechanism>EXTERNAL</mechanism>"));
    let answer = stream.say(&format!("<auth {SASL} mechanism='EXTERNAL'>=</auth>"));
    assert_eq!(answer, format!("<success {SASL}/>"));
    assert_eq!(*stream.seen.borrow(), ["login juliet@example.org EXTERNAL"]);
    for other in ["juliet@example.net", "example.org", "@"] {
        assert!(!with(other).say(HEADER).contains("EXTERNAL"), "{other}");
    }
}

#[test]
fn rfc6120_6_4_6_success_then_a_new_stream_with_bind() {
    let mut stream = tls();
    let answer = stream.log_in();
    assert!(answer.starts_with("<?xml version='1.0'?><stream:stream "), "{answer}");
    assert!(
        answer.ends_with(
            "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
         <session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>\
         <ver xmlns='urn:xmpp:features:rosterver'/></stream:features>"
        ),
        "{answer}"
    );
    assert!(!answer.contains("<mechanisms") && !answer.contains("iq-register"), "{answer}");
    assert_eq!(*stream.seen.borrow(), ["login juliet@example.org PLAIN"]);
}

#[test]
fn rfc6120_6_4_2_login_without_initial_response() {
    let mut stream = tls();
    stream.say(HEADER);
    assert_eq!(stream.say(&format!("<auth {SASL} mechanism='PLAIN'/>")), format!("<challenge {SASL}/>"));
    let answer = stream.say(&format!("<response {SASL}>{}</response>", encode_base64(b"\0juliet\0pencil")));
    assert_eq!(answer, format!("<success {SASL}/>"));
}

#[test]
fn rfc6120_6_4_3_scram_over_a_stream() {
    let mut stream = tls();
    stream.say(HEADER);
    let first = encode_base64(b"n,,n=juliet,r=abc");
    let answer = stream.say(&format!("<auth {SASL} mechanism='SCRAM-SHA-256'>{first}</auth>"));
    let text = answer.split('>').nth(1).unwrap().split('<').next().unwrap();
    let challenge = String::from_utf8(crate::sasl::decode_base64(text).unwrap()).unwrap();
    assert!(challenge.starts_with("r=abc") && challenge.contains(",i=4096,h="), "{challenge}");
    let nonce = challenge.split(',').next().unwrap();
    let last = encode_base64(format!("c=biws,{nonce},p=AAAA").as_bytes());
    let answer = stream.say(&format!("<response {SASL}>{last}</response>"));
    assert_eq!(answer, format!("<failure {SASL}><not-authorized/></failure>"));
}

/// The failures of RFC 6120 §6.5 that can occur, each on a stream of its own that lives on.
#[test]
fn rfc6120_6_5_failures() {
    for (element, condition) in [
        (format!("<abort {SASL}/>"), "aborted"),
        (plain("\0disabled\0pencil"), "account-disabled"),
        (format!("<auth {SASL} mechanism='PLAIN'>AGp1bGlldA</auth>"), "incorrect-encoding"),
        (format!("<auth {SASL} mechanism='PLAIN'>AGp1 bGll</auth>"), "incorrect-encoding"),
        (plain("romeo@example.org\0juliet\0pencil"), "invalid-authzid"),
        (format!("<auth {SASL} mechanism='ANONYMOUS'/>"), "invalid-mechanism"),
        (format!("<auth {SASL} mechanism='EXTERNAL'>=</auth>"), "invalid-mechanism"),
        (format!("<auth {SASL}/>"), "invalid-mechanism"),
        (plain("juliet"), "malformed-request"),
        (format!("<auth {SASL} mechanism='PLAIN'>=</auth>"), "malformed-request"),
        (format!("<response {SASL}/>"), "malformed-request"),
        (format!("<auth {SASL} mechanism='PLAIN'>AGp1bGlldABwZW5jaWw=<x/></auth>"), "malformed-request"),
        (plain("\0juliet\0eraser"), "not-authorized"),
        (plain("\0nobody\0pencil"), "not-authorized"),
        (plain("\0broken\0pencil"), "temporary-auth-failure"),
    ] {
        let mut stream = tls();
        stream.say(HEADER);
        let answer = stream.say(&element);
        assert!(answer.starts_with(&format!("<failure {SASL}><{condition}/>")), "{element}: {answer}");
        assert!(stream.say(&plain("\0juliet\0pencil")).starts_with("<success "), "{element}");
    }
}

#[test]
fn rfc6120_6_5_10_wrong_password_and_unknown_user_are_told_alike() {
    let failed = |message: &str| {
        let mut stream = tls();
        stream.say(HEADER);
        stream.say(&plain(message))
    };
    assert_eq!(failed("\0juliet\0eraser"), failed("\0nobody\0eraser"));
}

#[test]
fn rfc6120_6_4_4_an_aborted_exchange_does_not_go_on() {
    let mut stream = tls();
    stream.say(HEADER);
    stream.say(&format!("<auth {SASL} mechanism='PLAIN'/>"));
    stream.say(&format!("<abort {SASL}/>"));
    let answer = stream.say(&format!("<response {SASL}>{}</response>", encode_base64(b"\0juliet\0pencil")));
    assert!(answer.contains("malformed-request"), "{answer}");
}

#[test]
fn rfc6120_6_4_5_too_many_failures_end_the_stream() {
    let mut stream = tls();
    stream.say(HEADER);
    for _ in 0..3 {
        assert!(stream.say(&plain("\0juliet\0eraser")).ends_with("</failure>"));
    }
    let answer = stream.say(&plain("\0juliet\0eraser"));
    assert!(answer.starts_with("<failure "), "{answer}");
    assert_error(&answer, "policy-violation");
}

#[test]
fn rfc6120_6_4_5_starttls_does_not_forgive_failures() {
    let world = World { allow_plaintext: true, ..World::default() };
    let mut stream = Stream::<Vec<u8>>::new(&Tcp, world, None);
    stream.say(HEADER);
    for _ in 0..3 {
        stream.say(&plain("\0juliet\0eraser"));
    }
    stream.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    stream.say(HEADER);
    assert_error(&stream.say(&plain("\0juliet\0eraser")), "policy-violation");
}

#[test]
fn rfc6120_4_9_3_12_a_stanza_before_login_is_not_processed() {
    for stanza in [
        "<message to='romeo@example.net'><body>hi</body></message>",
        "<presence/>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq type='strange'/>",
    ] {
        let mut stream = tls();
        stream.say(HEADER);
        assert_error(&stream.say(stanza), "not-authorized");
        assert!(stream.seen.borrow().is_empty());
    }
}

#[test]
fn xep0077_an_iq_that_a_module_takes_before_login_reaches_it() {
    let register = "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>";
    let mut stream = tls();
    stream.say(HEADER);
    assert_eq!(stream.say(register), "");
    assert!(stream.seen.borrow()[0].contains("jabber:iq:register"));
    let mut clear = tcp();
    clear.say(HEADER);
    assert_error(&clear.say(register), "not-authorized");
}

#[test]
fn the_host_of_the_new_stream_is_the_host_of_the_login() {
    let mut stream = tls();
    stream.say(HEADER);
    stream.say(&plain("\0juliet\0pencil"));
    let answer = stream.say(&HEADER.replace("to='example.org'", "to='example.net'"));
    assert!(answer.contains(" from='example.net'"), "{answer}");
    assert_error(&answer, "not-authorized");
    assert!(!answer.contains("<bind"));
}

#[test]
fn rfc6120_6_4_6_from_must_be_who_logged_in() {
    let mut before = tls();
    before.say(&HEADER.replace("to='example.org'", "to='example.org' from='romeo@example.org'"));
    assert_error(&before.say(&plain("\0juliet\0pencil")), "invalid-from");
    let mut after = tls();
    after.say(HEADER);
    after.say(&plain("\0juliet\0pencil"));
    assert_error(
        &after.say(&HEADER.replace("to='example.org'", "to='example.org' from='romeo@example.org'")),
        "invalid-from",
    );
    let mut right = tls();
    right.say(&HEADER.replace("to='example.org'", "to='example.org' from='juliet@example.org'"));
    assert!(right.say(&plain("\0juliet\0pencil")).starts_with("<success "));
}

#[test]
fn rfc6120_6_4_6_after_success_only_a_header_may_come() {
    let mut stream = tls();
    stream.say(HEADER);
    stream.say(&plain("\0juliet\0pencil"));
    let answer = stream.say("<message to='romeo@example.net'/>");
    assert!(answer.contains("<stream:error>") && answer.ends_with("</stream:stream>"), "{answer}");
    assert_eq!(stream.seen.borrow().len(), 1);
}

#[test]
fn rfc6120_6_4_6_there_is_no_second_login() {
    let mut stream = tls();
    stream.log_in();
    assert_error(&stream.say(&plain("\0juliet\0pencil")), "not-authorized");
}
