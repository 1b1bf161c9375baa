//! XEP-0045 §10.1.

use super::*;

#[tokio::test]
async fn xep0045_10_1_1_a_new_room_is_locked_until_it_is_configured() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    let came = enter(&mut crone, COVEN, "firstwitch").await;
    assert_eq!(came.len(), 2, "{came:?}");
    assert_eq!(codes(&came[0]), ["110", "170", "201"]);
    assert_eq!((item(&came[0], "affiliation").unwrap().as_str(), nick(&came[0])), ("owner", "firstwitch"));
    assert_eq!(item(&came[0], "role").as_deref(), Some("moderator"));
    // §7.2.10.
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::ItemNotFound);
    refused(
        &ask(&mut hag, "get", COVEN, "<query xmlns='http://jabber.org/protocol/disco#info'/>").await,
        Condition::ItemNotFound,
    );
    // §10.1.2.
    ok(&configure(&mut crone, COVEN, "").await);
    assert_eq!(nick(&enter(&mut hag, COVEN, "thirdwitch").await[0]), "firstwitch");
}

#[tokio::test]
async fn xep0045_10_1_3_a_reserved_room_is_configured_by_form() {
    let server = server().await;
    let mut crone = client(&server, "crone1").await;
    enter(&mut crone, COVEN, "firstwitch").await;
    let form = ask(&mut crone, "get", COVEN, &format!("<query xmlns='{MUC}#owner'/>")).await;
    let xml = form.to_xml();
    for var in [
        "roomname",
        "roomdesc",
        "lang",
        "pubsub",
        "persistentroom",
        "publicroom",
        "membersonly",
        "allowinvites",
        "passwordprotectedroom",
        "roomsecret",
        "maxusers",
        "whois",
        "moderatedroom",
        "changesubject",
        "allowpm",
        "presencebroadcast",
        "getmemberlist",
        "enablelogging",
        "roomadmins",
        "roomowners",
        "slow_mode_duration",
        "forwardmentions",
    ] {
        assert!(xml.contains(&format!("muc#roomconfig_{var}'")), "{var} in {xml}");
    }
    assert!(xml.contains("muc#maxhistoryfetch") && xml.contains("<value>crone1@shakespeare.lit</value>"));
    ok(&configure(&mut crone, COVEN, "roomname=Cave whois=anyone persistentroom=1 roomadmins=wiccarocks@shakespeare.lit,hecate@shakespeare.lit").await);
    let list = format!("<query xmlns='{MUC}#admin'><item affiliation='admin'/></query>");
    let admins = ask(&mut crone, "get", COVEN, &list).await.to_xml();
    assert!(
        admins.contains("hecate@shakespeare.lit") && admins.contains("wiccarocks@shakespeare.lit"),
        "{admins}"
    );
    let form = ask(&mut crone, "get", COVEN, &format!("<query xmlns='{MUC}#owner'/>")).await.to_xml();
    assert!(form.contains("<value>Cave</value>"), "{form}");
}

#[tokio::test]
async fn xep0045_10_1_3_a_configuration_that_cannot_be_is_refused() {
    let server = server().await;
    let mut crone = client(&server, "crone1").await;
    enter(&mut crone, COVEN, "firstwitch").await;
    for fields in [
        "passwordprotectedroom=1",
        "passwordprotectedroom=1 roomsecret=",
        "maxusers=few",
        "whois=nobody",
        "moderatedroom=perhaps",
        "presencebroadcast=king",
        "allowpm=sometimes",
        "roomadmins=@",
    ] {
        refused(&configure(&mut crone, COVEN, fields).await, Condition::NotAcceptable);
    }
    refused(&configure(&mut crone, COVEN, "roomowners=").await, Condition::Conflict);
    // It is locked as before.
    let mut hag = client(&server, "hag66").await;
    refused(&enter(&mut hag, COVEN, "thirdwitch").await[0], Condition::ItemNotFound);
}

#[tokio::test]
async fn xep0045_10_1_3_who_cancels_or_leaves_makes_no_room() {
    let server = server().await;
    let mut crone = client(&server, "crone1").await;
    enter(&mut crone, COVEN, "firstwitch").await;
    let cancel = format!("<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='cancel'/></query>");
    crone.send(&format!("<iq type='set' to='{COVEN}' id='c'>{cancel}</iq>")).await;
    let came = drain(&mut crone);
    assert!(x(&came[1]).child(USER, "destroy").is_some(), "{came:?}");
    ok(&came[0]);
    refused(
        &ask(&mut crone, "get", COVEN, &format!("<query xmlns='{MUC}#owner'/>")).await,
        Condition::ItemNotFound,
    );
    enter(&mut crone, COVEN, "firstwitch").await;
    crone.send(&format!("<presence type='unavailable' to='{COVEN}/firstwitch'/>")).await;
    crone.forget();
    assert_eq!(codes(&enter(&mut crone, COVEN, "firstwitch").await[0]), ["110", "170", "201"]);
}

