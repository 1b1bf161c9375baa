//! Many sessions in one process, without sockets: what each keeps in memory, and whether their number makes messages
//! dearer. Each has an account, a roster and presence, and the modules of a host are on, but for the archive.
//!
//! `cargo bench --bench sessions -- 100 50000 1000000` prints for each number `inmemory_NUMBER KIB BYTES-EACH`, then
//! `inmemory_chat_NUMBER CPU-µs`: fifty pairs talk, the others do nothing; and `inmemory_chat_all_NUMBER CPU-µs`:
//! everyone writes to somebody far away, so that nothing is found in the processor's caches.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::fs;

use waxwing_core::{Next, SessionRef};
use waxwing_testkit::{TestClient, TestServer};
use waxwing_xmpp::Stanza;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOST: &str = "capulet.lit";
const PAIRS: usize = 50;
const MESSAGES: usize = 300_000;
/// Far enough apart for one not to be found beside the other.
const STRIDE: usize = 7919;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&numbers));
}

async fn run(numbers: &[usize]) {
    let server = server().await;
    let mut clients: Vec<TestClient> = Vec::with_capacity(numbers.iter().copied().max().unwrap_or_default());
    let before = resident_kib();
    for wanted in numbers.iter().copied() {
        for number in clients.len()..wanted {
            let client = server.online(&format!("user{number}@{HOST}/phone")).await;
            clients.push(client);
        }
        let now = resident_kib();
        let each = now.saturating_sub(before) * 1024 / u64::try_from(wanted).unwrap().max(1);
        println!("inmemory_{wanted} {now} {each}");
        // Once for what is done only once.
        for counted in [false, true] {
            let pairs = PAIRS.min(wanted / 2);
            let near = chat(&server, &clients, |turn| (turn % pairs * 2, turn % pairs * 2 + 1)).await;
            let far = chat(&server, &clients, |turn| (turn % wanted, (turn + 1) * STRIDE % wanted)).await;
            if counted {
                println!("inmemory_chat_{wanted} {near:.3}");
                println!("inmemory_chat_all_{wanted} {far:.3}");
            }
        }
    }
}

async fn server() -> TestServer {
    TestServer::host(HOST)
        .with::<waxwing_roster::Rosters>()
        .with::<waxwing_presence::Presence>()
        .with::<waxwing_log::Log>()
        .with::<waxwing_sm::Sm>()
        .with::<waxwing_carbons::Carbons>()
        .with::<waxwing_csi::Csi>()
        .with::<waxwing_blocking::Blocking>()
        .with::<waxwing_disco::Disco>()
        .with::<waxwing_joined::Joined>()
        .with::<waxwing_vcard::VCard>()
        .with::<waxwing_private::Private>()
        .with::<waxwing_last::Last>()
        .start()
        .await
}

/// CPU of one message from full JID to full JID, in microseconds: scanned, routed, taken.
async fn chat(server: &TestServer, clients: &[TestClient], of_turn: impl Fn(usize) -> (usize, usize)) -> f64 {
    let router = server.server().shared().router();
    let before = cpu_us();
    for turn in 0..MESSAGES {
        let (from, to) = of_turn(turn);
        let (Some(from), Some(to)) = (clients.get(from), clients.get(to)) else { continue };
        let stanza = Stanza::parse(&message(to.session().jid().as_ref())).unwrap();
        router.from_client(from.session(), stanza).await.unwrap();
        assert!(take(to.session()) > 0, "a message must arrive");
    }
    let spent = u32::try_from(cpu_us() - before).unwrap_or(u32::MAX);
    f64::from(spent) / f64::from(u32::try_from(MESSAGES).unwrap_or(u32::MAX))
}

fn message(to: &str) -> String {
    format!(
        "<message to='{to}' type='chat' id='c0ffee42'><body>The quick brown fox jumps over the lazy dog, and then it \
         has a rest.</body></message>"
    )
}

/// Takes all that waits, as a connection does.
fn take(session: &SessionRef) -> usize {
    let mut count = 0;
    while let Next::Stanza(_) = session.next() {
        count += 1;
    }
    session.flushed();
    count
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// User and system time of this process; the kernel counts in hundredths of a second.
fn cpu_us() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>() * 10_000
}
