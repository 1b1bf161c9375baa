//! What a chat message costs on its way: `cargo bench -p waxwing-xmpp`.

#![expect(clippy::panic, reason = "a benchmark without its input shows nothing")]

use divan::{Bencher, black_box};
use waxwing_xml::{Framing, Item, Limits, Scanner};
use waxwing_xmpp::{Jid, Stanza};

fn main() {
    divan::main();
}

const HEADER: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// 300 bytes, as a client of today writes them.
const CHAT: &str = "<message type='chat' id='4f5a0a3e-7c1b-4a53-9d6e-0c0a8a3e1b2d' to='juliet@capulet.example' xml:lang='en'>\
    <body>Art thou not Romeo, and a Montague?</body><active xmlns='http://jabber.org/protocol/chatstates'/>\
    <request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>";

const LIMITS: Limits = Limits {
    element_bytes: 262_144,
    skip_bytes: 1 << 20,
    depth: 64,
    attributes: 64,
    name_bytes: 256,
    attribute_bytes: 8192,
    children: 256,
    strict: false,
};

fn scanner() -> Scanner {
    let mut scanner = Scanner::new(Framing::Stream, LIMITS);
    assert!(matches!(scanner.scan(&mut &HEADER[..]), Ok(Some(Item::Root(_)))));
    scanner
}

fn read(scanner: &mut Scanner, xml: &str) -> Stanza {
    match scanner.scan(&mut xml.as_bytes()) {
        Ok(Some(Item::Element(element))) => match Stanza::from_element(element, None) {
            Some(Ok(stanza)) => stanza,
            other => panic!("no stanza: {other:?}"),
        },
        other => panic!("no element: {other:?}"),
    }
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let mut scanner = scanner();
    bencher.bench_local(|| read(&mut scanner, black_box(CHAT)));
}

/// Parse, stamp `from`, write: one hop.
#[divan::bench]
fn parse_stamp_write(bencher: Bencher<'_, '_>) {
    let mut scanner = scanner();
    let from = Jid::parse("romeo@montague.example/orchard").ok();
    let mut out = Vec::with_capacity(65_536);
    bencher.bench_local(|| {
        let mut stanza = read(&mut scanner, black_box(CHAT));
        stanza.from.clone_from(&from);
        out.clear();
        stanza.write(&mut out, None);
        out.len()
    });
}

/// One room message to 1,000 occupants, into one buffer each time anew.
#[divan::bench]
fn fan_out_1000(bencher: Bencher<'_, '_>) {
    let stanza = read(&mut scanner(), CHAT);
    let occupants: Vec<Jid> =
        (0..1000).filter_map(|n| Jid::parse(&format!("user{n}@capulet.example/balcony")).ok()).collect();
    assert_eq!(occupants.len(), 1000);
    let mut out = Vec::with_capacity(1 << 20);
    bencher.bench_local(|| {
        out.clear();
        for to in &occupants {
            stanza.write_with_to(to, &mut out, None);
        }
        out.len()
    });
}

#[divan::bench(args = ["juliet@capulet.example", "juliet@capulet.example/balcony.8f3a", "Juliet@Capulet.Example/Balcony", "jülïet@capulet.example/Bälcony"])]
fn jid(text: &str) -> Option<Jid> {
    Jid::parse(black_box(text)).ok()
}

#[divan::bench]
fn jid_clone(bencher: Bencher<'_, '_>) {
    let jid = Jid::parse("juliet@capulet.example/balcony").ok();
    bencher.bench_local(|| black_box(&jid).clone());
}

#[divan::bench]
fn store_write_and_read(bencher: Bencher<'_, '_>) {
    let stanza = read(&mut scanner(), CHAT);
    bencher.bench_local(|| Stanza::from_store_bytes(&black_box(&stanza).to_store_bytes()));
}
