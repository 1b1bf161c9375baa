//! XEP-0045 §6, §17.4: what the service and rooms answer.

use super::*;

const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const ITEMS: &str = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

#[tokio::test]
async fn xep0045_6_1_6_2_the_service_is_found_and_says_what_it_is() {
    let server = server().await;
    let mut hag = client(&server, "hag66").await;
    let items = ask(&mut hag, "get", "shakespeare.lit", ITEMS).await.to_xml();
    assert!(items.contains("jid='conference.shakespeare.lit' name='Rooms'"), "{items}");
    let info = ask(&mut hag, "get", "conference.shakespeare.lit", INFO).await.to_xml();
    for part in [
        "category='conference'",
        "type='text'",
        &format!("var='{MUC}'"),
        "muc#stable_id",
        "urn:xmpp:occupant-id:0",
        "vcard-temp",
    ] {
        assert!(info.contains(part), "{part} in {info}");
    }
    ok(&ask(&mut hag, "get", "conference.shakespeare.lit", "<ping xmlns='urn:xmpp:ping'/>").await);
    refused(
        &ask(&mut hag, "get", "conference.shakespeare.lit", "<x xmlns='urn:x'/>").await,
        Condition::ServiceUnavailable,
    );
    hag.send("<message to='conference.shakespeare.lit'><body>x</body></message>").await;
    refused(&drain(&mut hag)[0], Condition::ServiceUnavailable);
    hag.send("<presence to='conference.shakespeare.lit'/>").await;
    hag.expect_nothing();
}

#[tokio::test]
async fn xep0045_6_3_public_rooms_are_listed_and_hidden_ones_are_not() {
    let server = configured("rooms_listed_max = 2").start().await;
    let mut hag = client(&server, "hag66").await;
    for (room, public) in [("a", 1), ("b", 0), ("c", 1), ("d", 1)] {
        make(
            &mut hag,
            &format!("{room}@conference.shakespeare.lit"),
            &format!("publicroom={public} roomname=Room"),
        )
        .await;
    }
    let items = ask(&mut hag, "get", "conference.shakespeare.lit", ITEMS).await;
    let jids: Vec<_> = items
        .payload()
        .unwrap()
        .tree()
        .children()
        .filter_map(|item| item.attr("jid").map(str::to_owned))
        .collect();
    assert_eq!(jids, ["a@conference.shakespeare.lit", "c@conference.shakespeare.lit"]);
    // §6.3: the rest by XEP-0059.
    let page = async |hag: &mut TestClient, set: &str| {
        let rsm = "http://jabber.org/protocol/rsm";
        let query = format!(
            "<query xmlns='http://jabber.org/protocol/disco#items'><set xmlns='{rsm}'>{set}</set></query>"
        );
        let answer = ask(hag, "get", "conference.shakespeare.lit", &query).await;
        let tree = answer.payload().unwrap().tree();
        let jids: Vec<String> = tree
            .children()
            .filter_map(|item| item.attr("jid"))
            .map(|jid| jid.chars().take(1).collect())
            .collect();
        (jids.join(""), tree.child(rsm, "set").and_then(|set| set.child_text(rsm, "last")))
    };
    let (first, last) = page(&mut hag, "").await;
    let last = last.expect("the last one");
    assert_eq!((first.as_str(), last.as_str()), ("ac", "c@conference.shakespeare.lit"));
    assert_eq!(page(&mut hag, &format!("<after>{last}</after>")).await.0, "d");
    assert_eq!(page(&mut hag, "<max>1</max><before/>").await.0, "d");
    assert_eq!(page(&mut hag, &format!("<before>{last}</before>")).await.0, "a");
    assert_eq!(page(&mut hag, "<max>0</max>").await.0, "");
}

#[tokio::test]
async fn xep0045_6_4_a_room_says_what_it_is() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(
        &mut crone,
        COVEN,
        "roomname=Cave roomdesc=Witches whois=anyone moderatedroom=1 publicroom=0 lang=en",
    )
    .await;
    let info = ask(&mut hag, "get", COVEN, INFO).await.to_xml();
    for part in [
        "name='Cave'",
        "muc_hidden",
        "muc_temporary",
        "muc_open",
        "muc_moderated",
        "muc_nonanonymous",
        "muc_unsecured",
        "muc#self-ping-optimization",
        "urn:xmpp:occupant-id:0",
        "urn:xmpp:sid:0",
        "urn:xmpp:mam:2",
        "urn:xmpp:message-moderate:1",
        "<value>Witches</value>",
        "muc#roominfo_occupants",
        "<value>en</value>",
    ] {
        assert!(info.contains(part), "{part} in {info}");
    }
    refused(&ask(&mut hag, "get", "nowhere@conference.shakespeare.lit", INFO).await, Condition::ItemNotFound);
    let traffic = format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{MUC}#traffic'/>");
    refused(&ask(&mut hag, "get", COVEN, &traffic).await, Condition::ServiceUnavailable);
}

