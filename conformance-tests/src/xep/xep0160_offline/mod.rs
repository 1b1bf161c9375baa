//! XEP-0160 with RFC 6121 §8.5.2.2.1 and XEP-0334: offline messages.

mod hints;
mod section_2_flow;
mod section_3_types;
mod section_4_disco;

use crate::harness::*;

/// An account without sessions; to log in again, use `session`.
#[track_caller]
fn absent() -> Client {
    let bob = user();
    bob.log_out();
    settle();
    bob
}

/// A new session that becomes available; what it gets is not forgotten.
#[track_caller]
fn arrives(account: &Client, resource: &str) -> Client {
    let client = account.session(resource);
    client.send("<presence/>");
    client
}

/// Sends something to an absent account, and an ordinary message after it, and returns the messages that the account
/// gets when it comes, the ordinary one left out, and the account.
#[track_caller]
fn stored(alice: &Client, message: impl Fn(&Client) -> String) -> (Vec<Element>, Client) {
    let bob = absent();
    alice.send(&message(&bob));
    send!(alice, "<message to='{bob:#}' type='chat' id='ordinary'><body>ordinary</body></message>");
    barrier();
    let here = arrives(&bob, "next");
    here.expect("<message id='ordinary'/>");
    barrier();
    (here.inbox().into_iter().filter(|e| e.name == "message").collect(), here)
}

/// Shows that a message with this inside (from the attributes on) is stored.
#[track_caller]
fn is_stored(inside: &str) {
    let alice = online();
    let (all, _) = stored(&alice, |bob| format!("<message to='{bob:#}' id='m' {inside}</message>"));
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].must(&format!("<message from='{alice}' id='m'/>"));
    alice.expect_no("<message type='error'/>");
}

/// Shows that a message with this inside is not stored.
#[track_caller]
fn is_not_stored(inside: &str) {
    let (all, _) = stored(&online(), |bob| format!("<message to='{bob:#}' id='m' {inside}</message>"));
    assert!(all.is_empty(), "{all:?}");
}
