//! XEP-0313 §4.3 and XEP-0059: pages.

use super::*;

/// Bob with an archive of five messages, and their ids.
fn five() -> (Client, Vec<String>) {
    let (_alice, bob) = conversation(&["1", "2", "3", "4", "5"]);
    let ids = bob.archive().ids();
    assert_eq!(ids.len(), 5, "five messages are archived");
    (bob, ids)
}

/// §4.3.1: no more than "max" come.
#[test]
fn max_limits_the_page() {
    let (bob, ids) = five();
    let page = bob.query(&page("<max>2</max>"));
    assert_eq!(page.ids(), ids[..2]);
    assert!(!page.is_complete(), "{}", page.iq);
}

/// §4.3.2: a page that ends with the last match is complete.
#[test]
fn a_page_that_has_all_is_complete() {
    let (bob, ids) = five();
    let full = bob.query(&page("<max>5</max>"));
    assert_eq!(full.ids(), ids);
    assert!(full.is_complete(), "{}", full.iq);
    assert!(bob.query(&page("<max>6</max>")).is_complete());
    assert!(!bob.query(&page("<max>4</max>")).is_complete());
}

/// §4.3.2: "first" and "last" are the ids of the first and last result.
#[test]
fn first_and_last_are_those_of_the_page() {
    let (bob, ids) = five();
    let middle = bob.query(&page(&format!("<max>3</max><after>{}</after>", ids[0])));
    assert_eq!(middle.rsm("first").as_deref(), Some(ids[1].as_str()));
    assert_eq!(middle.rsm("last").as_deref(), Some(ids[3].as_str()));
}

/// XEP-0059 §2.2: the same with one result.
#[test]
fn first_and_last_are_the_same_on_a_page_of_one() {
    let (bob, ids) = five();
    let one = bob.query(&page("<max>1</max>"));
    assert_eq!(one.rsm("first").as_deref(), Some(ids[0].as_str()));
    assert_eq!(one.rsm("last").as_deref(), Some(ids[0].as_str()));
}

/// XEP-0059 §2.2: a page without results has neither.
#[test]
fn an_empty_page_has_no_first_and_last() {
    let (bob, _) = five();
    let none = bob.query(&field("with", "nobody@example.com"));
    assert!(none.results.is_empty() && none.is_complete());
    assert_eq!((none.rsm("first"), none.rsm("last")), (None, None));
}

/// §4.3.2, XEP-0059 §2.2: "after" continues a page, until all is there in order.
#[test]
fn after_continues_until_complete() {
    let (bob, ids) = five();
    let (mut got, mut pages) = (Vec::new(), Vec::new());
    let mut next = bob.query(&page("<max>2</max>"));
    loop {
        pages.push((next.results.len(), next.is_complete()));
        got.extend(next.ids());
        if next.is_complete() || pages.len() > 5 {
            break;
        }
        let last = next.rsm("last").expect("a page with results has a last");
        next = bob.query(&page(&format!("<max>2</max><after>{last}</after>")));
    }
    assert_eq!(got, ids);
    assert_eq!(pages, [(2, false), (2, false), (1, true)]);
}

/// §4.3.3, XEP-0059 §2.3: "before" goes back page by page; each page is in chronological order.
#[test]
fn before_goes_back_until_complete() {
    let (bob, ids) = five();
    let last = bob.query(&page("<max>2</max><before/>"));
    assert_eq!(last.ids(), ids[3..]);
    assert!(!last.is_complete());
    let middle = bob.query(&page(&format!("<max>2</max><before>{}</before>", ids[3])));
    assert_eq!(middle.ids(), ids[1..3]);
    assert!(!middle.is_complete());
    let first = bob.query(&page(&format!("<max>2</max><before>{}</before>", ids[1])));
    assert_eq!(first.ids(), ids[..1]);
    assert!(first.is_complete());
}

