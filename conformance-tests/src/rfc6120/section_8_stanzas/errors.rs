//! RFC 6120 §8.3: stanza errors.

use crate::harness::*;

fn bounced() -> (Client, Element) {
    let alice = online();
    let reply =
        request!(alice, "<iq type='get' to='nobody-here@localhost/r'><x xmlns='urn:example:unknown'/></iq>");
    (alice, reply)
}

/// §8.3.1 (2): the addresses are swapped.
#[test]
fn an_error_has_the_addresses_swapped() {
    let (alice, reply) = bounced();
    reply.must(&format!("<iq type='error' from='nobody-here@localhost/r' to='{alice}'/>"));
}

/// §8.3.1 (4): an error stanza has an error element.
#[test]
fn an_error_stanza_has_an_error_element() {
    bounced().1.must("<iq><error type='{any}'/></iq>");
}

/// §8.3.2: the type is one of five.
#[test]
fn the_type_of_an_error_is_one_of_five() {
    let reply = bounced().1;
    let kind = reply.need_child("error").need("type").to_owned();
    assert!(["auth", "cancel", "continue", "modify", "wait"].contains(&kind.as_str()), "{kind}");
}

/// §8.3.3.19: service-unavailable is of type cancel.
#[test]
fn service_unavailable_is_of_type_cancel() {
    bounced().1.must(
        "<iq><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
}

/// §8.3.3.1: bad-request is of type modify.
#[test]
fn bad_request_is_of_type_modify() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost'/>").must(
        "<iq><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
}

/// §8.3.3.8: jid-malformed is of type modify.
#[test]
fn jid_malformed_is_of_type_modify() {
    let alice = user();
    request!(alice, "<iq type='get' to='@localhost'><ping xmlns='urn:xmpp:ping'/></iq>").must(
        "<iq><error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
}

/// §8.3.1 (3): a bounced message keeps its id.
#[test]
fn a_bounced_message_keeps_its_id() {
    let (alice, bob) = (online(), user());
    let bare = bob.bare();
    bob.log_out();
    send!(alice, "<message to='{bare}' id='keep-me' type='groupchat'><body>x</body></message>");
    expect!(alice, "<message type='error' id='keep-me' from='{bare}' to='{alice}'/>");
}

/// §8.3.1 (8): an error is not answered with an error.
#[test]
fn an_error_message_to_an_account_without_resources_is_not_answered() {
    let (alice, bob) = (online(), user());
    let bare = bob.bare();
    bob.log_out();
    send!(
        alice,
        "<message to='{bare}' type='error'><error type='cancel'>\
         <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    alice.expect_nothing();
}

/// §8.3.2: there is exactly one defined condition.
#[test]
fn an_error_has_one_defined_condition() {
    let reply = bounced().1;
    let conditions = reply
        .need_child("error")
        .children()
        .filter(|c| c.ns == "urn:ietf:params:xml:ns:xmpp-stanzas" && c.name != "text")
        .count();
    assert_eq!(conditions, 1, "{reply}");
}

/// RFC 6121 §8: a bounced message without id still bounces.
#[test]
fn a_message_without_id_is_bounced_without_id() {
    let (alice, bob) = (online(), user());
    let bare = bob.bare();
    bob.log_out();
    send!(alice, "<message to='{bare}' type='groupchat'><body>x</body></message>");
    let error = expect!(alice, "<message type='error' from='{bare}'/>");
    assert_eq!(error.attr("id").unwrap_or_default(), "", "{error}");
}
