//! XEP-0199: ping.

use crate::harness::*;

const PING: &str = "<ping xmlns='urn:xmpp:ping'/>";

/// §4.2: the server answers.
#[test]
fn the_server_answers_a_ping() {
    let alice = user();
    let reply = request!(alice, "<iq type='get' to='localhost'>{PING}</iq>");
    reply.must(&format!("<iq type='result' from='localhost' to='{alice}'/>"));
    assert_eq!(reply.children().count(), 0, "{reply}");
}

/// §4.2: a ping without 'to' is for the account.
#[test]
fn a_ping_without_to_is_answered() {
    request!(user(), "<iq type='get'>{PING}</iq>").must("<iq type='result'/>");
}

/// §4.2: one's own account answers too.
#[test]
fn a_ping_to_the_own_account_is_answered() {
    let alice = user();
    request!(alice, "<iq type='get' to='{alice:#}'>{PING}</iq>").must("<iq type='result'/>");
}

/// §4.4: a ping to a friend's client is delivered and answered by it.
#[test]
fn a_ping_to_a_friends_client_is_delivered() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<iq type='get' id='p' to='{bob}'>{PING}</iq>");
    expect!(bob, "<iq type='get' id='p' from='{alice}'>{PING}</iq>");
    send!(bob, "<iq type='result' id='p' to='{alice}'/>");
    expect!(alice, "<iq type='result' id='p' from='{bob}'/>");
}

/// RFC 6121 §8.5.3.2.3: a ping to a resource that is gone.
#[test]
fn a_ping_to_a_resource_that_is_gone_is_service_unavailable() {
    let alice = user();
    request!(alice, "<iq type='get' to='{alice:#}/absent'>{PING}</iq>").must_fail("service-unavailable");
}
