//! XEP-0357 §6: turning notifications off.

use super::*;

/// Alice has two devices with a node each; she turns something off from the first, and both are gone. Returns which
/// nodes a message is published to.
#[track_caller]
fn nodes_after(attributes: &str) -> Vec<String> {
    let (alice, service, carol) = (online(), online(), online());
    let tablet = alice.session_online("tablet", 0);
    enable(&alice, &service, "n1");
    enable(&tablet, &service, "n2");
    request!(alice, "<iq type='set'><disable xmlns='urn:xmpp:push:0' jid='{service}'{attributes}/></iq>")
        .must("<iq type='result'/>");
    alice.log_out();
    tablet.log_out();
    write(&carol, &alice, "hi");
    // Shows that the message has been handled.
    alice.session("later").archived("<message><body>hi</body></message>");
    barrier();
    let published = Element::parse(PUBLISH);
    let mut nodes: Vec<String> =
        std::iter::from_fn(|| service.unclaimed(|e| e.matches(&published))).map(|iq| node(&iq)).collect();
    nodes.sort();
    nodes
}

/// §6: with a node only that combination is removed.
#[test]
fn disabling_a_node_leaves_the_others() {
    assert_eq!(nodes_after(" node='n1'"), ["n2"]);
}

/// §6: without a node all of the service are removed.
#[test]
fn disabling_without_a_node_disables_the_service() {
    assert!(nodes_after("").is_empty());
}

/// §6: nothing must be published to a service that is not enabled.
#[test]
fn after_disabling_no_notification_is_published() {
    let (alice, service, carol) = (online(), online(), online());
    enable(&alice, &service, "n1");
    request!(alice, "<iq type='set'><disable xmlns='urn:xmpp:push:0' jid='{service}' node='n1'/></iq>")
        .must("<iq type='result'/>");
    alice.log_out();
    write(&carol, &alice, "hi");
    service.expect_nothing();
}

/// §6: it can be enabled again.
#[test]
fn enabling_after_disabling_works() {
    let (alice, service, carol) = (online(), online(), online());
    enable(&alice, &service, "n1");
    request!(alice, "<iq type='set'><disable xmlns='urn:xmpp:push:0' jid='{service}'/></iq>")
        .must("<iq type='result'/>");
    enable(&alice, &service, "n1");
    alice.log_out();
    write(&carol, &alice, "hi");
    assert_eq!(node(&notified(&service)), "n1");
}

/// §6: disabling one service leaves the other.
#[test]
fn disabling_a_service_leaves_the_others() {
    let (alice, first, second, carol) = (online(), online(), online(), online());
    let tablet = alice.session_online("tablet", 0);
    enable(&alice, &first, "n1");
    enable(&tablet, &second, "n1");
    request!(alice, "<iq type='set'><disable xmlns='urn:xmpp:push:0' jid='{first}'/></iq>")
        .must("<iq type='result'/>");
    alice.log_out();
    tablet.log_out();
    write(&carol, &alice, "hi");
    notified(&second);
    first.expect_nothing();
}

/// §6: the service's JID has to be there.
#[test]
fn disabling_without_a_jid_is_refused() {
    let alice = online();
    request!(alice, "<iq type='set'><disable xmlns='urn:xmpp:push:0' node='n1'/></iq>")
        .must_fail("bad-request");
}

/// §6: it is the account's owner who decides.
#[test]
fn another_accounts_notifications_cannot_be_disabled() {
    let (alice, service, mallory) = (online(), online(), online());
    enable(&alice, &service, "n1");
    request!(
        mallory,
        "<iq type='set' to='{alice:#}'><disable xmlns='urn:xmpp:push:0' jid='{service}' node='n1'/></iq>"
    )
    .must("<iq type='error'/>");
    alice.log_out();
    write(&mallory, &alice, "hi");
    notified(&service);
}

/// §6: what is enabled stays so while the client is gone: a second message is notified of as well.
#[test]
fn notifications_stay_enabled() {
    let (alice, service, carol) = away();
    for body in ["one", "two"] {
        write(&carol, &alice, body);
        notified(&service);
    }
}

/// §6: and when the client has come and gone again without enabling.
#[test]
fn notifications_stay_enabled_over_the_next_session() {
    let (alice, service, carol) = away();
    let alice = alice.session_online("r1", 0);
    alice.log_out();
    settle();
    write(&carol, &alice, "hi");
    notified(&service);
}
