//! Who may do what, and who learns what: XEP-0045 §5.1, §7.2, §7.8, §7.10, §8, §10, §17.

use super::*;

async fn two(server: &TestServer, fields: &str) -> (TestClient, TestClient) {
    let (mut crone, mut hag) = (client(server, "crone1").await, client(server, "hag66").await);
    make(&mut crone, COVEN, fields).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.forget();
    hag.forget();
    (crone, hag)
}

fn register(nick: &str) -> String {
    format!(
        "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>\
         <field var='muc#register_roomnick'><value>{nick}</value></field></x></query>"
    )
}

async fn say(client: &mut TestClient) -> Stanza {
    client.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    drain(client).into_iter().rfind(|stanza| matches!(stanza.kind, Kind::Message(_))).expect("a message")
}

/// One's own presence, as somebody enters.
fn own_role(came: &[Stanza]) -> String {
    let own = came.iter().find(|stanza| codes(stanza).iter().any(|code| code == "110"));
    item(own.expect("its own presence"), "role").unwrap_or_default()
}

fn still() -> waxwing_core::Clock {
    waxwing_core::Clock::fixed(waxwing_xmpp::Timestamp(1_700_000_000_000_000))
}

#[tokio::test]
async fn xep0045_9_9_registration_gives_no_voice_in_a_moderated_room() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "moderatedroom=1").await;
    ok(&ask(&mut hag, "set", COVEN, &register("thirdwitch")).await);
    refused(&say(&mut hag).await, Condition::Forbidden);
    let asked = drain(&mut crone);
    assert!(asked[0].to_xml().contains("muc#register_allow"), "{asked:?}");
}

#[tokio::test]
async fn xep0045_8_4_registration_gives_no_voice_to_who_was_silenced() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='visitor'/>").await);
    ok(&ask(&mut hag, "set", COVEN, &register("thirdwitch")).await);
    refused(&say(&mut hag).await, Condition::Forbidden);
    // Nor outside.
    hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    ok(&ask(&mut hag, "set", COVEN, &register("thirdwitch")).await);
    hag.forget();
    assert_eq!(own_role(&enter(&mut hag, COVEN, "thirdwitch").await), "visitor");
}

#[tokio::test]
async fn xep0045_8_4_who_was_silenced_is_so_under_every_nickname() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let mut laptop = server.online("hag66@shakespeare.lit/laptop").await;
    enter(&mut laptop, COVEN, "other").await;
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='visitor'/>").await);
    laptop.forget();
    refused(&say(&mut laptop).await, Condition::Forbidden);
    let mut phone = server.online("hag66@shakespeare.lit/phone").await;
    assert_eq!(own_role(&enter(&mut phone, COVEN, "third").await), "visitor");
    hag.forget();
    refused(&say(&mut hag).await, Condition::Forbidden);
}

#[tokio::test]
async fn xep0045_8_2_a_kick_gives_no_voice_back() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='visitor'/>").await);
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='none'/>").await);
    hag.forget();
    assert_eq!(own_role(&enter(&mut hag, COVEN, "thirdwitch").await), "visitor");
    // Voice that was given in a moderated room ends with a kick.
    ok(&configure(&mut crone, COVEN, "moderatedroom=1").await);
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='participant'/>").await);
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='none'/>").await);
    hag.forget();
    assert_eq!(own_role(&enter(&mut hag, COVEN, "thirdwitch").await), "visitor");
}

#[tokio::test]
async fn xep0045_7_2_9_a_second_nickname_takes_a_place() {
    let server = server().await;
    let (_crone, _hag) = two(&server, "maxusers=2").await;
    let mut laptop = server.online("hag66@shakespeare.lit/laptop").await;
    refused(&enter(&mut laptop, COVEN, "other").await[0], Condition::ServiceUnavailable);
    assert_eq!(own_role(&enter(&mut laptop, COVEN, "thirdwitch").await), "participant");
}

#[tokio::test]
async fn leaving_and_coming_back_makes_nobody_faster() {
    let server = configured("rate = 1\nburst = 3\nnick_changes = 2").clock(still()).start().await;
    let (_crone, mut hag) = two(&server, "").await;
    for _ in 0..3 {
        ok(&say(&mut hag).await);
    }
    for name in ["oldhag", "thirdwitch"] {
        hag.send(&format!("<presence to='{COVEN}/{name}'/>")).await;
    }
    hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    refused(&say(&mut hag).await, Condition::PolicyViolation);
    hag.send(&format!("<presence to='{COVEN}/oldhag'/>")).await;
    refused(&drain(&mut hag)[0], Condition::PolicyViolation);
}

