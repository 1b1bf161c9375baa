//! A name server on loopback, of a few records and many moods. It encodes by hand, so that it shares no mistake with
//! the resolver under test.

mod sign;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

pub use sign::{DNSKEY, DS};
use sign::{Keys, NS, denial, holds};

/// What a question is about (RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 6698).
pub const A: u16 = 1;
/// See [`A`].
pub const CNAME: u16 = 5;
/// See [`A`].
pub const AAAA: u16 = 28;
/// See [`A`].
pub const SRV: u16 = 33;
/// See [`A`].
pub const TLSA: u16 = 52;

/// How the server treats questions about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Answers.
    Willing,
    /// Says nothing.
    Silent,
    /// Answers after some time.
    Slow(Duration),
    /// Answers SERVFAIL.
    Failing,
    /// Answers REFUSED.
    Refusing,
    /// By UDP there is too little room for any answer; TCP has it.
    Truncating,
    /// Answers with bytes that are no DNS message behind the header.
    Babbling,
    /// Changes what was signed.
    Forging,
    /// Leaves out what DNSSEC adds.
    Stripping,
    /// Shows signatures that are over.
    Stale,
    /// Answers that there is nothing, without signature, in the name of this zone.
    Denying(&'static str),
}

/// A name server; it ends when dropped. Names are written in lower case, without a dot at the end.
pub struct TestDns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Zone {
    records: BTreeMap<(String, u16), Vec<Record>>,
    moods: HashMap<(String, Option<u16>), Mood>,
    asked: BTreeSet<(String, u16)>,
    questions: usize,
    ttl: u32,
    keeps_aliases_apart: bool,
    /// Where zones begin, if any are signed.
    apexes: BTreeSet<String>,
    keys: Keys,
}

#[derive(Clone)]
struct Record {
    name: String,
    kind: u16,
    ttl: u32,
    data: Vec<u8>,
}

impl TestDns {
    /// A server without records, on UDP and TCP of one port.
    pub async fn start() -> Self {
        let (udp, tcp) = bind().await;
        let address = udp.local_addr().expect("bound");
        let zone = Arc::new(Mutex::new(Zone { ttl: 300, ..Zone::default() }));
        let tasks = vec![
            tokio::spawn(serve_udp(Arc::new(udp), Arc::clone(&zone))),
            tokio::spawn(serve_tcp(tcp, Arc::clone(&zone))),
        ];
        Self { address, zone, tasks }
    }

    /// For `dns.servers`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Seconds to live: of the records added from now on, and of "there is nothing".
    pub fn ttl(&self, seconds: u32) -> &Self {
        self.zone.lock().ttl = seconds;
        self
    }

    /// Adds an IPv4 address.
    pub fn a(&self, name: &str, address: Ipv4Addr) -> &Self {
        self.record(name, A, address.octets().to_vec())
    }

    /// Adds an IPv6 address.
    pub fn aaaa(&self, name: &str, address: Ipv6Addr) -> &Self {
        self.record(name, AAAA, address.octets().to_vec())
    }

    /// Adds an SRV record; target `"."`: no such service.
    pub fn srv(&self, name: &str, priority: u16, weight: u16, port: u16, target: &str) -> &Self {
        let mut data: Vec<u8> = [priority, weight, port].into_iter().flat_map(u16::to_be_bytes).collect();
        write_name(&mut data, target);
        self.record(name, SRV, data)
    }

    /// Makes a name an alias.
    pub fn cname(&self, name: &str, target: &str) -> &Self {
        let mut data = Vec::new();
        write_name(&mut data, target);
        self.record(name, CNAME, data)
    }

    /// Adds a TLSA record by its bytes (RFC 6698 §2.1).
    pub fn tlsa(&self, name: &str, data: &[u8]) -> &Self {
        self.record(name, TLSA, data.to_vec())
    }

    /// Adds a record of any kind.
    pub fn record(&self, name: &str, kind: u16, data: Vec<u8>) -> &Self {
        let mut zone = self.zone.lock();
        let record = Record { name: name.to_owned(), kind, ttl: zone.ttl, data };
        zone.records.entry((name.to_owned(), kind)).or_default().push(record);
        drop(zone);
        self
    }

    /// Removes the records of a name.
    pub fn remove(&self, name: &str) -> &Self {
        self.zone.lock().records.retain(|(owner, _), _| owner != name);
        self
    }

    /// How questions about a name are treated, of one kind or of all. The name `""` stands for all others.
    pub fn mood(&self, name: &str, kind: Option<u16>, mood: Mood) -> &Self {
        self.zone.lock().moods.insert((name.to_owned(), kind), mood);
        self
    }

    /// An alias comes without what it leads to, as from a server that knows only its own zone.
    pub fn keep_aliases_apart(&self) -> &Self {
        self.zone.lock().keeps_aliases_apart = true;
        self
    }

