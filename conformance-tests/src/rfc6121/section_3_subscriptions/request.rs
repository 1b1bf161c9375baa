//! RFC 6121 §3.1.1 to §3.1.3: asking for a subscription.

use crate::harness::*;

/// §3.1.2: the server stamps the request with the user's bare JID.
#[test]
fn a_request_comes_from_the_bare_jid() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    expect!(bob, "<presence type='subscribe'/>").must(&format!("<presence from='{alice:#}'/>"));
}

/// §3.1.2 (1): a request to a full JID is treated as one to the bare JID.
#[test]
fn a_request_to_a_full_jid_goes_to_all_available_resources() {
    let (alice, bob) = (online(), online());
    let phone = bob.session_online("phone", 0);
    send!(alice, "<presence to='{bob}' type='subscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>");
    expect!(phone, "<presence from='{alice:#}' type='subscribe'/>");
}

/// §3.1.2 (1): so the roster item is for the bare JID.
#[test]
fn a_request_to_a_full_jid_makes_an_item_for_the_bare_jid() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}' type='subscribe'/>");
    barrier();
    alice
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' ask='subscribe'/>");
}

/// §3.1.2: the user's interested resources get a push with ask='subscribe'.
#[test]
fn a_request_is_pushed_to_the_users_interested_resources() {
    let (alice, bob) = (online(), online());
    let phone = alice.session("phone");
    phone.roster();
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    for session in [&alice, &phone] {
        expect!(
            session,
            "<iq type='set'><query xmlns='jabber:iq:roster'>\
             <item jid='{bob:#}' subscription='none' ask='subscribe'/></query></iq>"
        );
    }
}

/// §3.1.3 (3): the request goes to all available resources.
#[test]
fn a_request_goes_to_all_available_resources() {
    let (alice, bob) = (online(), online());
    let phone = bob.session_online("phone", 0);
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>");
    expect!(phone, "<presence from='{alice:#}' type='subscribe'/>");
}

/// §3.1.3 (3): a resource without presence does not get the request.
#[test]
fn a_request_does_not_go_to_a_resource_without_presence() {
    let (alice, bob) = (online(), online());
    let silent = bob.session("silent");
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>");
    silent.expect_nothing();
}

/// §3.1.3: extended content is delivered.
#[test]
fn a_request_keeps_its_content() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<presence to='{bob:#}' id='s1' type='subscribe'><status>It is me</status>\
         <nick xmlns='http://jabber.org/protocol/nick'>Al</nick></presence>"
    );
    expect!(
        bob,
        "<presence from='{alice:#}' type='subscribe'><status>It is me</status>\
         <nick xmlns='http://jabber.org/protocol/nick'>Al</nick></presence>"
    );
}

/// §3.1.3 (4): with no available resource the request is delivered when there is one.
#[test]
fn a_request_waits_for_an_available_resource() {
    let (alice, bob) = (online(), user());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    bob.expect_nothing();
    bob.send("<presence/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>");
}

/// §3.1.3 (4): with its extended content.
#[test]
fn a_request_that_waited_keeps_its_content() {
    let (alice, bob) = (online(), user());
    send!(
        alice,
        "<presence to='{bob:#}' type='subscribe'><status>It is me</status>\
         <nick xmlns='http://jabber.org/protocol/nick'>Al</nick></presence>"
    );
    settle();
    bob.send("<presence/>");
    expect!(
        bob,
        "<presence from='{alice:#}' type='subscribe'><status>It is me</status>\
         <nick xmlns='http://jabber.org/protocol/nick'>Al</nick></presence>"
    );
}

/// §3.1.3 (4): it is delivered again to each new available resource until it is answered.
#[test]
fn a_request_is_delivered_to_each_new_available_resource() {
    let (alice, bob) = (online(), user());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    bob.send("<presence/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>");
    let phone = bob.session("phone");
    phone.send("<presence/>");
    expect!(phone, "<presence from='{alice:#}' type='subscribe'/>");
}

/// §3.1.3 (4): an approved request is not delivered any more.
#[test]
fn an_approved_request_is_not_delivered_again() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    let phone = bob.session("phone");
    phone.send("<presence/>");
    expect_no!(phone, "<presence type='subscribe'/>");
}

/// §3.1.3 (4): a denied request is not delivered any more.
#[test]
fn a_denied_request_is_not_delivered_again() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    settle();
    let phone = bob.session("phone");
    phone.send("<presence/>");
    expect_no!(phone, "<presence type='subscribe'/>");
}

/// §3.1.3 (4): several requests of one user are delivered as one.
#[test]
fn repeated_requests_are_delivered_once() {
    let (alice, bob) = (online(), user());
    for _ in 0..3 {
        send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    }
    settle();
    bob.send("<presence/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribe'/>");
    expect_no!(bob, "<presence type='subscribe'/>");
}

/// §3.1.3 (1): nothing is approved on the contact's behalf.
#[test]
fn a_request_is_not_approved_by_the_server() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    expect_no!(alice, "<presence type='subscribed'/>");
}

/// §3.1.3 (Security Warning): a request puts nothing into the contact's roster, so nothing is pushed.
#[test]
fn a_request_is_not_pushed_to_the_contact() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    expect_no!(bob, "<iq type='set'/>");
}

/// §3.1: a pending request gives no presence.
#[test]
fn a_pending_request_gives_no_presence() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    bob.send("<presence><status>secret</status></presence>");
    expect_no!(alice, "<presence from='{bob}'/>");
}

/// §3.1.2: a subscription request needs an address; without 'to' it is for the own account and has no effect.
#[test]
fn a_request_to_oneself_makes_no_roster_item() {
    let alice = online();
    send!(alice, "<presence to='{alice:#}' type='subscribe'/>");
    barrier();
    assert!(alice.roster_item(&alice.bare()).is_none(), "{}", *alice);
}
