//! Domains that external services serve.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use waxwing_core::External;
use waxwing_core::prelude::*;
use waxwing_testkit::{Outside, TestClient, TestServer};

/// Keeps what it gets.
struct Gateway {
    domain: Domain,
    below: bool,
    connected: AtomicBool,
    got: Mutex<Vec<Stanza>>,
}

impl Gateway {
    fn new(domain: &str, below: bool) -> Arc<Self> {
        let domain = Domain::parse(domain).unwrap();
        Arc::new(Self { domain, below, connected: AtomicBool::new(true), got: Mutex::default() })
    }

    fn got(&self) -> Vec<String> {
        self.got
            .lock()
            .drain(..)
            .map(|stanza| stanza.to.map(|to| to.to_string()).unwrap_or_default())
            .collect()
    }
}

impl External for Gateway {
    fn domain(&self) -> &Domain {
        &self.domain
    }
    fn serves_subdomains(&self) -> bool {
        self.below
    }
    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }
    fn deliver(&self, stanza: &Stanza) -> Result<(), Condition> {
        if !self.is_connected() {
            return Err(Condition::RemoteServerTimeout);
        }
        self.got.lock().push(stanza.clone());
        Ok(())
    }
}

async fn server() -> (TestServer, TestClient) {
    let server =
        TestServer::host("capulet.lit").and_host("verona.capulet.lit").with::<Outside>().start().await;
    let romeo = server.login("romeo@capulet.lit/orchard").await;
    (server, romeo)
}

async fn chat(romeo: &mut TestClient, to: &str) {
    romeo.send(&format!("<message to='{to}' type='chat'><body>hi</body></message>")).await;
}

#[tokio::test]
async fn rfc6120_10_5_a_specialized_service_gets_what_is_for_its_domain_and_nothing_else() {
    let (server, mut romeo) = server().await;
    let router = server.server().shared().router();
    let irc = Gateway::new("irc.capulet.lit", false);
    router.attach(irc.clone()).unwrap();
    for to in ["irc.capulet.lit", "#garden@irc.capulet.lit", "a@irc.capulet.lit/b"] {
        chat(&mut romeo, to).await;
        assert_eq!(irc.got(), [to]);
    }
    for to in ["a@deep.irc.capulet.lit", "juliet@capulet.lit", "other.lit"] {
        chat(&mut romeo, to).await;
        assert!(irc.got().is_empty(), "{to}");
    }
    router.detach(&irc.domain);
    chat(&mut romeo, "irc.capulet.lit").await;
    assert!(irc.got().is_empty() && router.external("irc.capulet.lit").is_none());
    let outside = romeo.session().host().service::<Outside>().unwrap();
    assert_eq!(outside.ways().last().map(String::as_str), Some("capulet.lit → irc.capulet.lit"));
}

#[tokio::test]
async fn rfc6120_8_3_3_17_what_a_service_does_not_take_bounces_and_never_leaves() {
    let (server, mut romeo) = server().await;
    let irc = Gateway::new("irc.capulet.lit", false);
    irc.connected.store(false, Ordering::Relaxed);
    server.server().shared().router().attach(irc).unwrap();
    chat(&mut romeo, "a@irc.capulet.lit").await;
    let error = romeo.waiting().unwrap().error().unwrap();
    assert_eq!((error.condition, error.kind), (Condition::RemoteServerTimeout, ErrorType::Wait));
    assert!(romeo.session().host().service::<Outside>().unwrap().next().is_none());
}

#[tokio::test]
async fn a_service_may_have_all_domains_below_but_those_of_others() {
    let (server, mut romeo) = server().await;
    let router = server.server().shared().router();
    let (all, one) = (Gateway::new("lit", true), Gateway::new("irc.capulet.lit", false));
    router.attach(all.clone()).unwrap();
    router.attach(one.clone()).unwrap();
    for to in ["montague.lit", "a@b.c.montague.lit"] {
        chat(&mut romeo, to).await;
        assert_eq!((all.got(), one.got()), (vec![to.to_owned()], vec![]));
    }
    chat(&mut romeo, "irc.capulet.lit").await;
    assert_eq!((all.got().len(), one.got().len()), (0, 1));
    // Hosts come first.
    chat(&mut romeo, "juliet@verona.capulet.lit").await;
    assert!(all.got().is_empty() && router.external("capulet.lit").is_none());
}

#[tokio::test]
async fn a_domain_is_served_once() {
    let (server, _romeo) = server().await;
    let router = server.server().shared().router();
    assert!(router.attach(Gateway::new("capulet.lit", false)).is_err());
    router.attach(Gateway::new("irc.capulet.lit", false)).unwrap();
    assert!(router.attach(Gateway::new("irc.capulet.lit", false)).is_err());
    assert_eq!(router.externals().len(), 1);
}

#[tokio::test]
async fn the_parent_is_the_nearest_host_above() {
    let (server, _romeo) = server().await;
    let router = server.server().shared().router();
    let parent = |domain: &str| router.parent(domain).map(|host| host.domain().to_string());
    assert_eq!(parent("irc.capulet.lit").as_deref(), Some("capulet.lit"));
    assert_eq!(parent("a.b.verona.capulet.lit").as_deref(), Some("verona.capulet.lit"));
    assert_eq!((parent("capulet.lit"), parent("irc.montague.lit"), parent("localhost")), (None, None, None));
}

#[tokio::test]
async fn what_a_service_sends_to_other_servers_leaves_in_its_name() {
    let (server, romeo) = server().await;
    let router = server.server().shared().router();
    let send = |from: &str| {
        let xml = format!("<message from='{from}' to='benvolio@montague.lit'/>");
        let origin = waxwing_core::Origin::Component(Jid::parse(from).unwrap().to_domain());
        router.route(Stanza::parse(&xml).unwrap(), origin, Custody::memory())
    };
    router.attach(Gateway::new("irc.capulet.lit", true)).unwrap();
    // Nobody serves the last one.
    for from in ["a@irc.capulet.lit", "a@deep.irc.capulet.lit", "a@irc.lit"] {
        drop(send(from).await);
    }
    let outside = romeo.session().host().service::<Outside>().unwrap();
    assert_eq!(outside.ways(), ["irc.capulet.lit → montague.lit", "deep.irc.capulet.lit → montague.lit"]);
}
