//! RFC 6121 §4.2: initial presence.

use crate::harness::*;

/// §4.2.2: contacts with a subscription get it.
#[test]
fn initial_presence_goes_to_subscribers() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    let phone = alice.session("phone");
    phone.send("<presence><show>away</show><x xmlns='urn:example:x'>y</x></presence>");
    expect!(
        bob,
        "<presence from='{phone}' type='{NONE}'><show>away</show><x xmlns='urn:example:x'>y</x></presence>"
    );
}

/// §4.2.2: a contact without subscription does not.
#[test]
fn initial_presence_does_not_go_to_others() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    let phone = alice.session("phone");
    phone.send("<presence/>");
    expect_no!(bob, "<presence from='{phone}'/>");
}

/// §4.2.2: the resource itself gets its presence.
#[test]
fn initial_presence_comes_back_to_the_resource() {
    let alice = user();
    alice.send("<presence><status>here</status></presence>");
    expect!(alice, "<presence from='{alice}'><status>here</status></presence>");
}

/// §4.2.2: the user's other available resources get it.
#[test]
fn initial_presence_goes_to_the_users_other_resources() {
    let alice = online();
    let phone = alice.session("phone");
    phone.send("<presence/>");
    expect!(alice, "<presence from='{phone}' type='{NONE}'/>");
}

/// §4.2.2: and the new resource learns of the others.
#[test]
fn a_new_resource_learns_of_the_others() {
    let alice = online();
    let phone = alice.session("phone");
    phone.send("<presence/>");
    expect!(phone, "<presence from='{alice}' type='{NONE}'/>");
}

/// §4.2.2: a resource that has not sent presence gets none.
#[test]
fn a_resource_without_presence_gets_no_presence() {
    let (alice, bob) = (online(), user());
    bob.roster();
    let silent = bob.session("silent");
    bob.send("<presence/>");
    settle();
    subscribe(&bob, &alice);
    alice.send("<presence><status>x</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>x</status></presence>");
    expect_no!(silent, "<presence/>");
}

/// §4.2.2 and §4.3: the new resource gets the presence of the contacts it may see.
#[test]
fn a_new_resource_learns_its_contacts_presence() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    bob.send("<presence><show>dnd</show><status>busy</status></presence>");
    settle();
    let phone = alice.session("phone");
    phone.send("<presence/>");
    expect!(phone, "<presence from='{bob}'><show>dnd</show><status>busy</status></presence>");
}

/// §4.2.3: all available resources of the contact get it.
#[test]
fn initial_presence_goes_to_all_resources_of_the_contact() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    let tablet = bob.session_online("tablet", -1);
    let phone = alice.session("phone");
    phone.send("<presence/>");
    expect!(bob, "<presence from='{phone}'/>");
    expect!(tablet, "<presence from='{phone}'/>");
}

/// §4.2.2: the 'to' of a broadcast is the contact.
#[test]
fn a_broadcast_is_addressed_to_the_contact() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<presence/>");
    let presence = expect!(bob, "<presence from='{alice}'/>");
    let to = presence.need("to");
    assert!(to == bob.bare() || to == bob.to_string(), "{to}");
}
