//! What goes (XEP-0313 §3.2).

use waxwing_core::config::{Bytes, Lifetime};

use super::*;
use crate::retention::PORTION_ROWS;

const DAY: i64 = 86_400_000_000;

/// Juliet with one message a day, ten in all; the clock stands at the last one.
async fn ten_days(builder: TestServerBuilder, clock: &Clock, keep: &[&str]) -> (TestServer, TestClient) {
    let server = builder.start().await;
    let mut romeo = server.login(ROMEO).await;
    for day in 0..10 {
        set(clock, NOW + day * DAY);
        say(&mut romeo, &format!("{day}"), keep).await;
    }
    log(&server).checkpoint(false).await;
    (server, romeo)
}

fn with(clock: &Clock, toml: &str) -> TestServerBuilder {
    builder(clock).module_config("log", toml)
}

/// How many rows of Juliet are on disk, seen or not, and how many marks of conversations.
pub(super) async fn on_disk(server: &TestServer) -> (usize, usize) {
    let (log, number) = (log(server), account(server, "juliet").await.number());
    let (mut rows, mut peers) = (0, 0);
    for month in log.rows.store().months().await.unwrap() {
        let all = waxwing_store::Span::all;
        rows += log.rows.month(month).range(number, all(), Order::Forward, 10_000).await.unwrap().len();
        peers += log.peers.month(month).range(number, all(), Order::Forward, 10_000).await.unwrap().len();
    }
    (rows, peers)
}

#[tokio::test]
async fn xep0313_3_2_the_oldest_go_by_age() {
    let clock = clock();
    let (server, _romeo) = ten_days(with(&clock, "keep_for = \"3 days\""), &clock, &[ARCHIVE]).await;
    log(&server).retain().await;
    assert_eq!(texts(&archive(&server).await), ["6", "7", "8", "9"]);
    assert_eq!(counted(&server).await.0, 4);
    assert_eq!(on_disk(&server).await, (4, 4));
}

#[tokio::test]
async fn xep0313_3_2_the_oldest_go_by_count() {
    let clock = clock();
    let (server, _romeo) = ten_days(with(&clock, "messages_max = 4"), &clock, &[ARCHIVE]).await;
    log(&server).retain().await;
    assert_eq!(texts(&archive(&server).await), ["6", "7", "8", "9"]);
    assert_eq!(counted(&server).await.0, 4);
    assert_eq!(on_disk(&server).await, (4, 4));
}

#[tokio::test]
async fn xep0313_3_2_the_oldest_go_by_bytes() {
    let clock = clock();
    let (server, _romeo) = ten_days(with(&clock, "bytes_max = \"1 KiB\""), &clock, &[ARCHIVE]).await;
    log(&server).retain().await;
    let (rows, bytes) = counted(&server).await;
    assert!(bytes <= 1024 && rows > 0 && rows < 10, "{rows} {bytes}");
    let left = texts(&archive(&server).await);
    assert_eq!(left.last().map(String::as_str), Some("9"));
    assert_eq!(left.len(), usize::try_from(rows).unwrap());
}

#[tokio::test]
async fn limits_of_zero_and_forever_are_none() {
    let clock = clock();
    let none = "keep_for = \"forever\"\nmessages_max = 0\nbytes_max = \"0 B\"";
    let (server, _romeo) = ten_days(with(&clock, none), &clock, &[ARCHIVE]).await;
    set(&clock, NOW + 10_000 * DAY);
    log(&server).retain().await;
    assert_eq!(archive(&server).await.len(), 10);
}

