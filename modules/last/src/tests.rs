use std::sync::atomic::{AtomicI64, Ordering};

use waxwing_core::Clock;
use waxwing_testkit::{TestClient, TestContacts, TestServer};

use super::*;

/// A server whose clock a test can move.
async fn server(store: Store) -> (TestServer, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
    let server = TestServer::host("capulet.lit")
        .with::<Last>()
        .with::<TestContacts>()
        .module_config("contacts", "friends = [\"romeo@capulet.lit\"]")
        .clock(Clock::Fixed(Arc::clone(&clock)))
        .store(store)
        .start()
        .await;
    (server, clock)
}

fn seconds(clock: &AtomicI64, count: i64) {
    clock.fetch_add(count * 1_000_000, Ordering::Relaxed);
}

async fn ask(client: &mut TestClient, to: &str) {
    client.send(&format!("<iq to='{to}' type='get' id='l'><query xmlns='jabber:iq:last'/></iq>")).await;
}

async fn told(client: &mut TestClient, from: &str, seconds: u64, status: &str) {
    let expected = format!(
        "<iq from='{from}' to='{{any}}' type='result' id='l'>
        <query xmlns='jabber:iq:last' seconds='{seconds}'>{status}</query></iq>"
    );
    client.expect(&expected).await;
}

async fn refused(client: &mut TestClient, condition: Condition) -> String {
    let stanza = client.next().await.expect("an answer");
    assert_eq!(stanza.error().expect("an error").condition, condition);
    stanza.to_xml()
}

const JULIET: &str = "juliet@capulet.lit/balcony";
const ROMEO: &str = "romeo@capulet.lit/orchard";

#[tokio::test]
async fn xep0012_5_the_server_tells_its_uptime() {
    let (server, clock) = server(Store::memory()).await;
    let mut romeo = server.login(ROMEO).await;
    seconds(&clock, 123_456);
    ask(&mut romeo, "capulet.lit").await;
    told(&mut romeo, "capulet.lit", 123_456, "").await;
}

#[tokio::test]
async fn xep0012_3_a_friend_learns_time_and_status_of_the_logout() {
    let (server, clock) = server(Store::memory()).await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    juliet.send("<presence type='unavailable'><status>Heading Home</status></presence>").await;
    juliet.drop_connection().await;
    seconds(&clock, 903);
    ask(&mut romeo, "juliet@capulet.lit").await;
    told(&mut romeo, "juliet@capulet.lit", 903, "Heading Home").await;
}

#[tokio::test]
async fn xep0012_3_a_logout_without_a_word_has_no_status() {
    let (server, clock) = server(Store::memory()).await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    juliet.send("<presence type='unavailable'><status>Heading Home</status></presence>").await;
    juliet.send("<presence><status>Back again</status></presence>").await;
    juliet
        .send("<presence type='unavailable' to='romeo@capulet.lit'><status>For you</status></presence>")
        .await;
    juliet.drop_connection().await;
    romeo.forget();
    seconds(&clock, 5);
    ask(&mut romeo, "juliet@capulet.lit").await;
    told(&mut romeo, "juliet@capulet.lit", 5, "").await;
}

#[tokio::test]
async fn xep0012_3_a_connected_account_is_active_now() {
    let (server, clock) = server(Store::memory()).await;
    let mut romeo = server.login(ROMEO).await;
    let juliet = server.login(JULIET).await;
    let other = server.login("juliet@capulet.lit/chamber").await;
    juliet.drop_connection().await;
    seconds(&clock, 60);
    ask(&mut romeo, "juliet@capulet.lit").await;
    told(&mut romeo, "juliet@capulet.lit", 0, "").await;
    ask(&mut romeo, "romeo@capulet.lit").await;
    told(&mut romeo, "romeo@capulet.lit", 0, "").await;
    other.drop_connection().await;
    seconds(&clock, 7);
    ask(&mut romeo, "juliet@capulet.lit").await;
    told(&mut romeo, "juliet@capulet.lit", 7, "").await;
}

/// §3, §8, and RFC 6120 §13.11: online, away, never seen or not there: all the same to a stranger.
#[tokio::test]
async fn xep0012_8_strangers_are_forbidden_whoever_they_ask_about() {
    let (server, _) = server(Store::memory()).await;
    let mut paris = server.login("paris@capulet.lit/hall").await;
    let _juliet = server.login(JULIET).await;
    server.login("tybalt@capulet.lit/hall").await.drop_connection().await;
    let mut answers = Vec::new();
    for to in ["juliet@capulet.lit", "tybalt@capulet.lit", "rosaline@capulet.lit", "nobody@capulet.lit"] {
        ask(&mut paris, to).await;
        answers.push(refused(&mut paris, Condition::Forbidden).await.replace(to, ""));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn xep0012_3_an_account_that_never_logged_in_has_no_time() {
    let (server, _) = server(Store::memory()).await;
    let mut romeo = server.login(ROMEO).await;
    ask(&mut romeo, "rosaline@capulet.lit").await;
    refused(&mut romeo, Condition::ItemNotFound).await;
}

#[tokio::test]
async fn the_logout_outlives_a_restart_and_a_long_status_is_cut() {
    let store = Store::memory();
    let (first, _) = server(store.clone()).await;
    let mut juliet = first.login(JULIET).await;
    let status = "é".repeat(600);
    juliet.send(&format!("<presence type='unavailable'><status>{status}</status></presence>")).await;
    juliet.drop_connection().await;
    let (second, clock) = server(store).await;
    seconds(&clock, 10);
    let mut romeo = second.login(ROMEO).await;
    ask(&mut romeo, "juliet@capulet.lit").await;
    told(&mut romeo, "juliet@capulet.lit", 10, &"é".repeat(512)).await;
}