    /// A signed zone begins at this name; `""` is the root, which comes first.
    pub fn sign(&self, zone: &str) -> &Self {
        self.unsigned(zone);
        let keys = {
            let mut locked = self.zone.lock();
            locked.keys.add(zone);
            (locked.keys.dnskey(zone), locked.keys.ds(zone))
        };
        for (kind, data) in [(DNSKEY, keys.0), (DS, keys.1)] {
            if let Some(data) = data.filter(|_| kind == DNSKEY || !zone.is_empty()) {
                self.record(zone, kind, data);
            }
        }
        self
    }

    /// A zone that is not signed begins at this name.
    pub fn unsigned(&self, zone: &str) -> &Self {
        let mut data = Vec::new();
        write_name(&mut data, "ns.lit");
        self.zone.lock().apexes.insert(zone.to_owned());
        self.record(zone, NS, data)
    }

    /// The key of the root, for `dns.trust_anchor`.
    pub fn trust_anchor(&self) -> String {
        let key = self.zone.lock().keys.dnskey("").expect("a signed root");
        let text = base64::engine::general_purpose::STANDARD.encode(key.get(4..).unwrap_or_default());
        format!(". 3600 IN DNSKEY 257 3 15 {text}\n")
    }

    /// What was asked since this was last called. A question that was repeated for want of an answer counts once.
    pub fn asked(&self) -> BTreeSet<(String, u16)> {
        std::mem::take(&mut self.zone.lock().asked)
    }

    /// How many questions came since the start, repetitions included.
    pub fn questions(&self) -> usize {
        self.zone.lock().questions
    }
}

impl Drop for TestDns {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn bind() -> (UdpSocket, TcpListener) {
    for _ in 0..50 {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port of loopback");
        let address = udp.local_addr().expect("bound");
        if let Ok(tcp) = TcpListener::bind(address).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

async fn serve_udp(socket: Arc<UdpSocket>, zone: Arc<Mutex<Zone>>) {
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let query = buffer.get(..length).unwrap_or_default().to_vec();
        let (socket, zone) = (Arc::clone(&socket), Arc::clone(&zone));
        tokio::spawn(async move {
            if let Some(answer) = answer(&query, &zone, true).await {
                // Whoever asked may be gone.
                drop(socket.send_to(&answer, peer).await);
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_stream(stream, Arc::clone(&zone)));
    }
}

async fn serve_stream(mut stream: TcpStream, zone: Arc<Mutex<Zone>>) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        if let Some(answer) = answer(&query, &zone, false).await {
            stream.write_u16(u16::try_from(answer.len()).expect("an answer below 64 KiB")).await?;
            stream.write_all(&answer).await?;
        }
    }
}

async fn answer(query: &[u8], zone: &Mutex<Zone>, udp: bool) -> Option<Vec<u8>> {
    let (name, kind, question) = question(query)?;
    let mood = {
        let mut zone = zone.lock();
        zone.asked.insert((name.clone(), kind));
        zone.questions += 1;
        zone.mood(&name, kind)
    };
    if let Mood::Slow(time) = mood {
        tokio::time::sleep(time).await;
    }
    let id = query.get(..2)?;
    let zone = zone.lock();
    let answer = match mood {
        Mood::Silent => return None,
        Mood::Failing => message(id, question, SERVFAIL, &[], &[]),
        Mood::Refusing => message(id, question, REFUSED, &[], &[]),
        Mood::Babbling => [id, &[0x81, 0x80, 0, 1, 0, 9, 0, 0, 0, 0, 0xC0, 0x0C, 0xFF]].concat(),
        Mood::Denying(zone_name) => {
            let soa = zone.start_of_authority(zone_name);
            message(id, question, 0, &[], &[soa])
        }
        _ => zone.answer(id, question, (&name, kind), mood),
    };
    let truncated = udp && (mood == Mood::Truncating || answer.len() > UDP_BYTES_MAX);
    Some(if truncated { message(id, question, TRUNCATED, &[], &[]) } else { answer })
}

impl Zone {
    fn mood(&self, name: &str, kind: u16) -> Mood {
        let keys = [
            (name.to_owned(), Some(kind)),
            (name.to_owned(), None),
            (String::new(), Some(kind)),
            (String::new(), None),
        ];
        keys.iter().find_map(|key| self.moods.get(key)).copied().unwrap_or(Mood::Willing)
    }

    fn answer(&self, id: &[u8], question: &[u8], (name, kind): (&str, u16), mood: Mood) -> Vec<u8> {
        let mut found = self.find(name, kind);
        if found.is_empty() {
            let (code, authorities) = self.nothing(name, kind, mood);
            return message(id, question, code, &[], &authorities);
        }
        self.add_signatures(&mut found, None, mood);
        if let (Mood::Forging, Some(byte)) =
            (mood, found.first_mut().and_then(|record| record.data.first_mut()))
        {
            *byte ^= 1;
        }
        message(id, question, 0, &found, &[])
    }

