//! XEP-0045 §7.4 to §7.8, §7.13, §8.1.

use super::*;

async fn three(server: &TestServer) -> (TestClient, TestClient, TestClient) {
    let (mut crone, mut wicca, mut hag) =
        (client(server, "crone1").await, client(server, "wiccarocks").await, client(server, "hag66").await);
    coven(&mut crone).await;
    enter(&mut wicca, COVEN, "secondwitch").await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    for one in [&mut crone, &mut wicca, &mut hag] {
        one.forget();
    }
    (crone, wicca, hag)
}

#[tokio::test]
async fn xep0045_7_4_a_message_is_reflected_to_all() {
    let server = server().await;
    let (mut crone, mut wicca, mut hag) = three(&server).await;
    hag.send(&format!("<message type='groupchat' id='m1' to='{COVEN}'><body>Harpier cries</body><z xmlns='urn:z'/></message>")).await;
    for (one, name) in [(&mut crone, "crone1"), (&mut wicca, "wiccarocks"), (&mut hag, "hag66")] {
        one.expect(&format!(
            "<message from='{COVEN}/thirdwitch' to='{name}@shakespeare.lit/r' id='m1' type='groupchat'><body>Harpier cries</body>
               <z xmlns='urn:z'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='{{any}}'/>
               <stanza-id xmlns='urn:xmpp:sid:0' by='{COVEN}' id='{{any}}'/></message>"
        ))
        .await;
        one.expect_nothing();
    }
    // A stranger may not (§7.4).
    let mut macbeth = client(&server, "macbeth").await;
    macbeth.send(&format!("<message type='groupchat' id='m2' to='{COVEN}'><body>x</body></message>")).await;
    refused(&drain(&mut macbeth)[0], Condition::NotAcceptable);
    crone.expect_nothing();
}

#[tokio::test]
async fn xep0359_5_no_id_of_the_room_comes_from_an_occupant() {
    let server = server().await;
    let (mut crone, _, mut hag) = three(&server).await;
    let forged = format!(
        "<stanza-id xmlns='urn:xmpp:sid:0' by='{COVEN}' id='forged'/><stanza-id xmlns='urn:xmpp:sid:0' by='a@b.lit' id='1'/>\
         <delay xmlns='urn:xmpp:delay' from='{COVEN}' stamp='2002-10-13T23:58:37Z'/><x xmlns='{USER}'><status code='307'/></x>"
    );
    hag.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body>{forged}</message>")).await;
    let xml = drain(&mut crone)[0].to_xml();
    assert!(!xml.contains("forged") && !xml.contains("2002") && !xml.contains("307"), "{xml}");
    assert!(xml.contains("by='a@b.lit'"), "{xml}");
}

#[tokio::test]
async fn xep0045_7_4_in_a_moderated_room_visitors_have_no_voice() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(&mut crone, COVEN, "moderatedroom=1").await;
    assert_eq!(item(&enter(&mut hag, COVEN, "thirdwitch").await[1], "role").as_deref(), Some("visitor"));
    crone.forget();
    hag.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    refused(&drain(&mut hag)[0], Condition::Forbidden);
    crone.expect_nothing();
    // §7.13, §8.6.
    let form = |fields: &str| {
        format!(
            "<message to='{COVEN}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{MUC}#request</value></field>{fields}</x></message>"
        )
    };
    let role = "<field var='muc#role'><value>participant</value></field>";
    hag.send(&form(role)).await;
    let asked = drain(&mut crone);
    let xml = asked[0].to_xml();
    assert!(
        xml.contains("muc#request_allow")
            && xml.contains("hag66@shakespeare.lit/r")
            && xml.contains("thirdwitch"),
        "{xml}"
    );
    let grant = format!(
        "{role}<field var='muc#jid'><value>hag66@shakespeare.lit/r</value></field><field var='muc#roomnick'><value>thirdwitch</value></field>\
         <field var='muc#request_allow'><value>true</value></field>"
    );
    // Nobody grants it to himself.
    hag.send(&form(&grant)).await;
    refused(&drain(&mut hag)[0], Condition::Forbidden);
    crone.send(&form(&grant)).await;
    assert_eq!(item(&drain(&mut hag)[0], "role").as_deref(), Some("participant"));
    hag.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    assert_eq!(body(&drain(&mut hag)[0]), "x");
    // §5.1: who was given voice has it at the next visit.
    hag.send(&format!("<presence type='unavailable' to='{COVEN}/thirdwitch'/>")).await;
    hag.forget();
    assert_eq!(item(&enter(&mut hag, COVEN, "other").await[1], "role").as_deref(), Some("participant"));
}

