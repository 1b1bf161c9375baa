//! Requests of the server itself: who may answer, what becomes of them if nobody does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::Duration;

use futures::{FutureExt, poll};
use waxwing_core::prelude::*;
use waxwing_core::{BoxFuture, RequestError};
use waxwing_testkit::{TestClient, TestContacts, TestServer};

const JULIET: &str = "juliet@capulet.lit/balcony";
const PATIENCE: Duration = Duration::from_secs(30);

async fn scene() -> (TestServer, TestClient, TestClient) {
    let server = TestServer::host("capulet.lit").and_host("montague.lit").start().await;
    let juliet = server.login(JULIET).await;
    let tybalt = server.login("tybalt@capulet.lit/hall").await;
    (server, juliet, tybalt)
}

/// A request of the host for Juliet's client, on its way.
async fn asked(server: &TestServer) -> BoxFuture<'static, Result<Stanza, RequestError>> {
    asked_by(server, "montague.lit", JULIET).await
}

async fn asked_by(
    server: &TestServer,
    from: &str,
    to: &str,
) -> BoxFuture<'static, Result<Stanza, RequestError>> {
    let (from, to) = (Jid::parse(from).unwrap(), Jid::parse(to).unwrap());
    let host = server.server().shared().router().host(from.domain()).unwrap();
    let request = Stanza::iq(IqType::Get, Text::new()).from(from).to(to);
    let request = request.with(&Tree::new("test:question", "query"));
    let mut asked = async move { host.request(request, PATIENCE).await }.boxed();
    assert!(poll!(&mut asked).is_pending(), "no answer yet");
    asked
}

/// The id of the request that the client was asked with.
async fn id(client: &mut TestClient) -> String {
    client.next().await.expect("a request").id.expect("an id").to_string()
}

fn answer(kind: &str, id: &str, to: &str) -> String {
    let payload = match kind {
        "error" => {
            "<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>".to_owned()
        }
        _ => "<query xmlns='test:question'>yes</query>".to_owned(),
    };
    format!("<iq type='{kind}' id='{id}' to='{to}'>{payload}</iq>")
}

