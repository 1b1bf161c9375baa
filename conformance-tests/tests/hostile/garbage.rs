//! What is not TLS on a port for TLS, and connections that never become streams.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::attack::beside_others;
use super::bystanders::Bystanders;
use super::random::Random;
use crate::harness::*;

/// Sends bytes to the port for direct TLS, ends its side, and reads until the server has ended the other.
#[track_caller]
fn not_tls(bytes: &[u8]) {
    Bystanders::get().still_chat();
    let mut socket = TcpStream::connect(("127.0.0.1", Subject::get().c2s_tls)).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time above zero");
    // It may be closed before all is written.
    drop(socket.write_all(bytes));
    drop(socket.shutdown(Shutdown::Write));
    let mut reply = Vec::new();
    if let Err(error) = socket.read_to_end(&mut reply) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the connection stays open");
    }
    let reply = String::from_utf8_lossy(&reply);
    assert!(!reply.contains("stream:stream"), "the server answered in the clear: {reply}");
    Bystanders::get().still_chat();
}

/// XEP-0368 §2: nothing but TLS is spoken on this port.
#[test]
fn xep0368_2_a_stream_in_the_clear_on_the_tls_port() {
    let _turn = beside_others();
    not_tls(
        b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
          xmlns:stream='http://etherx.jabber.org/streams'>",
    );
}

/// RFC 8446 §5.1: records that are too long, of no known type, or cut short, and handshakes that make no sense.
#[test]
fn rfc8446_5_1_records_that_make_no_sense() {
    let _turn = beside_others();
    let mut random = Random::new(0x7150);
    let mut record = |kind: u8, claimed: u16, length: usize| {
        let mut bytes = vec![kind, 3, 1];
        bytes.extend_from_slice(&claimed.to_be_bytes());
        bytes.extend(random.bytes(length));
        bytes
    };
    let cases = [
        record(22, 512, 512),
        record(22, 65_535, 70_000),
        record(22, 16_000, 10),
        record(99, 100, 100),
        record(23, 100, 100),
        record(21, 2, 2),
        // A ClientHello that claims 16 MiB, in records that say nothing.
        [record(22, 4, 0), vec![1, 0xff, 0xff, 0xff], record(22, 16_384, 16_384).repeat(100)].concat(),
        Vec::new(),
        vec![22],
    ];
    for case in cases {
        not_tls(&case);
    }
}
