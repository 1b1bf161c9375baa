use waxwing_testkit::{TestClient, TestContacts, TestServer};
use waxwing_xmpp::Stanza;

use super::*;

mod features;

/// A module with facts: declared ones, a node, and an item for who asks.
struct Facts;

impl Module for Facts {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("facts", "Has facts");
    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        for on in [DiscoOn::Host, DiscoOn::Account] {
            reg.feature(on, "urn:z");
            reg.feature(on, "urn:a");
            reg.feature(on, "urn:z");
            reg.disco(on, &this, Self::node);
        }
        Ok(this)
    }
}

impl Facts {
    async fn node(self: Arc<Self>, query: DiscoQuery) -> DiscoAnswer {
        let item =
            DiscoItem { jid: query.from.clone(), node: Some("music/A".into()), name: Some("A".into()) };
        Ok((query.node.as_deref() == Some("music")).then(|| DiscoNode {
            features: vec!["urn:music".into()],
            items: vec![item],
            ..DiscoNode::default()
        }))
    }
}

/// A service with a host of its own.
struct Rooms;

impl Module for Rooms {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("rooms", "Has a domain").service("rooms");
    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        reg.identity(DiscoOn::Host, "conference", "text", "The rooms");
        Ok(Arc::new(Self))
    }
}

async fn server() -> TestServer {
    let server = TestServer::host("capulet.lit").with::<Disco>().with::<Facts>().with::<TestContacts>();
    server
        .module_config("contacts", "friends = [\"romeo@capulet.lit\"]")
        .module_config(
            "disco",
            "items = [\"proxy.example.net\"]\ncontact.support = [\"https://capulet.lit/help\"]",
        )
        .start()
        .await
}

async fn ask(client: &mut TestClient, kind: &str, to: &str, node: &str) -> Stanza {
    let to = if to.is_empty() { String::new() } else { format!("to='{to}'") };
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#{kind}' {node}/>");
    client.send(&format!("<iq {to} type='get' id='d'>{query}</iq>")).await;
    client.next().await.expect("an answer")
}

fn answer(stanza: &Stanza, kind: &str, expected: &str) {
    assert!(!stanza.is_error(), "{}", stanza.to_xml());
    let query = stanza.payload().expect("a query").tree().to_xml();
    let expected =
        expected.replace("<query", &format!("<query xmlns='http://jabber.org/protocol/disco#{kind}'"));
    assert_eq!(waxwing_testkit::difference(&expected, &query), None, "{query}");
}

fn condition(stanza: &Stanza) -> Condition {
    stanza.error().expect("an error").condition
}

const ROMEO: &str = "romeo@capulet.lit/orchard";
const STRANGER: &str = "paris@capulet.lit/hall";

const ACCOUNT: &str = "<query><identity category='account' type='registered'/>
    <feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/disco#items'/>
    <feature var='urn:a'/><feature var='urn:z'/></query>";

const HOST: &str = "<identity category='server' type='im' name='Waxwing'/>
    <feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>
    <feature var='http://jabber.org/protocol/disco#items'/><feature var='urn:a'/><feature var='urn:z'/>
    <x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>
    <value>http://jabber.org/network/serverinfo</value></field>
    <field var='support-addresses' type='list-multi'><value>https://capulet.lit/help</value></field></x>";

#[tokio::test]
async fn xep0030_3_1_the_host_says_who_it_is_each_feature_once_in_order() {
    let mut romeo = server().await.login(ROMEO).await;
    answer(&ask(&mut romeo, "info", "capulet.lit", "").await, "info", &format!("<query>{HOST}</query>"));
}

#[tokio::test]
async fn xep0030_3_1_the_account_answers_itself() {
    let mut romeo = server().await.login(ROMEO).await;
    for to in ["", "romeo@capulet.lit"] {
        answer(&ask(&mut romeo, "info", to, "").await, "info", ACCOUNT);
    }
}

#[tokio::test]
async fn xep0030_8_1_2_the_account_answers_who_may_see_its_presence() {
    let mut romeo = server().await.login(ROMEO).await;
    answer(&ask(&mut romeo, "info", "juliet@capulet.lit", "").await, "info", ACCOUNT);
}

/// §8: rules 1.1 and 1.2 answer alike, with a node and without.
#[tokio::test]
async fn xep0030_8_1_info_tells_strangers_nothing() {
    let mut paris = server().await.login(STRANGER).await;
    for node in ["", "node='music'", "node='no such'"] {
        let mut answers = Vec::new();
        for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
            let stanza = ask(&mut paris, "info", to, node).await;
            assert_eq!(condition(&stanza), Condition::ServiceUnavailable);
            answers.push(stanza.to_xml().replace(to, ""));
        }
        assert_eq!(answers[0], answers[1], "{node}");
    }
}

