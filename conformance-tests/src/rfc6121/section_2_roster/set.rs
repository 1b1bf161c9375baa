//! RFC 6121 §2.3 and §2.4: adding and updating items.

use crate::harness::*;

/// Sets one item and expects success.
#[track_caller]
fn set(alice: &Client, item: &str) {
    request!(alice, "<iq type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
        .must("<iq type='result'/>");
}

/// §2.3.2: the answer is an empty result.
#[test]
fn adding_an_item_is_answered_with_an_empty_result() {
    let alice = user();
    let reply = request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com' name='Nurse'/></query></iq>"
    );
    reply.must("<iq type='result'/>");
    assert_eq!(reply.children().count(), 0, "{reply}");
}

/// §2.1.5: any subscription but "remove" in a set is ignored.
#[test]
fn a_subscription_in_a_set_is_ignored() {
    let alice = user();
    set(&alice, "<item jid='nurse@example.com' subscription='both'/>");
    alice
        .roster_item("nurse@example.com")
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' subscription='none'/>");
}

/// §2.1.2.2: a client must not set "ask"; the server refuses or ignores it.
#[test]
fn an_ask_in_a_set_has_no_effect() {
    let alice = user();
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com' ask='subscribe'/></query></iq>"
    );
    if let Some(item) = alice.roster_item("nurse@example.com") {
        item.must("<item xmlns='jabber:iq:roster' ask='{none}'/>");
    }
}

/// §2.1.2.1: only the server sets "approved".
#[test]
fn an_approved_in_a_set_is_ignored() {
    let (alice, bob) = (online(), online());
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='{bob:#}' approved='true'/></query></iq>"
    );
    settle();
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    expect!(alice, "<presence from='{bob:#}' type='subscribe'/>");
}

/// §2.4: an update replaces the name.
#[test]
fn an_update_replaces_the_name() {
    let alice = user();
    set(&alice, "<item jid='romeo@example.net' name='Romeo'/>");
    set(&alice, "<item jid='romeo@example.net' name='MyRomeo'/>");
    alice.roster().must(
        "<iq><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='MyRomeo'/></query></iq>",
    );
}

/// §2.4.1: an update without name removes the name.
#[test]
fn an_update_without_name_removes_it() {
    let alice = user();
    set(&alice, "<item jid='romeo@example.net' name='Romeo'/>");
    set(&alice, "<item jid='romeo@example.net'/>");
    let item = alice.roster_item("romeo@example.net").expect("the item");
    assert_eq!(item.attr("name").unwrap_or_default(), "");
}

/// §2.4: an item is in as many groups as it names.
#[test]
fn an_item_can_be_in_several_groups() {
    let alice = user();
    set(&alice, "<item jid='romeo@example.net'><group>Friends</group><group>Lovers</group></item>");
    alice
        .roster_item("romeo@example.net")
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster'><group>Friends</group><group>Lovers</group></item>");
}

/// §2.4: an item is atomic, so the groups of an update are all groups.
#[test]
fn an_update_replaces_the_groups() {
    let alice = user();
    set(&alice, "<item jid='romeo@example.net'><group>Friends</group><group>Lovers</group></item>");
    set(&alice, "<item jid='romeo@example.net'><group>Friends</group></item>");
    let item = alice.roster_item("romeo@example.net").expect("the item");
    let groups: Vec<String> = item.children().map(Element::text).collect();
    assert_eq!(groups, ["Friends"]);
}

/// §2.4.1: an update without groups removes the contact from all of them.
#[test]
fn an_update_without_groups_removes_them() {
    let alice = user();
    set(&alice, "<item jid='romeo@example.net'><group>Friends</group></item>");
    set(&alice, "<item jid='romeo@example.net'/>");
    assert_eq!(alice.roster_item("romeo@example.net").expect("the item").children().count(), 0);
}

/// §2.4: an update does not touch the subscription.
#[test]
fn an_update_keeps_the_subscription() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    set(&alice, &format!("<item jid='{bob:#}' name='Bob' subscription='none'/>"));
    alice
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' name='Bob' subscription='both'/>");
}

/// §2.4: an update does not touch a pending request.
#[test]
fn an_update_keeps_ask() {
    let (alice, bob) = (online(), online());
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    settle();
    set(&alice, &format!("<item jid='{bob:#}' name='Bob'/>"));
    alice
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' name='Bob' ask='subscribe'/>");
}

/// §3.1.1: a roster set and a request may come in either order; the name is kept.
#[test]
fn a_request_after_a_set_keeps_the_name() {
    let (alice, bob) = (online(), online());
    set(&alice, &format!("<item jid='{bob:#}' name='Bob'><group>G</group></item>"));
    send!(alice, "<presence to='{bob:#}' type='subscribe'/>");
    barrier();
    alice
        .roster_item(&bob.bare())
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' name='Bob' ask='subscribe'><group>G</group></item>");
}

/// RFC 7622: addresses that differ in case are one contact.
#[test]
fn an_items_address_is_prepared() {
    let alice = user();
    set(&alice, "<item jid='Nurse@Example.COM'/>");
    assert!(alice.roster_item("nurse@example.com").is_some(), "{}", *alice);
}

/// A name with markup comes back as it was.
#[test]
fn a_name_with_markup_survives() {
    let alice = user();
    set(&alice, "<item jid='nurse@example.com' name='&lt;&quot;&amp;&apos;&gt;'/>");
    let item = alice.roster_item("nurse@example.com").expect("the item");
    assert_eq!(item.attr("name"), Some("<\"&'>"));
}

/// A name beyond ASCII comes back as it was.
#[test]
fn a_name_beyond_ascii_survives() {
    let alice = user();
    set(&alice, "<item jid='nurse@example.com' name='Żółw 🐢'><group>Çà</group></item>");
    alice
        .roster_item("nurse@example.com")
        .expect("the item")
        .must("<item xmlns='jabber:iq:roster' name='Żółw 🐢'><group>Çà</group></item>");
}
