use super::support::*;

#[tokio::test]
async fn two_clients_chat() {
    let server = start().await;
    let mut romeo = server.bound("romeo").await;
    let mut juliet = server.bound("juliet").await;
    romeo.send("<message to='juliet@example.org/juliet' type='chat' id='1'><body>hi &amp; hello</body></message>").await;
    let message = juliet.expect("</message>").await;
    assert!(
        message.contains("from='romeo@example.org/romeo'") && message.contains("<body>hi &amp; hello</body>"),
        "{message}"
    );
    juliet.send("<message to='romeo@example.org/romeo'><body>yes</body></message>").await;
    assert!(romeo.expect("</message>").await.contains("<body>yes</body>"));
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_10_1_stanzas_keep_their_order() {
    let server = start().await;
    let mut romeo = server.bound("romeo").await;
    let mut juliet = server.bound("juliet").await;
    let all: String = (0..200)
        .map(|n| format!("<message to='juliet@example.org/juliet'><body>{n};</body></message>"))
        .collect();
    romeo.send(&all).await;
    for n in 0..200 {
        assert!(juliet.expect("</message>").await.contains(&format!("<body>{n};</body>")));
    }
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_8_1_2_1_who_speaks_for_somebody_else_is_cut_off() {
    let server = start().await;
    let mut romeo = server.bound("romeo").await;
    romeo.send("<message from='juliet@example.org/juliet' to='juliet@example.org'/>").await;
    assert!(romeo.rest().await.contains("<invalid-from "));
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_4_6_1_a_silent_client_gets_white_space() {
    let server = start_with("[limits]\nkeepalive_after = \"100 ms\"").await;
    let mut client = server.bound("juliet").await;
    assert_eq!(client.expect("  ").await, "  ");
    server.server.stop().await;
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_no_session() {
    let server = start().await;
    let client = server.bound("juliet").await;
    let host = server.server.shared().router().host("example.org").unwrap();
    assert_eq!(host.known("juliet").unwrap().sessions().len(), 1);
    drop(client);
    let gone = async {
        while !host.known("juliet").unwrap().sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
    server.server.stop().await;
}

#[tokio::test]
async fn what_came_before_a_session_is_closed_is_still_written() {
    use waxwing_xmpp::{Stanza, StreamCondition};
    let server = start().await;
    let mut juliet = server.bound("juliet").await;
    let host = server.server.shared().router().host("example.org").unwrap();
    let session = host.known("juliet").unwrap().session("juliet").unwrap();
    session.send(Stanza::parse("<message id='last'/>").unwrap());
    session.close(waxwing_core::CloseReason::Error(StreamCondition::NotAuthorized.into()));
    let answer = juliet.rest().await;
    let (message, error) = (answer.find("id='last'").unwrap(), answer.find("<not-authorized ").unwrap());
    assert!(message < error, "{answer}");
    server.server.stop().await;
}
