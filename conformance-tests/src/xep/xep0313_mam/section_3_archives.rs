//! XEP-0313 §3 and §3.1: what an archive is, and its order.

use super::*;

/// §3.3.1: what was sent is in the sender's archive.
#[test]
fn a_sent_message_is_in_the_senders_archive() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    alice.archived(&format!(
        "<message to='{bob:#}' from='{alice}' type='chat' id='m1'><body>hi</body></message>"
    ));
}

/// §3.3.1: what was received is in the recipient's archive.
#[test]
fn a_received_message_is_in_the_recipients_archive() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    bob.archived(&format!(
        "<message to='{bob:#}' from='{alice}' type='chat' id='m1'><body>hi</body></message>"
    ));
}

/// §3.3.1: a message is in no other account's archive.
#[test]
fn a_message_is_in_no_other_archive() {
    let carol = online();
    let (_alice, _bob) = conversation(&["hi"]);
    assert!(carol.archive().results.is_empty(), "{}", *carol);
}

/// §3.3.1: an archive begins empty.
#[test]
fn a_new_accounts_archive_is_empty() {
    let page = user().archive();
    assert!(page.results.is_empty() && page.is_complete(), "{page:?}");
}

/// §6.1.1: a message that several resources of the recipient get is archived once.
#[test]
fn a_message_that_several_resources_get_is_archived_once() {
    let (alice, bob) = (online(), online());
    let _other = bob.session_online("other", 0);
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    assert_eq!(bob.archive().bodies(), ["hi"]);
}

/// §6.1.1: a message that is copied by XEP-0280 is archived once.
#[test]
fn a_message_that_is_copied_is_archived_once() {
    let (alice, bob) = (online(), online());
    for client in [&alice.session_online("other", 0), &bob.session_online("other", 0)] {
        request!(client, "<iq type='set'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
            .must("<iq type='result'/>");
    }
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    assert_eq!(bob.archive().bodies(), ["hi"]);
    assert_eq!(alice.archive().bodies(), ["hi"]);
}

/// §6.1.1: a message to one's own account is sent and received and yet archived once.
#[test]
fn a_message_to_oneself_is_archived_once() {
    let alice = online();
    send!(alice, "<message to='{alice:#}' type='chat' id='m1'><body>note</body></message>");
    assert_eq!(alice.archive().bodies(), ["note"]);
}

/// §6.1.1: so is one to another resource of one's own.
#[test]
fn a_message_to_ones_own_other_resource_is_archived_once() {
    let alice = online();
    let other = alice.session_online("other", 0);
    send!(alice, "<message to='{other}' type='chat' id='m1'><body>note</body></message>");
    assert_eq!(alice.archive().bodies(), ["note"]);
}

/// RFC 6120 §10.3.1: a message without "to" is one to the own account.
#[test]
fn a_message_without_to_is_archived_once() {
    let alice = online();
    send!(alice, "<message type='chat' id='m1'><body>note</body></message>");
    assert_eq!(alice.archive().bodies(), ["note"]);
}

/// §3.1: messages are in the order in which they were sent and received.
#[test]
fn order_is_kept() {
    let (alice, bob) = (online(), online());
    for i in 0..6 {
        let (from, to) = if i % 2 == 0 { (&alice, &bob) } else { (&bob, &alice) };
        send!(from, "<message to='{to:#}' type='chat'><body>{i}</body></message>");
        barrier();
    }
    let expected = ["0", "1", "2", "3", "4", "5"];
    assert_eq!(alice.archive().bodies(), expected);
    assert_eq!(bob.archive().bodies(), expected);
}

/// §3.1: order does not depend on time, which messages may share.
#[test]
fn order_is_kept_among_messages_that_come_at_once() {
    let bodies: Vec<String> = (0..12).map(|i| i.to_string()).collect();
    let (alice, bob) = conversation(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(alice.archive().bodies(), bodies);
    assert_eq!(bob.archive().bodies(), bodies);
}

/// §3.3.1: the archive is that of the account: another session sees the same.
#[test]
fn all_sessions_of_an_account_see_the_same_archive() {
    let (alice, bob) = conversation(&["one", "two"]);
    drop(alice);
    assert_eq!(bob.session("other").archive().ids(), bob.archive().ids());
}

/// §3.3.1: a message to an account without a session is archived.
#[test]
fn a_message_to_an_offline_user_is_archived() {
    let (alice, bob) = (online(), online());
    bob.log_out();
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    settle();
    assert_eq!(bob.session("later").archive().bodies(), ["hi"]);
    alice.archived("<message id='m1'><body>hi</body></message>");
}

/// §3.1: messages that came while the user was offline are in order with those from before and after.
#[test]
fn messages_to_an_offline_user_are_in_order() {
    let (alice, bob) = conversation(&["before"]);
    bob.log_out();
    send!(alice, "<message to='{bob:#}' type='chat'><body>one</body></message>");
    send!(alice, "<message to='{bob:#}' type='chat'><body>two</body></message>");
    settle();
    let bob = bob.session_online("later", 0);
    send!(alice, "<message to='{bob:#}' type='chat'><body>after</body></message>");
    assert_eq!(bob.archive().bodies(), ["before", "one", "two", "after"]);
}

/// §3: the message stays what it was: all attributes and the body.
#[test]
fn an_archived_message_keeps_its_attributes_and_body() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='&lt;1&gt;' xml:lang='de'><body>a &amp; b</body></message>"
    );
    for client in [&alice, &bob] {
        client.archived(&format!(
            "<message to='{bob}' from='{alice}' type='chat' id='&lt;1&gt;' xml:lang='de'><body>a &amp; b</body></message>"
        ));
    }
}

/// §3: the entire stanza should be stored.
#[test]
fn an_archived_message_keeps_payloads_the_server_does_not_know() {
    let (alice, bob) = (online(), online());
    let payload = "<body>hi</body><thread>t1</thread><unknown xmlns='urn:example:waxwing'><inner a='1'>text</inner></unknown>";
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'>{payload}</message>");
    for client in [&alice, &bob] {
        client.archived(&format!("<message id='m1'>{payload}</message>"));
    }
}
