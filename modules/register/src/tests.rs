use std::net::IpAddr;

use waxwing_accounts::Accounts;
use waxwing_core::{CloseReason, HostConfig};
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder, matches};
use waxwing_xmpp::StreamCondition;

use super::*;

fn builder(mode: RegistrationMode) -> TestServerBuilder {
    TestServer::host("capulet.lit")
        .with::<Accounts>()
        .with::<Register>()
        .module_config("accounts", "iterations = 4096")
        .config(|config| {
            let host = config.host.entry("capulet.lit".to_owned()).or_insert_with(HostConfig::default);
            host.registration = mode;
        })
}

fn host(server: &TestServer) -> HostRef {
    server.server().shared().router().host("capulet.lit").unwrap()
}

fn accounts(server: &TestServer) -> Arc<AccountService> {
    host(server).service::<AccountService>().unwrap()
}

/// A logged-in client of a new account.
async fn user(server: &TestServer, jid: &str) -> TestClient {
    let jid = Jid::parse(jid).unwrap();
    let local = jid.local().unwrap();
    if !accounts(server).exists(local).await.unwrap() {
        accounts(server).create(local, "pencil").await.unwrap();
    }
    server.login(jid.as_str()).await
}

/// What a stranger gets for an IQ before login: the query, or the error's condition.
async fn ask(server: &TestServer, address: &str, kind: IqType, query: &str) -> Result<String, Condition> {
    let host = host(server);
    let feature = host
        .stream_features()
        .iter()
        .find(|feature| feature.offered == Offered::BeforeLogin)
        .unwrap()
        .clone();
    let name = if kind == IqType::Get { "get" } else { "set" };
    let stanza = Stanza::parse(&format!("<iq type='{name}' id='1'>{query}</iq>")).unwrap();
    let request = Enable {
        trigger: Trigger::Iq(kind, NS, "query"),
        payload: stanza.payload().unwrap().clone(),
        stanza: Some(stanza),
        host,
        session: None,
        peer: Peer { address: address.parse::<IpAddr>().unwrap(), secure: true },
    };
    let reply = feature.enable(request).unwrap().await.map_err(|error| error.condition)?;
    Ok(reply.children().iter().map(|child| child.as_str().to_owned()).collect())
}

fn account(username: &str, password: &str) -> String {
    format!(
        "<query xmlns='jabber:iq:register'><username>{username}</username><password>{password}</password></query>"
    )
}

async fn register(server: &TestServer, username: &str, password: &str) -> Result<String, Condition> {
    ask(server, "192.0.2.1", IqType::Set, &account(username, password)).await
}

fn offers(server: &TestServer) -> bool {
    let host = host(server);
    host.stream_features()
        .iter()
        .any(|feature| feature.element.is(NS_FEATURE, "register") && feature.is_shown(&host))
}

#[tokio::test]
async fn xep0077_8_the_feature_is_offered_only_where_strangers_may_register() {
    assert!(offers(&builder(RegistrationMode::Open).start().await));
    assert!(!offers(&builder(RegistrationMode::Closed).start().await));
    assert!(!offers(&builder(RegistrationMode::Invite).start().await));
}

#[tokio::test]
async fn xep0077_3_1_a_stranger_asks_for_the_fields_and_registers() {
    let server = builder(RegistrationMode::Open).start().await;
    let blank = ask(&server, "192.0.2.1", IqType::Get, "<query xmlns='jabber:iq:register'/>").await.unwrap();
    let expected =
        "<query xmlns='jabber:iq:register'><instructions>{any}</instructions><username/><password/></query>";
    assert!(matches(expected, &blank), "{blank}");
    assert_eq!(register(&server, "juliet", "R0m30").await, Ok(String::new()));
    assert!(accounts(&server).exists("juliet").await.unwrap());
}

#[tokio::test]
async fn xep0077_3_1_a_taken_name_is_a_conflict() {
    let server = builder(RegistrationMode::Open).start().await;
    register(&server, "juliet", "R0m30").await.unwrap();
    assert_eq!(register(&server, "juliet", "other").await, Err(Condition::Conflict));
    assert_eq!(register(&server, "nurse", "other").await, Ok(String::new()));
}

