use std::net::{IpAddr, Ipv4Addr};

use waxwing_core::{
    CloseReason, Config, ModuleDef, Peer, Random, ResourceConflict, Server, SessionRef, StartOptions,
};
use waxwing_stream::sasl::{Answer, LookUp, ScramHash, Want, look_up};
use waxwing_xmpp::StreamCondition;

use super::*;

static MODULES: &[ModuleDef] = &[ModuleDef::of::<Accounts>()];

/// A server with the module on two hosts.
async fn server(store: &Store) -> Server {
    server_with(store, "").await.unwrap()
}

async fn server_with(store: &Store, keys: &str) -> Result<Server, StartError> {
    let text = format!(
        "[host.'capulet.lit'.modules.accounts]\niterations = 4096\n{keys}\n[host.'montague.lit'.modules.accounts]\n"
    );
    let config = Config::parse(&text, "test".as_ref(), MODULES).unwrap();
    let options = StartOptions {
        modules: MODULES,
        listeners: false,
        clock: waxwing_core::Clock::System,
        random: Random::seeded(1),
    };
    Server::start(config, store.clone(), options).await
}

fn host(server: &Server) -> HostRef {
    server.shared().router().host("capulet.lit").unwrap()
}

fn service(server: &Server) -> Arc<AccountService> {
    host(server).service::<AccountService>().unwrap()
}

async fn account(server: &Server, local: &str) -> AccountRef {
    host(server).account(local).await.unwrap().unwrap()
}

fn bind(account: &AccountRef, resource: &str) -> SessionRef {
    let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), secure: true };
    account.bind(Some(resource), ResourceConflict::ReplaceOld, peer).unwrap()
}

fn closed_with(session: &SessionRef) -> Option<StreamCondition> {
    match session.close_reason()? {
        CloseReason::Error(error) => Some(error.condition),
        other => panic!("{other:?}"),
    }
}

/// What PLAIN says to this password: None, or whether the account is enabled.
async fn login(service: &AccountService, local: &str, password: &str) -> Option<bool> {
    let account = BareJid::parse(&format!("{local}@capulet.lit")).ok();
    let want = Want::Password(Secret::new(password.as_bytes()));
    match look_up(service, LookUp { account, want }).await {
        Answer::Found(found) => Some(found.enabled),
        Answer::Nothing => None,
        Answer::Unavailable => panic!("the store answers"),
    }
}

#[tokio::test]
async fn an_account_logs_in_with_its_password_and_no_other() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    accounts.create("juliet", "pencil").await.unwrap();
    assert_eq!(login(&accounts, "juliet", "pencil").await, Some(true));
    assert_eq!(login(&accounts, "juliet", "eraser").await, None);
    assert_eq!(login(&accounts, "nobody", "pencil").await, None);
}

#[tokio::test]
async fn rfc5802_5_1_every_hash_has_a_verifier_with_enough_iterations() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    accounts.create("juliet", "pencil").await.unwrap();
    let stored = accounts.credentials("juliet").await.unwrap().unwrap();
    for hash in ScramHash::ALL {
        let keys = stored.keys.iter().find(|keys| keys.hash == hash).unwrap();
        assert_eq!(keys.iterations.get(), 4096);
        assert!(keys.verify(b"pencil"));
    }
    assert!(accounts.credentials("nobody").await.unwrap().is_none());
}

#[tokio::test]
async fn rfc7677_4_fewer_iterations_than_4096_stop_the_start() {
    let keys = "[host.'verona.lit'.modules.accounts]\niterations = 4095";
    let error = server_with(&Store::memory(), keys).await.err().unwrap();
    assert!(error.to_string().contains("4095 is too few"), "{error}");
}

#[tokio::test]
async fn rfc5802_2_2_the_password_is_prepared_by_saslprep() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    accounts.create("juliet", "I\u{2168}x").await.unwrap();
    assert_eq!(login(&accounts, "juliet", "IIXx").await, Some(true));
    for bad in ["", "pen\u{7}cil", &"x".repeat(1025)] {
        let error = accounts.create("romeo", bad).await.unwrap_err();
        assert!(matches!(error, AccountError::BadPassword(_)), "{error}");
    }
    assert!(!accounts.exists("romeo").await.unwrap());
}

