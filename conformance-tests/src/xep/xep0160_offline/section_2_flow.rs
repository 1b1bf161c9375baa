//! XEP-0160 §2: from the sender to the recipient who comes later.

use super::*;

/// Sends numbered chat messages to a bare JID.
#[track_caller]
fn say(from: &Client, to: &Client, numbers: std::ops::Range<u32>) {
    for i in numbers {
        send!(from, "<message to='{to:#}' type='chat' id='m{i}'><body>{i}</body></message>");
    }
    barrier();
}

/// §2 (5): a message to an account without sessions is delivered when the account becomes available.
#[test]
fn a_message_is_delivered_at_the_next_presence() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = arrives(&bob, "next");
    expect!(here, "<message from='{alice}' type='chat' id='m0'><body>0</body></message>");
}

/// §2 (4): the sender gets no error.
#[test]
fn the_sender_gets_no_error() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    alice.expect_nothing();
}

/// §2: the addresses stay as they were.
#[test]
fn the_addresses_stay() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = arrives(&bob, "next");
    expect!(here, "<message id='m0'/>").must(&format!("<message from='{alice}' to='{bob:#}'/>"));
}

/// §2, example 3: it says that it was delayed.
#[test]
fn a_message_has_a_delay() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = arrives(&bob, "next");
    expect!(here, "<message id='m0'/>")
        .must("<message><delay xmlns='urn:xmpp:delay' from='localhost' stamp='{any}'/></message>");
}

/// §2: a message that was not delayed does not.
#[test]
fn a_message_delivered_at_once_has_no_delay() {
    let (alice, bob) = (online(), online());
    say(&alice, &bob, 0..1);
    expect!(bob, "<message id='m0'/>").must_not("<message><delay xmlns='urn:xmpp:delay'/></message>");
}

/// RFC 6120 §10.1: messages come in the order they were sent.
#[test]
fn messages_come_in_order() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..20);
    let here = arrives(&bob, "next");
    for i in 0..20 {
        expect!(here, "<message/>").must(&format!("<message id='m{i}'/>"));
    }
}

/// RFC 6120 §10.1: also those of several senders.
#[test]
fn messages_of_several_senders_come_in_order() {
    let (alice, carol, bob) = (online(), online(), absent());
    for i in 0..3 {
        say(&alice, &bob, 2 * i..2 * i + 1);
        say(&carol, &bob, 2 * i + 1..2 * i + 2);
    }
    let here = arrives(&bob, "next");
    for i in 0..6 {
        expect!(here, "<message/>").must(&format!("<message id='m{i}'/>"));
    }
}

/// RFC 6120 §10.1: a message that comes afterwards does not overtake them.
#[test]
fn a_message_sent_afterwards_comes_afterwards() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..3);
    let here = arrives(&bob, "next");
    say(&alice, &bob, 3..4);
    for i in 0..4 {
        expect!(here, "<message/>").must(&format!("<message id='m{i}'/>"));
    }
}

/// §2: all of the message is kept.
#[test]
fn content_is_kept() {
    const CONTENT: &str = "<subject>s</subject><body>a &amp; b</body><body xml:lang='de'>c</body>\
        <thread parent='p'>t</thread><x xmlns='urn:example:x' k='&quot;'><y xmlns='urn:example:y'>z</y></x>";
    let (alice, bob) = (online(), absent());
    send!(alice, "<message to='{bob:#}' type='chat' id='m' xml:lang='cs'>{CONTENT}</message>");
    barrier();
    let here = arrives(&bob, "next");
    here.expect("<message id='m'/>")
        .must(&format!("<message type='chat' id='m' xml:lang='cs'>{CONTENT}</message>"));
}

/// §2 (5): before it sends presence a session gets nothing.
#[test]
fn nothing_comes_before_presence() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = bob.session("next");
    here.roster();
    here.expect_nothing();
}

/// §2 (5): nor with a negative priority.
#[test]
fn nothing_comes_with_a_negative_priority() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = bob.session("next");
    here.send("<presence><priority>-1</priority></presence>");
    here.expect_no("<message/>");
}

/// §2 (5): but when the priority becomes zero.
#[test]
fn messages_come_when_the_priority_rises() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = bob.session("next");
    here.send("<presence><priority>-1</priority></presence>");
    here.expect_no("<message/>");
    here.send("<presence><priority>0</priority></presence>");
    expect!(here, "<message id='m0'/>");
}

/// §2 (5): directed presence does not make available.
#[test]
fn nothing_comes_with_directed_presence() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = bob.session("next");
    send!(here, "<presence to='{alice}'/>");
    here.expect_no("<message/>");
}

