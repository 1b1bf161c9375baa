//! A session between connections: it sleeps, wakes up, ends, is saved and restored, and its client owes
//! acknowledgements.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::mpsc::channel;
use std::time::Duration;

use waxwing_core::config::Bytes;
use waxwing_core::{Config, NotWoken, Peer};
use waxwing_testkit::{TestClient, TestServer};

const JULIET: &str = "juliet@capulet.lit/balcony";

fn peer() -> Peer {
    Peer { address: [127, 0, 0, 1].into(), secure: true }
}

async fn two(change: impl FnOnce(&mut Config)) -> (TestServer, TestClient, TestClient) {
    let server = TestServer::host("capulet.lit").config(change).start().await;
    let romeo = server.login("romeo@capulet.lit/orchard").await;
    let juliet = server.login(JULIET).await;
    assert!(juliet.session().begin_acks(true, 7));
    (server, romeo, juliet)
}

/// What lies in no log.
async fn headlines(romeo: &mut TestClient, ids: std::ops::Range<usize>) {
    for id in ids {
        let body = "x".repeat(900);
        romeo
            .send(&format!("<message to='{JULIET}' type='headline' id='{id}'><body>{body}</body></message>"))
            .await;
    }
}

fn ids(client: &mut TestClient) -> Vec<usize> {
    std::iter::from_fn(|| client.waiting()).map(|stanza| stanza.id.unwrap().parse().unwrap()).collect()
}

/// Who delivers to an account holds it and looks for others; who removes it must not hold all others meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_removed_while_something_arrives() {
    let (_server, _romeo, juliet) = two(|_| {}).await;
    let host = juliet.session().host().clone();
    let account = juliet.session().account().clone();
    let (arriving, is_arriving) = channel();
    let (found, is_found) = channel();
    let hosts = host.clone();
    std::thread::spawn(move || {
        account.arrive(|_| {
            arriving.send(()).unwrap();
            // The other has begun.
            std::thread::park_timeout(Duration::from_millis(100));
            drop(hosts.known("romeo"));
        });
        found.send(()).unwrap();
    });
    is_arriving.recv().unwrap();
    std::thread::spawn(move || host.forget("juliet"));
    is_found.recv_timeout(Duration::from_secs(20)).expect("nobody waits for the other");
}

/// RFC 6120 §7.7.2.2: the old session ends, even if its connection breaks at that moment.
#[tokio::test]
async fn a_session_whose_place_is_taken_does_not_fall_asleep() {
    let (server, _romeo, juliet) = two(|_| {}).await;
    let _new = server.login(JULIET).await;
    assert!(!juliet.session().sleep(1 << 20).await);
    assert!(!juliet.session().is_asleep());
}

#[tokio::test]
async fn a_session_that_overflowed_does_not_fall_asleep() {
    let (_server, mut romeo, juliet) = two(|config| config.limits.mailbox_bytes_max = Bytes(4000)).await;
    headlines(&mut romeo, 0..10).await;
    assert!(!juliet.session().sleep(1 << 20).await);
}

/// XEP-0198 §5: what has ended is not resumed.
#[tokio::test]
async fn a_session_that_has_ended_does_not_wake_up() {
    let (_server, _romeo, juliet) = two(|_| {}).await;
    let session = juliet.session();
    assert!(session.sleep(1 << 20).await);
    session.host().forget("juliet");
    assert_eq!(session.wake(0, peer()), Err(NotWoken::Ended));
    session.closed().await;
    assert_eq!(session.wake(0, peer()), Err(NotWoken::Ended));
}

/// XEP-0198 §5: who knows more than it was told is not served, and the session still sleeps.
#[tokio::test]
async fn a_session_wakes_up_once_and_by_a_count_that_can_be() {
    let (_server, mut romeo, mut juliet) = two(|_| {}).await;
    headlines(&mut romeo, 0..2).await;
    assert_eq!(ids(&mut juliet), [0, 1]);
    assert!(juliet.session().sleep(1 << 20).await);
    assert!(matches!(juliet.session().wake(3, peer()), Err(NotWoken::TooHigh(_))));
    assert_eq!(juliet.session().wake(1, peer()), Ok(()));
    assert_eq!(juliet.session().wake(1, peer()), Err(NotWoken::Ended), "it is awake");
    assert_eq!(ids(&mut juliet), [1]);
}

/// A client that reads and never acknowledges costs as much as one that does not read.
#[tokio::test]
async fn so_much_may_be_unacknowledged_and_the_rest_waits() {
    let (_server, mut romeo, mut juliet) = two(|config| config.limits.mailbox_bytes_max = Bytes(4000)).await;
    for first in [0, 2] {
        headlines(&mut romeo, first..first + 2).await;
        assert_eq!(ids(&mut juliet), [first, first + 1]);
    }
    headlines(&mut romeo, 4..6).await;
    assert_eq!(ids(&mut juliet), [], "the client owes for four");
    juliet.session().acked(0).unwrap();
    assert_eq!(ids(&mut juliet), []);
    juliet.session().acked(2).unwrap();
    assert_eq!(ids(&mut juliet), [4, 5]);
    assert_eq!(juliet.session().unacked_count(), 4);
    juliet.session().acked(6).unwrap();
    assert!(juliet.closed().is_none());
}

/// A lower limit of a later config makes no hole.
#[tokio::test]
async fn what_waited_is_restored_whatever_the_limit_is_now() {
    let (_server, mut romeo, mut juliet) = two(|_| {}).await;
    headlines(&mut romeo, 0..2).await;
    assert_eq!(ids(&mut juliet), [0, 1]);
    let session = juliet.session();
    assert!(session.sleep(1 << 20).await);
    headlines(&mut romeo, 2..5).await;
    let account = session.account().clone();
    let saved = account.arrive(|_| session.save());
    session.closed().await;
    let restored = account.restore(saved, 1000, &[]).expect("the record is good");
    assert_eq!(restored.wake(1, peer()), Ok(()));
    let mut came = Vec::new();
    while let waxwing_core::Next::Stanza(stanza) = restored.next() {
        came.push(stanza.id.unwrap().to_string());
    }
    assert_eq!(came, ["1", "2", "3", "4"]);
}
