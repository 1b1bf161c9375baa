//! §2 (3): the limit.

use super::*;

fn two() -> TestServerBuilder {
    builder().module_config("offline", "messages_max = 2")
}

#[tokio::test]
async fn xep0160_2_too_many_are_refused() {
    let server = two().start().await;
    let mut romeo = server.online(ROMEO).await;
    for body in ["1", "2"] {
        say(&mut romeo, "juliet@capulet.lit", body).await;
        romeo.expect_nothing();
    }
    for body in ["3", "4"] {
        say(&mut romeo, "juliet@capulet.lit", body).await;
        refused(&mut romeo).await;
    }
    assert!(
        server.server().shared().metrics().encode().contains("offline_full_total{host=\"capulet.lit\"} 2")
    );
    // Others' are counted by themselves.
    say(&mut romeo, "nurse@capulet.lit", "1").await;
    romeo.expect_nothing();
    let mut juliet = server.login(PHONE).await;
    juliet.send("<presence/>").await;
    assert_eq!(bodies(&mut juliet).await.len(), 2);
    // There is room again.
    juliet.drop_connection().await;
    say(&mut romeo, "juliet@capulet.lit", "5").await;
    romeo.expect_nothing();
}

/// The limit is for who is away.
#[tokio::test]
async fn rfc6121_8_5_2_1_who_is_there_gets_everything() {
    let server = two().start().await;
    let mut romeo = server.online(ROMEO).await;
    let mut juliet = server.online(PHONE).await;
    assert!(juliet.session().begin_acks(true, 7));
    for body in ["1", "2", "3", "4"] {
        say(&mut romeo, "juliet@capulet.lit", body).await;
    }
    romeo.expect_nothing();
    assert_eq!(bodies(&mut juliet).await.len(), 4);
}

#[tokio::test]
async fn zero_keeps_nothing_for_who_is_away() {
    let server = builder().module_config("offline", "messages_max = 0").start().await;
    let mut romeo = server.online(ROMEO).await;
    say(&mut romeo, "juliet@capulet.lit", "1").await;
    refused(&mut romeo).await;
}

#[test]
fn the_default_is_one_that_nobody_meets() {
    assert_eq!(Config::default().messages_max, 10_000);
}
