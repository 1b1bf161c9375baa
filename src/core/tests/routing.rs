//! The way of a stanza through the core, with the smallest modules that show it.

#![expect(clippy::panic, reason = "tests")]

use std::sync::Arc;

use waxwing_core::prelude::*;
use waxwing_core::{CloseReason, Origin};
use waxwing_testkit::{TestClient, TestServer};

/// Answers one request, refuses bodies that say so, sets presence, panics on demand.
#[derive(Debug)]
struct Probe;

impl Module for Probe {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("probe", "For tests");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.iq(Iq::get(IqTo::Host, "test:probe", "query"), &this, Self::answer)?;
        reg.gate(Side::Sent, Gate::Handle, Kinds::AVAILABILITY, &this, Self::presence);
        reg.gate(Side::Received, Gate::Check, Kinds::MESSAGE, &this, Self::check);
        reg.step(Side::Received, Step::Record, Kinds::CHAT, &this, Self::keep);
        Ok(this)
    }
}

impl Probe {
    async fn answer(self: Arc<Self>, _: IqRequest) -> IqResult {
        Ok(Reply::tree(&Tree::new("test:probe", "query").with_text("here")))
    }

    fn presence<'a>(&'a self, event: &'a mut Event) -> Hooked<'a> {
        if let (Origin::Client(session), None) = (&event.origin, &event.stanza.to) {
            let available = event.stanza.kind == Kind::Presence(PresenceType::Available);
            session.set_presence(available.then(|| event.stanza.clone()));
            return Hooked::Now(Ok(Flow::Handled));
        }
        Hooked::pass()
    }

    fn check<'a>(&'a self, event: &'a mut Event) -> Hooked<'a> {
        match body(&event.stanza).as_str() {
            "refuse" => Hooked::refuse(Condition::NotAcceptable),
            "drop" => Hooked::Now(Ok(Flow::Drop(DropReason("test")))),
            "panic" => panic!("on demand"),
            "panic later" => Hooked::wait(async { panic!("on demand") }),
            _ => Hooked::pass(),
        }
    }

    fn keep(&self, event: &mut Event) -> Result<Flow, StanzaError> {
        event.logged = (body(&event.stanza) == "keep").then_some(1);
        Ok(Flow::Continue)
    }
}

fn body(stanza: &Stanza) -> String {
    stanza.children.find(ns::CLIENT, "body").map(|body| body.tree().text()).unwrap_or_default()
}

fn chat(to: &str, body: &str) -> String {
    format!("<message type='chat' to='{to}' id='m'><body>{body}</body></message>")
}

async fn two() -> (TestServer, TestClient, TestClient) {
    let server = TestServer::host("capulet.lit").with::<Probe>().start().await;
    let romeo = server.online("romeo@capulet.lit/orchard").await;
    let juliet = server.online("juliet@capulet.lit/balcony").await;
    (server, romeo, juliet)
}

fn error(from: &str, kind: &str, condition: &str) -> String {
    format!(
        "<message type='error' id='m' from='{from}' to='romeo@capulet.lit/orchard'>
           <error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
         </message>"
    )
}

