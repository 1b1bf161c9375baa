use waxwing_testkit::{TestClient, TestServer};

use super::*;

async fn romeo() -> TestClient {
    TestServer::host("capulet.lit").with::<Ping>().start().await.login("romeo@capulet.lit/orchard").await
}

#[tokio::test]
async fn xep0199_4_2_a_client_pings_the_server() {
    let mut romeo = romeo().await;
    romeo.send("<iq to='capulet.lit' id='c2s1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    romeo.expect("<iq from='capulet.lit' to='romeo@capulet.lit/orchard' id='c2s1' type='result'/>").await;
}

#[tokio::test]
async fn xep0199_4_2_no_address_and_the_own_bare_jid_do_as_well() {
    let mut romeo = romeo().await;
    romeo.send("<iq id='p1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    romeo.expect("<iq to='romeo@capulet.lit/orchard' id='p1' type='result'/>").await;
    romeo.send("<iq to='romeo@capulet.lit' id='p2' type='get'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    romeo.expect("<iq from='romeo@capulet.lit' to='romeo@capulet.lit/orchard' id='p2' type='result'/>").await;
}

#[tokio::test]
async fn xep0199_3_only_a_get_is_a_ping() {
    let mut romeo = romeo().await;
    romeo.send("<iq to='capulet.lit' id='s1' type='set'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    romeo
        .expect(
            "<iq from='capulet.lit' to='romeo@capulet.lit/orchard' id='s1' type='error'><error type='cancel'>
            <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        )
        .await;
}

/// RFC 6120 §13.11: a ping tells nothing of other accounts.
#[tokio::test]
async fn rfc6120_13_11_accounts_and_strangers_answer_alike() {
    let mut romeo = romeo().await;
    for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
        romeo.send(&format!("<iq to='{to}' id='x' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")).await;
        romeo
            .expect(&format!(
                "<iq from='{to}' to='romeo@capulet.lit/orchard' id='x' type='error'><error type='cancel'>
                <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            ))
            .await;
    }
}
