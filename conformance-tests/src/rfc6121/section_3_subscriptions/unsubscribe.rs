//! RFC 6121 §3.3: ending one's own subscription.

use crate::harness::*;

/// §3.3.2: unsubscribe is delivered, from the user's bare JID.
#[test]
fn unsubscribe_is_delivered_from_the_bare_jid() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    expect!(bob, "<presence type='unsubscribe'/>").must(&format!("<presence from='{alice:#}'/>"));
}

/// §3.3.2: the user's roster is pushed with the new state.
#[test]
fn the_users_roster_is_pushed() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    expect!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{bob:#}' subscription='from'/></query></iq>"
    );
}

/// §3.3.3 (1) and (2): the contact's roster is pushed, after the unsubscribe.
#[test]
fn the_contacts_roster_is_pushed_after_the_unsubscribe() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    barrier();
    let told = bob.inbox().iter().position(|e| e.attr("type") == Some("unsubscribe"));
    let push = bob.inbox().iter().position(|e| e.name == "iq");
    assert!(told.is_some() && told < push, "{}", *bob);
    expect!(
        bob,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{alice:#}' subscription='to'/></query></iq>"
    );
}

/// §3.3.3 (3): unavailable presence of each of the contact's resources goes to the user.
#[test]
fn the_user_gets_unavailable_presence_of_each_resource() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    let phone = bob.session_online("phone", 0);
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    expect!(alice, "<presence from='{bob}' type='unavailable'/>");
    expect!(alice, "<presence from='{phone}' type='unavailable'/>");
}

/// §3.3: afterwards the user gets no more presence.
#[test]
fn after_unsubscribe_presence_is_not_sent() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    settle();
    bob.send("<presence><status>secret</status></presence>");
    expect_no!(alice, "<presence from='{bob}'/>");
}

/// §3.3.3: from a stranger it is ignored.
#[test]
fn unsubscribe_from_a_stranger_is_ignored() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    bob.expect_nothing();
    assert!(bob.roster_item(&alice.bare()).is_none());
}

/// §3.3.3: a request that waits for the contact is forgotten.
#[test]
fn unsubscribe_withdraws_a_request_that_waits() {
    let (alice, bob) = (online(), user());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    settle();
    bob.send("<presence/>");
    expect_no!(bob, "<presence type='subscribe'/>");
}
