//! Limits, ghosts, and what strangers learn.

use super::*;

async fn two(server: &TestServer, fields: &str) -> (TestClient, TestClient) {
    let (mut crone, mut hag) = (client(server, "crone1").await, client(server, "hag66").await);
    make(&mut crone, COVEN, fields).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.forget();
    hag.forget();
    (crone, hag)
}

#[tokio::test]
async fn an_occupant_may_not_send_faster_than_the_service_allows() {
    let server = configured("burst = 3\nrate = 1").start().await;
    let (mut crone, mut hag) = two(&server, "").await;
    for _ in 0..3 {
        hag.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    }
    assert!(drain(&mut hag).iter().all(|stanza| !stanza.is_error()));
    crone.forget();
    for stanza in [
        format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>"),
        format!("<message type='chat' to='{COVEN}/firstwitch'><body>x</body></message>"),
        format!("<presence to='{COVEN}/thirdwitch'><show>xa</show></presence>"),
        format!("<iq type='get' id='1' to='{COVEN}/firstwitch'><query xmlns='jabber:iq:version'/></iq>"),
    ] {
        hag.send(&stanza).await;
        let error = drain(&mut hag)[0].error().expect("an error");
        assert_eq!((error.condition, error.kind), (Condition::PolicyViolation, ErrorType::Wait), "{stanza}");
    }
    crone.expect_nothing();
    // It may leave all the same, and pings to itself are free.
    ok(&ask(&mut hag, "get", &format!("{COVEN}/thirdwitch"), "<ping xmlns='urn:xmpp:ping'/>").await);
    hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    assert_eq!(drain(&mut crone).len(), 1);
}

#[tokio::test]
async fn networks_of_the_operator_are_free_of_rates() {
    let server = configured("burst = 1\nrate = 1")
        .config(|config| config.limits.exempt = vec!["127.0.0.0/8".parse().unwrap()])
        .start()
        .await;
    let (_, mut hag) = two(&server, "").await;
    for _ in 0..5 {
        hag.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    }
    assert!(drain(&mut hag).iter().all(|stanza| !stanza.is_error()));
}

#[tokio::test]
async fn nicknames_presence_and_texts_have_limits() {
    let server = configured(
        "nick_changes = 2\nnick_bytes_max = 20\npresence_bytes_max = '100 B'\ntext_bytes_max = 30\nitems_max = 2\naffiliations_max = 3\nsessions_per_nick_max = 1",
    )
    .start()
    .await;
    let (mut crone, mut hag) = two(&server, "").await;
    for nick in ["one", "two"] {
        hag.send(&format!("<presence to='{COVEN}/{nick}'/>")).await;
    }
    hag.forget();
    hag.send(&format!("<presence to='{COVEN}/three'/>")).await;
    refused(&drain(&mut hag)[0], Condition::PolicyViolation);
    hag.send(&format!("<presence to='{COVEN}/{}'/>", "n".repeat(21))).await;
    refused(&drain(&mut hag)[0], Condition::NotAcceptable);
    let status = "s".repeat(100);
    hag.send(&format!("<presence to='{COVEN}/two'><status>{status}</status></presence>")).await;
    refused(&drain(&mut hag)[0], Condition::PolicyViolation);
    let mut laptop = server.online("hag66@shakespeare.lit/laptop").await;
    refused(&enter(&mut laptop, COVEN, "two").await[0], Condition::ResourceConstraint);
    crone
        .send(&format!("<message type='groupchat' to='{COVEN}'><subject>{status}</subject></message>"))
        .await;
    refused(drain(&mut crone).last().unwrap(), Condition::NotAcceptable);
    refused(&configure(&mut crone, COVEN, &format!("roomname={status}")).await, Condition::NotAcceptable);
    let items = "<item affiliation='member' jid='a@b.lit'/><item affiliation='member' jid='b@b.lit'/>";
    refused(
        &admin(&mut crone, COVEN, &format!("{items}<item affiliation='member' jid='c@b.lit'/>")).await,
        Condition::PolicyViolation,
    );
    ok(&admin(&mut crone, COVEN, items).await);
    refused(
        &admin(&mut crone, COVEN, "<item affiliation='member' jid='c@b.lit'/>").await,
        Condition::ResourceConstraint,
    );
    refused(
        &admin(
            &mut crone,
            COVEN,
            &format!("<item affiliation='outcast' jid='a@b.lit'><reason>{status}</reason></item>"),
        )
        .await,
        Condition::NotAcceptable,
    );
}

