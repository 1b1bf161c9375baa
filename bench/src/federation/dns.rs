//! The name server of the simulated network, on UDP and TCP of one port of loopback. What it says follows from the
//! name alone: there is no table, and nothing to be remembered of who asks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::Fallible;
use crate::federation::network::{HOST, address, number};

/// Starts it in a thread of its own, so that long answers delay nobody who measures; it ends when the answer is dropped.
/// `port` is where the servers of the network listen.
pub(crate) fn start(port: u16) -> Fallible<(SocketAddr, oneshot::Sender<()>)> {
    let tcp = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let here = tcp.local_addr()?;
    let udp = std::net::UdpSocket::bind(here)?;
    tcp.set_nonblocking(true)?;
    udp.set_nonblocking(true)?;
    let (alive, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            if let (Ok(tcp), Ok(udp)) = (TcpListener::from_std(tcp), UdpSocket::from_std(udp)) {
                listen(tcp, Arc::new(udp), port);
            }
            ended.await.ok();
        });
    });
    Ok((here, alive))
}

fn listen(tcp: TcpListener, udp: Arc<UdpSocket>, port: u16) {
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        loop {
            let Ok((length, peer)) = udp.recv_from(&mut buffer).await else { continue };
            let query = buffer.get(..length).unwrap_or_default().to_vec();
            let udp = Arc::clone(&udp);
            tokio::spawn(async move {
                if let Some(answer) = answer(&query, port, true).await {
                    // Who asked may be gone.
                    drop(udp.send_to(&answer, peer).await);
                }
            });
        }
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = tcp.accept().await {
            tokio::spawn(serve(stream, port));
        }
    });
}

async fn serve(mut stream: TcpStream, port: u16) -> Fallible {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        if let Some(answer) = answer(&query, port, false).await {
            stream.write_u16(u16::try_from(answer.len())?).await?;
            stream.write_all(&answer).await?;
        }
    }
}

/// What is said about a name: records of the kind asked for, or of others that stand in their place.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    code: u16,
    records: Vec<Record>,
    authorities: Vec<Record>,
    delay: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    name: String,
    kind: u16,
    data: Vec<u8>,
}

async fn answer(query: &[u8], port: u16, udp: bool) -> Option<Vec<u8>> {
    let (name, kind, question) = question(query)?;
    let Answer { code, records, authorities, delay } = said(&name, kind, port);
    sleep(delay).await;
    let id = query.get(..2)?;
    let full = message(id, question, code, &records, &authorities)?;
    // RFC 1035 §4.2.1: the rest is to be had over TCP.
    if udp && full.len() > UDP_BYTES_MAX { message(id, question, TRUNCATED, &[], &[]) } else { Some(full) }
}

/// Names are `_xmpp-server._tcp.DOMAIN`, `_xmpps-server._tcp.DOMAIN` and `xmpp.DOMAIN`. DOMAIN is `d1234.lit` for the
/// servers that mean well; what other letters do is said in [`hostile`].
fn said(name: &str, kind: u16, port: u16) -> Answer {
    let Some(domain) = number(name) else { return nothing(NXDOMAIN) };
    if domain.kind != "d"
        && let Some(answer) = hostile(name, kind, domain.kind, domain.number)
    {
        return answer;
    }
    let service = format!("_xmpp-server._tcp.{}", domain.name);
    let host = format!("{HOST}.{}", domain.name);
    match kind {
        SRV if name == service => found([srv(name, port, &host)]),
        A if name == host => found([a(name, address(domain.kind, domain.number))]),
        _ if name == service || name == host => nothing(0),
        _ => nothing(NXDOMAIN),
    }
}

/// Domains whose name servers mean no good. None: they answer as others do, and their servers are the evil.
fn hostile(name: &str, kind: u16, mood: &str, number: u32) -> Option<Answer> {
    let service = name.starts_with("_xmpp-server.");
    let host = format!("{HOST}.{mood}{number:04}.lit");
    Some(match mood {
        // Answers nothing in time.
        "mute" => Answer { delay: Duration::from_secs(60), ..nothing(SERVFAIL) },
        // Every name is an alias of the next; there is no end.
        "alias" => {
            let step: u32 =
                name.split('.').find_map(|label| label.strip_prefix("step")?.parse().ok()).unwrap_or(0);
            found([cname(name, &format!("step{}.{mood}{number:04}.lit", step + 1))])
        }
        // Every name is an alias of itself.
        "loop" => found([cname(name, name)]),
        // Somebody else is to be asked, who would be this very server.
        "refer" => {
            let ns = |server: u32| record(name, NS, &written(&format!("ns{server}.{mood}{number:04}.lit")));
            Answer { authorities: (0..20).map(ns).collect(), ..Answer::default() }
        }
        // Hundreds of servers, each with a name of its own.
        "many" if service && kind == SRV => {
            found((0..600).map(|server| srv(name, 9, &format!("s{server}.{mood}{number:04}.lit"))))
        }
        // Thousands of addresses, at which nobody listens.
        "addresses" if service && kind == SRV => found([srv(name, 9, &host)]),
        "many" | "addresses" if kind == A => {
            let of = |low: u32| Ipv4Addr::from(0x7F80_0000 + (number % 64) * 4096 + low);
            found((0..if mood == "many" { 1 } else { 3500 }).map(|low| a(name, of(low))))
        }
        "many" | "addresses" => nothing(0),
        _ => return None,
    })
}

