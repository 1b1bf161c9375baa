//! §6.1: errors that answer copied messages; §10.3: errors about copies.

use super::*;

const ERROR: &str = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

fn error(from: &str, to: &str) -> String {
    format!("<message from='{from}' to='{to}' type='error' id='m1'>{ERROR}</message>")
}

async fn refuse(client: &mut TestClient, to: &str) {
    client.send(&format!("<message to='{to}' type='error' id='m1'>{ERROR}</message>")).await;
}

#[tokio::test]
async fn xep0280_6_1_an_error_that_answers_a_copied_message_is_copied() {
    let mut scene = scene().await;
    to(&mut scene.phone, "romeo@montague.lit", HI).await;
    scene.desk.forget();
    // It answers with its full JID, and brings nothing back.
    refuse(&mut scene.romeo, PHONE).await;
    scene.phone.expect(&error(ROMEO, PHONE)).await;
    scene.desk.expect(&copy("received", DESK, "error", &error(ROMEO, PHONE))).await;
}

#[tokio::test]
async fn xep0280_6_1_also_on_the_side_of_who_refuses() {
    let mut scene = scene().await;
    to(&mut scene.romeo, PHONE, HI).await;
    scene.desk.forget();
    refuse(&mut scene.phone, ROMEO).await;
    scene.romeo.expect(&error(PHONE, ROMEO)).await;
    scene.desk.expect(&copy("sent", DESK, "error", &error(PHONE, ROMEO))).await;
}

#[tokio::test]
async fn xep0280_6_1_an_error_that_answers_nothing_is_not_copied() {
    let mut scene = scene().await;
    refuse(&mut scene.romeo, PHONE).await;
    scene.phone.expect(&error(ROMEO, PHONE)).await;
    refuse(&mut scene.phone, ROMEO).await;
    // Nor one that answers what was not copied, or comes from somebody else, or with another id.
    scene.phone.send(&format!("<message to='{ROMEO}' type='headline' id='m1'>{HI}</message>")).await;
    refuse(&mut scene.romeo, PHONE).await;
    to(&mut scene.phone, "nurse@montague.lit", HI).await;
    scene.desk.forget();
    refuse(&mut scene.romeo, PHONE).await;
    scene.romeo.send(&format!("<message to='{PHONE}' type='error' id='m2'>{ERROR}</message>")).await;
    scene.desk.expect_nothing();
}

/// The server speaks for an account that does not exist.
#[tokio::test]
async fn xep0280_6_1_an_error_of_the_own_server_is_copied() {
    let mut scene = scene().await;
    to(&mut scene.phone, "nobody@capulet.lit", HI).await;
    scene.desk.expect(&copy("sent", DESK, "chat", &chat(PHONE, "nobody@capulet.lit", HI))).await;
    let error = scene.phone.next().await.unwrap().to_xml();
    assert!(error.contains("service-unavailable"), "{error}");
    scene.desk.expect(&copy("received", DESK, "error", &error)).await;
    scene.phone.expect_nothing();
    // The twin: of what was not copied.
    let private = format!("{HI}<private xmlns='urn:xmpp:carbons:2'/>");
    scene
        .phone
        .send(&format!("<message to='nobody@capulet.lit' type='chat' id='m2'>{private}</message>"))
        .await;
    assert!(scene.phone.next().await.unwrap().is_error());
    scene.desk.expect_nothing();
}

#[tokio::test]
async fn xep0280_6_1_only_the_last_messages_are_remembered() {
    let mut scene = scene().await;
    for number in 0..=recent::RECENT_MAX {
        scene.phone.send(&format!("<message to='{ROMEO}' type='chat' id='m{number}'>{HI}</message>")).await;
    }
    scene.desk.forget();
    for (number, copied) in [(0, false), (1, true), (recent::RECENT_MAX, true)] {
        scene
            .romeo
            .send(&format!("<message to='{PHONE}' type='error' id='m{number}'>{ERROR}</message>"))
            .await;
        assert_eq!(scene.desk.next().await.is_some(), copied, "{number}");
    }
}

/// What somebody sends does not push out what the account itself has sent.
#[test]
fn the_directions_do_not_push_each_other_out() {
    let keys = Keys::default();
    let jid = Jid::parse(ROMEO).unwrap();
    let mut recent = Recent::default();
    recent.add(Side::Sent, keys.key("mine", &jid));
    for number in 0..1000 {
        recent.add(Side::Received, keys.key(&number.to_string(), &jid));
    }
    assert!(recent.has(Side::Sent, keys.key("mine", &jid)));
    assert!(
        !recent.has(Side::Received, keys.key("mine", &jid))
            && !recent.has(Side::Received, keys.key("0", &jid))
    );
}

/// §10.3: whatever a resource says about a copy stays in the account.
#[tokio::test]
async fn xep0280_10_3_an_error_about_a_copy_does_not_reach_the_sender() {
    let mut scene = scene().await;
    to(&mut scene.romeo, PHONE, HI).await;
    refuse(&mut scene.desk, "juliet@capulet.lit").await;
    scene.romeo.expect_nothing();
}
