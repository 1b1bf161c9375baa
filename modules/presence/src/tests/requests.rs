//! RFC 6121 §3.1.3: requests that wait for an answer.

use super::*;

#[tokio::test]
async fn rfc6121_3_1_3_a_request_waits_for_each_available_resource_until_it_is_answered() {
    let server = builder().start().await;
    let mut romeo = online(&server, ORCHARD).await;
    let ask = "<presence type='subscribe' to='juliet@example.com' id='1'><status>Hi</status>
        <x xmlns='urn:example:extended' note='kept'/></presence>";
    romeo.send(ask).await;
    romeo.send("<presence type='subscribe' to='juliet@example.com' id='2'/>").await;
    let expected = "<presence from='romeo@example.net' to='juliet@example.com' type='subscribe' id='1'>
        <status>Hi</status><x xmlns='urn:example:extended' note='kept'/></presence>";
    for resource in [BALCONY, CHAMBER] {
        let mut juliet = server.login(resource).await;
        juliet.expect_nothing();
        juliet.send("<presence/>").await;
        juliet.expect(&presence(resource, JULIET, "")).await;
        juliet.expect(expected).await;
        juliet.expect_nothing();
        // Not with each presence.
        juliet.send("<presence><show>away</show></presence>").await;
        juliet.forget();
        juliet.send("<presence type='unavailable'/>").await;
        juliet.drop_connection().await;
    }
    let mut juliet = server.login(BALCONY).await;
    juliet.send("<presence type='unsubscribed' to='romeo@example.net'/>").await;
    juliet.send("<presence/>").await;
    juliet.expect(&presence(BALCONY, JULIET, "")).await;
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_3_1_3_a_waiting_request_outlives_a_restart() {
    let store = Store::memory();
    let server = builder().store(store.clone()).start().await;
    let mut romeo = online(&server, ORCHARD).await;
    romeo.send("<presence type='subscribe' to='juliet@example.com' id='1'/>").await;
    drop((romeo, server));
    let server = builder().store(store).start().await;
    let mut juliet = server.login(BALCONY).await;
    juliet.send("<presence/>").await;
    juliet.expect(&presence(BALCONY, JULIET, "")).await;
    juliet
        .expect("<presence from='romeo@example.net' to='juliet@example.com' type='subscribe' id='1'/>")
        .await;
}

#[tokio::test]
async fn rfc6121_3_1_3_what_is_kept_of_requests_is_bounded() {
    let server = builder().module_config("presence", "request_bytes_max = 40").start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    let long = "x".repeat(40);
    romeo
        .send(&format!(
            "<presence type='subscribe' to='juliet@example.com'><status>{long}</status></presence>"
        ))
        .await;
    romeo
        .expect(&push(ORCHARD, "<item jid='juliet@example.com' ask='subscribe' subscription='none'/>"))
        .await;
    assert_eq!(romeo.next().await.unwrap().error().unwrap().condition, Condition::NotAcceptable);
    juliet.expect_nothing();
    assert!(!state(&juliet, ROMEO).pending_in);
    romeo.send("<presence type='subscribe' to='juliet@example.com'/>").await;
    juliet.expect(&presence(ROMEO, JULIET, "subscribe")).await;
}

#[tokio::test]
async fn rfc6121_3_1_requests_go_to_available_and_pushes_to_interested_resources() {
    let server = builder().start().await;
    let mut romeo = online(&server, ORCHARD).await;
    let mut available = server.online(BALCONY).await;
    let mut interested = server.login(CHAMBER).await;
    interested.send("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>").await;
    interested.forget();
    romeo.send("<presence type='subscribe' to='juliet@example.com'/>").await;
    available.expect(&presence(ROMEO, JULIET, "subscribe")).await;
    interested.expect_nothing();
    available.send("<presence type='subscribed' to='romeo@example.net'/>").await;
    interested.expect(&push(CHAMBER, "<item jid='romeo@example.net' subscription='from'/>")).await;
    available.expect_nothing();
}
