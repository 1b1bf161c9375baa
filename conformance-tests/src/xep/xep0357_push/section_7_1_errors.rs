//! XEP-0357 §7.1: what a service's error means.

use super::*;

/// The app server refuses a notification with this error.
#[track_caller]
fn refuse(service: &Client, kind: &str, condition: &str) -> Element {
    let iq = service.expect(PUBLISH);
    send!(
        service,
        "<iq type='error' id='{}' to='{}'><error type='{kind}'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        iq.need("id"),
        iq.need("from")
    );
    iq
}

/// §7.1: after an error the node is disabled.
#[test]
fn an_error_disables_the_node() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "one");
    refuse(&service, "cancel", "item-not-found");
    barrier();
    write(&carol, &alice, "two");
    service.expect_nothing();
}

/// §7.1: until the client enables it again.
#[test]
fn after_an_error_the_node_can_be_enabled_again() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "one");
    refuse(&service, "cancel", "item-not-found");
    barrier();
    let alice = alice.session_online("r1", 0);
    enable(&alice, &service, "n1");
    alice.log_out();
    settle();
    write(&carol, &alice, "two");
    notified(&service);
}

/// §7.1: it is that combination of JID and node, not the others.
#[test]
fn an_error_does_not_disable_other_nodes() {
    let (alice, service, carol) = (online(), online(), online());
    let tablet = alice.session_online("tablet", 0);
    enable(&alice, &service, "n1");
    enable(&tablet, &service, "n2");
    alice.log_out();
    tablet.log_out();
    write(&carol, &alice, "one");
    let refused = node(&refuse(&service, "cancel", "item-not-found"));
    let other = node(&notified(&service));
    assert_ne!(refused, other);
    barrier();
    write(&carol, &alice, "two");
    assert_eq!(node(&notified(&service)), other);
    service.expect_nothing();
}

/// §7.1: a result disables nothing.
#[test]
fn a_result_leaves_the_node_enabled() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "one");
    notified(&service);
    barrier();
    write(&carol, &alice, "two");
    notified(&service);
}

/// §7.1: it is the service's answer that counts: somebody else's error with the same id does not.
#[test]
fn an_error_by_somebody_else_disables_nothing() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "one");
    let iq = service.expect(PUBLISH);
    send!(
        carol,
        "<iq type='error' id='{}' to='{}'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        iq.need("id"),
        iq.need("from")
    );
    barrier();
    write(&carol, &alice, "two");
    notified(&service);
}
