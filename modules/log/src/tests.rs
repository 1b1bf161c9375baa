//! Rows, positions, checkpoints. What is owed is tested with the module `offline`.

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_store::Store;
use waxwing_testkit::{TestServer, TestServerBuilder};

use crate::{Log, Query};

/// Keeps everything.
#[derive(Debug)]
struct KeepAll;

impl Module for KeepAll {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("mam", "For tests");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        for side in [Side::Sent, Side::Received] {
            reg.step(side, Step::Record, Kinds::MESSAGE, &this, |_, event| {
                event.keep = Keep { archived: true, owed: true };
                Ok(Flow::Continue)
            });
        }
        Ok(this)
    }
}

fn builder(store: &Store) -> TestServerBuilder {
    TestServer::host("capulet.lit").with::<Log>().with::<KeepAll>().store(store.clone())
}

async fn bodies(server: &TestServer, local: &str, query: Query) -> Vec<String> {
    let host = server.server().shared().router().host("capulet.lit").unwrap();
    let account = host.account(local).await.unwrap().unwrap();
    let log = host.service::<Log>().unwrap();
    let page = log.page(&account, &query).await.unwrap();
    let body = |stanza: &Stanza| stanza.children.find(ns::CLIENT, "body").map(|body| body.tree().text());
    page.entries.iter().map(|entry| body(&entry.stanza).unwrap_or_default()).collect()
}

async fn talk(server: &TestServer, words: &[&str]) {
    let mut romeo = server.login("romeo@capulet.lit/orchard").await;
    for word in words {
        romeo
            .send(&format!("<message type='chat' to='juliet@capulet.lit'><body>{word}</body></message>"))
            .await;
    }
    romeo.expect_nothing();
}

fn all() -> Query {
    Query { max: 10, ..Query::default() }
}

#[tokio::test]
async fn xep0313_3_1_rows_are_in_order_on_both_sides_though_the_clock_stands_still() {
    let server = builder(&Store::memory()).start().await;
    talk(&server, &["one", "two", "three"]).await;
    for local in ["romeo", "juliet"] {
        assert_eq!(bodies(&server, local, all()).await, ["one", "two", "three"], "{local}");
    }
    let last = Query { backwards: true, max: 2, ..Query::default() };
    assert_eq!(bodies(&server, "juliet", last).await, ["two", "three"]);
    let with = |jid: &str| Query { with: Some(Jid::parse(jid).unwrap()), ..all() };
    assert_eq!(bodies(&server, "juliet", with("romeo@capulet.lit")).await.len(), 3);
    assert_eq!(bodies(&server, "juliet", with("romeo@capulet.lit/orchard")).await.len(), 3);
    assert!(bodies(&server, "juliet", with("romeo@capulet.lit/garden")).await.is_empty());
    assert!(bodies(&server, "juliet", with("tybalt@capulet.lit")).await.is_empty());
}

#[tokio::test]
async fn positions_go_on_after_a_crash_and_a_clean_stop() {
    let store = Store::memory();
    talk(&builder(&store).start().await, &["one"]).await;
    let second = builder(&store).start().await;
    talk(&second, &["two"]).await;
    let host = second.server().shared().router().host("capulet.lit").unwrap();
    let account = host.account("juliet").await.unwrap().unwrap();
    let log = host.service::<Log>().unwrap();
    log.checkpoint(true).await;
    assert_eq!(log.rows_count(&account).await.unwrap(), 2);
    let third = builder(&store).start().await;
    talk(&third, &["three"]).await;
    assert_eq!(bodies(&third, "juliet", all()).await, ["one", "two", "three"]);
    let host = third.server().shared().router().host("capulet.lit").unwrap();
    let account = host.account("juliet").await.unwrap().unwrap();
    assert_eq!(host.service::<Log>().unwrap().rows_count(&account).await.unwrap(), 3);
}

#[tokio::test]
async fn xep0359_5_ids_that_only_the_account_may_give_are_removed() {
    let server = builder(&Store::memory()).start().await;
    let mut romeo = server.login("romeo@capulet.lit/orchard").await;
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    romeo
        .send(
            "<message to='juliet@capulet.lit/balcony'><body>x</body>
               <stanza-id xmlns='urn:xmpp:sid:0' by='JULIET@capulet.lit' id='forged'/>
               <stanza-id xmlns='urn:xmpp:sid:0' by='room@conference.capulet.lit' id='fine'/>
             </message>",
        )
        .await;
    let xml = juliet.next().await.unwrap().to_xml();
    assert!(!xml.contains("forged") && xml.contains("id='fine'"), "{xml}");
    assert_eq!(xml.matches("<stanza-id").count(), 2, "{xml}");
}

#[tokio::test]
async fn xep0203_5_delays_in_the_name_of_the_server_are_removed() {
    let server = builder(&Store::memory()).start().await;
    let mut romeo = server.login("romeo@capulet.lit/orchard").await;
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    let delay =
        |from: &str| format!("<delay xmlns='urn:xmpp:delay' from='{from}' stamp='2002-09-10T23:08:25Z'/>");
    let delays = ["CAPULET.lit", "romeo@capulet.lit/orchard"].map(delay).concat();
    romeo.send(&format!("<message to='juliet@capulet.lit/balcony'><body>x</body>{delays}</message>")).await;
    let xml = juliet.next().await.unwrap().to_xml();
    assert!(!xml.contains("CAPULET") && xml.contains(&delay("romeo@capulet.lit/orchard")), "{xml}");
}
