//! XEP-0191 §3.3: what happens to stanzas, both ways.

use super::*;

/// Juliet, who has blocked Romeo; Romeo; Mercutio, who is free to speak.
async fn scene() -> (TestClient, TestClient, TestClient) {
    let server = server().await;
    let mut juliet = server.online(JULIET).await;
    let romeo = server.login(ROMEO).await;
    let mercutio = server.login("mercutio@montague.lit/street").await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    let mut romeo = romeo;
    romeo.forget();
    (juliet, romeo, mercutio)
}

const MESSAGE: &str = "<message to='juliet@capulet.lit/balcony' type='chat'><body>Hi</body></message>";
const IQ: &str = "<iq to='juliet@capulet.lit' type='get' id='q'><query xmlns='jabber:iq:last'/></iq>";

#[tokio::test]
async fn xep0191_3_3_a_message_of_a_blocked_address_comes_back() {
    let (mut juliet, mut romeo, mut mercutio) = scene().await;
    for kind in ["chat", "normal", "headline", "groupchat"] {
        romeo.send(&MESSAGE.replace("chat", kind)).await;
        assert_eq!(condition(&mut romeo).await, Condition::ServiceUnavailable, "{kind}");
    }
    juliet.expect_nothing();
    mercutio.send(MESSAGE).await;
    juliet.expect("<message from='{any}' to='{any}' type='chat'><body>Hi</body></message>").await;
    mercutio.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_a_request_of_a_blocked_address_comes_back() {
    let (mut juliet, mut romeo, _) = scene().await;
    for to in ["juliet@capulet.lit", JULIET] {
        romeo.send(&IQ.replace("juliet@capulet.lit", to)).await;
        assert_eq!(condition(&mut romeo).await, Condition::ServiceUnavailable, "{to}");
    }
    juliet.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_answers_and_errors_of_a_blocked_address_are_dropped() {
    let (mut juliet, mut romeo, mut mercutio) = scene().await;
    let stanzas = [
        format!("<iq to='{JULIET}' type='result' id='q'/>"),
        format!(
            "<message to='{JULIET}' type='error'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        ),
    ];
    for stanza in &stanzas {
        romeo.send(stanza).await;
        mercutio.send(stanza).await;
        let arrived = juliet.next().await.unwrap();
        assert_eq!(arrived.from.unwrap().local(), Some("mercutio"));
    }
    juliet.expect_nothing();
    romeo.expect_nothing();
}

/// "MUST NOT respond and MUST NOT return an error".
#[tokio::test]
async fn xep0191_3_3_presence_of_a_blocked_address_is_dropped_in_silence() {
    let (mut juliet, mut romeo, mut mercutio) = scene().await;
    for kind in
        ["", "unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "error"]
    {
        let kind = if kind.is_empty() { String::new() } else { format!("type='{kind}'") };
        for to in ["juliet@capulet.lit", JULIET] {
            romeo.send(&format!("<presence to='{to}' {kind}/>")).await;
        }
    }
    romeo.expect_nothing();
    juliet.expect_nothing();
    mercutio.send("<presence to='juliet@capulet.lit/balcony'/>").await;
    juliet.expect("<presence from='{any}' to='{any}'/>").await;
}

#[tokio::test]
async fn xep0191_3_3_what_the_user_sends_to_a_blocked_address_comes_back() {
    let (mut juliet, mut romeo, _) = scene().await;
    let to = "romeo@montague.lit";
    let stanzas = [
        format!("<message to='{to}' id='1'><body>Hi</body></message>"),
        format!("<message to='{ROMEO}' id='1'><body>Hi</body></message>"),
        format!("<presence to='{to}' id='1'/>"),
        format!("<presence to='{to}' id='1' type='subscribe'/>"),
        format!("<iq to='{ROMEO}' id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"),
    ];
    for xml in &stanzas {
        juliet.send(xml).await;
        let name = Stanza::parse(xml).unwrap().name();
        juliet
            .expect(&format!(
                "<{name} from='{{any}}' to='{JULIET}' id='1' type='error'><error type='cancel'>
                <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
                <blocked xmlns='urn:xmpp:blocking:errors'/></error></{name}>"
            ))
            .await;
    }
    romeo.expect_nothing();
}

/// RFC 6120 §8.3.1: an answer is never answered.
#[tokio::test]
async fn xep0191_3_3_the_users_answers_to_a_blocked_address_vanish() {
    let (mut juliet, mut romeo, _) = scene().await;
    juliet.send(&format!("<iq to='{ROMEO}' id='1' type='result'/>")).await;
    juliet.expect_nothing();
    romeo.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_4_after_the_unblock_stanzas_pass_both_ways() {
    let (mut juliet, mut romeo, _) = scene().await;
    set(&mut juliet, "unblock", &["romeo@montague.lit"]).await;
    done(&mut juliet).await;
    romeo.forget();
    romeo.send(MESSAGE).await;
    juliet.expect("<message from='{any}' to='{any}' type='chat'><body>Hi</body></message>").await;
    juliet.send(&format!("<message to='{ROMEO}' type='chat'><body>Hi</body></message>")).await;
    romeo.expect("<message from='{any}' to='{any}' type='chat'><body>Hi</body></message>").await;
}

/// §5, note 1.
#[tokio::test]
async fn xep0191_5_resources_of_one_account_always_reach_each_other() {
    let server = server().await;
    let mut juliet = server.login(JULIET).await;
    let mut chamber = server.login("juliet@capulet.lit/chamber").await;
    block(&mut juliet, &["juliet@capulet.lit", "capulet.lit"]).await;
    juliet.send("<message to='juliet@capulet.lit/chamber' type='chat'><body>Hi</body></message>").await;
    chamber.expect("<message from='{any}' to='{any}' type='chat'><body>Hi</body></message>").await;
    juliet
        .send("<iq to='juliet@capulet.lit' type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>")
        .await;
    assert!(!juliet.next().await.unwrap().is_error());
}