/// §8: rules 2.1 and 2.2 answer alike, with a node and without.
#[tokio::test]
async fn xep0030_8_2_items_tell_strangers_nothing() {
    let server = server().await;
    let juliet = server.login("juliet@capulet.lit/balcony").await;
    juliet.session().set_presence(Some(Stanza::parse("<presence/>").unwrap()));
    let mut paris = server.login(STRANGER).await;
    for node in ["", "node='music'", "node='no such'"] {
        let mut answers = Vec::new();
        for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
            let stanza = ask(&mut paris, "items", to, node).await;
            answer(&stanza, "items", &format!("<query {node}/>"));
            answers.push(stanza.to_xml().replace(to, ""));
        }
        assert_eq!(answers[0], answers[1], "{node}");
    }
}

#[tokio::test]
async fn xep0030_4_1_friends_see_available_resources() {
    let server = server().await;
    let juliet = server.login("juliet@capulet.lit/balcony").await;
    let _silent = server.login("juliet@capulet.lit/chamber").await;
    let mut romeo = server.login(ROMEO).await;
    answer(&ask(&mut romeo, "items", "juliet@capulet.lit", "").await, "items", "<query/>");
    juliet.session().set_presence(Some(Stanza::parse("<presence/>").unwrap()));
    let expected = "<query><item jid='juliet@capulet.lit/balcony'/></query>";
    answer(&ask(&mut romeo, "items", "juliet@capulet.lit", "").await, "items", expected);
}

#[tokio::test]
async fn xep0030_4_1_services_of_this_domain_are_items_of_the_host() {
    let server = TestServer::host("capulet.lit").and_host("montague.lit").with::<Disco>().with::<Rooms>();
    let server = server.module_config("disco", "items = [\"proxy.example.net\"]").start().await;
    let mut romeo = server.login(ROMEO).await;
    let expected =
        "<query><item jid='rooms.capulet.lit' name='The rooms'/><item jid='proxy.example.net'/></query>";
    answer(&ask(&mut romeo, "items", "capulet.lit", "").await, "items", expected);
    let rooms = ask(&mut romeo, "info", "rooms.capulet.lit", "").await;
    let expected = "<query><identity category='conference' type='text' name='The rooms'/>
        <feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/disco#items'/>
        </query>";
    answer(&rooms, "info", expected);
}

#[tokio::test]
async fn xep0030_3_2_a_node_is_mirrored() {
    let mut romeo = server().await.login(ROMEO).await;
    for to in ["capulet.lit", "romeo@capulet.lit"] {
        let info = ask(&mut romeo, "info", to, "node='music'").await;
        answer(&info, "info", "<query node='music'><feature var='urn:music'/></query>");
        let items = ask(&mut romeo, "items", to, "node='music'").await;
        let item = format!("<query node='music'><item jid='{ROMEO}' node='music/A' name='A'/></query>");
        answer(&items, "items", &item);
    }
}

#[tokio::test]
async fn xep0030_7_an_unknown_node_is_not_found() {
    let mut romeo = server().await.login(ROMEO).await;
    for to in ["capulet.lit", "romeo@capulet.lit", "juliet@capulet.lit"] {
        for kind in ["info", "items"] {
            assert_eq!(
                condition(&ask(&mut romeo, kind, to, "node='no such'").await),
                Condition::ItemNotFound
            );
        }
    }
}

#[tokio::test]
async fn xep0115_6_3_the_stream_feature_hashes_what_the_node_answers() {
    let server = server().await;
    let mut romeo = server.login(ROMEO).await;
    let host = Arc::clone(romeo.session().host());
    let c = host.stream_features().iter().find(|feature| feature.module == "disco").expect("caps");
    assert_eq!(c.offered, Offered::AfterLogin);
    let (ver, node) = (c.element.attr("ver").unwrap(), c.element.attr("node").unwrap());
    assert_eq!((c.element.attr("hash"), c.element.is(ns::CAPS, "c")), (Some("sha-1"), true));
    let stanza = ask(&mut romeo, "info", "capulet.lit", &format!("node='{node}#{ver}'")).await;
    answer(&stanza, "info", &format!("<query node='{node}#{ver}'>{HOST}</query>"));
    assert_eq!(caps::verification_string(&stanza.payload().unwrap().tree()), ver);
}

#[tokio::test]
async fn xep0115_6_2_another_hash_is_not_found() {
    let mut romeo = server().await.login(ROMEO).await;
    for node in ["https://waxwing.example/", "https://waxwing.example/#x", "https://waxwing.example/#"] {
        let stanza = ask(&mut romeo, "info", "capulet.lit", &format!("node='{node}'")).await;
        assert_eq!(condition(&stanza), Condition::ItemNotFound, "{node}");
    }
}

#[tokio::test]
async fn a_wrong_item_stops_the_start() {
    let server =
        TestServer::host("capulet.lit").with::<Disco>().module_config("disco", "items = [\"a b@@\"]");
    assert!(server.try_start().await.unwrap_err().to_string().contains("is no address"));
}
