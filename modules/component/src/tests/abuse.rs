use std::time::{Duration, Instant};

use waxwing_xmpp::Condition;

use super::support::*;

#[tokio::test]
async fn too_much_before_the_handshake_is_a_policy_violation() {
    let server = start(IRC).await;
    let mut long = server.connect().await;
    long.push(format!("{}<handshake>{}", header("irc.example.org"), "x".repeat(20_000)).as_bytes()).await;
    assert!(long.rest().await.contains("<policy-violation "));
    let mut header_only = server.connect().await;
    header_only.push(format!("<stream:stream to='{}", "x".repeat(20_000)).as_bytes()).await;
    assert!(header_only.rest().await.contains("<policy-violation "));
    // White space is no element, and still counts.
    let mut blank = server.connect().await;
    blank.push(header("irc.example.org").as_bytes()).await;
    blank.push(&vec![b' '; 100_000]).await;
    assert!(blank.rest().await.contains("<policy-violation "));
    server.server.stop().await;
}

#[tokio::test]
async fn hostile_xml_ends_the_stream_and_no_other() {
    let server = start(&format!("{IRC}[domains.\"sms.example.org\"]\nsecret = \"other\"\n")).await;
    let mut bystander = server.irc().await;
    for (input, condition) in [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>".as_slice(), "restricted-xml"),
        (b"<message><!-- x --></message>", "restricted-xml"),
        (b"<?x y?>", "restricted-xml"),
        (b"<message>&lol;</message>", "restricted-xml"),
        (b"<message></presence>", "not-well-formed"),
        (b"<message a='1' a='2'/>", "not-well-formed"),
        (b"<message><body>\x01</body></message>", "not-well-formed"),
        (b"<message><body>\xff\xfe</body></message>", "unsupported-encoding"),
        (b"text", "bad-format"),
        (b"<log/>", "unsupported-stanza-type"),
        (b"<handshake/>", "unsupported-stanza-type"),
        (b"<message xmlns='jabber:server'/>", "invalid-namespace"),
        (b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "unsupported-stanza-type"),
    ] {
        let mut sms = server.join("sms.example.org", "other").await;
        sms.push(input).await;
        let rest = sms.rest().await;
        assert!(rest.contains(&format!("<stream:error><{condition} ")), "{}: {rest}", input.escape_ascii());
        bystander.expect_nothing().await;
        server.gone("sms.example.org").await;
    }
    server.server.stop().await;
}

#[tokio::test]
async fn a_stanza_over_the_limit_costs_a_stanza_error_only() {
    let server = start_with(IRC, |config| config.limits.stanza_bytes_max = "10 KiB".parse().unwrap()).await;
    let (mut irc, mut juliet) = (server.irc().await, server.juliet().await);
    let message = |id: &str, bytes: usize| {
        let body = "x".repeat(bytes);
        format!(
            "<message from='a@irc.example.org' to='juliet@example.org/balcony' id='{id}'><body>{body}</body></message>"
        )
    };
    irc.send(&message("1", 30_000)).await;
    let answer = irc.expect("</message>").await;
    assert!(answer.contains("to='a@irc.example.org' id='1' type='error'"), "{answer}");
    assert!(answer.contains("<policy-violation "), "{answer}");
    // What a client may send may have something more around it here.
    irc.send(&message("2", 15_000)).await;
    assert_eq!(juliet.next().await.unwrap().id.unwrap().as_str(), "2");
    // In a name that is not the component's it ends the stream like any other stanza.
    irc.send(&message("3", 30_000).replace("a@irc.example.org", "romeo@example.org")).await;
    irc.expect_error("invalid-from").await;
    server.server.stop().await;
}

#[tokio::test]
async fn failed_handshakes_of_an_address_are_limited() {
    let limit = |config: &mut waxwing_core::Config| config.limits.login_failures_per_minute = 2;
    let server = start_with(IRC, limit).await;
    for _ in 0..2 {
        let mut liar = server.connect().await;
        liar.shake("irc.example.org", "guess").await;
        liar.expect_error("not-authorized").await;
    }
    // Even the right one is not looked at now.
    let mut late = server.connect().await;
    late.shake("irc.example.org", "secret").await;
    assert!(late.rest().await.contains("wait a minute"));
    server.server.stop().await;
}

#[tokio::test]
async fn connections_from_one_address_are_limited() {
    let limit = |config: &mut waxwing_core::Config| config.limits.connections_per_address_max = 1;
    let server = start_with(IRC, limit).await;
    let mut irc = server.irc().await;
    assert_eq!(server.connect().await.rest().await, "");
    irc.expect_nothing().await;
    server.server.stop().await;
}

/// RFC 6120 §4.9.3.17, §8.3.3.18: nobody waits for a component that does not read, and nothing is lost in silence.
#[tokio::test]
async fn a_component_that_does_not_read_is_cut_off_and_what_waited_bounces() {
    let section = format!("mailbox_bytes_max = \"256 KiB\"\n{IRC}");
    let server = start(&section).await;
    let (irc, mut juliet) = (server.irc().await, server.juliet().await);
    let body = "x".repeat(50_000);
    let begin = Instant::now();
    let (mut sent, mut bounced, mut first) = (0_u32, 0_u32, None);
    while first.is_none() {
        sent += 1;
        juliet
            .send(&format!("<message to='a@irc.example.org' id='{sent}'><body>{body}</body></message>"))
            .await;
        first = juliet.waiting();
        assert!(begin.elapsed() < PATIENCE);
        // The connection's task shall have its turn, or the mailbox is full before the socket is.
        tokio::task::yield_now().await;
    }
    server.gone("irc.example.org").await;
    while let Some(stanza) = first {
        let error = stanza.error().unwrap();
        assert_eq!(error.condition, Condition::ResourceConstraint);
        bounced += 1;
        first = juliet.waiting();
        if first.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            first = juliet.waiting();
        }
    }
    // The component gets the rest, whole and in order, then hears why. One that had begun may be told of both ways.
    let mut irc = irc;
    let rest = irc.rest().await;
    let got = u32::try_from(rest.matches("</message>").count()).unwrap();
    assert!(
        [sent, sent + 1].contains(&(got + bounced)) && bounced > 4,
        "{sent} sent, {got} got, {bounced} bounced"
    );
    for id in 1..=got {
        assert!(rest.contains(&format!(" id='{id}'>")), "{id}");
    }
    assert!(rest.contains("<resource-constraint "), "no reason");
    server.server.stop().await;
}

/// Each stanza has come to the kernel as a whole, or it bounces.
#[tokio::test]
async fn a_component_that_takes_nothing_for_long_is_cut_off_and_no_stanza_is_lost() {
    let server = start_with(IRC, |config| config.limits.write_time_max = "300 ms".parse().unwrap()).await;
    let (mut deaf, mut juliet) = (server.irc().await, server.juliet().await);
    let body = "x".repeat(200_000);
    // More than the kernel takes, less than the mailbox.
    for _ in 0..60 {
        juliet.send(&format!("<message to='a@irc.example.org'><body>{body}</body></message>")).await;
    }
    let error = juliet.next().await.expect("a bounce").error().unwrap();
    assert_eq!(error.condition, Condition::RemoteServerTimeout);
    server.gone("irc.example.org").await;
    // Behind its last chance to read.
    tokio::time::sleep(crate::stream::FAREWELL + Duration::from_millis(500)).await;
    let bounced = 1 + std::iter::from_fn(|| juliet.waiting()).count();
    let got = deaf.rest().await.matches("</message>").count();
    assert!([60, 61].contains(&(got + bounced)), "{got} got, {bounced} bounced");
    server.server.stop().await;
}
