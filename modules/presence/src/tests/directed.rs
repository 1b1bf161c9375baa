//! RFC 6121 §4.6.

use super::*;

#[tokio::test]
async fn rfc6121_4_6_3_who_got_directed_presence_learns_of_the_end_only() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence to='romeo@example.net/orchard'><status>psst</status></presence>").await;
    romeo
        .expect(&format!("<presence from='{BALCONY}' to='{ORCHARD}'><status>psst</status></presence>"))
        .await;
    juliet.send("<presence><show>away</show></presence>").await;
    romeo.expect_nothing();
    juliet.send("<presence type='unavailable'><status>bye</status></presence>").await;
    romeo
        .expect(&format!(
            "<presence from='{BALCONY}' to='{ORCHARD}' type='unavailable'><status>bye</status></presence>"
        ))
        .await;
    juliet.drop_connection().await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_6_3_the_end_of_a_connection_is_told_as_well() {
    let server = builder().start().await;
    let mut romeo = online(&server, ORCHARD).await;
    // Rule 3: without initial presence.
    let mut juliet = server.login(BALCONY).await;
    juliet.send("<presence to='romeo@example.net'/>").await;
    romeo.expect(&presence(BALCONY, ROMEO, "")).await;
    juliet.drop_connection().await;
    romeo.expect(&presence(BALCONY, ROMEO, "unavailable")).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_6_1_who_was_told_goodbye_is_not_told_again() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence to='romeo@example.net/orchard'/>").await;
    juliet.send("<presence to='romeo@example.net/orchard' type='unavailable'/>").await;
    romeo.expect(&presence(BALCONY, ORCHARD, "")).await;
    romeo.expect(&presence(BALCONY, ORCHARD, "unavailable")).await;
    juliet.drop_connection().await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_6_1_who_said_goodbye_is_not_told() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence to='romeo@example.net/orchard'/>").await;
    romeo.forget();
    romeo.send("<presence to='juliet@example.com/balcony' type='unavailable'/>").await;
    juliet.drop_connection().await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_6_3_a_subscriber_is_told_once() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    juliet.send("<presence to='romeo@example.net/orchard'/>").await;
    romeo.expect(&presence(BALCONY, ORCHARD, "")).await;
    juliet.drop_connection().await;
    romeo.expect(&presence(BALCONY, ROMEO, "unavailable")).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_8_5_3_1_directed_presence_lets_requests_through() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    let ask = "<iq type='get' id='1' to='juliet@example.com/balcony'><query xmlns='jabber:iq:version'/></iq>";
    romeo.send(ask).await;
    assert_eq!(romeo.next().await.unwrap().error().unwrap().condition, Condition::ServiceUnavailable);
    juliet.expect_nothing();
    juliet.send("<presence to='romeo@example.net'/>").await;
    romeo.forget();
    romeo.send(ask).await;
    assert!(juliet.next().await.unwrap().is_request());
}

#[tokio::test]
async fn a_session_sends_directed_presence_to_so_many_at_once() {
    let server = builder().module_config("presence", "directed_max = 1").start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence to='romeo@example.net'/>").await;
    juliet.send("<presence to='romeo@example.net'/>").await;
    juliet.send("<presence to='nurse@example.com'/>").await;
    assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::ResourceConstraint);
    juliet.send("<presence to='romeo@example.net' type='unavailable'/>").await;
    juliet.send("<presence to='nurse@example.com'/>").await;
    juliet.expect_nothing();
    romeo.forget();
}
