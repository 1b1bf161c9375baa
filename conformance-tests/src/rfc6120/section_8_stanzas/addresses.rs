//! RFC 6120 §8.1: to, from, id, and §10: routing.

use crate::harness::*;

/// §8.1.2.1 (1): the server puts the sender's full JID on a stanza.
#[test]
fn from_is_added() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}'><body>x</body></message>");
    assert_eq!(bob.expect("<message/>").need("from"), alice.to_string());
}

/// §8.1.2.1 (1) and §4.9.3.9: another account's 'from' never arrives; the server overrides it or closes the stream.
#[test]
fn a_forged_from_never_arrives() {
    let (alice, bob, carol) = (online(), online(), online());
    send!(alice, "<message from='{carol}' to='{bob}'><body>forged</body></message>");
    // The stream of the sender may end.
    alice.poll(std::time::Duration::from_millis(300));
    expect_no!(bob, "<message from='{carol}'/>");
    expect_no!(bob, "<message from='{carol:#}'/>");
}

/// The same for presence.
#[test]
fn a_forged_from_on_presence_never_arrives() {
    let (alice, bob, carol) = (online(), online(), online());
    send!(alice, "<presence from='{carol}' to='{bob}'/>");
    alice.poll(std::time::Duration::from_millis(300));
    expect_no!(bob, "<presence from='{carol}'/>");
}

/// The same for IQ.
#[test]
fn a_forged_from_on_iq_never_arrives() {
    let (alice, bob, carol) = (online(), online(), online());
    send!(alice, "<iq type='result' id='x' from='{carol}' to='{bob}'/>");
    alice.poll(std::time::Duration::from_millis(300));
    expect_no!(bob, "<iq from='{carol}'/>");
}

/// The server's own address is not for clients either.
#[test]
fn the_servers_from_is_not_for_clients() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message from='localhost' to='{bob}'><body>pay now</body></message>");
    alice.poll(std::time::Duration::from_millis(300));
    expect_no!(bob, "<message from='localhost'/>");
}

/// A subscription stanza with somebody else's 'from' has no effect on them.
#[test]
fn a_forged_subscription_has_no_effect() {
    let (alice, bob, carol) = (online(), online(), online());
    send!(alice, "<presence from='{carol:#}' to='{bob:#}' type='subscribe'/>");
    alice.poll(std::time::Duration::from_millis(300));
    expect_no!(bob, "<presence from='{carol:#}'/>");
    assert!(carol.roster_item(&bob.bare()).is_none());
}

/// §8.1.2.1 (1): the own full JID as 'from' is fine.
#[test]
fn the_own_full_jid_as_from_is_accepted() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message from='{alice}' to='{bob}'><body>x</body></message>");
    expect!(bob, "<message from='{alice}'/>");
}

/// §8.1.2.1 (1): the own bare JID is overridden with the full one.
#[test]
fn the_own_bare_jid_as_from_is_overridden() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message from='{alice:#}' to='{bob}'><body>x</body></message>");
    expect!(bob, "<message from='{alice}'/>");
}

/// §8.1.2.1: another resource of the same account is another address.
#[test]
fn another_own_resource_as_from_never_arrives() {
    let (alice, bob) = (online(), online());
    let phone = alice.session_online("phone", 0);
    send!(alice, "<message from='{phone}' to='{bob}'><body>x</body></message>");
    alice.poll(std::time::Duration::from_millis(300));
    expect_no!(bob, "<message from='{phone}'/>");
}

/// §8.1.2.1 (2): what the server says on its own behalf has 'from'.
#[test]
fn the_server_signs_its_answers() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        .must("<iq from='localhost'/>");
}

/// §8.1.2.1 (3): what it says for the account has no 'from' or the account's.
#[test]
fn the_answer_for_the_own_account_comes_from_it() {
    let alice = user();
    let roster = alice.roster();
    assert!(roster.attr("from").is_none_or(|f| f == alice.bare()), "{roster}");
}

/// §10.3.1: a message without 'to' is for the own account.
#[test]
fn a_message_without_to_is_for_the_own_account() {
    let alice = online();
    alice.send("<message type='chat'><body>note</body></message>");
    expect!(alice, "<message from='{alice}'><body>note</body></message>");
}

/// §10.3.3: an IQ without 'to' is for the own account.
#[test]
fn an_iq_without_to_is_answered_for_the_own_account() {
    let alice = user();
    request!(alice, "<iq type='get'><x xmlns='urn:example:unknown'/></iq>").must_fail("service-unavailable");
}

/// §8.3.3.8: an address that is none.
#[test]
fn a_malformed_to_is_jid_malformed() {
    let alice = user();
    request!(alice, "<iq type='get' to='@localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        .must_fail("jid-malformed");
}

/// §8.3.3.8: the same for a message.
#[test]
fn a_message_to_a_malformed_address_is_jid_malformed() {
    let alice = online();
    alice.send("<message to='a@b@localhost/' id='m' type='chat'><body>x</body></message>");
    alice.expect("<message type='error' id='m'/>").must_fail("jid-malformed");
}

/// §8.1.1.1: 'to' in capitals reaches the same account.
#[test]
fn an_address_in_capitals_is_the_same_address() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{}@LocalHost' type='chat'><body>x</body></message>", bob.name.to_uppercase());
    expect!(bob, "<message from='{alice}'><body>x</body></message>");
}

/// §10.4: a domain that is not served here and cannot be reached. The subjects have no server-to-server port.
#[test]
fn a_message_to_an_unreachable_domain_is_bounced() {
    let alice = online();
    alice.send("<message to='someone@nowhere.invalid' id='m' type='chat'><body>x</body></message>");
    alice.expect("<message type='error' id='m' from='someone@nowhere.invalid'/>").must_fail_with_one_of(&[
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
        "not-allowed",
    ]);
}

/// §10.4: the same for an IQ.
#[test]
fn an_iq_to_an_unreachable_domain_is_bounced() {
    let alice = online();
    alice
        .request("<iq type='get' to='nowhere.invalid'><ping xmlns='urn:xmpp:ping'/></iq>")
        .must_fail_with_one_of(&[
            "remote-server-not-found",
            "remote-server-timeout",
            "service-unavailable",
            "not-allowed",
        ]);
}

/// §10.5.1: an IQ to the domain is for the server.
#[test]
fn an_unknown_iq_to_the_domain_is_service_unavailable() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost'><x xmlns='urn:example:unknown'/></iq>")
        .must_fail_with_one_of(&["service-unavailable", "feature-not-implemented"]);
}

/// §10.5.2: so is one to a resource of the domain, of which there is none.
#[test]
fn an_iq_to_a_resource_of_the_domain_is_answered() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost/nothing'><x xmlns='urn:example:unknown'/></iq>")
        .must("<iq type='error'/>");
}
