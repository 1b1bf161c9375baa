//! XEP-0356 §6.

use super::*;

fn request(attributes: &str, inner: &str) -> String {
    format!(
        "<iq from='{PUBSUB}' {attributes} id='priv_iq_1'><privileged_iq xmlns='urn:xmpp:privilege:2'>{inner}</privileged_iq></iq>"
    )
}

const JULIET: &str = "type='set' to='juliet@capulet.lit'";
const X: &str =
    "<iq xmlns='jabber:client' type='set' to='romeo@capulet.lit/orchard' id='sub_1'><x xmlns='urn:x'/></iq>";

fn asks() -> Privileges {
    Privileges { presence: PresenceAccess::None, ..all() }
}

/// Romeo sees Juliet, so that she may ask his client.
async fn scene() -> (TestServer, TestClient, TestClient, TestComponent) {
    let server = builder().start().await;
    let (juliet, romeo) = friends(&server, "juliet@capulet.lit/balcony", "romeo@capulet.lit/orchard").await;
    let pubsub = component(&server, asks()).await;
    (server, juliet, romeo, pubsub)
}

#[tokio::test]
async fn xep0356_6_3_a_request_goes_out_in_the_accounts_name_and_its_answer_comes_back() {
    let (_server, mut juliet, mut romeo, mut pubsub) = scene().await;
    pubsub.forget();
    for kind in ["result", "error"] {
        pubsub.send(&request(JULIET, X)).await;
        let asked = romeo
            .expect(
                "<iq type='set' from='juliet@capulet.lit' to='romeo@capulet.lit/orchard' id='{any}'><x xmlns='urn:x'/></iq>",
            )
            .await;
        let id = asked.id.unwrap();
        romeo
            .send(&format!(
                "<iq type='{kind}' to='juliet@capulet.lit' id='{}'><y xmlns='urn:y'/></iq>",
                id.as_str()
            ))
            .await;
        pubsub
            .expect(&format!(
                "<iq type='result' from='juliet@capulet.lit' to='{PUBSUB}' id='priv_iq_1'>
                 <privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>
                 <iq xmlns='jabber:client' type='{kind}' from='romeo@capulet.lit/orchard' to='juliet@capulet.lit' id='sub_1'>
                 <y xmlns='urn:y'/></iq></forwarded></privilege></iq>"
            ))
            .await;
    }
    juliet.expect_nothing();
}

