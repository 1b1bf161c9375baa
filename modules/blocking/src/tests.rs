use waxwing_core::Origin;
use waxwing_core::Router;
use waxwing_store::{EngineKind, Faults, StoreOptions};
use waxwing_testkit::{TestClient, TestServer};

use super::*;

mod contacts;
mod stanzas;
mod together;

use contacts::Subscribers;

const JULIET: &str = "juliet@capulet.lit/balcony";
const ROMEO: &str = "romeo@montague.lit/orchard";

async fn server() -> TestServer {
    let server = TestServer::host("capulet.lit").and_host("montague.lit").with::<Blocking>();
    server.with::<Subscribers>().start().await
}

/// What the list, the block and the unblock commands look like.
fn items(jids: &[&str]) -> String {
    jids.iter().map(|jid| format!("<item jid='{jid}'/>")).collect()
}

async fn set(client: &mut TestClient, name: &str, jids: &[&str]) {
    let items = items(jids);
    client
        .send(&format!("<iq type='set' id='s'><{name} xmlns='urn:xmpp:blocking'>{items}</{name}></iq>"))
        .await;
}

async fn done(client: &mut TestClient) {
    client.expect("<iq to='{any}' type='result' id='s'/>").await;
}

async fn block(client: &mut TestClient, jids: &[&str]) {
    set(client, "block", jids).await;
    done(client).await;
}

/// Asks for the list: from now on the client gets pushes.
async fn listed(client: &mut TestClient, jids: &[&str]) {
    client.send("<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>").await;
    let list = format!("<blocklist xmlns='urn:xmpp:blocking'>{}</blocklist>", items(jids));
    client.expect(&format!("<iq to='{{any}}' type='result' id='l'>{list}</iq>")).await;
}

async fn pushed(client: &mut TestClient, name: &str, jids: &[&str]) {
    let items = items(jids);
    let push = format!("<{name} xmlns='urn:xmpp:blocking'>{items}</{name}>");
    client.expect(&format!("<iq to='{{any}}' type='set' id='{{any}}'>{push}</iq>")).await;
}

async fn condition(client: &mut TestClient) -> Condition {
    client.next().await.expect("an answer").error().expect("an error").condition
}

#[tokio::test]
async fn xep0191_3_1_support_is_shown() {
    let server = server().await;
    let juliet = server.login(JULIET).await;
    let features = juliet.session().host().declared(DiscoOn::Host).features;
    assert!(features.contains(&"urn:xmpp:blocking".to_owned()));
}

#[tokio::test]
async fn xep0191_3_2_the_list_is_empty_and_then_is_not() {
    let mut juliet = server().await.login(JULIET).await;
    listed(&mut juliet, &[]).await;
    set(&mut juliet, "block", &["romeo@montague.lit", "iago@shakespeare.lit"]).await;
    pushed(&mut juliet, "block", &["romeo@montague.lit", "iago@shakespeare.lit"]).await;
    done(&mut juliet).await;
    listed(&mut juliet, &["iago@shakespeare.lit", "romeo@montague.lit"]).await;
}

#[tokio::test]
async fn xep0191_3_3_pushes_go_to_resources_that_asked_for_the_list() {
    let server = server().await;
    let mut juliet = server.login(JULIET).await;
    let mut asked = server.login("juliet@capulet.lit/chamber").await;
    let mut silent = server.login("juliet@capulet.lit/garden").await;
    let mut other = server.login("nurse@capulet.lit/hall").await;
    listed(&mut asked, &[]).await;
    listed(&mut other, &[]).await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    pushed(&mut asked, "block", &["romeo@montague.lit"]).await;
    set(&mut juliet, "unblock", &["romeo@montague.lit"]).await;
    done(&mut juliet).await;
    pushed(&mut asked, "unblock", &["romeo@montague.lit"]).await;
    set(&mut juliet, "unblock", &[]).await;
    done(&mut juliet).await;
    pushed(&mut asked, "unblock", &[]).await;
    silent.expect_nothing();
    other.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_a_block_without_items_is_a_bad_request() {
    let mut juliet = server().await.login(JULIET).await;
    set(&mut juliet, "block", &[]).await;
    assert_eq!(condition(&mut juliet).await, Condition::BadRequest);
    juliet.send("<iq type='set' id='s'><block xmlns='urn:xmpp:blocking'><item/></block></iq>").await;
    assert_eq!(condition(&mut juliet).await, Condition::BadRequest);
}

#[tokio::test]
async fn rfc6120_8_3_3_8_an_item_that_is_no_address_changes_nothing() {
    let mut juliet = server().await.login(JULIET).await;
    for name in ["block", "unblock"] {
        set(&mut juliet, name, &["romeo@montague.lit", "no address@@"]).await;
        assert_eq!(condition(&mut juliet).await, Condition::JidMalformed);
    }
    listed(&mut juliet, &[]).await;
}

/// §6 compares addresses, so they are prepared first.
#[tokio::test]
async fn xep0191_6_addresses_are_prepared() {
    let mut juliet = server().await.login(JULIET).await;
    block(&mut juliet, &["ROMEO@Montague.LIT", "romeo@montague.lit"]).await;
    listed(&mut juliet, &["romeo@montague.lit"]).await;
    set(&mut juliet, "unblock", &["Romeo@montague.lit"]).await;
    pushed(&mut juliet, "unblock", &["romeo@montague.lit"]).await;
    done(&mut juliet).await;
    listed(&mut juliet, &[]).await;
}

#[tokio::test]
async fn xep0191_3_5_an_unblock_without_items_empties_the_list() {
    let mut juliet = server().await.login(JULIET).await;
    block(&mut juliet, &["romeo@montague.lit", "b.lit"]).await;
    set(&mut juliet, "unblock", &["b.lit"]).await;
    done(&mut juliet).await;
    listed(&mut juliet, &["romeo@montague.lit"]).await;
    set(&mut juliet, "unblock", &[]).await;
    pushed(&mut juliet, "unblock", &[]).await;
    done(&mut juliet).await;
    listed(&mut juliet, &[]).await;
}

#[tokio::test]
async fn nobody_else_reads_or_writes_a_list_and_existence_is_not_told() {
    let server = server().await;
    let mut nurse = server.login("nurse@capulet.lit/hall").await;
    for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
        for (kind, name) in [("get", "blocklist"), ("set", "unblock"), ("set", "block")] {
            nurse
                .send(&format!("<iq to='{to}' type='{kind}' id='x'><{name} xmlns='urn:xmpp:blocking'/></iq>"))
                .await;
            assert_eq!(condition(&mut nurse).await, Condition::ServiceUnavailable);
        }
    }
}

