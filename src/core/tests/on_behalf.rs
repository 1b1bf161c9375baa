//! What components may do with the help of modules: speak in an account's name, answer for the host.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use waxwing_core::prelude::*;
use waxwing_core::tasks::Workers;
use waxwing_core::{Origin, granted};
use waxwing_testkit::{TestClient, TestServer};

/// What the operator lets a component do.
#[derive(Debug, PartialEq)]
struct May(&'static str);

/// Takes messages for the host and sends them on in the name of Juliet; answers a request later; notes the rest.
#[derive(Default)]
struct Deputy {
    workers: Workers,
    seen: Mutex<Vec<String>>,
}

impl Module for Deputy {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("deputy", "For tests");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self::default());
        reg.host_gate(Kinds::MESSAGE, &this, |_, event| Hooked::wait(speak(event)));
        reg.host_gate(Kinds::IQ_REQUEST, &this, Self::later);
        reg.gate(Side::Sent, Gate::Check, Kinds::ALL, &this, Self::sent);
        reg.iq(Iq::get(IqTo::Own, "urn:own", "q"), &this, |_, iq| async move {
            Ok(Reply::tree(&Tree::new("urn:own", "q").with_attr("of", iq.account()?.jid().as_str())))
        })?;
        reg.disco_revision(&this, |_, on, node| node.features.push(format!("urn:revised:{on:?}")));
        reg.notice(NoticeKind::ExternalConnected, &this, |this, notice| async move {
            let Notice::ExternalConnected(external) = notice else { return };
            this.seen.lock().push(format!("{} {:?}", external.domain(), granted::<May>(&*external)));
        });
        reg.provide::<Self>(this.clone())?;
        Ok(this)
    }
}

/// In Juliet's name, to Romeo.
async fn speak(event: &mut Event) -> HookResult {
    let juliet = event.host.account("juliet").await.unwrap().unwrap();
    let message = event.stanza.clone().to(Jid::parse("romeo@example.org").unwrap());
    let Origin::Component(by) = &event.origin else { return Ok(Flow::Continue) };
    drop(event.host.router().from_account(&juliet, by, message).await);
    Ok(Flow::Handled)
}

impl Deputy {
    /// The answer comes when the gate has long been left.
    fn later<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        if event.stanza.payload().is_none_or(|payload| payload.namespace() != "urn:later") {
            return Hooked::pass();
        }
        let (host, request, origin) = (Arc::clone(&event.host), event.stanza.clone(), event.origin.clone());
        self.workers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(host.router().respond(request, Ok(Reply::empty()), origin, Custody::memory()).await);
        });
        Hooked::Now(Ok(Flow::Handled))
    }

    fn sent<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        if let (Origin::Account { .. }, Some(from)) = (&event.origin, &event.stanza.from) {
            self.seen.lock().push(from.to_string());
            if event.stanza.has_body() {
                return Hooked::refuse(Condition::NotAcceptable);
            }
        }
        Hooked::pass()
    }
}

async fn scene() -> (TestServer, Arc<Deputy>, TestClient) {
    let server = TestServer::host("example.org").with::<Deputy>().start().await;
    let deputy = server.server().shared().router().host("example.org").unwrap().service::<Deputy>().unwrap();
    let romeo = server.login("romeo@example.org/r").await;
    romeo.session().set_presence(Some(Stanza::presence(PresenceType::Available)));
    (server, deputy, romeo)
}

#[tokio::test]
async fn what_is_said_in_an_accounts_name_passes_the_senders_hooks() {
    let (server, deputy, mut romeo) = scene().await;
    let mut gateway = server.component("gateway.example.org", ());
    gateway.connect().await;
    gateway.send("<message from='gateway.example.org' to='example.org'><x xmlns='urn:x'/></message>").await;
    romeo
        .expect("<message from='juliet@example.org' to='romeo@example.org'><x xmlns='urn:x'/></message>")
        .await;
    // What the hooks refuse goes nowhere.
    gateway.send("<message from='gateway.example.org' to='example.org'><body>x</body></message>").await;
    romeo.expect_nothing();
    gateway.expect_nothing();
    let seen = deputy.seen.lock().iter().filter(|seen| *seen == "juliet@example.org").count();
    assert_eq!(seen, 2);
}

#[tokio::test]
async fn a_request_in_an_accounts_name_is_its_own_and_its_answer_comes_to_who_has_opened_it() {
    let (server, _deputy, _romeo) = scene().await;
    let host = server.server().shared().router().host("example.org").unwrap();
    let juliet = host.account("juliet").await.unwrap().unwrap();
    let gateway = Domain::parse("gateway.example.org").unwrap();
    for to in ["", " to='juliet@example.org'"] {
        let xml = format!("<iq from='juliet@example.org'{to} type='get' id='x'><q xmlns='urn:own'/></iq>");
        let mut request = Stanza::parse(&xml).unwrap();
        let asked = host.open_request(&mut request).unwrap();
        assert_ne!(request.id.as_ref().unwrap().as_str(), "x");
        drop(host.router().from_account(&juliet, &gateway, request).await);
        let answer = host.answer(asked, Duration::from_secs(5)).await.unwrap();
        assert!(answer.to_xml().contains("<q xmlns='urn:own' of='juliet@example.org'/>"));
    }
}

#[tokio::test]
async fn a_request_that_was_taken_over_is_answered_later() {
    let (_server, _deputy, mut romeo) = scene().await;
    romeo.send("<iq id='1' type='get' to='example.org'><q xmlns='urn:later'/></iq>").await;
    romeo.send("<iq id='2' type='get' to='example.org'><q xmlns='urn:other'/></iq>").await;
    assert_eq!(romeo.next().await.unwrap().error().unwrap().condition, Condition::ServiceUnavailable);
    romeo.expect("<iq id='1' type='result' from='example.org' to='romeo@example.org/r'/>").await;
}

#[tokio::test]
async fn hosts_hear_of_who_connects_and_of_what_it_may_do() {
    let (server, deputy, _romeo) = scene().await;
    let mut gateway = server.component("gateway.example.org", May("a"));
    assert!(deputy.seen.lock().is_empty());
    gateway.connect().await;
    gateway.grant(May("b")).await;
    gateway.grant("something else").await;
    let seen = std::mem::take(&mut *deputy.seen.lock());
    let expected = ["Some(May(\"a\"))", "Some(May(\"b\"))", "None"];
    assert_eq!(seen, expected.map(|may| format!("gateway.example.org {may}")));
}

#[tokio::test]
async fn a_revision_has_the_last_word() {
    let (server, _deputy, _romeo) = scene().await;
    let host = server.server().shared().router().host("example.org").unwrap();
    assert_eq!(host.declared(DiscoOn::Host).features, ["urn:revised:Host"]);
    assert_eq!(host.declared(DiscoOn::Account).features, ["urn:revised:Account"]);
}
