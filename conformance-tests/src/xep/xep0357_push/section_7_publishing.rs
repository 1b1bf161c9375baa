//! XEP-0357 §7: what is published.

use super::*;

/// §7: an item with a notification, to the node.
#[test]
fn a_notification_is_an_item_of_the_node() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "hi");
    notified(&service).must(&format!(
        "<iq type='set' to='{service}'><pubsub xmlns='{PUBSUB}'><publish node='n1'><item>\
         <notification xmlns='urn:xmpp:push:0'/></item></publish></pubsub></iq>"
    ));
}

/// §3.2 and §7: it comes from the server, or from the account, and not from somebody else.
#[test]
fn a_notification_comes_from_the_server_or_the_account() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "hi");
    let iq = notified(&service);
    assert!([HOST, &alice.bare()].contains(&iq.need("from")), "{iq}");
}

/// §7, §11.3: the form is a summary, with the fields that are registered.
#[test]
fn the_summary_has_registered_fields() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "hi");
    let iq = notified(&service);
    let notification =
        iq.need_child("pubsub").need_child("publish").need_child("item").need_child("notification");
    let summary = notification.need_child("x");
    summary.must(
        "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>urn:xmpp:push:summary</value></field></x>",
    );
    let known = [
        "FORM_TYPE",
        "message-count",
        "pending-subscription-count",
        "last-message-sender",
        "last-message-body",
    ];
    for field in summary.children() {
        assert!(known.contains(&field.need("var")), "{field} in {summary}");
    }
}

/// §7: numbers are numbers, and the sender is the sender, where they are told at all.
#[test]
fn the_summary_is_true() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "hi");
    let iq = notified(&service);
    let notification =
        iq.need_child("pubsub").need_child("publish").need_child("item").need_child("notification");
    for field in notification.need_child("x").children() {
        let value = field.child("value").map(Element::text).unwrap_or_default();
        match field.need("var") {
            "message-count" => assert_eq!(value, "1", "{notification}"),
            "pending-subscription-count" => assert_eq!(value, "0", "{notification}"),
            "last-message-sender" => {
                assert!([carol.to_string(), carol.bare()].contains(&value), "{notification}");
            }
            _ => {}
        }
    }
}

/// RFC 6120 §8.2.3: each notification has an id of its own.
#[test]
fn each_notification_has_its_id() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "one");
    let first = notified(&service);
    write(&carol, &alice, "two");
    let second = notified(&service);
    assert_ne!(first.need("id"), second.need("id"));
}

/// §7: whatever the service answers, the sender hears nothing of it.
#[test]
fn the_sender_does_not_see_the_notification() {
    let (alice, service, carol) = away();
    write(&carol, &alice, "hi");
    notified(&service);
    carol.expect_nothing();
}