/// §6.5, §6.6.
#[tokio::test]
async fn xep0045_6_5_who_is_in_a_room_is_for_occupants_to_know() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    assert_eq!(ask(&mut hag, "get", COVEN, ITEMS).await.payload().unwrap().tree().children().count(), 0);
    assert!(
        ask(&mut crone, "get", COVEN, ITEMS)
            .await
            .to_xml()
            .contains("coven@conference.shakespeare.lit/firstwitch")
    );
    for payload in [INFO, ITEMS] {
        refused(&ask(&mut hag, "get", &format!("{COVEN}/firstwitch"), payload).await, Condition::BadRequest);
    }
}

/// XEP-0410 §3.3.
#[tokio::test]
async fn xep0410_3_3_the_room_answers_pings_to_oneself() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    refused(&ask(&mut hag, "get", &format!("{COVEN}/thirdwitch"), ping).await, Condition::NotAcceptable);
    refused(&ask(&mut hag, "get", &format!("{COVEN}/firstwitch"), ping).await, Condition::NotAcceptable);
    enter(&mut hag, COVEN, "thirdwitch").await;
    ok(&ask(&mut hag, "get", &format!("{COVEN}/thirdwitch"), ping).await);
    refused(&ask(&mut hag, "get", &format!("{COVEN}/nobody"), ping).await, Condition::ItemNotFound);
    ok(&ask(&mut hag, "get", COVEN, ping).await);
}

/// §17.4 rule 3.
#[tokio::test]
async fn xep0045_17_4_requests_between_occupants_hide_who_they_are() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.forget();
    hag.send(&format!(
        "<iq type='get' id='v1' to='{COVEN}/firstwitch'><query xmlns='jabber:iq:version'/></iq>"
    ))
    .await;
    let asked = drain(&mut crone);
    let (from, id) = (asked[0].from.clone().unwrap(), asked[0].id.clone().unwrap());
    assert_eq!(from.as_str(), format!("{COVEN}/thirdwitch"));
    assert_ne!(id, "v1");
    // Nobody but who was asked can answer, and only once.
    let mut macbeth = client(&server, "macbeth").await;
    macbeth.send(&format!("<iq type='result' id='{id}' to='{from}'/>")).await;
    hag.expect_nothing();
    let answer = format!(
        "<iq type='result' id='{id}' to='{from}'><query xmlns='jabber:iq:version'><name>Psi</name></query></iq>"
    );
    crone.send(&answer).await;
    hag.expect(&format!(
        "<iq type='result' id='v1' from='{COVEN}/firstwitch' to='hag66@shakespeare.lit/r'><query xmlns='jabber:iq:version'><name>Psi</name></query></iq>"
    ))
    .await;
    crone.send(&answer).await;
    hag.expect_nothing();
}

#[tokio::test]
async fn the_service_may_be_off_or_configured_by_its_own_host() {
    let server = configured("enabled = false").start().await;
    let mut hag = client(&server, "hag66").await;
    let items = ask(&mut hag, "get", "shakespeare.lit", ITEMS).await.to_xml();
    assert!(!items.contains("conference"), "{items}");
    let mut own = waxwing_core::HostConfig::default();
    own.modules.insert("muc".to_owned(), "name = 'Own'".parse().unwrap());
    let server = configured("name = 'Above'")
        .config(|config| drop(config.host.insert("conference.macbeth.lit".to_owned(), own)))
        .start()
        .await;
    let mut hag = client(&server, "hag66").await;
    for (host, name) in [("shakespeare.lit", "Above"), ("macbeth.lit", "Own")] {
        let items = ask(&mut hag, "get", host, ITEMS).await.to_xml();
        assert!(items.contains(&format!("name='{name}'")), "{items}");
    }
}
