//! Many rooms, and what is read of a room when.

use std::sync::atomic::Ordering;

use waxwing_store::{Kind as NameKind, Store};

use super::*;
use crate::handle::Handle;
use crate::rooms::Found;
use crate::table::{IndexRow, RoomRow};

const SERVICE: &str = "conference.shakespeare.lit";
const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const ITEMS: &str = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

fn muc(server: &TestServer) -> Arc<Muc> {
    server.server().shared().router().host(SERVICE).unwrap().service::<Muc>().unwrap()
}

async fn handle(server: &TestServer, room: &str) -> Arc<Handle> {
    match muc(server).find(room).await.unwrap() {
        Found::Room(handle) => handle,
        _ => panic!("no room"),
    }
}

/// Puts persistent rooms on disk: `name0`, `name1` and so on.
fn put(muc: &Muc, name: &str, count: usize, public: bool) {
    let config = Config::default();
    let settings =
        settings::Settings { persistent: true, public, ..settings::Settings::new(&config.defaults, 100) };
    let row = RoomRow {
        settings,
        subject: subject::Subject::default(),
        creator: BareJid::parse("crone1@shakespeare.lit").unwrap(),
        created: 0,
        version: 0,
    };
    let store = muc.index.store();
    for number in 0..count {
        let local = format!("{name}{number}");
        let mut batch = Batch::new(Partition::Main);
        let account = store
            .numbers()
            .create_in(&mut batch, NameKind::Room, &format!("{local}@{SERVICE}"))
            .unwrap()
            .account();
        let index = IndexRow { number: Some(account.0), public, name: String::new(), tombstone: None };
        muc.index.put_into(&mut batch, muc.host.number(), &local, &index).unwrap();
        muc.rooms_table.put_into(&mut batch, account, &(), &row).unwrap();
        store.apply(batch).unwrap();
    }
}

/// A start with 100,000 rooms on disk counts them and loads none.
#[tokio::test]
async fn a_start_loads_no_rooms_however_many_there_are() {
    const ROOMS: usize = 100_000;
    let store = Store::memory();
    let server = builder().store(store.clone()).start().await;
    put(&muc(&server), "room", ROOMS, true);
    server.halt().await;
    let server = builder().store(store).seed(2).start().await;
    let muc = muc(&server);
    while muc.count.load(Ordering::Relaxed) < ROOMS {
        tokio::task::yield_now().await;
    }
    let mut crone = client(&server, "crone1").await;
    assert_eq!(ask(&mut crone, "get", SERVICE, ITEMS).await.to_xml().matches("<item ").count(), 200);
    Arc::clone(&muc).sweep().await;
    Arc::clone(&muc).look_for_ghosts().await;
    Arc::clone(&muc).clear_tombstones().await;
    assert_eq!(muc.rooms.lock().len(), 0);
    ok(&ask(&mut crone, "get", &format!("room77777@{SERVICE}"), INFO).await);
    assert_eq!(muc.rooms.lock().len(), 1);
    // One more is too many (`rooms_max`).
    refused(&enter(&mut crone, COVEN, "x").await[0], Condition::ResourceConstraint);
}

/// Who asks rooms without end for what they are fills no memory; a room that is in use stays.
#[tokio::test]
async fn rooms_that_nobody_uses_are_few_in_memory() {
    let server = configured("rooms_idle_max = 10").start().await;
    let muc = muc(&server);
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "persistentroom=1").await;
    put(&muc, "room", 50, true);
    for number in 0..50 {
        ok(&ask(&mut crone, "get", &format!("room{number}@{SERVICE}"), INFO).await);
        assert!(muc.rooms.lock().len() <= 11, "{number}");
    }
    assert!(muc.rooms.lock().get("coven").is_some());
}

/// XEP-0059: behind many hidden rooms a page still has a room, or is the last one.
#[tokio::test]
async fn xep0059_a_page_of_rooms_is_not_empty_before_the_end() {
    let server = server().await;
    put(&muc(&server), "hidden", 11_000, false);
    put(&muc(&server), "public", 1, true);
    let mut crone = client(&server, "crone1").await;
    let answer = ask(&mut crone, "get", SERVICE, ITEMS).await.to_xml();
    assert!(answer.contains(&format!("public0@{SERVICE}")) && !answer.contains("hidden"), "{answer}");
}

/// What was said before is read when somebody comes in, not when somebody asks what the room is.
#[tokio::test]
async fn questions_to_a_room_read_no_history() {
    let store = Store::memory();
    let server = builder().store(store.clone()).start().await;
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "persistentroom=1").await;
    for text in ["one", "two"] {
        crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>{text}</body></message>")).await;
    }
    crone.drop_connection().await;
    server.halt().await;
    let server = builder().store(store).seed(2).start().await;
    let (mut hag, mut wicca) = (client(&server, "hag66").await, client(&server, "wiccarocks").await);
    ok(&ask(&mut hag, "get", COVEN, INFO).await);
    ok(&ask(&mut hag, "get", COVEN, ITEMS).await);
    ask(&mut hag, "get", &format!("{COVEN}/x"), "<ping xmlns='urn:xmpp:ping'/>").await;
    let handle = handle(&server, "coven").await;
    assert!(!handle.history.initialized());
    for (client, name) in [(&mut hag, "thirdwitch"), (&mut wicca, "secondwitch")] {
        let came = enter(client, COVEN, name).await;
        let said: Vec<String> = came.iter().map(body).filter(|body| !body.is_empty()).collect();
        assert_eq!(said, ["one", "two"]);
    }
    assert!(handle.history.initialized());
}

/// XEP-0410 §3.2: `item-not-found` would tell a client that it is in the room.
#[tokio::test]
async fn xep0410_3_2_a_room_that_ends_at_this_moment_tells_nobody_that_he_is_in_it() {
    let server = server().await;
    let (mut crone, hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(&mut crone, COVEN, "").await;
    let (muc, handle) = (muc(&server), handle(&server, "coven").await);
    // The ping has found the room, and waits.
    handle.room.lock().stale = true;
    let mut asking = tokio::spawn(async move {
        let mut hag = hag;
        ask(&mut hag, "get", &format!("{COVEN}/thirdwitch"), "<ping xmlns='urn:xmpp:ping'/>").await
    });
    let pause = std::time::Duration::from_millis(20);
    assert!(tokio::time::timeout(pause, &mut asking).await.is_err());
    (handle.room.lock().stale, handle.room.lock().gone) = (false, true);
    muc.forget(&handle);
    handle.mended.notify_waiters();
    refused(&asking.await.unwrap(), Condition::NotAcceptable);
    // And where there was never a room.
    let ping = ask(&mut crone, "get", &format!("heath@{SERVICE}/x"), "<ping xmlns='urn:xmpp:ping'/>").await;
    refused(&ping, Condition::NotAcceptable);
}

/// Admins are parsed when the config changes, not with each stanza.
#[tokio::test]
async fn admins_are_parsed_once() {
    let server = builder()
        .config(|config| {
            let host = config.host.get_mut("shakespeare.lit").unwrap();
            host.admins = vec!["duncan@shakespeare.lit".to_owned()];
        })
        .start()
        .await;
    let muc = muc(&server);
    assert_eq!(muc.admins().iter().map(BareJid::as_str).collect::<Vec<_>>(), ["duncan@shakespeare.lit"]);
    assert!(Arc::ptr_eq(&muc.admins(), &muc.admins()));
}