#[tokio::test]
async fn a_user_may_not_come_in_again_and_again() {
    let server = configured("entries = 2").start().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    coven(&mut crone).await;
    for _ in 0..2 {
        ok(&enter(&mut hag, COVEN, "thirdwitch").await[0]);
        hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
        hag.forget();
    }
    crone.forget();
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::PolicyViolation);
    crone.expect_nothing();
}

/// §18.1.2: these errors say that somebody is gone; others do not.
#[tokio::test]
async fn xep0045_18_1_2_errors_that_mean_gone_remove_an_occupant() {
    for (condition, gone) in [
        ("gone", true),
        ("item-not-found", true),
        ("recipient-unavailable", true),
        ("redirect", true),
        ("remote-server-not-found", true),
        ("remote-server-timeout", true),
        ("not-acceptable", false),
        ("service-unavailable", false),
        ("policy-violation", false),
    ] {
        for kind in ["message", "presence"] {
            let server = server().await;
            let (mut crone, mut hag) = two(&server, "").await;
            let error = format!(
                "<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            );
            hag.send(&format!("<{kind} type='error' to='{COVEN}/firstwitch'>{error}</{kind}>")).await;
            let seen = drain(&mut crone);
            assert_eq!(!seen.is_empty(), gone, "{kind} {condition}: {seen:?}");
            if gone {
                assert_eq!((nick(&seen[0]), codes(&seen[0])), ("thirdwitch", vec!["333".to_owned()]));
            }
            // Of a stranger they mean nothing, and errors are not answered.
            let mut macbeth = client(&server, "macbeth").await;
            macbeth.send(&format!("<{kind} type='error' to='{COVEN}/firstwitch'>{error}</{kind}>")).await;
            macbeth.expect_nothing();
            crone.expect_nothing();
        }
    }
}

/// A client that went without a word is found by the first message that does not reach it.
#[tokio::test]
async fn a_client_that_is_not_there_any_more_is_removed() {
    let server = TestServer::host("shakespeare.lit").with::<Muc>().with::<Log>().start().await;
    let (mut crone, hag) = two(&server, "").await;
    // Without a presence module nobody says that it has gone.
    hag.session().closed().await;
    crone.expect_nothing();
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    let seen = drain(&mut crone);
    assert_eq!((body(&seen[0]).as_str(), codes(&seen[1])), ("x", vec!["333".to_owned()]));
    assert_eq!(nick(&seen[1]), "thirdwitch");
}

/// XEP-0191: who has blocked somebody stays in the room.
#[tokio::test]
async fn an_error_about_a_private_message_goes_to_its_sender() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    crone
        .send(&format!("<message type='chat' id='pm' to='{COVEN}/thirdwitch'><body>x</body></message>"))
        .await;
    assert_eq!(drain(&mut hag)[0].id.as_deref(), Some("pm"));
    hag.send(&format!(
        "<message type='error' id='pm' to='{COVEN}/firstwitch'><error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ))
    .await;
    let came = drain(&mut crone);
    refused(&came[0], Condition::NotAcceptable);
    assert_eq!(came[0].from.as_ref().unwrap().as_str(), format!("{COVEN}/thirdwitch"));
    assert_eq!(came.len(), 1);
    crone.expect_nothing();
}

/// Who asks what about a room that is hidden, members-only and semi-anonymous: each kind of stranger, each question.
#[tokio::test]
async fn a_private_room_tells_strangers_nothing_of_what_is_inside() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='member' jid='hag66@shakespeare.lit' nick='reserved'/><item affiliation='outcast' jid='earl@shakespeare.lit'/>").await);
    crone
        .send(&format!("<message type='groupchat' to='{COVEN}'><subject>secret subject</subject></message>"))
        .await;
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>secret body</body></message>")).await;
    ok(&configure(&mut crone, COVEN, "publicroom=0 membersonly=1").await);
    hag.forget();
    let info = "http://jabber.org/protocol/disco#info";
    let questions = [
        ("get", COVEN, format!("<query xmlns='{info}'/>")),
        ("get", COVEN, "<query xmlns='http://jabber.org/protocol/disco#items'/>".to_owned()),
        ("get", COVEN, format!("<query xmlns='{info}' node='x-roomuser-item'/>")),
        ("get", "conference.shakespeare.lit", "<query xmlns='http://jabber.org/protocol/disco#items'/>".to_owned()),
        ("get", COVEN, format!("<query xmlns='{MUC}#owner'/>")),
        ("get", COVEN, "<query xmlns='jabber:iq:register'/>".to_owned()),
        ("get", COVEN, "<vCard xmlns='vcard-temp'/>".to_owned()),
        ("set", COVEN, "<query xmlns='urn:xmpp:mam:2'/>".to_owned()),
        ("get", COVEN, "<metadata xmlns='urn:xmpp:mam:2'/>".to_owned()),
        ("get", "coven@conference.shakespeare.lit/firstwitch", format!("<query xmlns='{info}'/>")),
        ("get", "coven@conference.shakespeare.lit/firstwitch", "<vCard xmlns='vcard-temp'/>".to_owned()),
        ("set", COVEN, "<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:list-assigned'/>".to_owned()),
    ];
    let lists = ["outcast", "none", "member", "admin", "owner"].map(|list| {
        ("get", COVEN, format!("<query xmlns='{MUC}#admin'><item affiliation='{list}'/></query>"))
    });
    let roles = ["visitor", "participant", "moderator"]
        .map(|list| ("get", COVEN, format!("<query xmlns='{MUC}#admin'><item role='{list}'/></query>")));
    for stranger in ["macbeth", "earl"] {
        let mut asker = client(&server, stranger).await;
        for (kind, to, question) in questions.iter().chain(&lists).chain(&roles) {
            asker.send(&format!("<iq type='{kind}' id='q' to='{to}'>{question}</iq>")).await;
            for answer in drain(&mut asker) {
                let xml = answer.to_xml();
                let inside = xml
                    .replace(&format!("to='{stranger}@shakespeare.lit/r'"), "")
                    .replace(&format!("from='{to}'"), "");
                for secret in [
                    "secret",
                    "firstwitch",
                    "thirdwitch",
                    "reserved",
                    "crone1",
                    "hag66",
                    "earl",
                    "occupants'",
                ] {
                    assert!(!inside.contains(secret), "{stranger} learns {secret} from {question}: {xml}");
                }
            }
        }
    }
    // A member in the room reads what is for occupants, and no address.
    for (kind, to, question) in questions.iter().chain(&lists).chain(&roles) {
        hag.send(&format!("<iq type='{kind}' id='q' to='{to}'>{question}</iq>")).await;
        for answer in drain(&mut hag) {
            assert!(!answer.to_xml().contains("crone1"), "{question}: {}", answer.to_xml());
        }
    }
}

/// Every kind and type of stanza to each kind of address: nothing panics, errors are answered with nothing.
#[tokio::test]
async fn every_stanza_to_every_address_is_answered_or_ignored() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let mut macbeth = client(&server, "macbeth").await;
    let addresses = [
        "conference.shakespeare.lit",
        "conference.shakespeare.lit/x",
        COVEN,
        "nowhere@conference.shakespeare.lit",
        "nowhere@conference.shakespeare.lit/x",
    ];
    let occupant = [format!("{COVEN}/firstwitch"), format!("{COVEN}/nobody")];
    let messages = ["normal", "chat", "groupchat", "headline", "error"];
    let presences =
        ["unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "error"];
    let error =
        "<error type='cancel'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for to in addresses.iter().copied().chain(occupant.iter().map(String::as_str)) {
        for (name, kinds) in [
            ("message", messages.as_slice()),
            ("presence", &presences),
            ("iq", &["get", "set", "result", "error"]),
        ] {
            for kind in kinds {
                let payload = match (name, *kind) {
                    (_, "error") => error,
                    ("iq", "result") => "",
                    ("iq", _) => "<x xmlns='urn:unknown'/>",
                    _ => "<body>x</body>",
                };
                let stanza = format!("<{name} type='{kind}' id='s' to='{to}'>{payload}</{name}>");
                macbeth.send(&stanza).await;
                let came = drain(&mut macbeth);
                let answers = match (name, *kind) {
                    (_, "error" | "result") | ("presence", _) => 0,
                    _ => 1,
                };
                assert_eq!(came.len(), answers, "{stanza}: {came:?}");
                assert!(came.iter().all(Stanza::is_error), "{stanza}: {came:?}");
            }
        }
    }
    crone.expect_nothing();
    hag.expect_nothing();
}

