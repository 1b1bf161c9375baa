//! What a crash leaves: a server that is gone without a word, and another on the same store.

use std::time::Duration;

use waxwing_store::{EngineKind, Faults, StoreOptions};

use super::retention::on_disk;
use super::*;

#[tokio::test]
async fn nothing_that_is_owed_is_lost_before_the_first_checkpoint() {
    let (clock, store) = (clock(), Store::memory());
    let server = builder(&clock).store(store.clone()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    say(&mut romeo, "2", &[OWE]).await;
    drop((romeo, server));
    let server = builder(&clock).store(store).start().await;
    assert_eq!(texts(&archive(&server).await), ["1"]);
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert_eq!(bodies(&mut juliet).await, ["1", "2"]);
}

#[tokio::test]
async fn rows_behind_the_checkpoint_are_found() {
    let (clock, store) = (clock(), Store::memory());
    let server = builder(&clock).store(store.clone()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    log(&server).checkpoint(false).await;
    say(&mut romeo, "2", &[OWE, ARCHIVE]).await;
    drop((romeo, server));
    let server = builder(&clock).store(store).start().await;
    assert_eq!(texts(&archive(&server).await), ["1", "2"]);
    assert_eq!(counted(&server).await.0, 2);
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert_eq!(bodies(&mut juliet).await, ["1", "2"]);
}

#[tokio::test]
async fn what_was_acknowledged_before_the_checkpoint_does_not_come_again() {
    let (clock, store) = (clock(), Store::memory());
    let server = builder(&clock).store(store.clone()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    say(&mut romeo, "before", &[OWE, ARCHIVE]).await;
    assert_eq!(bodies(&mut juliet).await, ["before"]);
    log(&server).checkpoint(false).await;
    say(&mut romeo, "behind", &[OWE, ARCHIVE]).await;
    assert_eq!(bodies(&mut juliet).await, ["behind"]);
    let ids: Vec<u64> = archive(&server).await.iter().map(|entry| entry.position).collect();
    drop((romeo, juliet, server));
    let server = builder(&clock).store(store).start().await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    // What was acknowledged behind it may come twice, with the same id.
    let again = juliet.next().await.unwrap();
    let id = again.children.find(ns::STANZA_ID, "stanza-id").unwrap().attribute("id").unwrap();
    let number = account(&server, "juliet").await.number();
    assert_eq!(log(&server).ids().position(number, &id), Some(ids[1]));
    juliet.expect_nothing();
}

/// The task does it by itself, within two seconds.
#[tokio::test(start_paused = true)]
async fn checkpoints_follow_by_themselves() {
    let (clock, store) = (clock(), Store::memory());
    let server = builder(&clock).store(store.clone()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    assert_eq!(bodies(&mut juliet).await, ["1"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop((romeo, juliet, server));
    let server = builder(&clock).store(store).start().await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    juliet.expect_nothing();
}

#[tokio::test]
async fn xep0313_6_2_ids_outlive_the_server() {
    let (clock, store) = (clock(), Store::memory());
    let server = builder(&clock).store(store.clone()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "1", &[ARCHIVE]).await;
    let id = |server: &TestServer, number, position| log(server).ids().id(number, position);
    let number = account(&server, "juliet").await.number();
    let position = archive(&server).await[0].position;
    let before = id(&server, number, position);
    drop((romeo, server));
    let server = builder(&clock).store(store).start().await;
    assert_eq!(archive(&server).await[0].position, position);
    assert_eq!(id(&server, number, position), before);
}

#[tokio::test]
async fn xep0313_3_1_positions_grow_whatever_the_clock_does_and_over_a_crash() {
    let (clock, store) = (clock(), Store::memory());
    let mut server = builder(&clock).store(store.clone()).start().await;
    // Stands still, jumps back by an hour, by three months, and goes on.
    let jumps = [0, 0, -3_600_000_000, -90 * 86_400_000_000, -90 * 86_400_000_000, 5_000_000];
    for (number, jump) in (0..).zip(jumps) {
        set(&clock, NOW + jump);
        let mut romeo = server.login(ROMEO).await;
        say(&mut romeo, &format!("{number}"), &[ARCHIVE]).await;
        if number % 2 == 0 {
            log(&server).checkpoint(false).await;
        }
        drop((romeo, server));
        server = builder(&clock).store(store.clone()).start().await;
    }
    let entries = archive(&server).await;
    assert_eq!(texts(&entries), ["0", "1", "2", "3", "4", "5"]);
    assert!(entries.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!(counted(&server).await.0, 6);
}

#[tokio::test]
async fn an_acknowledged_hidden_row_that_a_checkpoint_still_speaks_of_is_no_harm() {
    let (clock, store) = (clock(), Store::memory());
    let server = builder(&clock).store(store.clone()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "hidden", &[OWE]).await;
    say(&mut romeo, "shown", &[ARCHIVE]).await;
    log(&server).checkpoint(false).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert_eq!(bodies(&mut juliet).await, ["hidden"]);
    drop((romeo, juliet, server));
    let server = builder(&clock).store(store).start().await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert!(bodies(&mut juliet).await.is_empty());
    assert_eq!(counted(&server).await.0, 1);
}

/// The checkpoint then is of a little earlier, and the next one of a little later.
#[tokio::test]
async fn a_log_that_always_has_a_row_under_way_is_written_all_the_same() {
    let (clock, faults) = (clock(), Faults::default());
    let options = StoreOptions { faults: faults.clone(), ..StoreOptions::new(EngineKind::Memory, "") };
    let store = Store::open(options).await.unwrap();
    let server = builder(&clock).store(store).start().await;
    let mut romeo = server.login(ROMEO).await;
    let account = account(&server, "juliet").await;
    let log = log(&server);
    let state = log.load(&account).await.unwrap();
    let saved = || async { log.states.get(account.number(), &()).await.unwrap().unwrap_or_default().rows };
    let written = || state.lock().written.clone().unwrap();
    for number in 0..10 {
        faults.hold();
        say(&mut romeo, &number.to_string(), &[ARCHIVE]).await;
        log.checkpoint(false).await;
        assert!(state.lock().changed);
        faults.release();
        written().durable().await.unwrap();
        faults.hold();
        say(&mut romeo, &number.to_string(), &[ARCHIVE]).await;
        let before = saved().await;
        log.checkpoint(false).await;
        assert!(saved().await > before, "it is behind by {number}");
        assert!(saved().await < state.lock().rows && state.lock().changed);
        faults.release();
        written().durable().await.unwrap();
    }
    log.checkpoint(false).await;
    assert_eq!(saved().await, 20);
    // Nor does it keep the oldest rows from going.
    log.config.lock().messages_max = 15;
    log.retain().await;
    faults.hold();
    say(&mut romeo, "last", &[ARCHIVE]).await;
    log.config.lock().messages_max = 7;
    let retained = tokio::spawn({
        let (log, account) = (Arc::clone(&log), Arc::clone(&account));
        async move { log.trim_now(&account).await }
    });
    let hidden = async {
        while state.lock().rows > 7 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), hidden).await.expect("they are hidden at once");
    say(&mut romeo, "under way", &[ARCHIVE]).await;
    faults.release();
    retained.await.unwrap();
    assert_eq!((saved().await, on_disk(&server).await.0), (7, 7));
}
