//! XEP-0313 §4.1.1 to §4.1.3: filters by JID, time and id.

use super::*;

/// Alice with messages to and from Bob and Carol, and a note to herself.
fn busy() -> (Client, Client, Client) {
    let (alice, bob, carol) = (online(), online(), online());
    let other = bob.session_online("other", 0);
    for (from, to, body) in [
        (&alice, bob.bare(), "to bob"),
        (&bob, alice.to_string(), "from bob"),
        (&other, alice.bare(), "from bob's other"),
        (&alice, carol.to_string(), "to carol"),
        (&carol, alice.bare(), "from carol"),
        (&alice, alice.bare(), "note"),
    ] {
        send!(from, "<message to='{to}' type='chat'><body>{body}</body></message>");
        barrier();
    }
    settle();
    (alice, bob, carol)
}

/// §4.1.1: a bare JID matches what was sent to any resource or came from any.
#[test]
fn with_a_bare_jid_gives_messages_to_and_from_all_resources() {
    let (alice, bob, _) = busy();
    let page = alice.query(&field("with", &bob.bare()));
    assert_eq!(page.bodies(), ["to bob", "from bob", "from bob's other"]);
    assert!(page.is_complete());
}

/// §4.1.1: a full JID matches only that resource.
#[test]
fn with_a_full_jid_gives_messages_to_and_from_that_resource() {
    let (alice, bob, carol) = busy();
    assert_eq!(alice.query(&field("with", &bob.to_string())).bodies(), ["from bob"]);
    assert_eq!(alice.query(&field("with", &carol.to_string())).bodies(), ["to carol", "from carol"]);
    assert_eq!(alice.query(&field("with", &format!("{bob:#}/other"))).bodies(), ["from bob's other"]);
}

/// §4.1.1: a JID that nobody wrote to gives nothing, which is no error.
#[test]
fn with_an_unknown_jid_gives_nothing() {
    let (alice, _, _) = busy();
    let page = alice.query(&field("with", "nobody@example.com"));
    assert!(page.results.is_empty() && page.is_complete(), "{page:?}");
}

/// §4.1.1: the own account gives only what was sent to oneself.
#[test]
fn with_the_own_account_gives_messages_to_oneself() {
    let (alice, _, _) = busy();
    let mut bodies = alice.query(&field("with", &alice.bare())).bodies();
    // That a message to oneself is there once is another test's business.
    bodies.dedup();
    assert_eq!(bodies, ["note"]);
}

/// §4.1.1: without the filter all match.
#[test]
fn without_with_all_messages_match() {
    let (alice, _, _) = busy();
    let mut bodies = alice.query(&form("")).bodies();
    bodies.dedup();
    assert_eq!(bodies, ["to bob", "from bob", "from bob's other", "to carol", "from carol", "note"]);
}

/// §4.1.1: JIDs are compared as JIDs, so case does not matter in the bare part (RFC 7622 §3.3.1).
#[test]
fn with_is_compared_as_a_jid() {
    let (alice, bob, _) = busy();
    let shouted = bob.bare().to_uppercase();
    assert_eq!(alice.query(&field("with", &shouted)).bodies(), ["to bob", "from bob", "from bob's other"]);
}

/// §4.1.2: "start" is inclusive.
#[test]
fn start_includes_its_own_time() {
    let (alice, _, _) = busy();
    let all = alice.archive();
    let start = all.stamps()[3].clone();
    let later: Vec<String> = (all.bodies().into_iter().zip(all.stamps()))
        .filter(|(_, s)| sortable(s) >= sortable(&start))
        .map(|(b, _)| b)
        .collect();
    assert_eq!(alice.query(&field("start", &start)).bodies(), later);
}

/// §4.1.2: "end" is inclusive.
#[test]
fn end_includes_its_own_time() {
    let (alice, _, _) = busy();
    let all = alice.archive();
    let end = all.stamps()[3].clone();
    let earlier: Vec<String> = (all.bodies().into_iter().zip(all.stamps()))
        .filter(|(_, s)| sortable(s) <= sortable(&end))
        .map(|(b, _)| b)
        .collect();
    assert_eq!(alice.query(&field("end", &end)).bodies(), earlier);
}

/// §4.1.2: the same time as "start" and "end" gives the messages of that time.
#[test]
fn an_interval_of_one_moment_has_the_messages_of_that_moment() {
    let (alice, _, _) = busy();
    let all = alice.archive();
    let moment = all.stamps()[3].clone();
    let then: Vec<String> =
        all.bodies().into_iter().zip(all.stamps()).filter(|(_, s)| *s == moment).map(|(b, _)| b).collect();
    let fields = format!(
        "<field var='start'><value>{moment}</value></field><field var='end'><value>{moment}</value></field>"
    );
    assert_eq!(alice.query(&form(&fields)).bodies(), then);
}

/// §4.1.2: messages before "start" are left out.
#[test]
fn start_in_the_future_gives_nothing() {
    let (alice, _) = conversation(&["hi"]);
    let page = alice.query(&field("start", "2100-01-01T00:00:00Z"));
    assert!(page.results.is_empty() && page.is_complete(), "{page:?}");
    assert_eq!(alice.query(&field("start", "2000-01-01T00:00:00Z")).bodies(), ["hi"]);
}

