//! XEP-0280: copies for the other resources.

mod section_10_rules;
mod section_3_support;
mod section_4_enabling;
mod section_6_eligible;
mod section_7_received;
mod section_8_sent;
mod section_9_private;

use crate::harness::archive::*;

/// Turns copies on for a session.
#[track_caller]
fn enable(client: &Client) {
    request!(client, "<iq type='set'><enable xmlns='urn:xmpp:carbons:2'/></iq>").must("<iq type='result'/>");
}

/// Turns copies off for a session.
#[track_caller]
fn disable(client: &Client) {
    request!(client, "<iq type='set'><disable xmlns='urn:xmpp:carbons:2'/></iq>").must("<iq type='result'/>");
}

/// A fresh account with two available sessions that have copies turned on.
#[track_caller]
fn pair() -> (Client, Client) {
    let phone = online();
    let desk = phone.session_online("desk", 0);
    enable(&phone);
    enable(&desk);
    (phone, desk)
}

/// The message inside a copy.
#[track_caller]
fn inside(copy: &Element, direction: &str) -> Element {
    copy.need_child(direction).need_child("forwarded").need_child("message").clone()
}

/// How many copies of that direction have come to a session and are not claimed.
#[track_caller]
fn copies(client: &Client, direction: &str) -> usize {
    let copy = Element::parse(&format!(
        "<message><{direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></{direction}></message>"
    ));
    client.inbox().iter().filter(|e| e.matches(&copy)).count()
}
