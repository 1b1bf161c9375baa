use std::sync::atomic::Ordering;

use waxwing_core::Clock;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};

use super::*;

mod crash;
mod owed;
mod retention;

const JULIET: &str = "juliet@capulet.lit/balcony";
const ROMEO: &str = "romeo@capulet.lit/orchard";
/// The clock of these tests begins here.
const NOW: i64 = 1_700_000_000_000_000;

/// Stands in for the modules that say what is kept: by the elements `archive` and `owe` of a message.
#[derive(Debug)]
struct Keeper;

impl Module for Keeper {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("offline", "Keeps what says so");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        for side in [Side::Sent, Side::Received] {
            reg.step(side, Step::Record, Kinds::MESSAGE, &this, |_, event| {
                let says = |name| event.stanza.children.find(NS_KEEP, name).is_some();
                event.keep = Keep { archived: says("archive"), owed: says("owe") };
                Ok(Flow::Continue)
            });
        }
        reg.gate(Side::Sent, Gate::Handle, Kinds::AVAILABILITY, &this, |_, event| {
            let available = event.stanza.kind == Kind::Presence(PresenceType::Available);
            if let Some(session) = event.origin.session() {
                session.set_presence(available.then(|| event.stanza.clone()));
            }
            Hooked::Now(Ok(Flow::Handled))
        });
        Ok(this)
    }
}

const NS_KEEP: &str = "urn:example:keep";
const ARCHIVE: &str = "<archive xmlns='urn:example:keep'/>";
const OWE: &str = "<owe xmlns='urn:example:keep'/>";

fn builder(clock: &Clock) -> TestServerBuilder {
    TestServer::host("capulet.lit").with::<Log>().with::<Keeper>().clock(clock.clone())
}

fn clock() -> Clock {
    Clock::fixed(Timestamp(NOW))
}

fn set(clock: &Clock, micros: i64) {
    let Clock::Fixed(at) = clock else { panic!("a clock that can be set") };
    at.store(micros, Ordering::Relaxed);
}

fn log(server: &TestServer) -> Arc<Log> {
    let host = server.server().shared().router().host("capulet.lit").expect("the host");
    host.service::<Log>().expect("the log")
}

async fn account(server: &TestServer, local: &str) -> AccountRef {
    let host = server.server().shared().router().host("capulet.lit").expect("the host");
    host.account(local).await.expect("the store works").expect("an account")
}

/// From Romeo to Juliet.
async fn say(romeo: &mut TestClient, body: &str, keep: &[&str]) {
    let keep = keep.concat();
    let xml = format!("<message to='juliet@capulet.lit' type='chat'><body>{body}</body>{keep}</message>");
    romeo.send(&xml).await;
}

/// The bodies of what waits for a client.
async fn bodies(client: &mut TestClient) -> Vec<String> {
    let mut bodies = Vec::new();
    // A request that is refused at once ends what waits.
    client.send("<iq type='get' id='end'><x xmlns='urn:example:end'/></iq>").await;
    while let Some(stanza) = client.next().await {
        match stanza.children.find(ns::CLIENT, "body") {
            Some(body) => bodies.push(body.tree().text()),
            None => break,
        }
    }
    bodies
}

async fn available(client: &mut TestClient) {
    client.send("<presence/>").await;
}

/// All that the archive of Juliet shows.
async fn archive(server: &TestServer) -> Vec<Entry> {
    let account = account(server, "juliet").await;
    let query = Query { max: 10_000, ..Query::default() };
    let page = log(server).page(&account, &query).await.expect("the store works");
    assert!(page.complete);
    page.entries
}

fn texts(entries: &[Entry]) -> Vec<String> {
    let body = |entry: &Entry| entry.stanza.children.find(ns::CLIENT, "body").map(|body| body.tree().text());
    entries.iter().filter_map(body).collect()
}

/// What the log counts, and what there is.
async fn counted(server: &TestServer) -> (u64, u64) {
    let account = account(server, "juliet").await;
    let log = log(server);
    let (rows, bytes, low) = {
        let state = log.load(&account).await.expect("the store works").lock();
        (state.rows, state.bytes, state.low)
    };
    let (mut there, mut size) = (0, 0);
    for month in log.rows.store().months().await.expect("the store works") {
        let all = waxwing_store::Span::between(low..u64::MAX);
        let found = log.rows.month(month).range(account.number(), all, Order::Forward, 10_000).await;
        for (_, row) in found.expect("the store works") {
            let (flags, bytes) = table::glance(&row);
            there += u64::from(flags & HIDDEN == 0);
            size += bytes;
        }
    }
    assert_eq!((rows, bytes), (there, size), "counted, and there");
    (rows, bytes)
}

#[tokio::test]
async fn xep0203_5_delays_in_the_name_of_the_server_are_removed() {
    let server = builder(&clock()).start().await;
    let mut romeo = server.login("romeo@capulet.lit/orchard").await;
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    let delay =
        |from: &str| format!("<delay xmlns='urn:xmpp:delay' from='{from}' stamp='2002-09-10T23:08:25Z'/>");
    let delays = ["CAPULET.lit", "romeo@capulet.lit/orchard"].map(delay).concat();
    romeo.send(&format!("<message to='juliet@capulet.lit/balcony'><body>x</body>{delays}</message>")).await;
    let xml = juliet.next().await.unwrap().to_xml();
    assert!(!xml.contains("CAPULET") && xml.contains(&delay("romeo@capulet.lit/orchard")), "{xml}");
}
