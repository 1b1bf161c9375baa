//! With the log, a real roster and presence.

use waxwing_log::Log;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestServer, TestServerBuilder};

use crate::Offline;

fn builder() -> TestServerBuilder {
    TestServer::host("capulet.lit").with::<Log>().with::<Offline>().with::<Rosters>().with::<Presence>()
}

fn chat(body: &str) -> String {
    format!("<message type='chat' to='juliet@capulet.lit'><body>{body}</body></message>")
}

fn late(body: &str) -> String {
    format!(
        "<message type='chat' from='romeo@capulet.lit/orchard' to='juliet@capulet.lit'>
           <body>{body}</body><delay xmlns='urn:xmpp:delay' from='capulet.lit' stamp='{{any}}'/>
         </message>"
    )
}

#[tokio::test]
async fn xep0160_2_messages_wait_for_presence_of_non_negative_priority_in_order() {
    let server = builder().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    for body in ["first", "second"] {
        romeo.send(&chat(body)).await;
    }
    romeo.expect_nothing();
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    juliet.send("<presence><priority>-1</priority></presence>").await;
    juliet.next().await.unwrap();
    juliet.expect_nothing();
    juliet.send("<presence><priority>0</priority></presence>").await;
    juliet.expect(&late("first")).await;
    juliet.expect(&late("second")).await;
    juliet.forget();
    // Only once.
    let mut other = server.login("juliet@capulet.lit/chamber").await;
    other.send("<presence/>").await;
    while let Some(stanza) = other.next().await {
        assert_eq!(stanza.name(), "presence", "{}", stanza.to_xml());
    }
}

#[tokio::test]
async fn xep0160_2_a_full_store_is_service_unavailable() {
    let server = builder().module_config("offline", "messages_max = 1").start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    romeo.send(&chat("first")).await;
    romeo.expect_nothing();
    romeo.send(&chat("second")).await;
    let error = romeo.next().await.unwrap().error().unwrap();
    assert_eq!(error.condition, waxwing_xmpp::Condition::ServiceUnavailable);
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    juliet.send("<presence/>").await;
    juliet.expect(&late("first")).await;
    // There is room again, and nothing waits for who is there.
    for body in ["third", "fourth"] {
        romeo.send(&chat(body)).await;
    }
    romeo.expect_nothing();
}

#[tokio::test]
async fn xep0160_3_what_is_not_kept_comes_back() {
    let server = builder().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    for kept_not in [
        "<message type='chat' to='juliet@capulet.lit'><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
        "<message type='chat' to='juliet@capulet.lit'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>",
        "<message type='groupchat' to='juliet@capulet.lit'><body>x</body></message>",
    ] {
        romeo.send(kept_not).await;
        assert!(romeo.next().await.unwrap().is_error(), "{kept_not}");
    }
    romeo.send("<message type='headline' to='juliet@capulet.lit'><body>x</body></message>").await;
    romeo.expect_nothing();
}

/// The process ends without a word: the store has it all.
#[tokio::test]
async fn what_a_client_has_not_acknowledged_survives_a_crash() {
    let store = waxwing_store::Store::memory();
    {
        let server = builder().store(store.clone()).start().await;
        let mut romeo = server.online("romeo@capulet.lit/orchard").await;
        let juliet = server.online("juliet@capulet.lit/balcony").await;
        romeo.send(&chat("away")).await;
        // Delivered into her mailbox, but her client never took it.
        drop(juliet);
        romeo.send(&chat("later")).await;
    }
    let server = builder().store(store).start().await;
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    juliet.send("<presence/>").await;
    juliet.expect(&late("away")).await;
    juliet.expect(&late("later")).await;
}

/// RFC 6121 §8.5.3.2: what a session leaves goes to the one that is there.
#[tokio::test]
async fn what_a_session_leaves_reaches_another() {
    let server = builder().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let balcony = server.online("juliet@capulet.lit/balcony").await;
    let mut chamber = server.online("juliet@capulet.lit/chamber").await;
    romeo.send("<message type='chat' to='juliet@capulet.lit/balcony'><body>x</body></message>").await;
    chamber.forget();
    balcony.drop_connection().await;
    let bodies = async {
        loop {
            let stanza = chamber.next().await.expect("the message comes");
            if stanza.has_body() {
                return stanza;
            }
        }
    };
    assert!(bodies.await.to_xml().contains("urn:xmpp:delay"));
}
