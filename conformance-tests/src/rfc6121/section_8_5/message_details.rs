//! RFC 6121 §8.5.2 and §8.5.3 on messages, beyond the table.

use crate::harness::*;

/// §8.5.2.1.1: the server does not rewrite 'to' of a message to a bare JID.
#[test]
fn to_of_a_message_to_a_bare_jid_is_not_rewritten() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}' to='{bob:#}' type='chat'><body>hi</body></message>");
}

/// §8.5.2.1.1: a session that is connected but has sent no presence is not an available resource.
#[test]
fn chat_to_bare_jid_does_not_reach_a_resource_without_presence() {
    let (alice, bob) = (online(), user());
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    bob.expect_nothing();
}

/// §8.5.3.1: a message to the full JID of a connected resource is delivered, presence or not.
#[test]
fn chat_to_full_jid_reaches_a_connected_resource_without_presence() {
    let (alice, bob) = (online(), user());
    send!(alice, "<message to='{bob}' type='chat'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}' to='{bob}' type='chat'><body>hi</body></message>");
}

/// §8.5.2.2.1 by §4.5: after unavailable presence the resource gets no message for the bare JID.
#[test]
fn chat_to_bare_jid_does_not_reach_a_resource_that_became_unavailable() {
    let (alice, bob) = (online(), online());
    bob.send("<presence type='unavailable'/>");
    settle();
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    bob.expect_nothing();
}

/// §8.5.2.1.1: with a higher priority the other resource becomes the most available one.
#[test]
fn chat_to_bare_jid_follows_a_change_of_priority() {
    let (alice, bob) = (online(), online());
    let other = bob.session_online("other", 1);
    bob.priority(2);
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}' type='chat'><body>hi</body></message>");
    drop(other);
}

/// §8.5.2.1.1: a resource that turns negative gets no more messages for the bare JID.
#[test]
fn chat_to_bare_jid_avoids_a_resource_that_turned_negative() {
    let (alice, bob) = (online(), online());
    bob.priority(-1);
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    bob.expect_nothing();
}

/// §8.5.2.1.1: a message to one's own bare JID follows the same rules.
#[test]
fn chat_to_ones_own_bare_jid_is_delivered() {
    let alice = online();
    send!(alice, "<message to='{alice:#}' type='chat'><body>note</body></message>");
    expect!(alice, "<message from='{alice}' type='chat'><body>note</body></message>");
}

/// §8.5.3.1: a message to one's own other resource is delivered there only.
#[test]
fn chat_to_ones_own_other_resource_is_delivered_there_only() {
    let alice = online();
    let phone = alice.session_online("phone", 0);
    send!(alice, "<message to='{phone}' type='chat'><body>note</body></message>");
    expect!(phone, "<message from='{alice}' to='{phone}'><body>note</body></message>");
    alice.expect_nothing();
}

/// §8.5: a user of another host of the same server is local too.
#[test]
fn chat_reaches_a_user_of_another_host_of_the_server() {
    let alice = online();
    let bob = user_at("second.localhost");
    bob.send("<presence/>");
    settle();
    send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}' to='{bob:#}'><body>hi</body></message>");
}

/// §8.5.1: accounts of the same name at two hosts are two accounts.
#[test]
fn an_account_of_one_host_does_not_exist_at_another() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{}@second.localhost' type='chat' id='m'><body>hi</body></message>", bob.name);
    bob.expect_nothing();
}

/// RFC 6120 §10.1: messages between two entities keep their order.
#[test]
fn messages_arrive_in_the_order_they_were_sent() {
    let (alice, bob) = (online(), online());
    let all: String =
        (0..50).map(|i| format!("<message to='{bob}' type='chat'><body>{i}</body></message>")).collect();
    alice.send(&all);
    for i in 0..50 {
        bob.expect_next(&format!("<message><body>{i}</body></message>"));
    }
}