#[tokio::test]
async fn xep0045_10_2_who_has_to_go_sees_no_addresses_that_are_opened() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let mut wicca = client(&server, "wiccarocks").await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='member' jid='wiccarocks@shakespeare.lit'/>").await);
    enter(&mut wicca, COVEN, "secondwitch").await;
    hag.forget();
    wicca.forget();
    ok(&configure(&mut crone, COVEN, "whois=anyone membersonly=1").await);
    let came = drain(&mut hag);
    assert_eq!((came.len(), codes(&came[0])), (1, vec!["110".to_owned(), "322".to_owned()]), "{came:?}");
    let seen = drain(&mut wicca);
    let of =
        |name: &str| seen.iter().rfind(|stanza| nick(stanza) == name).and_then(|stanza| item(stanza, "jid"));
    assert_eq!(of("firstwitch").as_deref(), Some("crone1@shakespeare.lit/r"));
    assert_eq!(of("thirdwitch"), None);
}

#[tokio::test]
async fn xep0045_17_4_errors_that_pass_the_room_tell_no_addresses() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let error = "<error type='modify' by='hag66@shakespeare.lit'>\
                 <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:hag66@shakespeare.lit</gone>\
                 <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>hag66 has moved</text></error>";
    crone
        .send(&format!(
            "<iq type='get' id='v' to='{COVEN}/thirdwitch'><query xmlns='jabber:iq:version'/></iq>"
        ))
        .await;
    let id = drain(&mut hag)[0].id.clone().unwrap();
    hag.send(&format!("<iq type='error' id='{id}' to='{COVEN}/firstwitch'>{error}</iq>")).await;
    crone
        .send(&format!("<message type='chat' id='pm' to='{COVEN}/thirdwitch'><body>x</body></message>"))
        .await;
    hag.send(&format!("<message type='error' id='pm' to='{COVEN}/firstwitch'>{error}</message>")).await;
    let came: Vec<Stanza> = drain(&mut crone).into_iter().filter(Stanza::is_error).collect();
    assert_eq!(came.len(), 2, "{came:?}");
    for answer in came {
        refused(&answer, Condition::Gone);
        assert_eq!(answer.error().map(|error| error.kind), Some(ErrorType::Modify));
        assert!(!answer.to_xml().contains("hag66"), "{}", answer.to_xml());
    }
}

/// §10.1.1, §17.2: as if it were not there.
#[tokio::test]
async fn xep0045_10_1_1_a_locked_room_is_not_there_for_others() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    enter(&mut crone, COVEN, "firstwitch").await;
    crone.forget();
    let questions = [
        ("set", register("thirdwitch")),
        ("get", "<query xmlns='jabber:iq:register'/>".to_owned()),
        ("get", "<ping xmlns='urn:xmpp:ping'/>".to_owned()),
        ("get", format!("<query xmlns='{MUC}#admin'><item affiliation='owner'/></query>")),
        ("get", format!("<query xmlns='{MUC}#owner'/>")),
        ("get", "<vCard xmlns='vcard-temp'/>".to_owned()),
        ("set", "<query xmlns='urn:xmpp:mam:2'/>".to_owned()),
        (
            "set",
            "<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:list'/>"
                .to_owned(),
        ),
        ("get", "<x xmlns='urn:unknown'/>".to_owned()),
    ];
    for (kind, question) in questions {
        refused(&ask(&mut hag, kind, COVEN, &question).await, Condition::ItemNotFound);
    }
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    refused(&ask(&mut hag, "get", &format!("{COVEN}/firstwitch"), info).await, Condition::NotAcceptable);
    for (kind, to) in [("groupchat", ""), ("normal", ""), ("chat", "/firstwitch"), ("chat", "/nobody")] {
        hag.send(&format!("<message type='{kind}' to='{COVEN}{to}'><body>x</body></message>")).await;
        refused(&drain(&mut hag)[0], Condition::ItemNotFound);
    }
    crone.expect_nothing();
    ok(&ask(&mut crone, "get", COVEN, &format!("<query xmlns='{MUC}#owner'/>")).await);
}

