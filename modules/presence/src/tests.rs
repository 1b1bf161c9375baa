//! Tests with two hosts of one server; what a stanza causes has happened when `send` returns.

mod broadcast;
mod directed;
mod probe;
mod requests;
mod subscriptions;

use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};

use super::*;

const ROMEO: &str = "romeo@example.net";
const ORCHARD: &str = "romeo@example.net/orchard";
const JULIET: &str = "juliet@example.com";
const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";

fn builder() -> TestServerBuilder {
    TestServer::host("example.com").and_host("example.net").with::<Rosters>().with::<Presence>()
}

/// A session that asked for the roster and is available: it gets requests and pushes.
async fn online(server: &TestServer, jid: &str) -> TestClient {
    let mut client = server.login(jid).await;
    client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>").await;
    client.send("<presence/>").await;
    client.forget();
    client
}

/// `user` asks, `contact` says yes.
async fn subscribe(user: &mut TestClient, contact: &mut TestClient) {
    let bare = |client: &TestClient| client.session().account().jid().as_str().to_owned();
    user.send(&format!("<presence type='subscribe' to='{}'/>", bare(contact))).await;
    contact.send(&format!("<presence type='subscribed' to='{}'/>", bare(user))).await;
    user.forget();
    contact.forget();
}

/// Both ways.
async fn befriend(one: &mut TestClient, other: &mut TestClient) {
    subscribe(one, other).await;
    subscribe(other, one).await;
}

fn push(to: &str, item: &str) -> String {
    format!(
        "<iq type='set' id='{{any}}' to='{to}'><query xmlns='jabber:iq:roster' ver='{{any}}'>{item}</query></iq>"
    )
}

fn presence(from: &str, to: &str, kind: &str) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!(" type='{kind}'") };
    format!("<presence from='{from}' to='{to}'{kind}/>")
}

fn state(client: &TestClient, contact: &str) -> waxwing_roster::State {
    let account = client.session().account();
    let service = account.host().service::<RosterService>().unwrap();
    futures_free(service.load(account)).state(&BareJid::parse(contact).unwrap())
}

/// A roster that was loaded before needs no waiting.
fn futures_free<'a>(load: impl Future<Output = Result<&'a Roster, StoreError>>) -> &'a Roster {
    let mut load = std::pin::pin!(load);
    match load.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(roster) => roster.unwrap(),
        std::task::Poll::Pending => panic!("the roster is not loaded"),
    }
}
