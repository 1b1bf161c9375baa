//! §3 to §5, §10.1: on and off.

use super::*;

#[tokio::test]
async fn xep0280_3_support_and_rules_are_advertised() {
    let scene = scene().await;
    for on in [DiscoOn::Host, DiscoOn::Account] {
        let features = scene.desk.session().host().declared(on).features;
        for feature in ["urn:xmpp:carbons:2", "urn:xmpp:carbons:rules:0"] {
            assert!(features.contains(&feature.to_owned()), "{feature}");
        }
    }
}

#[tokio::test]
async fn xep0280_4_nobody_gets_copies_who_has_not_asked() {
    let mut scene = scene().await;
    let mut tablet = scene.server.online(TABLET).await;
    scene.desk.forget();
    to(&mut scene.romeo, PHONE, HI).await;
    tablet.expect_nothing();
    scene.desk.expect(&copy("received", DESK, "chat", &chat(ROMEO, PHONE, HI))).await;
}

#[tokio::test]
async fn xep0280_5_who_has_disabled_them_gets_none() {
    let mut scene = scene().await;
    ask(&mut scene.desk, "disable").await;
    to(&mut scene.romeo, PHONE, HI).await;
    scene.desk.expect_nothing();
}

#[tokio::test]
async fn xep0280_10_1_as_often_as_one_likes_and_twice_the_same_is_no_error() {
    let mut scene = scene().await;
    for name in ["enable", "enable", "disable", "disable", "enable", "enable"] {
        ask(&mut scene.desk, name).await;
    }
    to(&mut scene.romeo, PHONE, HI).await;
    scene.desk.expect(&copy("received", DESK, "chat", &chat(ROMEO, PHONE, HI))).await;
    scene.desk.expect_nothing();
}

/// §4.1, §5.1; RFC 6120 §13.11: the answer does not tell which accounts exist.
#[tokio::test]
async fn xep0280_4_1_nobody_switches_them_for_others() {
    let mut scene = scene().await;
    for (to, name) in [
        ("juliet@capulet.lit", "disable"),
        ("juliet@capulet.lit", "enable"),
        ("nobody@capulet.lit", "enable"),
        ("nobody@capulet.lit", "disable"),
    ] {
        let request = format!("<iq to='{to}' type='set' id='c'><{name} xmlns='urn:xmpp:carbons:2'/></iq>");
        scene.romeo.send(&request).await;
        let error = scene.romeo.next().await.unwrap().error().unwrap();
        assert_eq!(error.condition, Condition::NotAllowed, "{request}");
    }
    to(&mut scene.romeo, PHONE, HI).await;
    scene.desk.expect(&copy("received", DESK, "chat", &chat(ROMEO, PHONE, HI))).await;
    scene.romeo.expect_nothing();
}

#[tokio::test]
async fn xep0280_4_the_own_bare_jid_does_as_well_and_a_get_does_not() {
    let mut scene = scene().await;
    ask(&mut scene.desk, "disable").await;
    scene.desk.send("<iq type='get' id='g'><enable xmlns='urn:xmpp:carbons:2'/></iq>").await;
    assert!(scene.desk.next().await.unwrap().is_error());
    to(&mut scene.romeo, PHONE, HI).await;
    scene.desk.expect_nothing();
    scene
        .desk
        .send("<iq to='juliet@capulet.lit' type='set' id='s'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        .await;
    assert!(!scene.desk.next().await.unwrap().is_error());
    to(&mut scene.romeo, PHONE, HI).await;
    scene.desk.expect(&copy("received", DESK, "chat", &chat(ROMEO, PHONE, HI))).await;
}

#[tokio::test]
async fn xep0280_4_the_own_host_does_as_well_and_another_does_not() {
    let mut scene = scene().await;
    ask(&mut scene.desk, "disable").await;
    for (host, on) in [("montague.lit", false), ("capulet.lit", true)] {
        scene
            .desk
            .send(&format!("<iq to='{host}' type='set' id='s'><enable xmlns='urn:xmpp:carbons:2'/></iq>"))
            .await;
        assert_eq!(scene.desk.next().await.unwrap().is_error(), !on);
        to(&mut scene.romeo, PHONE, HI).await;
        assert_eq!(scene.desk.next().await.is_some(), on);
    }
}

#[tokio::test]
async fn xep0280_4_a_new_session_of_the_resource_asks_anew() {
    let mut scene = scene().await;
    scene.desk.drop_connection().await;
    let mut desk = scene.server.online(DESK).await;
    to(&mut scene.romeo, PHONE, HI).await;
    desk.expect_nothing();
}
