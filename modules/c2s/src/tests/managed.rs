//! Stream management (XEP-0198) where the disk is slow, breaks, or too much waits.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use waxwing_store::{EngineKind, Faults, StoreOptions};

use super::support::*;

const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const ASK: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn message(body: &str) -> String {
    format!("<message to='juliet@example.org/juliet' type='chat'><body>{body}</body></message>")
}

/// The next acknowledgement; what else comes is passed over.
async fn acked<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(client: &mut Client<S>) -> String {
    loop {
        let element = client.expect("/>").await;
        if let Some((_, h)) = element.split_once("<a xmlns='urn:xmpp:sm:3' h='") {
            return h.trim_end_matches("'/>").to_owned();
        }
    }
}

#[tokio::test]
async fn xep0198_4_h_covers_what_is_on_disk_and_the_answer_is_not_withheld() {
    let faults = Faults::default();
    let server = start_managed("", &faults).await;
    let mut romeo = server.bound("romeo").await;
    let mut juliet = server.bound("juliet").await;
    romeo.send(ENABLE).await;
    romeo.expect("/>").await;
    faults.hold();
    romeo.send(&format!("{}{ASK}", message("hi"))).await;
    let asked = Instant::now();
    // Who is there gets it at once.
    assert!(juliet.expect("</message>").await.contains("hi"));
    assert_eq!(acked(&mut romeo).await, "0");
    let waited = asked.elapsed();
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    faults.release();
    // The rest follows by itself.
    assert_eq!(acked(&mut romeo).await, "1");
    server.server.stop().await;
}

#[tokio::test]
async fn xep0198_4_what_is_not_an_event_on_disk_is_counted_there_too() {
    let faults = Faults::default();
    let server = start_managed("", &faults).await;
    let mut romeo = server.bound("romeo").await;
    romeo.send(ENABLE).await;
    romeo.expect("/>").await;
    faults.hold();
    romeo.send(&format!("<presence to='romeo@example.org'/>{ASK}")).await;
    assert_eq!(acked(&mut romeo).await, "0", "the client may come back: the count must outlive a crash");
    faults.release();
    assert_eq!(acked(&mut romeo).await, "1");
    server.server.stop().await;
}

#[tokio::test]
async fn xep0198_4_a_message_that_was_not_kept_is_never_acknowledged() {
    let faults = Faults::default();
    let server = start_managed("", &faults).await;
    let mut romeo = server.bound("romeo").await;
    romeo.send(ENABLE).await;
    romeo.expect("/>").await;
    romeo.send(&format!("{}{ASK}", message("one"))).await;
    assert_eq!(acked(&mut romeo).await, "1");
    faults.hold();
    faults.fail_writes(8);
    romeo.send(&format!("{}{ASK}", message("two"))).await;
    faults.release();
    let rest = romeo.rest().await;
    assert!(rest.contains("<internal-server-error "), "{rest}");
    assert!(!rest.contains("h='2'"), "{rest}");
    server.server.stop().await;
}

#[tokio::test]
async fn xep0198_5_a_session_that_sleeps_holds_so_much_and_then_ends() {
    let more = "[host.\"example.org\".modules.sm]\nwaiting_bytes_max = \"2 KiB\"";
    let server = start_managed(more, &Faults::default()).await;
    let mut romeo = server.bound("romeo").await;
    let mut juliet = server.bound("juliet").await;
    juliet.send(ENABLE).await;
    let enabled = juliet.expect("/>").await;
    let id = enabled.split("id='").nth(1).and_then(|id| id.split('\'').next()).unwrap().to_owned();
    juliet.socket.shutdown().await.unwrap();
    juliet.rest().await;
    // Headlines are in no log: they take room.
    let headline = format!(
        "<message to='juliet@example.org/juliet' type='headline'><body>{}</body></message>",
        "x".repeat(900)
    );
    romeo.send(&headline.repeat(5)).await;
    let host = server.server.shared().router().host("example.org").unwrap();
    let gone = async {
        while !host.known("juliet").unwrap().sessions().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the session ends");
    let mut juliet = server.connect().await;
    juliet.send(&header("example.org")).await;
    juliet.expect("</stream:features>").await;
    juliet.send(&plain("juliet", "pencil")).await;
    juliet.expect("/>").await;
    juliet.send(&header("example.org")).await;
    juliet.expect("</stream:features>").await;
    juliet.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")).await;
    let failed = juliet.expect("</failed>").await;
    assert!(failed.contains("h='0'") && failed.contains("<item-not-found "), "{failed}");
    server.server.stop().await;
}

/// Who only repeats a count has not answered.
#[tokio::test]
async fn xep0198_4_a_client_that_acknowledges_nothing_new_counts_as_dead() {
    let more = "[host.\"example.org\".modules.sm]\nack_time_max = \"1 s\"";
    let server = start_managed(more, &Faults::default()).await;
    let mut romeo = server.bound("romeo").await;
    let mut juliet = server.bound("juliet").await;
    juliet.send(ENABLE).await;
    juliet.expect("/>").await;
    romeo.send(&message("hi")).await;
    juliet.expect("</message>").await;
    juliet.expect(ASK).await;
    let (mut read, mut write) = tokio::io::split(juliet.socket);
    let repeated = tokio::spawn(async move {
        while write.write_all(b"<a xmlns='urn:xmpp:sm:3' h='0'/>").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut rest = String::new();
    tokio::time::timeout(Duration::from_secs(20), read.read_to_string(&mut rest))
        .await
        .expect("the stream ends")
        .unwrap();
    assert!(rest.contains("<connection-timeout "), "{rest}");
    repeated.abort();
    server.server.stop().await;
}

/// Who sends faster than the disk takes it waits; nothing is refused, and who sends nothing that is kept does not wait.
#[tokio::test]
async fn a_slow_disk_slows_the_senders_and_nobody_else() {
    const COUNT: usize = 200;
    let faults = Faults::default();
    let queue_bytes_max = 64 << 10;
    let memory = StoreOptions::new(EngineKind::Memory, "");
    let options = StoreOptions { faults: faults.clone(), queue_bytes_max, ..memory };
    let server = start_stored("", options).await;
    let mut romeo = server.bound("romeo").await;
    let mut juliet = server.bound("juliet").await;
    faults.hold();
    let large = message(&"x".repeat(2000));
    let sent = tokio::spawn(async move {
        for _ in 0..COUNT {
            romeo.send(&large).await;
        }
        romeo
    });
    let waiting = || server.server.shared().store().waiting_bytes();
    while waiting() < queue_bytes_max / 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    juliet.send("<iq type='get' id='p' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    let mut seen = 0;
    loop {
        let element = juliet.expect(">").await;
        seen += element.matches("</message>").count();
        if element.contains("id='p'") {
            break;
        }
    }
    assert!(waiting() < queue_bytes_max, "{}", waiting());
    faults.release();
    while seen < COUNT {
        juliet.expect("</message>").await;
        seen += 1;
    }
    let mut romeo = sent.await.unwrap();
    romeo.send("</stream:stream>").await;
    let rest = romeo.rest().await;
    assert!(!rest.contains("<error"), "{rest}");
    server.server.stop().await;
}
