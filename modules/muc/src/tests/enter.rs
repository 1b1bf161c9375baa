//! XEP-0045 §7.1, §7.2.

use super::*;

#[tokio::test]
async fn xep0045_7_1_the_order_of_events() {
    let server = server().await;
    let (mut crone, mut wicca, mut hag) = (
        client(&server, "crone1").await,
        client(&server, "wiccarocks").await,
        client(&server, "hag66").await,
    );
    coven(&mut crone).await;
    enter(&mut wicca, COVEN, "secondwitch").await;
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>Thrice</body></message>")).await;
    crone.forget();
    hag.send(&format!("<presence id='n1' to='{COVEN}/thirdwitch'><x xmlns='{MUC}'/></presence>")).await;
    let came = drain(&mut hag);
    let shown: Vec<_> = came.iter().map(|stanza| (stanza.name(), nick(stanza))).collect();
    assert_eq!(
        shown,
        [
            ("presence", "firstwitch"),
            ("presence", "secondwitch"),
            ("presence", "thirdwitch"),
            ("message", "firstwitch"),
            ("message", "")
        ]
    );
    assert_eq!(codes(&came[2]), ["110", "170"]);
    assert_eq!(came[2].id.as_deref(), Some("n1"));
    assert_eq!(body(&came[3]), "Thrice");
    assert_eq!(came[3].children.find(ns::DELAY, "delay").unwrap().attribute("from").as_deref(), Some(COVEN));
    // §7.2.15: no subject was ever set.
    assert_eq!(came[4].children.len(), 1);
    assert_eq!(came[4].children.iter().next().unwrap().as_str(), "<subject/>");
    // The others learn of it, with the real address for moderators alone (§7.2.4).
    let seen = drain(&mut crone);
    assert_eq!((seen.len(), nick(seen.last().unwrap())), (1, "thirdwitch"));
    assert_eq!(item(&seen[0], "jid").as_deref(), Some("hag66@shakespeare.lit/r"));
    let seen = drain(&mut wicca);
    assert_eq!(item(seen.last().unwrap(), "jid"), None);
    assert_eq!(codes(seen.last().unwrap()), [""; 0]);
}

#[tokio::test]
async fn xep0045_7_2_3_in_a_non_anonymous_room_all_see_addresses_and_are_warned() {
    let server = server().await;
    let (mut crone, mut hag, mut wicca) = (
        client(&server, "crone1").await,
        client(&server, "hag66").await,
        client(&server, "wiccarocks").await,
    );
    make(&mut crone, COVEN, "whois=anyone").await;
    let came = enter(&mut hag, COVEN, "thirdwitch").await;
    assert_eq!(item(&came[0], "jid").as_deref(), Some("crone1@shakespeare.lit/r"));
    assert_eq!(codes(&came[1]), ["110", "100", "170"]);
    enter(&mut wicca, COVEN, "secondwitch").await;
    assert_eq!(item(&drain(&mut hag)[0], "jid").as_deref(), Some("wiccarocks@shakespeare.lit/r"));
}

/// §7.2.17: each of the errors.
#[tokio::test]
async fn xep0045_7_2_17_why_one_may_not_enter() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    // §7.2.1: no nickname; §17.1: none that is seen.
    hag.send(&format!("<presence to='{COVEN}'><x xmlns='{MUC}'/></presence>")).await;
    refused(&drain(&mut hag)[0], Condition::JidMalformed);
    coven(&mut crone).await;
    refused(&enter(&mut hag, COVEN, "\u{2800}").await[0], Condition::JidMalformed);
    // §7.2.8.
    let error = enter(&mut hag, COVEN, "firstwitch").await.remove(0);
    refused(&error, Condition::Conflict);
    // Clients know by this what the error is about.
    assert!(error.children.find(MUC, "x").is_some());
    refused(&enter(&mut hag, COVEN, "FirstWitch").await[0], Condition::Conflict);
    // §7.2.7.
    ok(&admin(&mut crone, COVEN, "<item affiliation='outcast' jid='hag66@shakespeare.lit'/>").await);
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::Forbidden);
    ok(&admin(&mut crone, COVEN, "<item affiliation='none' jid='hag66@shakespeare.lit'/>").await);
    // §7.2.6.
    ok(&configure(&mut crone, COVEN, "membersonly=1").await);
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::RegistrationRequired);
    ok(&configure(&mut crone, COVEN, "membersonly=0 passwordprotectedroom=1 roomsecret=cauldronburn").await);
    // §7.2.5.
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::NotAuthorized);
    let with = |password: &str| {
        format!(
            "<presence to='{COVEN}/thirdwitch'><x xmlns='{MUC}'><password>{password}</password></x></presence>"
        )
    };
    hag.send(&with("cauldron")).await;
    refused(&drain(&mut hag)[0], Condition::NotAuthorized);
    // §7.2.9.
    ok(&configure(&mut crone, COVEN, "maxusers=1").await);
    hag.send(&with("cauldronburn")).await;
    refused(&drain(&mut hag)[0], Condition::ServiceUnavailable);
    ok(&configure(&mut crone, COVEN, "maxusers=2").await);
    crone.forget();
    hag.send(&with("cauldronburn")).await;
    assert_eq!(nick(&drain(&mut hag)[1]), "thirdwitch");
    // Nobody has noticed the failures.
    assert_eq!(drain(&mut crone).len(), 1);
}

#[tokio::test]
async fn xep0045_7_2_9_an_admin_enters_a_full_room() {
    let server = server().await;
    let (mut crone, mut hag, mut wicca) = (
        client(&server, "crone1").await,
        client(&server, "hag66").await,
        client(&server, "wiccarocks").await,
    );
    make(&mut crone, COVEN, "maxusers=1 roomadmins=wiccarocks@shakespeare.lit").await;
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::ServiceUnavailable);
    assert_eq!(codes(&enter(&mut wicca, COVEN, "secondwitch").await[1]), ["110", "170"]);
}

