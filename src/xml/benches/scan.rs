//! What it costs to verify a stanza: nanoseconds and allocations per stanza (`cargo bench -p waxwing-xml`).
#![expect(clippy::expect_used, reason = "a benchmark that fails is to stop")]

use divan::{AllocProfiler, Bencher, black_box};
use waxwing_xml::{Framing, Item, Limits, Scanner};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const HEADER: &str = "<stream:stream to='capulet.lit' version='1.0' xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams'>";

const CHAT: &str = "<message to='romeo@montague.lit/orchard' type='chat' id='ktx72v49' xml:lang='en'>\
     <body>Art thou not Romeo, and a Montague? Wherefore art thou here, so late?</body>\
     <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>\
     <origin-id xmlns='urn:xmpp:sid:0' id='de305d54-75b4-431b-adb2-eb6b9e546013'/></message>";

const PRESENCE: &str = "<presence id='e7a1'><show>away</show><status>be right back</status><priority>5</priority>\
     <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://dino.im' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>\
     <x xmlns='vcard-temp:x:update'><photo>6f4a1e8cbb1d6ff6a6d1bd6ffb6f1e0a9d0dcbd1</photo></x>\
     <idle xmlns='urn:xmpp:idle:1' since='1969-07-21T02:56:15Z'/></presence>";

const MUC: &str = "<message from='coven@chat.shakespeare.lit/thirdwitch' to='crone1@shakespeare.lit/desktop' \
     type='groupchat' id='7C1DB3B4-3A0E-4B42-8C3F-6C8E4D1C6A0B'><body>Thrice the brinded cat hath mew&apos;d.</body>\
     <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant'/></x>\
     <occupant-id xmlns='urn:xmpp:occupant-id:0' id='dd72603deec90a38ba552f7c68cbcc61bca202cd'/>\
     <stanza-id xmlns='urn:xmpp:sid:0' id='5f3dbc5e-e1d3-4077-a492-693f3769c7ad' by='coven@chat.shakespeare.lit'/>\
     <origin-id xmlns='urn:xmpp:sid:0' id='7C1DB3B4-3A0E-4B42-8C3F-6C8E4D1C6A0B'/></message>";

const CYRILLIC: &str = "<message to='romeo@montague.lit/orchard' type='chat' id='ktx72v49'>\
     <body>Любви, надежды, тихой славы недолго нежил нас обман</body></message>";

const SLOW: &str =
    "<message to='romeo@montague.lit' xmlns:p='urn:x'><body>one\r\ntwo</body><p:x><p:y/></p:x></message>";

fn avatar() -> String {
    let data = "iVBORw0KGgoAAAANSUhEUgAAAGAAAABgCAYAAADimHc4".repeat(465);
    format!(
        "<iq type='set' id='publish1'><pubsub xmlns='http://jabber.org/protocol/pubsub'>\
         <publish node='urn:xmpp:avatar:data'><item id='111f4b3c50d7b0df729d299bc6f8e9ef9066971f'>\
         <data xmlns='urn:xmpp:avatar:data'>{data}</data></item></publish></pubsub></iq>"
    )
}

fn scan(bencher: Bencher<'_, '_>, stanza: &str) {
    let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
    scanner.scan(&mut HEADER.as_bytes()).expect("a header");
    bencher.counter(divan::counter::BytesCount::of_str(stanza)).bench_local(|| {
        let mut input = black_box(stanza).as_bytes();
        let item = scanner.scan(&mut input).expect("a stanza");
        assert!(matches!(item, Some(Item::Element(_))));
        item
    });
}

#[divan::bench(sample_count = 200, sample_size = 200)]
fn chat(bencher: Bencher<'_, '_>) {
    scan(bencher, CHAT);
}

#[divan::bench(sample_count = 200, sample_size = 200)]
fn presence(bencher: Bencher<'_, '_>) {
    scan(bencher, PRESENCE);
}

#[divan::bench(sample_count = 200, sample_size = 200)]
fn muc(bencher: Bencher<'_, '_>) {
    scan(bencher, MUC);
}

#[divan::bench(sample_count = 200, sample_size = 200)]
fn cyrillic(bencher: Bencher<'_, '_>) {
    scan(bencher, CYRILLIC);
}

#[divan::bench(sample_count = 200, sample_size = 200)]
fn slow_path(bencher: Bencher<'_, '_>) {
    scan(bencher, SLOW);
}

#[divan::bench(sample_count = 200, sample_size = 200)]
fn avatar_20_kb(bencher: Bencher<'_, '_>) {
    scan(bencher, &avatar());
}

/// A chat message byte by byte.
#[divan::bench(sample_count = 50, sample_size = 20)]
fn chat_dribble(bencher: Bencher<'_, '_>) {
    let mut scanner = Scanner::new(Framing::Stream, Limits::CLIENT);
    scanner.scan(&mut HEADER.as_bytes()).expect("a header");
    bencher.bench_local(|| {
        CHAT.as_bytes().chunks(1).filter_map(|mut byte| scanner.scan(&mut byte).expect("no error")).count()
    });
}

/// For comparison: what quick-xml's events alone cost, which prove little.
#[divan::bench(sample_count = 200, sample_size = 200)]
fn chat_by_quick_xml(bencher: Bencher<'_, '_>) {
    bencher.counter(divan::counter::BytesCount::of_str(CHAT)).bench_local(|| {
        let mut reader = quick_xml::NsReader::from_str(black_box(CHAT));
        let mut events = 0;
        loop {
            match reader.read_resolved_event().expect("no error") {
                (_, quick_xml::events::Event::Eof) => return events,
                (_, quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start)) => {
                    events += 1 + start.attributes().filter(Result::is_ok).count();
                }
                _ => events += 1,
            }
        }
    });
}
