//! RFC 6120 §8.2.3: the semantics of IQ.

use crate::harness::*;

/// §8.2.3 (1): an id is required. A server may still answer, with an empty or no id.
#[test]
fn an_iq_without_id_is_bad_request_or_answered_without_id() {
    let alice = user();
    alice.send("<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    match alice.item() {
        Item::Stanza(e) if e.name == "error" => {}
        Item::Stanza(e) => assert_eq!(e.attr("id").unwrap_or_default(), "", "{e}"),
        other => alice.fail(&format!("expected an answer, got {other:?}")),
    }
}

/// §8.2.3 (2): a type is required.
#[test]
fn an_iq_without_type_is_bad_request() {
    let alice = user();
    alice.send("<iq id='x' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    alice.expect("<iq type='error' id='x'/>").must_fail("bad-request");
}

/// §8.2.3 (2): one of four.
#[test]
fn an_iq_of_unknown_type_is_bad_request() {
    let alice = user();
    alice.send("<iq type='put' id='x' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    alice.expect("<iq type='error' id='x'/>").must_fail("bad-request");
}

/// §8.2.3 (2): also on its way to another user ("or an intermediate router").
#[test]
fn an_iq_of_unknown_type_to_a_friend_is_bad_request() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<iq type='put' id='x' to='{bob}'><x xmlns='urn:example:x'/></iq>");
    alice.expect("<iq type='error' id='x'/>").must_fail("bad-request");
    bob.expect_nothing();
}

/// §8.2.3 (3): the answer has the id of the request.
#[test]
fn the_answer_has_the_id_of_the_request() {
    let alice = user();
    alice.send(
        "<iq type='get' id='a &quot;strange&quot; id &lt;' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    let reply = alice.expect("<iq type='result'/>");
    assert_eq!(reply.attr("id"), Some("a \"strange\" id <"));
}

/// §8.2.3 (3): each request is answered once.
#[test]
fn a_request_is_answered_once() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        .must("<iq type='result'/>");
    alice.expect_nothing();
}

/// §8.2.3 (4): a result is not answered.
#[test]
fn a_result_is_not_answered() {
    let alice = user();
    alice.send("<iq type='result' id='x' to='localhost'/>");
    alice.expect_nothing();
}

/// §8.2.3 (4): an error is not answered.
#[test]
fn an_error_is_not_answered() {
    let alice = user();
    alice.send(
        "<iq type='error' id='x' to='localhost'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
    alice.expect_nothing();
}

/// §8.2.3 (4): nor a result for the own account.
#[test]
fn a_result_without_to_is_not_answered() {
    let alice = user();
    alice.send("<iq type='result' id='x'/>");
    alice.expect_nothing();
}

/// §8.2.3 (5): a get has one child.
#[test]
fn a_get_without_child_is_bad_request() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost'/>").must_fail("bad-request");
}

/// §8.2.3 (5): not two.
#[test]
fn a_get_with_two_children_is_bad_request() {
    let alice = user();
    request!(
        alice,
        "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>"
    )
    .must_fail("bad-request");
}

/// §8.2.3 (5): a set without a child for one's own account.
#[test]
fn a_set_without_child_is_bad_request() {
    let alice = user();
    request!(alice, "<iq type='set' xml:lang='en'/>").must_fail("bad-request");
}

/// §10.3.3: a payload that the server does not know.
#[test]
fn an_unknown_payload_is_an_error() {
    let alice = user();
    request!(alice, "<iq type='set'><x xmlns='urn:example:unknown'/></iq>")
        .must_fail_with_one_of(&["service-unavailable", "feature-not-implemented"]);
}

/// §8.2.3: a get where only set is defined is an error, and the other way round.
#[test]
fn a_known_payload_with_the_wrong_type_is_an_error() {
    let alice = user();
    request!(alice, "<iq type='set' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        .must("<iq type='error'/>");
}

/// Requests are answered in the order they were sent, as far as they are for the same entity (§10.1).
#[test]
fn answers_keep_the_order_of_the_requests() {
    let alice = user();
    let all: String = (0..20)
        .map(|i| format!("<iq type='get' id='p{i}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"))
        .collect();
    alice.send(&all);
    for i in 0..20 {
        alice.expect_next(&format!("<iq type='result' id='p{i}'/>"));
    }
}
