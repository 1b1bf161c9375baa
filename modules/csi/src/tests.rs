use waxwing_core::Peer;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};

use super::*;

mod order;
mod together;
mod trace;
mod waits;

const ROMEO: &str = "romeo@montague.lit/orchard";
const PHONE: &str = "juliet@capulet.lit/phone";

const COMPOSING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
const RECEIPT: &str = "<received xmlns='urn:xmpp:receipts' id='1'/>";

fn builder() -> TestServerBuilder {
    TestServer::host("capulet.lit").with::<Csi>()
}

/// What the listener does with the element.
async fn indicate(client: &TestClient, state: &'static str) {
    let session = client.session();
    let trigger = Trigger::Nonza("urn:xmpp:csi:0", state);
    let features = session.host().stream_features();
    let feature = features.iter().find(|feature| feature.triggers.contains(&trigger)).unwrap();
    let request = Enable {
        trigger,
        stanza: None,
        payload: Tree::new("urn:xmpp:csi:0", state).to_child(),
        host: Arc::clone(session.host()),
        session: Some(Arc::clone(session)),
        peer: session.peer(),
    };
    let reply = feature.enable(request).unwrap().await.unwrap();
    // §4.2: there is no reply.
    assert!(reply.children().is_empty());
}

/// Juliet's phone, which nobody looks at.
async fn pocket() -> (TestServer, TestClient) {
    pocket_of(builder()).await
}

async fn pocket_of(builder: TestServerBuilder) -> (TestServer, TestClient) {
    let server = builder.start().await;
    let mut phone = server.login(PHONE).await;
    phone.forget();
    indicate(&phone, "inactive").await;
    (server, phone)
}

/// A stanza arrives for the client.
fn arrives(client: &TestClient, xml: &str) {
    assert!(client.session().send(Stanza::parse(xml).unwrap_or_else(|| panic!("no stanza: {xml}"))));
}

fn message(kind: &str, children: &str) -> String {
    format!("<message from='{ROMEO}' to='{PHONE}' type='{kind}'>{children}</message>")
}

fn presence(from: &str, children: &str) -> String {
    format!("<presence from='{from}' to='{PHONE}'>{children}</presence>")
}

#[tokio::test]
async fn xep0352_4_1_it_is_offered_after_login() {
    let server = builder().start().await;
    let phone = server.login(PHONE).await;
    let features = phone.session().host().stream_features();
    let feature = features.iter().find(|feature| feature.element.is("urn:xmpp:csi:0", "csi")).unwrap();
    assert_eq!(feature.offered, Offered::AfterLogin);
}
