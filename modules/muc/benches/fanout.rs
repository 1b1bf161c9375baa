//! What a room costs: one message to all of a thousand occupants, past the gates of their host until it is in all
//! mailboxes, and one more who enters.
//!
//! `cargo bench -p waxwing-muc`

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use divan::Bencher;
use waxwing_blocking::Blocking;
use waxwing_core::{Next, SessionRef};
use waxwing_log::Log;
use waxwing_mam::Mam;
use waxwing_muc::Muc;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestServer};
use waxwing_xmpp::Stanza;

const OCCUPANTS: usize = 1000;
const ROOM: &str = "coven@conference.shakespeare.lit";
const MUC: &str = "http://jabber.org/protocol/muc";

fn main() {
    divan::main();
}

struct Room {
    runtime: tokio::runtime::Runtime,
    server: TestServer,
    clients: Vec<TestClient>,
}

/// A room that is full of people; `logging`: whether it has an archive.
fn room(logging: bool) -> Room {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = TestServer::host("shakespeare.lit")
        .with::<Muc>()
        .with::<Log>()
        .with::<Mam>()
        .with::<Blocking>()
        .with::<Presence>()
        .with::<Rosters>()
        .config(|config| config.limits.exempt = vec!["127.0.0.0/8".parse().unwrap()]);
    let server = runtime.block_on(server.start());
    let mut clients = Vec::new();
    for number in 0..OCCUPANTS {
        let mut client = runtime.block_on(server.login(&format!("user{number}@shakespeare.lit/r")));
        runtime.block_on(client.send(&entering(number)));
        if number == 0 {
            let archive = u8::from(logging);
            let field = |var: &str, value: &str| {
                format!("<field var='muc#roomconfig_{var}'><value>{value}</value></field>")
            };
            let fields = field("enablelogging", &archive.to_string()) + &field("maxusers", "2000");
            let form = format!("<x xmlns='jabber:x:data' type='submit'>{fields}</x>");
            let query = format!("<query xmlns='{MUC}#owner'>{form}</query>");
            runtime.block_on(client.send(&format!("<iq type='set' id='1' to='{ROOM}'>{query}</iq>")));
        }
        clients.push(client);
        clients.iter().for_each(|client| take(client.session()));
    }
    Room { runtime, server, clients }
}

fn entering(number: usize) -> String {
    format!("<presence to='{ROOM}/nick{number}'><x xmlns='{MUC}'/></presence>")
}

/// Takes all that waits, as a connection does.
fn take(session: &SessionRef) {
    while let Next::Stanza(_) = session.next() {}
    session.flushed();
}

/// Waits until everybody has something: what is more than a few copies a task of the room sends.
async fn all_have_some(sessions: &[&SessionRef]) {
    for session in sessions {
        while session.mailbox().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

fn message_to_all(bencher: Bencher<'_, '_>, logging: bool) {
    let room = room(logging);
    let body = "x".repeat(120);
    let message = Stanza::parse(&format!(
        "<message type='groupchat' id='ab12' to='{ROOM}'><body>{body}</body></message>"
    ))
    .unwrap();
    let router = room.server.server().shared().router();
    let sessions: Vec<&SessionRef> = room.clients.iter().map(TestClient::session).collect();
    bencher.counter(OCCUPANTS).bench_local(|| {
        room.runtime.block_on(async {
            router.from_client(sessions.first().unwrap(), message.clone()).await.unwrap();
            all_have_some(&sessions).await;
        });
        sessions.iter().for_each(|session| take(session));
    });
}

#[divan::bench]
fn message_to_1000(bencher: Bencher<'_, '_>) {
    message_to_all(bencher, false);
}

#[divan::bench]
fn archived_message_to_1000(bencher: Bencher<'_, '_>) {
    message_to_all(bencher, true);
}

/// Presence of all for one, and of one for all; and the same at the end.
#[divan::bench]
fn one_of_1000_enters_and_leaves(bencher: Bencher<'_, '_>) {
    let room = room(false);
    let sessions: Vec<&SessionRef> = room.clients.iter().map(TestClient::session).collect();
    let mut guest = room.runtime.block_on(room.server.login("guest@shakespeare.lit/r"));
    let (enter, leave) =
        (entering(OCCUPANTS), format!("<presence type='unavailable' to='{ROOM}/nick{OCCUPANTS}'/>"));
    bencher.counter(3 * OCCUPANTS).bench_local(|| {
        for stanza in [&enter, &leave] {
            room.runtime.block_on(async {
                guest.send(stanza).await;
                all_have_some(&sessions).await;
            });
            take(guest.session());
            sessions.iter().for_each(|session| take(session));
        }
    });
}
