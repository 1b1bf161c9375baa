//! The binary is killed under load, again and again: nothing that it has acknowledged is lost.
//!
//! Romeo writes to Juliet as fast as the server takes it; both use stream management and come back after each kill. Who
//! cannot resume logs in anew and sends again what was not acknowledged. `WAXWING_KILL_RUNS` (default 200) says how often
//! the server is killed, `WAXWING_KILL_SEED` when.

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{CONFIG, HEADER, Waxwing, dismantle, plain};

const PASSWORD: &str = "r0m30";

/// A client of one account, over all its connections.
struct Client {
    name: &'static str,
    stream: Option<TcpStream>,
    unread: String,
    /// The stream that may be resumed.
    id: Option<String>,
    got: u32,
    /// The messages of this stream, in order; none for other stanzas.
    sent: Vec<Option<String>>,
    /// What the server has acknowledged of it.
    told: usize,
    /// Ids of what came on this stream.
    seen: HashSet<String>,
    resumed: u32,
    anew: u32,
}

/// What all runs have shown.
#[derive(Default)]
struct Tally {
    next: u32,
    acked: HashSet<String>,
    again: HashSet<String>,
    /// How often each message has come, with the ids it came under.
    came: HashMap<String, Vec<String>>,
}

impl Client {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            stream: None,
            unread: String::new(),
            id: None,
            got: 0,
            sent: Vec::new(),
            told: 0,
            seen: HashSet::new(),
            resumed: 0,
            anew: 0,
        }
    }

    /// Connects and logs in; what was not acknowledged is to be sent again. False: the server is gone already.
    fn come(&mut self, port: u16, tally: &mut Tally) -> bool {
        self.try_come(port, tally).is_some()
    }

    fn try_come(&mut self, port: u16, tally: &mut Tally) -> Option<()> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        stream.set_nodelay(true).unwrap();
        (self.stream, self.unread) = (Some(stream), String::new());
        self.write(HEADER)?;
        self.until("</stream:features>")?;
        let secret = plain(self.name, PASSWORD);
        self.write(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"
        ))?;
        self.until("/>")?;
        self.write(HEADER)?;
        self.until("</stream:features>")?;
        let mut unhandled = Vec::new();
        if let Some(id) = self.id.clone() {
            self.write(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='{}'/>", self.got))?;
            let answer = self.answer()?;
            let h = attribute(&answer, "h").map(|h| h.parse::<usize>().unwrap());
            assert!(h.is_none_or(|h| h >= self.told && h <= self.sent.len()), "{answer}: {} told", self.told);
            let h = h.unwrap_or(self.told);
            self.tell(h, tally);
            unhandled = self.sent.split_off(h).into_iter().flatten().collect();
            if answer.starts_with("<resumed") {
                self.resumed += 1;
                self.again(unhandled, tally)?;
                return Some(());
            }
        }
        self.bind()?;
        self.again(unhandled, tally)
    }

    fn bind(&mut self) -> Option<()> {
        self.anew += 1;
        (self.id, self.got, self.told) = (None, 0, 0);
        self.sent.clear();
        self.seen.clear();
        self.write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")?;
        self.until("</iq>")?;
        self.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")?;
        let enabled = self.answer()?;
        self.id = Some(attribute(&enabled, "id").unwrap().to_owned());
        self.stanza("<presence/>", None)
    }

    fn again(&mut self, bodies: Vec<String>, tally: &mut Tally) -> Option<()> {
        for body in bodies {
            tally.again.insert(body.clone());
            self.say(body)?;
        }
        Some(())
    }

    fn say(&mut self, body: String) -> Option<()> {
        let xml =
            format!("<message to='juliet@localhost' type='chat' id='{body}'><body>{body}</body></message>");
        self.stanza(&xml, Some(body))
    }

    /// What was begun counts as sent: the server may have got it.
    fn stanza(&mut self, xml: &str, body: Option<String>) -> Option<()> {
        self.sent.push(body);
        self.write(xml)
    }

    fn tell(&mut self, h: usize, tally: &mut Tally) {
        assert!(h >= self.told, "{h} after {}", self.told);
        self.told = h;
        tally.acked.extend(self.sent[..h].iter().flatten().cloned());
    }

    /// Takes what is there. None: the connection is gone.
    fn read(&mut self, tally: &mut Tally) -> Option<()> {
        self.fill()?;
        while let Some(element) = self.element() {
            match name(&element) {
                "message" | "presence" | "iq" => self.stanza_came(&element, tally),
                "r" => self.write(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.got))?,
                "a" => self.tell(attribute(&element, "h").unwrap().parse().unwrap(), tally),
                _ => return None,
            }
        }
        Some(())
    }

    fn stanza_came(&mut self, xml: &str, tally: &mut Tally) {
        self.got += 1;
        assert!(!xml.contains("type='error'"), "{xml}");
        let Some(body) = between(xml, "<body>", "</body>") else { return };
        let id = between(xml, "<stanza-id", "/>").and_then(|id| attribute(id, "id")).unwrap().to_owned();
        assert!(self.seen.insert(id.clone()), "twice on one stream: {xml}");
        tally.came.entry(body.to_owned()).or_default().push(id);
    }

    fn write(&mut self, text: &str) -> Option<()> {
        self.stream.as_mut()?.write_all(text.as_bytes()).ok()
    }

    /// Reads what there is. None: the connection is gone, and with it what was not read.
    fn fill(&mut self) -> Option<()> {
        let mut buffer = [0; 65536];
        match self.stream.as_mut()?.read(&mut buffer) {
            Ok(0) => None,
            Ok(count) => {
                self.unread.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
                Some(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Some(()),
            Err(_) => None,
        }
    }

    fn until(&mut self, what: &str) -> Option<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(at) = self.unread.find(what) {
                self.unread.drain(..at + what.len());
                return Some(());
            }
            assert!(Instant::now() < deadline, "{what} does not come: {}", self.unread);
            self.fill()?;
        }
    }

    /// The next element.
    fn answer(&mut self) -> Option<String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(element) = self.element() {
                return Some(element);
            }
            assert!(Instant::now() < deadline, "no answer: {}", self.unread);
            self.fill()?;
        }
    }

    /// Where the first element ends, which may have others of its name inside.
    fn end_of(&self, name: &str) -> Option<usize> {
        let (open, close) = (format!("<{name} "), format!("</{name}>"));
        let (mut at, mut depth) = (0, 0);
        loop {
            let rest = &self.unread[at..];
            let end = rest.find(&close)?;
            depth += rest[..end].matches(&open).count();
            at += end + close.len();
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }

    /// Takes one whole first-level element off what was read.
    fn element(&mut self) -> Option<String> {
        let start = self.unread.find('>')? + 1;
        let end = if self.unread[..start].ends_with("/>") { start } else { self.end_of(name(&self.unread))? };
        let rest = self.unread.split_off(end);
        Some(std::mem::replace(&mut self.unread, rest))
    }
}

