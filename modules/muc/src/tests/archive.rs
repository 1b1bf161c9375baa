//! XEP-0313 §6.1.2, XEP-0424, XEP-0425.

use super::*;

pub(super) const MAM: &str = "urn:xmpp:mam:2";

/// The messages that a query for everything gives, and its end.
pub(super) async fn page(client: &mut TestClient, room: &str, inner: &str) -> (Vec<Stanza>, Stanza) {
    client.forget();
    client
        .send(&format!(
            "<iq type='set' id='q' to='{room}'><query xmlns='{MAM}' queryid='f'>{inner}</query></iq>"
        ))
        .await;
    let mut all = drain(client);
    let end = all.pop().expect("an answer");
    let forwarded = all.iter().map(|message| {
        let result =
            message.children.find(MAM, "result").unwrap_or_else(|| panic!("{}", message.to_xml())).lift();
        let message = result
            .iter()
            .next()
            .unwrap()
            .lift()
            .iter()
            .find(|child| child.name() == "message")
            .unwrap()
            .clone();
        Stanza::parse(&message.as_str().replace("xmlns='jabber:client' ", "")).expect("a message")
    });
    (forwarded.collect(), end)
}

async fn two(server: &TestServer, fields: &str) -> (TestClient, TestClient) {
    let (mut crone, mut hag) = (client(server, "crone1").await, client(server, "hag66").await);
    make(&mut crone, COVEN, fields).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.forget();
    (crone, hag)
}

async fn say(client: &mut TestClient, text: &str) {
    client
        .send(&format!("<message type='groupchat' id='{text}' to='{COVEN}'><body>{text}</body></message>"))
        .await;
}

fn stanza_id(stanza: &Stanza) -> String {
    let ids = stanza.children.iter().filter(|child| child.is(ns::STANZA_ID, "stanza-id"));
    let own = ids.filter(|id| id.attribute("by").as_deref() == Some(COVEN));
    own.filter_map(|id| id.attribute("id")).next().expect("a stanza-id")
}

#[tokio::test]
async fn xep0313_6_1_2_who_may_enter_may_read_the_archive() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    say(&mut hag, "one").await;
    say(&mut crone, "two").await;
    hag.send(&format!("<message type='groupchat' to='{COVEN}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")).await;
    hag.send(&format!("<message type='chat' to='{COVEN}/firstwitch'><body>private</body></message>")).await;
    let ids: Vec<String> = drain(&mut hag).iter().filter(|stanza| stanza.has_body()).map(stanza_id).collect();
    let mut macbeth = client(&server, "macbeth").await;
    let (messages, end) = page(&mut macbeth, COVEN, "").await;
    assert_eq!(messages.iter().map(body).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(messages.iter().map(nick).collect::<Vec<_>>(), ["thirdwitch", "firstwitch"]);
    let xml = end.to_xml();
    assert!(xml.contains("complete='true'") && ids.iter().all(|id| xml.contains(id)), "{xml} {ids:?}");
    // No address of anybody, and nobody's 'to'.
    for message in &messages {
        assert!(
            message.to.is_none() && !message.to_xml().contains("shakespeare.lit/r"),
            "{}",
            message.to_xml()
        );
        assert!(message.children.find(ns::OCCUPANT_ID, "occupant-id").is_some());
    }
    // A moderator sees who it was.
    let (messages, _) = page(&mut crone, COVEN, "").await;
    assert_eq!(item(&messages[0], "jid").as_deref(), Some("hag66@shakespeare.lit/r"));
    // Pages (XEP-0059).
    let (messages, _) =
        page(&mut hag, COVEN, "<set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set>")
            .await;
    assert_eq!(messages.iter().map(body).collect::<Vec<_>>(), ["two"]);
    let after = format!("<set xmlns='http://jabber.org/protocol/rsm'><after>{}</after></set>", ids[0]);
    assert_eq!(page(&mut hag, COVEN, &after).await.0.iter().map(body).collect::<Vec<_>>(), ["two"]);
    let wrong = "<set xmlns='http://jabber.org/protocol/rsm'><after>AAAAAAAAAAAAAAAAAAAAAA</after></set>";
    refused(&page(&mut hag, COVEN, wrong).await.1, Condition::ItemNotFound);
    let form = ask(&mut hag, "get", COVEN, &format!("<query xmlns='{MAM}'/>")).await.to_xml();
    assert!(form.contains("before-id"), "{form}");
    assert!(
        ask(&mut hag, "get", COVEN, &format!("<metadata xmlns='{MAM}'/>")).await.to_xml().contains(&ids[0])
    );
}

