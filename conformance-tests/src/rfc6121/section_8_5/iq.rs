//! RFC 6121 §8.5 on IQ.

use crate::harness::*;

/// §8.5.1: an IQ to an account that does not exist is answered with service-unavailable.
/// Neither Prosody nor ejabberd: they answer pings for any address; §8.5.1 is a MUST.
#[test]
fn get_to_an_unknown_account_is_service_unavailable() {
    let alice = online();
    request!(alice, "<iq type='get' to='nobody-here@localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        .must_fail("service-unavailable")
        .must("<iq from='nobody-here@localhost'/>");
}

/// §8.5.1: the same for a full JID of such an account.
#[test]
fn get_to_a_resource_of_an_unknown_account_is_service_unavailable() {
    let alice = online();
    request!(alice, "<iq type='get' to='nobody-here@localhost/r'><ping xmlns='urn:xmpp:ping'/></iq>")
        .must_fail("service-unavailable");
}

/// §8.5.1: the same for a set.
#[test]
fn set_to_an_unknown_account_is_service_unavailable() {
    let alice = online();
    request!(alice, "<iq type='set' to='nobody-here@localhost'><x xmlns='urn:example:x'/></iq>")
        .must_fail("service-unavailable");
}

/// §8.5.2.1.3: the server answers an IQ to a bare JID itself; no resource gets it.
#[test]
fn get_to_bare_jid_is_answered_by_the_server() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='get' to='{bob:#}'><x xmlns='urn:example:unknown'/></iq>")
        .must_fail("service-unavailable")
        .must(&format!("<iq from='{bob:#}' to='{alice}'/>"));
    bob.expect_nothing();
}

/// §8.5.2.1.3: the same for a set.
#[test]
fn set_to_bare_jid_is_answered_by_the_server() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='set' to='{bob:#}'><x xmlns='urn:example:unknown'/></iq>")
        .must_fail("service-unavailable");
    bob.expect_nothing();
}

/// §8.5.2.1.3: this holds among friends too.
#[test]
fn get_to_a_friends_bare_jid_is_not_delivered() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    request!(alice, "<iq type='get' to='{bob:#}'><x xmlns='urn:example:unknown'/></iq>")
        .must_fail("service-unavailable");
    bob.expect_nothing();
}

/// §8.5.2.2.3: the server answers for an account without resources.
#[test]
fn get_to_bare_jid_without_resources_is_answered_by_the_server() {
    let (alice, bob) = (online(), user());
    let bare = bob.bare();
    bob.log_out();
    request!(alice, "<iq type='get' to='{bare}'><x xmlns='urn:example:unknown'/></iq>")
        .must_fail("service-unavailable");
}

/// §8.5.3.1: a get to a full JID is delivered when the recipient shares presence by subscription.
#[test]
fn get_to_a_friends_full_jid_is_delivered_and_answered() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<iq type='get' id='q1' to='{bob}'><x xmlns='urn:example:x'/></iq>");
    expect!(bob, "<iq type='get' id='q1' from='{alice}' to='{bob}'><x xmlns='urn:example:x'/></iq>");
    send!(bob, "<iq type='result' id='q1' to='{alice}'><y xmlns='urn:example:x'/></iq>");
    expect!(alice, "<iq type='result' id='q1' from='{bob}' to='{alice}'><y xmlns='urn:example:x'/></iq>");
}

/// §8.5.3.1: the same for a set that is answered with an error.
#[test]
fn set_to_a_friends_full_jid_is_delivered_and_refused() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<iq type='set' id='q1' to='{bob}'><x xmlns='urn:example:x'/></iq>");
    expect!(bob, "<iq type='set' id='q1' from='{alice}'><x xmlns='urn:example:x'/></iq>");
    send!(
        bob,
        "<iq type='error' id='q1' to='{alice}'><error type='cancel'>\
         <feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    expect!(alice, "<iq type='error' id='q1' from='{bob}'/>").must_fail("feature-not-implemented");
}

/// §8.5.3.1: directed presence shares presence as well.
#[test]
fn get_to_a_full_jid_that_sent_directed_presence_is_delivered() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice}'/>");
    settle();
    send!(alice, "<iq type='get' id='q1' to='{bob}'><x xmlns='urn:example:x'/></iq>");
    expect!(bob, "<iq type='get' id='q1' from='{alice}'><x xmlns='urn:example:x'/></iq>");
}

