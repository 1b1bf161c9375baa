//! What an account is owed until a client has it.

use super::*;

#[tokio::test]
async fn xep0160_2_what_waits_comes_at_the_first_presence_in_order_and_says_how_late() {
    let clock = clock();
    let server = builder(&clock).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    set(&clock, NOW + 1_000_000);
    say(&mut romeo, "2", &[OWE, ARCHIVE]).await;
    romeo.expect_nothing();
    set(&clock, NOW + 60_000_000);
    let mut juliet = server.login(JULIET).await;
    juliet.expect_nothing();
    available(&mut juliet).await;
    for (body, stamp) in [("1", "2023-11-14T22:13:20.000Z"), ("2", "2023-11-14T22:13:21.000Z")] {
        juliet
            .expect(&format!(
                "<message from='{ROMEO}' to='juliet@capulet.lit' type='chat'><body>{body}</body>{OWE}{ARCHIVE}
                <stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.lit' id='{{any}}'/>
                <delay xmlns='urn:xmpp:delay' from='capulet.lit' stamp='{stamp}'/></message>"
            ))
            .await;
    }
    juliet.expect_nothing();
    available(&mut juliet).await;
    juliet.expect_nothing();
    let mut chamber = server.login("juliet@capulet.lit/chamber").await;
    available(&mut chamber).await;
    chamber.expect_nothing();
    assert_eq!(log(&server).owed_count(account(&server, "juliet").await.as_ref()), 0);
}

#[tokio::test]
async fn xep0313_3_5_the_id_of_what_comes_late_is_that_of_the_archive() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    let late = juliet.next().await.unwrap();
    let id = late.children.find(ns::STANZA_ID, "stanza-id").unwrap().attribute("id").unwrap();
    let account = account(&server, "juliet").await;
    let position = log(&server).ids().position(account.number(), &id).unwrap();
    assert_eq!(archive(&server).await[0].position, position);
}

#[tokio::test]
async fn rfc6121_8_5_2_1_a_negative_priority_gets_nothing() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "1", &[OWE]).await;
    let mut juliet = server.login(JULIET).await;
    juliet.send("<presence><priority>-1</priority></presence>").await;
    juliet.expect_nothing();
    juliet.send("<presence><priority>0</priority></presence>").await;
    assert_eq!(bodies(&mut juliet).await, ["1"]);
}

#[tokio::test]
async fn what_is_delivered_at_once_is_not_owed_and_carries_no_delay() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    assert_eq!(log(&server).owed_count(juliet.session().account()), 1, "not yet written");
    let now = juliet.next().await.unwrap();
    assert!(now.children.find(ns::DELAY, "delay").is_none());
    assert_eq!(log(&server).owed_count(juliet.session().account()), 0);
    let mut chamber = server.login("juliet@capulet.lit/chamber").await;
    available(&mut chamber).await;
    chamber.expect_nothing();
}

#[tokio::test]
async fn rfc6121_8_5_3_2_what_a_session_leaves_goes_to_the_next() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    say(&mut romeo, "2", &[OWE, ARCHIVE]).await;
    // It has read nothing.
    juliet.drop_connection().await;
    let mut chamber = server.login("juliet@capulet.lit/chamber").await;
    available(&mut chamber).await;
    assert_eq!(bodies(&mut chamber).await, ["1", "2"]);
}

#[tokio::test]
async fn rfc6121_8_5_3_2_what_a_session_leaves_goes_to_those_who_are_there() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    let mut chamber = server.login("juliet@capulet.lit/chamber").await;
    let mut silent = server.login("juliet@capulet.lit/silent").await;
    available(&mut juliet).await;
    available(&mut chamber).await;
    let to_one = format!("<message to='{JULIET}' type='chat'><body>1</body>{OWE}</message>");
    romeo.send(&to_one).await;
    chamber.expect_nothing();
    juliet.drop_connection().await;
    assert_eq!(bodies(&mut chamber).await, ["1"]);
    silent.expect_nothing();
}

#[tokio::test]
async fn a_message_that_all_have_got_is_acknowledged_by_any() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    let mut chamber = server.login("juliet@capulet.lit/chamber").await;
    available(&mut juliet).await;
    available(&mut chamber).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    assert_eq!(bodies(&mut juliet).await, ["1"]);
    chamber.drop_connection().await;
    juliet.expect_nothing();
    let mut third = server.login("juliet@capulet.lit/third").await;
    available(&mut third).await;
    third.expect_nothing();
}

#[tokio::test]
async fn what_the_archive_hides_goes_when_it_was_acknowledged() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "hidden", &[OWE]).await;
    say(&mut romeo, "shown", &[OWE, ARCHIVE]).await;
    assert_eq!(texts(&archive(&server).await), ["shown"]);
    let (rows, before) = counted(&server).await;
    assert_eq!(rows, 1);
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert_eq!(bodies(&mut juliet).await, ["hidden", "shown"]);
    let (rows, after) = counted(&server).await;
    assert!(rows == 1 && after < before && after > 0, "{rows} {before} {after}");
}

#[tokio::test]
async fn xep0359_3_what_the_archive_hides_has_no_archive_id() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    say(&mut romeo, "hidden", &[OWE]).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    assert!(juliet.next().await.unwrap().children.find(ns::STANZA_ID, "stanza-id").is_none());
}

#[tokio::test]
async fn xep0359_3_only_the_own_server_says_by_whom() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    let mut juliet = server.login(JULIET).await;
    available(&mut juliet).await;
    let ids = "<stanza-id xmlns='urn:xmpp:sid:0' by='JULIET@capulet.lit' id='forged'/>
        <stanza-id xmlns='urn:xmpp:sid:0' by='room@chat.lit' id='theirs'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/>";
    romeo.send(&format!("<message to='juliet@capulet.lit' type='chat'><body>x</body>{ids}</message>")).await;
    juliet
        .expect(&format!(
            "<message from='{ROMEO}' to='juliet@capulet.lit' type='chat'><body>x</body>
            <stanza-id xmlns='urn:xmpp:sid:0' by='room@chat.lit' id='theirs'/>
            <origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>"
        ))
        .await;
}

#[tokio::test]
async fn the_sender_owes_itself_nothing() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login(ROMEO).await;
    available(&mut romeo).await;
    say(&mut romeo, "1", &[OWE, ARCHIVE]).await;
    assert_eq!(log(&server).owed_count(romeo.session().account()), 0);
    romeo.expect_nothing();
}
