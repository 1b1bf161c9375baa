//! RFC 6121 §3.2: cancelling a subscription or denying a request.

use crate::harness::*;

/// §3.2.2 (3): unsubscribed is delivered, from the contact's bare JID.
#[test]
fn a_cancellation_is_delivered_from_the_bare_jid() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    expect!(alice, "<presence type='unsubscribed'/>").must(&format!("<presence from='{bob:#}'/>"));
}

/// §3.2.2 (3): before it, unavailable presence of each of the contact's resources.
#[test]
fn a_cancellation_follows_unavailable_presence_of_each_resource() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    let phone = bob.session_online("phone", 0);
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    barrier();
    let inbox = alice.inbox();
    let at = |from: String, kind: &str| {
        inbox.iter().position(|e| e.attr("from") == Some(&from) && e.attr("type") == Some(kind))
    };
    let cancelled = at(bob.bare(), "unsubscribed");
    for resource in [bob.to_string(), phone.to_string()] {
        let gone = at(resource, "unavailable");
        assert!(gone.is_some() && gone < cancelled, "{}", *alice);
    }
}

/// §3.2.2: the contact's roster is pushed with the new state.
#[test]
fn the_contacts_roster_is_pushed() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    expect!(
        bob,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{alice:#}' subscription='to'/></query></iq>"
    );
}

/// §3.2.3: the user's roster is pushed with the new state, after the cancellation.
#[test]
fn the_users_roster_is_pushed_after_the_cancellation() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    barrier();
    let cancelled = alice.inbox().iter().position(|e| e.attr("type") == Some("unsubscribed"));
    let push = alice.inbox().iter().position(|e| e.name == "iq");
    assert!(cancelled.is_some() && cancelled < push, "{}", *alice);
    expect!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{bob:#}' subscription='from'/></query></iq>"
    );
}

/// §3.2: afterwards the user gets no more presence.
#[test]
fn after_a_cancellation_presence_is_not_sent() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    settle();
    bob.send("<presence><status>secret</status></presence>");
    expect_no!(alice, "<presence from='{bob}'/>");
}

/// §3.2: the other direction of a mutual subscription stays.
#[test]
fn the_other_direction_stays() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    settle();
    alice.send("<presence><status>hello</status></presence>");
    expect!(bob, "<presence from='{alice}'><status>hello</status></presence>");
}

/// §3.2.1: a denied request is told to the user.
#[test]
fn a_denied_request_is_told_to_the_user() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    expect!(alice, "<presence from='{bob:#}' type='unsubscribed'/>");
    alice
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' subscription='none' ask='{none}'/>");
}

/// §3.2.2 (1): to a stranger nothing is sent.
#[test]
fn a_cancellation_for_a_stranger_is_not_routed() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    alice.expect_nothing();
}

/// §3.2.2 (1): nor does a stranger learn that the resources are there.
#[test]
fn a_cancellation_for_a_stranger_leaks_no_presence() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(bob, "<presence to='{alice:#}' type='unsubscribed'/>");
    expect_no!(alice, "<presence from='{bob}'/>");
}