#[tokio::test]
async fn a_name_is_given_once_and_hosts_have_names_of_their_own() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    accounts.create("juliet", "pencil").await.unwrap();
    assert!(matches!(accounts.create("juliet", "other").await, Err(AccountError::Taken)));
    assert!(matches!(accounts.create("Juliet", "other").await, Err(AccountError::Taken)));
    assert_eq!(login(&accounts, "juliet", "pencil").await, Some(true));
    let other = server.shared().router().host("montague.lit").unwrap().service::<AccountService>().unwrap();
    assert!(!other.exists("juliet").await.unwrap());
    other.create("juliet", "other").await.unwrap();
    assert_eq!(login(&accounts, "juliet", "other").await, None);
}

#[tokio::test]
async fn of_two_who_want_a_name_at_once_one_gets_it() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    let (one, two) = tokio::join!(accounts.create("juliet", "one"), accounts.create("juliet", "two"));
    assert_eq!([one.is_ok(), two.is_ok()].into_iter().filter(|won| *won).count(), 1);
    assert_eq!(login(&accounts, "juliet", "one").await.is_some(), one.is_ok());
}

#[tokio::test]
async fn rfc7622_3_3_names_that_are_malformed_or_change_are_refused() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    for bad in ["", "ju liet", "ju@liet", "ju/liet", "ju\"liet", "\u{2168}", &"x".repeat(1024)] {
        let error = accounts.create(bad, "pencil").await.unwrap_err();
        assert!(matches!(error, AccountError::BadName(_)), "{bad}: {error}");
    }
    accounts.create("JULIET", "pencil").await.unwrap();
    assert!(accounts.exists("juliet").await.unwrap());
}

#[tokio::test]
async fn rfc6120_4_9_3_16_a_new_password_resets_the_other_sessions() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    accounts.create("juliet", "pencil").await.unwrap();
    let juliet = account(&server, "juliet").await;
    let (own, other) = (bind(&juliet, "balcony"), bind(&juliet, "chamber"));
    accounts.set_password(&juliet, "eraser", Some(&own)).await.unwrap();
    assert_eq!(login(&accounts, "juliet", "pencil").await, None);
    assert_eq!(login(&accounts, "juliet", "eraser").await, Some(true));
    assert_eq!(closed_with(&own), None);
    assert_eq!(closed_with(&other), Some(StreamCondition::Reset));
    assert!(matches!(accounts.set_password(&juliet, "", None).await, Err(AccountError::BadPassword(_))));
    assert_eq!(login(&accounts, "juliet", "eraser").await, Some(true));
}

#[tokio::test]
async fn rfc6120_6_5_2_a_disabled_account_loses_its_sessions_until_it_is_enabled() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    accounts.create("juliet", "pencil").await.unwrap();
    let juliet = account(&server, "juliet").await;
    let session = bind(&juliet, "balcony");
    accounts.set_enabled(&juliet, false).await.unwrap();
    assert_eq!(login(&accounts, "juliet", "pencil").await, Some(false));
    assert_eq!(closed_with(&session), Some(StreamCondition::NotAuthorized));
    accounts.set_enabled(&juliet, true).await.unwrap();
    assert_eq!(login(&accounts, "juliet", "pencil").await, Some(true));
}