fn asks(to: &str, id: &str) -> String {
    format!("<iq type='get' id='{id}' to='{COVEN}/{to}'><query xmlns='jabber:iq:version'/></iq>")
}

/// One occupant does not use up the places of all for requests that wait.
#[tokio::test]
async fn each_user_has_places_of_his_own_for_requests_that_wait() {
    let clock = waxwing_core::Clock::fixed(waxwing_xmpp::Timestamp(1_700_000_000_000_000));
    let server = configured("requests_per_user_max = 2").clock(clock.clone()).start().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let mut wicca = client(&server, "wiccarocks").await;
    enter(&mut wicca, COVEN, "secondwitch").await;
    let mut laptop = server.online("wiccarocks@shakespeare.lit/laptop").await;
    enter(&mut laptop, COVEN, "fourthwitch").await;
    for client in [&mut crone, &mut hag, &mut wicca, &mut laptop] {
        client.forget();
    }
    wicca.send(&asks("firstwitch", "1")).await;
    wicca.send(&asks("firstwitch", "2")).await;
    wicca.expect_nothing();
    // Another client or nickname of the same user has no other places.
    laptop.send(&asks("firstwitch", "3")).await;
    let error = drain(&mut laptop)[0].error().expect("an error");
    assert_eq!((error.condition, error.kind), (Condition::ResourceConstraint, ErrorType::Wait));
    // Others have theirs.
    hag.send(&asks("firstwitch", "4")).await;
    hag.expect_nothing();
    let asked = drain(&mut crone);
    assert_eq!(asked.len(), 3);
    // An answer gives a place back.
    crone
        .send(&format!("<iq type='result' id='{}' to='{COVEN}/secondwitch'/>", asked[0].id.as_ref().unwrap()))
        .await;
    assert_eq!(drain(&mut wicca)[0].id.as_deref(), Some("1"));
    wicca.send(&asks("firstwitch", "5")).await;
    wicca.expect_nothing();
    // What nobody has answered for a minute is given up, with an answer, for what is new.
    if let waxwing_core::Clock::Fixed(now) = &clock {
        now.fetch_add(61_000_000, std::sync::atomic::Ordering::Relaxed);
    }
    wicca.send(&asks("firstwitch", "6")).await;
    let given_up = drain(&mut wicca);
    assert_eq!((given_up.len(), given_up[0].id.as_deref()), (1, Some("2")));
    refused(&given_up[0], Condition::ResourceConstraint);
    assert_eq!(
        given_up[0].from.as_ref().map(Jid::as_str),
        Some("coven@conference.shakespeare.lit/firstwitch")
    );
}

