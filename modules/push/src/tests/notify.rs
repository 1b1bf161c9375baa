//! §7: what is published, when, and how often.

use super::*;

#[tokio::test(start_paused = true)]
async fn xep0357_7_a_message_for_a_client_that_is_away_is_published() {
    let mut scene = away().await;
    scene.say("Wherefore art thou?").await;
    let published = scene
        .app
        .expect(
            "<iq type='set' from='juliet@capulet.lit' to='push@capulet.lit/app' id='{any}'>
               <pubsub xmlns='http://jabber.org/protocol/pubsub'>
                 <publish node='n1'>
                   <item>
                     <notification xmlns='urn:xmpp:push:0'>
                       <x xmlns='jabber:x:data' type='submit'>
                         <field var='FORM_TYPE'><value>urn:xmpp:push:summary</value></field>
                         <field var='message-count'><value>1</value></field>
                       </x>
                     </notification>
                   </item>
                 </publish>
               </pubsub>
             </iq>",
        )
        .await;
    scene
        .app
        .send(&format!("<iq type='result' id='{}' to='juliet@capulet.lit'/>", published.id.unwrap()))
        .await;
    settled().await;
    assert!(scene.metric("push_sent_total 1"));
    scene.app.expect_nothing();
    scene.romeo.expect_nothing();
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_a_client_that_is_connected_and_awake_is_not_notified() {
    let mut scene = scene_of(builder()).await;
    let mut phone = scene.server.online(PHONE).await;
    enable(&mut phone, "n1").await;
    scene.say("Hi").await;
    assert!(phone.next().await.unwrap().has_body());
    scene.quiet().await;
}

/// Connected is enough, available or not: it has the connection by which it can be reached.
#[tokio::test(start_paused = true)]
async fn xep0357_7_a_connected_client_without_presence_is_not_notified() {
    let mut scene = away().await;
    let _phone = scene.server.login(PHONE).await;
    scene.say("Hi").await;
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_another_client_of_the_account_does_not_stand_for_it() {
    let mut scene = away().await;
    let mut desktop = scene.server.online(DESKTOP).await;
    scene.say("Hi").await;
    assert!(desktop.next().await.unwrap().has_body());
    assert_eq!(scene.published().await.count(), "1");
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_what_the_account_sends_itself_is_not_notified() {
    let mut scene = away().await;
    let mut desktop = scene.server.online(DESKTOP).await;
    desktop.send("<message to='romeo@capulet.lit' type='chat'><body>Hi</body></message>").await;
    desktop.send(&chat("<body>A note to self</body>")).await;
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_nobody_is_woken_up_for_what_only_programs_read() {
    let mut scene = away().await;
    for children in [
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<received xmlns='urn:xmpp:receipts' id='1'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/><store xmlns='urn:xmpp:hints'/>",
    ] {
        scene.romeo.send(&chat(children)).await;
    }
    scene.quiet().await;
}

/// There would be nothing to find.
#[tokio::test(start_paused = true)]
async fn xep0334_4_2_what_is_not_to_be_stored_is_not_notified_to_an_absent_client() {
    let mut scene = away().await;
    let mut desktop = scene.server.online(DESKTOP).await;
    scene.romeo.send(&chat("<body>Hi</body><no-store xmlns='urn:xmpp:hints'/>")).await;
    assert!(desktop.next().await.unwrap().has_body());
    scene.quiet().await;
    scene.romeo.send(&chat("<body>Hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>")).await;
    assert_eq!(scene.published().await.count(), "1");
}

#[tokio::test(start_paused = true)]
async fn xep0334_4_3_what_is_for_one_client_alone_wakes_up_no_other() {
    let mut scene = away().await;
    let mut desktop = scene.server.online(DESKTOP).await;
    let private = "<body>Hi</body><no-copy xmlns='urn:xmpp:hints'/>";
    scene.romeo.send(&chat(private).replace("juliet@capulet.lit", DESKTOP)).await;
    assert!(desktop.next().await.unwrap().has_body());
    scene.quiet().await;
    // Addressed to the bare JID the hint says nothing.
    scene.romeo.send(&chat(private)).await;
    assert_eq!(scene.published().await.count(), "1");
}

#[tokio::test(start_paused = true)]
async fn a_storm_makes_one_further_notification_with_the_latest_count() {
    let mut scene = away().await;
    scene.say("0").await;
    let first = Published::next(&mut scene.app).await;
    assert_eq!(first.count(), "1");
    for body in 1..50 {
        scene.say(&body.to_string()).await;
    }
    tokio::time::sleep(Duration::from_millis(900)).await;
    scene.app.expect_nothing();
    first.accept(&mut scene.app).await;
    assert_eq!(scene.published().await.count(), "50");
    scene.quiet().await;
    assert!(scene.metric("push_sent_total 2"));
}

/// A service that does not answer is told the next after the interval, a few times; then it is waited for.
#[tokio::test(start_paused = true)]
async fn a_silent_service_is_told_a_few_more_times() {
    let mut scene = away().await;
    let mut told = 0;
    for body in 0..12 {
        scene.say(&body.to_string()).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        while scene.app.waiting().is_some() {
            told += 1;
        }
    }
    assert_eq!(told, 4);
}

#[tokio::test(start_paused = true)]
async fn notifications_keep_an_interval() {
    let mut scene = away_of(configured("interval = '10 s'")).await;
    scene.say("one").await;
    scene.published().await;
    let begin = tokio::time::Instant::now();
    scene.say("two").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    scene.say("three").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    scene.app.expect_nothing();
    assert_eq!(scene.published().await.count(), "3");
    assert!(begin.elapsed() < Duration::from_secs(11), "{:?}", begin.elapsed());
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_meanwhile_is_told_nothing_and_counted_anew() {
    let mut scene = away_of(configured("interval = '10 s'")).await;
    scene.say("one").await;
    scene.published().await;
    scene.say("two").await;
    let phone = scene.server.online(PHONE).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    scene.app.expect_nothing();
    phone.drop_connection().await;
    scene.say("three").await;
    assert_eq!(scene.published().await.count(), "1");
}

/// §6: "the server MUST NOT attempt publishing notifications to the service."
#[tokio::test(start_paused = true)]
async fn xep0357_6_what_waits_for_a_service_that_is_disabled_is_not_published() {
    let mut scene = away_of(configured("interval = '10 s'")).await;
    scene.say("one").await;
    scene.published().await;
    scene.say("two").await;
    let mut desktop = scene.server.login(DESKTOP).await;
    disable(&mut desktop, &format!("jid='{APP}' node='n1'")).await;
    done(&mut desktop, "d").await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    scene.app.expect_nothing();
}

const CALL: &str = "<propose xmlns='urn:xmpp:jingle-message:0' id='c'>
    <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose><store xmlns='urn:xmpp:hints'/>";

#[tokio::test(start_paused = true)]
async fn xep0353_3_1_a_call_is_told_at_once_whatever_is_under_way() {
    let mut scene = away_of(configured("interval = '1 min'")).await;
    scene.say("one").await;
    let first = Published::next(&mut scene.app).await;
    scene.say("two").await;
    settled().await;
    scene.app.expect_nothing();
    scene.romeo.send(&chat(CALL)).await;
    settled().await;
    let call = Published::next(&mut scene.app).await;
    assert_eq!(call.count(), "3");
    call.accept(&mut scene.app).await;
    first.accept(&mut scene.app).await;
    // Nor does it wait for the interval.
    scene.romeo.send(&chat(CALL)).await;
    settled().await;
    assert_eq!(scene.published().await.count(), "4");
}

#[tokio::test(start_paused = true)]
async fn calls_beside_each_other_have_a_limit() {
    let mut scene = away_of(configured("answer_time_max = '1 h'")).await;
    for _ in 0..20 {
        scene.romeo.send(&chat(CALL)).await;
    }
    settled().await;
    let mut counts = Vec::new();
    while let Some(stanza) = scene.app.next().await {
        counts.push(stanza);
    }
    assert_eq!(counts.len(), 4, "three calls and one in turn");
}

#[tokio::test(start_paused = true)]
async fn xep0357_9_sender_and_body_are_told_only_where_the_host_says_so() {
    for (include, sender, body) in
        [("count", None, None), ("sender", Some(ROMEO), None), ("body", Some(ROMEO), Some("Hi"))]
    {
        let mut scene = away_of(configured(&format!("include = '{include}'"))).await;
        scene.say("Hi").await;
        let published = scene.published().await;
        assert_eq!(published.summary.value("last-message-sender"), sender, "{include}");
        assert_eq!(published.summary.value("last-message-body"), body, "{include}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_is_told_in_part_if_it_is_long() {
    let mut scene = away_of(configured("include = 'body'")).await;
    scene.say(&"ä".repeat(5000)).await;
    let published = scene.published().await;
    assert_eq!(published.summary.value("last-message-body").unwrap().chars().count(), 1000);
}

#[tokio::test(start_paused = true)]
async fn an_account_without_services_costs_nothing() {
    let mut scene = scene_of(builder()).await;
    scene.say("Hi").await;
    scene.say("Hi").await;
    scene.quiet().await;
    assert!(scene.metric("push_sent_total 0") && scene.metric("push_failed_total 0"));
}
