use waxwing_disco::Disco;
use waxwing_log::Log;
use waxwing_ping::Ping;
use waxwing_presence::Presence;
use waxwing_roster::Rosters;
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};
use waxwing_xmpp::Stanza;

use super::*;

mod administer;
mod archive;
mod create;
mod engine;
mod enter;
mod extras;
mod kept;
mod last;
mod limits;
mod many;
mod remote;
mod rules;
mod service;
mod talk;
mod together;
mod views;

pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
pub(crate) const USER: &str = "http://jabber.org/protocol/muc#user";
pub(crate) const COVEN: &str = "coven@conference.shakespeare.lit";

pub(crate) fn builder() -> TestServerBuilder {
    TestServer::host("shakespeare.lit")
        .and_host("macbeth.lit")
        .with::<Muc>()
        .with::<Log>()
        .with::<Disco>()
        .with::<Ping>()
        .with::<Presence>()
        .with::<Rosters>()
}

/// With keys of the service.
pub(crate) fn configured(keys: &str) -> TestServerBuilder {
    builder().module_config("muc", keys)
}

pub(crate) async fn server() -> TestServer {
    builder().start().await
}

/// A client that is available.
pub(crate) async fn client(server: &TestServer, name: &str) -> TestClient {
    let mut client = server.login(&format!("{name}@shakespeare.lit/r")).await;
    client.send("<presence/>").await;
    client.forget();
    client
}

/// All that waits for a client.
pub(crate) fn drain(client: &mut TestClient) -> Vec<Stanza> {
    std::iter::from_fn(|| client.waiting()).collect()
}

/// Enters a room; what comes is returned.
pub(crate) async fn enter(client: &mut TestClient, room: &str, nick: &str) -> Vec<Stanza> {
    client.send(&format!("<presence to='{room}/{nick}'><x xmlns='{MUC}'/></presence>")).await;
    drain(client)
}

/// Sends a request and gives the answer; what comes before stays away.
pub(crate) async fn ask(client: &mut TestClient, kind: &str, to: &str, payload: &str) -> Stanza {
    client.send(&format!("<iq type='{kind}' to='{to}' id='ask'>{payload}</iq>")).await;
    let all = drain(client);
    let answers = |stanza: &Stanza| matches!(stanza.kind, Kind::Iq(_)) && stanza.id.as_deref() == Some("ask");
    all.into_iter().find(answers).expect("an answer")
}

pub(crate) fn ok(stanza: &Stanza) {
    assert!(!stanza.is_error(), "{}", stanza.to_xml());
}

pub(crate) fn refused(stanza: &Stanza, condition: Condition) {
    let error = stanza.error().unwrap_or_else(|| panic!("no error: {}", stanza.to_xml()));
    assert_eq!(error.condition, condition, "{}", stanza.to_xml());
}

/// Makes a room that everybody may enter, with `hag` as its owner, who stays in it as `firstwitch`.
pub(crate) async fn coven(owner: &mut TestClient) {
    make(owner, COVEN, "").await;
}

/// Makes a room with these fields of the form.
pub(crate) async fn make(owner: &mut TestClient, room: &str, fields: &str) {
    enter(owner, room, "firstwitch").await;
    ok(&configure(owner, room, fields).await);
    owner.forget();
}

/// Submits the configuration form; `fields`: `name=value` by white space, without the prefix.
pub(crate) async fn configure(owner: &mut TestClient, room: &str, fields: &str) -> Stanza {
    let field = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("name=value");
        let var = if name.starts_with("muc#") { name.to_owned() } else { format!("muc#roomconfig_{name}") };
        let values: String = value.split(',').map(|value| format!("<value>{value}</value>")).collect();
        format!("<field var='{var}'>{values}</field>")
    };
    let fields: String = fields.split_whitespace().map(field).collect();
    let form_type = match fields.is_empty() {
        true => String::new(),
        false => format!("<field var='FORM_TYPE'><value>{MUC}#roomconfig</value></field>"),
    };
    let form = format!("<x xmlns='jabber:x:data' type='submit'>{form_type}{fields}</x>");
    ask(owner, "set", room, &format!("<query xmlns='{MUC}#owner'>{form}</query>")).await
}

pub(crate) async fn admin(client: &mut TestClient, room: &str, item: &str) -> Stanza {
    ask(client, "set", room, &format!("<query xmlns='{MUC}#admin'>{item}</query>")).await
}

/// The `<x/>` of the room in a stanza.
pub(crate) fn x(stanza: &Stanza) -> Tree {
    stanza.children.find(USER, "x").unwrap_or_else(|| panic!("no x: {}", stanza.to_xml())).tree()
}

pub(crate) fn codes(stanza: &Stanza) -> Vec<String> {
    let x = x(stanza);
    x.children_named(USER, "status").filter_map(|status| status.attr("code")).map(str::to_owned).collect()
}

/// An attribute of the `<item/>`.
pub(crate) fn item(stanza: &Stanza, name: &str) -> Option<String> {
    x(stanza).child(USER, "item").and_then(|item| item.attr(name)).map(str::to_owned)
}

pub(crate) fn nick(stanza: &Stanza) -> &str {
    stanza.from.as_ref().and_then(Jid::resource).unwrap_or_default()
}

pub(crate) fn body(stanza: &Stanza) -> String {
    stanza.children.find(waxwing_xml::CONTENT, "body").map(|body| body.tree().text()).unwrap_or_default()
}
