//! Delivery without loss: random schedules of clients that send, lose their connection, resume in time or too late,
//! acknowledge late, go inactive, page the archive, while the server is stopped or killed and started again.
//!
//! Everything runs in memory. A schedule follows from its seed, which a failure names; `WAXWING_SCHEDULES` says how many
//! there are and `WAXWING_SEED` which one is the first.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use waxwing_carbons::Carbons;
use waxwing_core::{Clock, Enable, Next, Peer, ResourceConflict, SessionRef, Trigger};
use waxwing_csi::Csi;
use waxwing_log::Log;
use waxwing_mam::Mam;
use waxwing_offline::Offline;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_sm::{Failed, Sm};
use waxwing_store::Store;
use waxwing_testkit::TestServer;
use waxwing_xml::Tree;
use waxwing_xmpp::{BareJid, Condition, Jid, Stanza, Timestamp};

const ACCOUNTS: [&str; 2] = ["romeo", "juliet"];
const PEER: Peer = Peer { address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), secure: true };

/// Numbers that follow from a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// One stream-management session, as its client knows it.
#[derive(Default)]
struct Stream {
    id: String,
    /// Stanzas of the server that have reached the client.
    got: u32,
    /// Stanzas that the client has sent; of messages their bodies.
    sent: Vec<Option<String>>,
    /// What the server has said of them.
    told: u32,
    /// Bodies and ids that came, in order.
    seen: Vec<(String, String)>,
    /// Messages sent to the account while this stream was an available resource.
    due: HashSet<String>,
}

/// A client of one account.
struct Client {
    account: usize,
    name: String,
    logins: u32,
    session: Option<SessionRef>,
    stream: Option<Stream>,
    available: bool,
}

struct World {
    store: Store,
    clock: Clock,
    server: Option<TestServer>,
    clients: Vec<Client>,
    dice: Dice,
    log: String,
    /// All that was sent, with the account it was for.
    sent: HashMap<String, usize>,
    /// What the server has acknowledged.
    acked: HashSet<String>,
    /// What was sent again after a kill, since nobody knew of it.
    again: HashSet<String>,
    /// What has reached a client of the account.
    reached: [HashSet<String>; 2],
    kills: u32,
    restarts: u64,
}

/// What happened before a failure.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.log);
        }
    }
}

async fn start(store: &Store, clock: &Clock, seed: u64) -> TestServer {
    let server = TestServer::host("capulet.lit").store(store.clone()).clock(clock.clone()).seed(seed);
    let server = server.with::<Rosters>().with::<Presence>().with::<Log>().with::<Sm>().with::<Mam>();
    server.with::<Offline>().with::<Carbons>().with::<Csi>().start().await
}

