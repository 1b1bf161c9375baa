use waxwing_store::{EngineKind, StoreOptions};
use waxwing_testkit::{TestClient, TestServer};

use super::*;

async fn server(config: &str) -> TestServer {
    server_on(Store::memory(), config).await
}

async fn server_on(store: Store, config: &str) -> TestServer {
    let server = TestServer::host("shakespeare.lit").with::<Private>().store(store);
    server.module_config("private", config).start().await
}

async fn hamlet(config: &str) -> TestClient {
    server(config).await.login("hamlet@shakespeare.lit/denmark").await
}

async fn set(client: &mut TestClient, content: &str) {
    client
        .send(&format!("<iq type='set' id='s'><query xmlns='jabber:iq:private'>{content}</query></iq>"))
        .await;
}

async fn get(client: &mut TestClient, content: &str) {
    client
        .send(&format!("<iq type='get' id='g'><query xmlns='jabber:iq:private'>{content}</query></iq>"))
        .await;
}

async fn stored(client: &mut TestClient) {
    client.expect("<iq to='{any}' type='result' id='s'/>").await;
}

async fn found(client: &mut TestClient, content: &str) {
    client
        .expect(&format!(
            "<iq to='{{any}}' type='result' id='g'><query xmlns='jabber:iq:private'>{content}</query></iq>"
        ))
        .await;
}

async fn refused(client: &mut TestClient, id: &str, kind: &str, condition: &str) {
    let error = client.next().await.unwrap().error().unwrap();
    assert_eq!((error.kind.name(), error.condition.name()), (kind, condition), "{id}");
}

const PREFS: &str = "<exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus>";

#[tokio::test]
async fn xep0049_2_3_what_was_stored_comes_back() {
    let server = server("").await;
    let mut hamlet = server.login("hamlet@shakespeare.lit/denmark").await;
    set(&mut hamlet, PREFS).await;
    stored(&mut hamlet).await;
    let mut other = server.login("hamlet@shakespeare.lit/england").await;
    get(&mut other, "<exodus xmlns='exodus:prefs'/>").await;
    found(&mut other, PREFS).await;
}

#[tokio::test]
async fn xep0049_2_3_nothing_stored_is_answered_with_the_element_itself() {
    let mut hamlet = hamlet("").await;
    get(&mut hamlet, "<exodus xmlns='exodus:prefs'/>").await;
    found(&mut hamlet, "<exodus xmlns='exodus:prefs'/>").await;
}

#[tokio::test]
async fn xep0049_2_3_a_namespace_may_hold_several_elements_and_is_replaced_as_a_whole() {
    let mut hamlet = hamlet("").await;
    set(&mut hamlet, "<a xmlns='x:y'>1</a><a xmlns='x:y'>2</a><b xmlns='z'>3</b>").await;
    stored(&mut hamlet).await;
    get(&mut hamlet, "<a xmlns='x:y'/>").await;
    found(&mut hamlet, "<a xmlns='x:y'>1</a><a xmlns='x:y'>2</a>").await;
    set(&mut hamlet, "<c xmlns='x:y'>4</c>").await;
    stored(&mut hamlet).await;
    get(&mut hamlet, "<a xmlns='x:y'/>").await;
    found(&mut hamlet, "<c xmlns='x:y'>4</c>").await;
    get(&mut hamlet, "<b xmlns='z'/>").await;
    found(&mut hamlet, "<b xmlns='z'>3</b>").await;
}

/// Prefixes declared outside of the element come along (`Child::lift`).
#[tokio::test]
async fn xep0049_2_1_inherited_prefixes_survive() {
    let mut hamlet = hamlet("").await;
    hamlet
        .send(
            "<iq type='set' id='s'><query xmlns='jabber:iq:private' xmlns:p='exodus:prefs'>
            <p:exodus><p:nick>Hamlet</p:nick></p:exodus></query></iq>",
        )
        .await;
    stored(&mut hamlet).await;
    get(&mut hamlet, "<exodus xmlns='exodus:prefs'/>").await;
    found(&mut hamlet, "<exodus xmlns='exodus:prefs'><nick>Hamlet</nick></exodus>").await;
}

#[tokio::test]
async fn xep0049_2_3_an_empty_query_is_not_acceptable() {
    let mut hamlet = hamlet("").await;
    for query in ["", "<exodus/>", "<exodus xmlns=''/>"] {
        set(&mut hamlet, query).await;
        refused(&mut hamlet, query, "modify", "not-acceptable").await;
        get(&mut hamlet, query).await;
        refused(&mut hamlet, query, "modify", "not-acceptable").await;
    }
}

#[tokio::test]
async fn xep0049_2_3_one_namespace_at_a_time_is_asked_for() {
    let mut hamlet = hamlet("").await;
    get(&mut hamlet, "<a xmlns='x'/><b xmlns='y'/>").await;
    refused(&mut hamlet, "", "modify", "bad-request").await;
}

