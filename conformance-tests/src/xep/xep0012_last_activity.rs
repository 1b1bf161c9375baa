//! XEP-0012: last activity.

use crate::harness::*;

const QUERY: &str = "<query xmlns='jabber:iq:last'/>";

/// §4: the server's uptime.
#[test]
fn the_server_tells_its_uptime() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost'>{QUERY}</iq>")
        .must("<iq type='result'><query xmlns='jabber:iq:last' seconds='{any}'/></iq>");
}

/// §3: a subscriber learns when the contact was last there, and with which status it left.
#[test]
fn a_subscriber_learns_of_an_offline_contact() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    bob.send("<presence type='unavailable'><status>gone fishing</status></presence>");
    bob.log_out();
    settle();
    let reply = request!(alice, "<iq type='get' to='{bob:#}'>{QUERY}</iq>");
    reply.must("<iq type='result'><query xmlns='jabber:iq:last'>gone fishing</query></iq>");
    let seconds: u64 = reply.need_child("query").need("seconds").parse().expect("a number");
    assert!(seconds < 60, "{seconds}");
}

/// §3: a contact that is online has been away for zero seconds.
#[test]
fn an_online_contact_has_been_away_for_zero_seconds() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    request!(alice, "<iq type='get' to='{bob:#}'>{QUERY}</iq>")
        .must("<iq type='result'><query xmlns='jabber:iq:last' seconds='0'/></iq>");
}

/// §3: a stranger is refused.
#[test]
fn a_stranger_is_refused() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='get' to='{bob:#}'>{QUERY}</iq>").must_fail_with_one_of(&[
        "forbidden",
        "service-unavailable",
        "not-authorized",
        "subscription-required",
    ]);
}

/// §3: with forbidden.
#[test]
fn a_stranger_is_forbidden() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='get' to='{bob:#}'>{QUERY}</iq>").must_fail("forbidden");
}

/// §3: who is watched, but may not watch, is refused.
#[test]
fn a_watched_contact_is_refused() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    request!(alice, "<iq type='get' to='{bob:#}'>{QUERY}</iq>").must("<iq type='error'/>");
}

/// §5: a query to a friend's full JID is for the client.
#[test]
fn a_query_to_a_full_jid_is_for_the_client() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<iq type='get' id='l' to='{bob}'>{QUERY}</iq>");
    expect!(bob, "<iq type='get' id='l' from='{alice}'>{QUERY}</iq>");
}
