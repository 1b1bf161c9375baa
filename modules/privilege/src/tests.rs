mod iq;
mod message;
mod presence;
mod roster;

use waxwing_blocking::Blocking;
use waxwing_carbons::Carbons;
use waxwing_component::{Access, Grants, MessageAccess, PresenceAccess, Privileges};
use waxwing_disco::Disco;
use waxwing_log::Log;
use waxwing_mam::Mam;
use waxwing_ping::Ping;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestComponent, TestServer, TestServerBuilder};
use waxwing_xmpp::{Condition, Domain, Stanza};

use crate::Privilege;

const PUBSUB: &str = "pubsub.capulet.lit";

fn builder() -> TestServerBuilder {
    TestServer::host("capulet.lit")
        .with::<Blocking>()
        .with::<Carbons>()
        .with::<Disco>()
        .with::<Log>()
        .with::<Mam>()
        .with::<Ping>()
        .with::<Presence>()
        .with::<Rosters>()
        .with::<Privilege>()
}

fn grants(privileges: Privileges) -> Grants {
    Grants { privileges, ..Grants::default() }
}

fn all() -> Privileges {
    Privileges {
        roster: Access::Both,
        roster_push: None,
        message: MessageAccess::Outgoing,
        iq: [("urn:xmpp:ping".to_owned(), Access::Get), ("urn:x".to_owned(), Access::Set)].into(),
        presence: PresenceAccess::Roster,
    }
}

/// A connected component that has heard what it may do.
async fn component(server: &TestServer, privileges: Privileges) -> TestComponent {
    let mut component = server.component(PUBSUB, grants(privileges));
    component.connect().await;
    settle().await;
    component.forget();
    component
}

/// What goes on beside has been done.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Both are online and contacts of each other.
async fn friends(server: &TestServer, a: &str, b: &str) -> (TestClient, TestClient) {
    let (mut first, mut second) = (server.online(a).await, server.online(b).await);
    let (a, b) = (first.session().jid().to_bare(), second.session().jid().to_bare());
    first.send(&format!("<presence type='subscribe' to='{b}'/>")).await;
    second.send(&format!("<presence type='subscribe' to='{a}'/>")).await;
    first.send(&format!("<presence type='subscribed' to='{b}'/>")).await;
    second.send(&format!("<presence type='subscribed' to='{a}'/>")).await;
    first.forget();
    second.forget();
    (first, second)
}

async fn condition(component: &mut TestComponent) -> Condition {
    let answer = component.next().await.expect("an answer");
    answer.error().unwrap_or_else(|| panic!("no error: {}", answer.to_xml())).condition
}

#[tokio::test]
async fn xep0356_4_2_7_5_a_component_is_told_what_it_may_do() {
    let server = builder().start().await;
    let mut pubsub = server.component(PUBSUB, grants(all()));
    pubsub.connect().await;
    pubsub
        .expect(
            "<message from='capulet.lit' to='pubsub.capulet.lit' id='{any}'>
             <privilege xmlns='urn:xmpp:privilege:2'>
               <perm access='roster' type='both' push='true'/>
               <perm access='message' type='outgoing'/>
               <perm access='iq'><namespace ns='urn:x' type='set'/><namespace ns='urn:xmpp:ping' type='get'/></perm>
               <perm access='presence' type='roster'/>
             </privilege></message>",
        )
        .await;
    // Again when it comes back, and when something changes.
    pubsub.disconnect();
    pubsub.connect().await;
    assert!(pubsub.next().await.unwrap().to_xml().contains("type='outgoing'"));
    let fewer =
        Privileges { roster: Access::Set, presence: PresenceAccess::ManagedEntity, ..Privileges::default() };
    pubsub.grant(grants(fewer)).await;
    pubsub
        .expect(
            "<message from='capulet.lit' to='pubsub.capulet.lit' id='{any}'>
             <privilege xmlns='urn:xmpp:privilege:2'>
               <perm access='roster' type='set' push='false'/>
               <perm access='message' type='none'/>
               <perm access='presence' type='managed_entity'/>
             </privilege></message>",
        )
        .await;
    // That there is nothing any more is told once.
    pubsub.grant(Grants::default()).await;
    assert!(
        pubsub.next().await.unwrap().to_xml().contains("<perm access='roster' type='none' push='false'/>")
    );
    pubsub.grant(Grants::default()).await;
    pubsub.expect_nothing();
    // And so is that a host has been taken away from it.
    pubsub.grant(grants(messages_only())).await;
    pubsub.forget();
    let elsewhere =
        Grants { hosts: Some(vec![Domain::parse("montague.lit").unwrap()]), ..grants(messages_only()) };
    pubsub.grant(elsewhere.clone()).await;
    let told = pubsub.next().await.unwrap();
    assert_eq!(told.from.as_ref().unwrap(), "capulet.lit");
    assert!(told.to_xml().contains("<perm access='message' type='none'/>"));
    pubsub.grant(elsewhere).await;
    pubsub.expect_nothing();
}

fn messages_only() -> Privileges {
    Privileges { message: MessageAccess::Outgoing, ..Privileges::default() }
}

#[tokio::test]
async fn who_has_no_privilege_hears_of_none() {
    let server = builder().start().await;
    let mut pubsub = server.component(PUBSUB, Grants::default());
    pubsub.connect().await;
    pubsub.expect_nothing();
    // Nor does what is granted at one host hold at another.
    let elsewhere = Grants {
        hosts: Some(vec![Domain::parse("montague.lit").unwrap()]),
        privileges: all(),
        ..Grants::default()
    };
    pubsub.grant(elsewhere).await;
    pubsub.expect_nothing();
}

#[tokio::test]
async fn a_privilege_holds_at_the_hosts_that_the_config_names() {
    let server = builder().and_host("montague.lit").start().await;
    let (mut juliet, mut romeo) =
        (server.online("juliet@capulet.lit/a").await, server.online("romeo@montague.lit/b").await);
    let montague = Grants {
        hosts: Some(vec![Domain::parse("montague.lit").unwrap()]),
        privileges: all(),
        ..Grants::default()
    };
    let mut pubsub = server.component(PUBSUB, montague);
    pubsub.connect().await;
    assert_eq!(pubsub.next().await.unwrap().from.unwrap(), "montague.lit");
    pubsub.forget();
    for (host, user) in [("montague.lit", "romeo"), ("capulet.lit", "juliet")] {
        pubsub.send(&message(host, &format!("<message xmlns='jabber:client' from='{user}@{host}' to='{user}@{host}' id='m'><body>x</body></message>"))).await;
    }
    assert!(romeo.next().await.unwrap().to_xml().contains("<body>x</body>"));
    assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
    juliet.expect_nothing();
}

fn message(host: &str, inner: &str) -> String {
    format!(
        "<message from='{PUBSUB}' to='{host}' id='notif1'><privilege xmlns='urn:xmpp:privilege:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></privilege></message>"
    )
}

fn bodies(client: &mut TestClient) -> Vec<String> {
    std::iter::from_fn(|| client.waiting()).map(|stanza: Stanza| stanza.to_xml()).collect()
}
