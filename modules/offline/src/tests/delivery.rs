//! §2: stored while nobody is there, delivered with the next presence.

use waxwing_carbons::Carbons;

use super::*;

fn late(bodies: &[&str]) -> Vec<(String, bool)> {
    bodies.iter().map(|body| ((*body).to_owned(), true)).collect()
}

#[tokio::test]
async fn xep0160_2_messages_wait_and_come_in_order_with_a_delay() {
    let server = builder().start().await;
    let mut romeo = server.online(ROMEO).await;
    for body in ["first", "second"] {
        say(&mut romeo, "juliet@capulet.lit", body).await;
    }
    // RFC 6121 §8.5.3.2.1: a chat message to a gone resource is one to the account.
    say(&mut romeo, "juliet@capulet.lit/gone", "third").await;
    romeo.expect_nothing();
    let mut juliet = server.login(PHONE).await;
    juliet.send("<presence/>").await;
    for (to, body) in [
        ("juliet@capulet.lit", "first"),
        ("juliet@capulet.lit", "second"),
        ("juliet@capulet.lit/gone", "third"),
    ] {
        let delay = "<delay xmlns='urn:xmpp:delay' from='capulet.lit' stamp='{any}'/>";
        juliet
            .expect(&format!(
                "<message from='{ROMEO}' to='{to}' type='chat'><body>{body}</body>{delay}</message>"
            ))
            .await;
    }
    assert_eq!(juliet.next().await.unwrap().name(), "presence");
    say(&mut romeo, "juliet@capulet.lit", "now").await;
    assert_eq!(bodies(&mut juliet).await, [("now".to_owned(), false)]);
    // They come once.
    let mut desk = server.login(DESK).await;
    desk.send("<presence/>").await;
    assert_eq!(bodies(&mut desk).await, []);
}

#[tokio::test]
async fn xep0160_2_not_before_a_presence_of_non_negative_priority() {
    let server = builder().start().await;
    let mut romeo = server.online(ROMEO).await;
    say(&mut romeo, "juliet@capulet.lit", "Hi").await;
    let mut juliet = server.login(PHONE).await;
    assert_eq!(bodies(&mut juliet).await, []);
    juliet.send(&format!("<presence to='{ROMEO}'/>")).await;
    juliet.send("<presence><priority>-1</priority></presence>").await;
    assert_eq!(bodies(&mut juliet).await, []);
    juliet.send("<presence/>").await;
    assert_eq!(bodies(&mut juliet).await, late(&["Hi"]));
}

#[tokio::test]
async fn xep0160_3_by_type() {
    let server = builder().start().await;
    let mut romeo = server.online(ROMEO).await;
    let body = "<body>Hi</body>";
    for (kind, stored) in [("normal", true), ("chat", true), ("groupchat", false)] {
        romeo.send(&format!("<message to='juliet@capulet.lit' type='{kind}'>{body}</message>")).await;
        if !stored {
            refused(&mut romeo).await;
        }
        romeo.expect_nothing();
    }
    for kind in ["headline", "error"] {
        romeo.send(&format!("<message to='juliet@capulet.lit' type='{kind}'>{body}</message>")).await;
        romeo.expect_nothing();
    }
    let mut juliet = server.login(PHONE).await;
    juliet.send("<presence/>").await;
    assert_eq!(bodies(&mut juliet).await.len(), 2);
}

/// RFC 6121 §8.5.2.2.1: what is not stored is returned.
#[tokio::test]
async fn xep0160_3_what_is_not_stored_is_returned() {
    let server = builder().start().await;
    let mut romeo = server.online(ROMEO).await;
    for rest in [STATE, "<body>Hi</body><no-store xmlns='urn:xmpp:hints'/>"] {
        romeo.send(&format!("<message to='juliet@capulet.lit' type='chat'>{rest}</message>")).await;
        refused(&mut romeo).await;
    }
    let mut juliet = server.login(PHONE).await;
    juliet.send("<presence/>").await;
    assert_eq!(bodies(&mut juliet).await, []);
}

/// A client may be gone before it has read what was written to it.
#[tokio::test]
async fn xep0198_4_what_was_not_acknowledged_waits_for_the_next_session() {
    let server = builder().start().await;
    let mut romeo = server.online(ROMEO).await;
    let mut phone = server.online(PHONE).await;
    assert!(phone.session().begin_acks(false, 7));
    for body in ["1", "2"] {
        say(&mut romeo, "juliet@capulet.lit", body).await;
    }
    assert_eq!(bodies(&mut phone).await.len(), 2);
    phone.session().acked(1).unwrap();
    phone.drop_connection().await;
    let mut desk = server.login(DESK).await;
    desk.send("<presence/>").await;
    assert_eq!(bodies(&mut desk).await, late(&["2"]));
}

