//! What the router costs: one chat message from session to mailbox, and one message to a thousand sessions.
//!
//! `cargo bench -p waxwing-core`

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use divan::Bencher;
use waxwing_core::{Custody, Next, Origin, ResourceConflict, SessionRef};
use waxwing_testkit::TestServer;
use waxwing_xmpp::Stanza;

fn main() {
    divan::main();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Takes all that waits, as a connection does.
fn take(session: &SessionRef) {
    while let Next::Stanza(_) = session.next() {}
    session.flushed();
}

fn chat(to: &str) -> Stanza {
    let body = "x".repeat(120);
    Stanza::parse(&format!(
        "<message type='chat' to='{to}' id='ab12'><body>{body}</body><active xmlns='http://jabber.org/protocol/chatstates'/>\
         <request xmlns='urn:xmpp:receipts'/></message>"
    ))
    .unwrap()
}

/// From one local client to another's full JID, no modules: stamp, look-ups, plan, mailbox.
#[divan::bench]
fn route_chat_no_modules(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let server = runtime.block_on(TestServer::host("capulet.lit").start());
    let romeo = runtime.block_on(server.login("romeo@capulet.lit/orchard"));
    let juliet = runtime.block_on(server.login("juliet@capulet.lit/balcony"));
    let stanza = chat("juliet@capulet.lit/balcony");
    let router = server.server().shared().router();
    bencher.bench_local(|| {
        runtime.block_on(router.from_client(romeo.session(), stanza.clone())).unwrap();
        take(juliet.session())
    });
}

/// One message routed to a thousand sessions, as a room does it.
#[divan::bench]
fn fan_out_1000(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let server = runtime.block_on(TestServer::host("capulet.lit").start());
    let shared = server.server().shared();
    let host = shared.router().host("capulet.lit").unwrap();
    let peer = waxwing_core::Peer { address: [127, 0, 0, 1].into(), secure: true };
    let sessions: Vec<_> = (0..1000)
        .map(|number| {
            let account = runtime.block_on(host.account(&format!("user{number}"))).unwrap().unwrap();
            account.bind(Some("r"), ResourceConflict::ReplaceOld, peer).unwrap()
        })
        .collect();
    let stanza = chat("capulet.lit");
    bencher.counter(1000_usize).bench_local(|| {
        runtime.block_on(async {
            for session in &sessions {
                let copy = stanza.clone().to(session.jid().clone());
                shared.router().route(copy, Origin::Server, Custody::memory()).await;
            }
        });
        for session in &sessions {
            take(session);
        }
    });
}
