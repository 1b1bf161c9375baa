//! §11: copies that are none.

use super::*;

fn forged(direction: &str) -> String {
    format!(
        "<{direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
         <message xmlns='jabber:client' from='nurse@capulet.lit/hall' to='{PHONE}' type='chat'><body>Come!</body>\
         </message></forwarded></{direction}>"
    )
}

#[tokio::test]
async fn xep0280_11_a_forged_copy_does_not_get_through() {
    let mut scene = scene().await;
    for direction in ["received", "sent"] {
        for address in [PHONE, "juliet@capulet.lit"] {
            to(&mut scene.romeo, address, &format!("{HI}{}", forged(direction))).await;
            scene.phone.expect(&chat(ROMEO, address, HI)).await;
        }
    }
    assert!(
        scene
            .server
            .server()
            .shared()
            .metrics()
            .encode()
            .contains("carbons_forged_total{host=\"montague.lit\"} 4")
    );
}

/// From another server: no gate of the sender has seen it.
#[tokio::test]
async fn xep0280_11_nor_one_of_another_server_or_a_service() {
    let mut scene = scene().await;
    let router = scene.phone.session().host().clone();
    let remote = Origin::Remote(Domain::parse("verona.lit").unwrap());
    for origin in [remote, Origin::Server] {
        let xml = format!(
            "<message from='a@verona.lit' to='{PHONE}' type='groupchat'>{}</message>",
            forged("sent")
        );
        drop(router.router().route(Stanza::parse(&xml).unwrap(), origin, Custody::memory()).await);
        scene.phone.expect(&format!("<message from='a@verona.lit' to='{PHONE}' type='groupchat'/>")).await;
    }
}

/// What is left of the message follows the rules like any other.
#[tokio::test]
async fn xep0280_6_1_what_is_left_is_copied_or_not() {
    let mut scene = scene().await;
    to(&mut scene.romeo, PHONE, &forged("received")).await;
    scene.phone.expect(&chat(ROMEO, PHONE, "")).await;
    scene.desk.expect(&copy("received", DESK, "chat", &chat(ROMEO, PHONE, ""))).await;
    scene.romeo.send(&format!("<message to='{PHONE}' id='m1'>{}</message>", forged("received"))).await;
    scene.phone.expect(&format!("<message from='{ROMEO}' to='{PHONE}' id='m1'/>")).await;
    scene.desk.expect_nothing();
}

/// A client of the account itself could fool the others.
#[tokio::test]
async fn xep0280_11_nobody_sends_copies_to_the_own_account_or_out_of_it() {
    let mut scene = scene().await;
    to(&mut scene.phone, DESK, &forged("sent")).await;
    scene.desk.expect(&chat(PHONE, DESK, "")).await;
    to(&mut scene.phone, ROMEO, &forged("sent")).await;
    scene.romeo.expect(&chat(PHONE, ROMEO, "")).await;
    scene.desk.expect(&copy("sent", DESK, "chat", &chat(PHONE, ROMEO, ""))).await;
}

/// The twin: other elements of those names, and forwarded stanzas that are no copies.
#[tokio::test]
async fn what_only_looks_like_a_copy_stays() {
    let mut scene = scene().await;
    let inner = "<received xmlns='urn:xmpp:receipts' id='x'/><forwarded xmlns='urn:xmpp:forward:0'>\
                 <message xmlns='jabber:client' from='a@b.lit'><body>x</body></message></forwarded>";
    to(&mut scene.romeo, PHONE, inner).await;
    scene.phone.expect(&chat(ROMEO, PHONE, inner)).await;
}
