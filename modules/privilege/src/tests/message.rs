//! XEP-0356 §5.

use super::*;

fn messages() -> Privileges {
    Privileges { message: MessageAccess::Outgoing, ..Privileges::default() }
}

fn from(from: &str) -> String {
    format!(
        "<message xmlns='jabber:client' {from} to='romeo@capulet.lit/orchard' id='foo' type='chat'><body>hi</body></message>"
    )
}

#[tokio::test]
async fn xep0356_5_3_a_message_goes_out_as_if_the_account_had_sent_it() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    juliet.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>").await;
    juliet.forget();
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, messages()).await;
    pubsub.send(&message("capulet.lit", &from("from='juliet@capulet.lit'"))).await;
    romeo
        .expect(
            "<message from='juliet@capulet.lit' to='romeo@capulet.lit/orchard' id='foo' type='chat'>
             <body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='romeo@capulet.lit' id='{any}'/></message>",
        )
        .await;
    // XEP-0280 §8: to each client, as none has sent it.
    let copy = juliet.next().await.unwrap().to_xml();
    assert!(copy.contains("<sent xmlns='urn:xmpp:carbons:2'>") && copy.contains("<body>hi</body>"), "{copy}");
    // XEP-0313: in both archives.
    for client in [&mut juliet, &mut romeo] {
        client.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>").await;
        let page = bodies(client).join("");
        assert!(page.contains("<body>hi</body>") && page.contains("id='foo'"), "{page}");
    }
    pubsub.expect_nothing();
}

#[tokio::test]
async fn xep0356_5_1_the_host_itself_may_be_the_sender() {
    let server = builder().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, messages()).await;
    pubsub.send(&message("capulet.lit", &from("from='capulet.lit'"))).await;
    assert_eq!(romeo.next().await.unwrap().from.unwrap(), "capulet.lit");
    // Without address a message of an account is for itself (RFC 6120 §10.3.1); the host has nobody.
    pubsub.send(&message("capulet.lit", "<message xmlns='jabber:client' from='capulet.lit'/>")).await;
    assert_eq!(condition(&mut pubsub).await, Condition::BadRequest);
    let own = "<message xmlns='jabber:client' from='romeo@capulet.lit' id='n'><body>note</body></message>";
    pubsub.send(&message("capulet.lit", own)).await;
    assert_eq!(romeo.next().await.unwrap().id.unwrap().as_str(), "n");
}

#[tokio::test]
async fn xep0356_5_1_only_a_bare_jid_of_the_host_may_be_the_sender() {
    let server = builder().and_host("montague.lit").start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, messages()).await;
    for sender in [
        "from='juliet@capulet.lit/balcony'",
        "from='capulet.lit/x'",
        "from='juliet@montague.lit'",
        "from='juliet@evil.lit'",
        "from='pubsub.capulet.lit'",
        "from='nobody@capulet.lit'",
        "",
    ] {
        pubsub.send(&message("capulet.lit", &from(sender))).await;
        let error = pubsub.next().await.unwrap();
        assert_eq!(error.error().unwrap().condition, Condition::Forbidden, "{sender}");
        assert!(
            error
                .to_xml()
                .starts_with("<message from='capulet.lit' to='pubsub.capulet.lit' id='notif1' type='error'>")
        );
    }
    romeo.expect_nothing();
}

#[tokio::test]
async fn xep0356_5_1_who_may_not_forges_nothing() {
    let server = builder().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let forged = message("capulet.lit", &from("from='juliet@capulet.lit'"));
    let mut pubsub = component(&server, Privileges { message: MessageAccess::None, ..all() }).await;
    pubsub.send(&forged).await;
    assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
    // Somebody at its domain.
    pubsub.grant(grants(messages())).await;
    pubsub.forget();
    pubsub.send(&forged.replace("from='pubsub.", "from='mallory@pubsub.")).await;
    assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
    // A user of the host.
    let mut mallory = server.online("mallory@capulet.lit/x").await;
    mallory.send(&forged.replace("from='pubsub.capulet.lit'", "")).await;
    let refused = mallory.next().await.unwrap().error().unwrap().condition;
    assert_eq!(refused, Condition::ServiceUnavailable);
    // No error is answered.
    pubsub.send(&forged.replacen("id='notif1'", "id='notif1' type='error'", 1)).await;
    pubsub.expect_nothing();
    romeo.expect_nothing();
}

#[tokio::test]
async fn xep0356_5_1_one_message_is_forwarded() {
    let server = builder().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, messages()).await;
    let good = from("from='juliet@capulet.lit'");
    for inner in [
        String::new(),
        good.repeat(2),
        good.replace(" xmlns='jabber:client'", ""),
        good.replace("jabber:client", "urn:x"),
        good.replace("<message", "<presence").replace("</message", "</presence"),
        good.replace("romeo@capulet.lit", "ro meo@capulet.lit"),
    ] {
        pubsub.send(&message("capulet.lit", &inner)).await;
        assert_eq!(condition(&mut pubsub).await, Condition::BadRequest, "{inner}");
    }
    romeo.expect_nothing();
    // Beside the message a delay may stand (XEP-0297 §3.1).
    let late = format!("<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>{good}");
    pubsub.send(&message("capulet.lit", &late)).await;
    assert!(!romeo.next().await.unwrap().to_xml().contains("delay"));
}

/// §9.4: nothing that the account itself could not do.
#[tokio::test]
async fn xep0356_9_4_what_the_account_has_blocked_stays_blocked() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    juliet
        .send("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='romeo@capulet.lit'/></block></iq>")
        .await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, messages()).await;
    pubsub.send(&message("capulet.lit", &from("from='juliet@capulet.lit'"))).await;
    romeo.expect_nothing();
}

/// What a component may do it hears from the server alone (§4.2; XEP-0355 §4.2).
#[tokio::test]
async fn no_component_is_told_by_another_what_it_may_do() {
    let server = builder().start().await;
    let mut pubsub = component(&server, messages()).await;
    let mut other = server.component("other.capulet.lit", Grants::default());
    other.connect().await;
    let told = |from: &str, inner: &str| {
        let forged =
            format!("<message xmlns='jabber:client' from='{from}' to='other.capulet.lit'>{inner}</message>");
        message("capulet.lit", &forged)
    };
    for inner in [
        "<privilege xmlns='urn:xmpp:privilege:2'><perm access='message' type='outgoing'/></privilege>",
        "<body>x</body><delegation xmlns='urn:xmpp:delegation:2'><delegated namespace='urn:x'/></delegation>",
    ] {
        pubsub.send(&told("capulet.lit", inner)).await;
        assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
        other.expect_nothing();
    }
    pubsub.send(&told("capulet.lit", "<body>x</body>")).await;
    assert!(other.next().await.unwrap().has_body());
}