/// Private messages are sent however many there are; errors find back to the last ones.
#[tokio::test]
async fn errors_find_back_to_the_last_private_messages_of_a_user() {
    let server = configured("requests_per_user_max = 2").start().await;
    let (mut crone, mut hag) = two(&server, "").await;
    for id in ["a", "b", "c"] {
        crone
            .send(&format!("<message type='chat' id='{id}' to='{COVEN}/thirdwitch'><body>x</body></message>"))
            .await;
    }
    assert_eq!(drain(&mut hag).len(), 3);
    for (id, found) in [("a", false), ("b", true), ("c", true)] {
        hag.send(&format!(
            "<message type='error' id='{id}' to='{COVEN}/firstwitch'><error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        ))
        .await;
        assert_eq!(drain(&mut crone).len(), usize::from(found), "{id}");
    }
}

/// RFC 6120 §8.2.3: where the room ends nobody else answers.
#[tokio::test]
async fn a_request_in_a_room_that_ends_is_answered() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    hag.send(&asks("firstwitch", "1")).await;
    hag.expect_nothing();
    let destroy = format!("<query xmlns='{MUC}#owner'><destroy/></query>");
    ok(&ask(&mut crone, "set", COVEN, &destroy).await);
    let answer = drain(&mut hag).into_iter().find(|stanza| stanza.id.as_deref() == Some("1"));
    refused(&answer.expect("an answer"), Condition::ItemNotFound);
}

/// RFC 6120 §8.2.3: a request that makes room for those of others is answered.
#[tokio::test]
async fn a_request_that_is_given_up_is_answered() {
    let server = configured("requests_max = 1").start().await;
    let (mut crone, mut hag) = two(&server, "").await;
    crone.send(&asks("thirdwitch", "1")).await;
    hag.send(&asks("firstwitch", "2")).await;
    let came = drain(&mut crone);
    let error = came.iter().find(|stanza| stanza.id.as_deref() == Some("1")).expect("an answer");
    refused(error, Condition::ResourceConstraint);
}

/// XEP-0045 has no pages of lists: each fits into one stanza.
#[tokio::test]
async fn a_list_of_affiliations_fits_into_one_stanza() {
    let store = Store::memory();
    let server = configured("list_bytes_max = '300 B'").store(store.clone()).start().await;
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "persistentroom=1 membersonly=1").await;
    let member = |name: &str| format!("<item affiliation='member' jid='{name}@shakespeare.lit'/>");
    let list = |name: &str| format!("<query xmlns='{MUC}#admin'><item affiliation='{name}'/></query>");
    let mut count = 0;
    let full = loop {
        let answer = admin(&mut crone, COVEN, &member(&format!("w{count}"))).await;
        if answer.is_error() {
            break answer;
        }
        count += 1;
    };
    refused(&full, Condition::ResourceConstraint);
    let members = ask(&mut crone, "get", COVEN, &list("member")).await.to_xml();
    assert!(count > 2 && members.matches("<item ").count() == count && members.len() < 700, "{members}");
    // Neither all at once, nor by the form, nor by a long reason, nor by an invitation.
    let reason = "r".repeat(300);
    let ban = format!("<item affiliation='outcast' jid='a@b.lit'><reason>{reason}</reason></item>");
    refused(&admin(&mut crone, COVEN, &ban).await, Condition::ResourceConstraint);
    let many = (0..9).map(|n| format!("owner{n}@shakespeare.lit")).collect::<Vec<_>>().join(",");
    let form = format!("roomowners=crone1@shakespeare.lit,{many}");
    refused(&configure(&mut crone, COVEN, &form).await, Condition::ResourceConstraint);
    let invite = format!("<x xmlns='{USER}'><invite to='hecate@shakespeare.lit'/></x>");
    crone.send(&format!("<message to='{COVEN}'>{invite}</message>")).await;
    refused(&drain(&mut crone)[0], Condition::ResourceConstraint);
    // Another list has room, and who goes makes some.
    ok(&admin(&mut crone, COVEN, "<item affiliation='outcast' jid='a@b.lit'/>").await);
    ok(&admin(&mut crone, COVEN, "<item affiliation='none' jid='w0@shakespeare.lit'/>").await);
    ok(&admin(&mut crone, COVEN, &member("hecate")).await);
    // One that is longer since the limit was lowered is not sent; it may be made shorter.
    server.halt().await;
    let server = configured("list_bytes_max = '30 B'").store(store).seed(2).start().await;
    let mut crone = client(&server, "crone1").await;
    refused(&ask(&mut crone, "get", COVEN, &list("member")).await, Condition::ResourceConstraint);
    ok(&admin(&mut crone, COVEN, "<item affiliation='none' jid='hecate@shakespeare.lit'/>").await);
}