#[tokio::test]
async fn what_is_owed_stays_until_it_is_too_old() {
    let clock = clock();
    let limits = "keep_for = \"20 days\"\nmessages_max = 2";
    let (server, _romeo) = ten_days(with(&clock, limits), &clock, &[ARCHIVE, OWE]).await;
    log(&server).retain().await;
    assert_eq!(archive(&server).await.len(), 10, "not by count");
    set(&clock, NOW + 25 * DAY);
    // The next look at all logs is an hour after the last.
    log(&server).retain().await;
    assert_eq!(texts(&archive(&server).await), ["5", "6", "7", "8", "9"]);
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert_eq!(bodies(&mut juliet).await, ["5", "6", "7", "8", "9"]);
    log(&server).retain().await;
    assert_eq!(texts(&archive(&server).await), ["8", "9"], "they are not owed any more");
    let metrics = server.server().shared().metrics().encode();
    // Eight of Juliet's log, and what Romeo has sent.
    assert!(metrics.contains("log_expired_total{host=\"capulet.lit\"} 16"), "{metrics}");
    assert!(metrics.contains("log_expired_owed_total{host=\"capulet.lit\"} 5"), "{metrics}");
}

#[tokio::test]
async fn what_the_archive_hides_grows_old_as_well() {
    let clock = clock();
    let (server, _romeo) = ten_days(with(&clock, "keep_for = \"3 days\""), &clock, &[OWE]).await;
    log(&server).retain().await;
    let (rows, _) = counted(&server).await;
    assert_eq!((rows, on_disk(&server).await.0), (0, 4));
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert_eq!(bodies(&mut juliet).await, ["6", "7", "8", "9"]);
}

#[tokio::test]
async fn rows_that_wait_for_a_client_and_grow_too_old_do_not_come() {
    let clock = clock();
    let (server, _romeo) = ten_days(with(&clock, "keep_for = \"3 days\""), &clock, &[ARCHIVE, OWE]).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    // They stand in its mailbox, by position.
    log(&server).retain().await;
    assert_eq!(bodies(&mut juliet).await, ["6", "7", "8", "9"]);
}

#[tokio::test]
async fn ids_of_what_is_gone_are_no_positions_any_more() {
    let clock = clock();
    let (server, _romeo) = ten_days(with(&clock, "messages_max = 4"), &clock, &[ARCHIVE]).await;
    let before: Vec<u64> = archive(&server).await.iter().map(|entry| entry.position).collect();
    log(&server).retain().await;
    let (log, juliet) = (log(&server), account(&server, "juliet").await);
    for (index, position) in before.into_iter().enumerate() {
        let left = index >= 6;
        assert_eq!(log.is_position(&juliet, position).await.unwrap(), left, "{index}");
        assert_eq!(log.entry(&juliet, position).await.unwrap().is_some(), left, "{index}");
    }
}

#[tokio::test]
async fn the_mark_outlives_a_crash_and_what_was_left_is_deleted() {
    let (clock, store) = (clock(), Store::memory());
    let limits = with(&clock, "messages_max = 4").store(store.clone());
    let (server, romeo) = ten_days(limits, &clock, &[ARCHIVE]).await;
    // As if the server died between the mark and the deletion.
    let (number, juliet) = {
        let juliet = account(&server, "juliet").await;
        (juliet.number(), juliet)
    };
    let month = log(&server).rows.store().months().await.unwrap()[0];
    let rows = log(&server).rows.month(month);
    let oldest = rows.range(number, waxwing_store::Span::all(), Order::Forward, 3).await.unwrap();
    log(&server).retain().await;
    for (position, row) in &oldest {
        rows.put(number, position, row).unwrap();
    }
    drop((romeo, juliet, rows, server));
    let server = with(&clock, "messages_max = 4").store(store).start().await;
    assert_eq!(on_disk(&server).await.0, 7);
    assert_eq!(texts(&archive(&server).await), ["6", "7", "8", "9"]);
    assert_eq!(counted(&server).await.0, 4);
    log(&server).retain().await;
    assert_eq!(on_disk(&server).await.0, 4);
    assert_eq!(counted(&server).await.0, 4);
}

#[tokio::test]
async fn many_rows_go_portion_by_portion() {
    let clock = clock();
    let server = with(&clock, "messages_max = 10").start().await;
    let mut romeo = server.login(ROMEO).await;
    let many = PORTION_ROWS * 2 + 77;
    for number in 0..many {
        say(&mut romeo, &number.to_string(), &[ARCHIVE]).await;
    }
    log(&server).retain().await;
    assert_eq!(counted(&server).await.0, 10);
    assert_eq!(on_disk(&server).await, (10, 10));
    assert_eq!(texts(&archive(&server).await)[0], (many - 10).to_string());
}

