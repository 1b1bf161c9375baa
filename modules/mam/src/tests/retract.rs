//! Tombstones (XEP-0424).

use super::*;

fn original(to: &str) -> String {
    format!("<message to='{to}' type='chat' id='wrong-1'><body>Have not saints lips?</body></message>")
}

fn retraction(to: &str, id: &str) -> String {
    format!(
        "<message to='{to}' type='chat' id='retract-1'><retract id='{id}' xmlns='urn:xmpp:message-retract:1'/>
        <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>
        <body>/me retracted a message</body><store xmlns='urn:xmpp:hints'/></message>"
    )
}

fn is_tombstone(message: &Tree) -> bool {
    message.child(policy::NS_RETRACT, "retracted").is_some()
}

#[tokio::test]
async fn xep0424_4_a_tombstone_stands_in_both_archives_and_the_retraction_stays() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    say(&mut romeo, "juliet@capulet.lit", ["before"]).await;
    romeo.send(&original("juliet@capulet.lit")).await;
    let ids = all(&mut juliet).await.ids();
    romeo.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    for client in [&mut juliet, &mut romeo] {
        let found = all(client).await;
        assert_eq!(found.bodies(), ["before", "", "/me retracted a message"]);
        let message = found.forwarded()[1];
        let expected =
            "<message xmlns='jabber:client' from='romeo@montague.lit/orchard' to='juliet@capulet.lit'
            type='chat' id='wrong-1'><retracted xmlns='urn:xmpp:message-retract:1' id='retract-1'
            stamp='2023-11-14T22:13:20.000Z'/></message>";
        let difference = waxwing_testkit::difference(expected, &message.to_xml());
        assert_eq!(difference, None);
    }
    assert_eq!(all(&mut juliet).await.ids()[..2], ids[..], "its id stays (XEP-0313 §3.2)");
    let with = ask(&mut juliet, &query(&[("with", "romeo@montague.lit")], "")).await.unwrap();
    assert_eq!(with.messages.len(), 3);
}

#[tokio::test]
async fn xep0424_5_only_its_sender_may_retract_a_message() {
    let (server, mut juliet, mut romeo) = pair(builder()).await;
    let mut paris = server.online("paris@montague.lit/hall").await;
    romeo.send(&original("juliet@capulet.lit")).await;
    paris.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    juliet.send(&retraction("romeo@montague.lit", "wrong-1")).await;
    for client in [&mut juliet, &mut romeo, &mut paris] {
        assert!(!all(client).await.forwarded().into_iter().any(is_tombstone));
    }
}

#[tokio::test]
async fn xep0424_5_another_resource_of_the_sender_may() {
    let (server, mut juliet, mut romeo) = pair(builder()).await;
    romeo.send(&original("juliet@capulet.lit")).await;
    let mut street = server.online("romeo@montague.lit/street").await;
    street.send(&retraction("juliet@capulet.lit/balcony", "wrong-1")).await;
    for client in [&mut juliet, &mut romeo] {
        assert!(is_tombstone(all(client).await.forwarded()[0]));
    }
}

#[tokio::test]
async fn xep0424_5_occupants_of_a_room_retract_only_their_own_private_messages() {
    let (server, mut juliet, mut romeo) = pair(builder()).await;
    let private = "<body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/>";
    romeo
        .send(&format!("<message to='juliet@capulet.lit' type='chat' id='wrong-1'>{private}</message>"))
        .await;
    let mut street = server.online("romeo@montague.lit/street").await;
    street.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    assert!(!is_tombstone(all(&mut juliet).await.forwarded()[0]));
    romeo.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    assert!(is_tombstone(all(&mut juliet).await.forwarded()[0]));
}

#[tokio::test]
async fn xep0424_4_what_stays_out_of_the_archive_retracts_nothing_there() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    romeo.send(&original("juliet@capulet.lit")).await;
    let retract = "<retract id='wrong-1' xmlns='urn:xmpp:message-retract:1'/>";
    let hint = "<no-store xmlns='urn:xmpp:hints'/>";
    romeo
        .send(&format!("<message to='juliet@capulet.lit' type='chat' id='r'>{retract}{hint}</message>"))
        .await;
    // Nor what has no name that a tombstone could give.
    romeo.send(&chat("juliet@capulet.lit", retract)).await;
    // Nor what bounces.
    romeo.send(&format!("<message to='juliet@capulet.lit/gone' id='r'>{retract}</message>")).await;
    assert!(!is_tombstone(all(&mut juliet).await.forwarded()[0]));
}

#[tokio::test]
async fn xep0424_5_a_retraction_cannot_be_retracted() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    romeo.send(&original("juliet@capulet.lit")).await;
    romeo.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    romeo.send(&retraction("juliet@capulet.lit", "retract-1")).await;
    let found = all(&mut juliet).await;
    assert_eq!(found.bodies(), ["", "/me retracted a message", "/me retracted a message"]);
}

#[tokio::test]
async fn xep0424_5_1_the_id_of_another_conversation_means_nothing() {
    let (server, mut juliet, mut romeo) = pair(builder()).await;
    let mut nurse = server.online("nurse@capulet.lit/hall").await;
    romeo.send(&original("nurse@capulet.lit")).await;
    romeo.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    assert!(!is_tombstone(all(&mut nurse).await.forwarded()[0]));
    assert!(!is_tombstone(all(&mut romeo).await.forwarded()[0]));
    assert_eq!(all(&mut juliet).await.messages.len(), 1);
}

#[tokio::test]
async fn xep0424_4_a_message_to_oneself_is_retracted_as_well() {
    let (_server, mut juliet, _) = pair(builder()).await;
    juliet.send(&original("juliet@capulet.lit")).await;
    juliet.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    assert!(is_tombstone(all(&mut juliet).await.forwarded()[0]));
}

#[tokio::test]
async fn a_retracted_message_is_looked_for_in_a_bounded_part_of_the_conversation() {
    for (between, found) in [(99, true), (100, false)] {
        let server = builder().module_config("mam", "retract_search_max = 100");
        let (_server, mut juliet, mut romeo) = pair(server).await;
        romeo.send(&original("juliet@capulet.lit")).await;
        say(&mut romeo, "juliet@capulet.lit", (0..between).map(|it| it.to_string())).await;
        romeo.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
        let first = all(&mut juliet).await;
        assert_eq!(is_tombstone(first.forwarded()[0]), found, "{between}");
    }
}

#[tokio::test]
async fn xep0424_5_a_retracted_message_that_waits_is_not_delivered() {
    let server = builder().with::<Owing>().start().await;
    let mut romeo = server.online(ROMEO).await;
    romeo.send(&original("juliet@capulet.lit")).await;
    romeo.send(&retraction("juliet@capulet.lit", "wrong-1")).await;
    let mut juliet = server.login(JULIET).await;
    juliet.send("<presence/>").await;
    let late = juliet.next().await.unwrap();
    assert_eq!(late.id.as_deref(), Some("retract-1"));
    assert!(late.children.find(ns::DELAY, "delay").is_some());
    juliet.expect_nothing();
    // Nobody is owed it any more: it does not come to the next client either.
    drop(juliet);
    let mut next = server.login("juliet@capulet.lit/chamber").await;
    next.send("<presence/>").await;
    next.expect_nothing();
}
