//! XEP-0045 §7.10, §8, §9, §10.2 to §10.8.

use super::*;

async fn two(server: &TestServer, fields: &str) -> (TestClient, TestClient) {
    let (mut crone, mut hag) = (client(server, "crone1").await, client(server, "hag66").await);
    make(&mut crone, COVEN, fields).await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    crone.forget();
    (crone, hag)
}

#[tokio::test]
async fn xep0045_8_2_a_moderator_kicks() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let mut wicca = client(&server, "wiccarocks").await;
    enter(&mut wicca, COVEN, "secondwitch").await;
    crone.forget();
    hag.forget();
    refused(&admin(&mut hag, COVEN, "<item nick='secondwitch' role='none'/>").await, Condition::Forbidden);
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='none'><reason>Avaunt</reason></item>").await);
    hag.expect(&format!(
        "<presence from='{COVEN}/thirdwitch' to='hag66@shakespeare.lit/r' type='unavailable'><x xmlns='{USER}'>
           <item affiliation='none' role='none' jid='hag66@shakespeare.lit/r'><actor nick='firstwitch'/><reason>Avaunt</reason></item>
           <status code='110'/><status code='307'/></x><occupant-id xmlns='urn:xmpp:occupant-id:0' id='{{any}}'/></presence>"
    ))
    .await;
    let seen = drain(&mut wicca);
    assert_eq!((codes(&seen[0]), item(&seen[0], "jid")), (vec!["307".to_owned()], None));
    refused(
        &admin(&mut crone, COVEN, "<item nick='thirdwitch' role='none'/>").await,
        Condition::ItemNotFound,
    );
    // He may come again.
    assert_eq!(codes(&enter(&mut hag, COVEN, "thirdwitch").await[2]), ["110", "170"]);
}

#[tokio::test]
async fn xep0045_8_3_8_4_9_6_roles_are_given_and_taken() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    for (role, expected) in [
        ("visitor", "visitor"),
        ("participant", "participant"),
        ("moderator", "moderator"),
        ("participant", "participant"),
    ] {
        hag.forget();
        ok(&admin(&mut crone, COVEN, &format!("<item nick='thirdwitch' role='{role}'/>")).await);
        assert_eq!(item(&drain(&mut hag)[0], "role").as_deref(), Some(expected));
    }
    // §8.4, §9.7: nobody takes it from an owner.
    for role in ["visitor", "participant"] {
        refused(
            &admin(&mut crone, COVEN, &format!("<item nick='firstwitch' role='{role}'/>")).await,
            Condition::NotAllowed,
        );
    }
    // §17.4 rule 4.
    refused(
        &admin(&mut crone, COVEN, "<item nick='thirdwitch' role='visitor' affiliation='member'/>").await,
        Condition::BadRequest,
    );
    // §8.5, §9.8.
    let list = |role: &str| format!("<query xmlns='{MUC}#admin'><item role='{role}'/></query>");
    let voices = ask(&mut crone, "get", COVEN, &list("participant")).await.to_xml();
    assert!(
        voices.contains("nick='thirdwitch'") && voices.contains("jid='hag66@shakespeare.lit/r'"),
        "{voices}"
    );
    refused(&ask(&mut hag, "get", COVEN, &list("participant")).await, Condition::Forbidden);
}

#[tokio::test]
async fn xep0045_9_6_a_new_moderator_of_a_semi_anonymous_room_sees_addresses() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    ok(&admin(&mut crone, COVEN, "<item nick='thirdwitch' role='moderator'/>").await);
    let came = drain(&mut hag);
    let other = came.iter().find(|stanza| nick(stanza) == "firstwitch").expect("the other's presence");
    assert_eq!(item(other, "jid").as_deref(), Some("crone1@shakespeare.lit/r"));
}

#[tokio::test]
async fn xep0045_9_1_an_admin_bans() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    refused(
        &admin(&mut crone, COVEN, "<item affiliation='outcast' jid='crone1@shakespeare.lit'/>").await,
        Condition::Conflict,
    );
    // All or nothing (§9.2).
    let items = "<item affiliation='outcast' jid='hag66@shakespeare.lit'/><item affiliation='outcast' jid='crone1@shakespeare.lit'/>";
    refused(&admin(&mut crone, COVEN, items).await, Condition::Conflict);
    hag.expect_nothing();
    ok(&admin(
        &mut crone,
        COVEN,
        "<item affiliation='outcast' jid='hag66@shakespeare.lit'><reason>Treason</reason></item>",
    )
    .await);
    let came = drain(&mut hag);
    assert_eq!(codes(&came[0]), ["110", "301"]);
    assert_eq!(item(&came[0], "affiliation").as_deref(), Some("outcast"));
    let list = format!("<query xmlns='{MUC}#admin'><item affiliation='outcast'/></query>");
    let banned = ask(&mut crone, "get", COVEN, &list).await.to_xml();
    assert!(
        banned.contains("jid='hag66@shakespeare.lit'") && banned.contains("<reason>Treason</reason>"),
        "{banned}"
    );
    // §9.2: a whole domain.
    ok(&admin(&mut crone, COVEN, "<item affiliation='outcast' jid='macbeth.lit'/>").await);
    let mut thane = server.online("thane@macbeth.lit/hall").await;
    refused(&enter(&mut thane, COVEN, "thane").await[0], Condition::Forbidden);
}