#[tokio::test]
async fn xep0077_3_1_missing_and_empty_fields_are_not_acceptable() {
    let server = builder(RegistrationMode::Open).start().await;
    for query in [
        "<query xmlns='jabber:iq:register'/>",
        "<query xmlns='jabber:iq:register'><username>juliet</username></query>",
        "<query xmlns='jabber:iq:register'><username>juliet</username><password/></query>",
        "<query xmlns='jabber:iq:register'><username/><password>R0m30</password></query>",
        "<query xmlns='jabber:iq:register'><password>R0m30</password></query>",
    ] {
        let answer = ask(&server, "192.0.2.1", IqType::Set, query).await;
        assert_eq!(answer, Err(Condition::NotAcceptable), "{query}");
    }
    assert_eq!(register(&server, "juliet", "pen\u{7f}cil").await, Err(Condition::NotAcceptable));
    assert!(!accounts(&server).exists("juliet").await.unwrap());
}

#[tokio::test]
async fn rfc7622_3_3_a_malformed_name_is_refused() {
    let server = builder(RegistrationMode::Open).start().await;
    for name in ["ju liet", "ju@liet", "juliet/balcony"] {
        assert_eq!(register(&server, name, "R0m30").await, Err(Condition::JidMalformed), "{name}");
    }
}

#[tokio::test]
async fn xep0077_3_2_a_stranger_has_nothing_to_cancel() {
    let server = builder(RegistrationMode::Open).start().await;
    let query = "<query xmlns='jabber:iq:register'><remove/></query>";
    assert_eq!(ask(&server, "192.0.2.1", IqType::Set, query).await, Err(Condition::UnexpectedRequest));
}

#[tokio::test]
async fn an_address_registers_so_often_in_an_hour_and_others_are_not_held_up() {
    let server =
        builder(RegistrationMode::Open).module_config("register", "registrations_per_hour = 1").start().await;
    register(&server, "juliet", "R0m30").await.unwrap();
    assert_eq!(register(&server, "nurse", "R0m30").await, Err(Condition::ResourceConstraint));
    assert!(!accounts(&server).exists("nurse").await.unwrap());
    let other = ask(&server, "192.0.2.2", IqType::Set, &account("nurse", "R0m30")).await;
    assert_eq!(other, Ok(String::new()));
}

#[tokio::test]
async fn exempt_networks_register_as_often_as_they_like() {
    let builder = builder(RegistrationMode::Open).module_config("register", "registrations_per_hour = 1");
    let server =
        builder.config(|config| config.limits.exempt = vec!["192.0.2.0/24".parse().unwrap()]).start().await;
    for name in ["juliet", "nurse", "tybalt"] {
        assert_eq!(register(&server, name, "R0m30").await, Ok(String::new()));
    }
}

#[tokio::test]
async fn xep0077_3_1_who_is_registered_is_told_so() {
    let server = builder(RegistrationMode::Closed).start().await;
    let mut juliet = user(&server, "juliet@capulet.lit/balcony").await;
    juliet.send("<iq type='get' id='1' to='capulet.lit'><query xmlns='jabber:iq:register'/></iq>").await;
    let answer = "<iq type='result' id='1' from='capulet.lit' to='juliet@capulet.lit/balcony'>
        <query xmlns='jabber:iq:register'><registered/><username>juliet</username><password/></query></iq>";
    juliet.expect(answer).await;
}

#[tokio::test]
async fn xep0077_3_3_a_user_changes_the_password_and_the_other_sessions_end() {
    let server = builder(RegistrationMode::Closed).start().await;
    let mut juliet = user(&server, "juliet@capulet.lit/balcony").await;
    let other = user(&server, "juliet@capulet.lit/chamber").await;
    juliet
        .send(&format!("<iq type='set' id='1' to='capulet.lit'>{}</iq>", account("juliet", "newpass")))
        .await;
    juliet.expect("<iq type='result' id='1' from='capulet.lit' to='juliet@capulet.lit/balcony'/>").await;
    let stored = accounts(&server).credentials("juliet").await.unwrap().unwrap();
    assert!(stored.keys.iter().all(|keys| keys.verify(b"newpass")));
    assert!(juliet.closed().is_none());
    assert!(
        matches!(other.closed(), Some(CloseReason::Error(error)) if error.condition == StreamCondition::Reset)
    );
}

