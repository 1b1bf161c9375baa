//! XEP-0317, XEP-0452, XEP-0463, XEP-0486, XEP-0500.

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
async fn xep0486_3_an_owner_gives_the_room_an_avatar() {
    let server = configured("vcard_bytes_max = '200 B'").start().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let card = "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard>";
    refused(&ask(&mut hag, "get", COVEN, "<vCard xmlns='vcard-temp'/>").await, Condition::ItemNotFound);
    refused(&ask(&mut hag, "set", COVEN, card).await, Condition::Forbidden);
    let large = card.replace("AAAA", &"AAAA".repeat(100));
    refused(&ask(&mut crone, "set", COVEN, &large).await, Condition::PolicyViolation);
    ok(&ask(&mut crone, "set", COVEN, card).await);
    assert_eq!(codes(&drain(&mut hag)[0]), ["104"]);
    let info =
        ask(&mut hag, "get", COVEN, "<query xmlns='http://jabber.org/protocol/disco#info'/>").await.to_xml();
    // SHA-1 of three zero bytes.
    assert!(info.contains("29e2dcfbb16f63bb0254df7585a15bb6fb5e927d"), "{info}");
    assert!(ask(&mut hag, "get", COVEN, "<vCard xmlns='vcard-temp'/>").await.to_xml().contains("AAAA"));
    ok(&ask(&mut crone, "set", COVEN, "<vCard xmlns='vcard-temp'/>").await);
    refused(&ask(&mut crone, "get", COVEN, "<vCard xmlns='vcard-temp'/>").await, Condition::ItemNotFound);
}

#[tokio::test]
async fn xep0500_6_slow_mode_is_by_user_and_not_for_admins() {
    let clock = waxwing_core::Clock::fixed(waxwing_xmpp::Timestamp(1_700_000_000_000_000));
    let server = builder().clock(clock.clone()).start().await;
    let (mut crone, mut hag) = two(&server, "slow_mode_duration=20").await;
    let info =
        ask(&mut hag, "get", COVEN, "<query xmlns='http://jabber.org/protocol/disco#info'/>").await.to_xml();
    assert!(info.contains("muc#roominfo_slow_mode_duration") && info.contains("<value>20</value>"), "{info}");
    let say = format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>");
    hag.send(&say).await;
    ok(&drain(&mut hag)[0]);
    hag.send(&say).await;
    let error = drain(&mut hag)[0].error().unwrap();
    assert_eq!((error.condition, error.kind), (Condition::PolicyViolation, ErrorType::Wait));
    assert!(error.text.unwrap().contains("20"));
    // §6: chat states do not count.
    hag.send(&format!("<message type='groupchat' to='{COVEN}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")).await;
    ok(&drain(&mut hag)[0]);
    // §8: another client of the same user.
    let mut laptop = server.online("hag66@shakespeare.lit/laptop").await;
    enter(&mut laptop, COVEN, "other").await;
    laptop.send(&say).await;
    refused(&drain(&mut laptop)[0], Condition::PolicyViolation);
    crone.forget();
    crone.send(&say).await;
    crone.send(&say).await;
    assert_eq!(drain(&mut crone).len(), 2);
    if let waxwing_core::Clock::Fixed(now) = &clock {
        now.fetch_add(20_000_000, std::sync::atomic::Ordering::Relaxed);
    }
    hag.forget();
    hag.send(&say).await;
    ok(&drain(&mut hag)[0]);
}

#[tokio::test]
async fn xep0452_3_2_members_who_are_away_learn_that_they_were_mentioned() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "forwardmentions=1").await;
    let (mut hecate, mut earl) = (client(&server, "hecate").await, client(&server, "earl").await);
    ok(&admin(&mut crone, COVEN, "<item affiliation='member' jid='hecate@shakespeare.lit' nick='queen'/>")
        .await);
    let mention =
        |uri: &str| format!("<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:{uri}'/>");
    let message = format!(
        "<message type='groupchat' id='m' to='{COVEN}'><body>x</body>{}{}{}</message>",
        mention(&format!("{COVEN}/queen")),
        mention("earl@shakespeare.lit"),
        mention("crone1@shakespeare.lit")
    );
    hag.send(&message).await;
    let came = drain(&mut hecate);
    let xml = came[0].to_xml();
    assert!(
        xml.contains("<mentions xmlns='urn:xmpp:mmn:0'>")
            && xml.contains("stanza-id")
            && xml.contains("<body>x</body>"),
        "{xml}"
    );
    assert_eq!(came[0].from.as_ref().unwrap().as_str(), COVEN);
    // Neither who is no member, nor who is here.
    earl.expect_nothing();
    assert!(drain(&mut crone).iter().all(|stanza| !stanza.to_xml().contains("mmn")));
    ok(&configure(&mut crone, COVEN, "forwardmentions=0").await);
    hag.send(&message).await;
    hecate.expect_nothing();
}

