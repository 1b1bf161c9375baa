//! XEP-0313 §8.1: an archive is its owner's.

use super::*;

/// §8.1: a query of another account's archive is refused, and the condition should be forbidden.
#[test]
fn another_accounts_archive_is_forbidden() {
    let (alice, bob) = conversation(&["hi"]);
    request!(alice, "<iq type='set' to='{bob:#}'><query xmlns='urn:xmpp:mam:2'/></iq>")
        .must_fail("forbidden");
    expect_no!(alice, "<message><result xmlns='urn:xmpp:mam:2'/></message>");
}

/// §8.1: whatever the condition is, nothing of it is shown.
#[test]
fn nothing_of_another_accounts_archive_is_shown() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    let carol = online();
    send!(carol, "<message to='{bob:#}' type='chat'><body>secret</body></message>");
    settle();
    for to in [bob.bare(), bob.to_string(), format!("{bob:#}/absent")] {
        let id = alice.id();
        send!(alice, "<iq type='set' id='{id}' to='{to}'><query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>");
        barrier();
        expect_no!(alice, "<message><result xmlns='urn:xmpp:mam:2'/></message>");
        assert!(alice.inbox().iter().all(|e| !e.to_string().contains("secret")), "{}", *alice);
    }
    assert_eq!(bob.archive().bodies(), ["secret"]);
}

/// §8.1: its form is no secret, but a get is no way to its messages either.
#[test]
fn a_get_of_another_accounts_form_shows_no_message() {
    let (alice, bob) = conversation(&["hi"]);
    let reply = request!(alice, "<iq type='get' to='{bob:#}'><query xmlns='urn:xmpp:mam:2'/></iq>");
    reply.must("<iq id='{any}'/>");
    assert!(!reply.to_string().contains(&bob.archive().ids()[0]), "{reply}");
}

/// §8.1: nor do results that somebody else sends count as the server's: they come from the sender.
#[test]
fn a_forged_result_does_not_come_from_the_own_account() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' from='{bob:#}'><result xmlns='urn:xmpp:mam:2' id='1' queryid='q'/></message>\
         <message to='{bob}'><result xmlns='urn:xmpp:mam:2' id='1' queryid='q'/></message>"
    );
    barrier();
    for message in bob.inbox() {
        message.must(&format!("<message from='{alice}'/>"));
    }
}
