//! What a crash leaves: a server that is gone without a word, and another on the same store.

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
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
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
