use waxwing_core::Clock;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};
use waxwing_xmpp::Timestamp;

use super::*;

mod paging;
mod prefs;
mod query;
mod retract;
mod storage;

const JULIET: &str = "juliet@capulet.lit/balcony";
const ROMEO: &str = "romeo@montague.lit/orchard";
/// The clock of these tests stands still here.
const NOW: i64 = 1_700_000_000_000_000;

/// Stands in for the module that says what is owed: every chat message.
#[derive(Debug)]
struct Owing;

impl Module for Owing {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("offline", "Chat messages are owed");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.step(Side::Received, Step::Record, Kinds::CHAT, &this, |_, event| {
            event.keep.owed = true;
            Ok(Flow::Continue)
        });
        Ok(this)
    }
}

/// Takes presence in place of the module that does.
#[derive(Debug)]
struct Present;

impl Module for Present {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("presence", "Takes presence");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.gate(Side::Sent, Gate::Handle, Kinds::AVAILABILITY, &this, |_, event| {
            if let Some(session) = event.origin.session() {
                session.set_presence(Some(event.stanza.clone()));
            }
            Hooked::Now(Ok(Flow::Handled))
        });
        Ok(this)
    }
}

fn builder() -> TestServerBuilder {
    let server = TestServer::host("capulet.lit").and_host("montague.lit");
    server.with::<Log>().with::<Mam>().with::<Present>()
}

/// Both online: Juliet's server is the one whose config tests change.
async fn pair(builder: TestServerBuilder) -> (TestServer, TestClient, TestClient) {
    let server = builder.start().await;
    let juliet = server.online(JULIET).await;
    let romeo = server.online(ROMEO).await;
    (server, juliet, romeo)
}

fn chat(to: &str, inner: &str) -> String {
    format!("<message to='{to}' type='chat'>{inner}</message>")
}

async fn say(client: &mut TestClient, to: &str, bodies: impl IntoIterator<Item = impl AsRef<str>>) {
    for body in bodies {
        client.send(&chat(to, &format!("<body>{}</body>", body.as_ref()))).await;
    }
}

/// What an archive answered.
#[derive(Debug)]
struct Found {
    messages: Vec<Tree>,
    fin: Tree,
}

impl Found {
    fn forwarded(&self) -> Vec<&Tree> {
        self.messages.iter().map(message).collect()
    }

    fn bodies(&self) -> Vec<String> {
        self.forwarded().iter().map(|it| it.child_text(ns::CLIENT, "body").unwrap_or_default()).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.messages.iter().map(|result| result.attr("id").expect("an id").to_owned()).collect()
    }

    fn stamps(&self) -> Vec<String> {
        let stamp = |result: &Tree| {
            let forwarded = result.child(ns::FORWARD, "forwarded").expect("something forwarded");
            forwarded.child(ns::DELAY, "delay").and_then(|delay| delay.attr("stamp")).map(str::to_owned)
        };
        self.messages.iter().map(|result| stamp(result).expect("a stamp")).collect()
    }

    fn complete(&self) -> bool {
        self.fin.attr("complete") == Some("true")
    }

    fn set(&self) -> &Tree {
        self.fin.child(ns::RSM, "set").expect("a set")
    }

    fn of_set(&self, name: &str) -> Option<String> {
        self.set().child_text(ns::RSM, name)
    }

    fn index(&self) -> Option<&str> {
        self.set().child(ns::RSM, "first").and_then(|first| first.attr("index"))
    }
}

fn message(result: &Tree) -> &Tree {
    let forwarded = result.child(ns::FORWARD, "forwarded").expect("something forwarded");
    forwarded.child(ns::CLIENT, "message").expect("a message")
}

/// Asks, and gives the results and the end, or the condition of the error. What else waits for the client is an error
/// of the test.
async fn ask(client: &mut TestClient, query: &str) -> Result<Found, Condition> {
    client.send(&format!("<iq type='set' id='q'>{query}</iq>")).await;
    let mut messages = Vec::new();
    loop {
        let stanza = client.next().await.expect("an answer");
        match stanza.kind {
            Kind::Message(_) => {
                assert_eq!(stanza.to.as_ref(), Some(client.session().jid()));
                assert_eq!(stanza.from.as_ref(), Some(client.session().account().jid().as_jid()));
                messages.push(stanza.children.find(NS, "result").expect("a result").tree());
            }
            Kind::Iq(IqType::Result) => {
                let fin = stanza.children.find(NS, "fin").expect("an end").tree();
                return Ok(Found { messages, fin });
            }
            _ => {
                assert!(messages.is_empty(), "results before an error");
                return Err(stanza.error().expect("an error").condition);
            }
        }
    }
}

/// A query with these fields and this set.
fn query(fields: &[(&str, &str)], set: &str) -> String {
    let field = |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    format!(
        "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>{fields}</x>
        <set xmlns='http://jabber.org/protocol/rsm'>{set}</set></query>"
    )
}

async fn all(client: &mut TestClient) -> Found {
    client.forget();
    ask(client, "<query xmlns='urn:xmpp:mam:2'/>").await.expect("an archive")
}

#[tokio::test]
async fn xep0313_7_support_is_shown_where_the_archive_is() {
    let (_server, juliet, _) = pair(builder()).await;
    let of = |on| juliet.session().host().declared(on).features;
    for feature in ["urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:mam:2#groupchat-field"] {
        assert!(of(DiscoOn::Account).contains(&feature.to_owned()), "{feature}");
        assert!(!of(DiscoOn::Host).contains(&feature.to_owned()), "{feature}");
    }
    for on in [DiscoOn::Account, DiscoOn::Host] {
        assert!(of(on).contains(&"urn:xmpp:message-retract:1".to_owned()));
    }
    assert!(of(DiscoOn::Account).contains(&"urn:xmpp:message-retract:1#tombstone".to_owned()));
}

#[tokio::test]
async fn xep0313_8_1_an_archive_is_its_owners_and_nobody_learns_whether_there_is_one() {
    let (server, _juliet, mut romeo) = pair(builder()).await;
    let mut nurse = server.online("nurse@capulet.lit/hall").await;
    for asker in [&mut romeo, &mut nurse] {
        for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
            for (kind, payload) in [("set", "query"), ("get", "query"), ("get", "metadata")] {
                let payload = format!("<{payload} xmlns='urn:xmpp:mam:2'/>");
                asker.send(&format!("<iq to='{to}' type='{kind}' id='q'>{payload}</iq>")).await;
                let condition = asker.next().await.unwrap().error().unwrap().condition;
                assert_eq!(condition, Condition::Forbidden, "{to} {kind} {payload}");
            }
            for (kind, default) in [("get", ""), ("set", "default='never'")] {
                let payload = format!("<prefs xmlns='urn:xmpp:mam:2' {default}/>");
                asker.send(&format!("<iq to='{to}' type='{kind}' id='q'>{payload}</iq>")).await;
                let condition = asker.next().await.unwrap().error().unwrap().condition;
                assert_eq!(condition, Condition::ServiceUnavailable, "{to} {kind}");
            }
        }
    }
}
