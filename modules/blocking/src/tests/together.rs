//! With the real roster and presence: what a blocked contact sees of the user (XEP-0191 §3.3, §3.4).

use waxwing_presence::Presence;
use waxwing_roster::Rosters;

use super::*;

/// Juliet and Romeo, subscribed to each other and online.
async fn friends() -> (TestServer, TestClient, TestClient) {
    let server = TestServer::host("capulet.lit").and_host("montague.lit").with::<Blocking>();
    let server = server.with::<Rosters>().with::<Presence>().start().await;
    let mut juliet = server.online(JULIET).await;
    let mut romeo = server.online(ROMEO).await;
    juliet.send("<presence type='subscribe' to='romeo@montague.lit'/>").await;
    romeo.send("<presence type='subscribed' to='juliet@capulet.lit'/>").await;
    romeo.send("<presence type='subscribe' to='juliet@capulet.lit'/>").await;
    juliet.send("<presence type='subscribed' to='romeo@montague.lit'/>").await;
    juliet.forget();
    romeo.forget();
    (server, juliet, romeo)
}

async fn offline(romeo: &mut TestClient) {
    romeo.expect(&format!("<presence from='{JULIET}' to='{{any}}' type='unavailable'/>")).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_a_blocked_contact_gets_no_more_presence() {
    let (_server, mut juliet, mut romeo) = friends().await;
    juliet.send("<presence><show>away</show></presence>").await;
    romeo.expect(&format!("<presence from='{JULIET}' to='{{any}}'><show>away</show></presence>")).await;
    juliet.forget();
    block(&mut juliet, &["romeo@montague.lit"]).await;
    offline(&mut romeo).await;
    juliet.send("<presence><show>dnd</show></presence>").await;
    juliet.send("<presence type='unavailable'/>").await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_4_an_unblocked_contact_gets_the_current_presence() {
    let (_server, mut juliet, mut romeo) = friends().await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    offline(&mut romeo).await;
    juliet.send("<presence><show>dnd</show></presence>").await;
    juliet.forget();
    set(&mut juliet, "unblock", &[]).await;
    done(&mut juliet).await;
    romeo.expect(&format!("<presence from='{JULIET}' to='{{any}}'><show>dnd</show></presence>")).await;
    romeo.expect_nothing();
}

/// A login sends presence and probes; neither may tell a blocked contact that the user is there.
#[tokio::test]
async fn xep0191_3_3_a_login_is_hidden_from_a_blocked_contact() {
    let (server, mut juliet, mut romeo) = friends().await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    offline(&mut romeo).await;
    juliet.drop_connection().await;
    let mut juliet = server.online(JULIET).await;
    romeo.expect_nothing();
    // Nor does a probe get an answer.
    romeo.send("<presence type='probe' to='juliet@capulet.lit'/>").await;
    romeo.expect_nothing();
    juliet.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_presence_of_a_blocked_contact_does_not_arrive() {
    let (_server, mut juliet, mut romeo) = friends().await;
    romeo.send("<presence><show>away</show></presence>").await;
    juliet.expect("<presence from='{any}' to='{any}'><show>away</show></presence>").await;
    block(&mut juliet, &["montague.lit"]).await;
    romeo.send("<presence><show>dnd</show></presence>").await;
    romeo.send("<presence type='unavailable'/>").await;
    juliet.expect_nothing();
}

/// §4, "polite blocking": the subscriptions stay.
#[tokio::test]
async fn xep0191_4_subscriptions_stay() {
    let (_server, mut juliet, _romeo) = friends().await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    juliet.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>").await;
    let roster = juliet.next().await.unwrap().to_xml();
    assert!(roster.contains("subscription='both'") || roster.contains("subscription=\"both\""), "{roster}");
}
