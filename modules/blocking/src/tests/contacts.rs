//! XEP-0191 §3.3 and §3.4: presence at block and unblock.

use super::*;

/// Stands in for roster and presence: Romeo and everybody at `friends.lit` are subscribed to everybody, and presence
/// without 'to' is remembered.
pub(crate) struct Subscribers;

impl Module for Subscribers {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("subscribers", "Romeo sees everybody");
    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.provide::<dyn Contacts>(this.clone())?;
        reg.gate(Side::Sent, Gate::Handle, Kinds::AVAILABILITY, &this, |_, event| {
            match (&event.stanza.to, event.origin.session()) {
                (None, Some(session)) => drop(session.set_presence(Some(event.stanza.clone()))),
                _ => return Hooked::pass(),
            }
            Hooked::Now(Ok(Flow::Handled))
        });
        Ok(this)
    }
}

const ALL: [&str; 2] = ["romeo@montague.lit", "mercutio@montague.lit"];

impl Contacts for Subscribers {
    fn sees<'a>(&'a self, _: &'a AccountRef, who: &'a Jid) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(ALL.contains(&who.bare_str())) })
    }

    fn subscribers<'a>(&'a self, _: &'a AccountRef) -> BoxFuture<'a, Result<Vec<BareJid>, StoreError>> {
        Box::pin(async move { Ok(ALL.iter().map(|jid| BareJid::parse(jid).unwrap()).collect()) })
    }
}

/// Juliet with one available and one silent resource, Romeo, Mercutio and Paris with one each.
async fn scene() -> (TestClient, [TestClient; 3]) {
    let server = server().await;
    let juliet = server.online(JULIET).await;
    let _silent = server.login("juliet@capulet.lit/chamber").await;
    let romeo = server.online(ROMEO).await;
    let mercutio = server.online("mercutio@montague.lit/street").await;
    let paris = server.online("paris@montague.lit/hall").await;
    (juliet, [romeo, mercutio, paris])
}

async fn gone(client: &mut TestClient) {
    client.expect(&format!("<presence from='{JULIET}' to='{{any}}' type='unavailable'/>")).await;
    client.expect_nothing();
}

async fn back(client: &mut TestClient) {
    client.expect(&format!("<presence from='{JULIET}' to='{{any}}'/>")).await;
    client.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_a_blocked_contact_sees_the_user_go_offline_and_3_4_come_back() {
    let (mut juliet, [mut romeo, mut mercutio, _]) = scene().await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    gone(&mut romeo).await;
    // What is blocked already sees nothing new.
    block(&mut juliet, &["romeo@montague.lit"]).await;
    romeo.expect_nothing();
    set(&mut juliet, "unblock", &["romeo@montague.lit"]).await;
    done(&mut juliet).await;
    back(&mut romeo).await;
    mercutio.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_who_may_not_see_presence_is_told_nothing() {
    let (mut juliet, [_, _, mut paris]) = scene().await;
    block(&mut juliet, &["paris@montague.lit"]).await;
    set(&mut juliet, "unblock", &["paris@montague.lit"]).await;
    done(&mut juliet).await;
    paris.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_a_blocked_domain_is_each_contact_there() {
    let (mut juliet, [mut romeo, mut mercutio, mut paris]) = scene().await;
    block(&mut juliet, &["montague.lit"]).await;
    gone(&mut romeo).await;
    gone(&mut mercutio).await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    romeo.expect_nothing();
    // Romeo is still blocked by himself.
    set(&mut juliet, "unblock", &["montague.lit"]).await;
    done(&mut juliet).await;
    back(&mut mercutio).await;
    romeo.expect_nothing();
    set(&mut juliet, "unblock", &[]).await;
    done(&mut juliet).await;
    back(&mut romeo).await;
    mercutio.expect_nothing();
    paris.expect_nothing();
}

#[tokio::test]
async fn xep0191_6_a_blocked_resource_is_only_that_resource() {
    let (mut juliet, [mut romeo, mut mercutio, _]) = scene().await;
    block(&mut juliet, &[ROMEO]).await;
    gone(&mut romeo).await;
    mercutio.expect_nothing();
}

#[tokio::test]
async fn xep0191_3_3_an_account_without_presence_shows_none() {
    let server = server().await;
    let mut juliet = server.login(JULIET).await;
    let mut romeo = server.online(ROMEO).await;
    block(&mut juliet, &["romeo@montague.lit"]).await;
    set(&mut juliet, "unblock", &[]).await;
    done(&mut juliet).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn who_broadcasts_presence_can_ask() {
    let server = server().await;
    let mut juliet = server.login(JULIET).await;
    let account = Arc::clone(juliet.session().account());
    let blocks = account.host().service::<dyn Blocks>().unwrap();
    let romeo = Jid::parse(ROMEO).unwrap();
    assert!(!blocks.blocks(&account, &romeo).await.unwrap());
    block(&mut juliet, &["montague.lit"]).await;
    assert!(blocks.blocks(&account, &romeo).await.unwrap());
    assert!(!blocks.blocks(&account, &Jid::parse(JULIET).unwrap()).await.unwrap());
}
