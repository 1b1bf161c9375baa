//! §6.1 as tables, then through the server.

use super::*;

const ROOM: &str = "coven@chat.shakespeare.lit/firstwitch";

fn verdict(side: Side, kind: &str, from: &str, children: &str) -> Eligible {
    let xml = format!("<message from='{from}' to='{PHONE}' type='{kind}'>{children}</message>");
    eligible(&Stanza::parse(&xml).unwrap(), side)
}

fn both(kind: &str, children: &str) -> Eligible {
    let [sent, received] = [Side::Sent, Side::Received].map(|side| verdict(side, kind, ROMEO, children));
    assert_eq!(sent, received, "{kind} {children}");
    sent
}

#[test]
fn xep0280_6_1_what_is_copied() {
    for (kind, children) in [
        ("chat", "<body>x</body>"),
        ("chat", "<unknown xmlns='urn:example'/>"),
        ("chat", ""),
        ("normal", "<body>x</body>"),
        ("normal", "<request xmlns='urn:xmpp:receipts'/>"),
        ("normal", "<received xmlns='urn:xmpp:receipts' id='x'/>"),
        ("normal", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
        ("normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>"),
        ("normal", "<x xmlns='jabber:x:conference' jid='a@b.lit'/>"),
        ("normal", "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b.lit'/></x>"),
        // No rule names a type here.
        ("headline", "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>"),
        // Hints about storing are not about copying.
        ("chat", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>"),
    ] {
        assert_eq!(both(kind, children), Eligible::Yes, "{kind} {children}");
    }
}

#[test]
fn xep0280_6_1_what_is_not_copied() {
    let wish = "<private xmlns='urn:xmpp:carbons:2'/>";
    let hint = "<no-copy xmlns='urn:xmpp:hints'/>";
    let receipt = "<received xmlns='urn:xmpp:receipts' id='x'/>";
    let invitation = "<x xmlns='jabber:x:conference' jid='a@b.lit'/>";
    for (kind, children) in [
        ("normal", String::new()),
        ("normal", "<subject>x</subject>".to_owned()),
        ("normal", "<unknown xmlns='urn:example'/>".to_owned()),
        ("normal", "<x xmlns='http://jabber.org/protocol/muc#user'><decline to='a@b.lit'/></x>".to_owned()),
        ("headline", "<body>x</body>".to_owned()),
        ("groupchat", format!("<body>x</body>{receipt}")),
        ("groupchat", invitation.to_owned()),
        ("chat", format!("<body>x</body>{wish}")),
        ("chat", format!("<body>x</body>{hint}")),
        ("normal", format!("{invitation}{wish}")),
        ("error", format!("<body>x</body>{wish}")),
    ] {
        assert_eq!(both(kind, &children), Eligible::No, "{kind} {children}");
    }
    // XEP-0334 §5: hints in an error are those of the message that it brings back.
    assert_eq!(both("error", hint), Eligible::IfItAnswers);
}

#[test]
fn xep0280_6_1_private_messages_in_rooms_only_when_sent() {
    let marked = "<body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/>";
    assert_eq!(verdict(Side::Sent, "chat", PHONE, marked), Eligible::Yes);
    for kind in ["chat", "normal"] {
        assert_eq!(verdict(Side::Received, kind, ROOM, marked), Eligible::No);
    }
    // The twins: from the room itself, and without the mark.
    assert_eq!(verdict(Side::Received, "chat", "coven@chat.shakespeare.lit", marked), Eligible::Yes);
    assert_eq!(verdict(Side::Received, "chat", ROOM, "<body>x</body>"), Eligible::Yes);
}

#[tokio::test]
async fn xep0280_6_1_neither_requests_nor_presence_are_copied() {
    let mut scene = scene().await;
    scene.phone.send(&format!("<presence to='{ROMEO}'/>")).await;
    scene.romeo.send(&format!("<iq to='{PHONE}' type='get' id='q'><x xmlns='urn:example'/></iq>")).await;
    scene.romeo.send(&format!("<presence to='{PHONE}'/>")).await;
    assert_eq!(scene.phone.next().await.unwrap().name(), "iq");
    scene.phone.send(&format!("<iq to='{ROMEO}' type='result' id='q'/>")).await;
    scene.desk.expect_nothing();
}

#[tokio::test]
async fn xep0280_9_private_messages_are_delivered_and_not_copied() {
    let mut scene = scene().await;
    for wish in ["<private xmlns='urn:xmpp:carbons:2'/>", "<no-copy xmlns='urn:xmpp:hints'/>"] {
        let message = format!("{HI}{wish}");
        to(&mut scene.romeo, PHONE, &message).await;
        scene.phone.expect(&chat(ROMEO, PHONE, &message)).await;
        to(&mut scene.phone, ROMEO, &message).await;
        scene.romeo.expect(&chat(PHONE, ROMEO, &message)).await;
        scene.desk.expect_nothing();
    }
}

#[tokio::test]
async fn xep0280_6_1_groupchat_is_delivered_and_not_copied() {
    let mut scene = scene().await;
    scene.romeo.send(&format!("<message to='{PHONE}' type='groupchat' id='m1'>{HI}</message>")).await;
    assert!(scene.phone.next().await.unwrap().has_body());
    scene.desk.expect_nothing();
}
