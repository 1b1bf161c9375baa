//! Sessions that wait for their clients (XEP-0198), and what they have not acknowledged.

use super::*;

/// Juliet's phone, with a session that may be resumed.
async fn awake(builder: TestServerBuilder) -> (Scene, TestClient) {
    let scene = scene_of(builder).await;
    let mut phone = scene.server.online(PHONE).await;
    enable(&mut phone, "n1").await;
    assert!(phone.session().begin_acks(true, 7));
    (scene, phone)
}

async fn fall_asleep(phone: &TestClient) {
    phone.session().sleep(1 << 20).await;
    settled().await;
}

async fn resume(phone: &TestClient, h: u32) {
    let session = phone.session();
    session.wake(h, Peer { address: [127, 0, 0, 1].into(), secure: true }).unwrap();
    session.host().notify(Notice::SessionResumed(Arc::clone(session))).await;
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_a_client_whose_session_sleeps_is_notified() {
    let (mut scene, phone) = awake(builder()).await;
    fall_asleep(&phone).await;
    scene.app.expect_nothing();
    scene.say("Hi").await;
    assert_eq!(scene.published().await.count(), "1");
    resume(&phone, 0).await;
    scene.say("Hi").await;
    scene.quiet().await;
    fall_asleep(&phone).await;
    // Both are unacknowledged now.
    assert_eq!(scene.published().await.count(), "2");
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_what_a_client_has_not_acknowledged_when_it_falls_asleep_is_notified_once() {
    let (mut scene, mut phone) = awake(builder()).await;
    scene.say("written").await;
    assert!(phone.next().await.unwrap().has_body());
    scene.say("not even written").await;
    scene.quiet().await;
    fall_asleep(&phone).await;
    assert_eq!(scene.published().await.count(), "2");
    scene.quiet().await;
    scene.say("three").await;
    assert_eq!(scene.published().await.count(), "3");
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_what_it_has_acknowledged_is_not() {
    let (mut scene, mut phone) = awake(builder()).await;
    scene.say("Hi").await;
    assert!(phone.next().await.unwrap().has_body());
    phone.session().acked(1).unwrap();
    scene.romeo.send(&chat("<composing xmlns='http://jabber.org/protocol/chatstates'/>")).await;
    fall_asleep(&phone).await;
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn another_clients_service_is_not_notified_of_it() {
    let (mut scene, mut phone) = awake(builder()).await;
    let mut desktop = scene.server.online(DESKTOP).await;
    enable(&mut desktop, "n2").await;
    scene.say("Hi").await;
    assert!(phone.next().await.unwrap().has_body());
    fall_asleep(&phone).await;
    assert_eq!(scene.published().await.node(), Some("n1"));
    scene.quiet().await;
}

/// Without a log the sleeping session is where the message waits.
#[tokio::test(start_paused = true)]
async fn xep0334_4_2_what_a_sleeping_session_holds_is_notified_stored_or_not() {
    let (mut scene, phone) = awake(builder()).await;
    fall_asleep(&phone).await;
    scene.romeo.send(&chat("<body>Hi</body><no-store xmlns='urn:xmpp:hints'/>")).await;
    assert_eq!(scene.published().await.count(), "1");
}

#[tokio::test(start_paused = true)]
async fn xep0045_7_4_a_rooms_message_wakes_up_the_client_that_is_in_the_room() {
    for (config, pushed) in [("", true), ("groupchat = false", false)] {
        let (mut scene, phone) = awake(configured(config)).await;
        let mut desktop = scene.server.online(DESKTOP).await;
        enable(&mut desktop, "n2").await;
        desktop.drop_connection().await;
        fall_asleep(&phone).await;
        let message = "<message to='juliet@capulet.lit/phone' type='groupchat'><body>Hi</body></message>";
        scene.romeo.send(message).await;
        if pushed {
            assert_eq!(scene.published().await.node(), Some("n1"));
        }
        scene.quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn xep0045_7_2_15_a_subject_alone_wakes_up_nobody() {
    let (mut scene, phone) = awake(builder()).await;
    fall_asleep(&phone).await;
    let subject = "<message to='juliet@capulet.lit/phone' type='groupchat'><subject>Hi</subject></message>";
    scene.romeo.send(subject).await;
    scene.quiet().await;
}
