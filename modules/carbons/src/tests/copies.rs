//! §7 and §8: who gets which copy.

use super::*;

#[tokio::test]
async fn xep0280_7_a_received_message_is_copied_to_the_others() {
    let mut scene = scene().await;
    to(&mut scene.romeo, PHONE, HI).await;
    scene.phone.expect(&chat(ROMEO, PHONE, HI)).await;
    scene.desk.expect(&copy("received", DESK, "chat", &chat(ROMEO, PHONE, HI))).await;
    scene.phone.expect_nothing();
    scene.desk.expect_nothing();
}

#[tokio::test]
async fn xep0280_7_who_gets_the_original_gets_no_copy() {
    let mut scene = scene().await;
    let mut low = scene.another(TABLET, "<presence><priority>-1</priority></presence>").await;
    let original = chat(ROMEO, "juliet@capulet.lit", HI);
    to(&mut scene.romeo, "juliet@capulet.lit", HI).await;
    for client in [&mut scene.phone, &mut scene.desk] {
        client.expect(&original).await;
        client.expect_nothing();
    }
    // RFC 6121 §8.5.2.1.1: negative priority gets no original.
    low.expect(&copy("received", TABLET, "chat", &original)).await;
    low.expect_nothing();
}

#[tokio::test]
async fn xep0280_7_presence_does_not_matter() {
    let mut scene = scene().await;
    let mut silent = scene.another(TABLET, "").await;
    to(&mut scene.romeo, PHONE, HI).await;
    silent.expect(&copy("received", TABLET, "chat", &chat(ROMEO, PHONE, HI))).await;
    to(&mut scene.phone, ROMEO, HI).await;
    silent.expect(&copy("sent", TABLET, "chat", &chat(PHONE, ROMEO, HI))).await;
}

/// RFC 6121 §8.5.3.2.1: the addressed resource is gone, so the message goes to all.
#[tokio::test]
async fn xep0280_7_a_message_to_a_gone_resource_comes_once_to_each() {
    let mut scene = scene().await;
    to(&mut scene.romeo, "juliet@capulet.lit/gone", HI).await;
    for client in [&mut scene.phone, &mut scene.desk] {
        client.expect(&chat(ROMEO, "juliet@capulet.lit/gone", HI)).await;
        client.expect_nothing();
    }
}

/// RFC 6121 §8.5.3.2.1: a normal message to a gone resource bounces, so nobody has received it.
#[tokio::test]
async fn xep0280_7_what_bounces_is_not_copied() {
    let mut scene = scene().await;
    scene.romeo.send(&format!("<message to='juliet@capulet.lit/gone' id='m1'>{HI}</message>")).await;
    assert!(scene.romeo.next().await.unwrap().is_error());
    scene.desk.expect_nothing();
}

#[tokio::test]
async fn xep0280_8_a_sent_message_is_copied_to_the_others() {
    let mut scene = scene().await;
    to(&mut scene.phone, "romeo@montague.lit", HI).await;
    scene.romeo.expect(&chat(PHONE, "romeo@montague.lit", HI)).await;
    scene.desk.expect(&copy("sent", DESK, "chat", &chat(PHONE, "romeo@montague.lit", HI))).await;
    scene.phone.expect_nothing();
    scene.desk.expect_nothing();
    scene.romeo.expect_nothing();
}

#[tokio::test]
async fn xep0280_8_it_does_not_matter_whether_the_sender_has_carbons() {
    let mut scene = scene().await;
    ask(&mut scene.phone, "disable").await;
    to(&mut scene.phone, ROMEO, HI).await;
    scene.desk.expect(&copy("sent", DESK, "chat", &chat(PHONE, ROMEO, HI))).await;
}

#[tokio::test]
async fn xep0280_7_each_gets_a_copy_of_its_own_with_type_and_language() {
    let mut scene = scene().await;
    let mut tablet = scene.another(TABLET, "<presence/>").await;
    scene.romeo.send(&format!("<message to='{PHONE}' xml:lang='it' id='m1'>{HI}</message>")).await;
    let inner = format!("<message from='{ROMEO}' to='{PHONE}' id='m1' xml:lang='it'>{HI}</message>");
    for (client, jid) in [(&mut scene.desk, DESK), (&mut tablet, TABLET)] {
        let copy = copy("received", jid, "normal", &inner).replacen(" type='normal'", "", 1);
        client.expect(&copy).await;
    }
}

#[tokio::test]
async fn xep0280_8_a_note_to_oneself_comes_once_to_each() {
    let mut scene = scene().await;
    let mut tablet = scene.another(TABLET, "<presence/>").await;
    to(&mut scene.phone, DESK, HI).await;
    scene.desk.expect(&chat(PHONE, DESK, HI)).await;
    tablet.expect(&copy("sent", TABLET, "chat", &chat(PHONE, DESK, HI))).await;
    for client in [&mut scene.phone, &mut scene.desk, &mut tablet] {
        client.expect_nothing();
    }
}

/// To the bare JID all get the original, the sender too (RFC 6121 §8.5.2.1.1); who does not gets a copy.
#[tokio::test]
async fn xep0280_8_a_note_to_ones_bare_jid_comes_once_to_each() {
    let mut scene = scene().await;
    let mut low = scene.another(TABLET, "<presence><priority>-1</priority></presence>").await;
    for address in ["to='juliet@capulet.lit' ", ""] {
        scene.phone.send(&format!("<message {address}type='chat' id='m1'>{HI}</message>")).await;
        let original = chat(PHONE, "juliet@capulet.lit", HI);
        scene.phone.expect(&original).await;
        scene.desk.expect(&original).await;
        low.expect(&copy("sent", TABLET, "chat", &original)).await;
    }
    // Whoever sends it is no other, even without the original.
    low.send(&format!("<message type='chat' id='m1'>{HI}</message>")).await;
    for client in [&mut scene.phone, &mut scene.desk] {
        client.expect(&chat(TABLET, "juliet@capulet.lit", HI)).await;
    }
    for client in [&mut scene.phone, &mut scene.desk, &mut low] {
        client.expect_nothing();
    }
}

#[tokio::test]
async fn xep0280_10_2_chat_states_are_copied() {
    let mut scene = scene().await;
    let state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    to(&mut scene.romeo, PHONE, state).await;
    scene.desk.expect(&copy("received", DESK, "chat", &chat(ROMEO, PHONE, state))).await;
}
