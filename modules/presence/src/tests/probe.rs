//! RFC 6121 §4.3 and §4.6.6.

use super::*;

async fn probe(server: &TestServer, from: &str, to: &str) {
    let probe =
        Stanza::parse(&format!("<presence type='probe' from='{from}' to='{to}' id='probe1'/>")).unwrap();
    drop(server.server().shared().router().send(probe).await);
}

#[tokio::test]
async fn rfc6121_4_3_2_a_new_session_learns_of_its_contacts_with_all_they_said() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    juliet.send("<presence id='pres2'><show>away</show><status>stepped away</status></presence>").await;
    romeo.drop_connection().await;
    let mut romeo = server.login(ORCHARD).await;
    romeo.send("<presence/>").await;
    romeo.expect(&presence(ORCHARD, ROMEO, "")).await;
    // §4.3.2.1: with the id that she gave it.
    let body = "<show>away</show><status>stepped away</status>";
    romeo.expect(&format!("<presence from='{BALCONY}' to='{ROMEO}' id='pres2'>{body}</presence>")).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_3_2_rule_4_each_available_resource_answers() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    let chamber = online(&server, CHAMBER).await;
    romeo.forget();
    probe(&server, ROMEO, JULIET).await;
    romeo.expect_all(&[&presence(BALCONY, ROMEO, ""), &presence(CHAMBER, ROMEO, "")]).await;
    romeo.expect_nothing();
    drop(chamber);
}

#[tokio::test]
async fn rfc6121_4_3_2_rule_3_nobody_is_there() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    juliet.drop_connection().await;
    romeo.forget();
    probe(&server, ROMEO, JULIET).await;
    let head = "from='juliet@example.com' to='romeo@example.net' type='unavailable' id='probe1'";
    let delay = "<delay xmlns='urn:xmpp:delay' from='juliet@example.com' stamp='{any}'/>";
    let answer = romeo.expect(&format!("<presence {head}>{delay}</presence>")).await;
    // The tests' clock stands still.
    assert!(answer.to_xml().contains("stamp='2023-11-14T22:13:20"));
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_3_2_rule_1_without_a_subscription_the_answer_is_unsubscribed() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    // Her roster has lost him.
    let account = juliet.session().account().clone();
    let service = account.host().service::<RosterService>().unwrap();
    let roster = service.load(&account).await.unwrap();
    let lost = |_| waxwing_roster::State::default();
    service.update(&account, roster, &BareJid::parse(ROMEO).unwrap(), None, lost, |_| {}).unwrap();
    probe(&server, ROMEO, JULIET).await;
    romeo
        .expect(
            "<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed' id='probe1'/>",
        )
        .await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='none'/>")).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_3_2_rule_1_a_pre_approval_outlives_the_probe() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence type='subscribed' to='romeo@example.net'/>").await;
    probe(&server, ROMEO, JULIET).await;
    romeo.expect_nothing();
    assert!(state(&juliet, ROMEO).approved);
}

#[tokio::test]
async fn rfc6121_4_3_2_a_probe_to_a_full_jid_tells_of_that_resource_alone() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    juliet.send("<presence><show>dnd</show></presence>").await;
    let chamber = online(&server, CHAMBER).await;
    romeo.forget();
    probe(&server, ROMEO, BALCONY).await;
    romeo.expect(&presence(BALCONY, ROMEO, "")).await;
    romeo.expect_nothing();
    drop(chamber);
}

#[tokio::test]
async fn rfc6121_4_3_2_a_stranger_learns_nothing_by_a_probe_to_a_full_jid() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    for to in [BALCONY, "juliet@example.com/not-there", JULIET] {
        romeo.send(&format!("<presence type='probe' to='{to}'/>")).await;
    }
    // §4.3: no error either. What her server answers (rule 1) cancels nothing, so his keeps it (§3.2.3).
    romeo.expect_nothing();
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_6_6_who_got_directed_presence_may_ask_whether_it_still_holds() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence><show>dnd</show></presence>").await;
    juliet.send("<presence to='romeo@example.net'/>").await;
    let chamber = online(&server, CHAMBER).await;
    romeo.forget();
    probe(&server, ROMEO, BALCONY).await;
    romeo.expect(&presence(BALCONY, ROMEO, "")).await;
    // Not for the other resource, nor for the account.
    probe(&server, ROMEO, CHAMBER).await;
    probe(&server, ROMEO, JULIET).await;
    romeo.expect_nothing();
    drop(chamber);
}

#[tokio::test]
async fn rfc6121_4_3_1_contacts_that_are_away_cost_no_look_into_the_store() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    befriend(&mut romeo, &mut juliet).await;
    juliet.drop_connection().await;
    let host = romeo.session().host().clone();
    let other = server.server().shared().router().host("example.com").unwrap();
    other.forget("juliet");
    romeo.send("<presence><show>away</show></presence>").await;
    romeo.drop_connection().await;
    let mut romeo = server.login(ORCHARD).await;
    romeo.send("<presence/>").await;
    assert!(other.known("juliet").is_none());
    assert!(host.known("romeo").is_some());
}
