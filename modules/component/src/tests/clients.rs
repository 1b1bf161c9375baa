use waxwing_core::{Host, Origin};
use waxwing_xmpp::{Condition, ErrorType, Stanza};

use super::support::*;

fn condition(stanza: &Stanza) -> (Condition, ErrorType) {
    let error = stanza.error().expect("an error");
    (error.condition, error.kind)
}

#[tokio::test]
async fn xep0114_3_messages_go_both_ways() {
    let server = start(IRC).await;
    let (mut irc, mut juliet) = (server.irc().await, server.juliet().await);
    let message = "type='groupchat' id='1'><body>hi &amp; hello</body></message>";
    juliet.send(&format!("<message to='#garden@irc.example.org/x' {message}")).await;
    assert_eq!(
        irc.expect("</message>").await,
        "<message from='juliet@example.org/balcony' to='#garden@irc.example.org/x' id='1' type='groupchat'>\
         <body>hi &amp; hello</body></message>"
    );
    let message = "<message from='#garden@irc.example.org/romeo' to='juliet@example.org/balcony' id='2'>\
                   <body>yes</body></message>";
    irc.send(message).await;
    juliet.expect(message).await;
    assert!(server.metric("component_stanzas_in_total{host=\"\"} 1"));
    assert!(server.metric("component_stanzas_out_total{host=\"\"} 1"));
    server.server.stop().await;
}