    fn find(&self, name: &str, kind: u16) -> Vec<Record> {
        let mut found = Vec::new();
        let mut owner = name.to_owned();
        // An alias of itself comes once per step, so that the resolver has something to chew.
        for _ in 0..8 {
            found.extend(self.records.get(&(owner.clone(), kind)).into_iter().flatten().cloned());
            let alias = self.records.get(&(owner.clone(), CNAME)).and_then(|records| records.first());
            let Some(alias) = alias.filter(|_| kind != CNAME) else { break };
            found.push(alias.clone());
            owner = read_name(&alias.data).map(|(target, _)| target).unwrap_or_default();
            if self.keeps_aliases_apart {
                break;
            }
        }
        found
    }

    /// The code and the authority section for "there is nothing".
    fn nothing(&self, name: &str, kind: u16, mood: Mood) -> (u16, Vec<Record>) {
        let below = format!(".{name}");
        let exists = self.records.keys().any(|(known, _)| known == name || known.ends_with(&below));
        if self.keys.are_none() {
            return (if exists { 0 } else { NXDOMAIN }, vec![self.start_of_authority(".")]);
        }
        let zone = self.zone_of(name, kind);
        let mut authorities = vec![self.start_of_authority(&zone)];
        if mood != Mood::Stripping && self.keys.dnskey(&zone).is_some() {
            authorities.push(denial(name, &self.kinds(name, &zone), self.ttl));
        }
        self.add_signatures(&mut authorities, Some(&zone), mood);
        if let (Mood::Forging, Some(byte)) =
            (mood, authorities.last_mut().and_then(|record| record.data.last_mut()))
        {
            *byte ^= 1;
        }
        (0, authorities)
    }

    /// What there is at a name, as its zone sees it.
    fn kinds(&self, name: &str, zone: &str) -> Vec<u16> {
        let all = self.records.keys().filter(|(known, _)| known == name).map(|(_, kind)| *kind);
        if name == zone {
            return all.filter(|kind| *kind != DS).chain([SOA]).collect();
        }
        // Of a zone below, the one above knows two things.
        let delegated = self.apexes.contains(name);
        all.filter(|kind| !delegated || [NS, DS].contains(kind)).collect()
    }

    /// The zone that speaks about a name.
    fn zone_of(&self, name: &str, kind: u16) -> String {
        let zones = self.apexes.iter().filter(|zone| holds(zone, name) && !(kind == DS && *zone == name));
        zones.max_by_key(|zone| zone.len()).cloned().unwrap_or_default()
    }

    /// `zone`: who has said it, where that does not follow from the name.
    fn add_signatures(&self, records: &mut Vec<Record>, zone: Option<&str>, mood: Mood) {
        if mood == Mood::Stripping {
            return;
        }
        let mut sets: BTreeMap<(String, u16), Vec<Record>> = BTreeMap::new();
        for record in records.iter() {
            sets.entry((record.name.clone(), record.kind)).or_default().push(record.clone());
        }
        records.extend(sets.iter().filter_map(|((name, kind), set)| {
            let zone = zone.map_or_else(|| self.zone_of(name, *kind), str::to_owned);
            self.keys.sign(&zone, set, mood == Mood::Stale)
        }));
    }

    /// RFC 2308 §3: says for how long "nothing" holds.
    fn start_of_authority(&self, zone: &str) -> Record {
        let mut data = Vec::new();
        write_name(&mut data, ".");
        write_name(&mut data, ".");
        for number in [1, 3600, 600, 86400, self.ttl] {
            data.extend(number.to_be_bytes());
        }
        Record { name: zone.to_owned(), kind: SOA, ttl: self.ttl, data }
    }
}

/// Name, kind and bytes of the one question in a message (RFC 1035 §4.1).
fn question(query: &[u8]) -> Option<(String, u16, &[u8])> {
    let rest = query.get(HEADER_BYTES..)?;
    let (name, length) = read_name(rest)?;
    let kind = rest.get(length..length + 2)?;
    Some((name, u16::from_be_bytes(kind.try_into().ok()?), rest.get(..length + 4)?))
}

fn message(id: &[u8], question: &[u8], flags: u16, answers: &[Record], authorities: &[Record]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend((flags | RESPONSE).to_be_bytes());
    for count in [1, answers.len(), authorities.len(), 0] {
        bytes.extend(u16::try_from(count).expect("fewer than 65,536 records").to_be_bytes());
    }
    bytes.extend(question);
    for record in answers.iter().chain(authorities) {
        write_name(&mut bytes, &record.name);
        bytes.extend([record.kind, CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
        bytes.extend(record.ttl.to_be_bytes());
        bytes.extend(u16::try_from(record.data.len()).expect("a record below 64 KiB").to_be_bytes());
        bytes.extend(&record.data);
    }
    bytes
}

fn write_name(bytes: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).expect("a short label"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
}

/// A name without compression, and how many bytes it takes.
fn read_name(bytes: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 0;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}

const HEADER_BYTES: usize = 12;
const UDP_BYTES_MAX: usize = 1232;
const SOA: u16 = 6;
const CLASS_IN: u16 = 1;
/// QR, RD, RA.
const RESPONSE: u16 = 0x8180;
const TRUNCATED: u16 = 0x0200;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const REFUSED: u16 = 5;
