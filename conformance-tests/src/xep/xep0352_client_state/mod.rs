//! XEP-0352: client state indication.
//!
//! What a server holds back is its choice. The tests demand what is left: nothing important waits, what was held comes
//! in order, and `<active/>` brings the rest.

mod section_4_protocol;
mod section_5_order;
mod section_5_resumption;

use crate::harness::*;

/// Two who see each other's presence, the first one inactive, and the server knows it.
#[track_caller]
fn inactive() -> (Client, Client) {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    be_inactive(&alice);
    (alice, bob)
}

#[track_caller]
fn be_inactive(alice: &Client) {
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/>");
    alice.ping();
}

/// Sends presence with that `<show/>` and waits until the server has routed it.
#[track_caller]
fn show(client: &Client, show: &str) {
    client.send(&format!("<presence><show>{show}</show></presence>"));
    client.ping();
    client.ping();
}

/// Becomes active and pings: all that was held is here then. Returns what has come.
#[track_caller]
fn wake(client: &Client) -> Vec<Element> {
    client.send("<active xmlns='urn:xmpp:csi:0'/>");
    client.ping();
    client.inbox()
}

/// Where the last element that matches stands.
fn last(all: &[Element], pattern: &str) -> Option<usize> {
    let wanted = Element::parse(pattern);
    all.iter().rposition(|e| e.matches(&wanted))
}
