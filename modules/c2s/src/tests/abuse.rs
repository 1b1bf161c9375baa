use std::time::{Duration, Instant};

use super::support::*;

/// Sends while the other end may already have gone.
async fn push(client: &mut Client<tokio::net::TcpStream>, bytes: &[u8]) {
    use tokio::io::AsyncWriteExt;
    drop(client.socket.write_all(bytes).await);
}

/// Hostile input after login: (what, the condition that RFC 6120 names).
fn hostile() -> Vec<(Vec<u8>, &'static str)> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    vec![
        (bytes("<!DOCTYPE a [<!ENTITY b 'c'>]>"), "restricted-xml"),
        (bytes("<message><!-- x --></message>"), "restricted-xml"),
        (bytes("<message>&lol;</message>"), "restricted-xml"),
        (bytes("<message></presence>"), "not-well-formed"),
        (bytes("<message a='1' a='2'/>"), "not-well-formed"),
        (bytes("<message><body>\u{1}</body></message>"), "not-well-formed"),
        (b"<message><body>\xff\xfe</body></message>".to_vec(), "unsupported-encoding"),
        (bytes("<pubsub/>"), "unsupported-stanza-type"),
        (bytes("<message xmlns='jabber:server'/>"), "invalid-namespace"),
    ]
}

#[tokio::test]
async fn a_bystander_keeps_chatting_while_others_misbehave() {
    let server = start().await;
    let mut bystander = server.bound("juliet").await;
    for (input, condition) in hostile() {
        let mut offender = server.bound("romeo").await;
        push(&mut offender, &input).await;
        let answer = offender.rest().await;
        assert!(
            answer.contains(&format!("<stream:error><{condition} ")),
            "{}: {answer}",
            input.escape_ascii()
        );
        bystander.send("<message to='juliet@example.org/juliet'><body>still here</body></message>").await;
        assert!(bystander.expect("</message>").await.contains("still here"));
    }
    server.server.stop().await;
}

#[tokio::test]
async fn too_much_before_login_is_a_policy_violation() {
    let server = start().await;
    let mut long = server.connect().await;
    push(&mut long, format!("{}<auth>{}", header("example.org"), "x".repeat(20_000)).as_bytes()).await;
    assert!(long.rest().await.contains("<policy-violation "));
    // White space is no element, and still counts.
    let mut blank = server.connect().await;
    push(&mut blank, header("example.org").as_bytes()).await;
    push(&mut blank, &vec![b' '; 100_000]).await;
    assert!(blank.rest().await.contains("<policy-violation "));
    server.server.stop().await;
}

#[tokio::test]
async fn a_stanza_over_the_limit_costs_a_stanza_error_only() {
    let server = start_with("[limits]\nstanza_bytes_max = \"10 KiB\"").await;
    let mut romeo = server.bound("romeo").await;
    let long =
        format!("<message id='m1' to='juliet@example.org'><body>{}</body></message>", "x".repeat(20_000));
    romeo.send(&long).await;
    let answer = romeo.expect("</message>").await;
    assert!(answer.contains("id='m1'") && answer.contains("<policy-violation "), "{answer}");
    romeo.expect_nothing().await;
    server.server.stop().await;
}

#[tokio::test]
async fn connections_from_one_address_are_limited() {
    let server = start_with("[limits]\nconnections_per_address_max = 2").await;
    let (_one, _other) = (server.bound("juliet").await, server.bound("romeo").await);
    assert_eq!(server.connect().await.rest().await, "");
    server.server.stop().await;
}

#[tokio::test]
async fn a_flood_is_read_slowly_and_not_refused() {
    let server = start_with("[limits]\nstanzas_per_second = 50").await;
    let mut romeo = server.bound("romeo").await;
    let begin = Instant::now();
    // The burst is ten seconds' worth; fifty more take a second.
    let all = "<message to='romeo@example.org/romeo' type='chat'><body>x</body></message>".repeat(550);
    romeo.send(&all).await;
    for _ in 0..550 {
        romeo.expect("</message>").await;
    }
    romeo.expect_nothing().await;
    assert!(begin.elapsed() > Duration::from_millis(700), "{:?}", begin.elapsed());
    server.server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_nobody_waits_for_it() {
    let server = start_with(
        "[limits]\nmailbox_bytes_max = \"64 KiB\"\nwrite_time_max = \"500 ms\"\nexempt = [\"127.0.0.0/8\"]",
    )
    .await;
    let _deaf = server.bound("juliet").await;
    let mut romeo = server.bound("romeo").await;
    let host = server.server.shared().router().host("example.org").unwrap();
    let message =
        format!("<message to='juliet@example.org/juliet'><body>{}</body></message>", "x".repeat(50_000));
    let begin = Instant::now();
    while !host.known("juliet").unwrap().sessions().is_empty() {
        romeo.send(&message).await;
        assert!(begin.elapsed() < Duration::from_secs(15));
    }
    server.server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_own_answers_is_not_read() {
    let server = start_with("[limits]\nwrite_time_max = \"500 ms\"\nexempt = [\"127.0.0.0/8\"]").await;
    let mut romeo = server.bound("romeo").await;
    let host = server.server.shared().router().host("example.org").unwrap();
    let ask = "<iq type='get' id='x' to='example.org'><query xmlns='urn:example:nothing'/></iq>".repeat(100);
    let begin = Instant::now();
    while !host.known("romeo").unwrap().sessions().is_empty() {
        use tokio::io::AsyncWriteExt;
        drop(tokio::time::timeout(Duration::from_millis(50), romeo.socket.write_all(ask.as_bytes())).await);
        assert!(begin.elapsed() < Duration::from_secs(15));
    }
    server.server.stop().await;
}
