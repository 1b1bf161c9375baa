//! XEP-0357 §5: turning notifications on.

use super::*;

/// §5: with a node.
#[test]
fn enabling_with_a_node_is_answered_with_a_result() {
    let (alice, service) = (online(), online());
    enable(&alice, &service, "n1");
}

/// §5: the request may be addressed to the own account.
#[test]
fn enabling_may_name_the_own_account() {
    let (alice, service, carol) = (online(), online(), online());
    request!(
        alice,
        "<iq type='set' to='{alice:#}'><enable xmlns='urn:xmpp:push:0' jid='{service}' node='n1'/></iq>"
    )
    .must("<iq type='result'/>");
    alice.log_out();
    write(&carol, &alice, "hi");
    assert_eq!(node(&notified(&service)), "n1");
}

/// §5: the node is recommended, not required.
#[test]
fn enabling_without_a_node_is_answered_with_a_result() {
    let (alice, service) = (online(), online());
    request!(alice, "<iq type='set'><enable xmlns='urn:xmpp:push:0' jid='{service}'/></iq>")
        .must("<iq type='result'/>");
}

/// §5: enabling again is no error.
#[test]
fn enabling_again_is_answered_with_a_result() {
    let (alice, service) = (online(), online());
    enable(&alice, &service, "n1");
    enable(&alice, &service, "n1");
}

/// §5: and leads to one notification, not two.
#[test]
fn enabling_again_gives_one_notification() {
    let (alice, service, carol) = (online(), online(), online());
    enable(&alice, &service, "n1");
    enable(&alice, &service, "n1");
    alice.log_out();
    write(&carol, &alice, "hi");
    notified(&service);
    service.expect_nothing();
}

/// §5: the service's JID has to be there.
#[test]
fn enabling_without_a_jid_is_refused() {
    let alice = online();
    request!(alice, "<iq type='set'><enable xmlns='urn:xmpp:push:0' node='n1'/></iq>")
        .must_fail("bad-request");
}

/// §5: and has to be one.
#[test]
fn enabling_with_a_malformed_jid_is_refused() {
    let alice = online();
    for jid in ["", "@@no jid@@"] {
        request!(alice, "<iq type='set'><enable xmlns='urn:xmpp:push:0' jid='{jid}' node='n1'/></iq>")
            .must_fail_with_one_of(&["bad-request", "jid-malformed"]);
    }
}

/// §5: it is a set.
#[test]
fn a_get_does_not_enable() {
    let (alice, service, carol) = (online(), online(), online());
    request!(alice, "<iq type='get'><enable xmlns='urn:xmpp:push:0' jid='{service}' node='n1'/></iq>")
        .must("<iq type='error'/>");
    alice.log_out();
    write(&carol, &alice, "hi");
    service.expect_nothing();
}

/// §5: it is the account's owner who decides.
#[test]
fn another_accounts_notifications_cannot_be_enabled() {
    let (alice, mallory, carol) = (online(), online(), online());
    request!(
        mallory,
        "<iq type='set' to='{alice:#}'><enable xmlns='urn:xmpp:push:0' jid='{mallory}' node='n1'/></iq>"
    )
    .must("<iq type='error'/>");
    alice.log_out();
    write(&carol, &alice, "hi");
    mallory.expect_nothing();
}

/// §5: options that the service asks for are passed on with each notification.
#[test]
fn publish_options_are_passed_on() {
    let (alice, service, carol) = (online(), online(), online());
    enable_with_secret(&alice, &service, "eruio234vzxc2kla-91");
    alice.log_out();
    write(&carol, &alice, "hi");
    notified(&service).must(&options("eruio234vzxc2kla-91"));
    write(&carol, &alice, "again");
    notified(&service).must(&options("eruio234vzxc2kla-91"));
}

/// §5: without options there are none.
#[test]
fn without_publish_options_none_are_sent() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "hi");
    notified(&service).must_not(&format!("<iq><pubsub xmlns='{PUBSUB}'><publish-options/></pubsub></iq>"));
}

/// §5: of the same service and node the last request counts.
#[test]
fn the_last_publish_options_count() {
    let (alice, service, carol) = (online(), online(), online());
    enable_with_secret(&alice, &service, "old");
    enable_with_secret(&alice, &service, "new");
    alice.log_out();
    write(&carol, &alice, "hi");
    notified(&service).must(&options("new"));
    service.expect_nothing();
}

#[track_caller]
fn enable_with_secret(alice: &Client, service: &Client, secret: &str) {
    request!(
        alice,
        "<iq type='set'><enable xmlns='urn:xmpp:push:0' jid='{service}' node='n1'>\
         <x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>\
         <field var='secret'><value>{secret}</value></field></x></enable></iq>"
    )
    .must("<iq type='result'/>");
}

fn options(secret: &str) -> String {
    format!(
        "<iq><pubsub xmlns='{PUBSUB}'><publish-options><x xmlns='jabber:x:data'>\
         <field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>\
         <field var='secret'><value>{secret}</value></field></x></publish-options></pubsub></iq>"
    )
}

/// §5: several nodes of one service can be enabled, and each is notified.
#[test]
fn each_node_is_notified() {
    let (alice, service, carol) = (online(), online(), online());
    let tablet = alice.session_online("tablet", 0);
    enable(&alice, &service, "n1");
    enable(&tablet, &service, "n2");
    alice.log_out();
    tablet.log_out();
    write(&carol, &alice, "hi");
    let mut nodes = [node(&notified(&service)), node(&notified(&service))];
    nodes.sort();
    assert_eq!(nodes, ["n1", "n2"]);
    service.expect_nothing();
}

/// §7: several services too.
#[test]
fn each_service_is_notified() {
    let (alice, first, second, carol) = (online(), online(), online(), online());
    let tablet = alice.session_online("tablet", 0);
    enable(&alice, &first, "n1");
    enable(&tablet, &second, "n1");
    alice.log_out();
    tablet.log_out();
    write(&carol, &alice, "hi");
    notified(&first);
    notified(&second);
}
