//! §4.2, §5: states, and the order in which things come.

use super::*;

#[tokio::test]
async fn xep0352_4_2_a_stream_begins_active() {
    let server = builder().start().await;
    let mut phone = server.login(PHONE).await;
    arrives(&phone, &message("chat", COMPOSING));
    phone.expect(&message("chat", COMPOSING)).await;
}

#[tokio::test]
async fn xep0352_4_2_an_active_client_gets_everything_at_once() {
    let (_server, mut phone) = pocket().await;
    indicate(&phone, "active").await;
    arrives(&phone, &message("chat", COMPOSING));
    phone.expect(&message("chat", COMPOSING)).await;
}

#[tokio::test]
async fn xep0352_3_2_the_last_presence_of_each_resource_comes_when_the_client_is_active() {
    let (_server, mut phone) = pocket().await;
    for show in ["away", "dnd", "xa"] {
        for resource in ["a", "b"] {
            arrives(&phone, &presence(&format!("x@y.lit/{resource}"), &format!("<show>{show}</show>")));
        }
    }
    arrives(&phone, &format!("<presence from='x@y.lit/b' to='{PHONE}' type='unavailable'/>"));
    phone.expect_nothing();
    indicate(&phone, "active").await;
    phone.expect(&presence("x@y.lit/a", "<show>xa</show>")).await;
    phone.expect(&format!("<presence from='x@y.lit/b' to='{PHONE}' type='unavailable'/>")).await;
    phone.expect_nothing();
}

/// §5.1: before the answer to what the client asks afterwards.
#[tokio::test]
async fn xep0352_5_1_what_was_held_comes_before_later_answers() {
    let (_server, mut phone) = pocket().await;
    arrives(&phone, &presence(ROMEO, ""));
    arrives(&phone, &message("chat", COMPOSING));
    phone.expect_nothing();
    // It arrives between the two elements and has not been written yet.
    arrives(&phone, &message("chat", "<body>Hi</body>"));
    indicate(&phone, "active").await;
    phone.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    phone.expect(&presence(ROMEO, "")).await;
    phone.expect(&message("chat", COMPOSING)).await;
    phone.expect(&message("chat", "<body>Hi</body>")).await;
    assert_eq!(phone.next().await.unwrap().name(), "iq");
    phone.expect_nothing();
}

/// RFC 6120 §10.1: order is kept.
#[tokio::test]
async fn rfc6120_10_1_what_was_held_comes_before_what_is_not() {
    let (_server, mut phone) = pocket().await;
    for round in 0..3 {
        arrives(&phone, &presence(ROMEO, &format!("<status>{round}</status>")));
        arrives(&phone, &message("chat", COMPOSING));
        phone.expect_nothing();
        arrives(&phone, &message("chat", "<body>Hi</body>"));
        phone.expect(&presence(ROMEO, &format!("<status>{round}</status>"))).await;
        phone.expect(&message("chat", COMPOSING)).await;
        phone.expect(&message("chat", "<body>Hi</body>")).await;
    }
}

#[tokio::test]
async fn xep0352_4_2_what_was_held_comes_once() {
    let (_server, mut phone) = pocket().await;
    arrives(&phone, &presence(ROMEO, ""));
    phone.expect_nothing();
    for state in ["active", "active", "inactive", "inactive", "active"] {
        indicate(&phone, state).await;
    }
    phone.expect(&presence(ROMEO, "")).await;
    phone.expect_nothing();
}

/// §5: the state is of one session.
#[tokio::test]
async fn xep0352_5_other_sessions_are_active() {
    let (server, mut phone) = pocket().await;
    let mut desk = server.login("juliet@capulet.lit/desk").await;
    for client in [&phone, &desk] {
        arrives(client, &message("chat", COMPOSING));
    }
    desk.expect(&message("chat", COMPOSING)).await;
    phone.expect_nothing();
}

/// XEP-0198 §4: what is held was not sent.
#[tokio::test]
async fn xep0198_4_what_is_held_is_not_counted() {
    let (_server, mut phone) = pocket().await;
    assert!(phone.session().begin_acks(true, 7));
    arrives(&phone, &message("chat", COMPOSING));
    phone.expect_nothing();
    assert_eq!(phone.session().written_count(), 0);
    indicate(&phone, "active").await;
    phone.expect(&message("chat", COMPOSING)).await;
    assert_eq!(phone.session().written_count(), 1);
}

async fn sleep(phone: &TestClient) {
    phone.session().sleep(1 << 20).await;
}

async fn resume(phone: &TestClient, h: u32) {
    let session = phone.session();
    session.wake(h, Peer { address: [127, 0, 0, 1].into(), secure: true }).unwrap();
    session.host().notify(Notice::SessionResumed(Arc::clone(session))).await;
}

/// §5.2: and what was held comes, behind what was not acknowledged and before what came since.
#[tokio::test]
async fn xep0352_5_2_a_resumed_stream_is_active() {
    let (_server, mut phone) = pocket().await;
    assert!(phone.session().begin_acks(true, 7));
    arrives(&phone, &message("chat", "<body>1</body>"));
    phone.expect(&message("chat", "<body>1</body>")).await;
    arrives(&phone, &message("chat", COMPOSING));
    phone.expect_nothing();
    sleep(&phone).await;
    arrives(&phone, &presence(ROMEO, ""));
    resume(&phone, 0).await;
    phone.expect(&message("chat", "<body>1</body>")).await;
    phone.expect(&message("chat", COMPOSING)).await;
    phone.expect(&presence(ROMEO, "")).await;
    arrives(&phone, &message("chat", COMPOSING));
    phone.expect(&message("chat", COMPOSING)).await;
}

/// §5.2: clients that want to be inactive say so again.
#[tokio::test]
async fn xep0352_5_2_and_may_become_inactive_again() {
    let (_server, mut phone) = pocket().await;
    assert!(phone.session().begin_acks(true, 7));
    sleep(&phone).await;
    resume(&phone, 0).await;
    indicate(&phone, "inactive").await;
    arrives(&phone, &message("chat", COMPOSING));
    phone.expect_nothing();
}

/// The core bounds what is held: then it goes out.
#[tokio::test]
async fn what_is_held_has_a_bound() {
    let (server, mut phone) = pocket().await;
    let long = message("chat", &format!("{COMPOSING}<thread>{}</thread>", "t".repeat(50_000)));
    for _ in 0..5 {
        arrives(&phone, &long);
    }
    phone.expect_nothing();
    for _ in 0..2 {
        arrives(&phone, &long);
    }
    let mut count = 0;
    while count < 7 {
        phone.next().await.unwrap();
        count += 1;
    }
    assert!(server.server().shared().metrics().encode().contains("csi_held_total{host=\"capulet.lit\"}"));
}
