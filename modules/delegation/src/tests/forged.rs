//! Answers that are none (XEP-0355 §4.3).

use super::*;

/// The checks themselves are tested beside their code; here it is what becomes of it.
#[tokio::test]
async fn xep0355_4_3_a_bad_answer_is_service_unavailable() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, grants(&[(X, &[])])).await;
    for inner in [
        "<iq xmlns='jabber:client' to='romeo@capulet.lit/orchard' id='pep1' type='result'/>",
        "<iq xmlns='jabber:client' to='juliet@capulet.lit/balcony' id='pep2' type='result'/>",
        "<iq xmlns='jabber:client' to='juliet@capulet.lit/balcony' id='pep1' type='error'/>",
        "<iq xmlns='jabber:client' from='romeo@capulet.lit' to='juliet@capulet.lit/balcony' id='pep1' type='result'/>",
        "<iq to='juliet@capulet.lit/balcony' id='pep1' type='result'/>",
    ] {
        juliet.send("<iq id='pep1' type='set'><q xmlns='urn:x'/></iq>").await;
        let (_, id) = forwarded(&mut pubsub).await;
        pubsub.send(&answer(&id, inner)).await;
        assert_eq!(condition(&mut juliet).await, Condition::ServiceUnavailable, "{inner}");
        romeo.expect_nothing();
    }
}

#[tokio::test]
async fn only_the_managing_entity_answers() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut mallory = server.online("mallory@capulet.lit/x").await;
    let mut pubsub = component(&server, grants(&[(X, &[])])).await;
    juliet.send("<iq id='pep1' type='set'><q xmlns='urn:x'/></iq>").await;
    let (_, id) = forwarded(&mut pubsub).await;
    let good =
        answer(&id, "<iq xmlns='jabber:client' to='juliet@capulet.lit/balcony' id='pep1' type='result'/>");
    mallory.send(&good.replace(&format!("from='{PUBSUB}'"), "")).await;
    pubsub.send(&good.replace(PUBSUB, "mallory@pubsub.capulet.lit")).await;
    juliet.expect_nothing();
    pubsub.send(&good).await;
    juliet.expect("<iq to='juliet@capulet.lit/balcony' id='pep1' type='result'/>").await;
    // And only once.
    pubsub.send(&good).await;
    juliet.expect_nothing();
}

/// A second component that claims nothing gets nothing.
#[tokio::test]
async fn what_is_not_delegated_to_a_component_does_not_reach_it() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut other = server.component("other.capulet.lit", Grants::default());
    other.connect().await;
    juliet.send("<iq id='1' type='set'><q xmlns='urn:x'/></iq>").await;
    assert_eq!(condition(&mut juliet).await, Condition::ServiceUnavailable);
    other.expect_nothing();
}