/// §4.1.2: messages after "end" are left out.
#[test]
fn end_in_the_past_gives_nothing() {
    let (alice, _) = conversation(&["hi"]);
    let page = alice.query(&field("end", "2000-01-01T00:00:00Z"));
    assert!(page.results.is_empty() && page.is_complete(), "{page:?}");
    assert_eq!(alice.query(&field("end", "2100-01-01T00:00:00Z")).bodies(), ["hi"]);
}

/// §4.1.2, XEP-0082 §3.2: a time may have an offset and a fraction of a second.
#[test]
fn times_may_have_an_offset_and_a_fraction() {
    let (alice, _) = conversation(&["hi"]);
    assert!(alice.query(&field("start", "2100-01-01T00:00:00.123456+02:00")).results.is_empty());
    assert_eq!(alice.query(&field("start", "2000-01-01T00:00:00.5-07:30")).bodies(), ["hi"]);
}

/// §4.1.2: something that is no time is a bad request.
#[test]
fn a_bad_time_is_bad_request() {
    let (alice, _) = conversation(&["hi"]);
    for time in ["yesterday", "2010-13-10T00:00:00Z", "2010-07-10T25:00:00Z"] {
        alice.refused_query(&field("start", time)).must_fail("bad-request");
        alice.refused_query(&field("end", time)).must_fail("bad-request");
    }
}

/// §4.1.2, XEP-0082 §3.2: so is a time that is not of the DateTime profile, which has a time and a zone.
#[test]
fn a_date_without_time_or_zone_is_bad_request() {
    let (alice, _) = conversation(&["hi"]);
    for time in ["2010-07-10", "2010-07-10T00:00:00"] {
        alice.refused_query(&field("start", time)).must_fail("bad-request");
        alice.refused_query(&field("end", time)).must_fail("bad-request");
    }
}

/// §4.1: filters hold together.
#[test]
fn filters_are_combined() {
    let (alice, bob, _) = busy();
    let with = format!("<field var='with'><value>{bob:#}</value></field>");
    let now = "<field var='start'><value>2000-01-01T00:00:00Z</value></field>\
               <field var='end'><value>2100-01-01T00:00:00Z</value></field>";
    let future = "<field var='start'><value>2100-01-01T00:00:00Z</value></field>";
    assert_eq!(alice.query(&form(&format!("{with}{now}"))).results.len(), 3);
    assert!(alice.query(&form(&format!("{with}{future}"))).results.is_empty());
}

/// §4.1.3: "after-id" gives what follows, "before-id" what goes before, both without the message itself.
#[test]
fn ids_limit_a_query_exclusively() {
    let (alice, _) = conversation(&["1", "2", "3", "4", "5"]);
    let ids = alice.archive().ids();
    assert_eq!(alice.query(&field("after-id", &ids[1])).bodies(), ["3", "4", "5"]);
    assert_eq!(alice.query(&field("before-id", &ids[2])).bodies(), ["1", "2"]);
    let between = format!(
        "<field var='after-id'><value>{}</value></field><field var='before-id'><value>{}</value></field>",
        ids[0], ids[4]
    );
    let page = alice.query(&form(&between));
    assert_eq!(page.bodies(), ["2", "3", "4"]);
    assert!(page.is_complete());
}

/// §9: unlike RSM's `<before/>`, "before-id" does not mean paging backwards.
#[test]
fn before_id_pages_forwards() {
    let (alice, _) = conversation(&["1", "2", "3", "4", "5"]);
    let ids = alice.archive().ids();
    let page = alice.query(&format!("{}{}", field("before-id", &ids[4]), page("<max>2</max>")));
    assert_eq!(page.bodies(), ["1", "2"]);
    assert!(!page.is_complete());
}

#[track_caller]
fn unknown_is_item_not_found(var: &str) {
    let (alice, bob) = conversation(&["hi"]);
    let foreign = bob.archive().ids()[0].clone();
    assert_ne!(foreign, alice.archive().ids()[0], "the archives have different ids");
    for id in ["09af3-cc343-b409f", "00000000-0000-7000-8000-000000000000", "no such id", "1", &foreign] {
        alice.refused_query(&field(var, id)).must_fail("item-not-found");
    }
}

/// §4.1.3: an id that is not in this archive is an error, though it may be in another; so is one that could never be.
#[test]
fn an_unknown_before_id_is_item_not_found() {
    unknown_is_item_not_found("before-id");
}

/// §4.1.3: the same.
#[test]
fn an_unknown_after_id_is_item_not_found() {
    unknown_is_item_not_found("after-id");
}

/// §4.1.3: the same.
#[test]
fn an_unknown_id_among_ids_is_item_not_found() {
    unknown_is_item_not_found("ids");
}

/// §4.1.3: "ids" gives these messages, in the order of the archive.
#[test]
fn ids_give_exactly_these_messages_in_order() {
    let (alice, _) = conversation(&["1", "2", "3", "4", "5"]);
    let ids = alice.archive().ids();
    let page = alice.query(&form(&format!(
        "<field var='ids'><value>{}</value><value>{}</value></field>",
        ids[3], ids[1]
    )));
    assert_eq!(page.bodies(), ["2", "4"]);
    assert!(page.is_complete());
}

/// §4.1.3: one unknown id among known ones is an error.
#[test]
fn one_unknown_id_among_several_is_item_not_found() {
    let (alice, _) = conversation(&["1", "2"]);
    let ids = alice.archive().ids();
    let fields = format!("<field var='ids'><value>{}</value><value>no such id</value></field>", ids[0]);
    alice.refused_query(&form(&fields)).must_fail("item-not-found");
}
