//! RFC 6121 §2.5: removing items, and what becomes of the subscriptions.

use crate::harness::*;

#[track_caller]
fn remove(alice: &Client, contact: &str) {
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{contact}' subscription='remove'/></query></iq>"
    )
    .must("<iq type='result'/>");
}

/// §2.5.2: the item is gone.
#[test]
fn a_removed_item_is_gone() {
    let alice = user();
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='a@example.com'/></query></iq>"
    );
    remove(&alice, "a@example.com");
    assert!(alice.roster_item("a@example.com").is_none());
}

/// §2.5.2: the removal is pushed to all interested resources.
#[test]
fn a_removal_is_pushed() {
    let alice = online();
    let other = alice.session_online("other", 0);
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='a@example.com'/></query></iq>"
    );
    settle();
    remove(&alice, "a@example.com");
    for session in [&alice, &other] {
        session.expect(
            "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='a@example.com' subscription='remove'/></query></iq>",
        );
    }
}

/// §2.5.2 (1): a subscription to the contact ends with unsubscribe.
#[test]
fn removing_a_contact_one_subscribed_to_sends_unsubscribe() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    remove(&alice, &bob.bare());
    expect!(bob, "<presence from='{alice:#}' type='unsubscribe'/>");
    expect_no!(bob, "<presence from='{alice:#}' type='unsubscribed'/>");
}

/// §2.5.2 (2): the contact's subscription ends with unsubscribed.
#[test]
fn removing_a_subscriber_sends_unsubscribed() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    remove(&alice, &bob.bare());
    expect!(bob, "<presence from='{alice:#}' type='unsubscribed'/>");
    expect_no!(bob, "<presence from='{alice:#}' type='unsubscribe'/>");
}

/// §2.5.2 (3): a mutual subscription ends with both.
#[test]
fn removing_a_friend_sends_both() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    remove(&alice, &bob.bare());
    expect!(bob, "<presence from='{alice:#}' type='unsubscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='unsubscribed'/>");
}

/// §2.5.2: without a subscription the contact is not told.
#[test]
fn removing_a_contact_without_subscription_tells_nobody() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{bob:#}'/></query></iq>");
    settle();
    remove(&alice, &bob.bare());
    bob.expect_nothing();
}

/// §2.5.2: afterwards the contact's own item has no subscription left.
#[test]
fn removing_a_friend_ends_the_subscriptions_on_the_other_side() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    remove(&alice, &bob.bare());
    barrier();
    bob.roster_item(&alice.bare())
        .expect("bob keeps the item")
        .must("<item xmlns='jabber:iq:roster' subscription='none' ask='{none}'/>");
}

/// §2.5.2: a removed contact gets no more presence.
#[test]
fn a_removed_contact_gets_no_more_presence() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    remove(&alice, &bob.bare());
    settle();
    alice.send("<presence><status>secret</status></presence>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §3.2.2 and §2.5.2: the contact learns that the user is unavailable.
#[test]
fn a_removed_subscriber_gets_unavailable_presence() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    remove(&alice, &bob.bare());
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §2.5: removing a contact withdraws a request that is still pending.
#[test]
fn removing_a_contact_withdraws_a_pending_request() {
    let (alice, bob) = (online(), user());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    remove(&alice, &bob.bare());
    assert!(alice.roster_item(&bob.bare()).is_none());
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect_no!(alice, "<presence from='{bob:#}' type='subscribed'/>");
    assert!(alice.roster_item(&bob.bare()).is_none());
}