fn name(element: &str) -> &str {
    element.trim_start_matches('<').split([' ', '/', '>']).next().unwrap()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    between(element, &format!(" {name}='"), "'")
}

/// Everything that has happened is looked at once more: nobody is missing anything, the archive neither.
fn look_back(server: &Waxwing, romeo: &mut Client, juliet: &mut Client, tally: &mut Tally) {
    assert!(romeo.come(server.port, tally) && juliet.come(server.port, tally));
    romeo.write("<r xmlns='urn:xmpp:sm:3'/>").unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let missing = |tally: &Tally| tally.acked.iter().filter(|body| !tally.came.contains_key(*body)).count();
    while romeo.told < romeo.sent.len() || missing(tally) > 0 {
        assert!(Instant::now() < deadline, "{} messages are lost", missing(tally));
        romeo.read(tally).unwrap();
        juliet.read(tally).unwrap();
    }
    let archived = archive(juliet, tally);
    for body in &tally.acked {
        assert!(archived.contains(body), "{body} is not in the archive");
    }
    for (body, ids) in &tally.came {
        let ids: HashSet<&String> = ids.iter().collect();
        assert!(ids.len() == 1 || tally.again.contains(body), "{body} came under {} ids", ids.len());
    }
}

/// The bodies of the whole archive, page by page.
fn archive(client: &mut Client, tally: &mut Tally) -> HashSet<String> {
    let mut bodies = HashSet::new();
    let mut after = String::new();
    loop {
        let query = format!(
            "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>\
             <max>200</max>{after}</set></query></iq>"
        );
        client.stanza(&query, None).unwrap();
        let fin = loop {
            let element = client.answer().unwrap();
            match name(&element) {
                "message" if element.contains("<result ") => {
                    client.got += 1;
                    bodies.extend(between(&element, "<body>", "</body>").map(str::to_owned));
                }
                "iq" => {
                    client.got += 1;
                    break element;
                }
                "message" | "presence" => client.stanza_came(&element, tally),
                "r" => client.write(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", client.got)).unwrap(),
                _ => {}
            }
        };
        if fin.contains("complete='true'") {
            return bodies;
        }
        after = format!("<after>{}</after>", between(&fin, "<last>", "</last>").unwrap());
    }
}

/// One life of the server, at most as long as `life`.
fn live(server: &Waxwing, romeo: &mut Client, juliet: &mut Client, tally: &mut Tally, life: Duration) {
    let pid = Pid::from_child(&server.child);
    let killer = std::thread::spawn(move || {
        std::thread::park_timeout(life);
        kill_process(pid, Signal::KILL).unwrap();
    });
    let mut up = romeo.come(server.port, tally) && juliet.come(server.port, tally);
    while up {
        // Nobody writes to somebody who gets nothing: with lives this short she would never catch up.
        let batch = if tally.acked.len() > tally.came.len() + BACKLOG_MAX { 0 } else { 8 };
        for _ in 0..batch {
            let body = format!("m{}", tally.next);
            tally.next += 1;
            up &= romeo.say(body).is_some();
        }
        up &= romeo.write("<r xmlns='urn:xmpp:sm:3'/>").is_some();
        up &= juliet.read(tally).is_some() && romeo.read(tally).is_some();
    }
    killer.join().unwrap();
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn kill_again_and_again(engine: &str, runs: u64, seed: u64) {
    let config = format!("{CONFIG}[storage]\nengine = '{engine}'\n[limits]\nexempt = ['127.0.0.0/8']\n");
    let mut server = Waxwing::start(&config);
    for name in ["romeo", "juliet"] {
        server.add(name);
    }
    let (mut romeo, mut juliet, mut tally) = (Client::new("romeo"), Client::new("juliet"), Tally::default());
    let mut dice = seed | 1;
    for run in 0..runs {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let behind = tally.acked.len() > tally.came.len() + BACKLOG_MAX;
        let life = Duration::from_millis(20 + dice % 230 + if behind { 2000 } else { 0 });
        live(&server, &mut romeo, &mut juliet, &mut tally, life);
        if run % 20 == 0 {
            println!(
                "{engine} run {run}: killed after {life:?}; {} sent, {} acknowledged, {} came; resumed {} and {}, anew {} and {}",
                tally.next,
                tally.acked.len(),
                tally.came.len(),
                romeo.resumed,
                juliet.resumed,
                romeo.anew,
                juliet.anew,
            );
        }
        let (dir, _) = dismantle(server);
        server = Waxwing::start_in(dir, &config);
    }
    look_back(&server, &mut romeo, &mut juliet, &mut tally);
    println!(
        "{engine}: {runs} kills; {} sent, {} acknowledged, none lost; {} sent again; resumed {} and {} times",
        tally.next,
        tally.acked.len(),
        tally.again.len(),
        romeo.resumed,
        juliet.resumed,
    );
    assert!(!tally.acked.is_empty() && juliet.resumed + romeo.resumed > 0, "nothing was tried");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let (runs, seed) = (number("WAXWING_KILL_RUNS", 200), number("WAXWING_KILL_SEED", 7));
    std::thread::scope(|scope| {
        scope.spawn(|| kill_again_and_again("sled", runs, seed));
        scope.spawn(|| kill_again_and_again("fjall", runs / 4, seed));
    });
}

/// When Juliet is so far behind, Romeo waits.
const BACKLOG_MAX: usize = 300;