#[tokio::test]
async fn xep0045_10_1_1_who_may_not_create_rooms() {
    for (create, expected) in [("local", None), ("anyone", None), ("admins", Some(Condition::NotAllowed))] {
        let server = configured(&format!("create = '{create}'")).start().await;
        let mut crone = client(&server, "crone1").await;
        let came = enter(&mut crone, COVEN, "firstwitch").await;
        match expected {
            None => assert_eq!(codes(&came[0]), ["110", "170", "201"]),
            Some(condition) => refused(&came[0], condition),
        }
    }
    // A name that would be another one after preparation.
    let server = server().await;
    let mut crone = client(&server, "crone1").await;
    let came = enter(&mut crone, "a_b@conference.shakespeare.lit", "firstwitch").await;
    assert_eq!(codes(&came[0]), ["110", "170", "201"]);
}

#[tokio::test]
async fn the_rooms_of_one_user_are_limited() {
    let server = configured("rooms_per_user_max = 2").start().await;
    let mut crone = client(&server, "crone1").await;
    for room in ["one", "two"] {
        make(&mut crone, &format!("{room}@conference.shakespeare.lit"), "persistentroom=1").await;
    }
    let came = enter(&mut crone, "three@conference.shakespeare.lit", "firstwitch").await;
    refused(&came[0], Condition::ResourceConstraint);
    let mut hag = client(&server, "hag66").await;
    make(&mut hag, "three@conference.shakespeare.lit", "").await;
}

#[tokio::test]
async fn xep0045_10_9_an_owner_destroys_the_room() {
    let server = server().await;
    let (mut crone, mut hag) = (client(&server, "crone1").await, client(&server, "hag66").await);
    make(&mut crone, COVEN, "persistentroom=1").await;
    enter(&mut hag, COVEN, "thirdwitch").await;
    let destroy = format!(
        "<query xmlns='{MUC}#owner'><destroy jid='heath@conference.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy></query>"
    );
    refused(&ask(&mut hag, "set", COVEN, &destroy).await, Condition::Forbidden);
    ok(&ask(&mut crone, "set", COVEN, &destroy).await);
    hag.expect(&format!(
        "<presence from='{COVEN}/thirdwitch' to='hag66@shakespeare.lit/r' type='unavailable'><x xmlns='{USER}'>
           <item affiliation='none' role='none' jid='hag66@shakespeare.lit/r'/><destroy jid='heath@conference.shakespeare.lit'>
           <reason>Macbeth doth come.</reason></destroy><status code='110'/></x>
           <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{{any}}'/></presence>"
    ))
    .await;
    hag.expect_nothing();
    // What is left tells where it went.
    let came = enter(&mut hag, COVEN, "thirdwitch").await;
    refused(&came[0], Condition::Gone);
    let error = came[0].error().unwrap();
    assert_eq!(error.new_address.as_deref(), Some("xmpp:heath@conference.shakespeare.lit?join"));
}

#[tokio::test]
async fn xep0045_10_9_a_destroyed_room_without_persistence_is_forgotten_after_a_while() {
    let server = configured("tombstone_time = '0 ms'").start().await;
    let mut crone = client(&server, "crone1").await;
    coven(&mut crone).await;
    ok(&ask(&mut crone, "set", COVEN, &format!("<query xmlns='{MUC}#owner'><destroy/></query>")).await);
    crone.forget();
    assert_eq!(codes(&enter(&mut crone, COVEN, "firstwitch").await[0]), ["110", "170", "201"]);
}

/// §16.5.3: a list of numbers, with the one that holds and the most that the service allows; others may be set as well.
#[tokio::test]
async fn xep0045_16_5_3_the_number_of_occupants_is_chosen_from_a_list() {
    let server = configured("occupants_max = 250").start().await;
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "maxusers=37").await;
    let shown = async |crone: &mut TestClient| {
        let form = ask(crone, "get", COVEN, &format!("<query xmlns='{MUC}#owner'/>")).await;
        let query = form.children.iter().next().unwrap().tree();
        let form = query.child(ns::DATA_FORMS, "x").and_then(waxwing_xmpp::Form::from_tree).unwrap();
        let field = form.field("muc#roomconfig_maxusers").unwrap().clone();
        assert_eq!(field.kind.as_deref(), Some("list-single"));
        let options: Vec<String> = field.options.into_iter().map(|(_, value)| value).collect();
        assert!(options.contains(&field.values[0]), "{options:?}");
        (field.values, options)
    };
    let (value, options) = shown(&mut crone).await;
    assert_eq!(
        (value, options),
        (vec!["37".into()], ["10", "20", "37", "50", "100", "200", "250"].map(str::to_owned).to_vec())
    );
    // The service has a limit: no number means that one, and more than that is cut.
    for (set, holds) in [("none", "250"), ("50", "50"), ("9999", "250")] {
        ok(&configure(&mut crone, COVEN, &format!("maxusers={set}")).await);
        assert_eq!(shown(&mut crone).await.0, [holds]);
    }
    refused(&configure(&mut crone, COVEN, "maxusers=0").await, Condition::NotAcceptable);
}
