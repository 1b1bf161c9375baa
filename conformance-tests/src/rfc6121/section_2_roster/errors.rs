//! RFC 6121 §2.3.3 and §2.5.3: roster sets that are refused.

use crate::harness::*;

#[track_caller]
fn set(alice: &Client, items: &str) -> Element {
    request!(alice, "<iq type='set'><query xmlns='jabber:iq:roster'>{items}</query></iq>")
}

/// §2.3.3: only the account itself may change its roster.
#[test]
fn a_set_of_another_accounts_roster_is_forbidden() {
    let (alice, bob) = (online(), online());
    request!(
        alice,
        "<iq type='set' to='{bob:#}'><query xmlns='jabber:iq:roster'><item jid='x@example.com'/></query></iq>"
    )
    .must_fail_with_one_of(&["forbidden", "service-unavailable", "not-allowed"]);
    assert!(bob.roster_item("x@example.com").is_none(), "{}", *bob);
}

/// §2.3.3: the condition for that is forbidden.
#[test]
fn the_condition_for_a_set_of_another_accounts_roster_is_forbidden() {
    let (alice, bob) = (online(), online());
    request!(
        alice,
        "<iq type='set' to='{bob:#}'><query xmlns='jabber:iq:roster'><item jid='x@example.com'/></query></iq>"
    )
    .must_fail("forbidden");
}

/// §2.1.5: a roster set that is sent to another user's full JID is not obeyed either.
#[test]
fn a_forged_push_does_not_change_the_recipients_roster() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(
        alice,
        "<iq type='set' id='push' to='{bob}'><query xmlns='jabber:iq:roster'>\
         <item jid='evil@example.com' subscription='both'/></query></iq>"
    );
    barrier();
    assert!(bob.roster_item("evil@example.com").is_none(), "{}", *bob);
}

/// §2.1.6: should it be delivered, the real sender stands on it, so that the client can tell.
#[test]
fn a_forged_push_carries_its_senders_address() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(
        alice,
        "<iq type='set' id='push' to='{bob}' from='{bob:#}'><query xmlns='jabber:iq:roster'>\
         <item jid='evil@example.com' subscription='both'/></query></iq>"
    );
    // RFC 6120 §8.1.2.1: a wrong 'from' may also end the sender's stream.
    expect_no!(
        bob,
        "<iq type='set' from='{bob:#}'><query xmlns='jabber:iq:roster'><item jid='evil@example.com'/></query></iq>"
    );
    expect_no!(
        bob,
        "<iq type='set' from='{NONE}'><query xmlns='jabber:iq:roster'><item jid='evil@example.com'/></query></iq>"
    );
}

/// §2.3.3: more than one item is bad-request.
#[test]
fn two_items_are_bad_request() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/><item jid='b@example.com'/>").must_fail("bad-request");
    assert!(alice.roster_item("a@example.com").is_none(), "{}", *alice);
}

/// §2.1.5: no item at all is against the rules too.
#[test]
fn no_item_is_bad_request() {
    let alice = user();
    set(&alice, "").must_fail("bad-request");
}

/// §2.1.2.3: an item needs a jid.
#[test]
fn an_item_without_jid_is_refused() {
    let alice = user();
    set(&alice, "<item name='x'/>").must_fail_with_one_of(&["bad-request", "jid-malformed"]);
}

/// An item's jid is an address.
#[test]
fn an_item_with_a_malformed_jid_is_refused() {
    let alice = user();
    set(&alice, "<item jid='@example.com'/>").must_fail_with_one_of(&["bad-request", "jid-malformed"]);
}

/// §2.3.3: the same group twice is bad-request.
#[test]
fn duplicate_groups_are_bad_request() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'><group>G</group><group>G</group></item>").must_fail("bad-request");
}

/// §2.3.3: two different groups are fine.
#[test]
fn different_groups_are_accepted() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'><group>G</group><group>H</group></item>")
        .must("<iq type='result'/>");
}

/// §2.3.3: an empty group is not-acceptable.
/// Neither Prosody nor ejabberd: §2.3.3 is a MUST.
#[test]
fn an_empty_group_is_not_acceptable() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'><group></group></item>").must_fail("not-acceptable");
}

/// §2.3.3: the limit for names is the server's affair; a name of 5,000 characters may be too long for it, but then
/// the answer is not-acceptable.
#[test]
fn an_oversized_name_is_stored_or_not_acceptable() {
    let alice = user();
    let reply = set(&alice, &format!("<item jid='a@example.com' name='{}'/>", "n".repeat(5_000)));
    if reply.attr("type") == Some("error") {
        reply.must_fail("not-acceptable");
    }
}

/// §2.3.3: the same for groups.
#[test]
fn an_oversized_group_is_stored_or_not_acceptable() {
    let alice = user();
    let reply =
        set(&alice, &format!("<item jid='a@example.com'><group>{}</group></item>", "g".repeat(20_000)));
    if reply.attr("type") == Some("error") {
        reply.must_fail("not-acceptable");
    }
}

/// §2.5.3: removing what is not there is item-not-found.
#[test]
fn removing_an_unknown_item_is_item_not_found() {
    let alice = user();
    set(&alice, "<item jid='a@example.com' subscription='remove'/>").must_fail("item-not-found");
}

/// A refused set causes no push.
#[test]
fn a_refused_set_is_not_pushed() {
    let alice = online();
    set(&alice, "<item jid='a@example.com'/><item jid='b@example.com'/>").must_fail("bad-request");
    alice.expect_nothing();
}
