//! XEP-0049: private XML storage.

use crate::harness::*;

fn set(alice: &Client, payload: &str) -> Element {
    request!(alice, "<iq type='set'><query xmlns='jabber:iq:private'>{payload}</query></iq>")
}

fn get(alice: &Client, payload: &str) -> Element {
    request!(alice, "<iq type='get'><query xmlns='jabber:iq:private'>{payload}</query></iq>")
}

/// §2.1 and §2.2: what was stored comes back.
#[test]
fn what_was_stored_comes_back() {
    let alice = user();
    set(&alice, "<exodus xmlns='exodus:prefs'><defaultnick a='b'>Hamlet</defaultnick></exodus>")
        .must("<iq type='result'/>");
    get(&alice, "<exodus xmlns='exodus:prefs'/>").must(
        "<iq type='result'><query xmlns='jabber:iq:private'>\
         <exodus xmlns='exodus:prefs'><defaultnick a='b'>Hamlet</defaultnick></exodus></query></iq>",
    );
}

/// §2.2: what was never stored comes back empty.
#[test]
fn what_was_never_stored_comes_back_empty() {
    let reply = get(&user(), "<exodus xmlns='exodus:prefs'/>");
    reply.must(
        "<iq type='result'><query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'/></query></iq>",
    );
    assert_eq!(reply.need_child("query").need_child("exodus").children().count(), 0);
}

/// §2.1: storing again replaces.
#[test]
fn storing_again_replaces() {
    let alice = user();
    set(&alice, "<e xmlns='urn:e'><one/></e>").must("<iq type='result'/>");
    set(&alice, "<e xmlns='urn:e'><two/></e>").must("<iq type='result'/>");
    get(&alice, "<e xmlns='urn:e'/>")
        .must("<iq><query xmlns='jabber:iq:private'><e xmlns='urn:e'><two/></e></query></iq>")
        .must_not("<iq><query xmlns='jabber:iq:private'><e xmlns='urn:e'><one/></e></query></iq>");
}

/// §2.1: namespaces do not mix.
#[test]
fn namespaces_do_not_mix() {
    let alice = user();
    set(&alice, "<e xmlns='urn:one'><one/></e>").must("<iq type='result'/>");
    set(&alice, "<e xmlns='urn:two'><two/></e>").must("<iq type='result'/>");
    get(&alice, "<e xmlns='urn:one'/>")
        .must("<iq><query xmlns='jabber:iq:private'><e xmlns='urn:one'><one/></e></query></iq>");
    get(&alice, "<e xmlns='urn:two'/>")
        .must("<iq><query xmlns='jabber:iq:private'><e xmlns='urn:two'><two/></e></query></iq>");
}

/// §2: accounts do not mix.
#[test]
fn accounts_do_not_mix() {
    let (alice, bob) = (user(), user());
    set(&alice, "<e xmlns='urn:e'><mine/></e>").must("<iq type='result'/>");
    get(&bob, "<e xmlns='urn:e'/>")
        .must_not("<iq><query xmlns='jabber:iq:private'><e xmlns='urn:e'><mine/></e></query></iq>");
}

/// §2.3: another account's storage is forbidden.
#[test]
fn another_accounts_storage_is_refused() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    request!(
        alice,
        "<iq type='get' to='{bob:#}'><query xmlns='jabber:iq:private'><e xmlns='urn:e'/></query></iq>"
    )
    .must_fail_with_one_of(&["forbidden", "service-unavailable", "not-allowed"]);
}

/// §2: it is kept.
#[test]
fn it_is_there_at_the_next_login() {
    let alice = user();
    set(&alice, "<storage xmlns='storage:bookmarks'><conference jid='r@c' autojoin='true'/></storage>")
        .must("<iq type='result'/>");
    alice.log_out();
    get(&alice.session("again"), "<storage xmlns='storage:bookmarks'/>").must(
        "<iq><query xmlns='jabber:iq:private'>\
         <storage xmlns='storage:bookmarks'><conference jid='r@c' autojoin='true'/></storage></query></iq>",
    );
}

/// §2 says not-acceptable, §3 bad-format, which RFC 6120 no longer has; bad-request is what it has instead.
#[test]
fn an_empty_query_is_refused() {
    get(&user(), "").must_fail_with_one_of(&["not-acceptable", "bad-format", "bad-request"]);
}