#[tokio::test]
async fn xep0045_7_8_2_only_who_was_invited_declines_and_only_once() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let (mut hecate, mut earl) = (client(&server, "hecate").await, client(&server, "earl").await);
    let decline =
        format!("<message to='{COVEN}'><x xmlns='{USER}'><decline to='{COVEN}/firstwitch'/></x></message>");
    hecate.send(&decline).await;
    refused(&drain(&mut hecate)[0], Condition::Forbidden);
    let invite = |name: &str| {
        format!("<message to='{COVEN}'><x xmlns='{USER}'><invite to='{name}@shakespeare.lit'/></x></message>")
    };
    crone.send(&invite("hecate")).await;
    crone.send(&invite("earl")).await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='outcast' jid='earl@shakespeare.lit'/>").await);
    crone.forget();
    earl.forget();
    earl.send(&decline).await;
    refused(&drain(&mut earl)[0], Condition::Forbidden);
    hecate.forget();
    // Not to who has not invited.
    hecate.send(&decline.replace("firstwitch", "thirdwitch")).await;
    refused(&drain(&mut hecate)[0], Condition::Forbidden);
    hag.expect_nothing();
    crone.expect_nothing();
    hecate.send(&decline).await;
    assert!(x(&drain(&mut crone)[0]).child(USER, "decline").is_some());
    hecate.send(&decline).await;
    refused(&drain(&mut hecate)[0], Condition::Forbidden);
    crone.expect_nothing();
}

#[tokio::test]
async fn xep0045_7_8_2_all_invitations_of_a_message_are_good_or_none_is_sent() {
    let server = configured("rate = 1\nburst = 3").clock(still()).start().await;
    let (mut crone, _hag) = two(&server, "").await;
    let mut hecate = client(&server, "hecate").await;
    let send = async |crone: &mut TestClient, addresses: &[&str]| {
        let invites: String = addresses.iter().map(|to| format!("<invite to='{to}'/>")).collect();
        crone.send(&format!("<message to='{COVEN}'><x xmlns='{USER}'>{invites}</x></message>")).await;
    };
    send(&mut crone, &["hecate@shakespeare.lit", "@"]).await;
    refused(&drain(&mut crone)[0], Condition::JidMalformed);
    hecate.expect_nothing();
    // Each one costs as much as a message.
    send(&mut crone, &["hecate@shakespeare.lit"; 4]).await;
    refused(&drain(&mut crone)[0], Condition::PolicyViolation);
    hecate.expect_nothing();
}

#[tokio::test]
async fn xep0045_7_8_2_whoever_invites_nobody_is_told_so() {
    let server = server().await;
    let (mut crone, _hag) = two(&server, "").await;
    crone
        .send(&format!(
            "<message to='{COVEN}'><x xmlns='{USER}'><invite to='nobody@shakespeare.lit'/></x></message>"
        ))
        .await;
    refused(&drain(&mut crone)[0], Condition::ItemNotFound);
}

#[tokio::test]
async fn registering_and_reading_lists_have_a_rate() {
    let server = configured("entries = 4").clock(still()).start().await;
    let (mut crone, mut hag) = two(&server, "membersonly=0").await;
    ok(&configure(&mut crone, COVEN, "moderatedroom=1").await);
    crone.forget();
    let remove = "<query xmlns='jabber:iq:register'><remove/></query>";
    ok(&ask(&mut hag, "set", COVEN, &register("thirdwitch")).await);
    ok(&ask(&mut hag, "set", COVEN, remove).await);
    ok(&ask(&mut hag, "set", COVEN, &register("thirdwitch")).await);
    refused(&ask(&mut hag, "set", COVEN, remove).await, Condition::PolicyViolation);
    let list = format!("<query xmlns='{MUC}#admin'><item affiliation='owner'/></query>");
    for _ in 0..3 {
        ok(&ask(&mut crone, "get", COVEN, &list).await);
    }
    refused(&ask(&mut crone, "get", COVEN, &list).await, Condition::PolicyViolation);
    // To get everything again is to come in.
    crone.forget();
    refused(&enter(&mut crone, COVEN, "firstwitch").await[0], Condition::PolicyViolation);
}