#[tokio::test]
async fn xep0356_6_3_the_server_itself_answers_as_it_answers_the_account() {
    let (_server, _juliet, _romeo, mut pubsub) = scene().await;
    for to in ["to='capulet.lit'", "to='juliet@capulet.lit'", ""] {
        let ping =
            format!("<iq xmlns='jabber:client' type='get' {to} id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
        pubsub.send(&request("type='get' to='juliet@capulet.lit'", &ping)).await;
        let answer = pubsub.next().await.unwrap().to_xml();
        assert!(
            answer.contains("<iq xmlns='jabber:client'") && answer.contains("id='p' type='result'"),
            "{to}: {answer}"
        );
    }
}

#[tokio::test]
async fn xep0356_6_3_what_the_clause_names_is_forbidden() {
    let (_server, mut juliet, mut romeo, mut pubsub) = scene().await;
    let get =
        "<iq xmlns='jabber:client' type='get' to='romeo@capulet.lit/orchard' id='s'><x xmlns='urn:x'/></iq>";
    let other = X.replace("urn:x'", "urn:y'");
    for (what, attributes, inner) in [
        ("'to' is the host", "type='set' to='capulet.lit'", X.to_owned()),
        ("'to' is a full JID", "type='set' to='juliet@capulet.lit/balcony'", X.to_owned()),
        ("'to' is nobody", "type='set' to='nobody@capulet.lit'", X.to_owned()),
        ("the namespace is not granted", JULIET, other),
        ("the type is not granted", "type='get' to='juliet@capulet.lit'", get.to_owned()),
        ("no jabber:client", JULIET, X.replace(" xmlns='jabber:client'", "")),
        ("another namespace", JULIET, X.replace("jabber:client", "jabber:server")),
        ("somebody else's 'from'", JULIET, X.replace("id='sub_1'", "id='sub_1' from='romeo@capulet.lit'")),
        (
            "a 'from' with resource",
            JULIET,
            X.replace("id='sub_1'", "id='sub_1' from='juliet@capulet.lit/balcony'"),
        ),
        ("types differ", "type='get' to='juliet@capulet.lit'", X.to_owned()),
        ("two requests", JULIET, X.repeat(2)),
        ("none", JULIET, String::new()),
    ] {
        pubsub.send(&request(attributes, &inner)).await;
        let error = pubsub.next().await.unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(error.error().map(|error| error.condition), Some(Condition::Forbidden), "{what}");
        assert_eq!(error.id.unwrap().as_str(), "priv_iq_1");
    }
    romeo.expect_nothing();
    juliet.expect_nothing();
    // With the right 'from' it is fine.
    pubsub.send(&request(JULIET, &X.replace("id='sub_1'", "id='sub_1' from='juliet@capulet.lit'"))).await;
    assert!(romeo.next().await.is_some());
}

#[tokio::test]
async fn xep0356_6_who_has_no_such_privilege_asks_nothing() {
    let (server, _juliet, mut romeo, mut pubsub) = scene().await;
    pubsub.grant(grants(Privileges { iq: [].into(), ..asks() })).await;
    pubsub.forget();
    pubsub.send(&request(JULIET, X)).await;
    assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
    pubsub.grant(grants(asks())).await;
    pubsub.forget();
    pubsub
        .send(&request(JULIET, X).replace(&format!("from='{PUBSUB}'"), "from='mallory@pubsub.capulet.lit'"))
        .await;
    assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
    let mut mallory = server.online("mallory@capulet.lit/x").await;
    mallory.send(&request(JULIET, X).replace(&format!("from='{PUBSUB}'"), "")).await;
    assert_eq!(mallory.next().await.unwrap().error().unwrap().condition, Condition::Forbidden);
    romeo.expect_nothing();
    // What clients say to each other passes.
    let mut other = server.online("mallory@capulet.lit/y").await;
    let to_client = request("type='set' to='mallory@capulet.lit/x'", X);
    other.send(&to_client.replace(&format!("from='{PUBSUB}'"), "")).await;
    let passed = bodies(&mut mallory).join("");
    assert!(passed.contains("<privileged_iq "), "{passed}");
}

/// RFC 6121 §8.5.3.1, and XEP-0356 §9.4: whether a stranger's client is there is not told to the account either.
#[tokio::test]
async fn xep0356_9_4_a_request_learns_nothing_that_the_account_could_not() {
    let (server, _juliet, _romeo, mut pubsub) = scene().await;
    let mut paris = server.online("paris@capulet.lit/hall").await;
    pubsub.send(&request(JULIET, &X.replace("romeo@capulet.lit/orchard", "paris@capulet.lit/hall"))).await;
    let answer = pubsub.next().await.unwrap().to_xml();
    assert!(answer.contains("<service-unavailable "), "{answer}");
    paris.expect_nothing();
}

#[tokio::test]
async fn who_does_not_answer_is_answered_for_and_no_more_wait_than_may() {
    let server =
        builder().module_config("privilege", "requests_max = 1\nanswer_time_max = \"200 ms\"").start().await;
    let (_juliet, mut romeo) =
        friends(&server, "juliet@capulet.lit/balcony", "romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, asks()).await;
    pubsub.send(&request(JULIET, X)).await;
    assert!(romeo.next().await.is_some());
    pubsub.send(&request(JULIET, X)).await;
    assert_eq!(condition(&mut pubsub).await, Condition::ResourceConstraint);
    romeo.expect_nothing();
    assert_eq!(condition(&mut pubsub).await, Condition::RemoteServerTimeout);
    // Then there is room again.
    pubsub.send(&request(JULIET, X)).await;
    assert!(romeo.next().await.is_some());
}

/// Only whom the request went to may answer it.
#[tokio::test]
async fn rfc6120_8_2_3_nobody_else_answers() {
    let (server, _juliet, mut romeo, mut pubsub) = scene().await;
    let mut mallory = server.online("mallory@capulet.lit/x").await;
    pubsub.send(&request(JULIET, X)).await;
    let id = romeo.next().await.unwrap().id.unwrap();
    let answer = format!("<iq type='result' to='juliet@capulet.lit' id='{}'/>", id.as_str());
    mallory.send(&answer).await;
    pubsub.expect_nothing();
    romeo.send(&answer).await;
    assert!(pubsub.next().await.is_some());
}

/// It may be the one that has to answer: neither waits for the other.
#[tokio::test]
async fn a_component_may_ask_itself_in_an_accounts_name() {
    let (_server, _juliet, _romeo, mut pubsub) = scene().await;
    pubsub.send(&request(JULIET, &X.replace("romeo@capulet.lit/orchard", PUBSUB))).await;
    let id = pubsub.next().await.unwrap().id.unwrap();
    pubsub
        .send(&format!("<iq type='result' from='{PUBSUB}' to='juliet@capulet.lit' id='{}'/>", id.as_str()))
        .await;
    let answer = pubsub.next().await.unwrap().to_xml();
    assert!(
        answer.contains(&format!("from='{PUBSUB}' to='juliet@capulet.lit' id='sub_1' type='result'")),
        "{answer}"
    );
}
