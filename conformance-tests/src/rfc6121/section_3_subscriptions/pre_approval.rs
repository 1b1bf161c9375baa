//! RFC 6121 §3.4: approving before being asked. It is optional, but a feature that is advertised has to work, and one
//! that is not advertised must not act.

use crate::harness::*;

/// §3.4: the stream feature.
#[test]
fn the_stream_feature_is_advertised() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.open_features()
        .must("<stream:features><sub xmlns='urn:xmpp:features:pre-approval'/></stream:features>");
}

/// alice has approved bob, who has not asked.
fn pre_approved() -> (Client, Client) {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribed'/>");
    (alice, bob)
}

/// §3.4.2 (4): a roster item with approved='true' is pushed.
/// Neither Prosody nor ejabberd: §3.4.2 is a MUST for those that advertise it, as Prosody does.
#[test]
fn a_pre_approval_is_pushed() {
    let (alice, bob) = pre_approved();
    expect!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'>\
         <item jid='{bob:#}' subscription='none' approved='true'/></query></iq>"
    );
}

/// §3.4.2 (4): the pre-approval is not routed.
#[test]
fn a_pre_approval_is_not_told_to_the_contact() {
    let (_alice, bob) = pre_approved();
    bob.expect_nothing();
}

/// §3.4.2: a request is then answered by the server.
#[test]
fn a_pre_approved_request_is_answered_by_the_server() {
    let (alice, bob) = pre_approved();
    settle();
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    expect!(bob, "<presence from='{alice:#}' type='subscribed'/>");
    expect!(bob, "<presence from='{alice}' type='{NONE}'/>");
}

/// §3.4.2: and is not delivered.
#[test]
fn a_pre_approved_request_is_not_delivered() {
    let (alice, bob) = pre_approved();
    settle();
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    expect_no!(alice, "<presence type='subscribe'/>");
    alice
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' subscription='from'/>");
}

/// §3.4.2: unsubscribed cancels the pre-approval.
#[test]
fn a_cancelled_pre_approval_does_not_approve() {
    let (alice, bob) = pre_approved();
    settle();
    send!(alice, "<presence to='{bob:#}' type='unsubscribed'/>");
    bob.expect_nothing();
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    expect!(alice, "<presence from='{bob:#}' type='subscribe'/>");
    expect_no!(bob, "<presence type='subscribed'/>");
}

/// §3.4.2 (3): a pre-approval for a contact one asked for keeps that request.
/// Neither Prosody nor ejabberd: as above.
#[test]
fn a_pre_approval_keeps_a_pending_request() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    send!(alice, "<presence to='{bob:#}' type='subscribed'/>");
    barrier();
    alice
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' subscription='none' ask='subscribe' approved='true'/>");
}

/// §3.4.2 (1): in state "From" it is ignored.
#[test]
fn approving_a_subscriber_again_is_ignored() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(alice, "<presence to='{bob:#}' type='subscribed'/>");
    bob.expect_nothing();
}