/// §8.5.3.1: a get from a stranger SHOULD NOT be delivered, to prevent presence leaks.
/// Prosody and ejabberd deliver it; the RFC's reason (§11) stands.
#[test]
fn get_to_a_strangers_full_jid_is_not_delivered() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='get' to='{bob}'><x xmlns='urn:example:x'/></iq>")
        .must_fail("service-unavailable");
    bob.expect_nothing();
}

/// §8.5.3.1: the same for a set.
/// Neither Prosody nor ejabberd: they deliver to strangers; §8.5.3.1 is a SHOULD.
#[test]
fn set_to_a_strangers_full_jid_is_not_delivered() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='set' to='{bob}'><x xmlns='urn:example:x'/></iq>")
        .must_fail("service-unavailable");
    bob.expect_nothing();
}

/// §8.5.3.1: the stranger cannot tell a resource that exists from one that does not.
/// Neither Prosody nor ejabberd: they deliver to strangers; see §11 for why that is a leak.
#[test]
fn a_stranger_gets_the_same_error_for_a_resource_that_exists_and_one_that_does_not() {
    let (alice, bob) = (online(), online());
    let real = request!(alice, "<iq type='get' to='{bob}'><x xmlns='urn:example:x'/></iq>");
    let none = request!(alice, "<iq type='get' to='{bob:#}/absent'><x xmlns='urn:example:x'/></iq>");
    assert_eq!(real.condition(), none.condition());
    assert_eq!(real.need_child("error").attrs, none.need_child("error").attrs);
}

/// §8.5.3.1: a subscription in the other direction only does not share the recipient's presence.
/// Neither Prosody nor ejabberd: they deliver to strangers; §8.5.3.1 is a SHOULD.
#[test]
fn get_from_someone_whose_presence_the_recipient_sees_is_not_delivered() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    request!(alice, "<iq type='get' to='{bob}'><x xmlns='urn:example:x'/></iq>")
        .must_fail("service-unavailable");
    bob.expect_nothing();
}

/// §8.5.3.1: a subscription of type "from" at the recipient is enough.
#[test]
fn get_from_a_subscriber_is_delivered() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    send!(alice, "<iq type='get' id='q1' to='{bob}'><x xmlns='urn:example:x'/></iq>");
    expect!(bob, "<iq type='get' id='q1' from='{alice}'><x xmlns='urn:example:x'/></iq>");
}

/// §8.5.3.1: a result is delivered to the resource, whoever sends it.
#[test]
fn result_to_a_strangers_full_jid_is_delivered() {
    let (alice, bob) = (online(), online());
    send!(alice, "<iq type='result' id='r1' to='{bob}'/>");
    expect!(bob, "<iq type='result' id='r1' from='{alice}' to='{bob}'/>");
}

/// §8.5.3.1: an error is delivered to the resource.
#[test]
fn error_to_a_strangers_full_jid_is_delivered() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<iq type='error' id='r1' to='{bob}'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    expect!(bob, "<iq type='error' id='r1' from='{alice}' to='{bob}'/>");
}

/// §8.5.3.2.3: an IQ to a full JID without such a resource is service-unavailable.
#[test]
fn get_to_a_full_jid_without_match_is_service_unavailable() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    request!(alice, "<iq type='get' to='{bob:#}/absent'><x xmlns='urn:example:x'/></iq>")
        .must_fail("service-unavailable");
    bob.expect_nothing();
}

/// §8.5.3.1: one's own resources may ask each other.
#[test]
fn get_to_ones_own_other_resource_is_delivered() {
    let alice = online();
    let phone = alice.session_online("phone", 0);
    send!(alice, "<iq type='get' id='q1' to='{phone}'><x xmlns='urn:example:x'/></iq>");
    expect!(phone, "<iq type='get' id='q1' from='{alice}' to='{phone}'><x xmlns='urn:example:x'/></iq>");
}

/// RFC 6120 §8.2.3: a result is never answered, even where nobody waits for it.
#[test]
fn result_to_a_full_jid_without_match_is_not_answered() {
    let (alice, bob) = (online(), online());
    send!(alice, "<iq type='result' id='r1' to='{bob:#}/absent'/>");
    alice.expect_nothing();
}

/// RFC 6120 §8.2.3: an error is never answered with an error.
#[test]
fn error_to_a_full_jid_without_match_is_not_answered() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<iq type='error' id='r1' to='{bob:#}/absent'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    alice.expect_nothing();
}
