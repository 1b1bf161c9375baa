//! What rooms weigh: resident bytes per persistent room that is loaded and empty, and per occupant.
//!
//! `cargo bench -p waxwing-muc --bench memory`

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use waxwing_core::Next;
use waxwing_log::Log;
use waxwing_muc::Muc;
use waxwing_testkit::{TestClient, TestServer};

const ROOMS: usize = 2000;
const OCCUPANTS: usize = 2000;
const MUC: &str = "http://jabber.org/protocol/muc";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = TestServer::host("shakespeare.lit")
        .with::<Muc>()
        .with::<Log>()
        .module_config("muc", "rooms_per_user_max = 10000")
        .config(|config| config.limits.exempt = vec!["127.0.0.0/8".parse().unwrap()])
        .start()
        .await;
    let mut owner = server.login("owner@shakespeare.lit/r").await;
    let before = resident();
    for number in 0..ROOMS {
        let room = format!("room{number}@conference.shakespeare.lit");
        make(&mut owner, &room).await;
        owner.send(&format!("<presence type='unavailable' to='{room}/owner'/>")).await;
        take(&owner);
    }
    // The store in memory holds their rows as well.
    println!("a persistent room, loaded, with its rows in memory: {} bytes", (resident() - before) / ROOMS);
    let room = "full@conference.shakespeare.lit";
    make(&mut owner, room).await;
    let mut clients = Vec::new();
    for number in 0..OCCUPANTS {
        clients.push(server.login(&format!("user{number}@shakespeare.lit/r")).await);
    }
    let before = resident();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&format!("<presence to='{room}/nick{number}'><x xmlns='{MUC}'/></presence>")).await;
        tokio::task::yield_now().await;
    }
    for client in clients.iter().chain([&owner]) {
        take(client);
    }
    println!("an occupant, with its row in memory: {} bytes", resident().saturating_sub(before) / OCCUPANTS);
}

async fn make(owner: &mut TestClient, room: &str) {
    owner.send(&format!("<presence to='{room}/owner'><x xmlns='{MUC}'/></presence>")).await;
    let field =
        |var: &str, value: &str| format!("<field var='muc#roomconfig_{var}'><value>{value}</value></field>");
    let form = field("persistentroom", "1") + &field("maxusers", "2000");
    let query =
        format!("<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'>{form}</x></query>");
    owner.send(&format!("<iq type='set' id='1' to='{room}'>{query}</iq>")).await;
    take(owner);
}

fn take(client: &TestClient) {
    while let Next::Stanza(_) = client.session().next() {}
    client.session().flushed();
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