fn found(records: impl IntoIterator<Item = Record>) -> Answer {
    Answer { records: records.into_iter().collect(), ..Answer::default() }
}

/// RFC 2308 §3: with a record that says for how long this holds.
fn nothing(code: u16) -> Answer {
    let mut data = vec![0, 0];
    data.extend([1_u32, 3600, 600, 86400, TTL].into_iter().flat_map(u32::to_be_bytes));
    Answer { code, authorities: vec![Record { name: String::new(), kind: SOA, data }], ..Answer::default() }
}

fn srv(name: &str, port: u16, target: &str) -> Record {
    let numbers: Vec<u8> = [1, 1, port].into_iter().flat_map(u16::to_be_bytes).collect();
    record(name, SRV, &[numbers, written(target)].concat())
}

fn a(name: &str, address: Ipv4Addr) -> Record {
    record(name, A, &address.octets())
}

fn cname(name: &str, target: &str) -> Record {
    record(name, CNAME, &written(target))
}

fn record(name: &str, kind: u16, data: &[u8]) -> Record {
    Record { name: name.to_owned(), kind, data: data.to_vec() }
}

/// Name, kind and bytes of the one question in a message (RFC 1035 §4.1).
fn question(query: &[u8]) -> Option<(String, u16, &[u8])> {
    let rest = query.get(12..)?;
    let (mut labels, mut at) = (Vec::new(), 0);
    loop {
        let length = usize::from(*rest.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(rest.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes(rest.get(at..at + 2)?.try_into().ok()?);
    Some((labels.join("."), kind, rest.get(..at + 4)?))
}

/// None: it would be longer than a message may be.
fn message(id: &[u8], question: &[u8], flags: u16, answers: &[Record], more: &[Record]) -> Option<Vec<u8>> {
    let mut bytes = id.to_vec();
    bytes.extend((RESPONSE | flags).to_be_bytes());
    for count in [1, answers.len(), more.len(), 0] {
        bytes.extend(u16::try_from(count).ok()?.to_be_bytes());
    }
    bytes.extend(question);
    let asked = question.get(..question.len().saturating_sub(4)).unwrap_or_default();
    for record in answers.iter().chain(more) {
        // RFC 1035 §4.1.4: a pointer to the question where the name is the same.
        let name = written(&record.name);
        bytes.extend(if name == asked { &[0xC0, 12][..] } else { &name });
        bytes.extend([record.kind, CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
        bytes.extend(TTL.to_be_bytes());
        bytes.extend(u16::try_from(record.data.len()).ok()?.to_be_bytes());
        bytes.extend(&record.data);
    }
    (bytes.len() <= usize::from(u16::MAX)).then_some(bytes)
}

fn written(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| std::iter::once(u8::try_from(label.len()).unwrap_or(0)).chain(label.bytes()))
        .collect();
    bytes.push(0);
    bytes
}

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const SRV: u16 = 33;
const CLASS_IN: u16 = 1;
/// QR, RD, RA.
const RESPONSE: u16 = 0x8180;
const TRUNCATED: u16 = 0x0200;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const TTL: u32 = 600;
const UDP_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_a_service_a_host_and_an_address() {
        let service = said("_xmpp-server._tcp.d0007.lit", SRV, 5269);
        assert_eq!(service.records, [srv("_xmpp-server._tcp.d0007.lit", 5269, "xmpp.d0007.lit")]);
        let host = said("xmpp.d0007.lit", A, 5269);
        assert_eq!(host.records, [a("xmpp.d0007.lit", address("d", 7))]);
        assert_eq!(said("xmpp.d0007.lit", 28, 5269), nothing(0));
        assert_eq!(said("_xmpps-server._tcp.d0007.lit", SRV, 5269), nothing(NXDOMAIN));
        assert_eq!(said("example.org", A, 5269), nothing(NXDOMAIN));
    }

    #[test]
    fn aliases_have_no_end() {
        let first = said("_xmpp-server._tcp.alias0001.lit", SRV, 1);
        assert_eq!(first.records, [cname("_xmpp-server._tcp.alias0001.lit", "step1.alias0001.lit")]);
        let next = said("step41.alias0001.lit", A, 1);
        assert_eq!(next.records, [cname("step41.alias0001.lit", "step42.alias0001.lit")]);
    }

    #[tokio::test]
    async fn rfc1035_4_2_1_long_answers_come_over_tcp() {
        let mut query = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(written("xmpp.addresses0001.lit"));
        query.extend([0, 1, 0, 1]);
        let short = answer(&query, 5269, true).await.unwrap();
        assert_eq!((short.len(), short[2] & 2), (query.len(), 2));
        let long = answer(&query, 5269, false).await.unwrap();
        assert_eq!(u16::from_be_bytes([long[6], long[7]]), 3500);
        assert_eq!(long.len(), query.len() + 3500 * 16);
    }
}
