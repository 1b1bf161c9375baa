//! RFC 6121 §4.4: later presence.

use crate::harness::*;

/// §4.4.2: the full XML goes to subscribers.
#[test]
fn later_presence_goes_to_subscribers_in_full() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send(
        "<presence id='p2'><show>xa</show><status xml:lang='de'>weg</status><status xml:lang='en'>gone</status>\
         <priority>3</priority><x xmlns='urn:example:x'><y a='b'>z</y></x></presence>",
    );
    expect!(
        bob,
        "<presence from='{alice}'><show>xa</show><status xml:lang='de'>weg</status><status xml:lang='en'>gone</status>\
         <priority>3</priority><x xmlns='urn:example:x'><y a='b'>z</y></x></presence>"
    );
}

/// §4.4.2: the id of the stanza is part of the full XML.
#[test]
fn later_presence_keeps_its_id() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<presence id='p2'/>");
    expect!(bob, "<presence from='{alice}' id='p2'/>");
}

/// §4.4.2: all the user's available resources get it, the sending one included.
#[test]
fn later_presence_goes_to_all_own_resources() {
    let alice = online();
    let phone = alice.session_online("phone", 0);
    alice.send("<presence><status>new</status></presence>");
    expect!(alice, "<presence from='{alice}'><status>new</status></presence>");
    expect!(phone, "<presence from='{alice}'><status>new</status></presence>");
}

/// §4.4.2: others do not.
#[test]
fn later_presence_does_not_go_to_strangers() {
    let (alice, bob) = (online(), online());
    alice.send("<presence><status>new</status></presence>");
    bob.expect_nothing();
}

/// §4.4.2: contacts that this user merely watches do not either.
#[test]
fn later_presence_does_not_go_to_contacts_one_only_watches() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    alice.send("<presence><status>new</status></presence>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.4.3: all available resources of the contact get it.
#[test]
fn later_presence_goes_to_all_resources_of_the_contact() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    let tablet = bob.session_online("tablet", 0);
    alice.send("<presence><status>new</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>new</status></presence>");
    expect!(tablet, "<presence from='{alice}'><status>new</status></presence>");
}

/// §4.4: later presence causes no new probes: the contacts' presence does not come again.
#[test]
fn later_presence_does_not_bring_the_contacts_presence_again() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    alice.send("<presence><status>new</status></presence>");
    expect_no!(alice, "<presence from='{bob}'/>");
}

/// §3.1.3 (4): later presence does not bring a waiting request again.
#[test]
fn later_presence_does_not_bring_a_request_again() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    expect!(alice, "<presence type='subscribe'/>");
    alice.send("<presence><status>new</status></presence>");
    expect_no!(alice, "<presence type='subscribe'/>");
}
