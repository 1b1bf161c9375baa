use waxwing_testkit::{TestClient, TestServer};

use super::*;

const ASK: &str = "<iq to='capulet.lit' id='v' type='get'><query xmlns='jabber:iq:version'/></iq>";

async fn romeo(config: &str) -> TestClient {
    let server =
        TestServer::host("capulet.lit").with::<Version>().module_config("version", config).start().await;
    server.login("romeo@capulet.lit/orchard").await
}

/// §5: the operating system is not told unless the operator says so.
#[tokio::test]
async fn xep0092_2_name_and_version_are_told() {
    let mut romeo = romeo("").await;
    romeo.send(ASK).await;
    romeo
        .expect(
            "<iq from='capulet.lit' to='romeo@capulet.lit/orchard' id='v' type='result'>
            <query xmlns='jabber:iq:version'><name>Waxwing</name><version>0.1.0</version></query></iq>",
        )
        .await;
}

#[tokio::test]
async fn xep0092_5_the_operating_system_is_told_on_request_of_the_operator() {
    let mut romeo = romeo("os = true").await;
    romeo.send(ASK).await;
    romeo
        .expect(
            "<iq from='capulet.lit' to='romeo@capulet.lit/orchard' id='v' type='result'>
            <query xmlns='jabber:iq:version'><name>Waxwing</name><version>{any}</version><os>{any}</os></query></iq>",
        )
        .await;
}

#[tokio::test]
async fn xep0092_5_all_of_it_can_be_hidden() {
    let mut romeo = romeo("hide = true").await;
    romeo.send(ASK).await;
    romeo
        .expect(
            "<iq from='capulet.lit' to='romeo@capulet.lit/orchard' id='v' type='error'><error type='cancel'>
            <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        )
        .await;
    assert!(!romeo.session().host().declared(DiscoOn::Host).features.contains(&NS.to_owned()));
}
