//! XEP-0357: notifications for clients that are not there.
//!
//! The app server is played by a user of the same host, who gets what is published at the full JID.

mod section_4_support;
mod section_5_enabling;
mod section_6_disabling;
mod section_7_1_errors;
mod section_7_occasions;
mod section_7_publishing;

use crate::harness::archive::*;

const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
const PUBLISH: &str =
    "<iq type='set'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish/></pubsub></iq>";

/// Turns notifications on, to this app server and node.
#[track_caller]
fn enable(client: &Client, service: &Client, node: &str) {
    request!(client, "<iq type='set'><enable xmlns='urn:xmpp:push:0' jid='{service}' node='{node}'/></iq>")
        .must("<iq type='result'/>");
}

/// A user who has turned notifications on and gone, the app server, and somebody who writes.
#[track_caller]
fn away() -> (Client, Client, Client) {
    let (alice, service, carol) = (online(), online(), online());
    enable(&alice, &service, "n1");
    alice.log_out();
    settle();
    (alice, service, carol)
}

/// Writes a message that is worth a notification.
#[track_caller]
fn write(carol: &Client, alice: &Client, body: &str) {
    send!(carol, "<message to='{alice:#}' type='chat'><body>{body}</body></message>");
}

/// The app server gets a notification and answers it well. Returns it.
#[track_caller]
fn notified(service: &Client) -> Element {
    let iq = service.expect(PUBLISH);
    iq.must(&format!(
        "<iq><pubsub xmlns='{PUBSUB}'><publish node='{ANY}'><item><notification xmlns='urn:xmpp:push:0'/></item></publish></pubsub></iq>"
    ));
    send!(service, "<iq type='result' id='{}' to='{}'/>", iq.need("id"), iq.need("from"));
    iq
}

/// The node that is published to.
#[track_caller]
fn node(iq: &Element) -> String {
    iq.need_child("pubsub").need_child("publish").need("node").to_owned()
}
