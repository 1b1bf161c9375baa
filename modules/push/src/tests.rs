//! XML in, XML out. The push service is another user's client on the same server.

use std::time::Duration;

use waxwing_core::{Notice, Peer};
use waxwing_log::Log;
use waxwing_store::{EngineKind, Faults, StoreOptions};
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};
use waxwing_xmpp::Form;

use super::*;

mod errors;
mod notify;
mod sleep;
mod together;
mod worth;

/// Stands in for archive, offline store and presence.
#[derive(Debug)]
struct Keeper;

impl Module for Keeper {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("keeper", "Keeps all messages but those that say no");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.step(Side::Received, Step::Record, Kinds::NORMAL | Kinds::CHAT, &this, |_, event| {
            let keep = event.stanza.children.find(ns::HINTS, "no-store").is_none();
            event.keep = Keep { archived: keep, owed: keep };
            Ok(Flow::Continue)
        });
        reg.gate(Side::Sent, Gate::Handle, Kinds::AVAILABILITY, &this, Self::presence);
        Ok(this)
    }
}

impl Keeper {
    fn presence<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        if let Some(session) = event.origin.session() {
            session.set_presence(Some(event.stanza.clone()));
        }
        Hooked::Now(Ok(Flow::Handled))
    }
}

const PHONE: &str = "juliet@capulet.lit/phone";
const DESKTOP: &str = "juliet@capulet.lit/desktop";
const ROMEO: &str = "romeo@capulet.lit/orchard";
const APP: &str = "push@capulet.lit/app";

fn builder() -> TestServerBuilder {
    TestServer::host("capulet.lit").with::<Push>().with::<Log>().with::<Keeper>()
}

fn configured(config: &str) -> TestServerBuilder {
    let interval = if config.contains("interval") { "" } else { "interval = '1 s'\n" };
    builder().module_config("push", &format!("{interval}{config}"))
}

/// A server, the push service, and Romeo.
struct Scene {
    server: TestServer,
    app: TestClient,
    romeo: TestClient,
}

async fn scene_of(builder: TestServerBuilder) -> Scene {
    let server = builder.start().await;
    let (app, romeo) = (server.login(APP).await, server.online(ROMEO).await);
    Scene { server, app, romeo }
}

/// Juliet's phone has enabled the service, and gone.
async fn away() -> Scene {
    away_of(configured("")).await
}

async fn away_of(builder: TestServerBuilder) -> Scene {
    let scene = scene_of(builder).await;
    let mut phone = scene.server.online(PHONE).await;
    enable(&mut phone, "n1").await;
    phone.drop_connection().await;
    scene
}

impl Scene {
    async fn say(&mut self, body: &str) {
        self.romeo.send(&chat(&format!("<body>{body}</body>"))).await;
    }

    /// The next notification, answered with a result.
    async fn published(&mut self) -> Published {
        let published = Published::next(&mut self.app).await;
        published.accept(&mut self.app).await;
        published
    }

    /// No notification, however long one waits.
    async fn quiet(&mut self) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        self.app.expect_nothing();
    }

    fn metric(&self, name: &str) -> bool {
        let all = self.server.server().shared().metrics().encode();
        let (name, value) = name.split_once(' ').unwrap();
        all.contains(&format!("{name}{{host=\"capulet.lit\"}} {value}\n"))
    }
}

fn chat(children: &str) -> String {
    format!("<message to='juliet@capulet.lit' type='chat'>{children}</message>")
}

fn enabling(attributes: &str, options: &str) -> String {
    format!("<iq type='set' id='e'><enable xmlns='urn:xmpp:push:0' {attributes}>{options}</enable></iq>")
}

async fn enable(client: &mut TestClient, node: &str) {
    client.send(&enabling(&format!("jid='{APP}' node='{node}'"), "")).await;
    done(client, "e").await;
}

async fn disable(client: &mut TestClient, attributes: &str) {
    client.send(&format!("<iq type='set' id='d'><disable xmlns='urn:xmpp:push:0' {attributes}/></iq>")).await;
}

async fn done(client: &mut TestClient, id: &str) {
    let answer = client.next().await.expect("an answer");
    assert_eq!(answer.kind, Kind::Iq(IqType::Result), "{}", answer.to_xml());
    assert_eq!(answer.id.as_deref(), Some(id));
}

async fn condition(client: &mut TestClient) -> Condition {
    client.next().await.expect("an answer").error().expect("an error").condition
}

fn form(form_type: &str) -> String {
    format!(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{form_type}</value></field>
         <field var='secret'><value>s3cret</value></field></x>"
    )
}

/// A notification as the push service sees it.
struct Published {
    stanza: Stanza,
    pubsub: Tree,
    summary: Form,
}

impl Published {
    async fn next(app: &mut TestClient) -> Self {
        let stanza = app.next().await.expect("a notification");
        assert_eq!(stanza.kind, Kind::Iq(IqType::Set), "{}", stanza.to_xml());
        let pubsub = stanza.payload().unwrap().tree();
        let item = pubsub.child(NS_PUBSUB, "publish").unwrap().child(NS_PUBSUB, "item").unwrap();
        let form = item.child(NS, "notification").unwrap().child(ns::DATA_FORMS, "x").unwrap();
        let summary = Form::from_tree(form).expect("a form");
        Self { stanza, pubsub, summary }
    }