#[tokio::test]
async fn xep0317_3_hats_are_made_given_shown_and_taken() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let command = |name: &str, fields: &[(&str, &str)]| {
        let fields: String = fields
            .iter()
            .map(|(var, value)| format!("<field var='hats#{var}'><value>{value}</value></field>"))
            .collect();
        format!(
            "<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:{name}'>\
             <x xmlns='jabber:x:data' type='submit'>{fields}</x></command>"
        )
    };
    let create = command("create", &[("title", "Host"), ("uri", "urn:hat"), ("hue", "327.25")]);
    refused(&ask(&mut hag, "set", COVEN, &create).await, Condition::Forbidden);
    let form = "<command xmlns='http://jabber.org/protocol/commands' action='execute' node='urn:xmpp:hats:commands:create'/>";
    let form = ask(&mut crone, "set", COVEN, form).await.to_xml();
    assert!(form.contains("status='executing'") && form.contains("hats#title"), "{form}");
    refused(
        &ask(&mut crone, "set", COVEN, &command("create", &[("title", "x"), ("uri", "u"), ("hue", "red")]))
            .await,
        Condition::BadRequest,
    );
    assert!(ask(&mut crone, "set", COVEN, &create).await.to_xml().contains("status='completed'"));
    assert_eq!(codes(&drain(&mut hag)[0]), ["104"]);
    let give = command("assign", &[("jid", "hag66@shakespeare.lit"), ("uri", "urn:hat")]);
    ok(&ask(&mut crone, "set", COVEN, &give).await);
    let shown =
        drain(&mut hag)[0].children.find("urn:xmpp:hats:0", "hats").expect("a hat").as_str().to_owned();
    assert_eq!(shown, "<hats xmlns='urn:xmpp:hats:0'><hat title='Host' uri='urn:hat' hue='327.25'/></hats>");
    refused(
        &ask(&mut crone, "set", COVEN, &command("assign", &[("jid", "a@b.lit"), ("uri", "urn:none")])).await,
        Condition::ItemNotFound,
    );
    // Nobody makes one for himself.
    hag.send(&format!("<presence to='{COVEN}/thirdwitch'><hats xmlns='urn:xmpp:hats:0'><hat title='King' uri='k'/></hats></presence>")).await;
    assert!(!drain(&mut crone).last().unwrap().to_xml().contains("King"));
    let list = |name: &str| {
        format!("<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:{name}'/>")
    };
    assert!(ask(&mut hag, "set", COVEN, &list("list")).await.to_xml().contains("<value>Host</value>"));
    refused(&ask(&mut hag, "set", COVEN, &list("list-assigned")).await, Condition::Forbidden);
    assert!(
        ask(&mut crone, "set", COVEN, &list("list-assigned"))
            .await
            .to_xml()
            .contains("hag66@shakespeare.lit")
    );
    hag.forget();
    ok(&ask(&mut crone, "set", COVEN, &command("destroy", &[("uri", "urn:hat")])).await);
    assert!(
        drain(&mut hag)
            .iter()
            .any(|stanza| matches!(stanza.kind, Kind::Presence(_)) && !stanza.to_xml().contains("hats"))
    );
}