#[tokio::test]
async fn rfc6120_8_2_3_the_result_is_who_was_asked_and_the_id_says() {
    let (server, mut juliet, _) = scene().await;
    let asked = asked(&server).await;
    let id = id(&mut juliet).await;
    juliet.send(&answer("result", &id, "montague.lit")).await;
    let result = asked.await.unwrap();
    assert_eq!(result.children.iter().next().unwrap().tree().text(), "yes");
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6120_8_2_3_ids_are_not_guessed() {
    let (server, mut juliet, _) = scene().await;
    let (_one, first) = (asked(&server).await, id(&mut juliet).await);
    let (_two, second) = (asked(&server).await, id(&mut juliet).await);
    assert!(first != second && first.len() >= 26, "{first} {second}");
}

#[tokio::test]
async fn rfc6120_8_3_an_error_is_an_answer() {
    let (server, mut juliet, _) = scene().await;
    let asked = asked(&server).await;
    let id = id(&mut juliet).await;
    juliet.send(&answer("error", &id, "montague.lit")).await;
    let Err(RequestError::Refused(error)) = asked.await else { panic!("no error") };
    assert_eq!((error.condition, error.kind), (Condition::Forbidden, ErrorType::Auth));
}

#[tokio::test]
async fn rfc6120_8_2_3_nobody_else_can_answer() {
    let (server, mut juliet, mut tybalt) = scene().await;
    let mut chamber = server.login("juliet@capulet.lit/chamber").await;
    let mut asked = asked(&server).await;
    let id = id(&mut juliet).await;
    for forger in [&mut tybalt, &mut chamber] {
        for kind in ["result", "error"] {
            forger.send(&answer(kind, &id, "montague.lit")).await;
        }
        forger.expect_nothing();
    }
    // Nor does the right one, for another id or to another address.
    juliet.send(&answer("result", "guess", "montague.lit")).await;
    juliet.send(&answer("result", &id, "capulet.lit")).await;
    assert!(poll!(&mut asked).is_pending());
    juliet.send(&answer("result", &id, "montague.lit")).await;
    assert!(asked.await.is_ok());
}

/// In an account's name: the answer is the server's, not the client's.
#[tokio::test]
async fn an_answer_to_a_bare_jid_does_not_reach_the_account() {
    let (server, mut juliet, _) = scene().await;
    let mut romeo = server.online("romeo@montague.lit/orchard").await;
    let asked = asked_by(&server, "romeo@montague.lit", JULIET).await;
    let id = id(&mut juliet).await;
    juliet.send(&answer("result", &id, "romeo@montague.lit")).await;
    assert!(asked.await.is_ok());
    romeo.expect_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_ends_in_time_and_a_late_answer_is_nobodys() {
    let (server, mut juliet, _) = scene().await;
    let asked = asked(&server).await;
    let id = id(&mut juliet).await;
    let begin = tokio::time::Instant::now();
    assert_eq!(asked.await.unwrap_err(), RequestError::TimedOut);
    assert_eq!(begin.elapsed().as_secs(), PATIENCE.as_secs());
    juliet.send(&answer("result", &id, "montague.lit")).await;
    juliet.expect_nothing();
    let metrics = server.server().shared().metrics().encode();
    assert!(metrics.contains("core_requests_unanswered_total{} 1"), "{metrics}");
}

#[tokio::test]
async fn rfc6120_8_2_3_what_cannot_be_delivered_is_refused_at_once() {
    let (server, ..) = scene().await;
    let host = server.server().shared().router().host("montague.lit").unwrap();
    let table = [
        ("nobody@capulet.lit", Condition::ServiceUnavailable),
        ("juliet@capulet.lit/gone", Condition::ServiceUnavailable),
        ("capulet.lit", Condition::ServiceUnavailable),
        ("push.example", Condition::RemoteServerNotFound),
    ];
    for (to, condition) in table {
        let request = Stanza::iq(IqType::Get, Text::new()).to(Jid::parse(to).unwrap());
        let request = request.with(&Tree::new("test:question", "query"));
        let answer = host.request(request, PATIENCE).now_or_never().expect("at once");
        let Err(RequestError::Refused(error)) = answer else { panic!("{to}: {answer:?}") };
        assert_eq!(error.condition, condition, "{to}");
    }
}

#[tokio::test]
async fn requests_have_a_limit_and_who_gives_up_makes_room() {
    let few = |config: &mut waxwing_core::Config| config.limits.requests_max = 1;
    let server = TestServer::host("capulet.lit").and_host("montague.lit").config(few).start().await;
    let mut juliet = server.login(JULIET).await;
    let first = asked(&server).await;
    let host = server.server().shared().router().host("montague.lit").unwrap();
    let request = Stanza::iq(IqType::Get, Text::new()).to(Jid::parse(JULIET).unwrap());
    let second = host.request(request, PATIENCE).now_or_never();
    assert_eq!(second.unwrap().unwrap_err(), RequestError::TooMany);
    juliet.next().await.unwrap();
    juliet.expect_nothing();
    drop(first);
    let _third = asked(&server).await;
    juliet.next().await.unwrap();
}

/// The server may ask any client, whoever it asks for: nobody learns from the answer who is there.
#[tokio::test]
async fn the_server_may_ask_strangers() {
    let contacts = "friends = ['friend@montague.lit']";
    let server = TestServer::host("capulet.lit").and_host("montague.lit").with::<TestContacts>();
    let server = server.module_config("contacts", contacts).start().await;
    let mut juliet = server.login(JULIET).await;
    for from in ["stranger@montague.lit", "friend@montague.lit", "montague.lit"] {
        let _asked = asked_by(&server, from, JULIET).await;
        juliet.next().await.expect("the request");
    }
}