/// §2 (5): messages come once: a later session gets none.
#[test]
fn a_second_session_gets_none() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..2);
    let here = arrives(&bob, "next");
    expect!(here, "<message id='m1'/>");
    here.ping();
    arrives(&bob, "second").expect_no("<message/>");
}

/// §2 (5): nor the same one, with further presence.
#[test]
fn further_presence_brings_none() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = arrives(&bob, "next");
    expect!(here, "<message id='m0'/>");
    here.send("<presence><show>away</show></presence><presence type='unavailable'/><presence/>");
    here.expect_no("<message/>");
}

/// §2 (5): nor one after a logout.
#[test]
fn after_a_logout_none_comes_again() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = arrives(&bob, "next");
    expect!(here, "<message id='m0'/>");
    here.log_out();
    arrives(&bob, "next").expect_no("<message/>");
}

/// §2 (2): a session with a negative priority does not count: the message waits for one that is available.
#[test]
fn a_message_past_a_negative_session_is_stored() {
    let (alice, bob) = (online(), absent());
    let negative = bob.session_online("negative", -1);
    say(&alice, &bob, 0..1);
    negative.expect_nothing();
    let here = arrives(&bob, "next");
    expect!(here, "<message id='m0'/>");
    negative.expect_no("<message/>");
}

/// §2 (2): nor does a session that has sent no presence.
#[test]
fn a_message_past_a_session_without_presence_is_stored() {
    let (alice, bob) = (online(), user());
    say(&alice, &bob, 0..1);
    bob.expect_nothing();
    bob.send("<presence/>");
    expect!(bob, "<message id='m0'/>");
}

/// §2 (1), RFC 6121 §8.5.3.2.1: a chat message to a resource that is gone is treated as one to the account.
#[test]
fn a_chat_message_to_a_full_jid_is_stored() {
    let (alice, bob) = (online(), absent());
    send!(alice, "<message to='{bob:#}/gone' type='chat' id='m'><body>hi</body></message>");
    alice.expect_nothing();
    let here = arrives(&bob, "next");
    expect!(here, "<message from='{alice}' id='m'><body>hi</body></message>");
}

/// RFC 6121 §8.5.1: nothing is kept for an account that does not exist, lest whoever registers it gets it.
#[test]
fn nothing_is_stored_for_an_account_that_does_not_exist() {
    let alice = online();
    let name = fresh("future");
    send!(alice, "<message to='{name}@localhost' type='chat' id='m'><body>hi</body></message>");
    barrier();
    let conn = Conn::secure();
    register(&conn, &name, "pencil").must("<iq type='result'/>");
    log_in(&conn, &name, "pencil");
    conn.open_features();
    let bob = Client::bound(conn, name, "localhost".to_owned(), "pencil".to_owned(), "r1");
    bob.send("<presence/>");
    bob.expect_no("<message/>");
}

/// XEP-0077 §3.2: with an account its messages go: who registers the name next does not get them.
#[test]
fn a_new_account_of_the_same_name_gets_none() {
    let (alice, bob) = (online(), user());
    say(&alice, &bob, 0..1);
    request!(bob, "<iq type='set'><query xmlns='jabber:iq:register'><remove/></query></iq>");
    bob.cut();
    barrier();
    let conn = Conn::secure();
    register(&conn, &bob.name, "pencil").must("<iq type='result'/>");
    let next = bob.session("next");
    next.send("<presence/>");
    next.expect_no("<message/>");
}

/// §2: messages wait also for a session that has stream management, and are acknowledged like others.
#[test]
fn a_session_with_stream_management_gets_them_once() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..2);
    let here = bob.session("next");
    let id = here.enable();
    here.send("<presence/>");
    here.expect("<message id='m0'/>");
    here.expect("<message id='m1'/>");
    here.expect_all_handled();
    here.cut();
    here.resume(&id).expect_no("<message/>");
}

/// XEP-0198 §4: and what it did not acknowledge comes again.
#[test]
fn a_message_that_was_not_acknowledged_is_not_lost() {
    let (alice, bob) = (online(), absent());
    say(&alice, &bob, 0..1);
    let here = bob.session("next");
    here.send("<enable xmlns='urn:xmpp:sm:3'/>");
    here.expect("<enabled xmlns='urn:xmpp:sm:3'/>");
    here.withhold_acks();
    here.send("<presence/>");
    here.expect("<message id='m0'/>");
    here.cut();
    // The end of the session shows when its full JID answers.
    request!(alice, "<iq type='get' to='{here}'><x xmlns='urn:example:unknown'/></iq>")
        .must("<iq type='error'/>");
    barrier();
    let again = arrives(&bob, "again");
    expect!(again, "<message from='{alice}' id='m0'/>")
        .must("<message><delay xmlns='urn:xmpp:delay' stamp='{any}'/></message>");
}