    fn count(&self) -> &str {
        self.summary.value("message-count").expect("a count")
    }

    fn node(&self) -> Option<&str> {
        self.pubsub.child(NS_PUBSUB, "publish").unwrap().attr("node")
    }

    async fn accept(&self, app: &mut TestClient) {
        app.send(&self.answer("result", "")).await;
        settled().await;
    }

    async fn refuse(&self, app: &mut TestClient, kind: &str, condition: &str) {
        let error = format!(
            "<error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        );
        app.send(&self.answer("error", &error)).await;
        settled().await;
    }

    fn answer(&self, kind: &str, payload: &str) -> String {
        let (to, id) = (self.stanza.from.as_ref().unwrap(), self.stanza.id.as_ref().unwrap());
        format!("<iq type='{kind}' id='{id}' to='{to}'>{payload}</iq>")
    }
}

/// Lets the module do what it is to do at once.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test]
async fn xep0357_4_1_support_is_shown_on_the_account() {
    let server = builder().start().await;
    let host = server.server().shared().router().host("capulet.lit").unwrap();
    assert!(host.declared(DiscoOn::Account).features.contains(&NS.to_owned()));
    assert!(!host.declared(DiscoOn::Host).features.contains(&NS.to_owned()));
}

#[tokio::test]
async fn xep0357_5_enable_and_disable_need_an_address() {
    let mut phone = builder().start().await.login(PHONE).await;
    for name in ["enable", "disable"] {
        for (attributes, expected) in [
            ("node='n1'", Condition::BadRequest),
            ("jid='' node='n1'", Condition::BadRequest),
            ("jid='no address@@' node='n1'", Condition::JidMalformed),
        ] {
            let request = format!("<{name} xmlns='urn:xmpp:push:0' {attributes}/>");
            phone.send(&format!("<iq type='set' id='e'>{request}</iq>")).await;
            assert_eq!(condition(&mut phone).await, expected, "{name} {attributes}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn xep0357_5_publish_options_are_kept_and_sent_with_each_notification() {
    let mut scene = scene_of(builder()).await;
    let mut phone = scene.server.online(PHONE).await;
    phone.send(&enabling(&format!("jid='{APP}' node='n1'"), &form(NS_PUBLISH_OPTIONS))).await;
    done(&mut phone, "e").await;
    phone.drop_connection().await;
    scene.say("Hi").await;
    let published = scene.published().await;
    let options = published.pubsub.child(NS_PUBSUB, "publish-options").expect("publish options");
    let options = Form::from_tree(options.child(ns::DATA_FORMS, "x").unwrap()).unwrap();
    assert_eq!(options.form_type(), Some(NS_PUBLISH_OPTIONS));
    assert_eq!(options.value("secret"), Some("s3cret"));
}

#[tokio::test]
async fn xep0357_5_other_forms_are_refused() {
    let mut phone = builder().start().await.login(PHONE).await;
    let good = form(NS_PUBLISH_OPTIONS);
    for options in [
        form("urn:xmpp:push:summary"),
        "<x xmlns='jabber:x:data' type='submit'/>".to_owned(),
        good.replace("submit", "form"),
        good.replace("type='submit'", ""),
        format!("{good}{good}"),
    ] {
        phone.send(&enabling(&format!("jid='{APP}' node='n1'"), &options)).await;
        assert_eq!(condition(&mut phone).await, Condition::BadRequest, "{options}");
    }
}

#[tokio::test(start_paused = true)]
async fn xep0357_5_the_same_service_and_node_again_takes_the_last_options() {
    let mut scene = scene_of(builder()).await;
    let mut phone = scene.server.online(PHONE).await;
    for secret in ["old", "new"] {
        let options = form(NS_PUBLISH_OPTIONS).replace("s3cret", secret);
        phone.send(&enabling(&format!("jid='{APP}' node='n1'"), &options)).await;
        done(&mut phone, "e").await;
    }
    phone.drop_connection().await;
    scene.say("Hi").await;
    assert!(scene.published().await.stanza.to_xml().contains("<value>new</value>"));
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn xep0357_5_several_nodes_of_a_service_are_several_targets_and_none_is_one_too() {
    let mut scene = scene_of(builder()).await;
    let mut phone = scene.server.online(PHONE).await;
    enable(&mut phone, "n1").await;
    enable(&mut phone, "n2").await;
    phone.send(&enabling(&format!("jid='{APP}'"), "")).await;
    done(&mut phone, "e").await;
    phone.drop_connection().await;
    scene.say("Hi").await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(scene.published().await.node().map(str::to_owned));
    }
    nodes.sort();
    assert_eq!(nodes, [None, Some("n1".to_owned()), Some("n2".to_owned())]);
    scene.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn xep0357_6_with_a_node_one_is_disabled_without_all_are() {
    let mut scene = scene_of(builder()).await;
    let mut phone = scene.server.online(PHONE).await;
    for node in ["n1", "n2", "n3"] {
        enable(&mut phone, node).await;
    }
    disable(&mut phone, &format!("jid='{APP}' node='n2'")).await;
    done(&mut phone, "d").await;
    disable(&mut phone, "jid='other.example'").await;
    done(&mut phone, "d").await;
    phone.drop_connection().await;
    scene.say("Hi").await;
    assert_eq!(scene.published().await.node(), Some("n1"));
    assert_eq!(scene.published().await.node(), Some("n3"));
    let mut phone = scene.server.online(PHONE).await;
    disable(&mut phone, &format!("jid='{APP}'")).await;
    phone.forget();
    phone.drop_connection().await;
    scene.say("Hi").await;
    scene.quiet().await;
}

#[tokio::test]
async fn an_account_has_so_many_services_at_most_but_may_renew_them() {
    let mut phone = configured("targets_max = 2").start().await.login(PHONE).await;
    for node in ["n1", "n2", "n2"] {
        enable(&mut phone, node).await;
    }
    phone.send(&enabling(&format!("jid='{APP}' node='n3'"), "")).await;
    assert_eq!(condition(&mut phone).await, Condition::PolicyViolation);
    disable(&mut phone, &format!("jid='{APP}' node='n1'")).await;
    done(&mut phone, "d").await;
    enable(&mut phone, "n3").await;
}

#[tokio::test]
async fn a_service_has_so_many_bytes_at_most() {
    let mut phone = configured("target_bytes_max = '400 B'").start().await.login(PHONE).await;
    enable(&mut phone, "n1").await;
    let long = "x".repeat(400);
    let options = form(NS_PUBLISH_OPTIONS).replace("s3cret", &long);
    for request in [
        enabling(&format!("jid='{APP}' node='{long}'"), ""),
        enabling(&format!("jid='{APP}' node='n2'"), &options),
    ] {
        phone.send(&request).await;
        assert_eq!(condition(&mut phone).await, Condition::PolicyViolation);
    }
}

#[tokio::test]
async fn rfc6120_13_11_nobody_else_enables_and_existence_is_not_told() {
    let mut romeo = builder().start().await.login(ROMEO).await;
    for to in ["juliet@capulet.lit", "nobody@capulet.lit", "capulet.lit"] {
        for name in ["enable", "disable"] {
            let request = format!("<{name} xmlns='urn:xmpp:push:0' jid='{APP}' node='n1'/>");
            romeo.send(&format!("<iq to='{to}' type='set' id='x'>{request}</iq>")).await;
            assert_eq!(condition(&mut romeo).await, Condition::ServiceUnavailable, "{to}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn services_stay_enabled_over_a_restart() {
    let store = Store::memory();
    let scene = away_of(builder().store(store.clone())).await;
    drop(scene);
    let mut scene = scene_of(builder().store(store)).await;
    scene.say("Hi").await;
    assert_eq!(scene.published().await.node(), Some("n1"));
}

#[tokio::test]
async fn a_change_that_was_not_stored_does_not_hold_and_can_be_tried_again() {
    let faults = Faults::default();
    let options = StoreOptions { faults: faults.clone(), ..StoreOptions::new(EngineKind::Memory, "") };
    let store = Store::open(options).await.unwrap();
    let mut scene = scene_of(builder().store(store)).await;
    let mut phone = scene.server.online(PHONE).await;
    faults.fail_writes(1);
    phone.send(&enabling(&format!("jid='{APP}' node='n1'"), "")).await;
    assert_eq!(condition(&mut phone).await, Condition::InternalServerError);
    enable(&mut phone, "n2").await;
    faults.fail_writes(1);
    disable(&mut phone, &format!("jid='{APP}'")).await;
    assert_eq!(condition(&mut phone).await, Condition::InternalServerError);
    phone.drop_connection().await;
    scene.say("Hi").await;
    assert_eq!(scene.published().await.node(), Some("n2"));
    let mut phone = scene.server.online(PHONE).await;
    phone.forget();
    disable(&mut phone, &format!("jid='{APP}'")).await;
    done(&mut phone, "d").await;
    phone.drop_connection().await;
    scene.say("Hi").await;
    // This store has threads: time cannot be paused.
    tokio::time::sleep(Duration::from_millis(100)).await;
    scene.app.expect_nothing();
}

#[tokio::test(start_paused = true)]
async fn the_administrator_sees_numbers_and_no_secrets() {
    let mut scene = away().await;
    scene.say("Hi").await;
    scene.published().await;
    let server = scene.server.server();
    let lines = server.command("capulet.lit", "account.push", vec!["juliet@capulet.lit".to_owned()]).await;
    assert_eq!(lines.unwrap(), [format!("{APP} for phone, away: 1 unseen, 0 failures in a row")]);
    let unknown = server.command("capulet.lit", "account.push", vec!["nobody@capulet.lit".to_owned()]).await;
    assert!(unknown.is_err());
}
