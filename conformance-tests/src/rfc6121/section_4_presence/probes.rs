//! RFC 6121 §4.3: probes. A client may send one, and must not be punished for it.

use crate::harness::*;

/// §4.3.2 (4): the last presence of each available resource, in full.
#[test]
fn a_subscribers_probe_gets_the_full_presence_of_each_resource() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    let phone = alice.session_online("phone", 0);
    alice.send("<presence><show>chat</show><x xmlns='urn:example:x'/></presence>");
    phone.send("<presence><status>on the way</status></presence>");
    settle();
    send!(bob, "<presence to='{alice:#}' type='probe'/>");
    expect!(bob, "<presence from='{alice}'><show>chat</show><x xmlns='urn:example:x'/></presence>");
    expect!(bob, "<presence from='{phone}'><status>on the way</status></presence>");
}

/// §4.3.2 (1): a stranger's probe reveals nothing but perhaps unsubscribed from the bare JID, which the prober's own
/// server SHOULD NOT deliver as it changes nothing there (A.3.4).
#[test]
fn a_strangers_probe_reveals_no_presence() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice:#}' type='probe'/>");
    expect_no!(bob, "<presence from='{alice}'/>");
    for answer in bob.inbox() {
        answer.must(&format!("<presence from='{alice:#}' type='unsubscribed'/>"));
    }
}

/// §4.3.2 (1): a contact that is watched, but may not watch, is a stranger in that.
#[test]
fn a_watched_contacts_probe_reveals_no_presence() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    send!(bob, "<presence to='{alice:#}' type='probe'/>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.3.2 (3): without available resources the answer SHOULD be unavailable from the bare JID.
#[test]
fn a_probe_of_an_offline_contact_is_answered_with_unavailable() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    alice.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    send!(bob, "<presence to='{alice:#}' type='probe'/>");
    expect!(bob, "<presence from='{alice:#}' type='unavailable'/>");
}

/// §4.3: the server does not return an error only because a client sent a probe.
#[test]
fn a_clients_probe_is_no_error() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice:#}' type='probe'/>");
    expect_no!(bob, "<presence type='error'/>");
    assert!(!bob.is_closed());
}

/// §4.3.2: a probe is handled by the server and not delivered.
#[test]
fn a_probe_is_not_delivered_to_the_contact() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(bob, "<presence to='{alice:#}' type='probe'/>");
    alice.expect_nothing();
}

/// §4.3.2: a probe to a full JID is answered for that resource only.
#[test]
fn a_probe_of_a_full_jid_is_answered_for_that_resource_only() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    let phone = alice.session_online("phone", 0);
    send!(bob, "<presence to='{phone}' type='probe'/>");
    expect!(bob, "<presence from='{phone}' type='{NONE}'/>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.3.2: a stranger's probe to a full JID reveals nothing.
#[test]
fn a_strangers_probe_of_a_full_jid_reveals_no_presence() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice}' type='probe'/>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.6.6: who got directed presence may probe that full JID.
/// Neither Prosody nor ejabberd: §4.6.6 is a SHOULD.
#[test]
fn a_probe_after_directed_presence_is_answered() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob}'/>");
    settle();
    send!(bob, "<presence to='{alice}' type='probe'/>");
    expect!(bob, "<presence from='{alice}' type='{NONE}'/>");
}

/// §4.3.2 (1): the answer to a stranger's probe does not cancel a pre-approval.
#[test]
fn a_probe_does_not_cancel_a_pre_approval() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribed'/>");
    settle();
    send!(bob, "<presence to='{alice:#}' type='probe'/>");
    settle();
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribed'/>");
}
