//! Servers that let streams be opened to them and then mean no good.

use std::net::TcpListener;

use crate::raw::Raw;
use crate::server::Client;
use crate::{Stage, stage};

const UNASKED: &str = "<presence from='juliet@theirs.lit' to='romeo@ours.lit'/>";

/// The server of theirs.lit, without TLS.
struct Host {
    listener: TcpListener,
}

impl Host {
    /// And the server under test, which has a few more lines in `[modules.s2s]` of its config.
    fn start(more: &str) -> (Self, Stage) {
        let stage = stage(&format!("[modules.s2s]\nallow_plaintext = ['theirs.lit']\n{more}"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        stage.dns.service("_xmpp-server._tcp.theirs.lit", port, "localhost");
        (Self { listener }, stage)
    }

    /// The next stream to us, up to the key that is to be looked into.
    fn asked(&self) -> Raw {
        let mut raw = Raw::accepted(self.listener.accept().expect("somebody connects").0);
        raw.until("<stream:stream");
        raw.send(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
             xmlns:db='jabber:server:dialback' from='theirs.lit' to='ours.lit' id='one' version='1.0'>\
             <stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>",
        );
        raw.until("</db:result>");
        raw
    }

    /// … and proven.
    fn proven(&self) -> Raw {
        let mut raw = self.asked();
        raw.send("<db:result from='theirs.lit' to='ours.lit' type='valid'/>");
        raw
    }
}

fn chat(client: &mut Client, body: &str) {
    client.send(&format!("<message to='juliet@theirs.lit' type='chat'><body>{body}</body></message>"));
}

/// On a stream of ours nothing comes back without XEP-0288; what did not arrive for sure is sent again.
#[test]
fn rfc6120_4_5_a_stanza_on_a_stream_of_ours_ends_it() {
    let (host, stage) = Host::start("");
    let mut romeo = stage.ours.client("romeo");
    chat(&mut romeo, "first");
    for _ in 0..2 {
        let mut raw = host.proven();
        raw.until("<body>first</body>");
        raw.send(UNASKED);
        raw.ends_with("invalid-from");
    }
    // What is no stanza is ignored.
    let mut raw = host.proven();
    raw.until("<body>first</body>");
    raw.send("<hello xmlns='urn:example:hello'/>");
    chat(&mut romeo, "second");
    raw.until("<body>second</body>");
}

#[test]
fn who_sends_anything_but_an_answer_is_given_up() {
    let (host, stage) = Host::start("queue_time_max = '1 s'");
    let mut romeo = stage.ours.client("romeo");
    chat(&mut romeo, "lost");
    let mut raw = host.asked();
    // Up to then an answer counts.
    raw.send(&UNASKED.repeat(10));
    let error = romeo.until("</message>");
    assert!(error.contains("remote-server-timeout") && error.contains("nobody had asked for"), "{error}");
}

#[test]
fn an_answer_counts_among_a_few_other_things() {
    let (host, stage) = Host::start("");
    let mut romeo = stage.ours.client("romeo");
    chat(&mut romeo, "first");
    let mut raw = host.asked();
    raw.send(&"<hello xmlns='urn:example:hello'/>".repeat(9));
    raw.send("<db:result from='theirs.lit' to='ours.lit' type='valid'/>");
    raw.until("<body>first</body>");
}

/// Its streams open, and carry nothing: patience ends as it does with one that cannot be reached.
#[test]
fn patience_ends_with_a_server_whose_streams_are_good_for_nothing() {
    let (host, stage) = Host::start("queue_time_max = '3 s'");
    let mut romeo = stage.ours.client("romeo");
    chat(&mut romeo, "lost");
    std::thread::spawn(move || {
        loop {
            let mut raw = host.proven();
            raw.until("<body>lost</body>");
            // It goes without a word.
            drop(raw);
        }
    });
    let error = romeo.until("</message>");
    assert!(error.contains("remote-server-timeout") && error.contains("good for nothing"), "{error}");
}

/// Streams that never stop sending, before a proof or after it, take turns, and the others do not.
#[test]
fn those_who_never_stop_wait_for_each_other_only() {
    let stage = stage("[modules.s2s]\nturns_max = 1");
    let (mut romeo, mut juliet) = (stage.ours.client("romeo"), stage.ours.client("juliet"));
    let floods: Vec<_> = (0..8)
        .map(|number| {
            let mut raw = stage.proven_as(&format!("flood{number}.lit"));
            let stanza = format!(
                "<message from='x@flood{number}.lit' to='nobody@ours.lit' type='chat'><body>Junk</body></message>"
            );
            std::thread::spawn(move || while raw.try_send(&stanza.repeat(200)) {})
        })
        .collect();
    let mut raw = stage.proven();
    for number in 0..20 {
        crate::say(&mut romeo, &mut juliet, &format!("in between {number}"));
        raw.send(&crate::hello("juliet@theirs.lit/r", "romeo@ours.lit"));
        romeo.until("juliet@theirs.lit/r");
    }
    drop(stage);
    floods.into_iter().for_each(|flood| flood.join().expect("it ends with the server"));
}
