//! XEP-0198 §4: stanzas that were not acknowledged when the session ends.
//!
//! "A server SHOULD treat unacknowledged stanzas in the same way that it would treat a stanza sent to an unavailable
//! resource": an error to the sender, another resource, or offline storage.

use crate::harness::*;

const DELAY: &str = "<message id='m'><delay xmlns='urn:xmpp:delay' stamp='{any}'/></message>";

/// A session without resumption, which ends when the connection does, and a subscriber who sees that.
#[track_caller]
fn fragile() -> (Client, Client) {
    let (bob, alice) = (online(), online());
    subscribe(&bob, &alice);
    alice.send("<enable xmlns='urn:xmpp:sm:3'/>");
    alice.expect("<enabled xmlns='urn:xmpp:sm:3'/>");
    alice.withhold_acks();
    (alice, bob)
}

/// Cuts the connection and waits until that has ended the session.
#[track_caller]
fn end(alice: &Client, bob: &Client) {
    alice.cut();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// The message m as it comes to a session of these, or to one that logs in now; None if the sender got an error.
#[track_caller]
fn recovered(account: &Client, others: &[&Client], sender: &Client) -> Option<Element> {
    barrier();
    let is_m = |e: &Element| e.name == "message" && e.attr("id") == Some("m");
    if let Some(error) = sender.unclaimed(is_m) {
        error.must("<message type='error'/>");
        return None;
    }
    if let Some(message) = others.iter().find_map(|other| other.unclaimed(is_m)) {
        return Some(message);
    }
    let next = account.session("next");
    next.send("<presence/>");
    Some(next.expect("<message id='m'><body>hi</body></message>"))
}

/// §4: a message that was not acknowledged is not lost.
#[test]
fn a_message_is_not_lost() {
    let (alice, bob) = fragile();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    end(&alice, &bob);
    recovered(&alice, &[], &bob);
}

/// §4: nor is one for the bare JID.
#[test]
fn a_message_to_the_bare_jid_is_not_lost() {
    let (alice, bob) = fragile();
    send!(bob, "<message to='{alice:#}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    end(&alice, &bob);
    recovered(&alice, &[], &bob);
}

/// §4 with XEP-0203: it says when it was sent.
#[test]
fn a_message_delivered_later_has_a_delay() {
    let (alice, bob) = fragile();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    end(&alice, &bob);
    if let Some(message) = recovered(&alice, &[], &bob) {
        message.must(DELAY);
    }
}

/// §4: another resource that is online will do.
#[test]
fn a_message_is_not_lost_while_another_resource_is_online() {
    let (alice, bob) = fragile();
    let other = alice.session_online("other", 0);
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    end(&alice, &bob);
    recovered(&alice, &[&other], &bob);
}

/// §4: a message that was acknowledged has arrived: nobody gets it again, and no error comes.
#[test]
fn an_acknowledged_message_is_done() {
    let (alice, bob) = fragile();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    alice.ack();
    alice.ping();
    end(&alice, &bob);
    let next = alice.session("next");
    next.send("<presence/>");
    next.expect_no("<message/>");
    bob.expect_no("<message/>");
}

/// §7: a clean close tells no more than the last `<a/>`: what that did not cover is not lost either.
#[test]
fn a_message_not_acknowledged_before_a_clean_close_is_not_lost() {
    let (alice, bob) = fragile();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    alice.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    recovered(&alice, &[], &bob);
}

/// RFC 6121 §8.5.3.2.3: an iq that was not acknowledged is answered by the server.
#[test]
fn an_iq_is_answered_with_service_unavailable() {
    let (alice, bob) = fragile();
    befriend(&alice, &bob);
    send!(bob, "<iq type='get' id='q' to='{alice}'><query xmlns='jabber:iq:version'/></iq>");
    alice.expect("<iq type='get' id='q'/>");
    alice.cut();
    bob.answer("q").must_fail("service-unavailable");
}

/// §4: an iq that was acknowledged is the client's; but presence never comes back.
#[test]
fn presence_is_not_returned() {
    let (alice, bob) = fragile();
    send!(bob, "<presence to='{alice}'><status>x</status></presence>");
    alice.expect("<presence><status>x</status></presence>");
    end(&alice, &bob);
    bob.expect_nothing();
}

/// A session at the host where resumption is possible for a second only, and a subscriber.
#[track_caller]
fn short_lived() -> (Client, String, Client) {
    let (bob, alice) = (online_at("second.localhost"), online_at("second.localhost"));
    subscribe(&bob, &alice);
    alice.send("<enable xmlns='urn:xmpp:sm:3' resume='true' max='1'/>");
    let id = alice.expect("<enabled xmlns='urn:xmpp:sm:3'/>").need("id").to_owned();
    alice.withhold_acks();
    (alice, id, bob)
}

/// §5: a session that is not resumed in time ends.
#[test]
fn a_session_that_never_comes_back_becomes_unavailable() {
    let (alice, _id, bob) = short_lived();
    end(&alice, &bob);
}

/// §5: then it is too late to resume it.
#[test]
fn a_session_that_timed_out_is_item_not_found() {
    let (alice, id, bob) = short_lived();
    end(&alice, &bob);
    alice.authenticated().expect_no_resumption(&id, 0).must(
        "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
    );
}

/// §5: if the server tells how many stanzas it handled before, that is so many.
#[test]
fn the_h_of_a_session_that_timed_out_is_what_was_handled() {
    let (alice, id, bob) = short_lived();
    send!(alice, "<message to='{bob}' type='chat'><body>1</body></message>");
    alice.expect_all_handled();
    let sent = alice.sent().to_string();
    end(&alice, &bob);
    let failed = alice.authenticated().expect_no_resumption(&id, 0);
    assert_eq!(failed.attr("h").unwrap_or(&sent), sent, "{failed}");
}

/// §4: what it did not acknowledge is not lost.
#[test]
fn unacknowledged_messages_of_a_session_that_never_comes_back_are_not_lost() {
    let (alice, _id, bob) = short_lived();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    alice.expect("<message id='m'/>");
    end(&alice, &bob);
    recovered(&alice, &[], &bob);
}

/// §4: nor is what came while it slept.
#[test]
fn messages_to_a_session_that_never_comes_back_are_not_lost() {
    let (alice, _id, bob) = short_lived();
    alice.cut();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    recovered(&alice, &[], &bob);
}

/// §4 with XEP-0203: which says when it was sent.
#[test]
fn a_message_to_a_session_that_never_comes_back_has_a_delay() {
    let (alice, _id, bob) = short_lived();
    alice.cut();
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hi</body></message>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    if let Some(message) = recovered(&alice, &[], &bob) {
        message.must(DELAY);
    }
}

/// RFC 6120 §8.2.3: an iq to it gets its answer, at the latest when the session ends.
#[test]
fn an_iq_to_a_session_that_never_comes_back_is_answered() {
    let (alice, _id, bob) = short_lived();
    befriend(&alice, &bob);
    alice.cut();
    send!(bob, "<iq type='get' id='q' to='{alice}'><query xmlns='jabber:iq:version'/></iq>");
    bob.answer("q").must_fail("service-unavailable");
}

/// §4 with RFC 6120 §10.1: unacknowledged messages and those that came later keep their order.
#[test]
fn messages_to_a_session_that_never_comes_back_keep_their_order() {
    let (alice, _id, bob) = short_lived();
    for i in 0..5 {
        send!(bob, "<message to='{alice}' type='chat' id='m{i}'><body>{i}</body></message>");
    }
    alice.expect("<message id='m4'/>");
    alice.cut();
    for i in 5..10 {
        send!(bob, "<message to='{alice}' type='chat' id='m{i}'><body>{i}</body></message>");
    }
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    barrier();
    if bob.unclaimed(|e| e.name == "message").is_some() {
        return;
    }
    let next = alice.session("next");
    next.send("<presence/>");
    for i in 0..10 {
        next.expect("<message/>").must(&format!("<message id='m{i}'/>"));
    }
}

/// RFC 6121 §4.6.3: who got directed presence hears of the end too.
#[test]
fn directed_presence_ends_with_a_session_that_never_comes_back() {
    let (alice, _id, bob) = short_lived();
    let carol = online_at("second.localhost");
    send!(alice, "<presence to='{carol}'/>");
    carol.expect("<presence/>");
    end(&alice, &bob);
    expect!(carol, "<presence from='{alice}' type='unavailable'/>");
}

/// §5: a client that comes too late binds on the same stream and gets what it missed.
#[test]
fn a_client_that_comes_too_late_gets_what_it_missed() {
    let (alice, id, bob) = short_lived();
    alice.cut();
    send!(bob, "<message to='{alice:#}' type='chat' id='m'><body>hi</body></message>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    barrier();
    if bob.unclaimed(|e| e.name == "message").is_some() {
        return;
    }
    let conn = alice.authenticated();
    conn.expect_no_resumption(&id, alice.handled());
    let (name, host, password) = (alice.name.clone(), alice.host.clone(), alice.password.clone());
    let late = Client::bound(conn, name, host, password, "r1");
    late.enable();
    late.send("<presence/>");
    expect!(late, "<message from='{bob}' id='m'><body>hi</body></message>");
    late.expect_no("<message/>");
}
