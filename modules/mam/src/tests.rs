//! The archive with the log, a real roster and presence.

use waxwing_log::Log;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestServer};

use crate::Mam;

async fn start() -> (TestServer, TestClient, TestClient) {
    let server = TestServer::host("capulet.lit")
        .with::<Log>()
        .with::<Mam>()
        .with::<Rosters>()
        .with::<Presence>()
        .start()
        .await;
    let romeo = server.online("romeo@capulet.lit/orchard").await;
    let juliet = server.online("juliet@capulet.lit/balcony").await;
    (server, romeo, juliet)
}

async fn say(client: &mut TestClient, id: &str, body: &str) {
    let xml = format!("<message type='chat' id='{id}' to='juliet@capulet.lit'><body>{body}</body></message>");
    client.send(&xml).await;
}

/// The bodies of what a query gives, and the answer.
async fn query(client: &mut TestClient, content: &str) -> (Vec<String>, String) {
    client.forget();
    client.send(&format!("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'>{content}</query></iq>")).await;
    let mut bodies = Vec::new();
    loop {
        let xml = client.next().await.expect("an answer").to_xml();
        if xml.starts_with("<iq") {
            return (bodies, xml);
        }
        let body = xml.split_once("<body>").and_then(|(_, rest)| rest.split_once("</body>"));
        bodies.push(body.map(|(body, _)| body.to_owned()).unwrap_or_default());
    }
}

#[tokio::test]
async fn xep0313_4_3_pages_follow_each_other_until_complete() {
    let (_server, mut romeo, mut juliet) = start().await;
    for body in ["one", "two", "three"] {
        say(&mut romeo, body, body).await;
    }
    let set = |rsm: &str| format!("<set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set>");
    let (bodies, fin) = query(&mut juliet, &set("<max>2</max>")).await;
    assert_eq!(bodies, ["one", "two"]);
    assert!(!fin.contains("complete") && fin.contains("<count>3</count>"), "{fin}");
    let last = fin.split_once("<last>").unwrap().1.split_once("</last>").unwrap().0;
    let (bodies, fin) = query(&mut juliet, &set(&format!("<max>2</max><after>{last}</after>"))).await;
    assert_eq!(bodies, ["three"]);
    assert!(fin.contains("complete='true'"), "{fin}");
    let (bodies, _) = query(&mut juliet, &set("<max>2</max><before/>")).await;
    assert_eq!(bodies, ["two", "three"]);
    let (_, error) = query(&mut juliet, &set("<after>28482-98726-73623</after>")).await;
    assert!(error.contains("item-not-found"), "{error}");
}

#[tokio::test]
async fn xep0424_4_a_tombstone_is_left_by_the_author_only() {
    let (_server, mut romeo, mut juliet) = start().await;
    say(&mut romeo, "m1", "oops").await;
    let retract = "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>";
    juliet.send(&format!("<message type='chat' id='r0' to='romeo@capulet.lit'>{retract}</message>")).await;
    assert_eq!(query(&mut juliet, "").await.0, ["oops", ""]);
    romeo.send(&format!("<message type='chat' id='r1' to='juliet@capulet.lit'>{retract}</message>")).await;
    assert_eq!(query(&mut juliet, "").await.0, ["", "", ""]);
    assert_eq!(query(&mut romeo, "").await.0, ["", "", ""]);
}

#[tokio::test]
async fn xep0441_2_1_3_who_is_on_the_list_is_not_archived() {
    let (_server, mut romeo, mut juliet) = start().await;
    juliet
        .send(
            "<iq type='set' id='p'><prefs xmlns='urn:xmpp:mam:2' default='always'>
               <never><jid>romeo@capulet.lit</jid></never>
             </prefs></iq>",
        )
        .await;
    say(&mut romeo, "m1", "secret").await;
    assert!(query(&mut juliet, "").await.0.is_empty());
    assert_eq!(query(&mut romeo, "").await.0, ["secret"], "his own archive is his");
}

/// XEP-0313 §6.1.1: who has paged the archive before its presence is spared the second copy.
#[tokio::test]
async fn xep0313_6_1_1_what_was_paged_does_not_come_again() {
    let server = TestServer::host("capulet.lit")
        .with::<Log>()
        .with::<Mam>()
        .with::<KeepOwed>()
        .with::<Rosters>()
        .with::<Presence>()
        .start()
        .await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    say(&mut romeo, "m1", "one").await;
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    assert_eq!(query(&mut juliet, "").await.0, ["one"]);
    juliet.send("<presence/>").await;
    while let Some(stanza) = juliet.next().await {
        assert!(!stanza.has_body(), "{}", stanza.to_xml());
    }
}

/// As the module `offline`.
#[derive(Debug)]
struct KeepOwed;

impl waxwing_core::Module for KeepOwed {
    type Config = waxwing_core::NoConfig;
    const INFO: waxwing_core::ModuleInfo = waxwing_core::ModuleInfo::new("offline", "For tests");

    fn start(
        _: waxwing_core::NoConfig,
        reg: &mut waxwing_core::Registrar<'_>,
    ) -> Result<std::sync::Arc<Self>, waxwing_core::StartError> {
        use waxwing_core::prelude::*;
        let this = std::sync::Arc::new(Self);
        reg.step(Side::Received, Step::Record, Kinds::MESSAGE, &this, |_, event| {
            event.keep.owed = true;
            Ok(Flow::Continue)
        });
        Ok(this)
    }
}
