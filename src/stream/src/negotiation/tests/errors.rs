use waxwing_xmpp::{StreamCondition, StreamError};

use super::*;

fn bound() -> Stream<Vec<u8>> {
    let mut stream = tls();
    stream.bind_resource();
    stream
}

#[test]
fn rfc6120_4_9_errors_after_binding() {
    for (xml, condition) in [
        ("<message></presence>", "not-well-formed"),
        ("<message><foo:body>what</foo:body></message>", "not-well-formed"),
        ("<message><!-- no --></message>", "restricted-xml"),
        ("<message>&unknown;</message>", "restricted-xml"),
        ("<?php ?>", "restricted-xml"),
        ("<pubsub/>", "unsupported-stanza-type"),
        ("<message xmlns='http://example.org/ns2' to='juliet@example.com'/>", "unsupported-stanza-type"),
        ("<message xmlns='jabber:server' to='juliet@example.com'/>", "invalid-namespace"),
    ] {
        let mut stream = bound();
        assert_error(&stream.say(xml), condition);
        assert_eq!(stream.seen.borrow().len(), 1, "{xml}");
    }
}

#[test]
fn rfc6120_4_9_1_1_nothing_is_taken_after_an_error() {
    let mut stream = bound();
    stream.say("<pubsub/><message to='romeo@example.net'/>");
    assert_eq!(stream.seen.borrow().len(), 1);
    assert!(!stream.feed("<message to='romeo@example.net'/>"));
    assert_eq!(stream.written(), "");
}

#[test]
fn rfc6120_4_4_the_end_of_the_stream_is_answered() {
    assert_eq!(bound().say("</stream:stream>"), "</stream:stream>");
    assert!(tcp().say(&format!("{HEADER}</stream:stream>")).ends_with("</stream:features></stream:stream>"));
}

#[test]
fn rfc6120_4_9_1_1_an_error_of_the_client_is_answered_with_the_end() {
    let error =
        "<stream:error><connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    assert_eq!(bound().say(error), "</stream:stream>");
}

#[test]
fn rfc6120_4_9_3_the_driver_can_close_at_any_time() {
    for condition in [
        StreamCondition::ConnectionTimeout,
        StreamCondition::SystemShutdown,
        StreamCondition::Reset,
        StreamCondition::Conflict,
        StreamCondition::PolicyViolation,
        StreamCondition::NotAuthorized,
        StreamCondition::ResourceConstraint,
        StreamCondition::InternalServerError,
        StreamCondition::HostGone,
        StreamCondition::UndefinedCondition,
    ] {
        for (mut stream, has_header) in [(tcp(), false), (bound(), true)] {
            stream.machine.close(&StreamError::new(condition).text("a < b"), &stream.world, &mut stream.out);
            let answer = stream.written();
            assert_eq!(answer.starts_with("<?xml version='1.0'?>"), !has_header);
            assert_error(&answer, condition.name());
            assert!(answer.contains("xml:lang='en'>a &lt; b</text>"), "{answer}");
            stream.machine.close(&condition.into(), &stream.world, &mut stream.out);
            assert_eq!(stream.written(), "", "only once");
        }
    }
}

#[test]
fn rfc6120_8_3_3_1_a_malformed_stanza_costs_a_stanza_error() {
    let mut stream = bound();
    let answer = stream.say("<iq type='get' id='1' to='romeo@example.net'/>");
    assert!(answer.contains("id='1'") && answer.contains("<bad-request "), "{answer}");
    let answer = stream.say("<message id='2' to='@'/>");
    assert!(answer.contains("id='2'") && answer.contains("<jid-malformed "), "{answer}");
    assert_eq!(stream.seen.borrow().len(), 1);
}

#[test]
fn a_stanza_over_a_limit_costs_its_sender_a_stanza_error_and_the_stream_lives() {
    let mut stream = bound();
    let long =
        format!("<message id='3' to='romeo@example.net'><body>{}</body></message>", "x".repeat(20_000));
    let answer = stream.say(&long);
    assert!(answer.contains("id='3'") && answer.contains("<policy-violation "), "{answer}");
    stream.say("<message to='romeo@example.net'/>");
    assert_eq!(stream.seen.borrow().len(), 2);
}

#[test]
fn before_login_a_limit_ends_the_stream() {
    let mut stream = tls();
    stream.say(HEADER);
    let long = format!("<auth {SASL} mechanism='PLAIN'>{}</auth>", "x".repeat(20_000));
    assert_error(&stream.say(&long), "policy-violation");
}

#[test]
fn a_repeat_offender_is_closed_and_good_stanzas_make_up() {
    let long =
        format!("<message id='3' to='romeo@example.net'><body>{}</body></message>", "x".repeat(20_000));
    let mut stream = bound();
    for _ in 0..19 {
        assert!(stream.say(&long).ends_with("</message>"));
    }
    let mut forgiven = bound();
    for _ in 0..19 {
        forgiven.say(&long);
    }
    assert_error(&stream.say(&long), "policy-violation");
    forgiven.say(&"<message to='romeo@example.net'/>".repeat(100));
    assert!(forgiven.say(&long).ends_with("</message>"));
}

#[test]
fn an_element_that_nobody_takes_is_unsupported() {
    let mut stream = tls();
    stream.say(HEADER);
    assert_error(&stream.say("<enable xmlns='urn:xmpp:sm:3'/>"), "unsupported-stanza-type");
    assert_error(
        &bound().say("<compress xmlns='http://jabber.org/protocol/compress'/>"),
        "unsupported-stanza-type",
    );
}
