//! Many at once, and what is on disk when it is confirmed.

use std::time::Duration;

use waxwing_store::{EngineKind, Faults, Store, StoreOptions};

use super::*;

/// Whoever speaks at the same time, all hear it in one order, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_occupants_hear_everything_in_the_same_order() {
    const PEOPLE: usize = 8;
    const MESSAGES: usize = 40;
    let server = server().await;
    let mut clients = vec![client(&server, "crone1").await];
    coven(&mut clients[0]).await;
    for number in 1..PEOPLE {
        let mut client = client(&server, &format!("witch{number}")).await;
        enter(&mut client, COVEN, &format!("w{number}")).await;
        clients.push(client);
    }
    clients.iter_mut().for_each(TestClient::forget);
    let speaking = clients.into_iter().enumerate().map(|(number, mut client)| {
        tokio::spawn(async move {
            for message in 0..MESSAGES {
                let body = format!("{number}-{message}");
                client
                    .send(&format!("<message type='groupchat' to='{COVEN}'><body>{body}</body></message>"))
                    .await;
                tokio::task::yield_now().await;
            }
            client
        })
    });
    let mut clients = Vec::new();
    for one in speaking.collect::<Vec<_>>() {
        clients.push(one.await.unwrap());
    }
    let mut heard = Vec::new();
    for mut client in clients {
        let mut bodies = Vec::new();
        while bodies.len() < PEOPLE * MESSAGES {
            let stanza = client.next().await.expect("nothing is lost");
            assert!(!stanza.is_error(), "{}", stanza.to_xml());
            bodies.push(body(&stanza));
        }
        client.expect_nothing();
        heard.push(bodies);
    }
    assert!(heard.iter().all(|bodies| *bodies == heard[0]), "two have heard it in another order");
    for number in 0..PEOPLE {
        let of = |body: &&String| body.starts_with(&format!("{number}-"));
        let own: Vec<&String> = heard[0].iter().filter(of).collect();
        let expected: Vec<String> = (0..MESSAGES).map(|message| format!("{number}-{message}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>(), "the order of one sender");
    }
}

/// Design: acknowledged means durable.
#[tokio::test]
async fn nothing_is_confirmed_before_it_is_on_disk() {
    let faults = Faults::default();
    let options = StoreOptions { faults: faults.clone(), ..StoreOptions::new(EngineKind::Memory, "") };
    let server = builder().store(Store::open(options).await.unwrap()).start().await;
    let mut crone = client(&server, "crone1").await;
    coven(&mut crone).await;
    faults.hold();
    let router = server.server().shared().router();
    let message = format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>");
    let message = Stanza::parse(&message).unwrap();
    let custody = router.from_client(crone.session(), message).await.unwrap();
    // All have it, but it is not acknowledged.
    assert_eq!(body(&drain(&mut crone)[0]), "x");
    assert!(!custody.is_durable());
    let item = format!("<query xmlns='{MUC}#admin'><item affiliation='member' jid='a@b.lit'/></query>");
    let change = Stanza::parse(&format!("<iq type='set' id='1' to='{COVEN}'>{item}</iq>")).unwrap();
    let session = crone.session().clone();
    let asked = async { router.from_client(&session, change).await.unwrap() };
    tokio::pin!(asked);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut asked).await.is_err(), "it waits");
    assert!(drain(&mut crone).iter().all(|stanza| stanza.id.as_deref() != Some("1")));
    faults.release();
    asked.await;
    custody.durable().await.unwrap();
    assert!(drain(&mut crone).iter().any(|stanza| stanza.id.as_deref() == Some("1")));
}

/// What could not be written is not confirmed.
#[tokio::test]
async fn a_change_that_is_not_written_is_answered_with_an_error() {
    let faults = Faults::default();
    let options = StoreOptions { faults: faults.clone(), ..StoreOptions::new(EngineKind::Memory, "") };
    let server = builder().store(Store::open(options).await.unwrap()).start().await;
    let mut crone = client(&server, "crone1").await;
    coven(&mut crone).await;
    faults.fail_writes(1);
    let answer = admin(&mut crone, COVEN, "<item affiliation='member' jid='a@b.lit'/>").await;
    refused(&answer, Condition::InternalServerError);
}
