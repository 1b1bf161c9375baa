use waxwing_core::Peer;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};

use super::*;

mod delivery;
mod full;

const ROMEO: &str = "romeo@montague.lit/orchard";
const PHONE: &str = "juliet@capulet.lit/phone";
const DESK: &str = "juliet@capulet.lit/desk";

fn builder() -> TestServerBuilder {
    let server = TestServer::host("capulet.lit").and_host("montague.lit").with::<Offline>().with::<Log>();
    server.with::<waxwing_roster::Rosters>().with::<waxwing_presence::Presence>()
}

fn storable(children: &str) -> bool {
    is_storable(&Stanza::parse(&format!("<message type='chat'>{children}</message>")).unwrap())
}

const STATE: &str = "<gone xmlns='http://jabber.org/protocol/chatstates'/>";

#[test]
fn xep0160_3_what_has_something_to_say_is_stored() {
    for children in [
        "<body>Hi</body>".to_owned(),
        format!("<body>Hi</body>{STATE}"),
        "<subject>Hi</subject>".to_owned(),
        "<received xmlns='urn:xmpp:receipts' id='1'/>".to_owned(),
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>".to_owned(),
        "<encrypted xmlns='urn:xmpp:omemo:2'><header/></encrypted>".to_owned(),
        "<x xmlns='jabber:x:conference' jid='a@b.lit'/>".to_owned(),
        "<body>Hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>".to_owned(),
        // XEP-0334 §4.4.
        format!("{STATE}<store xmlns='urn:xmpp:hints'/>"),
    ] {
        assert!(storable(&children), "{children}");
    }
}

#[test]
fn xep0160_3_chat_states_alone_and_what_is_not_to_be_stored_are_not() {
    for children in [
        String::new(),
        STATE.to_owned(),
        format!("<thread>t</thread>{STATE}<origin-id xmlns='urn:xmpp:sid:0' id='1'/>"),
        "<thread>t</thread>".to_owned(),
        "<body>Hi</body><no-store xmlns='urn:xmpp:hints'/>".to_owned(),
        "<body>Hi</body><no-store xmlns='urn:xmpp:hints'/><store xmlns='urn:xmpp:hints'/>".to_owned(),
    ] {
        assert!(!storable(&children), "{children}");
    }
}

#[tokio::test]
async fn xep0160_4_support_is_shown() {
    let server = builder().start().await;
    let juliet = server.login(PHONE).await;
    assert!(juliet.session().host().declared(DiscoOn::Host).features.contains(&"msgoffline".to_owned()));
}

/// The log does what is decided here.
#[tokio::test]
async fn it_needs_the_log() {
    let server = TestServer::host("capulet.lit").with::<Offline>();
    assert!(server.try_start().await.unwrap_err().to_string().contains("log"));
}

async fn say(client: &mut TestClient, to: &str, body: &str) {
    client.send(&format!("<message to='{to}' type='chat'><body>{body}</body></message>")).await;
}

async fn refused(client: &mut TestClient) {
    let error = client.next().await.expect("an error").error().expect("an error");
    assert_eq!(error.condition, Condition::ServiceUnavailable);
}

/// The bodies that come now, and whether each says that it comes late.
async fn bodies(client: &mut TestClient) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    client.send("<iq type='get' id='end' to='capulet.lit'><end xmlns='urn:example'/></iq>").await;
    loop {
        let stanza = client.next().await.expect("the answer");
        if stanza.name() == "iq" {
            return all;
        }
        if let Some(body) = stanza.children.find(ns::CLIENT, "body") {
            all.push((body.tree().text(), stanza.children.find(ns::DELAY, "delay").is_some()));
        }
    }
}
