use std::time::Duration;

use super::support::*;
use crate::Components;

#[tokio::test]
async fn xep0114_3_who_knows_the_secret_is_let_in() {
    let server = start(IRC).await;
    let _irc = server.irc().await;
    assert!(server.metric("component_connected{host=\"\"} 1"));
    assert!(server.metric("component_refused_total{host=\"\"} 0"));
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_who_does_not_know_the_secret_is_not_authorized() {
    let server = start(IRC).await;
    for secret in ["Secret", "", "secret "] {
        let mut irc = server.connect().await;
        irc.shake("irc.example.org", secret).await;
        irc.expect_error("not-authorized").await;
    }
    assert!(server.metric("component_connected{host=\"\"} 0"));
    assert!(server.metric("component_refused_total{host=\"\"} 3"));
    server.server.stop().await;
}

/// What was a proof on one stream is none on another.
#[tokio::test]
async fn xep0114_3_a_proof_holds_for_its_stream_only() {
    let server = start(IRC).await;
    let mut first = server.connect().await;
    let id = first.open("irc.example.org").await;
    let proof = crate::handshake::expected(&id, &waxwing_stream::Secret::new(b"secret".as_slice()));
    let mut second = server.connect().await;
    second.open("irc.example.org").await;
    second.send(&format!("<handshake>{proof}</handshake>")).await;
    second.expect_error("not-authorized").await;
    first.send(&format!("<handshake>{proof}</handshake>")).await;
    assert_eq!(first.expect("/>").await, "<handshake/>");
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_a_name_that_is_not_in_the_config_is_unknown() {
    let server = start(IRC).await;
    for name in ["other.example.org", "example.org", "x.irc.example.org"] {
        let mut peer = server.connect().await;
        peer.send(&header(name)).await;
        peer.expect_error("host-unknown").await;
    }
    let mut irc = server.connect().await;
    irc.open("irc.example.org").await;
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_the_secret_of_one_name_opens_no_other() {
    let two = format!("{IRC}[domains.\"sms.example.org\"]\nsecret = \"other\"\n");
    let server = start(&two).await;
    let mut peer = server.connect().await;
    peer.shake("sms.example.org", "secret").await;
    peer.expect_error("not-authorized").await;
    let _both = (server.irc().await, server.join("sms.example.org", "other").await);
    assert!(server.metric("component_connected{host=\"\"} 2"));
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_the_second_of_a_name_is_in_conflict_with_the_first() {
    let server = start(IRC).await;
    let mut first = server.irc().await;
    let mut second = server.connect().await;
    second.shake("irc.example.org", "secret").await;
    second.expect_error("conflict").await;
    first.expect_nothing().await;
    // When the first has left, the next may come.
    first.send("</stream:stream>").await;
    assert_eq!(first.rest().await, "</stream:stream>");
    server.gone("irc.example.org").await;
    server.irc().await.expect_nothing().await;
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_the_second_of_a_name_takes_over_where_the_config_says_so() {
    let server = start(&format!("{IRC}on_conflict = \"replace\"\n")).await;
    let mut first = server.irc().await;
    // Who cannot show the secret replaces nobody.
    let mut stranger = server.connect().await;
    stranger.shake("irc.example.org", "guess").await;
    stranger.expect_error("not-authorized").await;
    first.expect_nothing().await;
    let mut second = server.irc().await;
    first.expect_error("conflict").await;
    second.expect_nothing().await;
    assert!(server.metric("component_connected{host=\"\"} 1"));
    server.server.stop().await;
}

/// RFC 6120 §4.9.3.12.
#[tokio::test]
async fn rfc6120_4_9_3_12_a_stanza_before_the_handshake_goes_nowhere() {
    let server = start(IRC).await;
    let mut juliet = server.juliet().await;
    let mut irc = server.connect().await;
    irc.open("irc.example.org").await;
    irc.send("<message from='a@irc.example.org' to='juliet@example.org'><body>hi</body></message>").await;
    irc.expect_error("not-authorized").await;
    juliet.expect_nothing();
    server.server.stop().await;
}

#[tokio::test]
async fn what_comes_in_one_piece_with_the_handshake_is_read_behind_it() {
    let server = start(IRC).await;
    let mut juliet = server.juliet().await;
    let mut irc = server.connect().await;
    let id = irc.open("irc.example.org").await;
    let message = "<message from='a@irc.example.org' to='juliet@example.org'><body>hi</body></message>";
    let secret = |secret: &'static str| waxwing_stream::Secret::new(secret.as_bytes());
    let proof = crate::handshake::expected(&id, &secret("secret"));
    irc.send(&format!("<handshake>{proof}</handshake>{message}{message}")).await;
    assert_eq!(irc.expect("/>").await, "<handshake/>");
    assert!(juliet.next().await.is_some() && juliet.next().await.is_some());
    // Not behind a wrong one.
    let mut liar = server.connect().await;
    let id = liar.open("irc.example.org").await;
    let proof = crate::handshake::expected(&id, &secret("guess"));
    liar.send(&format!("<handshake>{proof}</handshake>{message}")).await;
    liar.expect_error("not-authorized").await;
    juliet.expect_nothing();
    server.server.stop().await;
}

#[tokio::test]
async fn a_slow_handshake_times_out_and_a_quiet_component_does_not() {
    let server = start_with(IRC, |config| config.limits.login_time_max = "300 ms".parse().unwrap()).await;
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.open("irc.example.org").await;
    let mut irc = server.irc().await;
    silent.expect_error("connection-timeout").await;
    slow.expect_error("connection-timeout").await;
    irc.expect_nothing().await;
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_4_6_1_a_silent_component_gets_white_space() {
    let server = start_with(IRC, |config| config.limits.keepalive_after = "100 ms".parse().unwrap()).await;
    let mut irc = server.irc().await;
    assert_eq!(irc.expect("  ").await, "  ");
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_4_9_3_20_at_a_graceful_stop_components_hear_of_it_last() {
    let server = start_with(IRC, |config| config.limits.drain_time = "10 s".parse().unwrap()).await;
    let mut irc = server.irc().await;
    let mut waiting = server.connect().await;
    waiting.open("irc.example.org").await;
    let mut juliet = server.juliet().await;
    juliet.send("<presence to='a@irc.example.org'/>").await;
    irc.expect("to='a@irc.example.org'").await;
    let stop = server.server.stop();
    let leave = async {
        waiting.expect_error("system-shutdown").await;
        // The client goes, and the component hears of it while the server waits for that.
        tokio::time::sleep(Duration::from_millis(50)).await;
        juliet.drop_connection().await;
        let rest = irc.rest().await;
        let (gone, end) = (rest.find("type='unavailable'"), rest.find("<system-shutdown "));
        assert!(gone.is_some() && gone < end, "{rest}");
    };
    tokio::join!(stop, leave);
}

#[tokio::test]
async fn nothing_listens_without_a_component_in_the_config() {
    let server = waxwing_testkit::TestServer::host("example.org").with::<Components>().with_listeners();
    // A port that cannot be had is not asked for.
    let server = server.config(|config| config.listen.component = vec!["192.0.2.1:1".parse().unwrap()]);
    server.start().await.stop().await;
}