#[tokio::test]
async fn xep0045_7_2_6_guessing_passwords_has_a_rate() {
    let server = configured("entries = 3").clock(still()).start().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(&mut crone, COVEN, "passwordprotectedroom=1 roomsecret=cauldronburn").await;
    for _ in 0..3 {
        refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::NotAuthorized);
    }
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::PolicyViolation);
}

#[tokio::test]
async fn xep0045_9_9_an_approval_that_meets_a_conflict_keeps_the_request() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(&mut crone, COVEN, "membersonly=1").await;
    ok(&ask(&mut hag, "set", COVEN, &register("thirdwitch")).await);
    let reserve = "<item affiliation='member' jid='hecate@shakespeare.lit' nick='thirdwitch'/>";
    ok(&admin(&mut crone, COVEN, reserve).await);
    crone.forget();
    let answer = format!(
        "<message to='{COVEN}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{MUC}#register</value></field>\
         <field var='muc#register_jid'><value>hag66@shakespeare.lit</value></field><field var='muc#register_allow'><value>1</value></field></x></message>"
    );
    crone.send(&answer).await;
    refused(&drain(&mut crone)[0], Condition::Conflict);
    ok(&admin(&mut crone, COVEN, "<item affiliation='none' jid='hecate@shakespeare.lit'/>").await);
    crone.send(&answer).await;
    crone.forget();
    let list = format!("<query xmlns='{MUC}#admin'><item affiliation='member'/></query>");
    let members = ask(&mut crone, "get", COVEN, &list).await.to_xml();
    assert!(members.contains("hag66@shakespeare.lit"), "{members}");
}

#[tokio::test]
async fn xep0045_10_9_a_private_room_that_was_destroyed_tells_strangers_nothing() {
    for (fields, tells) in [
        ("", true),
        ("publicroom=0", false),
        ("membersonly=1", false),
        ("passwordprotectedroom=1 roomsecret=x", false),
    ] {
        let server = server().await;
        let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
        make(&mut crone, COVEN, &format!("persistentroom=1 {fields}")).await;
        let destroy = "<destroy jid='heath@conference.shakespeare.lit'><reason>Macbeth</reason></destroy>";
        ok(&ask(&mut crone, "set", COVEN, &format!("<query xmlns='{MUC}#owner'>{destroy}</query>")).await);
        let answer = enter(&mut hag, COVEN, "thirdwitch").await.remove(0);
        refused(&answer, Condition::Gone);
        let xml = answer.to_xml();
        assert_eq!((xml.contains("heath"), xml.contains("Macbeth")), (tells, tells), "{fields}: {xml}");
    }
}

#[tokio::test]
async fn xep0045_10_4_a_request_says_one_thing_of_each_address() {
    let server = server().await;
    let (mut crone, _hag) = two(&server, "").await;
    let line = |jid: &str, affiliation: &str| {
        format!("<item affiliation='{affiliation}' jid='{jid}@shakespeare.lit'/>")
    };
    let (up, down, me) = (line("hecate", "owner"), line("hecate", "none"), line("crone1", "member"));
    refused(&admin(&mut crone, COVEN, &format!("{up}{down}{me}")).await, Condition::BadRequest);
    let reserve =
        |jid: &str| format!("<item affiliation='member' jid='{jid}@shakespeare.lit' nick='queen'/>");
    let both = format!("{}{}", reserve("hecate"), reserve("earl"));
    refused(&admin(&mut crone, COVEN, &both).await, Condition::Conflict);
    let list = format!("<query xmlns='{MUC}#admin'><item affiliation='owner'/></query>");
    assert!(ask(&mut crone, "get", COVEN, &list).await.to_xml().contains("crone1@shakespeare.lit"));
}

#[tokio::test]
async fn xep0045_9_2_a_domain_owns_no_room() {
    let server = server().await;
    let (mut crone, _hag) = two(&server, "").await;
    for list in ["roomowners", "roomadmins"] {
        let fields = format!("{list}=crone1@shakespeare.lit,example.com");
        refused(&configure(&mut crone, COVEN, &fields).await, Condition::NotAcceptable);
    }
}

