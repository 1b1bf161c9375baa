use waxwing_testkit::TestServer;

use super::*;

#[tokio::test]
async fn xep0202_2_the_time_is_told_in_utc() {
    let server = TestServer::host("capulet.lit").with::<Time>().start().await;
    let mut romeo = server.login("romeo@capulet.lit/orchard").await;
    romeo.send("<iq to='capulet.lit' id='t' type='get'><time xmlns='urn:xmpp:time'/></iq>").await;
    romeo
        .expect(
            "<iq from='capulet.lit' to='romeo@capulet.lit/orchard' id='t' type='result'><time xmlns='urn:xmpp:time'>
            <tzo>+00:00</tzo><utc>2023-11-14T22:13:20.000Z</utc></time></iq>",
        )
        .await;
}

#[tokio::test]
async fn xep0202_2_the_time_cannot_be_set() {
    let server = TestServer::host("capulet.lit").with::<Time>().start().await;
    let mut romeo = server.login("romeo@capulet.lit/orchard").await;
    romeo.send("<iq to='capulet.lit' id='t' type='set'><time xmlns='urn:xmpp:time'/></iq>").await;
    romeo
        .expect(
            "<iq from='capulet.lit' to='romeo@capulet.lit/orchard' id='t' type='error'><error type='cancel'>
            <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        )
        .await;
}
