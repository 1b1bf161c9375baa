use waxwing_xmpp::Condition;

use super::*;

const BIND: &str = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

fn asking(resource: &str) -> String {
    format!(
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"
    )
}

#[test]
fn rfc6120_7_6_1_the_server_chooses() {
    let mut stream = tls();
    stream.log_in();
    let answer = stream.say(BIND);
    assert!(
        answer.starts_with("<iq ") && answer.contains("type='result'") && answer.contains("id='b'"),
        "{answer}"
    );
    assert!(answer.contains("<jid>juliet@example.org/chosen</jid>"), "{answer}");
    assert!(stream.machine.is_bound());
}

#[test]
fn rfc6120_7_7_1_the_client_chooses() {
    let mut stream = tls();
    stream.log_in();
    assert!(stream.say(&asking("balcony")).contains("<jid>juliet@example.org/balcony</jid>"));
}

#[test]
fn rfc6120_7_7_2_1_an_empty_resource_is_chosen_by_the_server() {
    let mut stream = tls();
    stream.log_in();
    assert!(stream.say(&asking("")).contains("<jid>juliet@example.org/chosen</jid>"));
}

#[test]
fn rfc6120_7_7_2_2_a_refused_resource_may_be_asked_for_again() {
    let mut stream = tls();
    stream.log_in();
    stream.refuse_binding = Some(Condition::Conflict.into());
    let answer = stream.say(&asking("balcony"));
    assert!(answer.contains("type='error'") && answer.contains("<conflict "), "{answer}");
    assert!(!stream.machine.is_bound());
    stream.refuse_binding = None;
    assert!(stream.say(&asking("balcony")).contains("juliet@example.org/balcony"));
}

#[test]
fn rfc6120_7_7_3_too_many_refusals_end_the_stream() {
    let mut stream = tls();
    stream.log_in();
    stream.refuse_binding = Some(Condition::Conflict.into());
    for _ in 0..7 {
        assert!(stream.say(&asking("balcony")).ends_with("</iq>"));
    }
    assert_error(&stream.say(&asking("balcony")), "policy-violation");
}

#[test]
fn rfc6120_7_1_a_stanza_to_somebody_before_binding() {
    let mut stream = tls();
    stream.log_in();
    assert_error(&stream.say("<message to='romeo@example.net'/>"), "not-authorized");
    assert_eq!(stream.seen.borrow().len(), 1);
}

#[test]
fn rfc6120_7_1_there_is_one_resource_per_stream() {
    let mut stream = tls();
    stream.bind_resource();
    let answer = stream.say(&asking("orchard"));
    assert!(answer.contains("type='error'") && answer.contains("<not-allowed "), "{answer}");
    assert_eq!(stream.seen.borrow().len(), 1);
}

#[test]
fn rfc6120_7_6_bind_is_an_iq_set() {
    let mut stream = tls();
    stream.log_in();
    let answer = stream.say(&BIND.replace("'set'", "'get'"));
    assert!(answer.contains("<bad-request "), "{answer}");
    assert!(!stream.machine.is_bound());
}

#[test]
fn rfc6120_7_3_2_after_binding_the_stream_is_not_restarted() {
    let mut stream = tls();
    stream.bind_resource();
    let answer = stream.say(HEADER);
    assert!(answer.contains("<stream:error>"), "{answer}");
}

#[test]
fn after_binding_stanzas_and_declared_nonzas_pass() {
    let mut stream = tls();
    stream.bind_resource();
    stream.say("<message to='romeo@example.net'><body>hi</body></message><enable xmlns='urn:xmpp:sm:3'/>");
    let seen = stream.seen.borrow();
    assert!(seen[1].contains("<body>hi</body>"), "{seen:?}");
    assert_eq!(seen[2], "<enable>");
}

#[test]
fn rfc3921_3_a_session_is_granted_to_who_still_asks() {
    let mut stream = tls();
    stream.bind_resource();
    let session =
        "<iq type='set' id='s' to='example.org'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";
    let answer = stream.say(session);
    assert!(answer.contains("type='result'") && answer.contains("id='s'"), "{answer}");
    stream.say(&session.replace("example.org", "romeo@example.net"));
    assert_eq!(stream.seen.borrow().len(), 2, "one for somebody else is routed");
}
