//! RFC 6121 §3, with rosters and pushes.

use std::pin::pin;

use waxwing_store::{EngineKind, Faults, Store, StoreOptions};

use super::*;

#[tokio::test]
async fn rfc6121_3_1_a_request_is_stamped_delivered_and_noted_at_both_ends() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    romeo.send("<presence type='subscribe' to='juliet@example.com/balcony' id='xk3h1v69'><status>Hi</status></presence>").await;
    // §3.1.2 rule 1: a full JID counts as the bare one.
    juliet
        .expect("<presence from='romeo@example.net' to='juliet@example.com' type='subscribe' id='xk3h1v69'><status>Hi</status></presence>")
        .await;
    romeo
        .expect(&push(ORCHARD, "<item jid='juliet@example.com' ask='subscribe' subscription='none'/>"))
        .await;
    // §3.1.3: no item at the contact, so no push.
    juliet.expect_nothing();
    romeo.expect_nothing();
    assert!(state(&juliet, ROMEO).pending_in);
}

#[tokio::test]
async fn rfc6121_3_1_5_approval_reaches_the_user_before_the_push_and_brings_presence() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    romeo.send("<presence type='subscribe' to='juliet@example.com'/>").await;
    romeo.forget();
    juliet.forget();
    juliet.send("<presence type='subscribed' to='romeo@example.net' id='h4v1c4kj'/>").await;
    juliet.expect(&push(BALCONY, "<item jid='romeo@example.net' subscription='from'/>")).await;
    juliet.expect_nothing();
    romeo
        .expect(
            "<presence from='juliet@example.com' to='romeo@example.net' type='subscribed' id='h4v1c4kj'/>",
        )
        .await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='to'/>")).await;
    romeo.expect(&presence(BALCONY, ROMEO, "")).await;
    romeo.expect_nothing();
}

/// Clients judge presence by the roster they know, so the push goes first.
#[tokio::test]
async fn rfc6121_4_2_4_presence_does_not_overtake_a_push_that_waits_for_the_disk() {
    let faults = Faults::default();
    let mut options = StoreOptions::new(EngineKind::Memory, "");
    options.faults = faults.clone();
    let server = builder().store(Store::open(options).await.unwrap()).start().await;
    let mut juliet = online(&server, BALCONY).await;
    let mut romeo = online(&server, ORCHARD).await;
    juliet.send(&format!("<presence type='subscribe' to='{ROMEO}'/>")).await;
    juliet
        .expect(&push(BALCONY, "<item jid='romeo@example.net' ask='subscribe' subscription='none'/>"))
        .await;
    faults.hold();
    let answer = format!("<presence type='subscribed' to='{JULIET}'/>");
    {
        let mut approval = pin!(romeo.send(&answer));
        tokio::select! {
            biased;
            () = &mut approval => panic!("the presence did not wait"),
            () = tokio::task::yield_now() => {}
        }
        juliet.expect(&presence(ROMEO, JULIET, "subscribed")).await;
        juliet.expect_nothing();
        faults.release();
        approval.await;
    }
    juliet.expect(&push(BALCONY, "<item jid='romeo@example.net' subscription='to'/>")).await;
    juliet.expect(&presence(ORCHARD, JULIET, "")).await;
}

#[tokio::test]
async fn rfc6121_3_1_both_ways_make_both() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    befriend(&mut romeo, &mut juliet).await;
    for (client, contact) in [(&romeo, JULIET), (&juliet, ROMEO)] {
        assert_eq!(state(client, contact).subscription(), "both");
    }
}

