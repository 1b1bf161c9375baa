//! With real rosters, presence, copies and the log.

use waxwing_carbons::Carbons;
use waxwing_log::Log;
use waxwing_offline::Offline;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;

use super::*;

struct Scene {
    server: TestServer,
    romeo: TestClient,
    phone: TestClient,
    desk: TestClient,
}

/// Juliet sees Romeo's presence; her phone lies in her pocket, she sits at the desk.
async fn scene() -> Scene {
    let server = builder().and_host("montague.lit").with::<Carbons>().with::<Log>().with::<Offline>();
    let server = server.with::<Rosters>().with::<Presence>().start().await;
    let mut romeo = server.online(ROMEO).await;
    let mut phone = server.online(PHONE).await;
    let mut desk = server.online("juliet@capulet.lit/desk").await;
    phone.send("<presence to='romeo@montague.lit' type='subscribe'/>").await;
    romeo.send("<presence to='juliet@capulet.lit' type='subscribed'/>").await;
    for client in [&mut phone, &mut desk] {
        client.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>").await;
    }
    for client in [&mut romeo, &mut phone, &mut desk] {
        client.forget();
    }
    indicate(&phone, "inactive").await;
    Scene { server, romeo, phone, desk }
}

#[tokio::test]
async fn xep0352_3_1_a_chat_at_the_desk_reaches_the_phone_without_its_chat_states() {
    let Scene { server: _server, mut romeo, mut phone, mut desk } = scene().await;
    let to_desk = |rest: &str| format!("<message to='juliet@capulet.lit/desk' type='chat'>{rest}</message>");
    romeo.send(&to_desk(COMPOSING)).await;
    romeo.send("<presence><show>dnd</show></presence>").await;
    desk.send(&format!("<message to='{ROMEO}' type='chat'>{COMPOSING}</message>")).await;
    phone.expect_nothing();
    romeo.send(&to_desk("<body>Hi</body>")).await;
    let mut came = Vec::new();
    for _ in 0..4 {
        came.push(phone.next().await.unwrap().to_xml());
    }
    phone.expect_nothing();
    for (xml, part) in came.iter().zip(["<received", "<show>dnd", "<sent", "<body>Hi"]) {
        assert!(xml.contains(part), "{part}: {xml}");
    }
}

/// What is held is not lost: it is owed until the client has acknowledged it.
#[tokio::test]
async fn xep0160_2_what_was_held_when_the_client_vanished_waits_for_the_next_session() {
    let Scene { server, mut romeo, mut phone, desk } = scene().await;
    desk.drop_connection().await;
    phone.forget();
    assert!(phone.session().begin_acks(false, 7));
    romeo.send(&format!("<message to='juliet@capulet.lit' type='chat'>{RECEIPT}</message>")).await;
    phone.expect_nothing();
    phone.drop_connection().await;
    let mut phone = server.login(PHONE).await;
    phone.send("<presence/>").await;
    let stanza = phone.next().await.unwrap();
    assert!(stanza.children.find(ns::RECEIPTS, "received").is_some());
    assert!(stanza.children.find(ns::DELAY, "delay").is_some());
}

/// A session may be inactive when it becomes available.
#[tokio::test]
async fn messages_that_waited_for_the_session_come_at_once() {
    let Scene { server, mut romeo, phone, desk } = scene().await;
    phone.drop_connection().await;
    desk.drop_connection().await;
    romeo.send("<message to='juliet@capulet.lit' type='chat'><body>1</body></message>").await;
    romeo.send(&format!("<message to='juliet@capulet.lit' type='chat'>{RECEIPT}</message>")).await;
    romeo.send("<message to='juliet@capulet.lit' type='chat'><body>2</body></message>").await;
    let mut phone = server.login(PHONE).await;
    indicate(&phone, "inactive").await;
    phone.send("<presence/>").await;
    for part in ["<body>1", "<received", "<body>2"] {
        let xml = phone.next().await.unwrap().to_xml();
        assert!(xml.contains(part) && xml.contains("<delay"), "{part}: {xml}");
    }
}
