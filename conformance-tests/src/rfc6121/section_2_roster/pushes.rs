//! RFC 6121 §2.1.6 and §2.2: who is told of changes.

use crate::harness::*;

#[track_caller]
fn set(alice: &Client, item: &str) {
    request!(alice, "<iq type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
        .must("<iq type='result'/>");
}

const PUSH: &str = "<iq type='set' id='{any}'><query xmlns='jabber:iq:roster'><item jid='a@example.com' name='A' subscription='none'/></query></iq>";

/// §2.3.2: the resource that made the change gets the push as well.
#[test]
fn the_resource_that_changed_the_roster_gets_the_push() {
    let alice = user();
    alice.roster();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    alice.expect(PUSH);
}

/// §2.2: all interested resources get the push.
#[test]
fn all_interested_resources_get_the_push() {
    let alice = user();
    alice.roster();
    let other = alice.session("other");
    other.roster();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    other.expect(PUSH);
}

/// §2.2: who has not asked for the roster is not interested.
#[test]
fn a_resource_that_never_asked_for_the_roster_gets_no_push() {
    let alice = user();
    let other = alice.session("other");
    set(&alice, "<item jid='a@example.com' name='A'/>");
    other.expect_nothing();
}

/// §2.2: presence is not needed to be interested.
#[test]
fn a_connected_resource_without_presence_is_interested_once_it_asked() {
    let alice = user();
    let other = alice.session("other");
    other.roster();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    other.expect(PUSH);
}

/// §2.2: presence alone does not make interested.
#[test]
fn an_available_resource_that_never_asked_gets_no_push() {
    let alice = user();
    let other = alice.session("other");
    other.send("<presence/>");
    settle();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    other.expect_nothing();
}

/// §2.1.6: a push has no 'from' or the account's bare JID.
#[test]
fn a_push_comes_from_the_account() {
    let alice = user();
    alice.roster();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    let push = alice.expect(PUSH);
    let from = push.attr("from").unwrap_or(&alice.bare()).to_owned();
    assert_eq!(from, alice.bare());
}

/// §2.1.6: exactly one item in a push.
#[test]
fn a_push_has_one_item() {
    let alice = user();
    set(&alice, "<item jid='b@example.com'/>");
    alice.roster();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    assert_eq!(alice.expect(PUSH).need_child("query").children().count(), 1);
}

/// §2.1.6: another account is not told.
#[test]
fn another_account_gets_no_push() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    set(&alice, "<item jid='a@example.com' name='A'/>");
    bob.expect_nothing();
}

/// §2.1.6 (Implementation Note): the server ignores an error in answer to a push.
#[test]
fn an_error_in_answer_to_a_push_is_ignored() {
    let alice = online();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    let push = alice.expect(PUSH);
    send!(
        alice,
        "<iq type='error' id='{}'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        push.need("id")
    );
    alice.expect_nothing();
    assert!(alice.roster_item("a@example.com").is_some());
}

/// §2.1.6: an answer to a push is taken without comment.
#[test]
fn a_result_in_answer_to_a_push_is_taken() {
    let alice = online();
    set(&alice, "<item jid='a@example.com' name='A'/>");
    let push = alice.expect(PUSH);
    send!(alice, "<iq type='result' id='{}'/>", push.need("id"));
    alice.expect_nothing();
}