/// §8.2, §8.3: whoever has done it learns first that it is done.
#[tokio::test]
async fn xep0045_8_2_8_3_success_comes_before_the_presence() {
    let server = server().await;
    let (mut crone, _hag) = two(&server, "").await;
    for role in ["visitor", "participant", "none"] {
        crone
            .send(&format!(
                "<iq type='set' id='k' to='{COVEN}'><query xmlns='{MUC}#admin'><item nick='thirdwitch' role='{role}'/></query></iq>"
            ))
            .await;
        let came = drain(&mut crone);
        assert_eq!((came.len(), came[0].kind), (2, Kind::Iq(IqType::Result)), "{role}: {came:?}");
    }
}

#[tokio::test]
async fn xep0045_8_4_the_refused_item_comes_back() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='admin' jid='hag66@shakespeare.lit'/>").await);
    hag.forget();
    let answer = admin(&mut hag, COVEN, "<item nick='firstwitch' role='visitor'/>").await;
    refused(&answer, Condition::NotAllowed);
    assert!(answer.to_xml().contains("<item nick='firstwitch' role='visitor'/>"), "{}", answer.to_xml());
}

/// XEP-0424 §4, §5: the tombstone names the retraction, which is kept whatever it says.
#[tokio::test]
async fn xep0424_4_a_tombstone_names_a_retraction_that_had_no_id() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let said = say(&mut hag).await;
    let id = said.children.find(ns::STANZA_ID, "stanza-id").and_then(|id| id.attribute("id")).expect("an id");
    crone.forget();
    hag.send(&format!(
        "<message type='groupchat' to='{COVEN}'><retract id='{id}' xmlns='urn:xmpp:message-retract:1'/>\
         <no-store xmlns='urn:xmpp:hints'/></message>"
    ))
    .await;
    let reflected = drain(&mut crone)[0].id.clone().expect("an id");
    crone.send(&format!("<iq type='set' id='page' to='{COVEN}'><query xmlns='urn:xmpp:mam:2'/></iq>")).await;
    let page: Vec<String> = drain(&mut crone).iter().map(Stanza::to_xml).collect();
    let tombstone = page.iter().find(|xml| xml.contains("<retracted")).expect("a tombstone");
    assert!(tombstone.contains(&format!("id='{reflected}'")), "{reflected}: {tombstone}");
    assert!(page.iter().any(|xml| xml.contains("<retract ")), "{page:?}");
}

fn hat(name: &str, fields: &[(&str, &str)]) -> String {
    let field =
        |(var, value): &(&str, &str)| format!("<field var='hats#{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    format!(
        "<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:{name}'>\
         <x xmlns='jabber:x:data' type='submit'>{fields}</x></command>"
    )
}

/// XEP-0317: what is in each presence is small, and is there after a restart.
#[tokio::test]
async fn xep0317_3_hats_are_short_and_few_and_last() {
    let store = Store::memory();
    let keys = "hat_bytes_max = 20\nhats_worn_max = 2";
    let server = configured(keys).store(store.clone()).start().await;
    let (mut crone, hag) = two(&server, "persistentroom=1").await;
    let long = "x".repeat(21);
    for (title, uri) in [(long.as_str(), "urn:a"), ("a", long.as_str())] {
        let create = hat("create", &[("title", title), ("uri", uri)]);
        refused(&ask(&mut crone, "set", COVEN, &create).await, Condition::NotAcceptable);
    }
    let give = |uri: &str| hat("assign", &[("jid", "hag66@shakespeare.lit"), ("uri", uri)]);
    for uri in ["urn:a", "urn:b", "urn:c"] {
        ok(&ask(&mut crone, "set", COVEN, &hat("create", &[("title", "Host"), ("uri", uri)])).await);
    }
    ok(&ask(&mut crone, "set", COVEN, &give("urn:a")).await);
    ok(&ask(&mut crone, "set", COVEN, &give("urn:b")).await);
    refused(&ask(&mut crone, "set", COVEN, &give("urn:c")).await, Condition::ResourceConstraint);
    ok(&ask(&mut crone, "set", COVEN, &hat("destroy", &[("uri", "urn:a")])).await);
    crone.drop_connection().await;
    hag.drop_connection().await;
    server.halt().await;
    let server = configured(keys).store(store).start().await;
    let mut crone = client(&server, "crone1").await;
    enter(&mut crone, COVEN, "firstwitch").await;
    let worn = ask(&mut crone, "set", COVEN, &hat("list-assigned", &[])).await.to_xml();
    assert!(worn.contains("urn:b") && !worn.contains("urn:a") && worn.contains("hag66"), "{worn}");
}