#[tokio::test]
async fn xep0045_9_3_9_4_membership_is_given_and_taken() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    ok(&admin(
        &mut crone,
        COVEN,
        "<item affiliation='member' jid='hag66@shakespeare.lit' nick='thirdwitch'/>",
    )
    .await);
    assert_eq!(item(&drain(&mut hag)[0], "affiliation").as_deref(), Some("member"));
    // §7.12.
    let query = "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>";
    assert!(ask(&mut hag, "get", COVEN, query).await.to_xml().contains("name='thirdwitch'"));
    assert!(ask(&mut crone, "get", COVEN, query).await.payload().unwrap().tree().children().next().is_none());
    // §7.2.8: nobody else gets the nickname.
    hag.send(&format!("<presence to='{COVEN}/other'/>")).await;
    let mut wicca = client(&server, "wiccarocks").await;
    refused(&enter(&mut wicca, COVEN, "thirdwitch").await[0], Condition::Conflict);
    hag.forget();
    ok(&configure(&mut crone, COVEN, "membersonly=1").await);
    hag.forget();
    ok(&admin(&mut crone, COVEN, "<item affiliation='none' jid='hag66@shakespeare.lit'/>").await);
    let came = drain(&mut hag);
    assert_eq!((came.len(), codes(&came[0])), (1, vec!["110".to_owned(), "321".to_owned()]));
}

#[tokio::test]
async fn xep0045_10_3_to_10_8_owners_make_owners_and_admins() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='admin' jid='hag66@shakespeare.lit/r'/>").await);
    let came = drain(&mut hag);
    assert_eq!(
        (item(&came[0], "affiliation").unwrap(), item(&came[0], "role").unwrap()),
        ("admin".to_owned(), "moderator".to_owned())
    );
    refused(
        &admin(&mut hag, COVEN, "<item affiliation='admin' jid='hecate@shakespeare.lit'/>").await,
        Condition::Forbidden,
    );
    refused(
        &admin(&mut hag, COVEN, "<item affiliation='outcast' jid='crone1@shakespeare.lit'/>").await,
        Condition::NotAllowed,
    );
    let list = |of: &str| format!("<query xmlns='{MUC}#admin'><item affiliation='{of}'/></query>");
    refused(&ask(&mut hag, "get", COVEN, &list("owner")).await, Condition::Forbidden);
    refused(
        &ask(&mut hag, "get", COVEN, &format!("<query xmlns='{MUC}#owner'/>")).await,
        Condition::Forbidden,
    );
    // §10.4: the last owner stays.
    refused(
        &admin(&mut crone, COVEN, "<item affiliation='admin' jid='crone1@shakespeare.lit'/>").await,
        Condition::Conflict,
    );
    ok(&admin(&mut crone, COVEN, "<item affiliation='owner' jid='hag66@shakespeare.lit'/><item affiliation='member' jid='crone1@shakespeare.lit'/>").await);
    assert_eq!(item(drain(&mut hag).last().unwrap(), "affiliation").as_deref(), Some("member"));
    refused(
        &admin(&mut crone, COVEN, "<item affiliation='owner' jid='crone1@shakespeare.lit'/>").await,
        Condition::Forbidden,
    );
    assert!(ask(&mut hag, "get", COVEN, &list("owner")).await.to_xml().contains("hag66@shakespeare.lit"));
}

#[tokio::test]
async fn xep0045_10_2_changes_of_the_configuration_are_announced() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let change = async |crone: &mut TestClient, hag: &mut TestClient, fields: &str| {
        ok(&configure(crone, COVEN, fields).await);
        let came = drain(hag);
        let announced = came.iter().find(|stanza| matches!(stanza.kind, Kind::Message(_)));
        announced.map(codes).unwrap_or_default()
    };
    assert_eq!(change(&mut crone, &mut hag, "roomname=Cave").await, ["104"]);
    assert_eq!(change(&mut crone, &mut hag, "whois=anyone").await, ["172"]);
    assert_eq!(change(&mut crone, &mut hag, "whois=moderators").await, ["173"]);
    assert_eq!(change(&mut crone, &mut hag, "enablelogging=0").await, ["171"]);
    assert_eq!(change(&mut crone, &mut hag, "enablelogging=1 roomname=Heath").await, ["170", "104"]);
    assert_eq!(change(&mut crone, &mut hag, "roomname=Heath").await, [""; 0]);
    // §10.2: who is no member goes.
    ok(&configure(&mut crone, COVEN, "membersonly=1").await);
    assert_eq!(codes(&drain(&mut hag)[0]), ["110", "322"]);
}