#[tokio::test]
async fn xep0045_7_5_a_private_message_reaches_one_occupant() {
    let server = server().await;
    let (mut crone, mut wicca, mut hag) = three(&server).await;
    wicca
        .send(&format!("<message type='chat' id='p' to='{COVEN}/firstwitch'><body>psst</body></message>"))
        .await;
    crone
        .expect(&format!(
            "<message from='{COVEN}/secondwitch' to='crone1@shakespeare.lit/r' id='p' type='chat'><body>psst</body>
               <x xmlns='{USER}'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='{{any}}'/></message>"
        ))
        .await;
    hag.expect_nothing();
    wicca.expect_nothing();
    wicca.send(&format!("<message type='groupchat' to='{COVEN}/firstwitch'><body>x</body></message>")).await;
    refused(&drain(&mut wicca)[0], Condition::BadRequest);
    wicca.send(&format!("<message type='chat' to='{COVEN}/nobody'><body>x</body></message>")).await;
    refused(&drain(&mut wicca)[0], Condition::ItemNotFound);
    let mut macbeth = client(&server, "macbeth").await;
    for nick in ["firstwitch", "nobody"] {
        macbeth.send(&format!("<message type='chat' to='{COVEN}/{nick}'><body>x</body></message>")).await;
        refused(&drain(&mut macbeth)[0], Condition::NotAcceptable);
    }
    ok(&configure(&mut crone, COVEN, "allowpm=moderators").await);
    wicca.forget();
    wicca.send(&format!("<message type='chat' to='{COVEN}/firstwitch'><body>x</body></message>")).await;
    refused(&drain(&mut wicca)[0], Condition::Forbidden);
}

#[tokio::test]
async fn xep0045_7_6_an_occupant_changes_its_nickname() {
    let server = server().await;
    let (mut crone, mut wicca, mut hag) = three(&server).await;
    hag.send(&format!("<presence to='{COVEN}/oldhag'/>")).await;
    let own = drain(&mut hag);
    assert_eq!(own.iter().map(nick).collect::<Vec<_>>(), ["thirdwitch", "oldhag"]);
    assert_eq!(
        (codes(&own[0]), codes(&own[1])),
        (vec!["110".to_owned(), "303".to_owned()], vec!["110".to_owned()])
    );
    assert_eq!(item(&own[0], "nick").as_deref(), Some("oldhag"));
    let seen = drain(&mut crone);
    assert_eq!(seen.iter().map(nick).collect::<Vec<_>>(), ["thirdwitch", "oldhag"]);
    assert_eq!(codes(&seen[0]), ["303"]);
    wicca.forget();
    hag.send(&format!("<presence to='{COVEN}/SecondWitch'/>")).await;
    refused(&drain(&mut hag)[0], Condition::Conflict);
    wicca.expect_nothing();
    // Only the case of it.
    hag.send(&format!("<presence to='{COVEN}/OldHag'/>")).await;
    assert_eq!(drain(&mut hag).iter().map(nick).collect::<Vec<_>>(), ["oldhag", "OldHag"]);
}

#[tokio::test]
async fn xep0045_7_7_a_change_of_availability_is_passed_on() {
    let server = server().await;
    let (mut crone, _, mut hag) = three(&server).await;
    hag.send(&format!("<presence to='{COVEN}/thirdwitch'><show>xa</show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>")).await;
    let seen = drain(&mut crone);
    assert_eq!(seen[0].show().map(|show| show.name()), Some("xa"));
    assert!(seen[0].children.find(ns::CAPS, "c").is_some());
    assert_eq!(codes(&drain(&mut hag)[0]), ["110"]);
}

#[tokio::test]
async fn xep0045_7_8_2_invitations_and_declines_pass_through_the_room() {
    let server = server().await;
    let (mut crone, mut hag, mut hecate) =
        (client(&server, "crone1").await, client(&server, "hag66").await, client(&server, "hecate").await);
    make(&mut crone, COVEN, "passwordprotectedroom=1 roomsecret=cauldronburn").await;
    let invite = format!(
        "<message id='i' to='{COVEN}'><x xmlns='{USER}'><invite to='hecate@shakespeare.lit'><reason>Hey</reason></invite></x></message>"
    );
    // §17.2 rule 2: not from outside.
    hag.send(&invite).await;
    refused(&drain(&mut hag)[0], Condition::Forbidden);
    crone.send(&invite).await;
    hecate
        .expect(&format!(
            "<message from='{COVEN}' to='hecate@shakespeare.lit' id='i'><x xmlns='{USER}'><invite from='{COVEN}/firstwitch'><reason>Hey</reason></invite>
               <password>cauldronburn</password></x><x xmlns='jabber:x:conference' jid='{COVEN}' password='cauldronburn' reason='Hey'/></message>"
        ))
        .await;
    hecate.send(&format!("<message to='{COVEN}'><x xmlns='{USER}'><decline to='{COVEN}/firstwitch'><reason>busy</reason></decline></x></message>")).await;
    crone
        .expect(&format!(
            "<message from='{COVEN}' to='crone1@shakespeare.lit/r'><x xmlns='{USER}'><decline from='hecate@shakespeare.lit'><reason>busy</reason></decline></x></message>"
        ))
        .await;
    // §7.8.2: nobody is there.
    crone.send(&invite.replace("hecate@", "nobody@")).await;
    let came = drain(&mut crone);
    assert_eq!((came.len(), came[0].is_error(), came[0].id.as_deref()), (1, true, Some("i")), "{came:?}");
    assert_eq!(came[0].from.as_ref().map(Jid::as_str), Some(COVEN));
    // Nobody sends through the room to who is not in it.
    hecate
        .send(&format!(
            "<message to='{COVEN}'><x xmlns='{USER}'><decline to='hag66@shakespeare.lit'/></x></message>"
        ))
        .await;
    hag.expect_nothing();
}

