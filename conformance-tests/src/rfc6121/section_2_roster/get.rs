//! RFC 6121 §2.1.4 and §2.2: reading the roster.

use crate::harness::*;

/// §2.1.4: a roster without contacts is a result with an empty query, not an error.
#[test]
fn an_empty_roster_is_a_result_with_an_empty_query() {
    let alice = user();
    let roster = alice.roster();
    assert_eq!(roster.need_child("query").children().count(), 0, "{roster}");
}

/// §2.1.4: the result goes to the resource that asked.
#[test]
fn the_result_goes_to_the_resource_that_asked() {
    let alice = user();
    let other = alice.session("other");
    alice.roster().must(&format!("<iq type='result' to='{alice}'/>"));
    other.expect_nothing();
}

/// §2.1.3: a get addressed to the account's bare JID is the same.
#[test]
fn a_get_to_the_own_bare_jid_is_answered() {
    let alice = user();
    request!(alice, "<iq type='get' to='{alice:#}'><query xmlns='jabber:iq:roster'/></iq>")
        .must("<iq type='result'><query xmlns='jabber:iq:roster'/></iq>");
}

/// §2.1.5 (Security Warning) and §2.3.3: another account's roster is not to be read.
#[test]
fn a_get_of_another_accounts_roster_is_refused() {
    let (alice, bob) = (online(), online());
    let reply = request!(alice, "<iq type='get' to='{bob:#}'><query xmlns='jabber:iq:roster'/></iq>");
    reply.must_fail_with_one_of(&["forbidden", "service-unavailable", "not-allowed"]);
}

/// The same for a friend's roster.
#[test]
fn a_get_of_a_friends_roster_is_refused() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    let reply = request!(alice, "<iq type='get' to='{bob:#}'><query xmlns='jabber:iq:roster'/></iq>");
    reply.must_fail_with_one_of(&["forbidden", "service-unavailable", "not-allowed"]);
}

/// §2.1.4: one item for each contact, with everything that was set.
#[test]
fn the_result_has_one_item_for_each_contact() {
    let alice = user();
    for contact in ["nurse@example.com", "romeo@example.net"] {
        request!(
            alice,
            "<iq type='set'><query xmlns='jabber:iq:roster'>\
             <item jid='{contact}' name='A name'><group>Servants</group></item></query></iq>"
        )
        .must("<iq type='result'/>");
    }
    alice.roster().must(
        "<iq><query xmlns='jabber:iq:roster'>\
         <item jid='nurse@example.com' name='A name' subscription='none'><group>Servants</group></item>\
         <item jid='romeo@example.net' name='A name' subscription='none'><group>Servants</group></item></query></iq>",
    );
}

/// §3.1.2: a contact the user asked for has ask='subscribe'.
#[test]
fn ask_shows_a_pending_request() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    barrier();
    let item = alice.roster_item(&bob.bare()).expect("an item for bob");
    item.must(&format!("<item xmlns='jabber:iq:roster' jid='{bob:#}' subscription='none' ask='subscribe'/>"));
}

/// §3.1.3 (Security Warning): who only asks is not in the roster.
#[test]
fn an_account_that_only_asked_is_not_in_the_roster() {
    let (alice, bob) = (online(), online());
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    barrier();
    assert!(alice.roster_item(&bob.bare()).is_none(), "{}", *alice);
}

/// §2: the roster outlives the session.
#[test]
fn the_roster_is_there_at_the_next_login() {
    let alice = user();
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='a@example.com'/></query></iq>"
    );
    alice.log_out();
    let again = alice.session("again");
    assert!(again.roster_item("a@example.com").is_some(), "{}", *again);
}

/// Two accounts do not share a roster.
#[test]
fn another_account_does_not_see_the_item() {
    let (alice, bob) = (user(), user());
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='a@example.com'/></query></iq>"
    );
    assert!(bob.roster_item("a@example.com").is_none(), "{}", *bob);
}