impl World {
    async fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (store, clock) = (Store::memory(), Clock::fixed(Timestamp(1_700_000_000_000_000)));
        let server = Some(start(&store, &clock, 1).await);
        let count = 2 + dice.roll(4);
        let client = |index: usize| Client {
            account: index % 2,
            name: format!("c{index}"),
            logins: 0,
            session: None,
            stream: None,
            available: false,
        };
        Self {
            store,
            clock,
            server,
            clients: (0..count).map(client).collect(),
            dice,
            log: String::new(),
            sent: HashMap::new(),
            acked: HashSet::new(),
            again: HashSet::new(),
            reached: Default::default(),
            kills: 0,
            restarts: 0,
        }
    }

    fn note(&mut self, what: &str) {
        writeln!(self.log, "{what}").unwrap();
    }

    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    fn sm(&self) -> Arc<Sm> {
        self.server().server().shared().router().host("capulet.lit").unwrap().service::<Sm>().unwrap()
    }

    async fn step(&mut self) {
        let index = self.dice.roll(self.clients.len());
        let connected = self.clients[index].session.is_some();
        match (self.dice.roll(20), connected) {
            (0..=7, true) => self.send(index).await,
            (8..=9, true) => self.receive(index, usize::MAX).await,
            (10, true) => self.ack(index),
            (11, true) => self.ask(index),
            (12, true) => self.indicate(index).await,
            (13, true) => self.page(index).await,
            (14..=15, true) => self.lose(index).await,
            (16, true) => self.leave(index).await,
            (0..=7, false) => self.resume(index).await,
            (8..=11, false) => self.log_in(index).await,
            (12, false) => self.expire(index).await,
            (17, _) => tokio::time::sleep(Duration::from_millis(200)).await,
            (18, _) => self.restart(true).await,
            (19, _) => self.restart(false).await,
            _ => {}
        }
    }

    /// Binds a new resource; what is left of the old stream is forgotten by the client.
    async fn log_in(&mut self, index: usize) {
        self.give_up(index);
        let client = &mut self.clients[index];
        client.logins += 1;
        let resource = format!("{}-{}", client.name, client.logins);
        let local = ACCOUNTS[client.account];
        self.note(&format!("{local}/{resource} logs in"));
        let host = self.server().server().shared().router().host("capulet.lit").unwrap();
        let account = host.account(local).await.unwrap().unwrap();
        let session = account.bind(Some(&resource), ResourceConflict::ReplaceOld, PEER).unwrap();
        session.opened().await;
        let enabled = self.sm().enable(&session, true, None).unwrap();
        let client = &mut self.clients[index];
        client.stream = Some(Stream { id: enabled.resume.unwrap().0, ..Stream::default() });
        client.session = Some(session);
        self.stanza(index, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>", None).await;
        if self.dice.roll(3) == 0 {
            self.page(index).await;
        }
        self.clients[index].available = true;
        self.stanza(index, "<presence/>", None).await;
    }

    async fn stanza(&mut self, index: usize, xml: &str, body: Option<String>) {
        let session = self.clients[index].session.clone().unwrap();
        let stanza = Stanza::parse(xml).unwrap();
        let custody = session.host().router().from_client(&session, stanza).await.unwrap();
        session.take_custody(custody);
        self.clients[index].stream.as_mut().unwrap().sent.push(body);
    }

    async fn send(&mut self, index: usize) {
        let body = format!("m{}", self.sent.len());
        self.message(index, body).await;
    }

    async fn message(&mut self, index: usize, body: String) {
        let to = 1 - self.clients[index].account;
        self.note(&format!("{} sends {body}", self.clients[index].name));
        self.sent.insert(body.clone(), to);
        for client in self.clients.iter_mut().filter(|client| client.account == to && client.available) {
            if let Some(stream) = &mut client.stream {
                stream.due.insert(body.clone());
            }
        }
        let jid = format!("{}@capulet.lit", ACCOUNTS[to]);
        let state = if self.dice.roll(4) == 0 {
            let xml = format!(
                "<message to='{jid}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
            );
            self.stanza(index, &xml, None).await;
            "<active xmlns='http://jabber.org/protocol/chatstates'/>"
        } else {
            ""
        };
        let xml = format!("<message to='{jid}' type='chat' id='{body}'><body>{body}</body>{state}</message>");
        self.stanza(index, &xml, Some(body)).await;
    }

    /// The server writes all it has; of that `reaches` stanzas come to the client.
    async fn receive(&mut self, index: usize, reaches: usize) {
        let session = self.clients[index].session.clone().unwrap();
        let mut count = 0;
        loop {
            match session.next() {
                Next::Stanza(stanza) => {
                    count += 1;
                    if count <= reaches {
                        self.got(index, &stanza);
                    }
                }
                Next::Rows => session.read_rows().await.unwrap(),
                Next::Raw(_) => {}
                Next::Nothing => return,
            }
        }
    }

    /// The client gets a stanza.
    fn got(&mut self, index: usize, stanza: &Stanza) {
        let account = self.clients[index].account;
        let stream = self.clients[index].stream.as_mut().unwrap();
        stream.got += 1;
        let xml = stanza.to_xml();
        // Results of the archive are not messages that come.
        let Some(body) = between(&xml, "<body>", "</body>").filter(|_| !xml.contains("urn:xmpp:mam:2"))
        else {
            return;
        };
        let from_own = xml.contains("<sent ");
        let id =
            between(&xml, "<stanza-id", "/>").and_then(|id| between(id, "id='", "'")).unwrap_or_default();
        assert!(!id.is_empty(), "no id: {xml}");
        let twice = stream.seen.iter().any(|(_, other)| other == id);
        assert!(!twice, "{body} came twice to {}:\n{xml}", self.clients[index].name);
        let number = |body: &str| body.trim_start_matches('m').parse::<u64>().unwrap();
        let late = xml.contains("urn:xmpp:delay");
        assert!(self.sent.contains_key(body), "invented: {xml}");
        // Per sender the order is that of sending; what comes late says so, what was sent again is out of order.
        let from = between(&xml, "from='", "'").unwrap_or_default();
        if !late && !from_own && !self.again.contains(body) {
            let earlier = stream.seen.iter().filter(|(seen, _)| seen.starts_with(&format!("{from} ")));
            let last = earlier.filter_map(|(seen, _)| seen.split(' ').nth(1).map(number)).max();
            assert!(last.is_none_or(|last| last < number(body)), "{body} after {last:?} from {from}");
        }
        stream.seen.push((format!("{} {body}", if late || from_own { "-" } else { from }), id.to_owned()));
        if !from_own {
            self.reached[account].insert(body.to_owned());
            self.clients[index].stream.as_mut().unwrap().due.remove(body);
        }
    }

    fn ack(&mut self, index: usize) {
        let client = &self.clients[index];
        let got = client.stream.as_ref().unwrap().got;
        // What was written and lost is not acknowledged; what was not written cannot be.
        client.session.as_ref().unwrap().acked(got).unwrap();
    }

    /// `<r/>`, and its answer.
    fn ask(&mut self, index: usize) {
        let session = self.clients[index].session.clone().unwrap();
        self.sm().note_handled(&session).unwrap();
        let (handled, received) = session.handled().unwrap();
        assert_eq!(handled, received, "the store in memory is on disk at once");
        self.told(index, handled);
    }

    fn told(&mut self, index: usize, handled: u32) {
        let stream = self.clients[index].stream.as_mut().unwrap();
        assert!(handled >= stream.told, "{handled} after {}", stream.told);
        let count = usize::try_from(handled).unwrap();
        assert!(count <= stream.sent.len(), "{handled} of {} are handled", stream.sent.len());
        stream.told = handled;
        let acked: Vec<String> = stream.sent[..count].iter().flatten().cloned().collect();
        self.acked.extend(acked);
    }

    async fn indicate(&mut self, index: usize) {
        let session = self.clients[index].session.clone().unwrap();
        let state = if self.dice.roll(2) == 0 { "active" } else { "inactive" };
        self.note(&format!("{} is {state}", self.clients[index].name));
        let host = Arc::clone(session.host());
        let feature = host.stream_features().iter().find(|feature| feature.module == "csi").unwrap();
        let payload = Tree::new("urn:xmpp:csi:0", state).to_child();
        let trigger = Trigger::Nonza("urn:xmpp:csi:0", state);
        let host = Arc::clone(&host);
        let request = Enable { trigger, stanza: None, payload, host, session: Some(session), peer: PEER };
        drop(feature.enable(request).unwrap().await.unwrap());
    }

    async fn page(&mut self, index: usize) {
        let seen = self.clients[index].stream.as_ref().unwrap().seen.last().cloned();
        let after = seen.filter(|_| self.dice.roll(2) == 0).map(|(_, id)| format!("<after>{id}</after>"));
        let set = format!("<max>5</max>{}", after.unwrap_or_default());
        self.note(&format!("{} pages: {set}", self.clients[index].name));
        let xml = format!(
            "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>{set}</set></query></iq>"
        );
        self.stanza(index, &xml, None).await;
        // Everything comes: what was paged counts as got.
        let session = self.clients[index].session.clone().unwrap();
        let account = self.clients[index].account;
        loop {
            match session.next() {
                Next::Stanza(stanza) => {
                    let xml = stanza.to_xml();
                    assert!(
                        !xml.contains("item-not-found"),
                        "an id that was handed out is a position: {xml}"
                    );
                    let body = between(&xml, "<body>", "</body>").filter(|_| xml.contains("<result "));
                    if let Some(body) = body.filter(|body| self.sent.get(*body) == Some(&account)) {
                        self.reached[account].insert(body.to_owned());
                    }
                    self.got(index, &stanza);
                }
                Next::Rows => session.read_rows().await.unwrap(),
                Next::Raw(_) => {}
                Next::Nothing => return,
            }
        }
    }

    /// The connection breaks; the last stanzas may be lost on the way.
    async fn lose(&mut self, index: usize) {
        let reaches = self.dice.roll(4);
        self.receive(index, if reaches == 3 { usize::MAX } else { reaches }).await;
        self.note(&format!("{} loses its connection", self.clients[index].name));
        let session = self.clients[index].session.take().unwrap();
        assert!(self.sm().sleep(&session).await);
    }

    /// The client says good-bye.
    async fn leave(&mut self, index: usize) {
        self.receive(index, usize::MAX).await;
        self.ack(index);
        self.ask(index);
        self.note(&format!("{} leaves", self.clients[index].name));
        let session = self.clients[index].session.take().unwrap();
        session.not_resumable();
        session.closed().await;
        self.give_up(index);
    }

    fn give_up(&mut self, index: usize) {
        self.clients[index].stream = None;
        self.clients[index].available = false;
    }

    /// Nobody came back in time.
    async fn expire(&mut self, index: usize) {
        let Some(stream) = &self.clients[index].stream else { return };
        let host = self.server().server().shared().router().host("capulet.lit").unwrap();
        let resource = format!("{}-{}", self.clients[index].name, self.clients[index].logins);
        let account = host.account(ACCOUNTS[self.clients[index].account]).await.unwrap().unwrap();
        let id = stream.id.clone();
        self.note(&format!("{resource} ({id}) expires"));
        if let Some(session) = account.session(&resource) {
            session.closed().await;
        }
    }

    async fn resume(&mut self, index: usize) {
        let Some(stream) = &self.clients[index].stream else { return self.log_in(index).await };
        let account =
            BareJid::parse(&format!("{}@capulet.lit", ACCOUNTS[self.clients[index].account])).unwrap();
        let (id, got) = (stream.id.clone(), stream.got);
        let result = self.sm().resume(&account, &id, got, PEER).await;
        self.note(&format!("{} resumes at {got}: {}", self.clients[index].name, result.is_ok()));
        match result {
            Ok(resumed) => {
                self.clients[index].session = Some(resumed.session);
                self.told(index, resumed.h);
                let unhandled = self.unhandled(index, resumed.h);
                assert!(self.kills > 0 || unhandled.is_empty(), "not handled without a kill: {unhandled:?}");
                let count = usize::try_from(resumed.h).unwrap();
                self.clients[index].stream.as_mut().unwrap().sent.truncate(count);
                self.send_again(index, unhandled).await;
            }
            Err(Failed::Condition(Condition::ItemNotFound, handled)) => {
                if let Some(handled) = handled {
                    self.told(index, handled);
                }
                let told = self.clients[index].stream.as_ref().unwrap().told;
                let unhandled = self.unhandled(index, handled.unwrap_or(told));
                assert!(self.kills > 0 || handled.is_none() || unhandled.is_empty(), "{unhandled:?}");
                self.log_in(index).await;
                self.send_again(index, unhandled).await;
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    fn unhandled(&self, index: usize, handled: u32) -> Vec<String> {
        let count = usize::try_from(handled).unwrap();
        self.clients[index].stream.as_ref().unwrap().sent[count..].iter().flatten().cloned().collect()
    }

    /// A client sends again what was not acknowledged: the one way in which something may come twice.
    async fn send_again(&mut self, index: usize, bodies: Vec<String>) {
        for body in bodies {
            self.again.insert(body.clone());
            self.message(index, body).await;
        }
    }

    /// Stopped in order, or killed.
    async fn restart(&mut self, in_order: bool) {
        self.note(if in_order { "the server restarts" } else { "the server is killed" });
        let server = self.server.take().unwrap();
        self.restarts += 1;
        if in_order {
            let sessions: Vec<SessionRef> =
                self.clients.iter_mut().filter_map(|client| client.session.take()).collect();
            let host = server.server().shared().router().host("capulet.lit").unwrap();
            let sm = host.service::<Sm>().unwrap();
            for session in sessions {
                assert!(sm.sleep(&session).await);
            }
            server.halt().await;
        } else {
            self.kills += 1;
            drop(server);
            self.clients.iter_mut().for_each(|client| client.session = None);
        }
        self.server = Some(start(&self.store, &self.clock, 1 + self.restarts).await);
    }

    /// Everybody comes back; then nothing may be missing.
    async fn settle(&mut self) {
        for index in 0..self.clients.len() {
            if self.clients[index].session.is_none() {
                self.resume(index).await;
            }
        }
        for index in 0..self.clients.len() {
            self.ask(index);
            self.receive(index, usize::MAX).await;
            self.ack(index);
        }
        for account in 0..ACCOUNTS.len() {
            self.clients.push(Client {
                account,
                name: format!("last{account}"),
                logins: 0,
                session: None,
                stream: None,
                available: false,
            });
            let index = self.clients.len() - 1;
            self.log_in(index).await;
            self.receive(index, usize::MAX).await;
            self.check(account).await;
        }
        for client in &self.clients {
            let due = client.stream.as_ref().map(|stream| &stream.due).unwrap();
            let missing: Vec<&String> = due.iter().filter(|body| self.acked.contains(*body)).collect();
            // After a kill the session may have been taken for another one's.
            assert!(self.kills > 0 || missing.is_empty(), "{} has not got {missing:?}", client.name);
        }
    }

    async fn check(&self, account: usize) {
        let host = self.server().server().shared().router().host("capulet.lit").unwrap();
        let owner = host.account(ACCOUNTS[account]).await.unwrap().unwrap();
        let query = waxwing_log::Query { max: 10_000, ..waxwing_log::Query::default() };
        let page = host.service::<Log>().unwrap().page(&owner, &query).await.unwrap();
        let mut archived: HashMap<String, usize> = HashMap::new();
        for entry in page.entries.iter().filter(|entry| !entry.sent) {
            let xml = entry.stanza.to_xml();
            *archived
                .entry(between(&xml, "<body>", "</body>").unwrap_or_default().to_owned())
                .or_default() += 1;
        }
        for (body, to) in &self.sent {
            if *to != account || !self.acked.contains(body) {
                continue;
            }
            let count = archived.get(body).copied().unwrap_or_default();
            assert!(count > 0, "{body} is not in the archive");
            assert!(count == 1 || self.again.contains(body), "{body} is in the archive {count} times");
            assert!(self.reached[account].contains(body), "{body} has reached nobody");
        }
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

async fn run(seed: u64) {
    let mut world = World::new(seed).await;
    let steps = 20 + world.dice.roll(60);
    for _ in 0..steps {
        world.step().await;
    }
    world.settle().await;
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Runs the schedules on as many threads as there are processors.
#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let (first, count) = (number("WAXWING_SEED", 1), number("WAXWING_SCHEDULES", 10_000));
    let threads = u64::try_from(std::thread::available_parallelism().map_or(2, usize::from)).unwrap();
    std::thread::scope(|scope| {
        let work = |thread: u64| {
            move || {
                for seed in (first..first + count).filter(|seed| seed % threads == thread) {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .start_paused(true)
                        .build()
                        .unwrap();
                    let outcome = std::panic::catch_unwind(|| runtime.block_on(run(seed)));
                    assert!(outcome.is_ok(), "seed {seed} failed: WAXWING_SEED={seed} WAXWING_SCHEDULES=1");
                }
            }
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(work(thread))).collect();
        running.into_iter().for_each(|thread| thread.join().unwrap());
    });
    println!("{count} schedules");
}

/// What a schedule did, for whoever looks into a failure: `WAXWING_SEED=… cargo test --test schedules story -- --nocapture`.
#[test]
fn the_story_of_one_schedule_is_told() {
    let seed = number("WAXWING_SEED", 1);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed).await;
        for _ in 0..30 {
            world.step().await;
        }
        println!("{}", world.log);
        assert!(world.log.lines().count() >= 5, "{}", world.log);
        drop(Jid::parse("romeo@capulet.lit"));
    });
}
