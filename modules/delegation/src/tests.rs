mod disco;
mod forged;
mod forward;

use waxwing_component::{Access, Grants, Privileges};
use waxwing_disco::Disco;
use waxwing_ping::Ping;
use waxwing_presence::Presence;
use waxwing_privilege::Privilege;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestComponent, TestServer, TestServerBuilder};
use waxwing_version::Version;
use waxwing_xmpp::Condition;

use crate::Delegation;

const PUBSUB: &str = "pubsub.capulet.lit";
const X: &str = "urn:x";

fn builder() -> TestServerBuilder {
    TestServer::host("capulet.lit")
        .with::<Disco>()
        .with::<Ping>()
        .with::<Presence>()
        .with::<Rosters>()
        .with::<Privilege>()
        .with::<Version>()
        .with::<Delegation>()
}

fn grants(delegations: &[(&str, &[&str])]) -> Grants {
    let owned = |(namespace, filters): &(&str, &[&str])| {
        ((*namespace).to_owned(), filters.iter().map(|name| (*name).to_owned()).collect())
    };
    Grants { delegations: delegations.iter().map(owned).collect(), ..Grants::default() }
}

/// A connected component that has heard what it manages, and has nothing to say of it.
async fn component(server: &TestServer, grants: Grants) -> TestComponent {
    let mut component = server.component(PUBSUB, grants);
    component.connect().await;
    settle(&mut component).await;
    component
}

/// Nothing comes of itself any more.
async fn settle(component: &mut TestComponent) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    component.forget();
}

/// The request that was forwarded, as text, and the id of the one around it.
async fn forwarded(component: &mut TestComponent) -> (String, String) {
    let outer = component.next().await.expect("a forwarded request");
    let xml = outer.to_xml();
    let id = outer.id.expect("an id").as_str().to_owned();
    let head = format!(
        "<iq from='capulet.lit' to='{PUBSUB}' id='{id}' type='set'><delegation xmlns='urn:xmpp:delegation:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>"
    );
    let inner = xml.strip_prefix(&head).unwrap_or_else(|| panic!("{xml}"));
    (inner.strip_suffix("</forwarded></delegation></iq>").unwrap().to_owned(), id)
}

fn answer(id: &str, inner: &str) -> String {
    format!(
        "<iq from='{PUBSUB}' to='capulet.lit' id='{id}' type='result'><delegation xmlns='urn:xmpp:delegation:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></delegation></iq>"
    )
}

async fn condition(client: &mut TestClient) -> Condition {
    let answer = client.next().await.expect("an answer");
    answer.error().unwrap_or_else(|| panic!("no error: {}", answer.to_xml())).condition
}

#[tokio::test]
async fn xep0355_4_2_a_component_is_told_what_it_manages() {
    let server = builder().start().await;
    let mut pubsub = server.component(PUBSUB, grants(&[("urn:xmpp:mam:2", &["node"]), (X, &[])]));
    pubsub.connect().await;
    pubsub
        .expect(
            "<message from='capulet.lit' to='pubsub.capulet.lit' id='{any}'>
             <delegation xmlns='urn:xmpp:delegation:2'><delegated namespace='urn:x'/>
             <delegated namespace='urn:xmpp:mam:2'><attribute name='node'/></delegated></delegation></message>",
        )
        .await;
    settle(&mut pubsub).await;
    // §8 rule 3: changes are told, and that nothing is left.
    pubsub.grant(grants(&[("urn:y", &[])])).await;
    assert!(pubsub.next().await.unwrap().to_xml().contains("<delegated namespace='urn:y'/>"));
    settle(&mut pubsub).await;
    pubsub.grant(Grants::default()).await;
    assert!(pubsub.next().await.unwrap().to_xml().contains("<delegation xmlns='urn:xmpp:delegation:2'/>"));
    // And that a host is taken away from it.
    pubsub.grant(grants(&[(X, &[])])).await;
    settle(&mut pubsub).await;
    let hosts = Some(vec![waxwing_xmpp::Domain::parse("montague.lit").unwrap()]);
    pubsub.grant(Grants { hosts, ..grants(&[(X, &[])]) }).await;
    assert!(pubsub.next().await.unwrap().to_xml().contains("<delegation xmlns='urn:xmpp:delegation:2'/>"));
    pubsub.expect_nothing();
}

#[tokio::test]
async fn who_manages_nothing_hears_of_nothing() {
    let server = builder().start().await;
    let mut pubsub = server.component(PUBSUB, Grants::default());
    pubsub.connect().await;
    pubsub.expect_nothing();
}