/// §6.1.2: the right is that of entering, at the time of the query.
#[tokio::test]
async fn xep0313_6_1_2_who_may_not_enter_may_not_read() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    say(&mut hag, "one").await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='outcast' jid='hag66@shakespeare.lit'/>").await);
    hag.forget();
    refused(&page(&mut hag, COVEN, "").await.1, Condition::Forbidden);
    let mut macbeth = client(&server, "macbeth").await;
    ok(&configure(&mut crone, COVEN, "membersonly=1").await);
    refused(&page(&mut macbeth, COVEN, "").await.1, Condition::Forbidden);
    refused(
        &ask(&mut macbeth, "get", COVEN, &format!("<metadata xmlns='{MAM}'/>")).await,
        Condition::Forbidden,
    );
    ok(&configure(&mut crone, COVEN, "membersonly=0 passwordprotectedroom=1 roomsecret=x").await);
    refused(&page(&mut macbeth, COVEN, "").await.1, Condition::Forbidden);
    ok(&configure(&mut crone, COVEN, "passwordprotectedroom=0").await);
    assert_eq!(page(&mut macbeth, COVEN, "").await.0.len(), 1);
}

#[tokio::test]
async fn xep0045_10_2_what_is_said_while_there_is_no_logging_is_not_archived() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "enablelogging=0").await;
    say(&mut hag, "one").await;
    assert_eq!(stanza_id(&drain(&mut crone)[0]).len(), 26);
    assert!(page(&mut crone, COVEN, "").await.0.is_empty());
    // It is history all the same, until the server stops.
    let mut wicca = client(&server, "wiccarocks").await;
    assert!(enter(&mut wicca, COVEN, "secondwitch").await.iter().any(|stanza| body(stanza) == "one"));
}

#[tokio::test]
async fn xep0425_3_a_moderator_takes_a_message_back() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    say(&mut hag, "one").await;
    let id = stanza_id(&drain(&mut crone)[0]);
    hag.forget();
    let moderate = |id: &str| {
        format!(
            "<moderate id='{id}' xmlns='urn:xmpp:message-moderate:1'><retract xmlns='urn:xmpp:message-retract:1'/><reason>spam</reason></moderate>"
        )
    };
    refused(&ask(&mut hag, "set", COVEN, &moderate(&id)).await, Condition::Forbidden);
    refused(
        &ask(&mut crone, "set", COVEN, &moderate("AAAAAAAAAAAAAAAAAAAAAA")).await,
        Condition::ItemNotFound,
    );
    ok(&ask(&mut crone, "set", COVEN, &moderate(&id)).await);
    let came = drain(&mut hag);
    hag.expect_nothing();
    assert_eq!(came[0].from.as_ref().unwrap().as_str(), COVEN);
    let xml = came[0].to_xml();
    for part in [
        &format!("<retract xmlns='urn:xmpp:message-retract:1' id='{id}'>"),
        &format!("<moderated xmlns='urn:xmpp:message-moderate:1' by='{COVEN}/firstwitch'>"),
        "<reason>spam</reason>",
        &format!("<apply-to xmlns='urn:xmpp:fasten:0' id='{id}'>"),
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    // §4.
    let (messages, _) = page(&mut hag, COVEN, "").await;
    let tombstone = messages[0].to_xml();
    assert!(
        tombstone.contains("<retracted")
            && tombstone.contains("occupant-id")
            && !tombstone.contains("<body>"),
        "{tombstone}"
    );
    assert!(messages[1].to_xml().contains("<retract "), "the retraction itself is kept");
    let mut wicca = client(&server, "wiccarocks").await;
    assert!(!enter(&mut wicca, COVEN, "secondwitch").await.iter().any(Stanza::has_body));
    // Once is enough.
    refused(&ask(&mut crone, "set", COVEN, &moderate(&id)).await, Condition::ItemNotFound);
}

#[tokio::test]
async fn xep0425_older_clients_moderate_in_the_older_form() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    say(&mut hag, "one").await;
    let id = stanza_id(&drain(&mut crone)[0]);
    let old = format!(
        "<apply-to id='{id}' xmlns='urn:xmpp:fasten:0'><moderate xmlns='urn:xmpp:message-moderate:0'><retract xmlns='urn:xmpp:message-retract:0'/></moderate></apply-to>"
    );
    ok(&ask(&mut crone, "set", COVEN, &old).await);
    assert!(page(&mut crone, COVEN, "").await.0[0].to_xml().contains("<retracted"));
    let nothing = format!("<moderate id='{id}' xmlns='urn:xmpp:message-moderate:1'/>");
    refused(&ask(&mut crone, "set", COVEN, &nothing).await, Condition::FeatureNotImplemented);
}

/// XEP-0424 §5: only the author, whatever the nickname by then.
#[tokio::test]
async fn xep0424_5_an_author_takes_a_message_back() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    say(&mut hag, "one").await;
    let id = stanza_id(&drain(&mut hag)[0]);
    crone.forget();
    let retract = format!(
        "<message type='groupchat' id='r1' to='{COVEN}'><retract id='{id}' xmlns='urn:xmpp:message-retract:1'/><body>fallback</body></message>"
    );
    crone.send(&retract).await;
    refused(&drain(&mut crone)[0], Condition::Forbidden);
    hag.expect_nothing();
    hag.send(&format!("<presence to='{COVEN}/oldhag'/>")).await;
    hag.send(&retract).await;
    assert!(drain(&mut crone).last().unwrap().to_xml().contains("<retract "));
    let (messages, _) = page(&mut crone, COVEN, "").await;
    let xml = messages[0].to_xml();
    assert!(xml.contains("<retracted") && xml.contains("id='r1'") && !xml.contains("<body>one"), "{xml}");
}
