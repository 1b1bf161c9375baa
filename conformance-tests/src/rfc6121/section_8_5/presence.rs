//! RFC 6121 §8.5 on presence.

use crate::harness::*;

/// §8.5.1: presence for an account that does not exist is ignored.
#[test]
fn presence_to_an_unknown_account_is_ignored() {
    let alice = online();
    alice.send("<presence to='nobody-here@localhost'/>");
    alice.expect_nothing();
}

/// §8.5.1: the same for unavailable presence.
#[test]
fn unavailable_presence_to_an_unknown_account_is_ignored() {
    let alice = online();
    alice.send("<presence to='nobody-here@localhost' type='unavailable'/>");
    alice.expect_nothing();
}

macro_rules! ignored_for_unknown_account {
    ($($name:ident: $kind:literal;)*) => {
        $(#[test] fn $name() {
            let alice = user();
            alice.send(concat!("<presence to='nobody-here@localhost' type='", $kind, "'/>"));
            alice.expect_no("<presence/>");
        })*
    };
}

// §8.5.1: subscription stanzas for an account that does not exist are ignored.
ignored_for_unknown_account! {
    subscribed_to_an_unknown_account_is_ignored: "subscribed";
    unsubscribe_to_an_unknown_account_is_ignored: "unsubscribe";
    unsubscribed_to_an_unknown_account_is_ignored: "unsubscribed";
}

/// §8.5.1 demands that a request for an account that does not exist is ignored, §3.1.2 that the user's server returns
/// an error where it cannot deliver one. Either will do, but nothing else.
#[test]
fn subscribe_to_an_unknown_account_is_ignored_or_bounced() {
    let alice = user();
    alice.send("<presence to='nobody-here@localhost' type='subscribe'/>");
    barrier();
    for answer in alice.inbox().iter().filter(|e| e.name == "presence") {
        answer.must("<presence type='error' from='nobody-here@localhost'/>");
    }
}

/// §8.5.1: a probe for an account that does not exist is ignored or answered with unsubscribed.
#[test]
fn probe_to_an_unknown_account_reveals_nothing() {
    let alice = online();
    alice.send("<presence to='nobody-here@localhost' type='probe'/>");
    barrier();
    for answer in alice.inbox() {
        answer.must("<presence type='unsubscribed'/>");
    }
}

/// §8.5.2.1.2: presence to a bare JID goes to all available resources.
#[test]
fn presence_to_bare_jid_reaches_all_available_resources() {
    let (alice, bob) = (online(), online());
    let phone = bob.session_online("phone", -1);
    send!(alice, "<presence to='{bob:#}'><status>hi</status></presence>");
    expect!(bob, "<presence from='{alice}' type='{NONE}'><status>hi</status></presence>");
    expect!(phone, "<presence from='{alice}' type='{NONE}'><status>hi</status></presence>");
}

/// §8.5.2.1.2: the server does not rewrite 'to' of presence to a bare JID.
#[test]
fn to_of_presence_to_a_bare_jid_is_not_rewritten() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}'><status>hi</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>hi</status></presence>")
        .must(&format!("<presence to='{bob:#}'/>"));
}

/// §8.5.2.1.2: nor of a subscription request.
#[test]
fn to_of_a_subscription_request_is_not_rewritten() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>").must(&format!("<presence to='{bob:#}'/>"));
}

/// §8.5.2.1.2: unavailable presence to a bare JID goes to all available resources.
#[test]
fn unavailable_presence_to_bare_jid_reaches_all_available_resources() {
    let (alice, bob) = (online(), online());
    let phone = bob.session_online("phone", 0);
    send!(alice, "<presence to='{bob:#}'/>");
    settle();
    send!(alice, "<presence to='{bob:#}' type='unavailable'/>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    expect!(phone, "<presence from='{alice}' type='unavailable'/>");
}

/// §8.5.2.1.2: a resource that is not available gets no presence for the bare JID.
#[test]
fn presence_to_bare_jid_does_not_reach_a_resource_without_presence() {
    let (alice, bob) = (online(), online());
    let silent = bob.session("silent");
    send!(alice, "<presence to='{bob:#}'/>");
    expect!(bob, "<presence from='{alice}'/>");
    silent.expect_nothing();
}

/// §8.5.2.2.2: presence for an account without resources is ignored, and not kept for later.
#[test]
fn presence_to_bare_jid_without_resources_is_not_kept() {
    let (alice, bob) = (online(), user());
    send!(alice, "<presence to='{bob:#}'><status>lost</status></presence>");
    alice.expect_nothing();
    bob.send("<presence/>");
    expect_no!(bob, "<presence from='{alice}'><status>lost</status></presence>");
}

/// §8.5.3.1: presence to a full JID goes to that resource.
#[test]
fn presence_to_full_jid_reaches_that_resource_only() {
    let (alice, bob) = (online(), online());
    let phone = bob.session_online("phone", 0);
    send!(alice, "<presence to='{phone}'><status>hi</status></presence>");
    expect!(phone, "<presence from='{alice}' to='{phone}'><status>hi</status></presence>");
    bob.expect_nothing();
}

/// §8.5.3.1: unavailable presence to a full JID goes to that resource.
#[test]
fn unavailable_presence_to_full_jid_reaches_that_resource_only() {
    let (alice, bob) = (online(), online());
    let phone = bob.session_online("phone", 0);
    send!(alice, "<presence to='{phone}'/>");
    settle();
    send!(alice, "<presence to='{phone}' type='unavailable'/>");
    expect!(phone, "<presence from='{alice}' to='{phone}' type='unavailable'/>");
    bob.expect_nothing();
}

/// §8.5.3.2.2: presence to a full JID without such a resource is ignored.
#[test]
fn presence_to_a_full_jid_without_match_is_ignored() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}/absent'/>");
    alice.expect_nothing();
    bob.expect_nothing();
}

/// §8.5.3.2.2: unavailable presence to a full JID without such a resource is ignored.
#[test]
fn unavailable_presence_to_a_full_jid_without_match_is_ignored() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}/absent' type='unavailable'/>");
    alice.expect_nothing();
    bob.expect_nothing();
}

/// §8.5.3.2.2: a request to a full JID without such a resource is one for the account (§3.1.3).
#[test]
fn a_request_to_a_full_jid_without_match_is_for_the_account() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}/absent' type='subscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>");
}

/// §8.5.2.1.2: subscription stanzas are handled by the server; an unsubscribe of a stranger goes nowhere.
#[test]
fn an_unsubscribe_to_a_full_jid_without_match_is_ignored() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}/absent' type='unsubscribe'/>");
    alice.expect_no("<presence type='error'/>");
    bob.expect_nothing();
}
