//! RFC 6120 §4.9.3.4 and §13.12: peers that take their time, or never do anything at all.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::attack::*;
use super::bystanders::Bystanders;
use crate::harness::*;

/// Between two bytes: often enough that no limit on silence helps.
const DRIP: Duration = Duration::from_millis(100);
/// The subjects are told to allow 10 seconds for a login; the rest is for a machine that is busy.
const LOGIN_MAX: Duration = Duration::from_secs(30);

/// Somebody who never gets to an end.
struct Slow {
    words: &'static str,
    conn: Conn,
    /// Sent a byte at a time, the last one again and again.
    bytes: &'static [u8],
    items: Vec<Item>,
    over: bool,
}

impl Slow {
    fn new(words: &'static str, conn: Conn, bytes: &'static [u8]) -> Self {
        Self { words, conn, bytes, items: Vec::new(), over: false }
    }

    fn drip(&mut self, count: usize) {
        if self.over {
            return;
        }
        if let Some(byte) = self.bytes.get(count).or(self.bytes.last()) {
            self.conn.send_bytes(&[*byte]);
        }
        while let Some(item) = self.conn.poll(Duration::from_micros(100)) {
            self.over = matches!(item, Item::Eof);
            self.items.push(item);
            if self.over {
                return;
            }
        }
    }
}

/// Before login all is limited in time: a header byte by byte, white space for ever, nothing at all.
#[test]
fn rfc6120_4_9_3_4_slow_streams_before_login() {
    let _turn = beside_others();
    let scram = Conn::secure();
    Scram::new("SCRAM-SHA-1", offender().0, "x").start(&scram);
    let mut all = [
        Slow::new("silence", Conn::plain(), b""),
        Slow::new("a header byte by byte", Conn::plain(), b"<stream:stream to='localhost' version='1.0' "),
        Slow::new("white space before a header", Conn::plain(), b" "),
        Slow::new("white space before TLS", enter(Place::BeforeTls), b" "),
        Slow::new("silence inside TLS", Conn::direct_tls(), b""),
        Slow::new("white space before login", enter(Place::BeforeLogin), b" "),
        Slow::new("a challenge that is not answered", scram, b" "),
        Slow::new("white space before binding", logged_in(), b" "),
    ];
    let begin = Instant::now();
    let mut count = 0;
    while all.iter().any(|slow| !slow.over) && begin.elapsed() < LOGIN_MAX {
        all.iter_mut().for_each(|slow| slow.drip(count));
        count += 1;
        if count % 10 == 0 {
            Bystanders::get().still_chat();
        }
        std::thread::sleep(DRIP);
    }
    for Slow { words, conn, items, over, .. } in all {
        assert!(over, "{words}: the connection stays open");
        // A header that is too long ends it as well.
        let expected = stream_error(&["connection-timeout", "policy-violation"]);
        see(&conn, items).check(&expected).unwrap_or_else(|problem| panic!("{words}: {problem}"));
    }
}

/// The same for the handshake of TLS: none begun, one begun, one byte by byte. There is no stream to write an error to.
#[test]
fn rfc6120_13_12_slow_handshakes() {
    let _turn = beside_others();
    let starttls = enter(Place::BeforeTls);
    starttls.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    starttls.expect_next("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    let mut silent = tls_port();
    let mut begun = tls_port();
    begun.write_all(&CLIENT_HELLO_START).expect("it is open");
    let mut dripping = tls_port();
    let begin = Instant::now();
    let mut hello = CLIENT_HELLO_START.iter().copied().chain(std::iter::repeat(0));
    let mut open = [true; 4];
    while open.contains(&true) && begin.elapsed() < LOGIN_MAX {
        // It may be closed by now, which the reading tells.
        drop(dripping.write_all(&[hello.next().unwrap_or_default()]));
        open = [
            open[0] && starttls.poll(Duration::from_millis(10)).is_none(),
            open[1] && is_open(&mut silent),
            open[2] && is_open(&mut begun),
            open[3] && is_open(&mut dripping),
        ];
        std::thread::sleep(DRIP);
    }
    assert_eq!(open, [false; 4], "after STARTTLS, silent, begun, byte by byte: stays open?");
    Bystanders::get().still_chat();
}

/// The beginning of a record that holds the beginning of a ClientHello of 508 bytes.
const CLIENT_HELLO_START: [u8; 11] = [22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

fn tls_port() -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", Subject::get().c2s_tls)).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_millis(10))).expect("a time above zero");
    socket
}

fn is_open(socket: &mut TcpStream) -> bool {
    match socket.read(&mut [0; 64]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// After login to be slow is no offence: a stanza that comes byte by byte arrives.
#[test]
fn rfc6120_11_a_stanza_byte_by_byte_after_login() {
    let _turn = beside_others();
    let (alice, bob) = (online(), online());
    let stanza = format!(
        "<message to='{bob}' id='1'><body a='&lt;'>\u{1f426} ]]&gt; <![CDATA[<]]]]></body></message>"
    );
    for byte in stanza.as_bytes() {
        alice.send_bytes(&[*byte]);
    }
    let message = bob.expect_next("<message id='1'/>");
    assert_eq!(message.need_child("body").text(), "\u{1f426} ]]> <]]");
    Bystanders::get().still_chat();
}
