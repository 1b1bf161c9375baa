//! RFC 6120 §13.12: whatever is sent, how often ever, the server's memory stays what it was.
//!
//! Each test has the server for itself but for the bystanders.

use std::io::Write;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::attack::*;
use super::bystanders::Bystanders;
use super::corpus;
use super::process::{Memory, Process};
use crate::harness::*;

/// Rounds of the whole corpus that are measured, after one that is not.
const ROUNDS: usize = 2;
/// So much more may be resident after the measured rounds, in which some hundred MiB are sent.
const GROWTH_MAX: i64 = 8 * 1024;
/// So much more than before may be resident at the worst moment, with four attacks at a time.
const PEAK_MAX: i64 = 48 * 1024;
/// For a connection before login, in whatever state it is left.
const HALF_OPEN_MAX: i64 = 48;
/// How long memory may take to come back after connections have ended.
const PATIENCE: Duration = Duration::from_secs(15);

/// The least that is resident within two seconds, in which connections that have ended are cleared away.
pub(super) fn at_rest(server: &Process) -> Memory {
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut least = server.memory();
    while Instant::now() < deadline {
        Bystanders::get().still_chat();
        let memory = server.memory();
        if memory.resident < least.resident {
            least = memory;
        }
    }
    least
}

/// Waits until no more than that is resident, and returns what is.
pub(super) fn settled(server: &Process, max: i64) -> Memory {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let memory = server.memory();
        if memory.resident <= max || Instant::now() > deadline {
            return memory;
        }
        Bystanders::get().still_chat();
    }
}

/// The whole corpus at all places, on four connections at a time. What they lead to is the matter of other tests.
fn round() {
    let files = ["ill-formed.txt", "refused.txt", "endless.txt", "accepted.txt"];
    let cases: Vec<_> = files.into_iter().flat_map(corpus::read).collect();
    let places = [Place::BeforeTls, Place::BeforeLogin, Place::AfterLogin];
    thread::scope(|scope| {
        for worker in 0..4 {
            let mine = cases.iter().skip(worker).step_by(4);
            scope.spawn(move || {
                for (case, place) in mine.flat_map(|case| places.map(|place| (case, place))) {
                    // Fails when the server does something wrong, which other tests judge.
                    drop(catch_unwind(AssertUnwindSafe(|| {
                        send_and_see(&enter(place), &case.bytes, place == Place::AfterLogin)
                    })));
                }
            });
        }
    });
    Bystanders::get().still_chat();
}

/// The corpus again and again.
#[test]
fn rfc6120_13_12_the_corpus_leaves_nothing_behind() {
    let _alone = alone();
    let server = Process::of_subject();
    Bystanders::get().still_chat();
    round();
    let before = at_rest(&server);
    server.forget_peak();
    for _ in 0..ROUNDS {
        round();
    }
    let after = settled(&server, before.resident + GROWTH_MAX);
    let (exchanged, slowest) = Bystanders::get().tally();
    println!(
        "resident {} KiB, after {ROUNDS} rounds {} KiB, at most {} KiB",
        before.resident, after.resident, after.peak
    );
    println!("the bystanders exchanged {exchanged} messages, the slowest took {slowest:?}");
    assert!(after.resident <= before.resident + GROWTH_MAX, "{before:?} became {after:?}");
    assert!(after.peak <= before.resident + PEAK_MAX, "{before:?} became {after:?}");
}

/// Connections by the thousand that never become streams, in all the states that cost something.
#[test]
fn rfc6120_13_12_two_thousand_half_open_connections() {
    const COUNT: i64 = 2000;
    let _alone = alone();
    let server = Process::of_subject();
    Bystanders::get().still_chat();
    drop(half_open(COUNT));
    let before = at_rest(&server);
    let open = half_open(COUNT);
    let with_them = server.memory();
    Bystanders::get().still_chat();
    drop(open);
    let after = settled(&server, before.resident + GROWTH_MAX);
    println!(
        "resident {} KiB, with {COUNT} half-open {} KiB, then {} KiB",
        before.resident, with_them.resident, after.resident
    );
    assert!(with_them.resident <= before.resident + COUNT * HALF_OPEN_MAX, "{before:?} became {with_them:?}");
    assert!(after.resident <= before.resident + GROWTH_MAX, "{before:?} became {after:?}");
}

/// Opens so many, a quarter each: nothing sent, half a header, a whole header, half a ClientHello.
fn half_open(count: i64) -> Vec<TcpStream> {
    let header = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    let half = header.replace('>', &"a='1' ".repeat(100));
    let subject = Subject::get();
    let states: [(u16, &[u8]); 4] = [
        (subject.c2s, b""),
        (subject.c2s, half.as_bytes()),
        (subject.c2s, header.as_bytes()),
        (subject.c2s_tls, &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    ];
    let open = (0..count).zip(states.iter().cycle()).map(|(number, (port, bytes))| {
        let mut socket = TcpStream::connect(("127.0.0.1", *port)).expect("it still accepts connections");
        socket.write_all(bytes).expect("it is open");
        if number % 200 == 0 {
            Bystanders::get().still_chat();
        }
        socket
    });
    open.collect()
}

/// Who asks and never reads the answers is read no further, or thrown out; what waits for it is bounded.
#[test]
fn rfc6120_13_12_answers_that_nobody_reads() {
    const REQUESTS: usize = 50_000;
    let _alone = alone();
    let server = Process::of_subject();
    let conn = enter(Place::AfterLogin);
    Bystanders::get().still_chat();
    let before = server.memory();
    let ping = "<iq type='get' id='unread' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
    let request = ping.repeat(100);
    // Writing fails when the server reads no more, which is what it should come to.
    let written = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..REQUESTS / 100 {
            conn.send(&request);
        }
    }));
    let after = server.memory();
    println!(
        "all written: {}, resident {} KiB, then {} KiB",
        written.is_ok(),
        before.resident,
        after.resident
    );
    assert!(after.resident <= before.resident + PEAK_MAX, "{before:?} became {after:?}");
    Bystanders::get().still_chat();
}

/// Who never reads what others send is thrown out when too much waits; the others do not wait with it.
#[test]
fn rfc6120_13_12_messages_that_nobody_reads() {
    const MESSAGES: usize = 300;
    let _alone = alone();
    let server = Process::of_subject();
    let (deaf, loud) = (online(), online());
    Bystanders::get().still_chat();
    let before = server.memory();
    let body = "b".repeat(100_000);
    for number in 0..MESSAGES {
        send!(loud, "<message to='{deaf}' type='headline' id='m{number}'><body>{body}</body></message>");
    }
    // Not a barrier: the deaf one would read.
    loud.ping();
    let after = server.memory();
    println!("resident {} KiB, then {} KiB", before.resident, after.resident);
    assert!(after.resident <= before.resident + PEAK_MAX, "{before:?} became {after:?}");
    Bystanders::get().still_chat();
}
