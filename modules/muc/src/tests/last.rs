//! What lasts: over the end of a visit, a restart, a crash.

use waxwing_sm::Sm;
use waxwing_store::Store;

use super::*;

async fn on(store: &Store, seed: u64) -> TestServer {
    builder().with::<Sm>().store(store.clone()).seed(seed).start().await
}

const FORM: &str = "<query xmlns='http://jabber.org/protocol/muc#owner'/>";
const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";

#[tokio::test]
async fn xep0045_4_2_a_persistent_room_is_as_it_was_after_a_restart() {
    let store = Store::memory();
    let server = on(&store, 1).await;
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "persistentroom=1 roomname=Cave passwordprotectedroom=1 roomsecret=cauldronburn")
        .await;
    ok(&admin(
        &mut crone,
        COVEN,
        "<item affiliation='member' jid='hag66@shakespeare.lit' nick='thirdwitch'/>",
    )
    .await);
    ok(&admin(&mut crone, COVEN, "<item affiliation='outcast' jid='earl@shakespeare.lit'/>").await);
    crone
        .send(&format!("<message type='groupchat' to='{COVEN}'><subject>Fire Burn</subject></message>"))
        .await;
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>Thrice</body></message>")).await;
    let card = "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard>";
    ok(&ask(&mut crone, "set", COVEN, card).await);
    let before = ask(&mut crone, "get", COVEN, FORM).await.to_xml();
    let info = ask(&mut crone, "get", COVEN, INFO).await.to_xml();
    crone.drop_connection().await;
    server.halt().await;

    let server = on(&store, 2).await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    assert_eq!(ask(&mut crone, "get", COVEN, FORM).await.to_xml(), before);
    let mut earl = client(&server, "earl").await;
    refused(&enter(&mut earl, COVEN, "earl").await[0], Condition::Forbidden);
    refused(&enter(&mut earl, COVEN, "thirdwitch").await[0], Condition::Forbidden);
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::NotAuthorized);
    hag.send(&format!(
        "<presence to='{COVEN}/thirdwitch'><x xmlns='{MUC}'><password>cauldronburn</password></x></presence>"
    ))
    .await;
    let came = drain(&mut hag);
    assert_eq!(item(&came[0], "affiliation").as_deref(), Some("member"));
    assert_eq!(body(&came[1]), "Thrice");
    assert!(came[2].to_xml().contains("<subject>Fire Burn</subject>"), "{came:?}");
    let again = ask(&mut hag, "get", COVEN, INFO).await.to_xml();
    for part in ["name='Cave'", "muc#roominfo_avatarhash", "Fire Burn"] {
        assert!(again.contains(part) && (info.contains(part)), "{part}: {again}");
    }
    assert!(ask(&mut hag, "get", COVEN, "<vCard xmlns='vcard-temp'/>").await.to_xml().contains("AAAA"));
    assert!(came[1].children.find(ns::OCCUPANT_ID, "occupant-id").is_some());
}

/// §7.14: without persistence it goes with the last occupant.
#[tokio::test]
async fn xep0045_7_14_a_temporary_room_goes_with_the_last_occupant() {
    let store = Store::memory();
    let server = on(&store, 1).await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.send(&format!("<presence type='unavailable' to='{COVEN}/firstwitch'/>")).await;
    ok(&ask(&mut hag, "get", COVEN, INFO).await);
    hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    hag.forget();
    refused(&ask(&mut hag, "get", COVEN, INFO).await, Condition::ItemNotFound);
    // The next one is another room: nothing is left of the first.
    make(&mut hag, COVEN, "persistentroom=1").await;
    refused(&ask(&mut crone, "get", COVEN, FORM).await, Condition::Forbidden);
    let rooms = store.numbers().list(waxwing_store::Kind::Room, "", None, 10).await.unwrap();
    assert_eq!(rooms.len(), 1);
    hag.drop_connection().await;
    crone.drop_connection().await;
    server.halt().await;
    let server = on(&store, 2).await;
    let mut hag = client(&server, "hag66").await;
    ok(&ask(&mut hag, "get", COVEN, FORM).await);
}

