use waxwing_core::Peer;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};

use super::*;

mod copies;
mod enabling;
mod errors;
mod forged;
mod kept;
mod rules;

const ROMEO: &str = "romeo@montague.lit/orchard";
const PHONE: &str = "juliet@capulet.lit/phone";
const DESK: &str = "juliet@capulet.lit/desk";
const TABLET: &str = "juliet@capulet.lit/tablet";

fn builder() -> TestServerBuilder {
    let server = TestServer::host("capulet.lit").and_host("montague.lit");
    server.with::<Carbons>().with::<waxwing_roster::Rosters>().with::<waxwing_presence::Presence>()
}

/// Romeo, and two clients of Juliet's that have carbons on.
struct Scene {
    server: TestServer,
    romeo: TestClient,
    phone: TestClient,
    desk: TestClient,
}

async fn scene() -> Scene {
    scene_of(builder()).await
}

async fn scene_of(builder: TestServerBuilder) -> Scene {
    let server = builder.start().await;
    let romeo = server.online(ROMEO).await;
    let mut phone = server.online(PHONE).await;
    enable(&mut phone).await;
    let mut desk = server.online(DESK).await;
    enable(&mut desk).await;
    phone.forget();
    Scene { server, romeo, phone, desk }
}

impl Scene {
    /// Another client of Juliet's with carbons on, of which nobody hears any more.
    async fn another(&mut self, jid: &str, presence: &str) -> TestClient {
        let mut client = self.server.login(jid).await;
        enable(&mut client).await;
        if !presence.is_empty() {
            client.send(presence).await;
        }
        client.forget();
        self.phone.forget();
        self.desk.forget();
        client
    }
}

async fn ask(client: &mut TestClient, name: &str) {
    client.send(&format!("<iq type='set' id='c'><{name} xmlns='urn:xmpp:carbons:2'/></iq>")).await;
    client.expect("<iq type='result' id='c' to='{any}'/>").await;
}

async fn enable(client: &mut TestClient) {
    ask(client, "enable").await;
}

fn copy(direction: &str, to: &str, kind: &str, inner: &str) -> String {
    let inner = inner.replacen("<message ", "<message xmlns='jabber:client' ", 1);
    format!(
        "<message from='juliet@capulet.lit' to='{to}' type='{kind}'><{direction} xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></{direction}></message>"
    )
}

const HI: &str = "<body>Hi</body><thread>t</thread>";

async fn to(client: &mut TestClient, to: &str, rest: &str) {
    client.send(&format!("<message to='{to}' type='chat' id='m1'>{rest}</message>")).await;
}

fn chat(from: &str, to: &str, rest: &str) -> String {
    format!("<message from='{from}' to='{to}' type='chat' id='m1'>{rest}</message>")
}