#[tokio::test]
async fn the_list_has_a_limit() {
    let server =
        TestServer::host("capulet.lit").with::<Blocking>().module_config("blocking", "items_max = 2");
    let mut juliet = server.start().await.login(JULIET).await;
    set(&mut juliet, "block", &["a.lit", "b.lit", "c.lit"]).await;
    assert_eq!(condition(&mut juliet).await, Condition::PolicyViolation);
    block(&mut juliet, &["a.lit", "b.lit"]).await;
    block(&mut juliet, &["b.lit"]).await;
    set(&mut juliet, "block", &["c.lit"]).await;
    assert_eq!(condition(&mut juliet).await, Condition::PolicyViolation);
    listed(&mut juliet, &["a.lit", "b.lit"]).await;
}

#[tokio::test]
async fn xep0191_3_3_the_block_applies_across_sessions_and_restarts() {
    let store = Store::memory();
    let build =
        |store| TestServer::host("capulet.lit").and_host("montague.lit").with::<Blocking>().store(store);
    let mut juliet = build(store.clone()).start().await.login(JULIET).await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    let server = build(store).start().await;
    let mut juliet = server.login(JULIET).await;
    let mut romeo = server.login(ROMEO).await;
    // The first stanza waits for the list; nothing has loaded it yet.
    romeo.send("<message to='juliet@capulet.lit' type='chat'><body>Hi</body></message>").await;
    assert_eq!(condition(&mut romeo).await, Condition::ServiceUnavailable);
    juliet.expect_nothing();
}

#[tokio::test]
async fn a_change_that_was_not_stored_does_not_hold_and_can_be_tried_again() {
    let faults = Faults::default();
    let options = StoreOptions { faults: faults.clone(), ..StoreOptions::new(EngineKind::Memory, "") };
    let store = Store::open(options).await.unwrap();
    let server = TestServer::host("capulet.lit").with::<Blocking>().store(store.clone()).start().await;
    let mut juliet = server.login(JULIET).await;
    block(&mut juliet, &["a.lit"]).await;
    for (name, jids) in [("block", &["b.lit"][..]), ("unblock", &[])] {
        faults.fail_writes(1);
        set(&mut juliet, name, jids).await;
        assert_eq!(condition(&mut juliet).await, Condition::InternalServerError);
        listed(&mut juliet, &["a.lit"]).await;
    }
    set(&mut juliet, "unblock", &["a.lit"]).await;
    pushed(&mut juliet, "unblock", &["a.lit"]).await;
    done(&mut juliet).await;
    let server = TestServer::host("capulet.lit").with::<Blocking>().store(store).start().await;
    listed(&mut server.login(JULIET).await, &[]).await;
}

/// A message of the server itself, e.g. an error it makes, is never stopped.
#[tokio::test]
async fn the_own_server_is_heard_even_if_its_domain_is_blocked() {
    let server = server().await;
    let mut juliet = server.login(JULIET).await;
    block(&mut juliet, &["capulet.lit"]).await;
    let router: &Router = server.server().shared().router();
    let stanza =
        Stanza::parse(&format!("<message from='capulet.lit' to='{JULIET}'><body>Hi</body></message>"));
    drop(router.route(stanza.unwrap(), Origin::Server, Custody::memory()).await);
    juliet.expect("<message from='capulet.lit' to='{any}'><body>Hi</body></message>").await;
    set(&mut juliet, "unblock", &[]).await;
    pushed_or_done(&mut juliet).await;
}

async fn pushed_or_done(client: &mut TestClient) {
    done(client).await;
    client.expect_nothing();
}
