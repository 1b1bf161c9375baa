//! RFC 6121 §4.2, §4.4, §4.5.

use waxwing_core::{Peer, ResourceConflict};

use super::*;

#[tokio::test]
async fn rfc6121_4_2_2_initial_presence_goes_to_subscribers_and_own_resources() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    let mut tybalt = online(&server, "tybalt@example.com/square").await;
    let mut chamber = server.login(CHAMBER).await;
    chamber.send("<presence id='i'><show>away</show><priority>1</priority></presence>").await;
    let expected = |to: &str| {
        format!(
            "<presence from='{CHAMBER}' to='{to}' id='i'><show>away</show><priority>1</priority></presence>"
        )
    };
    romeo.expect(&expected(ROMEO)).await;
    juliet.expect(&expected(JULIET)).await;
    chamber.expect(&expected(JULIET)).await;
    // What the other resource sent before is new to this one.
    chamber.expect(&presence(BALCONY, CHAMBER, "")).await;
    for client in [&mut romeo, &mut juliet, &mut chamber, &mut tybalt] {
        client.expect_nothing();
    }
}

#[tokio::test]
async fn rfc6121_4_2_2_who_is_only_subscribed_to_gets_no_presence() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    romeo.send("<presence><show>away</show></presence>").await;
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_4_2_subsequent_presence_is_broadcast_without_probes() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    befriend(&mut romeo, &mut juliet).await;
    juliet.send("<presence><show>away</show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>").await;
    let body = "<show>away</show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>";
    romeo.expect(&format!("<presence from='{BALCONY}' to='{ROMEO}'>{body}</presence>")).await;
    juliet.expect(&format!("<presence from='{BALCONY}' to='{JULIET}'>{body}</presence>")).await;
    // No answer to a probe comes.
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_5_2_unavailable_presence_is_broadcast_with_its_status_and_echoed() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    let mut chamber = online(&server, CHAMBER).await;
    romeo.forget();
    juliet.forget();
    juliet.send("<presence type='unavailable'><status>going on vacation</status></presence>").await;
    let expected = |to: &str| {
        format!(
            "<presence from='{BALCONY}' to='{to}' type='unavailable'><status>going on vacation</status></presence>"
        )
    };
    romeo.expect(&expected(ROMEO)).await;
    chamber.expect(&expected(JULIET)).await;
    juliet.expect(&expected(JULIET)).await;
    // Said once.
    juliet.send("<presence type='unavailable'/>").await;
    juliet.drop_connection().await;
    romeo.expect_nothing();
    chamber.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_5_2_a_lost_connection_is_told_by_the_server() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut juliet).await;
    let mut chamber = online(&server, CHAMBER).await;
    romeo.forget();
    juliet.drop_connection().await;
    romeo.expect(&presence(BALCONY, ROMEO, "unavailable")).await;
    chamber.expect(&presence(BALCONY, JULIET, "unavailable")).await;
    // A resource that never was available is told to nobody.
    server.login("juliet@example.com/third").await.drop_connection().await;
    romeo.expect_nothing();
    chamber.expect_nothing();
}

#[tokio::test]
async fn rfc6121_4_5_2_presence_after_unavailable_is_initial_again() {
    let server = builder().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    befriend(&mut romeo, &mut juliet).await;
    juliet.send("<presence type='unavailable'/>").await;
    juliet.forget();
    romeo.forget();
    juliet.send("<presence/>").await;
    romeo.expect(&presence(BALCONY, ROMEO, "")).await;
    juliet.expect(&presence(BALCONY, JULIET, "")).await;
    // The probe was answered anew.
    juliet.expect(&presence(ORCHARD, JULIET, "")).await;
}

#[tokio::test]
async fn a_resource_that_is_back_before_its_old_connection_ends_stays_available() {
    let server = builder().start().await;
    let (mut romeo, mut old) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    subscribe(&mut romeo, &mut old).await;
    let account = old.session().account().clone();
    let peer = Peer { address: [127, 0, 0, 1].into(), secure: true };
    let new = account.bind(Some("balcony"), ResourceConflict::ReplaceOld, peer).unwrap();
    let initial = Stanza::presence(PresenceType::Available);
    drop(account.host().router().from_client(&new, initial).await.unwrap());
    romeo.forget();
    old.drop_connection().await;
    romeo.expect_nothing();
    new.closed().await;
    romeo.expect(&presence(BALCONY, ROMEO, "unavailable")).await;
}

#[tokio::test]
async fn rfc6121_4_7_2_3_a_priority_is_a_small_integer_and_stands_once() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    for body in [
        "<priority>128</priority>",
        "<priority>-129</priority>",
        "<priority>high</priority>",
        "<priority/>",
        "<priority>1</priority><priority>1</priority>",
        "<show>away</show><show>dnd</show>",
    ] {
        juliet.send(&format!("<presence>{body}</presence>")).await;
        assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::BadRequest, "{body}");
        assert!(!juliet.session().is_available());
    }
    for (body, priority) in [("", 0), ("<priority>127</priority>", 127), ("<priority>-128</priority>", -128)]
    {
        juliet.send(&format!("<presence>{body}</presence>")).await;
        assert_eq!(juliet.session().priority(), Some(priority));
        juliet.forget();
    }
}

#[tokio::test]
async fn presence_is_not_sent_to_who_is_blocked() {
    let server = builder().with::<BlocksRomeo>().start().await;
    let (mut romeo, mut juliet) = (online(&server, ORCHARD).await, online(&server, BALCONY).await);
    let mut nurse = online(&server, "nurse@example.com/kitchen").await;
    subscribe(&mut nurse, &mut juliet).await;
    subscribe(&mut romeo, &mut juliet).await;
    juliet.send("<presence><show>away</show></presence>").await;
    assert!(nurse.next().await.is_some());
    romeo.expect_nothing();
    juliet.drop_connection().await;
    nurse.expect(&presence(BALCONY, "nurse@example.com", "unavailable")).await;
    romeo.expect_nothing();
}

/// Everybody has blocked Romeo.
#[derive(Debug)]
struct BlocksRomeo;

impl Module for BlocksRomeo {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("blocks-romeo", "Everybody has blocked Romeo");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        let blocks: Arc<dyn Blocks> = Arc::<Self>::clone(&this);
        reg.provide(blocks)?;
        Ok(this)
    }
}

impl Blocks for BlocksRomeo {
    fn blocks<'a>(&'a self, _: &'a AccountRef, who: &'a Jid) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(std::future::ready(Ok(who.bare_str() == ROMEO)))
    }
}