/// Many accounts over their limit, more than one page of names.
#[tokio::test]
async fn every_log_has_its_turn_and_none_is_left_out() {
    let (clock, store) = (clock(), Store::memory());
    let server = builder(&clock).store(store.clone()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let names: Vec<String> = (0..300).map(|number| format!("a{number}@capulet.lit")).collect();
    for name in &names {
        for body in ["1", "2", "3"] {
            let message = format!("<message to='{name}' type='chat'><body>{body}</body>{ARCHIVE}</message>");
            romeo.send(&message).await;
        }
    }
    log(&server).checkpoint(false).await;
    drop((romeo, server));
    let server = with(&clock, "messages_max = 1").store(store).start().await;
    log(&server).retain().await;
    // Of each two, and of Romeo's own all but one.
    assert_eq!(log(&server).metrics.expired.get(), 600 + 899);
}

#[tokio::test]
async fn logs_that_nobody_uses_are_looked_at_in_turn() {
    let (clock, store) = (clock(), Store::memory());
    let (server, romeo) = ten_days(builder(&clock).store(store.clone()), &clock, &[ARCHIVE]).await;
    drop((romeo, server));
    let server = with(&clock, "messages_max = 4").store(store).start().await;
    log(&server).retain().await;
    assert_eq!(archive(&server).await.len(), 4);
}

/// The task does it by itself.
#[tokio::test(start_paused = true)]
async fn retention_needs_no_call() {
    let clock = clock();
    let (server, _romeo) = ten_days(with(&clock, "messages_max = 4"), &clock, &[ARCHIVE]).await;
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(archive(&server).await.len(), 4);
}

#[tokio::test]
async fn a_month_goes_when_nothing_is_left_in_it_on_any_host() {
    let clock = clock();
    let limits = with(&clock, "keep_for = \"1 days\"").and_host("montague.lit");
    let (server, mut romeo) = ten_days(limits, &clock, &[ARCHIVE]).await;
    let months = || async { log(&server).rows.store().months().await.unwrap() };
    // On the other host a year is the limit.
    romeo
        .send(&format!("<message to='benvolio@montague.lit' type='chat'><body>x</body>{ARCHIVE}</message>"))
        .await;
    // What is known of a stream does not keep a month.
    romeo.session().begin_acks(false, 7);
    log(&server).note_inbound(romeo.session(), 3).unwrap();
    assert_eq!(months().await, [202_311]);
    set(&clock, NOW + 100 * DAY);
    log(&server).retain().await;
    assert_eq!(on_disk(&server).await, (0, 0));
    assert_eq!(months().await, [202_311], "the other host's is there");
    set(&clock, NOW + 500 * DAY);
    let other = server.server().shared().router().host("montague.lit").unwrap().service::<Log>().unwrap();
    other.retain().await;
    log(&server).retain().await;
    assert!(months().await.is_empty(), "{:?}", months().await);
    let metrics = server.server().shared().metrics().encode();
    assert!(metrics.contains("log_months_dropped_total{host=\"montague.lit\"} 1"), "{metrics}");
}

/// Where deleting frees no space and only a month gives it back.
#[tokio::test]
async fn the_engine_on_disk_is_trimmed_and_gives_months_back() {
    let (clock, dir) = (clock(), tempfile::tempdir().unwrap());
    let options = waxwing_store::StoreOptions::new(waxwing_store::EngineKind::Sled, dir.path());
    let store = Store::open(options).await.unwrap();
    let limits = with(&clock, "keep_for = \"3 days\"").store(store.clone());
    let (server, romeo) = ten_days(limits, &clock, &[ARCHIVE]).await;
    romeo.session().begin_acks(false, 7);
    log(&server).note_inbound(romeo.session(), 3).unwrap();
    log(&server).retain().await;
    assert_eq!(texts(&archive(&server).await), ["6", "7", "8", "9"]);
    assert_eq!((counted(&server).await.0, on_disk(&server).await), (4, (4, 4)));
    set(&clock, NOW + 100 * DAY);
    log(&server).retain().await;
    assert!(store.months().await.unwrap().is_empty());
    drop((romeo, server));
    store.close().await;
}

#[tokio::test]
async fn recent_months_stay_for_the_counts_of_streams() {
    let clock = clock();
    let (server, romeo) = ten_days(with(&clock, "keep_for = \"1 days\""), &clock, &[ARCHIVE]).await;
    romeo.session().begin_acks(false, 7);
    log(&server).note_inbound(romeo.session(), 3).unwrap();
    set(&clock, NOW + 35 * DAY);
    log(&server).retain().await;
    assert_eq!(log(&server).rows.store().months().await.unwrap(), [202_311]);
    assert_eq!(log(&server).inbound(romeo.session().account(), 7).await.unwrap(), Some(3));
}

#[tokio::test]
async fn the_administrator_sets_other_limits_for_one_account() {
    let (clock, store) = (clock(), Store::memory());
    let (server, romeo) = ten_days(builder(&clock).store(store.clone()), &clock, &[ARCHIVE]).await;
    let call = |server: &TestServer, arguments: &[&str]| {
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        let shared = server.server();
        let called = async move { shared.command("capulet.lit", "account.retention", arguments).await };
        futures_now(called)
    };
    let said = call(&server, &["juliet@capulet.lit", "-", "4", "2 MiB"]).unwrap();
    assert_eq!(said, ["kept for: 365 days", "messages: 4", "bytes: 2097152"]);
    assert_eq!(archive(&server).await.len(), 4, "at once");
    let said = call(&server, &["juliet@capulet.lit", "forever", "-", "default"]).unwrap();
    assert_eq!(said, ["kept for: forever", "messages: 4", "bytes: 1073741824"]);
    assert!(call(&server, &["juliet@capulet.lit", "soon", "-", "-"]).is_err());
    assert!(call(&server, &["nobody@capulet.lit", "-", "-", "-"]).is_err());
    drop((romeo, server));
    let server = builder(&clock).store(store).start().await;
    set(&clock, NOW + 1000 * DAY);
    log(&server).retain().await;
    assert_eq!(archive(&server).await.len(), 4, "it outlives the server");
    let romeo = account(&server, "romeo").await;
    let page = log(&server).page(&romeo, &Query { max: 20, ..Query::default() }).await.unwrap();
    assert!(page.entries.is_empty(), "nobody else's limits");
}

/// A store in memory never waits.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[tokio::test]
async fn a_new_config_holds_at_once() {
    let clock = clock();
    let (server, _romeo) = ten_days(builder(&clock), &clock, &[ARCHIVE]).await;
    log(&server).retain().await;
    assert_eq!(archive(&server).await.len(), 10);
    let config = Config { keep_for: Lifetime::days(3), messages_max: 0, bytes_max: Bytes(0) };
    assert_eq!(log(&server).reload(config), Reload::Applied);
    log(&server).retain().await;
    assert_eq!(archive(&server).await.len(), 4);
}

#[tokio::test]
async fn a_buried_row_is_counted_with_what_is_left_of_it() {
    let clock = clock();
    let (server, mut romeo) = ten_days(builder(&clock), &clock, &[ARCHIVE, OWE]).await;
    say(&mut romeo, "hidden", &[OWE]).await;
    let juliet = account(&server, "juliet").await;
    let entry = archive(&server).await.remove(3);
    let tombstone = Stanza { children: Children::new(), ..entry.stanza };
    assert!(log(&server).bury(&juliet, entry.position, &tombstone).await.unwrap().is_some());
    counted(&server).await;
    let entry = archive(&server).await.remove(3);
    assert!(entry.retracted && entry.stanza.children.is_empty());
    let none = log(&server).bury(&juliet, 1, &tombstone).await.unwrap();
    assert!(none.is_none(), "there is no such row");
    let mut client = server.login(JULIET).await;
    available(&mut client).await;
    assert_eq!(bodies(&mut client).await, ["0", "1", "2", "4", "5", "6", "7", "8", "9", "hidden"]);
    counted(&server).await;
}
