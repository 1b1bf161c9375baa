//! XEP-0355 §7.

use waxwing_core::DiscoOn;

use super::*;
use crate::{INFO_OF_THE_REST, ITEMS_OF_THE_REST};

const INFO: &str = "http://jabber.org/protocol/disco#info";
const ITEMS: &str = "http://jabber.org/protocol/disco#items";

async fn info(client: &mut TestClient, to: &str) -> String {
    client.send(&format!("<iq id='d' type='get' to='{to}'><query xmlns='{INFO}'/></iq>")).await;
    client.next().await.expect("an answer").to_xml()
}

/// Answers what the component is asked about its namespaces.
async fn tell(component: &mut TestComponent, node: &str, inner: &str) {
    for _ in 0..10 {
        let asked = component.next().await.expect("a question").to_xml();
        if !asked.contains(&format!("node='{node}'")) {
            continue;
        }
        let id = asked.split(" id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let query = format!("<query xmlns='{INFO}' node='{node}'>{inner}</query>");
        component
            .send(&format!("<iq from='{PUBSUB}' to='capulet.lit' id='{id}' type='result'>{query}</iq>"))
            .await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        return;
    }
    panic!("nobody asks about {node}");
}

const NODE: &str = "urn:xmpp:delegation:2::jabber:iq:version";
const BARE_NODE: &str = "urn:xmpp:delegation:2:bare:jabber:iq:version";

#[tokio::test]
async fn xep0355_7_1_the_protocol_is_announced() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    assert!(info(&mut juliet, "capulet.lit").await.contains("<feature var='urn:xmpp:delegation:2'/>"));
}

#[tokio::test]
async fn xep0355_7_2_1_the_features_of_the_managing_entity_stand_for_the_internal_ones() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    assert!(info(&mut juliet, "capulet.lit").await.contains("<feature var='jabber:iq:version'/>"));
    let mut pubsub = server.component(PUBSUB, grants(&[("jabber:iq:version", &["node"])]));
    pubsub.connect().await;
    // The internal one is gone, whoever is there.
    assert!(!info(&mut juliet, "capulet.lit").await.contains("jabber:iq:version"));
    let form = "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:f</value></field></x>";
    let inner = format!(
        "<identity category='x' type='y' name='Z'/><feature var='jabber:iq:version'/><feature var='urn:more'/>{form}"
    );
    tell(&mut pubsub, NODE, &inner).await;
    let host = info(&mut juliet, "capulet.lit").await;
    for part in [
        "<identity category='server' type='im' name='Waxwing'/><identity category='x' type='y' name='Z'/>",
        "<feature var='jabber:iq:version'/>",
        "<feature var='urn:more'/>",
        "<value>urn:f</value>",
    ] {
        assert!(host.contains(part), "{part}: {host}");
    }
    assert!(!info(&mut juliet, "juliet@capulet.lit").await.contains("urn:more"));
    pubsub.disconnect();
    let host = info(&mut juliet, "capulet.lit").await;
    assert!(!host.contains("urn:more") && !host.contains("jabber:iq:version"), "{host}");
}

#[tokio::test]
async fn xep0355_7_2_2_features_of_bare_jids_are_nested_too() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = server.component(PUBSUB, grants(&[("jabber:iq:version", &[])]));
    pubsub.connect().await;
    tell(&mut pubsub, BARE_NODE, "<identity category='pubsub' type='pep'/><feature var='urn:pep'/>").await;
    let account = info(&mut juliet, "juliet@capulet.lit").await;
    assert!(account.contains(
        "<identity category='account' type='registered'/><identity category='pubsub' type='pep'/>"
    ));
    assert!(account.contains("<feature var='urn:pep'/>"), "{account}");
    assert!(!info(&mut juliet, "capulet.lit").await.contains("urn:pep"));
}

#[tokio::test]
async fn what_a_component_says_is_bounded() {
    let server = builder().module_config("delegation", "nested_bytes_max = \"300 B\"").start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = server.component(PUBSUB, grants(&[("jabber:iq:version", &[])]));
    pubsub.connect().await;
    tell(&mut pubsub, NODE, &format!("<feature var='urn:{}'/>", "x".repeat(300))).await;
    assert!(!info(&mut juliet, "capulet.lit").await.contains("urn:xxx"));
}

/// XEP-0115 §6.3: the hash that the server announces is of what it says now.
#[tokio::test]
async fn xep0115_6_3_the_servers_capabilities_change_with_it() {
    let server = builder().start().await;
    let host = server.server().shared().router().host("capulet.lit").unwrap();
    let caps = || {
        let features = host.stream_features().iter();
        let mut shown = features.map(|feature| feature.element_now(&host).to_xml());
        shown.find(|xml| xml.starts_with("<c ")).unwrap()
    };
    let before = caps();
    let mut pubsub = server.component(PUBSUB, grants(&[("jabber:iq:version", &[])]));
    pubsub.connect().await;
    tell(&mut pubsub, NODE, "<feature var='urn:more'/>").await;
    let during = caps();
    assert_ne!(before, during);
    pubsub.grant(Grants::default()).await;
    assert_eq!(caps(), before);
}

