//! XEP-0313 §6.1: a message that was rejected is not in the archive of who rejected it.

use super::*;

/// §6.1: what a blocked contact sends (XEP-0191 §3.1) is not archived.
#[test]
fn a_message_of_a_blocked_contact_is_not_in_the_recipients_archive() {
    let (alice, bob) = (online(), online());
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></block></iq>")
        .must("<iq type='result'/>");
    settle();
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(alice, "<message type='error' id='m1'/>");
    assert!(bob.archive().results.is_empty(), "{}", *bob);
}

/// §6.1: nor where the recipient has no session at that time.
#[test]
fn a_message_of_a_blocked_contact_is_not_archived_while_offline() {
    let (alice, bob) = (online(), online());
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></block></iq>")
        .must("<iq type='result'/>");
    bob.log_out();
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    settle();
    let bob = bob.session("later");
    assert!(bob.archive().results.is_empty(), "{}", *bob);
}

/// §6.1: after unblocking messages are archived again.
#[test]
fn a_message_of_an_unblocked_contact_is_archived() {
    let (alice, bob) = (online(), online());
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></block></iq>")
        .must("<iq type='result'/>");
    settle();
    send!(alice, "<message to='{bob:#}' type='chat'><body>1</body></message>");
    barrier();
    request!(bob, "<iq type='set'><unblock xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></unblock></iq>")
        .must("<iq type='result'/>");
    send!(alice, "<message to='{bob:#}' type='chat'><body>2</body></message>");
    assert_eq!(bob.archive().bodies(), ["2"]);
}

/// §6.1: a message that one's own server refuses to send, to somebody one has blocked, was never sent.
#[test]
fn a_message_to_a_blocked_contact_is_in_no_archive() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{bob:#}'/></block></iq>")
        .must("<iq type='result'/>");
    settle();
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    expect!(alice, "<message type='error' id='m1'/>");
    assert!(bob.archive().results.is_empty(), "{}", *bob);
    assert!(alice.archive().results.is_empty(), "{}", *alice);
}

/// RFC 6121 §8.5.1: what is for nobody is in nobody's archive; the sender's own has what was sent.
#[test]
fn a_message_to_an_unknown_account_is_in_the_senders_archive() {
    let alice = online();
    let nobody = format!("{}@{HOST}", fresh("nobody"));
    send!(alice, "<message to='{nobody}' type='chat' id='m1'><body>hi</body></message>");
    alice.archived(&format!("<message to='{nobody}' id='m1'><body>hi</body></message>"));
}

/// RFC 6121 §8.5.2.2.1: a message that the archive keeps for a user who is away is not bounced.
#[test]
fn a_message_that_is_archived_is_not_bounced() {
    let (alice, bob) = (online(), online());
    bob.log_out();
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    alice.expect_no("<message type='error'/>");
}

/// RFC 6121 §8.5.2.2.1: one that is not kept is, or is dropped where a hint asks for that (XEP-0334 §4.2); in
/// neither case is it in the recipient's archive.
#[test]
fn a_message_that_is_bounced_is_not_in_the_recipients_archive() {
    let (alice, bob) = (online(), online());
    bob.log_out();
    send!(alice, "<message to='{bob:#}' type='groupchat' id='m1'><body>hi</body></message>");
    expect!(alice, "<message type='error' id='m1'/>").must_fail("service-unavailable");
    let bob = bob.session("later");
    assert!(bob.archive().results.is_empty(), "{}", *bob);
}
