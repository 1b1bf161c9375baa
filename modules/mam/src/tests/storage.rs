//! What is in an archive (XEP-0313 §3, §6.1.1).

use super::*;

#[tokio::test]
async fn xep0313_3_both_sides_keep_a_message() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    romeo
        .send("<message to='juliet@capulet.lit' type='chat' id='1'><body>Call me but love</body></message>")
        .await;
    let at_juliet = all(&mut juliet).await;
    let at_romeo = all(&mut romeo).await;
    for found in [&at_juliet, &at_romeo] {
        assert_eq!(found.bodies(), ["Call me but love"]);
        let message = found.forwarded()[0];
        assert_eq!(message.attr("from"), Some(ROMEO));
        assert_eq!(message.attr("to"), Some("juliet@capulet.lit"));
        assert_eq!((message.attr("id"), message.attr("type")), (Some("1"), Some("chat")));
        assert_eq!(found.stamps(), ["2023-11-14T22:13:20.000Z"]);
    }
    assert_ne!(at_juliet.ids(), at_romeo.ids());
}

#[tokio::test]
async fn xep0313_3_5_the_recipient_learns_the_archive_id_and_nobody_elses() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    let forged = "<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.lit' id='forged'/>";
    romeo.send(&chat("juliet@capulet.lit", forged)).await;
    let got = juliet.next().await.unwrap();
    let ids: Vec<Tree> =
        got.children.iter().filter(|child| child.is(ns::STANZA_ID, "stanza-id")).map(Child::tree).collect();
    assert_eq!(ids.len(), 1, "{}", got.to_xml());
    assert_eq!(ids[0].attr("by"), Some("juliet@capulet.lit"));
    assert_eq!(ids[0].attr("id"), Some(all(&mut juliet).await.ids()[0].as_str()));
}

#[tokio::test]
async fn xep0313_3_5_what_is_not_archived_has_no_archive_id() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    romeo.send(&chat("juliet@capulet.lit", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>")).await;
    juliet
        .expect(
            "<message from='romeo@montague.lit/orchard' to='juliet@capulet.lit' type='chat'><body>x</body>
            <no-store xmlns='urn:xmpp:hints'/></message>",
        )
        .await;
    assert!(all(&mut juliet).await.messages.is_empty());
    assert!(all(&mut romeo).await.messages.is_empty());
}

#[tokio::test]
async fn xep0313_6_1_a_message_that_bounces_is_not_in_the_archive_of_the_one_who_never_got_it() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    romeo.send("<message to='juliet@capulet.lit/gone'><body>x</body></message>").await;
    assert!(all(&mut juliet).await.messages.is_empty());
    // Its sender did send it.
    assert_eq!(all(&mut romeo).await.bodies(), ["x"]);
}

#[tokio::test]
async fn xep0313_6_1_1_several_resources_and_one_copy() {
    let (server, mut juliet, mut romeo) = pair(builder()).await;
    let mut chamber = server.online("juliet@capulet.lit/chamber").await;
    say(&mut romeo, "juliet@capulet.lit", ["x"]).await;
    assert_eq!(all(&mut juliet).await.bodies(), ["x"]);
    assert_eq!(all(&mut chamber).await.bodies(), ["x"]);
}

#[tokio::test]
async fn xep0313_6_1_1_a_message_to_oneself_is_kept_once() {
    let (_server, mut juliet, _romeo) = pair(builder()).await;
    say(&mut juliet, "juliet@capulet.lit", ["bare"]).await;
    say(&mut juliet, JULIET, ["full"]).await;
    juliet.send("<message type='chat'><body>no address</body></message>").await;
    assert_eq!(all(&mut juliet).await.bodies(), ["bare", "full", "no address"]);
}

#[tokio::test]
async fn xep0313_6_1_1_groupchat_and_headlines_are_not_archived() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    for kind in ["groupchat", "headline"] {
        romeo.send(&format!("<message to='{JULIET}' type='{kind}'><body>x</body></message>")).await;
        assert!(juliet.next().await.is_some(), "{kind}");
    }
    assert!(all(&mut juliet).await.messages.is_empty());
    assert!(all(&mut romeo).await.messages.is_empty());
}

#[tokio::test]
async fn xep0313_3_1_the_order_is_that_of_arrival_whatever_the_clock_says() {
    let clock = Clock::fixed(Timestamp(NOW));
    let (_server, mut juliet, mut romeo) = pair(builder().clock(clock.clone())).await;
    say(&mut romeo, "juliet@capulet.lit", ["1", "2"]).await;
    set(&clock, NOW - 3_600_000_000);
    say(&mut romeo, "juliet@capulet.lit", ["3"]).await;
    set(&clock, NOW + 1_000_000);
    say(&mut romeo, "juliet@capulet.lit", ["4"]).await;
    let found = all(&mut juliet).await;
    assert_eq!(found.bodies(), ["1", "2", "3", "4"]);
    let mut ids = found.ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

pub(super) fn set(clock: &Clock, micros: i64) {
    let Clock::Fixed(at) = clock else { panic!("a clock that can be set") };
    at.store(micros, std::sync::atomic::Ordering::Relaxed);
}

#[tokio::test]
async fn xep0313_6_1_1_what_was_read_in_the_archive_is_not_delivered_again() {
    let server = builder().with::<Owing>().start().await;
    let mut romeo = server.online(ROMEO).await;
    say(&mut romeo, "juliet@capulet.lit", ["1", "2"]).await;
    let mut juliet = server.login(JULIET).await;
    assert_eq!(all(&mut juliet).await.bodies(), ["1", "2"]);
    say(&mut romeo, "juliet@capulet.lit", ["3"]).await;
    juliet.send("<presence/>").await;
    let late = juliet.next().await.unwrap();
    assert_eq!(late.children.find(ns::CLIENT, "body").unwrap().tree().text(), "3");
    juliet.expect_nothing();
}

#[tokio::test]
async fn xep0313_6_1_1_what_was_read_of_one_conversation_is_delivered_all_the_same() {
    let server = builder().with::<Owing>().start().await;
    let mut romeo = server.online(ROMEO).await;
    say(&mut romeo, "juliet@capulet.lit", ["1"]).await;
    let mut juliet = server.login(JULIET).await;
    let found = ask(&mut juliet, &query(&[("with", "romeo@montague.lit")], "")).await.unwrap();
    assert_eq!(found.bodies(), ["1"]);
    juliet.send("<presence/>").await;
    assert!(juliet.next().await.is_some());
}

/// What the store does not take is not accepted either.
#[tokio::test]
async fn a_message_whose_row_is_not_written_is_never_acknowledged() {
    let faults = waxwing_store::Faults::default();
    let options = waxwing_store::StoreOptions {
        faults: faults.clone(),
        ..waxwing_store::StoreOptions::new(waxwing_store::EngineKind::Memory, "")
    };
    let store = Store::open(options).await.unwrap();
    let (_server, mut juliet, romeo) = pair(builder().store(store)).await;
    say(&mut juliet, "romeo@montague.lit", ["before"]).await;
    faults.fail_writes(1);
    let xml = "<message to='juliet@capulet.lit' type='chat'><body>x</body></message>";
    let router = romeo.session().host().clone();
    let custody = router.router().from_client(romeo.session(), Stanza::parse(xml).unwrap()).await.unwrap();
    assert!(custody.durable().await.is_err());
}
