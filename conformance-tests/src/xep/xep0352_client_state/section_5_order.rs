//! XEP-0352 §5.1: what was held comes in order.

use super::*;

/// §3.2 and §5.1: after `<active/>` the latest presence of a contact comes, before the answer to a ping.
#[test]
fn presence_comes_before_the_answer_to_a_ping() {
    let (alice, bob) = inactive();
    show(&bob, "away");
    let all = wake(&alice);
    assert!(last(&all, "<presence><show>away</show></presence>").is_some(), "{}", *alice);
}

/// §3.2: the latest one: an earlier one may be left out, but does not come after it.
#[test]
fn the_latest_presence_comes_last() {
    let (alice, bob) = inactive();
    for word in ["away", "dnd", "xa", "chat"] {
        show(&bob, word);
    }
    let all = wake(&alice);
    let newest = last(&all, &format!("<presence from='{bob}'/>")).expect("presence");
    all[newest].must("<presence><show>chat</show></presence>");
}

/// §3.2: the latest one of each contact.
#[test]
fn the_presence_of_each_contact_comes() {
    let (alice, bob, carol) = (online(), online(), online());
    befriend(&alice, &bob);
    befriend(&alice, &carol);
    be_inactive(&alice);
    show(&bob, "away");
    show(&carol, "dnd");
    let all = wake(&alice);
    assert!(last(&all, &format!("<presence from='{bob}'><show>away</show></presence>")).is_some());
    assert!(last(&all, &format!("<presence from='{carol}'><show>dnd</show></presence>")).is_some());
}

/// §3.2: and of each resource.
#[test]
fn the_presence_of_each_resource_comes() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    let other = bob.session_online("other", 0);
    be_inactive(&alice);
    show(&bob, "away");
    show(&other, "dnd");
    let all = wake(&alice);
    assert!(last(&all, &format!("<presence from='{bob}'><show>away</show></presence>")).is_some());
    assert!(last(&all, &format!("<presence from='{other}'><show>dnd</show></presence>")).is_some());
}

/// §3.2: unavailable is presence too.
#[test]
fn unavailable_presence_comes() {
    let (alice, bob) = inactive();
    bob.send("<presence type='unavailable'/>");
    bob.ping();
    bob.ping();
    let all = wake(&alice);
    assert!(last(&all, &format!("<presence from='{bob}' type='unavailable'/>")).is_some(), "{}", *alice);
}

/// §3.2: who went and came back is there.
#[test]
fn a_contact_who_went_and_came_back_is_available() {
    let (alice, bob) = inactive();
    bob.send("<presence type='unavailable'/>");
    show(&bob, "chat");
    let all = wake(&alice);
    let newest = last(&all, &format!("<presence from='{bob}'/>")).expect("presence");
    all[newest].must("<presence type='{none}'><show>chat</show></presence>");
}

/// RFC 6121 §3.1.3: a request is no status: it is not lost.
#[test]
fn a_subscription_request_comes() {
    let (alice, bob) = (online(), online());
    be_inactive(&alice);
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    barrier();
    let all = wake(&alice);
    assert!(last(&all, &format!("<presence from='{bob:#}' type='subscribe'/>")).is_some(), "{}", *alice);
}

/// RFC 6120 §10.1: what a contact sent first does not come after its message.
#[test]
fn presence_does_not_come_after_a_later_message() {
    let (alice, bob) = inactive();
    show(&bob, "away");
    send!(bob, "<message to='{alice}' type='chat'><body>hi</body></message>");
    alice.take_where("the message", |e| e.name == "message");
    let before = alice.inbox();
    let after = wake(&alice);
    assert!(last(&before, "<presence><show>away</show></presence>").is_some(), "{}", *alice);
    assert_eq!(before.len(), after.len(), "{}", *alice);
}

/// RFC 6120 §10.1: nor does a chat state: a "composing" after the message would be wrong for ever.
#[test]
fn a_chat_state_does_not_come_after_a_later_message() {
    let (alice, bob) = inactive();
    send!(
        bob,
        "<message to='{alice}' type='chat' id='s'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>\
         <message to='{alice}' type='chat' id='m'><body>hi</body></message>"
    );
    alice.expect("<message id='m'/>");
    alice.clear();
    let all = wake(&alice);
    assert!(last(&all, "<message id='s'/>").is_none(), "{}", *alice);
}

/// RFC 6120 §10.1: messages keep their order.
#[test]
fn messages_keep_their_order() {
    let (alice, bob) = inactive();
    for i in 0..20 {
        send!(bob, "<presence><status>{i}</status></presence>");
        send!(bob, "<message to='{alice}' type='chat'><body>{i}</body></message>");
    }
    let all: Vec<String> = (0..20).map(|_| alice.expect("<message/>").need_child("body").text()).collect();
    assert_eq!(all, (0..20).map(|i: u32| i.to_string()).collect::<Vec<_>>());
}

/// §5.1: the answer to an iq that was sent after `<active/>` comes after what was held, also if both came at once.
#[test]
fn active_and_a_ping_in_one_packet_are_processed_in_order() {
    let (alice, bob) = inactive();
    show(&bob, "away");
    alice.send(
        "<active xmlns='urn:xmpp:csi:0'/><iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    alice.take_where("the answer", |e| e.attr("id") == Some("p"));
    assert!(last(&alice.inbox(), "<presence><show>away</show></presence>").is_some(), "{}", *alice);
}

/// §4.2: what was held comes once.
#[test]
fn what_was_held_comes_once() {
    let (alice, bob) = inactive();
    show(&bob, "away");
    wake(&alice);
    alice.clear();
    be_inactive(&alice);
    assert!(wake(&alice).is_empty(), "{}", *alice);
}

/// §4.2: after `<active/>` presence comes without further ado.
#[test]
fn an_active_client_gets_presence_at_once() {
    let (alice, bob) = inactive();
    wake(&alice);
    show(&bob, "away");
    expect!(alice, "<presence from='{bob}'><show>away</show></presence>");
}