#[tokio::test]
async fn xep0045_10_1_1_a_room_that_was_never_configured_is_not_on_disk() {
    let store = Store::memory();
    let server = on(&store, 1).await;
    let mut crone = client(&server, "crone1").await;
    enter(&mut crone, COVEN, "firstwitch").await;
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    assert!(store.numbers().list(waxwing_store::Kind::Room, "", None, 10).await.unwrap().is_empty());
}

/// A client that comes back within its time is still in the room after a restart; nobody has noticed.
#[tokio::test(start_paused = true)]
async fn occupants_outlive_a_restart() {
    let store = Store::memory();
    let server = on(&store, 1).await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    hag.send(&format!("<presence to='{COVEN}/thirdwitch'><show>xa</show></presence>")).await;
    let sessions = [crone.session().clone(), hag.session().clone()];
    let sm = server.server().shared().router().host("shakespeare.lit").unwrap().service::<Sm>().unwrap();
    for session in &sessions {
        sm.enable(session, true, None).unwrap();
        assert!(sm.sleep(session).await);
    }
    server.halt().await;

    let server = on(&store, 2).await;
    let mut wicca = client(&server, "wiccarocks").await;
    let came = enter(&mut wicca, COVEN, "secondwitch").await;
    assert_eq!(came.iter().map(nick).collect::<Vec<_>>(), ["firstwitch", "thirdwitch", "secondwitch", ""]);
    assert_eq!(came[1].show().map(|show| show.name()), Some("xa"));
    assert_eq!(item(&came[0], "role").as_deref(), Some("moderator"));
    // What is said goes to them.
    wicca.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    let account = server
        .server()
        .shared()
        .router()
        .host("shakespeare.lit")
        .unwrap()
        .account("hag66")
        .await
        .unwrap()
        .unwrap();
    let session = account.session("r").expect("a session that was restored");
    assert!(session.mailbox().bytes() > 0);
    wicca.forget();
    // Who does not come back leaves.
    session.closed().await;
    assert_eq!(drain(&mut wicca).iter().map(nick).collect::<Vec<_>>(), ["thirdwitch"]);
}

/// After a kill nobody is shown who is not there.
#[tokio::test]
async fn after_a_crash_there_are_no_ghosts() {
    let store = Store::memory();
    let server = on(&store, 1).await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(&mut crone, COVEN, "persistentroom=1").await;
    make(&mut crone, "heath@conference.shakespeare.lit", "").await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    // Nothing is said at the end.
    std::mem::forget(server);

    let later = waxwing_core::Clock::fixed(waxwing_xmpp::Timestamp(1_700_000_001_000_000));
    let server = builder().with::<Sm>().store(store.clone()).seed(2).clock(later).start().await;
    // Even one with the same resource is another client.
    let mut hag = client(&server, "hag66").await;
    // It learns that it is not in the room any more.
    refused(
        &ask(&mut hag, "get", &format!("{COVEN}/thirdwitch"), "<ping xmlns='urn:xmpp:ping'/>").await,
        Condition::NotAcceptable,
    );
    let came = enter(&mut hag, COVEN, "other").await;
    assert_eq!(came.iter().map(nick).collect::<Vec<_>>(), ["other", ""]);
    refused(&ask(&mut hag, "get", "heath@conference.shakespeare.lit", INFO).await, Condition::ItemNotFound);
}

#[tokio::test]
async fn a_room_that_nobody_uses_is_forgotten_and_comes_back() {
    let server = server().await;
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "persistentroom=1 roomname=Cave").await;
    crone.send(&format!("<presence type='unavailable' to='{COVEN}/firstwitch'/>")).await;
    let muc = server.server().shared().router().host("conference.shakespeare.lit").unwrap();
    let muc = muc.service::<dyn Accounts>();
    assert!(muc.is_some(), "rooms are accounts of their host");
    assert!(ask(&mut crone, "get", COVEN, INFO).await.to_xml().contains("name='Cave'"));
}