/// XEP-0160 §2 (5) with XEP-0280 §7: who gets copies only has not taken the message.
#[tokio::test]
async fn xep0160_2_a_copy_for_a_negative_resource_does_not_take_the_message() {
    let server = builder().with::<Carbons>().start().await;
    let mut romeo = server.online(ROMEO).await;
    let mut desk = server.login(DESK).await;
    desk.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>").await;
    desk.send("<presence><priority>-1</priority></presence>").await;
    desk.forget();
    say(&mut romeo, "juliet@capulet.lit", "Hi").await;
    assert!(desk.next().await.unwrap().children.find(ns::CARBONS, "received").is_some());
    let mut phone = server.login(PHONE).await;
    phone.send("<presence/>").await;
    assert_eq!(bodies(&mut phone).await, late(&["Hi"]));
    // Nobody gets it twice.
    desk.send("<presence/>").await;
    assert_eq!(bodies(&mut desk).await, []);
    let mut third = server.login("juliet@capulet.lit/third").await;
    third.send("<presence/>").await;
    assert_eq!(bodies(&mut third).await, []);
}

/// The archive does not have it, so the row stays for the session that sleeps, whoever else has read it.
#[tokio::test]
async fn xep0198_5_a_session_that_sleeps_gets_what_others_have_acknowledged() {
    let server = builder().with::<Carbons>().start().await;
    let mut romeo = server.online(ROMEO).await;
    let mut phone = server.online(PHONE).await;
    assert!(phone.session().begin_acks(true, 7));
    phone.session().sleep(1 << 20).await;
    let mut desk = server.online(DESK).await;
    say(&mut romeo, "juliet@capulet.lit", "Hi").await;
    assert_eq!(bodies(&mut desk).await, [("Hi".to_owned(), false)]);
    let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
    phone.session().wake(0, peer).unwrap();
    assert_eq!(bodies(&mut phone).await, [("Hi".to_owned(), false)]);
}

/// A server that is killed while somebody is there.
#[tokio::test]
async fn acknowledged_by_the_server_means_that_it_comes() {
    let store = Store::memory();
    let server = builder().store(store.clone()).start().await;
    let mut romeo = server.online(ROMEO).await;
    let phone = server.online(PHONE).await;
    assert!(phone.session().begin_acks(true, 7));
    romeo.send("<message to='juliet@capulet.lit' type='chat'><received xmlns='urn:xmpp:receipts' id='1'/></message>").await;
    say(&mut romeo, "juliet@capulet.lit", "Hi").await;
    let server = builder().store(store).start().await;
    let mut phone = server.login(PHONE).await;
    phone.send("<presence/>").await;
    assert!(phone.next().await.unwrap().children.find(ns::RECEIPTS, "received").is_some());
    assert_eq!(bodies(&mut phone).await, late(&["Hi"]));
}

#[tokio::test]
async fn xep0198_5_each_session_that_wakes_up_gets_its_own() {
    let server = builder().start().await;
    let mut romeo = server.online(ROMEO).await;
    let (mut phone, mut desk) = (server.online(PHONE).await, server.online(DESK).await);
    for client in [&phone, &desk] {
        assert!(client.session().begin_acks(true, 7));
        client.session().sleep(1 << 20).await;
    }
    for jid in [PHONE, DESK] {
        say(&mut romeo, jid, jid).await;
    }
    let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
    for (client, jid) in [(&mut phone, PHONE), (&mut desk, DESK)] {
        client.session().wake(0, peer).unwrap();
        assert_eq!(bodies(client).await, [(jid.to_owned(), false)]);
    }
}

/// A pile that is larger than the mailbox is read piece by piece, as the client takes it.
#[tokio::test]
async fn xep0160_2_a_large_pile_comes_whole() {
    let server = builder().start().await;
    let mut romeo = server.online(ROMEO).await;
    let large = "x".repeat(100_000);
    for number in 0..64 {
        say(&mut romeo, "juliet@capulet.lit", &format!("{number} {large}")).await;
    }
    let mut phone = server.login(PHONE).await;
    phone.send("<presence/>").await;
    let came = bodies(&mut phone).await;
    assert_eq!(phone.closed(), None);
    let numbers = came.iter().map(|(body, _)| body.split(' ').next().unwrap().parse().unwrap());
    assert_eq!(numbers.collect::<Vec<usize>>(), (0..64).collect::<Vec<_>>());
}
