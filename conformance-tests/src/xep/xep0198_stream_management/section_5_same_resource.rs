//! XEP-0198 §5 with RFC 6120 §7.7.2.2: a resource is bound anew while a session with that name sleeps.

use crate::harness::*;

/// A session that was cut, its SM-ID, and a new one that asked for the same resource; None if the server gave it
/// another one, which is its right.
#[track_caller]
fn replaced() -> Option<(Client, String, Client)> {
    let alice = online();
    let id = alice.enable();
    alice.cut();
    let new = alice.session("r1");
    (new.to_string() == alice.to_string()).then_some((alice, id, new))
}

/// RFC 6120 §7.7.2.2: a client that lost its session gets a resource.
#[test]
fn the_resource_can_be_bound_anew() {
    let alice = user();
    alice.enable();
    alice.cut();
    assert!(alice.authenticated().bind_as("r1").starts_with(&alice.bare()));
}

/// RFC 6120 §7.7.2.2: there is one session of a full JID: the new one gets what is for it.
#[test]
fn messages_reach_the_new_session() {
    let bob = online();
    let Some((_, _, new)) = replaced() else { return };
    send!(bob, "<message to='{new}' type='chat'><body>hi</body></message>");
    expect!(new, "<message from='{bob}'><body>hi</body></message>");
}

/// §5: the session that was replaced is not resumed any more.
#[test]
fn the_old_session_is_gone() {
    let Some((alice, id, _new)) = replaced() else { return };
    alice.authenticated().expect_no_resumption(&id, 0);
}

/// §5: a failed resumption of it does the new session no harm.
#[test]
fn a_failed_resumption_leaves_the_new_session_alone() {
    let bob = online();
    let Some((alice, id, new)) = replaced() else { return };
    alice.authenticated().expect_no_resumption(&id, 0);
    send!(bob, "<message to='{new}' type='chat'><body>hi</body></message>");
    expect!(new, "<message from='{bob}'><body>hi</body></message>");
}

/// RFC 6121 §4.5.2: the end of the old session is announced, before the new one sends presence.
#[test]
fn the_old_session_becomes_unavailable() {
    let (bob, alice) = (online(), online());
    subscribe(&bob, &alice);
    alice.enable();
    alice.cut();
    let new = alice.session("r1");
    if new.to_string() == alice.to_string() {
        expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    }
}

/// §4: what the old session did not acknowledge is not lost: it comes to the new one, or back to the sender.
#[test]
fn unhandled_messages_of_the_old_session_are_not_lost() {
    let (bob, alice) = (online(), online());
    alice.enable();
    alice.withhold_acks();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    alice.cut();
    let new = alice.session("r1");
    new.send("<presence/>");
    barrier();
    let bounced = bob.unclaimed(|e| e.name == "message" && e.attr("type") == Some("error"));
    if bounced.is_none() {
        expect!(new, "<message from='{bob}' id='m'><body>hi</body></message>");
    }
}