#[tokio::test]
async fn rfc6120_8_1_2_1_the_server_stamps_from() {
    let (_server, mut romeo, mut juliet) = two().await;
    romeo.send(&chat("juliet@capulet.lit", "hello")).await;
    juliet
        .expect(
            "<message type='chat' id='m' from='romeo@capulet.lit/orchard' to='juliet@capulet.lit'>
               <body>hello</body>
             </message>",
        )
        .await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6120_8_1_2_1_another_from_ends_the_stream() {
    let (_server, mut romeo, mut juliet) = two().await;
    let forged = "<message from='tybalt@capulet.lit' to='juliet@capulet.lit'><body>x</body></message>";
    let error = romeo.try_send(forged).await.unwrap_err();
    assert_eq!(error.condition, waxwing_xmpp::StreamCondition::InvalidFrom);
    juliet.expect_nothing();
}

#[tokio::test]
async fn a_check_refuses_drops_and_fails_closed() {
    let (_server, mut romeo, mut juliet) = two().await;
    romeo.send(&chat("juliet@capulet.lit", "refuse")).await;
    romeo.expect(&error("juliet@capulet.lit", "modify", "not-acceptable")).await;
    romeo.send(&chat("juliet@capulet.lit", "drop")).await;
    romeo.expect_nothing();
    for how in ["panic", "panic later"] {
        romeo.send(&chat("juliet@capulet.lit", how)).await;
        romeo.expect(&error("juliet@capulet.lit", "cancel", "internal-server-error")).await;
    }
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_8_5_2_2_1_a_message_for_nobody_bounces_unless_it_is_kept() {
    let server = TestServer::host("capulet.lit").with::<Probe>().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    romeo.send(&chat("juliet@capulet.lit", "hello")).await;
    romeo.expect(&error("juliet@capulet.lit", "cancel", "service-unavailable")).await;
    romeo.send(&chat("juliet@capulet.lit", "keep")).await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6121_8_5_1_no_such_user_is_told_as_an_absent_one() {
    let (_server, mut romeo, _juliet) = two().await;
    romeo.send(&chat("nobody@capulet.lit", "hello")).await;
    romeo.expect(&error("nobody@capulet.lit", "cancel", "service-unavailable")).await;
}

#[tokio::test]
async fn rfc6120_8_2_3_requests_are_answered_by_their_owner_or_refused() {
    let (_server, mut romeo, _juliet) = two().await;
    romeo.send("<iq type='get' id='1' to='capulet.lit'><query xmlns='test:probe'/></iq>").await;
    romeo
        .expect(
            "<iq type='result' id='1' from='capulet.lit' to='romeo@capulet.lit/orchard'>
               <query xmlns='test:probe'>here</query>
             </iq>",
        )
        .await;
    for other in [
        "<iq type='set' id='2' to='capulet.lit'><query xmlns='test:probe'/></iq>",
        "<iq type='get' id='2' to='capulet.lit'><query xmlns='test:other'/></iq>",
    ] {
        romeo.send(other).await;
        romeo
            .expect(
                "<iq type='error' id='2' from='capulet.lit' to='romeo@capulet.lit/orchard'>
                   <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
                 </iq>",
            )
            .await;
    }
}

#[tokio::test]
async fn rfc6120_8_3_1_errors_and_results_are_never_answered() {
    let (_server, mut romeo, _juliet) = two().await;
    romeo.send("<message type='error' to='nobody@capulet.lit'><error type='cancel'/></message>").await;
    romeo.send("<iq type='result' id='1' to='nobody@capulet.lit'/>").await;
    romeo.send("<iq type='error' id='1' to='juliet@capulet.lit/gone'><error type='cancel'/></iq>").await;
    romeo.expect_nothing();
}

#[tokio::test]
async fn rfc6120_10_4_a_domain_without_route_is_remote_server_not_found() {
    let (_server, mut romeo, _juliet) = two().await;
    romeo.send(&chat("mercutio@verona.lit", "hello")).await;
    romeo.expect(&error("mercutio@verona.lit", "cancel", "remote-server-not-found")).await;
}

#[tokio::test]
async fn rfc6120_7_7_2_2_a_taken_resource_closes_the_old_session() {
    let (server, _romeo, juliet) = two().await;
    let _new = server.login("juliet@capulet.lit/balcony").await;
    let Some(CloseReason::Error(error)) = juliet.closed() else { panic!("still open") };
    assert_eq!(error.condition, waxwing_xmpp::StreamCondition::Conflict);
}

#[tokio::test]
async fn what_a_closed_session_never_read_finds_another_one() {
    let (server, mut romeo, juliet) = two().await;
    romeo.send(&chat("juliet@capulet.lit", "first")).await;
    let mut chamber = server.online("juliet@capulet.lit/chamber").await;
    chamber.expect_nothing();
    juliet.drop_connection().await;
    assert_eq!(body(&chamber.next().await.unwrap()), "first");
    romeo.expect_nothing();
}

#[tokio::test]
async fn a_full_mailbox_closes_its_session_and_the_sender_never_waits() {
    let small = |config: &mut waxwing_core::Config| {
        config.limits.mailbox_bytes_max = waxwing_core::config::Bytes(1000);
    };
    let server = TestServer::host("capulet.lit").with::<Probe>().config(small).start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let juliet = server.online("juliet@capulet.lit/balcony").await;
    for _ in 0..20 {
        romeo.send(&chat("juliet@capulet.lit", "hello")).await;
    }
    assert_eq!(juliet.closed(), Some(CloseReason::Overflow));
    romeo.expect(&error("juliet@capulet.lit", "cancel", "service-unavailable")).await;
}

/// A service that owns all addresses of its domain.
#[derive(Debug)]
struct Echo;

impl Module for Echo {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("echo", "For tests").service("echo");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.addresses(&this, Self::take)?;
        Ok(this)
    }
}

impl Echo {
    async fn take(self: Arc<Self>, event: Event) -> Custody {
        let mut answer = event.stanza.clone();
        std::mem::swap(&mut answer.to, &mut answer.from);
        event.host.router().send(answer).await
    }
}

#[tokio::test]
async fn a_service_owns_every_address_of_its_domain() {
    let server = TestServer::host("capulet.lit").with::<Probe>().with::<Echo>().start().await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    for to in ["echo.capulet.lit", "anyone@echo.capulet.lit", "anyone@echo.capulet.lit/there"] {
        romeo.send(&chat(to, "hello")).await;
        let echo = romeo.next().await.unwrap();
        assert_eq!(echo.from.unwrap().as_str(), to);
    }
}

#[tokio::test]
async fn a_missing_module_stops_the_start_with_its_name() {
    #[derive(Debug)]
    struct Needy;
    impl Module for Needy {
        type Config = NoConfig;
        const INFO: ModuleInfo = ModuleInfo::new("needy", "For tests").requires(&["roster"]);
        fn start(_: NoConfig, _: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
            Ok(Arc::new(Self))
        }
    }
    let error = TestServer::host("capulet.lit").with::<Needy>().try_start().await.unwrap_err();
    assert_eq!(error.to_string(), "module needy needs module roster: turn it on as well");
}