/// Examples 26 to 29.
#[tokio::test]
async fn xep0355_7_2_4_nodes_that_the_server_does_not_know_are_asked_of_the_managing_entity() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let node = format!("<query xmlns='{INFO}' node='urn:xmpp:microblog:0'/>");
    let request = format!("<iq id='disco1' type='get' to='juliet@capulet.lit'>{node}</iq>");
    juliet.send(&request).await;
    assert_eq!(condition(&mut juliet).await, Condition::ItemNotFound);
    let mut pubsub = component(&server, grants(&[(INFO_OF_THE_REST, &[])])).await;
    juliet.send(&request).await;
    let (inner, id) = forwarded(&mut pubsub).await;
    assert!(inner.contains(&node), "{inner}");
    // As in the example: without 'from', which is Juliet's own account.
    let result = format!(
        "<iq xmlns='jabber:client' to='juliet@capulet.lit/balcony' id='disco1' type='result'>{node}</iq>"
    );
    pubsub.send(&answer(&id, &result)).await;
    juliet
        .expect(&format!(
            "<iq from='juliet@capulet.lit' to='juliet@capulet.lit/balcony' id='disco1' type='result'>{node}</iq>"
        ))
        .await;
    // The account itself, the host and items are the server's.
    assert!(info(&mut juliet, "juliet@capulet.lit").await.contains("type='registered'"));
    for (to, namespace) in [("capulet.lit", INFO), ("juliet@capulet.lit", ITEMS)] {
        juliet
            .send(&format!("<iq id='1' type='get' to='{to}'><query xmlns='{namespace}' node='urn:n'/></iq>"))
            .await;
        assert_eq!(condition(&mut juliet).await, Condition::ItemNotFound);
    }
    pubsub.expect_nothing();
}

/// Examples 30 to 37.
#[tokio::test]
async fn xep0355_7_2_5_items_of_bare_jids_are_asked_of_the_managing_entity() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = component(&server, grants(&[(ITEMS_OF_THE_REST, &[])])).await;
    for node in ["", " node='urn:xmpp:microblog:0'"] {
        for to in ["", " to='juliet@capulet.lit'", " to='romeo@capulet.lit'"] {
            let query = format!("<query xmlns='{ITEMS}'{node}/>");
            juliet.send(&format!("<iq id='i1' type='get'{to}>{query}</iq>")).await;
            assert!(forwarded(&mut pubsub).await.0.contains(&query));
        }
    }
    juliet.expect_nothing();
    for (to, query) in [
        (" to='capulet.lit'", format!("<query xmlns='{ITEMS}'/>")),
        ("", format!("<query xmlns='{INFO}' node='urn:n'/>")),
    ] {
        juliet.send(&format!("<iq id='i2' type='get'{to}>{query}</iq>")).await;
        assert!(juliet.next().await.is_some());
    }
    pubsub.expect_nothing();
}

/// §7.2.1, §7.2.3: it speaks of what it manages. XEP-0115 §5.4 rule 3.6: one form of each type.
#[tokio::test]
async fn xep0355_7_2_what_the_server_is_stays_the_servers_to_say() {
    let server = builder().start().await;
    let host = server.server().shared().router().host("capulet.lit").unwrap();
    let mut pubsub = server.component(PUBSUB, grants(&[("jabber:iq:version", &[])]));
    let mut other = server.component("other.capulet.lit", grants(&[("urn:other", &[])]));
    other.connect().await;
    pubsub.connect().await;
    let form = |kind: &str, value: &str| {
        format!(
            "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>{kind}</value></field>\
             <field var='v'><value>{value}</value></field></x>"
        )
    };
    let inner = [
        "<identity category='server' type='im' name='Evil'/><identity category='server' type='other'/>",
        "<identity category='account' type='admin'/><identity category='x' type='y'/>",
        "<feature var='urn:other#a'/><feature var='urn:xmpp:ping'/><feature var='urn:more'/>",
        &form("urn:f", "first"),
        &form("urn:f", "second"),
        &form("urn:other", "third"),
        "<x xmlns='jabber:x:data' type='result'><field var='v'><value>untyped</value></field></x>",
    ];
    tell(&mut pubsub, NODE, &inner.concat()).await;
    let node = host.declared(DiscoOn::Host);
    let identities: Vec<_> =
        node.identities.iter().map(|it| format!("{}/{}/{}", it.category, it.kind, it.name)).collect();
    assert_eq!(identities, ["server/im/Waxwing", "x/y/"]);
    assert!(node.features.iter().any(|feature| feature == "urn:more"));
    assert!(!node.features.iter().any(|feature| feature.starts_with("urn:other")));
    assert_eq!(node.features.iter().filter(|feature| *feature == "urn:xmpp:ping").count(), 1);
    let forms: Vec<_> = node.forms.iter().map(|form| (form.form_type(), form.value("v"))).collect();
    assert_eq!(forms, [(Some("urn:f"), Some("first"))]);
}

#[tokio::test]
async fn of_two_that_manage_the_same_the_first_is_shown() {
    let server = builder().start().await;
    let host = server.server().shared().router().host("capulet.lit").unwrap();
    let mut pubsub = server.component(PUBSUB, grants(&[("jabber:iq:version", &[])]));
    pubsub.connect().await;
    tell(&mut pubsub, NODE, "<feature var='jabber:iq:version#of-pubsub'/>").await;
    let shown =
        || host.declared(DiscoOn::Host).features.iter().any(|feature| feature.ends_with("#of-pubsub"));
    assert!(shown());
    let _last = server.component("zoo.capulet.lit", grants(&[("jabber:iq:version", &[])]));
    assert!(shown());
    let _first = server.component("a.capulet.lit", grants(&[("jabber:iq:version", &[])]));
    assert!(!shown());
}
