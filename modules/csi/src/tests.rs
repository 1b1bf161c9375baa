//! What waits, what passes, and what that saves.

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_core::{Enable, Peer, Trigger};
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestServer};

use crate::{Csi, NS};

/// Says it as c2s does.
async fn indicate(client: &TestClient, state: &'static str) {
    let session = Arc::clone(client.session());
    let host = Arc::clone(session.host());
    let feature = host.stream_features().iter().find(|feature| feature.module == "csi").unwrap();
    let request = Enable {
        trigger: Trigger::Nonza(NS, state),
        stanza: None,
        payload: Tree::new(NS, state).to_child(),
        host: Arc::clone(&host),
        session: Some(session),
        peer: Peer { address: [127, 0, 0, 1].into(), secure: true },
    };
    let reply = feature.enable(request).unwrap().await.unwrap();
    assert!(reply.children().is_empty());
}

async fn start() -> (TestServer, TestClient, TestClient) {
    let server =
        TestServer::host("capulet.lit").with::<Csi>().with::<Rosters>().with::<Presence>().start().await;
    let romeo = server.online("romeo@capulet.lit/orchard").await;
    let juliet = server.online("juliet@capulet.lit/balcony").await;
    (server, romeo, juliet)
}

const JULIET: &str = "juliet@capulet.lit/balcony";

fn presence(show: &str) -> String {
    format!("<presence to='{JULIET}'><show>{show}</show></presence>")
}

fn message(children: &str) -> String {
    format!("<message type='chat' to='{JULIET}'>{children}</message>")
}

#[tokio::test]
async fn xep0352_3_2_the_last_presence_goes_out_before_what_is_important() {
    let (_server, mut romeo, mut juliet) = start().await;
    indicate(&juliet, "inactive").await;
    for show in ["away", "xa", "dnd"] {
        romeo.send(&presence(show)).await;
    }
    romeo.send(&message("<composing xmlns='http://jabber.org/protocol/chatstates'/>")).await;
    juliet.expect_nothing();
    romeo.send(&message("<body>x</body>")).await;
    let seen: Vec<String> = [juliet.next().await, juliet.next().await, juliet.next().await]
        .into_iter()
        .map(|stanza| stanza.unwrap().to_xml())
        .collect();
    assert!(seen[0].contains("<show>dnd</show>"), "{seen:?}");
    assert!(seen[1].contains("<composing"), "{seen:?}");
    assert!(seen[2].contains("<body>"), "{seen:?}");
    juliet.expect_nothing();
}

#[tokio::test]
async fn xep0352_5_1_all_that_waits_goes_out_when_the_client_is_active() {
    let (_server, mut romeo, mut juliet) = start().await;
    indicate(&juliet, "inactive").await;
    romeo.send(&presence("away")).await;
    juliet.expect_nothing();
    indicate(&juliet, "active").await;
    assert!(juliet.next().await.unwrap().to_xml().contains("away"));
    romeo.send(&presence("xa")).await;
    assert!(juliet.next().await.unwrap().to_xml().contains("xa"));
}

#[tokio::test]
async fn xep0352_5_a_client_is_active_until_it_says_otherwise() {
    let (_server, mut romeo, mut juliet) = start().await;
    romeo.send(&presence("away")).await;
    assert!(juliet.next().await.is_some());
}

/// Eight hours of a phone in a pocket: 60 contacts whose clients go away and come back, people who write.
#[tokio::test]
async fn what_it_saves_on_a_phone_in_a_pocket() {
    let mut bytes = Vec::new();
    for inactive in [false, true] {
        let (server, _, mut juliet) = start().await;
        if inactive {
            indicate(&juliet, "inactive").await;
        }
        let (mut stanzas, mut size) = (0, 0);
        for round in 0..20 {
            for contact in 0..60 {
                let mut contact = server.login(&format!("contact{contact}@capulet.lit/phone")).await;
                contact.send(&presence(if round % 2 == 0 { "away" } else { "xa" })).await;
            }
            let mut friend = server.login("friend@capulet.lit/phone").await;
            friend.send(&message("<composing xmlns='http://jabber.org/protocol/chatstates'/>")).await;
            if round % 5 == 0 {
                friend
                    .send(&message(
                        "<body>Are you there?</body><active xmlns='http://jabber.org/protocol/chatstates'/>",
                    ))
                    .await;
            }
            while let Some(stanza) = juliet.waiting() {
                stanzas += 1;
                size += stanza.to_xml().len();
            }
        }
        println!("inactive: {inactive}: {stanzas} stanzas, {size} bytes");
        bytes.push(size);
    }
    assert!(bytes[1] * 3 < bytes[0], "{bytes:?}");
}