/// §8.5.1: MUST be ignored in silence, so that nobody learns who has an account.
#[tokio::test]
async fn rfc6121_8_5_1_a_request_to_a_local_contact_that_does_not_exist_is_ignored() {
    let server = builder().start().await;
    let mut romeo = online(&server, ORCHARD).await;
    romeo.send("<presence type='subscribe' to='nobody@example.com' id='1'/>").await;
    romeo
        .expect(&push(ORCHARD, "<item jid='nobody@example.com' ask='subscribe' subscription='none'/>"))
        .await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_3_1_2_a_server_that_cannot_be_reached_is_an_error() {
    let server = builder().start().await;
    let mut romeo = online(&server, ORCHARD).await;
    romeo.send("<presence type='subscribe' to='juliet@example.org' id='1'/>").await;
    let pushed = push(ORCHARD, "<item jid='juliet@example.org' ask='subscribe' subscription='none'/>");
    romeo.expect(&pushed).await;
    let error = romeo.next().await.unwrap();
    assert_eq!(error.error().unwrap().condition, Condition::RemoteServerNotFound);
}

#[tokio::test]
async fn rfc6121_3_1_1_a_request_to_nobody_is_a_bad_request() {
    let server = builder().start().await;
    let mut romeo = online(&server, ORCHARD).await;
    romeo.send("<presence type='subscribe'/>").await;
    assert_eq!(romeo.next().await.unwrap().error().unwrap().condition, Condition::BadRequest);
}

#[tokio::test]
async fn rfc6121_3_1_3_a_second_request_is_not_delivered() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    for _ in 0..2 {
        romeo.send("<presence type='subscribe' to='juliet@example.com'/>").await;
    }
    juliet.expect(&presence(ROMEO, JULIET, "subscribe")).await;
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_3_1_3_who_is_subscribed_is_answered_at_once() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    // Romeo's server has forgotten: his roster says none, hers says from.
    let account = romeo.session().account().clone();
    let service = account.host().service::<RosterService>().unwrap();
    let roster = service.load(&account).await.unwrap();
    let juliet_jid = BareJid::parse(JULIET).unwrap();
    service
        .update(&account, roster, &juliet_jid, None, |_| waxwing_roster::State::default(), |_| {})
        .unwrap();
    romeo.forget();
    romeo.send("<presence type='subscribe' to='juliet@example.com' id='again'/>").await;
    juliet.expect_nothing();
    romeo
        .expect(&push(ORCHARD, "<item jid='juliet@example.com' ask='subscribe' subscription='none'/>"))
        .await;
    romeo
        .expect("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed' id='again'/>")
        .await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='to'/>")).await;
    romeo.expect(&presence(BALCONY, ROMEO, "")).await;
}

#[tokio::test]
async fn rfc6121_3_1_6_an_approval_that_nobody_asked_for_is_ignored() {
    let server = builder().start().await;
    let mut juliet = online(&server, BALCONY).await;
    let forged =
        Stanza::parse("<presence type='subscribed' from='romeo@example.net' to='juliet@example.com'/>")
            .unwrap();
    drop(juliet.session().host().router().send(forged).await);
    juliet.expect_nothing();
    assert_eq!(state(&juliet, ROMEO), waxwing_roster::State::default());
}

#[tokio::test]
async fn rfc6121_3_2_a_denied_request_is_forgotten_at_both_ends() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    romeo.send("<presence type='subscribe' to='juliet@example.com'/>").await;
    romeo.forget();
    juliet.forget();
    juliet.send("<presence type='unsubscribed' to='romeo@example.net'/>").await;
    // A stranger learns nothing of her resources.
    romeo.expect(&presence(JULIET, ROMEO, "unsubscribed")).await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='none'/>")).await;
    romeo.expect_nothing();
    juliet.expect_nothing();
    assert!(!state(&juliet, ROMEO).pending_in);
}

#[tokio::test]
async fn rfc6121_3_2_2_a_cancelled_subscription_ends_with_unavailable_presence() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    juliet.send("<presence type='unsubscribed' to='romeo@example.net' id='ij5b1v7g'/>").await;
    juliet.expect(&push(BALCONY, "<item jid='romeo@example.net' subscription='none'/>")).await;
    romeo.expect(&presence(BALCONY, ROMEO, "unavailable")).await;
    romeo
        .expect(
            "<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed' id='ij5b1v7g'/>",
        )
        .await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='none'/>")).await;
    juliet.send("<presence><show>away</show></presence>").await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_3_2_2_without_a_subscription_there_is_nothing_to_cancel() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence type='unsubscribed' to='romeo@example.net'/>").await;
    romeo.expect_nothing();
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_3_3_unsubscribing_ends_presence_and_is_answered() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    befriend(&mut romeo, &mut juliet).await;
    romeo.send("<presence type='unsubscribe' to='juliet@example.com' id='ul4bs71n'/>").await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='from'/>")).await;
    juliet
        .expect(
            "<presence from='romeo@example.net' to='juliet@example.com' type='unsubscribe' id='ul4bs71n'/>",
        )
        .await;
    juliet.expect(&push(BALCONY, "<item jid='romeo@example.net' subscription='to'/>")).await;
    romeo.expect(&presence(BALCONY, ROMEO, "unavailable")).await;
    romeo.expect_nothing();
    juliet.send("<presence><show>away</show></presence>").await;
    romeo.expect_nothing();
    juliet.forget();
    // The other way goes on.
    romeo.send("<presence><show>dnd</show></presence>").await;
    juliet
        .expect(
            "<presence from='romeo@example.net/orchard' to='juliet@example.com'><show>dnd</show></presence>",
        )
        .await;
}