#[tokio::test]
async fn xep0077_3_2_a_removed_account_takes_all_it_owns_along() {
    let store = Store::memory();
    let server = server(&store).await;
    let accounts = service(&server);
    let number = accounts.create("juliet", "pencil").await.unwrap();
    let juliet = account(&server, "juliet").await;
    let session = bind(&juliet, "balcony");

    let removal = accounts.remove(&juliet).await.unwrap();
    assert_eq!(login(&accounts, "juliet", "pencil").await, None);
    assert_eq!(closed_with(&session), None);
    // Until the sessions were told, nobody else gets the name, and nobody removes it again.
    assert!(matches!(accounts.create("juliet", "other").await, Err(AccountError::Taken)));
    assert!(matches!(accounts.remove(&juliet).await, Err(AccountError::NotFound)));
    drop(removal);
    assert_eq!(closed_with(&session), Some(StreamCondition::NotAuthorized));
    assert!(host(&server).account("juliet").await.unwrap().is_none());

    let again = accounts.create("juliet", "other").await.unwrap();
    assert_ne!(number, again);
    assert_eq!(account(&server, "juliet").await.number(), again);
    assert_eq!(login(&accounts, "juliet", "pencil").await, None);
    store.numbers().sweep(number).await.unwrap();
    assert!(store.table::<CredentialTable>().unwrap().get(number, &()).await.unwrap().is_none());
}

#[tokio::test]
async fn rfc6120_6_5_10_the_decoys_of_unknown_names_outlive_a_restart() {
    let store = Store::memory();
    let salt = |server: &Server| service(server).decoy().keys(ScramHash::Sha256, "nobody").salt;
    let first = salt(&server(&store).await);
    assert_eq!(first, salt(&server(&store).await));
    assert_ne!(first, salt(&server(&Store::memory()).await).to_ascii_uppercase());
}

#[tokio::test]
async fn accounts_are_listed_by_host_in_pages() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    for name in ["juliet", "nurse", "tybalt"] {
        accounts.create(name, "pencil").await.unwrap();
    }
    let other = server.shared().router().host("montague.lit").unwrap().service::<AccountService>().unwrap();
    other.create("mercutio", "pencil").await.unwrap();
    let names = |page: Vec<BareJid>| page.iter().map(|jid| jid.as_str().to_owned()).collect::<Vec<_>>();
    let first = accounts.list(None, 2).await.unwrap();
    let second = accounts.list(first.last(), 2).await.unwrap();
    assert_eq!(names(first), ["juliet@capulet.lit", "nurse@capulet.lit"]);
    assert_eq!(names(second), ["tybalt@capulet.lit"]);
}

#[tokio::test]
async fn commands_make_change_list_and_remove_accounts() {
    let server = server(&Store::memory()).await;
    let call = async |name: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        server.command("capulet.lit", name, arguments).await
    };
    call("account.add", &["juliet@capulet.lit", "pencil"]).await.unwrap();
    assert!(call("account.add", &["juliet@capulet.lit", "pencil"]).await.is_err());
    assert!(call("account.add", &["juliet@montague.lit", "pencil"]).await.is_err());
    assert!(call("account.add", &["capulet.lit", "pencil"]).await.is_err());
    call("account.password", &["juliet@capulet.lit", "eraser"]).await.unwrap();
    assert_eq!(login(&service(&server), "juliet", "eraser").await, Some(true));
    call("account.disable", &["juliet@capulet.lit"]).await.unwrap();
    assert_eq!(call("account.list", &[]).await.unwrap(), ["juliet@capulet.lit (disabled)"]);
    call("account.enable", &["juliet@capulet.lit"]).await.unwrap();
    assert_eq!(call("account.list", &[]).await.unwrap(), ["juliet@capulet.lit"]);
    call("account.remove", &["juliet@capulet.lit"]).await.unwrap();
    assert!(call("account.remove", &["juliet@capulet.lit"]).await.is_err());
    assert!(call("account.list", &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn rfc4505_a_guest_has_an_account_until_it_goes() {
    let server = server(&Store::memory()).await;
    let accounts = service(&server);
    accounts.admit("anonymous-1").await.unwrap();
    assert!(accounts.exists("anonymous-1").await.unwrap());
    assert_eq!(login(&accounts, "anonymous-1", "").await, None);
    assert!(accounts.admit("anonymous-1").await.is_err(), "somebody else's");
    Arc::clone(&accounts).dismiss("anonymous-1".to_owned()).await.unwrap();
    assert!(!accounts.exists("anonymous-1").await.unwrap());
    assert!(accounts.dismiss("anonymous-1".to_owned()).await.is_err());
}