/// §10.5, §10.8: the form has the full lists.
#[tokio::test]
async fn xep0045_10_2_the_form_changes_the_lists_of_owners_and_admins() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    // The only owner does not become an admin by that.
    ok(&configure(&mut crone, COVEN, "roomadmins=crone1@shakespeare.lit,hag66@shakespeare.lit").await);
    let mine =
        drain(&mut hag).into_iter().find(|stanza| nick(stanza) == "thirdwitch").expect("its own presence");
    assert_eq!(item(&mine, "affiliation").as_deref(), Some("admin"));
    ok(&configure(&mut crone, COVEN, "membersonly=1 roomowners=hag66@shakespeare.lit roomadmins=").await);
    let seen = drain(&mut hag);
    let last = |name: &str| {
        seen.iter().rev().find(|stanza| nick(stanza) == name).and_then(|stanza| item(stanza, "affiliation"))
    };
    assert_eq!((last("thirdwitch").as_deref(), last("firstwitch").as_deref()), (Some("owner"), Some("none")));
    refused(
        &ask(&mut crone, "get", COVEN, &format!("<query xmlns='{MUC}#owner'/>")).await,
        Condition::Forbidden,
    );
    assert_eq!(codes(seen.iter().find(|stanza| nick(stanza) == "firstwitch").unwrap()), ["321"]);
}

#[tokio::test]
async fn xep0045_10_2_roles_whose_presence_is_not_broadcast_disappear() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "moderatedroom=1").await;
    let mut wicca = client(&server, "wiccarocks").await;
    enter(&mut wicca, COVEN, "secondwitch").await;
    hag.forget();
    ok(&configure(&mut crone, COVEN, "presencebroadcast=moderator,participant").await);
    let gone =
        drain(&mut hag).into_iter().find(|stanza| nick(stanza) == "secondwitch").expect("it disappears");
    assert_eq!(gone.kind, Kind::Presence(PresenceType::Unavailable));
    ok(&admin(&mut crone, COVEN, "<item nick='secondwitch' role='participant'/>").await);
    let there = drain(&mut hag).into_iter().find(|stanza| nick(stanza) == "secondwitch").expect("it appears");
    assert_eq!(there.kind, Kind::Presence(PresenceType::Available));
}

#[tokio::test]
async fn xep0045_7_10_people_register_a_nickname() {
    let server = server().await;
    let (mut crone, mut hag) = two(&server, "").await;
    let get = "<query xmlns='jabber:iq:register'/>";
    let set = |nick: &str| {
        format!(
            "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{MUC}#register</value></field>\
             <field var='muc#register_roomnick'><value>{nick}</value></field></x></query>"
        )
    };
    assert!(ask(&mut hag, "get", COVEN, get).await.to_xml().contains("muc#register_roomnick"));
    refused(&ask(&mut hag, "set", COVEN, get).await, Condition::BadRequest);
    refused(&ask(&mut hag, "set", COVEN, &set("firstwitch")).await, Condition::Conflict);
    hag.send(&format!("<iq type='set' id='r' to='{COVEN}'>{}</iq>", set("thirdwitch"))).await;
    let came = drain(&mut hag);
    assert_eq!(item(&came[1], "affiliation").as_deref(), Some("member"));
    let xml = ask(&mut hag, "get", COVEN, get).await.to_xml();
    assert!(xml.contains("<registered/>") && xml.contains("<username>thirdwitch</username>"), "{xml}");
    ok(&ask(&mut hag, "set", COVEN, "<query xmlns='jabber:iq:register'><remove/></query>").await);
    assert!(ask(&mut hag, "get", COVEN, get).await.to_xml().contains("muc#register_roomnick"));
    ok(&configure(&mut crone, COVEN, "allowregister=0").await);
    refused(&ask(&mut hag, "get", COVEN, get).await, Condition::NotAllowed);
    refused(
        &ask(&mut hag, "set", "nowhere@conference.shakespeare.lit", &set("x")).await,
        Condition::ItemNotFound,
    );
}

#[tokio::test]
async fn xep0045_9_9_into_a_members_only_room_admins_let_people_register() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(&mut crone, COVEN, "membersonly=1").await;
    let set = "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='muc#register_roomnick'><value>thirdwitch</value></field></x></query>";
    ok(&ask(&mut hag, "set", COVEN, set).await);
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::RegistrationRequired);
    let asked = drain(&mut crone);
    assert!(asked[0].to_xml().contains("muc#register_allow"), "{asked:?}");
    let answer = format!(
        "<message to='{COVEN}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{MUC}#register</value></field>\
         <field var='muc#register_jid'><value>hag66@shakespeare.lit</value></field><field var='muc#register_allow'><value>1</value></field></x></message>"
    );
    hag.send(&answer).await;
    refused(&drain(&mut hag)[0], Condition::Forbidden);
    crone.send(&answer).await;
    hag.forget();
    assert_eq!(
        item(&enter(&mut hag, COVEN, "thirdwitch").await[1], "affiliation").as_deref(),
        Some("member")
    );
}
