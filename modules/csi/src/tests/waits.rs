//! What waits and what does not.

use waxwing_core::Next;

use super::*;

async fn waits(phone: &mut TestClient, xml: &str) -> bool {
    arrives(phone, xml);
    let came = matches!(phone.session().next(), Next::Stanza(_));
    indicate(phone, "active").await;
    let comes = matches!(phone.session().next(), Next::Stanza(_));
    assert!(came != comes, "it comes once: {xml}");
    indicate(phone, "inactive").await;
    !came
}

fn pep(from: &str, node: &str) -> String {
    format!(
        "<message from='{from}' to='{PHONE}' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'>\
         <items node='{node}'><item id='1'><x xmlns='urn:example'/></item></items></event></message>"
    )
}

fn carbon(direction: &str, children: &str) -> String {
    format!(
        "<message from='juliet@capulet.lit' to='{PHONE}' type='chat'><{direction} xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='{ROMEO}' \
         to='juliet@capulet.lit/desk' type='chat'>{children}</message></forwarded></{direction}></message>"
    )
}

const ROOM: &str = "coven@chat.shakespeare.lit";

fn light() -> Vec<String> {
    let muc = "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='visitor'/></x>";
    vec![
        presence(ROMEO, "<show>away</show>"),
        format!("<presence from='{ROMEO}' to='{PHONE}' type='unavailable'/>"),
        presence("juliet@capulet.lit/desk", ""),
        presence(&format!("{ROOM}/firstwitch"), muc),
        message("chat", COMPOSING),
        message("chat", &format!("{COMPOSING}<thread>t</thread><no-store xmlns='urn:xmpp:hints'/><body/>")),
        message("chat", &format!("{COMPOSING}<x xmlns='http://jabber.org/protocol/muc#user'/>")),
        message("groupchat", &format!("{COMPOSING}<occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/>")),
        message("normal", RECEIPT),
        message("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/><store xmlns='urn:xmpp:hints'/>"),
        message("chat", &format!("{RECEIPT}{COMPOSING}")),
        pep("romeo@montague.lit", "urn:xmpp:avatar:metadata"),
        pep("romeo@montague.lit", "eu.siacs.conversations.axolotl.devicelist"),
        pep("juliet@capulet.lit", "http://jabber.org/protocol/tune"),
        carbon("received", COMPOSING),
        carbon("sent", COMPOSING),
        carbon("sent", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"),
    ]
}

fn heavy() -> Vec<String> {
    let myself = "<x xmlns='http://jabber.org/protocol/muc#user'><item role='none'/><status code='110'/></x>";
    let error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let result = "<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'/></result>";
    vec![
        format!("<presence from='romeo@montague.lit' to='{PHONE}' type='subscribe'/>"),
        format!("<presence from='romeo@montague.lit' to='{PHONE}' type='unsubscribed'/>"),
        format!("<presence from='{ROOM}/x' to='{PHONE}' type='error'>{error}</presence>"),
        presence(&format!("{ROOM}/thirdwitch"), myself),
        message("chat", "<body>Hi</body>"),
        message("normal", "<body>Hi</body>"),
        message("headline", "<body>Hi</body>"),
        message("groupchat", "<body>thirdwitch: Hi</body>"),
        message("groupchat", "<subject>Toil and trouble</subject>"),
        message("groupchat", "<subject/>"),
        message("chat", &format!("<body>Hi</body>{COMPOSING}{RECEIPT}")),
        message("chat", "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>"),
        message("chat", "<encrypted xmlns='urn:xmpp:omemo:2'><payload>x</payload></encrypted>"),
        message("chat", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/><store xmlns='urn:xmpp:hints'/>"),
        message("chat", "<retract xmlns='urn:xmpp:jingle-message:0' id='1'/>"),
        message("normal", "<x xmlns='jabber:x:conference' jid='a@b.lit'/>"),
        message("normal", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b.lit'/></x>"),
        message("chat", "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>"),
        message("error", &format!("{COMPOSING}{error}")),
        message("normal", ""),
        message("normal", result),
        message("normal", "<unknown xmlns='urn:example'/>"),
        pep("juliet@capulet.lit", "urn:xmpp:bookmarks:1"),
        pep("juliet@capulet.lit", "urn:xmpp:mds:displayed:0"),
        pep("pubsub.shakespeare.lit", "alarms"),
        carbon("received", "<body>Hi</body>"),
        carbon("sent", &format!("<body>Hi</body>{COMPOSING}")),
        carbon("received", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>"),
        format!("<iq type='get' id='1' from='{ROMEO}' to='{PHONE}'><x xmlns='urn:example'/></iq>"),
        format!("<iq type='result' id='1' from='{ROMEO}' to='{PHONE}'/>"),
    ]
}

#[tokio::test]
async fn xep0352_3_2_what_is_unimportant_waits() {
    let (_server, mut phone) = pocket().await;
    for xml in light() {
        assert!(waits(&mut phone, &xml).await, "{xml}");
    }
}

#[tokio::test]
async fn xep0352_3_1_what_is_important_does_not() {
    let (_server, mut phone) = pocket().await;
    for xml in heavy() {
        assert!(!waits(&mut phone, &xml).await, "{xml}");
    }
}

/// From a contact those nodes are news like any other.
#[tokio::test]
async fn only_ones_own_nodes_tell_a_client_what_to_do() {
    let (_server, mut phone) = pocket().await;
    assert!(waits(&mut phone, &pep("romeo@montague.lit", "urn:xmpp:bookmarks:1")).await);
}

/// §3.2: the administrator decides.
#[tokio::test]
async fn xep0352_3_2_each_class_can_be_turned_off() {
    let classes = [
        ("presence", presence(ROMEO, "")),
        ("chat_states", message("chat", COMPOSING)),
        ("receipts", message("chat", RECEIPT)),
        ("events", pep("romeo@montague.lit", "urn:xmpp:avatar:metadata")),
    ];
    for (key, _) in &classes {
        let (_server, mut phone) = pocket_of(builder().module_config("csi", &format!("{key} = false"))).await;
        for (other, xml) in &classes {
            assert_eq!(waits(&mut phone, xml).await, key != other, "{key}: {xml}");
        }
    }
}
