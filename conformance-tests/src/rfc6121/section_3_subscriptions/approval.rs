//! RFC 6121 §3.1.5 and §3.1.6: approving a request.

use crate::harness::*;

/// alice has asked bob; nothing unread.
fn asked() -> (Client, Client) {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    (alice, bob)
}

/// §3.1.5: the approval is stamped with the contact's bare JID.
#[test]
fn an_approval_comes_from_the_bare_jid() {
    let (alice, bob) = asked();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect!(alice, "<presence type='subscribed'/>").must(&format!("<presence from='{bob:#}'/>"));
}

/// §3.1.5: the contact's roster is pushed with subscription='from'.
#[test]
fn the_contacts_roster_is_pushed_with_from() {
    let (alice, bob) = asked();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect!(
        bob,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{alice:#}' subscription='from'/></query></iq>"
    );
}

/// §3.1.5: the user gets the contact's current presence, of each available resource.
#[test]
fn current_presence_of_all_resources_is_sent_to_the_user() {
    let (alice, bob) = asked();
    let phone = bob.session_online("phone", 0);
    phone.send("<presence><show>away</show></presence>");
    settle();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect!(alice, "<presence from='{bob}' type='{NONE}'/>");
    expect!(alice, "<presence from='{phone}' type='{NONE}'><show>away</show></presence>");
}

/// §3.1.6 (1) and (2): the approval comes before the roster push.
#[test]
fn the_approval_comes_before_the_push() {
    let (alice, bob) = asked();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    barrier();
    let names: Vec<String> = alice.inbox().iter().map(|e| e.name.clone()).collect();
    let approval = alice.inbox().iter().position(|e| e.attr("type") == Some("subscribed"));
    let push = alice.inbox().iter().position(|e| e.name == "iq");
    assert!(approval.is_some() && approval < push, "{names:?}\n{}", *alice);
}

/// §3.1.6 (2): the user's roster is pushed with subscription='to' and without ask.
#[test]
fn the_users_roster_is_pushed_with_to() {
    let (alice, bob) = asked();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'>\
         <item jid='{bob:#}' subscription='to' ask='{NONE}'/></query></iq>"
    );
}

/// §3.1.6 (1): all interested resources of the user get the approval.
#[test]
fn all_interested_resources_get_the_approval() {
    let (alice, bob) = asked();
    let phone = alice.session_online("phone", 0);
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect!(alice, "<presence from='{bob:#}' type='subscribed'/>");
    expect!(phone, "<presence from='{bob:#}' type='subscribed'/>");
}

/// §3.1.6 (3): presence goes to each available resource of the user.
#[test]
fn all_available_resources_get_the_contacts_presence() {
    let (alice, bob) = asked();
    let phone = alice.session_online("phone", 0);
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect!(alice, "<presence from='{bob}' type='{NONE}'/>");
    expect!(phone, "<presence from='{bob}' type='{NONE}'/>");
}

/// §3.1.5: approving gives the contact no presence of the user.
#[test]
fn the_contact_does_not_see_the_user() {
    let (alice, bob) = asked();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect_no!(bob, "<presence from='{alice}'/>");
    alice.send("<presence><status>secret</status></presence>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §3.1.5: a mutual subscription is pushed as "both" on both sides.
#[test]
fn a_mutual_subscription_is_both() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    for (a, b) in [(&alice, &bob), (&bob, &alice)] {
        a.roster_item(&b.bare())
            .expect("the item")
            .must("<item xmlns='jabber:iq:roster' subscription='both' ask='{none}'/>");
    }
}

/// §3.1.6: an approval nobody asked for is ignored.
#[test]
fn an_approval_without_request_is_ignored() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    alice.expect_nothing();
    assert!(alice.roster_item(&bob.bare()).is_none());
}

/// §3.1.6: an approval in answer to an earlier, withdrawn request is ignored.
#[test]
fn an_approval_after_the_request_was_withdrawn_is_ignored() {
    let (alice, bob) = asked();
    send!(alice, "<presence to='{bob:#}' type='unsubscribe'/>");
    settle();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    expect_no!(alice, "<presence type='subscribed'/>");
    alice
        .roster_item(&bob.bare())
        .map(|i| i.must("<item xmlns='jabber:iq:roster' subscription='none'/>").clone());
}

/// §3.1: an approval reaches the user who was offline, in the roster.
#[test]
fn an_approval_while_the_user_is_offline_is_in_the_roster() {
    let (alice, bob) = asked();
    alice.log_out();
    send!(bob, "<presence to='{alice:#}' type='subscribed'/>");
    barrier();
    let again = alice.session("again");
    again
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' subscription='to'/>");
}
