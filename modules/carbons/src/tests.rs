//! Copies beside originals, in memory.

use waxwing_log::Log;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestServer};

use crate::Carbons;

const ENABLE: &str = "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>";

async fn start() -> (TestServer, TestClient, TestClient, TestClient) {
    let server = TestServer::host("capulet.lit")
        .with::<Carbons>()
        .with::<Log>()
        .with::<Rosters>()
        .with::<Presence>()
        .start()
        .await;
    let romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut balcony = server.online("juliet@capulet.lit/balcony").await;
    let mut chamber = server.online("juliet@capulet.lit/chamber").await;
    chamber.send(ENABLE).await;
    chamber.expect("<iq type='result' id='c' to='juliet@capulet.lit/chamber'/>").await;
    chamber.forget();
    balcony.forget();
    (server, romeo, balcony, chamber)
}

fn copy(direction: &str, from: &str, to: &str) -> String {
    format!(
        "<message type='chat' from='juliet@capulet.lit' to='juliet@capulet.lit/chamber'>
           <{direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>
             <message xmlns='jabber:client' type='chat' from='{from}' to='{to}'><body>x</body></message>
           </forwarded></{direction}>
         </message>"
    )
}

#[tokio::test]
async fn xep0280_7_what_another_resource_gets_is_copied() {
    let (_server, mut romeo, mut balcony, mut chamber) = start().await;
    romeo.send("<message type='chat' to='juliet@capulet.lit/balcony'><body>x</body></message>").await;
    let original = "<message type='chat' from='romeo@capulet.lit/orchard' to='juliet@capulet.lit/balcony'><body>x</body></message>";
    balcony.expect(original).await;
    chamber.expect(&copy("received", "romeo@capulet.lit/orchard", "juliet@capulet.lit/balcony")).await;
    balcony.expect_nothing();
    // Who gets the original gets no copy.
    romeo.send("<message type='chat' to='juliet@capulet.lit'><body>x</body></message>").await;
    chamber
        .expect("<message type='chat' from='romeo@capulet.lit/orchard' to='juliet@capulet.lit'><body>x</body></message>")
        .await;
    chamber.expect_nothing();
}

#[tokio::test]
async fn xep0280_8_what_another_resource_sends_is_copied() {
    let (_server, mut romeo, mut balcony, mut chamber) = start().await;
    balcony.send("<message type='chat' to='romeo@capulet.lit'><body>x</body></message>").await;
    chamber.expect(&copy("sent", "juliet@capulet.lit/balcony", "romeo@capulet.lit")).await;
    balcony.expect_nothing();
    assert!(romeo.next().await.unwrap().has_body());
    // §5: not any more.
    chamber.send("<iq type='set' id='c'><disable xmlns='urn:xmpp:carbons:2'/></iq>").await;
    chamber.forget();
    balcony.send("<message type='chat' to='romeo@capulet.lit'><body>x</body></message>").await;
    chamber.expect_nothing();
}

#[tokio::test]
async fn xep0280_9_private_messages_are_not_copied() {
    let (_server, _romeo, mut balcony, mut chamber) = start().await;
    balcony
        .send("<message type='chat' to='romeo@capulet.lit'><body>x</body><private xmlns='urn:xmpp:carbons:2'/></message>")
        .await;
    chamber.expect_nothing();
}

#[tokio::test]
async fn xep0280_11_a_forged_copy_is_not_passed_on() {
    let (_server, mut romeo, mut balcony, _chamber) = start().await;
    let forged = copy("received", "tybalt@capulet.lit", "juliet@capulet.lit");
    let inner = forged.split_once('>').unwrap().1;
    romeo.send(&format!("<message type='chat' to='juliet@capulet.lit/balcony'>{inner}")).await;
    while let Some(stanza) = balcony.next().await {
        assert!(!stanza.to_xml().contains("carbons"), "{}", stanza.to_xml());
    }
}

/// §6.1: errors are copied with what they answer, and only then.
#[tokio::test]
async fn xep0280_6_1_an_error_is_copied_with_what_it_answers() {
    let (_server, _romeo, mut balcony, mut chamber) = start().await;
    balcony.send("<message type='chat' id='1' to='nobody@capulet.lit'><body>x</body></message>").await;
    assert!(balcony.next().await.unwrap().is_error());
    assert!(chamber.next().await.unwrap().to_xml().contains("<sent "));
}
