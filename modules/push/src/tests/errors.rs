//! §7.1: what becomes of a service that refuses or does not answer; §8: one that says no.

use waxwing_core::Clock;
use waxwing_xmpp::datetime::Timestamp;

use super::*;

#[tokio::test(start_paused = true)]
async fn xep0357_7_1_an_error_disables_the_service_at_once() {
    for (kind, condition) in [
        ("cancel", "item-not-found"),
        ("auth", "forbidden"),
        ("auth", "not-authorized"),
        ("cancel", "gone"),
        ("modify", "not-acceptable"),
        ("cancel", "service-unavailable"),
        ("cancel", "policy-violation"),
        ("cancel", "conflict"),
    ] {
        let mut scene = away().await;
        scene.say("Hi").await;
        Published::next(&mut scene.app).await.refuse(&mut scene.app, kind, condition).await;
        scene.say("Hi").await;
        scene.quiet().await;
        assert!(scene.metric("push_disabled_total 1"), "{condition}");
        // Only the client itself brings it back.
        let mut phone = scene.server.online(PHONE).await;
        phone.forget();
        enable(&mut phone, "n1").await;
        phone.drop_connection().await;
        scene.say("Hi").await;
        assert_eq!(scene.published().await.count(), "1", "{condition}");
    }
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_1_only_the_node_of_the_error_is_disabled() {
    let mut scene = away().await;
    let mut desktop = scene.server.online(DESKTOP).await;
    enable(&mut desktop, "n2").await;
    desktop.drop_connection().await;
    scene.say("Hi").await;
    let first = Published::next(&mut scene.app).await;
    assert_eq!(first.node(), Some("n1"));
    first.refuse(&mut scene.app, "cancel", "item-not-found").await;
    assert_eq!(scene.published().await.node(), Some("n2"));
    scene.say("Hi").await;
    assert_eq!(scene.published().await.node(), Some("n2"));
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_1_errors_that_may_pass_disable_after_a_number_in_a_row() {
    let config = "failures_max = 3\nfailing_time_max = '0 s'";
    for (kind, condition) in [
        ("wait", "resource-constraint"),
        ("wait", "service-unavailable"),
        ("cancel", "remote-server-not-found"),
        ("cancel", "remote-server-timeout"),
        ("cancel", "internal-server-error"),
    ] {
        let mut scene = away_of(configured(config)).await;
        for _ in 0..2 {
            scene.say("Hi").await;
            Published::next(&mut scene.app).await.refuse(&mut scene.app, kind, condition).await;
        }
        // One that is taken makes the count begin anew.
        scene.say("Hi").await;
        scene.published().await;
        for _ in 0..3 {
            scene.say("Hi").await;
            Published::next(&mut scene.app).await.refuse(&mut scene.app, kind, condition).await;
        }
        scene.say("Hi").await;
        scene.quiet().await;
        assert!(scene.metric("push_disabled_total 1") && scene.metric("push_failed_total 5"), "{condition}");
    }
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_1_no_answer_is_a_failure() {
    let mut scene = away_of(configured("failures_max = 2\nfailing_time_max = '0 s'")).await;
    for _ in 0..2 {
        scene.say("Hi").await;
        Published::next(&mut scene.app).await;
        tokio::time::sleep(Duration::from_secs(31)).await;
    }
    scene.say("Hi").await;
    scene.quiet().await;
    assert!(scene.metric("push_disabled_total 1"));
}

/// Ten failures are one busy minute; a service may be down for that long.
#[tokio::test(start_paused = true)]
async fn xep0357_7_1_a_service_that_fails_for_a_short_time_stays_enabled() {
    let clock = Clock::fixed(Timestamp(1_700_000_000_000_000));
    let config = "failures_max = 2\nfailing_time_max = '1 h'";
    let mut scene = away_of(configured(config).clock(clock.clone())).await;
    for _ in 0..5 {
        scene.say("Hi").await;
        Published::next(&mut scene.app).await.refuse(&mut scene.app, "wait", "resource-constraint").await;
    }
    let Clock::Fixed(time) = &clock else { unreachable!() };
    time.fetch_add(3_600_000_000, std::sync::atomic::Ordering::Relaxed);
    scene.say("Hi").await;
    Published::next(&mut scene.app).await.refuse(&mut scene.app, "wait", "resource-constraint").await;
    scene.say("Hi").await;
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_over_a_restart() {
    let config = "failures_max = 2\nfailing_time_max = '0 s'";
    let store = Store::memory();
    let mut scene = away_of(configured(config).store(store.clone())).await;
    scene.say("Hi").await;
    Published::next(&mut scene.app).await.refuse(&mut scene.app, "wait", "resource-constraint").await;
    let mut scene = scene_of(configured(config).store(store.clone())).await;
    scene.say("Hi").await;
    Published::next(&mut scene.app).await.refuse(&mut scene.app, "wait", "resource-constraint").await;
    scene.quiet().await;
    // And what is disabled stays so.
    let mut scene = scene_of(configured(config).store(store)).await;
    scene.say("Hi").await;
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn rfc6120_8_2_3_only_the_service_itself_answers() {
    let mut scene = away().await;
    scene.say("Hi").await;
    let published = Published::next(&mut scene.app).await;
    published.refuse(&mut scene.romeo, "cancel", "item-not-found").await;
    assert!(scene.metric("push_disabled_total 0"));
    published.accept(&mut scene.app).await;
    scene.say("Hi").await;
    scene.published().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_for_what_was_enabled_before_does_not_disable_what_is_enabled_now() {
    let mut scene = away().await;
    scene.say("Hi").await;
    let old = Published::next(&mut scene.app).await;
    let mut phone = scene.server.online(PHONE).await;
    phone.forget();
    enable(&mut phone, "n1").await;
    phone.drop_connection().await;
    old.refuse(&mut scene.app, "cancel", "item-not-found").await;
    scene.say("Hi").await;
    assert_eq!(scene.published().await.count(), "1");
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_1_a_service_that_does_not_exist_is_disabled() {
    let mut scene = scene_of(builder()).await;
    let mut phone = scene.server.online(PHONE).await;
    phone.send(&enabling("jid='nobody@capulet.lit' node='n1'", "")).await;
    done(&mut phone, "e").await;
    phone.drop_connection().await;
    scene.say("Hi").await;
    settled().await;
    assert!(scene.metric("push_disabled_total 1"));
}

fn announcement(inside: &str) -> String {
    format!(
        "<message to='juliet@capulet.lit'><pubsub xmlns='http://jabber.org/protocol/pubsub' {inside}</pubsub></message>"
    )
}

const NONE: &str = "<affiliation jid='juliet@capulet.lit' affiliation='none'/>";

#[tokio::test(start_paused = true)]
async fn xep0357_8_a_service_that_takes_the_affiliation_away_is_disabled() {
    for inside in [format!("node='n1'>{NONE}"), format!("><affiliations node='n1'>{NONE}</affiliations>")] {
        let mut scene = away().await;
        let mut desktop = scene.server.online(DESKTOP).await;
        scene.app.send(&announcement(&inside)).await;
        scene.say("Hi").await;
        scene.quiet().await;
        // It was for the server.
        assert!(desktop.next().await.unwrap().has_body());
    }
}

#[tokio::test(start_paused = true)]
async fn xep0357_8_other_announcements_and_those_of_others_disable_nothing() {
    let mut scene = away().await;
    let mut desktop = scene.server.online(DESKTOP).await;
    scene.romeo.send(&announcement(&format!("node='n1'>{NONE}"))).await;
    for inside in [
        format!("node='n2'>{NONE}"),
        format!("node='n1'>{}", NONE.replace("none", "publish-only")),
        format!("node='n1'>{}", NONE.replace("juliet", "nurse")),
    ] {
        scene.app.send(&announcement(&inside)).await;
    }
    desktop.forget();
    scene.say("Hi").await;
    assert_eq!(scene.published().await.count(), "1");
}