#[tokio::test]
async fn xep0463_5_clients_that_come_back_get_what_has_changed() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "whois=anyone").await;
    let mav = "urn:xmpp:muc:affiliations:1";
    let enter_with = |since: &str| {
        format!(
            "<presence to='{COVEN}/firstwitch'><x xmlns='{MUC}'><mav xmlns='{mav}'{since}/></x></presence>"
        )
    };
    crone.send(&enter_with("")).await;
    let came = drain(&mut crone);
    assert!(matches!(came[0].kind, Kind::Message(_)), "before any presence: {came:?}");
    assert!(x(&came[0]).to_xml().contains("jid='crone1@shakespeare.lit' affiliation='owner'"), "{came:?}");
    let until = x(&came[0]).child(mav, "mav").unwrap().attr("until").unwrap().to_owned();
    let own = came.iter().find(|stanza| nick(stanza) == "firstwitch").unwrap();
    assert_eq!(x(own).child(mav, "mav").unwrap().attr("until"), Some(until.as_str()));
    // §5.2.2: of somebody who is not in the room.
    ok(&admin(&mut crone, COVEN, "<item affiliation='member' jid='hecate@shakespeare.lit'/>").await);
    let told = drain(&mut hag)
        .into_iter()
        .find(|stanza| matches!(stanza.kind, Kind::Message(_)))
        .expect("a message");
    assert_eq!(x(&told).child(mav, "mav").unwrap().attr("since"), Some(until.as_str()));
    assert_eq!(item(&told, "jid").as_deref(), Some("hecate@shakespeare.lit"));
    crone.forget();
    crone.send(&enter_with(&format!(" since='{until}'"))).await;
    let xml = x(&drain(&mut crone)[0]).to_xml();
    assert!(
        xml.contains("hecate") && !xml.contains("crone1") && xml.contains(&format!("since='{until}'")),
        "{xml}"
    );
    // A version that nobody knows: everything.
    crone.send(&enter_with(" since='v99'")).await;
    let xml = x(&drain(&mut crone)[0]).to_xml();
    assert!(xml.contains("hecate") && xml.contains("crone1") && !xml.contains("since="), "{xml}");
    // "There can be no empty diff": a member may not know who is banned.
    let until = crone_version(&mut crone, mav).await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='outcast' jid='duncan@shakespeare.lit'/>").await);
    hag.forget();
    hag.send(&enter_with(&format!(" since='{until}'")).replace("firstwitch", "thirdwitch")).await;
    let first = drain(&mut hag).swap_remove(0);
    assert!(matches!(first.kind, Kind::Presence(_)), "{first:?}");
    // §5.2.3.
    ok(&configure(&mut crone, COVEN, "whois=moderators").await);
    hag.forget();
    hag.send(&enter_with("").replace("firstwitch", "thirdwitch")).await;
    refused(&drain(&mut hag)[0], Condition::Forbidden);
}

/// The version of the lists that the own presence tells.
async fn crone_version(crone: &mut TestClient, mav: &str) -> String {
    crone.forget();
    crone
        .send(&format!(
            "<presence to='{COVEN}/firstwitch'><x xmlns='{MUC}'><mav xmlns='{mav}'/></x></presence>"
        ))
        .await;
    let came = drain(crone);
    let own = came.iter().find(|stanza| nick(stanza) == "firstwitch").unwrap();
    x(own).child(mav, "mav").unwrap().attr("until").unwrap().to_owned()
}

/// XEP-0463 §5.2.1: long lists come in several messages, of which each goes on where the one before has ended.
#[tokio::test]
async fn xep0463_5_2_1_a_long_response_is_split() {
    let server = configured("list_bytes_max = '200 B'").start().await;
    let (mut crone, _hag) = two(&server, "whois=anyone").await;
    for jid in ["duncan", "malcolm", "hecate"] {
        ok(&admin(&mut crone, COVEN, &format!("<item affiliation='member' jid='{jid}@shakespeare.lit'/>"))
            .await);
    }
    for jid in ["banquo", "macduff"] {
        ok(&admin(&mut crone, COVEN, &format!("<item affiliation='admin' jid='{jid}@shakespeare.lit'/>"))
            .await);
    }
    crone.forget();
    let mav = "urn:xmpp:muc:affiliations:1";
    let again = format!("<x xmlns='{MUC}'><mav xmlns='{mav}'/></x>");
    crone.send(&format!("<presence to='{COVEN}/firstwitch'>{again}</presence>")).await;
    let came = drain(&mut crone);
    let parts: Vec<Tree> = came
        .iter()
        .take_while(|stanza| stanza.id.is_some() && matches!(stanza.kind, Kind::Message(_)))
        .map(x)
        .collect();
    assert!(parts.len() >= 2, "{came:?}");
    let version =
        |part: &Tree, name: &str| part.child(mav, "mav").and_then(|mav| mav.attr(name)).map(str::to_owned);
    assert_eq!(version(&parts[0], "since"), None);
    for pair in parts.windows(2) {
        assert_eq!(version(&pair[1], "since"), version(&pair[0], "until"));
        assert_ne!(version(&pair[1], "until"), version(&pair[0], "until"));
    }
    // Who got the first one only does not pass for somebody who has all.
    let first = version(&parts[0], "until").unwrap();
    crone.send(&format!("<presence to='{COVEN}/firstwitch'><x xmlns='{MUC}'><mav xmlns='{mav}' since='{first}'/></x></presence>")).await;
    assert_eq!(version(&x(&drain(&mut crone)[0]), "since"), None);
    let all: String = parts.iter().map(Tree::to_xml).collect();
    for jid in ["crone1", "duncan", "malcolm", "hecate", "banquo", "macduff"] {
        assert_eq!(all.matches(&format!("{jid}@")).count(), 1, "{jid}: {all}");
    }
}