/// §4.3.3: an empty "before" asks for the last page; first and last are in the archive's order.
#[test]
fn an_empty_before_gives_the_last_page() {
    let (bob, ids) = five();
    let last = bob.query(&page("<max>3</max><before/>"));
    assert_eq!(last.ids(), ids[2..]);
    assert_eq!(last.rsm("first").as_deref(), Some(ids[2].as_str()));
    assert_eq!(last.rsm("last").as_deref(), Some(ids[4].as_str()));
}

/// XEP-0059 §2.5: without "max" too.
#[test]
fn an_empty_before_without_max_gives_all_of_a_short_archive() {
    let (bob, ids) = five();
    let all = bob.query(&page("<before/>"));
    assert_eq!(all.ids(), ids);
    assert!(all.is_complete());
}

/// XEP-0059 §2.2: after the last message there is nothing, which is no error.
#[test]
fn after_the_last_is_an_empty_complete_page() {
    let (bob, ids) = five();
    let none = bob.query(&page(&format!("<max>2</max><after>{}</after>", ids[4])));
    assert!(none.results.is_empty() && none.is_complete(), "{none:?}");
}

/// XEP-0059 §2.3: nor before the first.
#[test]
fn before_the_first_is_an_empty_complete_page() {
    let (bob, ids) = five();
    let none = bob.query(&page(&format!("<max>2</max><before>{}</before>", ids[0])));
    assert!(none.results.is_empty() && none.is_complete(), "{none:?}");
}

/// §4.3.2: an unknown id is an error.
#[test]
fn an_unknown_id_is_item_not_found() {
    let (bob, _) = five();
    for id in ["09af3-cc343-b409f", "00000000-0000-7000-8000-000000000000", "no such id", "1"] {
        bob.refused_query(&page(&format!("<max>2</max><after>{id}</after>"))).must_fail("item-not-found");
        bob.refused_query(&page(&format!("<max>2</max><before>{id}</before>"))).must_fail("item-not-found");
    }
}

/// §4.3.2: also where the archive is empty.
#[test]
fn an_unknown_id_in_an_empty_archive_is_item_not_found() {
    user().refused_query(&page("<max>2</max><after>no such id</after>")).must_fail("item-not-found");
}

/// XEP-0059 §2.7: "max" 0 asks for the count only.
#[test]
fn max_zero_gives_the_count_and_no_result() {
    let (bob, _) = five();
    let none = bob.query(&page("<max>0</max>"));
    assert!(none.results.is_empty(), "{none:?}");
    assert_eq!(none.rsm("count").as_deref(), Some("5"));
    assert_eq!((none.rsm("first"), none.rsm("last")), (None, None));
}

/// §4.3.2: complete is what has not been limited by the page's size; where five messages match, no page of none is.
#[test]
fn max_zero_is_not_complete_where_messages_match() {
    let (bob, _) = five();
    assert!(!bob.query(&page("<max>0</max>")).is_complete());
}

/// XEP-0059 §2.2: the count is that of all matches, not of the page; the index that of the page's first.
#[test]
fn count_and_index_are_those_of_the_full_set() {
    let (bob, ids) = five();
    let middle = bob.query(&page(&format!("<max>2</max><after>{}</after>", ids[1])));
    assert_eq!(middle.ids(), ids[2..4]);
    let set = middle.iq.need_child("fin").need_child("set");
    if let Some(count) = set.child("count") {
        assert_eq!(count.text(), "5", "{set}");
    }
    if let Some(index) = set.need_child("first").attr("index") {
        assert_eq!(index, "2", "{set}");
    }
}

/// XEP-0059 §2.2: the same for the matches of a form.
#[test]
fn the_count_is_that_of_the_matches() {
    let (bob, _) = five();
    let carol = online();
    send!(carol, "<message to='{bob:#}' type='chat'><body>hi</body></message>");
    barrier();
    let matches = bob.query(&format!("{}{}", field("with", &carol.bare()), page("<max>0</max>")));
    assert_eq!(matches.rsm("count").as_deref(), Some("1"));
}

