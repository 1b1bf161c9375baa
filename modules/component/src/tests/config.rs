use std::sync::Arc;

use waxwing_core::Config;
use waxwing_core::config::Listen;
use waxwing_core::prelude::*;
use waxwing_testkit::TestServer;

use super::support::*;
use crate::{Components, Grantee};

async fn refused(section: &str) -> String {
    let server = TestServer::host("example.org").with::<Components>().with_listeners();
    let server = server.config(|config| {
        config.listen = Listen { component: Vec::new(), ..Listen::default() };
        config.modules.insert("component".to_owned(), section.parse().unwrap());
    });
    server.try_start().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_host_of_ours_is_no_component() {
    let error = refused("[domains.\"example.org\"]\nsecret = \"x\"").await;
    assert!(
        error.contains("example.org is a host of this server") && error.contains("gateway.example.org"),
        "{error}"
    );
    let error = refused("[domains.\"irc.example.org\"]").await;
    assert!(error.contains("has no secret"), "{error}");
}

/// As the file is read: with the line.
#[test]
fn a_mistake_is_found_before_the_start() {
    static MODULES: [waxwing_core::ModuleDef; 1] = [waxwing_core::ModuleDef::of::<Components>()];
    let parse = |text: &str| Config::parse(text, std::path::Path::new("waxwing.toml"), &MODULES);
    let error =
        parse("[modules.component.domains.\"irc.example.org\"]\nsecre = \"x\"\n").unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("did you mean \"secret\"?"), "{error}");
    assert!(parse("[modules.component.domains.\"irc.example.org\"]\nsecret = \"x\"\n").is_ok());
}

fn with_section(server: &Running, section: &str) -> Config {
    let mut config = Config::clone(&server.server.server().shared().config());
    config.modules.insert("component".to_owned(), section.parse().unwrap());
    config
}

#[tokio::test]
async fn a_reload_adds_and_removes_components_and_changes_secrets() {
    let two = format!("{IRC}[domains.\"sms.example.org\"]\nsecret = \"sms\"\n");
    let server = start(&two).await;
    let (mut irc, mut sms) = (server.irc().await, server.join("sms.example.org", "sms").await);
    let section =
        "[domains.\"irc.example.org\"]\nsecret = \"new\"\n[domains.\"fax.example.org\"]\nsecret = \"fax\"\n";
    server.server.server().reload(with_section(&server, section));
    irc.expect_error("not-authorized").await;
    sms.expect_error("host-gone").await;
    server.join("irc.example.org", "new").await.expect_nothing().await;
    let _fax = server.join("fax.example.org", "fax").await;
    let mut again = server.connect().await;
    again.send(&header("sms.example.org")).await;
    again.expect_error("host-unknown").await;
    assert!(server.server.server().shared().router().external("sms.example.org").is_none());
    server.server.stop().await;
}

#[tokio::test]
async fn the_operator_sees_who_is_connected() {
    let two = format!("{IRC}[domains.\"sms.example.org\"]\nsecret = \"sms\"\n");
    let server = start(&two).await;
    let _irc = server.irc().await;
    let lines = server.server.server().command("example.org", "component.list", Vec::new()).await.unwrap();
    assert_eq!(lines, ["irc.example.org: connected, 0 bytes wait", "sms.example.org: not connected"]);
    server.server.stop().await;
}

#[tokio::test]
async fn a_reload_without_a_change_disturbs_nobody() {
    let server = start(IRC).await;
    let mut irc = server.irc().await;
    server.server.server().reload(with_section(&server, &format!("{IRC}on_conflict = \"replace\"\n")));
    irc.expect_nothing().await;
    // What is wrong is not taken.
    server.server.server().reload(with_section(&server, "[domains.\"irc.example.org\"]\n"));
    irc.expect_nothing().await;
    server.server.stop().await;
}

/// Notes who connects, and what it may do then.
#[derive(Default)]
struct Doorman(parking_lot::Mutex<Vec<String>>);

impl Module for Doorman {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("doorman", "For tests");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self::default());
        let host = Arc::clone(reg.host()?);
        reg.notice(NoticeKind::ExternalConnected, &this, move |this, notice| {
            let host = Arc::clone(&host);
            async move {
                let Notice::ExternalConnected(external) = notice else { return };
                let grantee = Grantee::of(external, &host);
                let roster = grantee.map(|grantee| grantee.grants.privileges.roster.name());
                this.0.lock().push(format!("{}: {}", host.domain(), roster.unwrap_or("nothing")));
            }
        });
        reg.provide::<Self>(this.clone())?;
        Ok(this)
    }
}

/// Hosts hear of it when a component connects, and when a reload lets it do something else; its stream stays.
#[tokio::test]
async fn a_reload_that_grants_something_else_is_told_to_the_hosts() {
    let server = start_with_module::<Doorman>(IRC).await;
    let router = server.server.server().shared().router();
    let doormen: Vec<Arc<Doorman>> =
        router.hosts().into_iter().map(|host| host.service::<Doorman>().unwrap()).collect();
    let told = async |expected: [&str; 2]| {
        for _ in 0..400 {
            let seen: Vec<String> =
                doormen.iter().filter_map(|doorman| doorman.0.lock().last().cloned()).collect();
            if seen == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("the hosts are not told {expected:?}");
    };
    let mut irc = server.irc().await;
    told(["example.net: nothing", "example.org: none"]).await;
    let granted = format!("{IRC}[domains.\"irc.example.org\".privileges]\nroster = \"get\"\n");
    server.server.server().reload(with_section(&server, &granted));
    told(["example.net: nothing", "example.org: get"]).await;
    let elsewhere = granted.replacen("secret =", "hosts = [\"example.net\"]\nsecret =", 1);
    server.server.server().reload(with_section(&server, &elsewhere));
    told(["example.net: get", "example.org: nothing"]).await;
    irc.expect_nothing().await;
    // What changes nothing of it is not told.
    doormen.iter().for_each(|doorman| doorman.0.lock().clear());
    server.server.server().reload(with_section(&server, &format!("{elsewhere}roster_push = true\n")));
    told(["example.net: get", "example.org: nothing"]).await;
    doormen.iter().for_each(|doorman| doorman.0.lock().clear());
    let conflict = elsewhere.replacen("secret =", "on_conflict = \"replace\"\nsecret =", 1);
    server.server.server().reload(with_section(&server, &format!("{conflict}roster_push = true\n")));
    irc.expect_nothing().await;
    assert!(doormen.iter().all(|doorman| doorman.0.lock().is_empty()));
    server.server.stop().await;
}