/// RFC 6120 §4.8.2: whatever namespace the component's stream has, the client's is its own.
#[tokio::test]
async fn rfc6120_4_8_the_content_namespace_is_that_of_the_stream() {
    let server = start(IRC).await;
    let (mut irc, mut juliet) = (server.irc().await, server.juliet().await);
    let forms = [
        ("", "<body>b</body>"),
        ("xmlns='jabber:component:accept'", "<body>b</body>"),
        ("", "<body xmlns='jabber:component:accept'>b</body>"),
        ("", "<c:body xmlns:c='jabber:component:accept'>b</c:body>"),
        ("", "<body xmlns='jabber:client'>b</body>"),
        ("xmlns='jabber:client'", "<body>b</body>"),
    ];
    for (namespace, body) in forms {
        let form =
            format!("<message {namespace} from='a@irc.example.org' to='juliet@example.org'>{body}</message>");
        irc.send(&form).await;
        let got = juliet.next().await.expect("a message");
        let xml = got.to_xml();
        assert!(
            got.has_body() && xml.contains("<body") && xml.ends_with(">b</body></message>"),
            "{form}: {xml}"
        );
        assert!(!xml.contains("xmlns='jabber:"), "{form}: {xml}");
    }
    // As slixmpp writes errors.
    let error = "<message type='error' from='a@irc.example.org' to='juliet@example.org/balcony'>\
                 <error xmlns='jabber:client' type='cancel'>\
                 <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>";
    irc.send(error).await;
    assert_eq!(condition(&juliet.next().await.unwrap()), (Condition::Gone, ErrorType::Cancel));
    // And the other way.
    let body = "<body xmlns='jabber:client'>b</body>";
    juliet.send(&format!("<message xmlns='jabber:client' to='a@irc.example.org'>{body}</message>")).await;
    assert_eq!(
        irc.expect("</message>").await,
        "<message from='juliet@example.org/balcony' to='a@irc.example.org'><body>b</body></message>"
    );
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_requests_of_clients_are_forwarded_and_answered() {
    let server = start(IRC).await;
    let (mut irc, mut juliet) = (server.irc().await, server.juliet().await);
    for to in ["irc.example.org", "a@irc.example.org", "a@irc.example.org/x"] {
        juliet
            .send(&format!(
                "<iq type='get' id='1' to='{to}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            ))
            .await;
        let got = irc.expect("</iq>").await;
        assert!(
            got.starts_with(&format!("<iq from='juliet@example.org/balcony' to='{to}' id='1' type='get'>")),
            "{got}"
        );
        irc.send(&format!("<iq type='result' id='1' from='{to}' to='juliet@example.org/balcony'/>")).await;
        juliet
            .expect(&format!("<iq type='result' id='1' from='{to}' to='juliet@example.org/balcony'/>"))
            .await;
    }
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_a_component_asks_the_server_and_its_accounts() {
    let server = start(IRC).await;
    let (mut irc, _juliet) = (server.irc().await, server.juliet().await);
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    irc.send(&format!("<iq type='get' id='1' from='irc.example.org' to='example.org'>{info}</iq>")).await;
    let answer = irc.expect("</iq>").await;
    assert!(
        answer.starts_with("<iq from='example.org' to='irc.example.org' id='1' type='result'>"),
        "{answer}"
    );
    assert!(answer.contains("<identity category='server'"), "{answer}");
    // RFC 6121 §8.5.3.1: whether a resource is there is nobody's business who may not see it.
    irc.send(&format!(
        "<iq type='get' id='2' from='irc.example.org' to='juliet@example.org/balcony'>{info}</iq>"
    ))
    .await;
    assert!(irc.expect("</iq>").await.contains("<service-unavailable "));
    server.server.stop().await;
}

/// The server's own requests go to components as well.
#[tokio::test]
async fn rfc6120_8_2_3_a_component_answers_a_request_of_the_server() {
    let server = start(IRC).await;
    let mut irc = server.irc().await;
    let host = server.server.server().shared().router().host("example.org").unwrap();
    let request =
        Stanza::parse("<iq type='get' id='x' to='irc.example.org'><query xmlns='urn:x'/></iq>").unwrap();
    let asked = Host::request(&host, request, PATIENCE);
    let answers = async {
        let got = irc.expect("</iq>").await;
        let id = got.split(" id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        // Nobody else's answer counts.
        irc.send(&format!("<iq type='error' id='{id}' from='a@irc.example.org' to='example.org'/>")).await;
        irc.send(&format!(
            "<iq type='result' id='{id}' from='irc.example.org' to='example.org'><y xmlns='urn:y'/></iq>"
        ))
        .await;
    };
    let (answer, ()) = tokio::join!(asked, answers);
    assert!(answer.unwrap().to_xml().contains("<y xmlns='urn:y'/>"));
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6121_3_a_component_and_a_user_subscribe_and_see_each_other() {
    let server = start(IRC).await;
    let (mut irc, mut juliet) = (server.irc().await, server.juliet().await);
    // Who has asked for the roster is told how subscriptions go on (§2.2).
    juliet.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>").await;
    juliet.send("<presence type='subscribe' to='a@irc.example.org'/>").await;
    let request = irc.expect("/>").await;
    assert!(
        request.contains("from='juliet@example.org' to='a@irc.example.org'")
            && request.contains("type='subscribe'"),
        "{request}"
    );
    irc.send("<presence type='subscribed' from='a@irc.example.org' to='juliet@example.org'/>").await;
    irc.send("<presence type='subscribe' from='a@irc.example.org' to='juliet@example.org'/>").await;
    irc.send("<presence from='a@irc.example.org/irc' to='juliet@example.org'><show>dnd</show></presence>")
        .await;
    let mut got = Vec::new();
    while !got.iter().any(|xml: &String| xml.contains("<show>dnd</show>")) {
        got.push(juliet.next().await.expect("presence").to_xml());
    }
    assert!(got.iter().any(|xml| xml.contains("type='subscribed'")), "{got:?}");
    juliet.send("<presence type='subscribed' to='a@irc.example.org'/>").await;
    assert!(irc.expect("/>").await.contains("type='subscribed'"));
    // §4.2.2: what the contact may see it is told at once.
    let now = irc.expect("/>").await;
    assert!(now.starts_with("<presence from='juliet@example.org/balcony' to='a@irc.example.org'"), "{now}");
    // §4.3: probes, both ways.
    irc.send("<presence type='probe' from='a@irc.example.org' to='juliet@example.org'/>").await;
    assert!(irc.expect("/>").await.contains("from='juliet@example.org/balcony'"));
    juliet.send("<presence type='unavailable'/>").await;
    assert!(irc.expect("/>").await.contains("type='unavailable'"));
    juliet.send("<presence/>").await;
    let both = [irc.expect("/>").await, irc.expect("/>").await].concat();
    assert!(both.contains("type='probe'") && both.contains("from='juliet@example.org/balcony'"), "{both}");
    server.server.stop().await;
}

/// RFC 6120 §8.3.3.17, §10.4.3.
#[tokio::test]
async fn rfc6120_8_3_3_17_what_is_for_a_component_that_is_away_bounces() {
    let server = start(IRC).await;
    let mut juliet = server.juliet().await;
    let away = (Condition::RemoteServerTimeout, ErrorType::Wait);
    juliet.send("<message to='a@irc.example.org' id='1'><body>hi</body></message>").await;
    assert_eq!(condition(&juliet.next().await.unwrap()), away);
    juliet.send("<iq type='get' id='2' to='irc.example.org'><query xmlns='urn:x'/></iq>").await;
    assert_eq!(condition(&juliet.next().await.unwrap()), away);
    // What is no component of the config is another server's.
    juliet.send("<message to='a@sms.example.org' id='3'><body>hi</body></message>").await;
    assert_eq!(condition(&juliet.next().await.unwrap()).0, Condition::RemoteServerNotFound);
    // While it is there nothing bounces, and when it has gone all does again.
    let mut irc = server.irc().await;
    juliet.send("<message to='a@irc.example.org' id='4'><body>hi</body></message>").await;
    irc.expect("</message>").await;
    juliet.expect_nothing();
    drop(irc);
    server.gone("irc.example.org").await;
    juliet.send("<message to='a@irc.example.org' id='5'><body>hi</body></message>").await;
    assert_eq!(condition(&juliet.next().await.unwrap()), away);
    server.server.stop().await;
}

#[tokio::test]
async fn xep0114_3_whoever_speaks_for_others_is_cut_off() {
    let server = start(IRC).await;
    let mut juliet = server.juliet().await;
    for from in
        ["romeo@example.org", "example.org", "a@x.irc.example.org", "a@irc.example.net", "a@xirc.example.org"]
    {
        let mut irc = server.irc().await;
        irc.send(&format!("<message from='{from}' to='juliet@example.org'><body>lies</body></message>"))
            .await;
        irc.expect_error("invalid-from").await;
        server.gone("irc.example.org").await;
    }
    juliet.expect_nothing();
    // Any user and resource of its own, and the name itself.
    let mut irc = server.irc().await;
    for from in ["irc.example.org", "irc.example.org/x", "a@irc.example.org", "a@irc.example.org/x"] {
        irc.send(&format!("<message from='{from}' to='juliet@example.org/balcony'><body>b</body></message>"))
            .await;
        juliet
            .expect(&format!(
                "<message from='{from}' to='juliet@example.org/balcony'><body>b</body></message>"
            ))
            .await;
    }
    server.server.stop().await;
}

/// XEP-0114 §3: both addresses, "as in the 'jabber:server' namespace"; RFC 6120 §8.1.1.2, §8.1.2.2.
#[tokio::test]
async fn xep0114_3_a_stanza_has_both_addresses() {
    let server = start(IRC).await;
    let without = [
        "<message to='juliet@example.org'><body>b</body></message>",
        "<message from='' to='juliet@example.org'><body>b</body></message>",
        "<message from='@irc.example.org' to='juliet@example.org'><body>b</body></message>",
        "<message from='a@irc.example.org'><body>b</body></message>",
        "<presence from='a@irc.example.org'/>",
    ];
    for stanza in without {
        let mut irc = server.irc().await;
        irc.send(stanza).await;
        irc.expect_error("improper-addressing").await;
        server.gone("irc.example.org").await;
    }
    // What a user of the component has mistyped costs the others nothing.
    let mut irc = server.irc().await;
    irc.send("<message from='a@irc.example.org' to='@' id='1'><body>b</body></message>").await;
    let answer = irc.expect("</message>").await;
    assert!(
        answer.contains("to='a@irc.example.org' id='1' type='error'") && answer.contains("<jid-malformed "),
        "{answer}"
    );
    irc.expect_nothing().await;
    server.server.stop().await;
}

#[tokio::test]
async fn domains_below_are_the_components_where_the_config_says_so() {
    let section = format!("{IRC}subdomains = true\n[domains.\"own.irc.example.org\"]\nsecret = \"own\"\n");
    let server = start(&section).await;
    let (mut irc, mut own) = (server.irc().await, server.join("own.irc.example.org", "own").await);
    let mut juliet = server.juliet().await;
    juliet.send("<message to='a@oftc.irc.example.org'><body>b</body></message>").await;
    assert!(irc.expect("</message>").await.contains("to='a@oftc.irc.example.org'"));
    irc.send("<message from='a@oftc.irc.example.org' to='juliet@example.org/balcony'/>").await;
    juliet.expect("<message from='a@oftc.irc.example.org' to='juliet@example.org/balcony'/>").await;
    juliet.send("<message to='a@own.irc.example.org'><body>b</body></message>").await;
    own.expect("</message>").await;
    irc.expect_nothing().await;
    // The name of another component is not its own.
    irc.send("<message from='a@own.irc.example.org' to='juliet@example.org/balcony'/>").await;
    irc.expect_error("invalid-from").await;
    own.send("<message from='a@x.own.irc.example.org' to='juliet@example.org/balcony'/>").await;
    own.expect_error("invalid-from").await;
    juliet.expect_nothing();
    server.server.stop().await;
}

/// XEP-0280 §11, XEP-0359 §5, XEP-0203 §5: what only the receiving server says.
#[tokio::test]
async fn a_component_cannot_say_what_only_the_server_says() {
    let server = start(IRC).await;
    let (mut irc, mut juliet) = (server.irc().await, server.juliet().await);
    let forged = "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                  <message xmlns='jabber:client' from='romeo@example.org'/></forwarded></received>\
                  <sent xmlns='urn:xmpp:carbons:2'/>\
                  <stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='forged'/>\
                  <delay xmlns='urn:xmpp:delay' from='example.org' stamp='2002-09-10T23:08:25Z'/>";
    let own = "<stanza-id xmlns='urn:xmpp:sid:0' by='#garden@irc.example.org' id='own'/>\
               <delay xmlns='urn:xmpp:delay' from='irc.example.org' stamp='2002-09-10T23:08:25Z'/>";
    let addresses = "from='a@irc.example.org' to='juliet@example.org/balcony'";
    irc.send(&format!("<message {addresses}>{forged}{own}<body>b</body></message>")).await;
    let expected = format!(
        "<message from='a@irc.example.org' to='juliet@example.org/balcony'>{own}<body>b</body></message>"
    );
    juliet.expect(&expected).await;
    server.server.stop().await;
}

async fn items(client: &mut waxwing_testkit::TestClient, host: &str) -> String {
    client
        .send(&format!(
            "<iq type='get' id='d' to='{host}'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>"
        ))
        .await;
    client.next().await.unwrap().to_xml()
}

#[tokio::test]
async fn xep0030_4_1_a_component_is_an_item_of_the_host_above_while_it_is_connected() {
    let section = format!("{IRC}[domains.\"irc.example.com\"]\nsecret = \"com\"\n");
    let server = start(&section).await;
    let mut juliet = server.juliet().await;
    let item = "<item jid='irc.example.org'/>";
    assert!(!items(&mut juliet, "example.org").await.contains(item));
    let irc = server.irc().await;
    let _elsewhere = server.join("irc.example.com", "com").await;
    let shown = items(&mut juliet, "example.org").await;
    assert!(shown.contains(item) && !shown.contains("irc.example.com"), "{shown}");
    assert!(!items(&mut juliet, "example.net").await.contains("irc."));
    drop(irc);
    server.gone("irc.example.org").await;
    assert!(!items(&mut juliet, "example.org").await.contains(item));
    server.server.stop().await;
}

#[tokio::test]
async fn components_talk_to_each_other() {
    let two = format!("{IRC}[domains.\"sms.example.org\"]\nsecret = \"other\"\n");
    let server = start(&two).await;
    let (mut irc, mut sms) = (server.irc().await, server.join("sms.example.org", "other").await);
    irc.send("<message from='a@irc.example.org' to='b@sms.example.org'><body>b</body></message>").await;
    let got = sms.expect("</message>").await;
    assert_eq!(got, "<message from='a@irc.example.org' to='b@sms.example.org'><body>b</body></message>");
    // An error for somebody who has gone is not answered with another one.
    drop(sms);
    server.gone("sms.example.org").await;
    irc.send("<message from='a@irc.example.org' to='b@sms.example.org' id='1'><body>b</body></message>")
        .await;
    assert!(irc.expect("</message>").await.contains("<remote-server-timeout "));
    let error = "<error type='cancel'/></message>";
    irc.send(&format!("<message type='error' from='a@irc.example.org' to='b@sms.example.org'>{error}")).await;
    irc.expect_nothing().await;
    server.server.stop().await;
}

/// Modules can tell a component from a server and a client.
#[tokio::test]
async fn what_a_component_sends_is_of_its_origin() {
    use std::sync::Arc;

    use waxwing_core::prelude::*;

    #[derive(Debug)]
    struct Witness;

    impl Module for Witness {
        type Config = NoConfig;
        const INFO: ModuleInfo =
            ModuleInfo::new("witness", "For tests").scope(Scope::Host(HostKind::Accounts));
        fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
            let this = Arc::new(Self);
            reg.iq(Iq::get(IqTo::Host, "urn:who", "who"), &this, |_, iq| async move {
                let Origin::Component(name) = iq.origin else { return Err(Condition::NotAllowed.into()) };
                Ok(Reply::tree(&Tree::new("urn:who", "you").with_text(name.as_str())))
            })?;
            Ok(this)
        }
    }

    let server = start_with_module::<Witness>(IRC).await;
    let mut irc = server.irc().await;
    irc.send("<iq type='get' id='1' from='a@irc.example.org' to='example.org'><who xmlns='urn:who'/></iq>")
        .await;
    assert!(irc.expect("</iq>").await.contains(">irc.example.org</you>"));
    server.server.stop().await;
}