/// §4.2: pages go on with the same form.
#[test]
fn a_form_and_a_page_hold_together() {
    let (alice, bob) = conversation(&["1", "2", "3"]);
    let carol = online();
    send!(carol, "<message to='{bob:#}' type='chat'><body>4</body></message>");
    barrier();
    send!(alice, "<message to='{bob:#}' type='chat'><body>5</body></message>");
    barrier();
    let with = field("with", &alice.bare());
    let first = bob.query(&format!("{with}{}", page("<max>2</max>")));
    assert_eq!(first.bodies(), ["1", "2"]);
    assert!(!first.is_complete());
    let after = first.rsm("last").expect("a page with results has a last");
    let second = bob.query(&format!("{with}{}", page(&format!("<max>2</max><after>{after}</after>"))));
    assert_eq!(second.bodies(), ["3", "5"]);
    assert!(second.is_complete());
}

/// §4.3.2: an id of the archive can be used though it does not match the form.
#[test]
fn after_may_name_a_message_that_does_not_match() {
    let (alice, bob) = conversation(&["1"]);
    let carol = online();
    send!(carol, "<message to='{bob:#}' type='chat'><body>2</body></message>");
    barrier();
    send!(alice, "<message to='{bob:#}' type='chat'><body>3</body></message>");
    let ids = bob.archive().ids();
    let rest = bob.query(&format!(
        "{}{}",
        field("with", &alice.bare()),
        page(&format!("<after>{}</after>", ids[1]))
    ));
    assert_eq!(rest.bodies(), ["3"]);
}

/// §4.3.4: a flipped page has the same results, last first.
#[test]
fn a_flipped_page_has_the_same_results_in_reverse() {
    let (bob, ids) = five();
    let flipped = bob.query(&format!("{}<flip-page/>", page("<max>3</max>")));
    assert_eq!(flipped.ids(), [&ids[2], &ids[1], &ids[0]].map(Clone::clone));
    assert!(!flipped.is_complete());
}

/// §4.3.4: only the transmission is reversed; first and last are those of the result set, whose order is chronological
/// (§4.2), so that paging goes on as without it.
#[test]
fn a_flipped_page_has_the_same_first_and_last() {
    let (bob, ids) = five();
    let flipped = bob.query(&format!("{}<flip-page/>", page("<max>3</max>")));
    assert_eq!(flipped.rsm("first").as_deref(), Some(ids[0].as_str()));
    assert_eq!(flipped.rsm("last").as_deref(), Some(ids[2].as_str()));
}

/// §4.3.4: the last page flipped begins with the newest message.
#[test]
fn a_flipped_last_page_begins_with_the_newest() {
    let (bob, ids) = five();
    let flipped = bob.query(&format!("{}<flip-page/>", page("<max>2</max><before/>")));
    assert_eq!(flipped.ids(), [&ids[4], &ids[3]].map(Clone::clone));
}

/// §4.3.2: there is no open query: pages can be asked for in any order, and again.
#[test]
fn pages_can_be_asked_for_in_any_order() {
    let (bob, ids) = five();
    for _ in 0..2 {
        let later = bob.query(&page(&format!("<max>2</max><after>{}</after>", ids[2])));
        assert_eq!(later.ids(), ids[3..]);
        let earlier = bob.query(&page(&format!("<max>2</max><after>{}</after>", ids[0])));
        assert_eq!(earlier.ids(), ids[1..3]);
    }
}

/// §4.3.2: a message that came meanwhile is on the next page.
#[test]
fn a_message_that_came_meanwhile_is_on_the_next_page() {
    let (alice, bob) = conversation(&["1", "2"]);
    let first = bob.archive();
    assert!(first.is_complete());
    send!(alice, "<message to='{bob:#}' type='chat'><body>3</body></message>");
    let last = first.rsm("last").expect("a page with results has a last");
    assert_eq!(bob.query(&page(&format!("<after>{last}</after>"))).bodies(), ["3"]);
}

/// §4.3.1: the server may lower a large "max", and then says so by not being complete.
#[test]
fn a_huge_max_is_accepted() {
    let (bob, ids) = five();
    let all = bob.query(&page("<max>1000000</max>"));
    assert_eq!(all.ids(), ids);
    assert!(all.is_complete());
}