#[tokio::test]
async fn xep0045_9_5_who_invites_into_a_members_only_room_makes_a_member() {
    let server = server().await;
    let (mut crone, mut hag, mut hecate) =
        (client(&server, "crone1").await, client(&server, "hag66").await, client(&server, "hecate").await);
    make(&mut crone, COVEN, "membersonly=1").await;
    ok(&admin(&mut crone, COVEN, "<item affiliation='member' jid='hag66@shakespeare.lit'/>").await);
    // A new member gets an invitation.
    assert!(drain(&mut hag)[0].is_invitation());
    enter(&mut hag, COVEN, "thirdwitch").await;
    let invite = format!(
        "<message to='{COVEN}'><x xmlns='{USER}'><invite to='hecate@shakespeare.lit'/></x></message>"
    );
    hag.send(&invite).await;
    refused(&drain(&mut hag)[0], Condition::Forbidden);
    refused(&enter(&mut hecate, COVEN, "hecate").await[0], Condition::RegistrationRequired);
    ok(&configure(&mut crone, COVEN, "allowinvites=1").await);
    hag.forget();
    hag.send(&invite).await;
    assert!(drain(&mut hecate)[0].is_invitation());
    assert_eq!(item(&enter(&mut hecate, COVEN, "hecate").await[2], "affiliation").as_deref(), Some("member"));
}

#[tokio::test]
async fn xep0045_8_1_moderators_change_the_subject_and_others_if_the_room_says_so() {
    let server = server().await;
    let (mut crone, mut wicca, mut hag) = three(&server).await;
    let subject = |text: &str| {
        format!("<message type='groupchat' id='s' to='{COVEN}'><subject>{text}</subject></message>")
    };
    wicca.send(&subject("Fire")).await;
    refused(&drain(&mut wicca)[0], Condition::Forbidden);
    crone.send(&subject("Fire Burn")).await;
    for one in [&mut crone, &mut wicca, &mut hag] {
        let came = drain(one);
        assert!(came[0].to_xml().contains("<subject>Fire Burn</subject>"), "{came:?}");
        assert_eq!(nick(&came[0]), "firstwitch");
    }
    ok(&configure(&mut crone, COVEN, "changesubject=1").await);
    wicca.forget();
    wicca.send(&subject("Cauldron Bubble")).await;
    assert_eq!(nick(&drain(&mut wicca)[0]), "secondwitch");
    // §7.2.15: the last thing that comes, with its time.
    let mut macbeth = client(&server, "macbeth").await;
    let came = enter(&mut macbeth, COVEN, "thane").await;
    let last = came.last().unwrap();
    assert!(
        last.to_xml().contains("Cauldron Bubble") && last.children.find(ns::DELAY, "delay").is_some(),
        "{last:?}"
    );
    assert_eq!(nick(last), "secondwitch");
    // §8.1: with a body it is a message.
    wicca
        .send(&format!("<message type='groupchat' to='{COVEN}'><subject>x</subject><body>y</body></message>"))
        .await;
    assert_eq!(body(drain(&mut macbeth).last().unwrap()), "y");
    wicca.send(&format!("<message type='groupchat' to='{COVEN}'><subject/></message>")).await;
    let came = drain(&mut macbeth);
    assert!(came[0].to_xml().contains("<subject/>"));
}

#[tokio::test]
async fn xep0045_17_2_other_messages_to_the_room_are_refused() {
    let server = server().await;
    let (_, _, mut hag) = three(&server).await;
    let mut macbeth = client(&server, "macbeth").await;
    for kind in ["chat", "normal", "headline"] {
        let message = format!("<message type='{kind}' to='{COVEN}'><body>x</body></message>");
        hag.send(&message).await;
        refused(&drain(&mut hag)[0], Condition::BadRequest);
        macbeth.send(&message).await;
        refused(&drain(&mut macbeth)[0], Condition::Forbidden);
        macbeth.send(&message.replace("coven@", "nowhere@")).await;
        refused(&drain(&mut macbeth)[0], Condition::ItemNotFound);
    }
}
