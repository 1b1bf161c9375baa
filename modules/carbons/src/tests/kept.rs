//! With the log: ids, sessions that sleep, sessions that outlive the server.

use std::collections::HashSet;

use waxwing_core::{Logged, SavedSession};

use super::*;

/// Keeps all messages, as the archive does.
#[derive(Debug)]
struct Keeping;

impl Module for Keeping {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("mam", "Keeps all messages");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        for side in [Side::Sent, Side::Received] {
            reg.step(side, Step::Record, Kinds::NORMAL | Kinds::CHAT, &this, |_, event| {
                // Only owed: the archive does not show it.
                let hidden = event.stanza.children.find(ns::HINTS, "no-permanent-store").is_some();
                event.keep = Keep { archived: !hidden, owed: true };
                Ok(Flow::Continue)
            });
        }
        Ok(this)
    }
}

fn kept() -> TestServerBuilder {
    builder().with::<Log>().with::<Keeping>()
}

fn stanza_ids(xml: &str) -> usize {
    xml.matches("<stanza-id").count()
}

#[tokio::test]
async fn xep0313_3_5_a_received_copy_tells_the_id_in_the_archive() {
    let mut scene = scene_of(kept()).await;
    to(&mut scene.romeo, PHONE, HI).await;
    let original = scene.phone.next().await.unwrap();
    assert_eq!(stanza_ids(&original.to_xml()), 1);
    scene.desk.expect(&copy("received", DESK, "chat", &original.to_xml())).await;
}

#[tokio::test]
async fn xep0313_3_5_a_sent_copy_tells_the_senders_id_and_the_message_does_not() {
    let mut scene = scene_of(kept()).await;
    to(&mut scene.phone, ROMEO, HI).await;
    let message = scene.romeo.next().await.unwrap().to_xml();
    assert_eq!(stanza_ids(&message), 1);
    assert!(message.contains("by='romeo@montague.lit'") && !message.contains("by='juliet"), "{message}");
    let id = "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.lit' id='{any}'/>";
    scene.desk.expect(&copy("sent", DESK, "chat", &chat(PHONE, ROMEO, &format!("{HI}{id}")))).await;
}

/// XEP-0334 §4.1: what is not in the archive has no id there.
#[tokio::test]
async fn xep0359_5_what_the_archive_does_not_show_has_no_id() {
    let mut scene = scene_of(kept()).await;
    to(&mut scene.romeo, PHONE, &format!("{HI}<no-permanent-store xmlns='urn:xmpp:hints'/>")).await;
    assert_eq!(stanza_ids(&scene.phone.next().await.unwrap().to_xml()), 0);
    assert_eq!(stanza_ids(&scene.desk.next().await.unwrap().to_xml()), 0);
}

/// What the log makes of a row is what a client that was awake has got.
#[tokio::test]
async fn a_copy_from_the_log_equals_the_live_one() {
    let mut scene = scene_of(kept()).await;
    let mut tablet = scene.another(TABLET, "<presence/>").await;
    assert!(tablet.session().begin_acks(true, 7));
    tablet.session().sleep(1 << 20).await;
    for xml in [
        format!("<message to='{PHONE}' type='chat' id='m1' xml:lang='it'><body>a &amp; b</body></message>"),
        format!(
            "<message to='{PHONE}' id='m&apos;2'><x:y xmlns:x='urn:x' x:k='&quot;'/><body xml:lang='de'>x</body></message>"
        ),
        "<message to='juliet@capulet.lit/gone' type='chat'><body/><no-permanent-store xmlns='urn:xmpp:hints'/></message>"
            .to_owned(),
    ] {
        scene.romeo.send(&xml).await;
    }
    to(&mut scene.phone, ROMEO, HI).await;
    to(&mut scene.phone, DESK, HI).await;
    let mut live = Vec::new();
    for _ in 0..5 {
        live.push(scene.desk.next().await.unwrap().to_xml());
    }
    scene.desk.expect_nothing();
    let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
    tablet.session().wake(0, peer).unwrap();
    // All were left to the log.
    let rows = tablet.session().unacked_rows();
    assert_eq!(rows.len(), 5);
    for expected in live {
        let got = tablet.next().await.unwrap().to_xml();
        // The desk got the fifth itself, both the third.
        if expected.contains("<forwarded") {
            assert_eq!(got, expected.replace("/desk'", "/tablet'"));
        }
    }
}

/// A client that sleeps finds the copies behind what it had not acknowledged, in the order of the log.
#[tokio::test]
async fn xep0198_5_copies_that_came_while_asleep_come_after_the_wake() {
    let mut scene = scene_of(kept()).await;
    assert!(scene.desk.session().begin_acks(true, 7));
    to(&mut scene.romeo, PHONE, "<body>0</body>").await;
    scene.desk.next().await.unwrap();
    scene.desk.session().sleep(1 << 20).await;
    to(&mut scene.romeo, PHONE, "<body>1</body>").await;
    to(&mut scene.phone, ROMEO, "<body>2</body>").await;
    to(&mut scene.romeo, "juliet@capulet.lit", "<body>3</body>").await;
    // Chat states are not worth keeping elsewhere, but the session waits with them.
    let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
    scene.desk.session().wake(0, peer).unwrap();
    for number in 0..4 {
        let xml = scene.desk.next().await.unwrap().to_xml();
        assert!(xml.contains(&format!("<body>{number}</body>")), "{number}: {xml}");
    }
    scene.desk.expect_nothing();
}

async fn saved(store: &Store) -> SavedSession {
    let mut scene = scene_of(kept().store(store.clone())).await;
    assert!(scene.desk.session().begin_acks(true, 7));
    scene.desk.session().sleep(1 << 20).await;
    to(&mut scene.romeo, PHONE, HI).await;
    scene.desk.session().save()
}

#[tokio::test]
async fn xep0280_4_a_session_that_outlives_the_server_still_gets_copies() {
    let store = Store::memory();
    let saved = saved(&store).await;
    let server = kept().store(store).start().await;
    let host = server.server().shared().router().host("capulet.lit").unwrap();
    let account = host.account("juliet").await.unwrap().unwrap();
    host.service::<Log>().unwrap().ready(&account).await.unwrap();
    let desk = account.restore(saved, 1 << 20, &[]).unwrap();
    let mut romeo = server.online(ROMEO).await;
    to(&mut romeo, "juliet@capulet.lit/gone", HI).await;
    let mut phone = server.login(PHONE).await;
    to(&mut phone, ROMEO, HI).await;
    let rows: Vec<Logged> = desk.unacked_rows();
    let shapes: Vec<Shape> = rows.iter().map(|row| row.shape).collect();
    assert_eq!(shapes, [Shape::CopyOfReceived, Shape::Original, Shape::CopyOfSent]);
    assert_eq!(rows.iter().map(|row| row.position).collect::<HashSet<_>>().len(), 3);
}
