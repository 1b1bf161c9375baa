//! Pages of results (XEP-0313 §4.3, XEP-0059).

use super::query::{page, with_messages};
use super::storage::set;
use super::*;

#[tokio::test]
async fn xep0313_4_3_2_page_by_page_forwards() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3", "4", "5"]).await;
    let first = page(&mut juliet, "<max>2</max>").await;
    assert_eq!((first.bodies(), first.complete()), (vec!["1".to_owned(), "2".to_owned()], false));
    assert_eq!((first.index(), first.of_set("count").as_deref()), (Some("0"), Some("5")));
    let last = first.of_set("last").unwrap();
    let second = page(&mut juliet, &format!("<max>2</max><after>{last}</after>")).await;
    assert_eq!((second.bodies(), second.complete()), (vec!["3".to_owned(), "4".to_owned()], false));
    assert_eq!((second.index(), second.of_set("count").as_deref()), (None, Some("5")));
    let last = second.of_set("last").unwrap();
    let third = page(&mut juliet, &format!("<max>2</max><after>{last}</after>")).await;
    assert_eq!((third.bodies(), third.complete()), (vec!["5".to_owned()], true));
    assert_eq!((third.index(), third.of_set("count").as_deref()), (Some("4"), Some("5")));
    let last = third.of_set("last").unwrap();
    let none = page(&mut juliet, &format!("<max>2</max><after>{last}</after>")).await;
    assert!(none.messages.is_empty() && none.complete());
}

#[tokio::test]
async fn xep0313_4_3_3_page_by_page_from_the_end() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3"]).await;
    let last = page(&mut juliet, "<max>2</max><before/>").await;
    assert_eq!((last.bodies(), last.complete()), (vec!["2".to_owned(), "3".to_owned()], false));
    assert_eq!((last.index(), last.of_set("count").as_deref()), (Some("1"), Some("3")));
    let first = last.of_set("first").unwrap();
    let before = page(&mut juliet, &format!("<max>2</max><before>{first}</before>")).await;
    assert_eq!((before.bodies(), before.complete()), (vec!["1".to_owned()], true));
    assert_eq!(before.index(), Some("0"));
}

#[tokio::test]
async fn xep0313_4_3_2_filtered_pages_count_only_what_is_known() {
    let (server, mut juliet) = with_messages(builder(), &["1", "2", "3"]).await;
    let mut nurse = server.online("nurse@capulet.lit/hall").await;
    say(&mut nurse, "juliet@capulet.lit", ["nurse"]).await;
    juliet.forget();
    let with = [("with", "romeo@montague.lit")];
    let whole = ask(&mut juliet, &query(&with, "")).await.unwrap();
    assert_eq!((whole.index(), whole.of_set("count").as_deref()), (Some("0"), Some("3")));
    let part = ask(&mut juliet, &query(&with, "<max>2</max>")).await.unwrap();
    assert_eq!((part.index(), part.of_set("count"), part.complete()), (Some("0"), None, false));
    let part = ask(&mut juliet, &query(&with, "<max>2</max><before/>")).await.unwrap();
    assert_eq!(part.bodies(), ["2", "3"]);
    assert_eq!((part.index(), part.of_set("count"), part.complete()), (None, None, false));
}

#[tokio::test]
async fn xep0059_2_7_max_zero_asks_for_the_count() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3"]).await;
    let found = page(&mut juliet, "<max>0</max>").await;
    assert!(found.messages.is_empty() && !found.complete());
    assert_eq!((found.of_set("first"), found.of_set("count").as_deref()), (None, Some("3")));
}

