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

/// The fields of the summary of the one notification of a message by Carol; none if there is no summary, which §7
/// leaves to the server.
#[track_caller]
fn summary() -> (Client, Vec<(String, String)>) {
    let (alice, service, carol) = away();
    write(&carol, &alice, "hi");
    let iq = notified(&service);
    let item = iq.need_child("pubsub").need_child("publish").need_child("item");
    let form = item.need_child("notification").children().find(|c| c.ns == "jabber:x:data");
    let value = |field: &Element| field.child("value").map(Element::text).unwrap_or_default();
    let fields = form.into_iter().flat_map(Element::children);
    (carol, fields.map(|f| (f.need("var").to_owned(), value(f))).collect())
}

/// §7, §11.3: the form is a summary, with the fields that are registered.
#[test]
fn the_summary_has_registered_fields() {
    let known = [
        "FORM_TYPE",
        "message-count",
        "pending-subscription-count",
        "last-message-sender",
        "last-message-body",
    ];
    let (_, fields) = summary();
    let form_type = ("FORM_TYPE".to_owned(), "urn:xmpp:push:summary".to_owned());
    assert!(fields.is_empty() || fields.contains(&form_type), "{fields:?}");
    assert!(fields.iter().all(|(var, _)| known.contains(&var.as_str())), "{fields:?}");
}

/// §7, §11.3: what it says is true.
#[test]
fn the_summary_is_true() {
    let (carol, fields) = summary();
    for (var, value) in &fields {
        match var.as_str() {
            "message-count" => assert_eq!(value, "1", "{fields:?}"),
            "pending-subscription-count" => assert_eq!(value, "0", "{fields:?}"),
            "last-message-sender" => {
                assert!([carol.to_string(), carol.bare()].contains(value), "{fields:?}");
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
