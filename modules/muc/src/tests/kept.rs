//! Changes that last: nobody hears of them before they are on disk, and never if they are not kept.

use std::time::Duration;

use waxwing_store::{EngineKind, Faults, Store, StoreOptions};

use super::*;

const OWNER: &str = "http://jabber.org/protocol/muc#owner";
const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const HAG: &str = "hag66@shakespeare.lit";

/// A server whose disk may be held back or fail.
async fn faulty() -> (TestServer, Faults) {
    let faults = Faults::default();
    let options = StoreOptions { faults: faults.clone(), ..StoreOptions::new(EngineKind::Memory, "") };
    (builder().store(Store::open(options).await.unwrap()).start().await, faults)
}

/// A persistent room without an archive, its owner in it and hag.
async fn two(server: &TestServer) -> (TestClient, TestClient) {
    let (mut crone, mut hag) = (client(server, "crone1").await, client(server, "hag66").await);
    make(&mut crone, COVEN, "persistentroom=1 enablelogging=0 roomname=Cave moderatedroom=1").await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    settled(server).await;
    crone.forget();
    hag.forget();
    (crone, hag)
}

/// Waits until nothing waits to be written.
async fn settled(server: &TestServer) {
    let host = server.server().shared().router().host("conference.shakespeare.lit").unwrap();
    while host.store().waiting_bytes() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn say(client: &mut TestClient) {
    client.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
}

/// §8.2 to §8.6: the result, then the presence, whatever else happens in the room at that time.
#[tokio::test]
async fn xep0045_8_2_others_learn_of_a_change_after_who_has_asked() {
    let (server, faults) = faulty().await;
    let (mut crone, mut hag) = two(&server).await;
    let mut wicca = client(&server, "wiccarocks").await;
    enter(&mut wicca, COVEN, "secondwitch").await;
    settled(&server).await;
    crone.forget();
    hag.forget();
    faults.hold();
    let session = crone.session().clone();
    let asking = tokio::spawn(async move {
        let item = format!("<item affiliation='member' jid='{HAG}'/>");
        let set =
            format!("<iq type='set' id='1' to='{COVEN}'><query xmlns='{MUC}#admin'>{item}</query></iq>");
        session.host().router().from_client(&session, Stanza::parse(&set).unwrap()).await.unwrap();
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    // She has her voice from now on. Her words, and what others do, come after the news of it.
    say(&mut hag).await;
    wicca.send(&format!("<presence to='{COVEN}/secondwitch'><show>away</show></presence>")).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    for client in [&mut crone, &mut hag] {
        client.expect_nothing();
    }
    faults.release();
    asking.await.unwrap();
    let came = [crone.next().await, crone.next().await, crone.next().await, crone.next().await];
    let came: Vec<Stanza> = came.into_iter().flatten().collect();
    assert_eq!(came[0].id.as_deref(), Some("1"), "{came:?}");
    assert_eq!(item(&came[1], "affiliation").as_deref(), Some("member"));
    assert_eq!((body(&came[2]).as_str(), nick(&came[3])), ("x", "secondwitch"));
    let heard = hag.next().await.unwrap();
    assert_eq!(item(&heard, "affiliation").as_deref(), Some("member"));
}

/// A change that the disk has not taken is answered with an error; nobody else hears of it, and it does not hold.
#[tokio::test]
async fn a_change_that_is_not_kept_is_undone_and_nobody_hears_of_it() {
    let (server, faults) = faulty().await;
    let (mut crone, mut hag) = two(&server).await;
    let admin_set = |item: &str| format!("<query xmlns='{MUC}#admin'>{item}</query>");
    let hat = "<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:create'>\
               <x xmlns='jabber:x:data' type='submit'><field var='hats#title'><value>Fool</value></field>\
               <field var='hats#uri'><value>urn:fool</value></field></x></command>";
    let form = "<x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_roomname'><value>Heath</value>\
                </field><field var='muc#roomconfig_whois'><value>anyone</value></field></x>";
    let photo =
        "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard>";
    for change in [
        admin_set(&format!("<item affiliation='member' jid='{HAG}' nick='thirdwitch'/>")),
        admin_set(&format!("<item affiliation='outcast' jid='{HAG}'/>")),
        admin_set("<item affiliation='outcast' jid='shakespeare.lit'/>"),
        admin_set("<item role='none' nick='thirdwitch'/>"),
        admin_set("<item role='participant' nick='thirdwitch'/>"),
        hat.to_owned(),
        photo.to_owned(),
        format!("<query xmlns='{OWNER}'>{form}</query>"),
        format!("<query xmlns='{OWNER}'><destroy/></query>"),
    ] {
        let before = state(&mut crone).await;
        faults.fail_writes(1);
        refused(&ask(&mut crone, "set", COVEN, &change).await, Condition::InternalServerError);
        crone.expect_nothing();
        hag.expect_nothing();
        assert_eq!(state(&mut crone).await, before, "{change}");
        // She is where she was, and without voice.
        say(&mut hag).await;
        refused(&drain(&mut hag)[0], Condition::Forbidden);
        say(&mut crone).await;
        assert_eq!(body(&drain(&mut hag)[0]), "x", "{change}");
        crone.forget();
        settled(&server).await;
    }
    // The next one holds.
    ok(&ask(&mut crone, "set", COVEN, &admin_set(&format!("<item affiliation='member' jid='{HAG}'/>")))
        .await);
    assert_eq!(item(&drain(&mut hag)[0], "affiliation").as_deref(), Some("member"));
}

/// What the room says of itself, to its owner.
async fn state(crone: &mut TestClient) -> Vec<String> {
    let mut state = Vec::new();
    let list = |name: &str| format!("<query xmlns='{MUC}#admin'><item {name}/></query>");
    for question in [
        INFO.to_owned(),
        format!("<query xmlns='{OWNER}'/>"),
        list("affiliation='member'"),
        list("affiliation='outcast'"),
        list("role='visitor'"),
        "<vCard xmlns='vcard-temp'/>".to_owned(),
    ] {
        state.push(ask(crone, "get", COVEN, &question).await.to_xml());
    }
    state
}

/// §8.1: the same with a subject, which nobody is answered for.
#[tokio::test]
async fn a_subject_that_is_not_kept_is_not_told() {
    let (server, faults) = faulty().await;
    let (mut crone, mut hag) = two(&server).await;
    faults.fail_writes(1);
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><subject>Toad</subject></message>")).await;
    settled(&server).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    hag.expect_nothing();
    assert!(!ask(&mut crone, "get", COVEN, INFO).await.to_xml().contains("Toad"));
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><subject>Newt</subject></message>")).await;
    assert!(hag.next().await.unwrap().to_xml().contains("Newt"));
}

/// §10.1: a room whose first write has failed is still not configured, and may be.
#[tokio::test]
async fn a_first_configuration_that_is_not_kept_may_be_tried_again() {
    let (server, faults) = faulty().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    enter(&mut crone, COVEN, "firstwitch").await;
    settled(&server).await;
    faults.fail_writes(1);
    refused(&configure(&mut crone, COVEN, "persistentroom=1").await, Condition::InternalServerError);
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::ItemNotFound);
    ok(&configure(&mut crone, COVEN, "persistentroom=1").await);
    ok(&enter(&mut hag, COVEN, "thirdwitch").await[0]);
    say(&mut hag).await;
    assert_eq!(body(drain(&mut hag).last().unwrap()), "x");
}