#[tokio::test]
async fn xep0313_4_3_1_page_sizes_have_a_default_and_a_limit() {
    let small = builder().module_config("mam", "page_default = 2\npage_max = 3");
    let (_server, mut juliet) = with_messages(small, &["1", "2", "3", "4"]).await;
    assert_eq!(page(&mut juliet, "").await.bodies().len(), 2);
    let most = page(&mut juliet, "<max>1000000</max>").await;
    assert_eq!((most.bodies().len(), most.complete()), (3, false));
    let ids = ["x"; 4].join("</value><value>");
    let asked = ask(&mut juliet, &query(&[("ids", &ids)], "")).await;
    assert_eq!(asked.unwrap_err(), Condition::PolicyViolation);
}

#[tokio::test]
async fn xep0313_4_3_1_a_page_ends_before_it_is_too_large() {
    let long = "x".repeat(900);
    let small = builder().module_config("mam", "page_bytes_max = \"3 KiB\"");
    let (_server, mut juliet) = with_messages(small, &[&long, &long, &long, &long.repeat(5), "end"]).await;
    let first = page(&mut juliet, "").await;
    assert_eq!((first.messages.len(), first.complete()), (2, false));
    let mut seen = first.messages.len();
    let mut last = first.of_set("last").unwrap();
    loop {
        let next = page(&mut juliet, &format!("<after>{last}</after>")).await;
        assert!(!next.messages.is_empty(), "one at least");
        seen += next.messages.len();
        if next.complete() {
            break;
        }
        last = next.of_set("last").unwrap();
    }
    assert_eq!(seen, 5);
    let from_end = page(&mut juliet, "<before/>").await;
    assert_eq!((from_end.bodies(), from_end.complete()), (vec!["end".to_owned()], false));
}

/// Who asks faster than it reads is told to wait, and its session lives.
#[tokio::test(start_paused = true)]
async fn rfc6120_8_3_3_18_queries_never_fill_the_mailbox() {
    let small = builder().config(|config| config.limits.mailbox_bytes_max = Bytes(16 << 10));
    let (_server, mut juliet) = with_messages(small, &[&"x".repeat(1500), &"y".repeat(1500)]).await;
    for _ in 0..10 {
        juliet.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>").await;
    }
    assert_eq!(juliet.closed(), None);
    let (mut results, mut refused) = (0, 0);
    while let Some(stanza) = juliet.next().await {
        match stanza.kind {
            Kind::Message(_) => results += 1,
            _ => {
                if let Some(error) = stanza.error() {
                    assert_eq!(error.condition, Condition::ResourceConstraint);
                    refused += 1;
                }
            }
        }
    }
    assert!(results >= 2 && refused > 0, "{results} {refused}");
}

#[tokio::test]
async fn xep0313_4_3_4_a_flipped_page_has_the_same_messages_newest_first() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3"]).await;
    let flipped =
        "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>2</max></set>
        <flip-page/></query>";
    let found = ask(&mut juliet, flipped).await.unwrap();
    assert_eq!(found.bodies(), ["2", "1"]);
    let ids = found.ids();
    assert_eq!(
        (found.of_set("first").as_ref(), found.of_set("last").as_ref()),
        (Some(&ids[1]), Some(&ids[0]))
    );
}

/// An archive reaches over months; a page does not notice.
#[tokio::test]
async fn pages_cross_the_ends_of_months() {
    let clock = Clock::fixed(Timestamp(NOW));
    let (_server, mut juliet, mut romeo) = pair(builder().clock(clock.clone())).await;
    for month in 0..4 {
        set(&clock, NOW + month * 31 * 86_400_000_000);
        say(&mut romeo, "juliet@capulet.lit", [month.to_string()]).await;
    }
    juliet.forget();
    assert_eq!(all(&mut juliet).await.bodies(), ["0", "1", "2", "3"]);
    assert_eq!(page(&mut juliet, "<max>3</max><before/>").await.bodies(), ["1", "2", "3"]);
    let with = ask(&mut juliet, &query(&[("with", "romeo@montague.lit")], "<max>3</max>")).await.unwrap();
    assert_eq!(with.bodies(), ["0", "1", "2"]);
}