/// §4: nobody else. Whether the account exists is not told either.
#[tokio::test]
async fn xep0049_4_others_are_refused_alike() {
    let server = server("").await;
    let mut hamlet = server.login("hamlet@shakespeare.lit/denmark").await;
    set(&mut hamlet, PREFS).await;
    stored(&mut hamlet).await;
    let mut macbeth = server.login("macbeth@shakespeare.lit/castle").await;
    for (to, kind) in [("hamlet", "get"), ("hamlet", "set"), ("nobody", "get"), ("nobody", "set")] {
        macbeth
            .send(&format!(
                "<iq to='{to}@shakespeare.lit' type='{kind}' id='x'><query xmlns='jabber:iq:private'>
                <exodus xmlns='exodus:prefs'/></query></iq>"
            ))
            .await;
        macbeth
            .expect(&format!(
                "<iq from='{to}@shakespeare.lit' to='macbeth@shakespeare.lit/castle' type='error' id='x'>
                <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            ))
            .await;
    }
    get(&mut hamlet, "<exodus xmlns='exodus:prefs'/>").await;
    found(&mut hamlet, PREFS).await;
}

#[tokio::test]
async fn limits_hold_and_nothing_of_a_refused_request_is_kept() {
    let mut hamlet = hamlet("element_bytes_max = \"100 B\"\nnamespaces_max = 2").await;
    let long = "x".repeat(100);
    set(&mut hamlet, &format!("<a xmlns='one'>1</a><b xmlns='two'>{long}</b>")).await;
    refused(&mut hamlet, "bytes", "modify", "policy-violation").await;
    set(&mut hamlet, "<a xmlns='one'>1</a><b xmlns='two'>2</b><c xmlns='three'>3</c>").await;
    refused(&mut hamlet, "namespaces", "modify", "policy-violation").await;
    get(&mut hamlet, "<a xmlns='one'/>").await;
    found(&mut hamlet, "<a xmlns='one'/>").await;
}

#[tokio::test]
async fn a_blank_element_gives_its_namespace_back() {
    let mut hamlet = hamlet("namespaces_max = 1").await;
    set(&mut hamlet, "<a xmlns='one'>1</a>").await;
    stored(&mut hamlet).await;
    set(&mut hamlet, "<a xmlns='two'>2</a>").await;
    refused(&mut hamlet, "full", "modify", "policy-violation").await;
    set(&mut hamlet, "<a xmlns='one'/>").await;
    stored(&mut hamlet).await;
    set(&mut hamlet, "<a xmlns='two'>2</a>").await;
    stored(&mut hamlet).await;
    get(&mut hamlet, "<a xmlns='two'/>").await;
    found(&mut hamlet, "<a xmlns='two'>2</a>").await;
}

/// Many clients at once: none can pass the limit behind the others' backs, and no row is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sets_at_the_same_time_depend_on_each_other() {
    // On disk, reads wait: the clients overtake each other.
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(EngineKind::Sled, dir.path())).await.unwrap();
    let server = server_on(store, "namespaces_max = 20").await;
    let mut clients = tokio::task::JoinSet::new();
    let start = Arc::new(tokio::sync::Barrier::new(40));
    for number in 0..40 {
        let mut client = server.login(&format!("hamlet@shakespeare.lit/{number}")).await;
        let start = Arc::clone(&start);
        clients.spawn(async move {
            start.wait().await;
            set(&mut client, &format!("<a xmlns='urn:{number}'>{number}</a>")).await;
            (number, client.next().await.unwrap().is_error())
        });
    }
    let results = clients.join_all().await;
    assert_eq!(results.iter().filter(|(_, refused)| !refused).count(), 20);
    let mut hamlet = server.login("hamlet@shakespeare.lit/denmark").await;
    for (number, refused) in results {
        get(&mut hamlet, &format!("<a xmlns='urn:{number}'/>")).await;
        let text = if refused { String::new() } else { number.to_string() };
        found(&mut hamlet, &format!("<a xmlns='urn:{number}'>{text}</a>")).await;
    }
}

#[tokio::test]
async fn it_outlives_a_restart() {
    let store = Store::memory();
    let server = TestServer::host("shakespeare.lit").with::<Private>().store(store.clone()).start().await;
    let mut hamlet = server.login("hamlet@shakespeare.lit/denmark").await;
    set(&mut hamlet, PREFS).await;
    stored(&mut hamlet).await;
    let server = TestServer::host("shakespeare.lit").with::<Private>().store(store).start().await;
    let mut hamlet = server.login("hamlet@shakespeare.lit/denmark").await;
    get(&mut hamlet, "<exodus xmlns='exodus:prefs'/>").await;
    found(&mut hamlet, PREFS).await;
}