#[tokio::test]
async fn xep0045_7_2_8_one_user_may_have_several_clients_under_one_nickname() {
    let server = server().await;
    let (mut crone, mut pda) = (client(&server, "crone1").await, client(&server, "hag66").await);
    let mut laptop = server.online("hag66@shakespeare.lit/laptop").await;
    coven(&mut crone).await;
    enter(&mut pda, COVEN, "thirdwitch").await;
    crone.forget();
    let came = enter(&mut laptop, COVEN, "thirdwitch").await;
    assert_eq!(came.iter().map(nick).collect::<Vec<_>>(), ["firstwitch", "thirdwitch", ""]);
    assert_eq!(codes(&came[1]), ["110", "170"]);
    // §7.2.8: messages go to all of them; all may speak.
    laptop.send(&format!("<message type='groupchat' to='{COVEN}'><body>1</body></message>")).await;
    pda.forget();
    pda.send(&format!("<message type='groupchat' to='{COVEN}'><body>2</body></message>")).await;
    assert_eq!(drain(&mut laptop).iter().map(body).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(drain(&mut pda).iter().map(body).collect::<Vec<_>>(), ["2"]);
    crone.forget();
    // One of them leaves: for the others nobody has left.
    laptop.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    assert_eq!(codes(&drain(&mut laptop)[0]), ["110"]);
    let seen = drain(&mut crone);
    assert!(seen.iter().all(|stanza| stanza.kind == Kind::Presence(PresenceType::Available)), "{seen:?}");
    pda.forget();
    pda.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    assert_eq!(drain(&mut crone)[0].kind, Kind::Presence(PresenceType::Unavailable));
}

/// §7.2.1, §17.3 rule 3.
#[tokio::test]
async fn xep0045_7_2_1_a_client_that_enters_again_gets_everything_again() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    let first = enter(&mut hag, COVEN, "thirdwitch").await;
    let again = enter(&mut hag, COVEN, "thirdwitch").await;
    let shape = |all: &[Stanza]| {
        all.iter().map(|stanza| (stanza.name(), nick(stanza).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(shape(&first), shape(&again));
    assert_eq!(codes(&again[1]), ["110", "170"]);
}

/// §7.2.18.
#[tokio::test]
async fn xep0045_7_2_18_presence_of_who_is_not_here_is_answered_with_a_kick() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    for room in [COVEN, "heath@conference.shakespeare.lit"] {
        hag.send(&format!("<presence to='{room}/thirdwitch'/>")).await;
        let came = drain(&mut hag);
        assert_eq!(came[0].kind, Kind::Presence(PresenceType::Unavailable));
        assert_eq!(codes(&came[0]), ["110", "307", "333"]);
    }
    crone.expect_nothing();
}

#[tokio::test]
async fn xep0045_7_2_14_a_client_says_how_much_history_it_wants() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    for number in 0..5 {
        crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>{number}</body></message>")).await;
    }
    for (history, expected) in [
        ("", 5),
        ("<history maxstanzas='2'/>", 2),
        ("<history maxchars='0'/>", 0),
        ("<history since='2030-01-01T00:00:00Z'/>", 0),
    ] {
        hag.send(&format!("<presence to='{COVEN}/thirdwitch'><x xmlns='{MUC}'>{history}</x></presence>"))
            .await;
        let came = drain(&mut hag);
        assert_eq!(came.iter().filter(|stanza| stanza.has_body()).count(), expected, "{history}");
        hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
        hag.forget();
    }
}

/// §7.14.
#[tokio::test]
async fn xep0045_7_14_who_leaves_is_told_so_and_so_are_the_others() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.forget();
    hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'><status>gone where the goblins go</status></presence>")).await;
    hag.expect(&format!(
        "<presence from='{COVEN}/thirdwitch' to='hag66@shakespeare.lit/r' type='unavailable'><status>gone where the goblins go</status>
           <x xmlns='{USER}'><item affiliation='none' role='none' jid='hag66@shakespeare.lit/r'/><status code='110'/></x>
           <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{{any}}'/></presence>"
    ))
    .await;
    let seen = drain(&mut crone);
    assert_eq!((seen.len(), item(&seen[0], "role").unwrap().as_str()), (1, "none"));
    // §17.3 rule 5.
    hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    hag.expect_nothing();
    // The connection ends without a word: the server says it (RFC 6121 §4.5.2).
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.forget();
    hag.drop_connection().await;
    assert_eq!(drain(&mut crone)[0].kind, Kind::Presence(PresenceType::Unavailable));
}

/// XEP-0421 §3.1, §4.
#[tokio::test]
async fn xep0421_4_everything_carries_one_occupant_id_that_nobody_can_forge() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    let forged = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>";
    hag.send(&format!("<presence to='{COVEN}/thirdwitch'><x xmlns='{MUC}'/>{forged}</presence>")).await;
    hag.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body>{forged}</message>")).await;
    hag.send(&format!("<message type='chat' to='{COVEN}/firstwitch'><body>x</body>{forged}</message>")).await;
    let seen = drain(&mut crone);
    let ids: Vec<Vec<String>> = seen
        .iter()
        .map(|stanza| {
            let ids = stanza.children.iter().filter(|child| child.is(ns::OCCUPANT_ID, "occupant-id"));
            ids.filter_map(|id| id.attribute("id")).collect()
        })
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|of| of.len() == 1 && of == &ids[0] && of[0] != "forged"), "{ids:?}");
}