#[tokio::test]
async fn xep0077_3_3_an_incomplete_change_keeps_the_password() {
    let server = builder(RegistrationMode::Closed).start().await;
    let mut juliet = user(&server, "juliet@capulet.lit/balcony").await;
    for query in [
        "<query xmlns='jabber:iq:register'><username>juliet</username><password/></query>",
        "<query xmlns='jabber:iq:register'><password>newpass</password></query>",
    ] {
        juliet.send(&format!("<iq type='set' id='1'>{query}</iq>")).await;
        let error = juliet.next().await.unwrap().error().unwrap();
        assert_eq!((error.condition, error.kind), (Condition::BadRequest, ErrorType::Modify));
    }
    let stored = accounts(&server).credentials("juliet").await.unwrap().unwrap();
    assert!(stored.keys.iter().all(|keys| keys.verify(b"pencil")));
}

#[tokio::test]
async fn xep0077_3_3_nobody_changes_the_password_of_another() {
    let server = builder(RegistrationMode::Open).start().await;
    drop(user(&server, "romeo@capulet.lit/orchard").await);
    let mut juliet = user(&server, "juliet@capulet.lit/balcony").await;
    juliet
        .send(&format!("<iq type='set' id='1' to='capulet.lit'>{}</iq>", account("romeo", "newpass")))
        .await;
    assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::NotAllowed);
    let query = account("juliet", "newpass");
    juliet.send(&format!("<iq type='set' id='2' to='romeo@capulet.lit'>{query}</iq>")).await;
    assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::ServiceUnavailable);
    let stored = accounts(&server).credentials("romeo").await.unwrap().unwrap();
    assert!(stored.keys.iter().all(|keys| keys.verify(b"pencil")));
}

#[tokio::test]
async fn xep0077_3_2_a_user_cancels_the_account_and_is_answered_first() {
    let server = builder(RegistrationMode::Closed).start().await;
    let mut juliet = user(&server, "juliet@capulet.lit/balcony").await;
    juliet.send("<iq type='set' id='1'><query xmlns='jabber:iq:register'><remove/></query></iq>").await;
    juliet.expect("<iq type='result' id='1' to='juliet@capulet.lit/balcony'/>").await;
    assert!(
        matches!(juliet.closed(), Some(CloseReason::Error(error)) if error.condition == StreamCondition::NotAuthorized)
    );
    assert!(!accounts(&server).exists("juliet").await.unwrap());
}

#[tokio::test]
async fn xep0077_3_2_remove_with_other_children_is_a_bad_request() {
    let server = builder(RegistrationMode::Closed).start().await;
    let mut juliet = user(&server, "juliet@capulet.lit/balcony").await;
    let query = "<query xmlns='jabber:iq:register'><remove/><username>juliet</username></query>";
    juliet.send(&format!("<iq type='set' id='1'>{query}</iq>")).await;
    assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::BadRequest);
    assert!(accounts(&server).exists("juliet").await.unwrap());
    assert!(juliet.closed().is_none());
}

#[tokio::test]
async fn what_the_operator_forbids_is_not_allowed() {
    let keys = "password_change = false\ncancel = false";
    let server = builder(RegistrationMode::Open).module_config("register", keys).start().await;
    let mut juliet = user(&server, "juliet@capulet.lit/balcony").await;
    for query in
        [account("juliet", "newpass"), "<query xmlns='jabber:iq:register'><remove/></query>".to_owned()]
    {
        juliet.send(&format!("<iq type='set' id='1'>{query}</iq>")).await;
        assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::NotAllowed);
    }
    assert!(accounts(&server).exists("juliet").await.unwrap());
}