#[tokio::test]
async fn rfc6121_3_3_3_unsubscribing_takes_a_waiting_request_back() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    romeo.send("<presence type='subscribe' to='juliet@example.com'/>").await;
    juliet.forget();
    romeo.send("<presence type='unsubscribe' to='juliet@example.com'/>").await;
    // A.3.2, table 7
    juliet.expect(&presence(ROMEO, JULIET, "unsubscribe")).await;
    juliet.expect_nothing();
    assert_eq!(state(&juliet, ROMEO), waxwing_roster::State::default());
    assert_eq!(state(&romeo, JULIET), waxwing_roster::State::default());
}

#[tokio::test]
async fn rfc6121_3_4_a_pre_approved_request_is_answered_and_not_delivered() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence type='subscribed' to='romeo@example.net'/>").await;
    juliet
        .expect(&push(BALCONY, "<item jid='romeo@example.net' approved='true' subscription='none'/>"))
        .await;
    romeo.expect_nothing();
    romeo.send("<presence type='subscribe' to='juliet@example.com' id='1'/>").await;
    juliet
        .expect(&push(BALCONY, "<item jid='romeo@example.net' approved='true' subscription='from'/>"))
        .await;
    juliet.expect_nothing();
    romeo
        .expect(&push(ORCHARD, "<item jid='juliet@example.com' ask='subscribe' subscription='none'/>"))
        .await;
    romeo
        .expect("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed' id='1'/>")
        .await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='to'/>")).await;
    romeo.expect(&presence(BALCONY, ROMEO, "")).await;
}

#[tokio::test]
async fn rfc6121_3_4_2_a_pre_approval_can_be_taken_back() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    juliet.send("<presence type='subscribed' to='romeo@example.net'/>").await;
    juliet.forget();
    juliet.send("<presence type='unsubscribed' to='romeo@example.net'/>").await;
    juliet.expect(&push(BALCONY, "<item jid='romeo@example.net' subscription='none'/>")).await;
    romeo.expect_nothing();
    romeo.send("<presence type='subscribe' to='juliet@example.com'/>").await;
    juliet.expect(&presence(ROMEO, JULIET, "subscribe")).await;
}

#[tokio::test]
async fn rfc6121_3_4_the_pre_approval_feature_is_offered_after_login() {
    let server = builder().start().await;
    let juliet = server.login(BALCONY).await;
    let features = juliet.session().host().stream_features();
    let found =
        features.iter().find(|feature| feature.element.is("urn:xmpp:features:pre-approval", "sub")).unwrap();
    assert_eq!(found.offered, Offered::AfterLogin);
}

#[tokio::test]
async fn rfc6121_2_5_2_a_removed_contact_loses_both_subscriptions() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    befriend(&mut romeo, &mut juliet).await;
    let item = "<item jid='romeo@example.net' subscription='remove'/>";
    juliet.send(&format!("<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{item}</query></iq>")).await;
    romeo
        .expect("<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe' id='{any}'/>")
        .await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='to'/>")).await;
    // Hers to him ends as well.
    romeo.expect(&presence(BALCONY, ROMEO, "unavailable")).await;
    romeo
        .expect("<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed' id='{any}'/>")
        .await;
    romeo.expect(&push(ORCHARD, "<item jid='juliet@example.com' subscription='none'/>")).await;
    romeo.expect_nothing();
    assert_eq!(state(&romeo, JULIET), waxwing_roster::State::default());
    assert_eq!(state(&juliet, ROMEO), waxwing_roster::State::default());
}

#[tokio::test]
async fn xep0077_3_2_an_account_that_goes_ends_its_subscriptions() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    befriend(&mut romeo, &mut juliet).await;
    let account = juliet.session().account().clone();
    account.host().notify(Notice::AccountRemoving(account.clone())).await;
    assert_eq!(state(&romeo, JULIET), waxwing_roster::State::default());
    romeo.forget();
    juliet.drop_connection().await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn a_subscription_to_oneself_changes_nothing() {
    let server = builder().start().await;
    let mut juliet = online(&server, BALCONY).await;
    for kind in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        juliet.send(&format!("<presence type='{kind}' to='juliet@example.com'/>")).await;
    }
    juliet.expect_nothing();
    assert_eq!(state(&juliet, JULIET), waxwing_roster::State::default());
}
