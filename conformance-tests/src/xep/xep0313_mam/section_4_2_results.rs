//! XEP-0313 §4 and §4.2: what comes in answer to a query.

use super::*;

/// §4.2: each result has the id, the message as it was and the time.
#[test]
fn a_result_is_a_forwarded_message_with_delay() {
    let (alice, bob) = conversation(&["hi"]);
    let page = bob.archive();
    page.results[0].must(&format!(
        "<message to='{bob}'><result xmlns='urn:xmpp:mam:2' id='{ANY}'><forwarded xmlns='urn:xmpp:forward:0'>\
         <delay xmlns='urn:xmpp:delay' stamp='{ANY}Z'/>\
         <message xmlns='jabber:client' from='{alice}' to='{bob:#}' type='chat' id='hi'><body>hi</body></message>\
         </forwarded></result></message>"
    ));
}

/// §8.2: clients take results only from the archive they asked: the own account, or no "from", which is the same.
#[test]
fn results_come_from_the_own_account() {
    let (_alice, bob) = conversation(&["hi"]);
    let from = bob.archive().results[0].attr("from").map(str::to_owned);
    assert!(from.is_none() || from == Some(bob.bare()), "results come from {from:?}");
}

/// §4.2: the query's id is in each result.
#[test]
fn the_queryid_is_in_each_result() {
    let (_alice, bob) = conversation(&["1", "2"]);
    request!(bob, "<iq type='set'><query xmlns='urn:xmpp:mam:2' queryid='a&amp;b'/></iq>")
        .must("<iq type='result'/>");
    expect!(bob, "<message><result xmlns='urn:xmpp:mam:2' queryid='a&amp;b'/></message>");
    expect!(bob, "<message><result xmlns='urn:xmpp:mam:2' queryid='a&amp;b'/></message>");
    bob.expect_nothing();
}

/// §4.2: without one in the query there is none.
#[test]
fn without_queryid_results_have_none() {
    let (_alice, bob) = conversation(&["1"]);
    request!(bob, "<iq type='set'><query xmlns='urn:xmpp:mam:2'/></iq>").must("<iq type='result'/>");
    expect!(bob, "<message><result xmlns='urn:xmpp:mam:2' queryid='{NONE}'/></message>");
}

/// §4: the answer comes after the last result.
#[test]
fn the_answer_comes_last() {
    let (_alice, bob) = conversation(&["1", "2"]);
    bob.send("<iq type='set' id='q1'><query xmlns='urn:xmpp:mam:2'/></iq>");
    bob.expect_next("<message><result xmlns='urn:xmpp:mam:2'/></message>");
    bob.expect_next("<message><result xmlns='urn:xmpp:mam:2'/></message>");
    bob.expect_next("<iq type='result' id='q1'><fin xmlns='urn:xmpp:mam:2'/></iq>");
}

/// §4: a query may be addressed to the own account.
#[test]
fn a_query_may_name_the_own_account() {
    let (_alice, bob) = conversation(&["1"]);
    request!(bob, "<iq type='set' to='{bob:#}'><query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>")
        .must("<iq type='result'><fin xmlns='urn:xmpp:mam:2'/></iq>");
    expect!(bob, "<message><result xmlns='urn:xmpp:mam:2' queryid='q'/></message>");
}

/// §4: results go to the resource that asked, and to no other.
#[test]
fn results_come_to_the_resource_that_asked_only() {
    let (_alice, bob) = conversation(&["1"]);
    let other = bob.session_online("other", 0);
    assert_eq!(bob.archive().bodies(), ["1"]);
    expect_no!(other, "<message><result xmlns='urn:xmpp:mam:2'/></message>");
}

/// §4: a resource that is not available can query too.
#[test]
fn a_resource_without_presence_can_query() {
    let (_alice, bob) = conversation(&["1"]);
    assert_eq!(bob.session("silent").archive().bodies(), ["1"]);
}

/// §4: results are not messages of the conversation: a query changes nothing.
#[test]
fn results_are_not_archived_again() {
    let (_alice, bob) = conversation(&["1", "2"]);
    let ids = bob.archive().ids();
    assert_eq!(bob.archive().ids(), ids);
}

/// §4.2: the time is that of the server's receipt: it does not change between queries, nor by what a sender claims.
#[test]
fn the_delay_is_the_time_of_receipt() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob:#}' type='chat'><body>old</body>\
         <delay xmlns='urn:xmpp:delay' from='{alice:#}' stamp='2001-01-01T00:00:00Z'/></message>"
    );
    let stamps = bob.archive().stamps();
    assert!(sortable(&stamps[0]) > sortable("2020-01-01T00:00:00Z"), "{stamps:?}");
    assert_eq!(bob.archive().stamps(), stamps);
}

/// §3.1 and §4.2: times never go back within the archive.
#[test]
fn times_do_not_go_back() {
    let (_alice, bob) = conversation(&["1", "2", "3", "4", "5", "6"]);
    let times: Vec<String> = bob.archive().stamps().iter().map(|s| sortable(s)).collect();
    assert!(times.is_sorted(), "{times:?}");
}

/// §4: several queries can be under way; each result belongs to one.
#[test]
fn queries_that_are_sent_at_once_are_all_answered() {
    let (_alice, bob) = conversation(&["1", "2"]);
    bob.send(
        "<iq type='set' id='a'><query xmlns='urn:xmpp:mam:2' queryid='qa'/></iq>\
         <iq type='set' id='b'><query xmlns='urn:xmpp:mam:2' queryid='qb'/></iq>",
    );
    for id in ["a", "b"] {
        bob.answer(id).must("<iq type='result'/>");
        for _ in 0..2 {
            expect!(bob, "<message><result xmlns='urn:xmpp:mam:2' queryid='q{id}'/></message>");
        }
    }
    bob.expect_nothing();
}
