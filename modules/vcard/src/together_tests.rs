//! With the real roster and presence: what subscribers see (XEP-0153 §3.1, XEP-0398 §4).

use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestServer};

use super::*;

const JULIET: &str = "juliet@capulet.lit/balcony";
const HELLO: &str = "<PHOTO><BINVAL>aGVsbG8=</BINVAL></PHOTO>";
const HELLO_HASH: &str = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";

/// Juliet, and Romeo, who is subscribed to her; both online.
async fn friends() -> (TestServer, TestClient, TestClient) {
    let server =
        TestServer::host("capulet.lit").with::<VCard>().with::<Rosters>().with::<Presence>().start().await;
    let mut juliet = server.online(JULIET).await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    romeo.send("<presence type='subscribe' to='juliet@capulet.lit'/>").await;
    juliet.send("<presence type='subscribed' to='romeo@capulet.lit'/>").await;
    juliet.forget();
    romeo.forget();
    (server, juliet, romeo)
}

async fn set(juliet: &mut TestClient, content: &str) {
    juliet.send(&format!("<iq type='set' id='s'><vCard xmlns='vcard-temp'>{content}</vCard></iq>")).await;
}

async fn seen(romeo: &mut TestClient, content: &str) {
    romeo.expect(&format!("<presence from='{JULIET}' to='{{any}}'>{content}</presence>")).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn xep0153_3_1_subscribers_see_a_new_photo_at_once() {
    let (_server, mut juliet, mut romeo) = friends().await;
    juliet.send("<presence><show>away</show></presence>").await;
    seen(&mut romeo, "<show>away</show>").await;
    set(&mut juliet, HELLO).await;
    let x = format!("<x xmlns='vcard-temp:x:update'><photo>{HELLO_HASH}</photo></x>");
    seen(&mut romeo, &format!("<show>away</show>{x}")).await;
    // The same photo again is nothing new.
    set(&mut juliet, &format!("<FN>Juliet</FN>{HELLO}")).await;
    romeo.expect_nothing();
    set(&mut juliet, "<FN>Juliet</FN>").await;
    seen(&mut romeo, "<show>away</show><x xmlns='vcard-temp:x:update'><photo/></x>").await;
}

#[tokio::test]
async fn xep0398_4_a_login_shows_the_hash_and_probes_are_answered_with_it() {
    let (server, mut juliet, mut romeo) = friends().await;
    set(&mut juliet, HELLO).await;
    juliet.drop_connection().await;
    romeo.forget();
    let _juliet = server.online(JULIET).await;
    let x = format!("<x xmlns='vcard-temp:x:update'><photo>{HELLO_HASH}</photo></x>");
    seen(&mut romeo, &x).await;
    romeo.send("<presence type='probe' to='juliet@capulet.lit'/>").await;
    seen(&mut romeo, &x).await;
}

#[tokio::test]
async fn a_session_without_presence_shows_nothing() {
    let (server, juliet, mut romeo) = friends().await;
    juliet.drop_connection().await;
    romeo.forget();
    let mut juliet = server.login(JULIET).await;
    set(&mut juliet, HELLO).await;
    romeo.expect_nothing();
}
