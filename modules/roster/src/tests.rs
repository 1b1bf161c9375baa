use waxwing_store::{EngineKind, Faults, StoreOptions};
use waxwing_testkit::{TestClient, TestServer, TestServerBuilder};

use super::*;

fn builder() -> TestServerBuilder {
    TestServer::host("example.com").with::<Rosters>()
}

fn service(client: &TestClient) -> Arc<RosterService> {
    client.session().host().service::<RosterService>().unwrap()
}

async fn set(client: &mut TestClient, item: &str) {
    client
        .send(&format!("<iq type='set' id='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>"))
        .await;
}

/// Sends a set that must work; throws away what it brings.
async fn put(client: &mut TestClient, item: &str) {
    set(client, item).await;
    let result = client.next().await.unwrap();
    assert!(!result.is_error(), "{}", result.to_xml());
    client.forget();
}

async fn refused(client: &mut TestClient, item: &str) -> (Condition, ErrorType) {
    set(client, item).await;
    let error = client.next().await.unwrap().error().unwrap();
    client.expect_nothing();
    (error.condition, error.kind)
}

/// Asks for the roster; gives the version.
async fn get(client: &mut TestClient) -> String {
    client.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    let result = client.next().await.unwrap();
    result.payload().unwrap().attribute("ver").unwrap()
}

async fn get_since(client: &mut TestClient, ver: &str) {
    client.send(&format!("<iq type='get' id='get'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>")).await;
}

fn whole(to: &str, items: &str) -> String {
    format!(
        "<iq type='result' id='get' to='{to}'><query xmlns='jabber:iq:roster' ver='{{any}}'>{items}</query></iq>"
    )
}

fn push(to: &str, item: &str) -> String {
    format!(
        "<iq type='set' id='{{any}}' to='{to}'><query xmlns='jabber:iq:roster' ver='{{any}}'>{item}</query></iq>"
    )
}

const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";
const NURSE: &str =
    "<item jid='nurse@example.com' name='Nurse' subscription='none'><group>Servants</group></item>";

#[tokio::test]
async fn rfc6121_2_1_4_an_empty_roster_is_a_query_without_items() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    juliet.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    juliet.expect(&whole(BALCONY, "")).await;
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_2_1_3_a_get_with_items_is_a_bad_request() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    let item = "<item jid='nurse@example.com'/>";
    juliet
        .send(&format!("<iq type='get' id='get'><query xmlns='jabber:iq:roster'>{item}</query></iq>"))
        .await;
    assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::BadRequest);
}

#[tokio::test]
async fn rfc6121_2_3_2_an_added_item_is_pushed_to_interested_resources_only() {
    let server = builder().start().await;
    let (mut balcony, mut chamber) = (server.login(BALCONY).await, server.login(CHAMBER).await);
    get(&mut chamber).await;
    set(&mut balcony, "<item jid='nurse@example.com' name='Nurse'><group>Servants</group></item>").await;
    balcony.expect(&format!("<iq type='result' id='set' to='{BALCONY}'/>")).await;
    balcony.expect_nothing();
    chamber.expect(&push(CHAMBER, NURSE)).await;
    chamber.expect_nothing();
    balcony.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    balcony.expect(&whole(BALCONY, NURSE)).await;
}

#[tokio::test]
async fn rfc6121_2_3_2_the_resource_that_asked_gets_result_and_push() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    get(&mut juliet).await;
    set(&mut juliet, "<item jid='nurse@example.com' name='Nurse'><group>Servants</group></item>").await;
    let result = format!("<iq type='result' id='set' to='{BALCONY}'/>");
    juliet.expect_all(&[&result, &push(BALCONY, NURSE)]).await;
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_2_1_6_pushes_have_no_from_and_different_ids() {
    let server = builder().start().await;
    let (mut balcony, mut chamber) = (server.login(BALCONY).await, server.login(CHAMBER).await);
    get(&mut balcony).await;
    get(&mut chamber).await;
    set(&mut chamber, "<item jid='nurse@example.com'/>").await;
    let (one, other) = (balcony.next().await.unwrap(), chamber.next().await.unwrap());
    assert_eq!((&one.from, one.kind), (&None, Kind::Iq(IqType::Set)));
    assert_ne!(one.id, other.id);
}

#[tokio::test]
async fn rfc6121_2_4_1_an_item_is_updated_exactly_as_given() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    put(&mut juliet, "<item jid='romeo@example.net' name='Romeo'><group>Friends</group></item>").await;
    put(&mut juliet, "<item jid='romeo@example.net' name=''><group>Lovers</group></item>").await;
    juliet.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    let item = "<item jid='romeo@example.net' subscription='none'><group>Lovers</group></item>";
    juliet.expect(&whole(BALCONY, item)).await;
}

#[tokio::test]
async fn rfc6121_2_1_2_a_set_changes_no_subscription_state() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    get(&mut juliet).await;
    set(&mut juliet, "<item jid='romeo@example.net' subscription='both' ask='subscribe' approved='true'/>")
        .await;
    let result = format!("<iq type='result' id='set' to='{BALCONY}'/>");
    let pushed = push(BALCONY, "<item jid='romeo@example.net' subscription='none'/>");
    juliet.expect_all(&[&result, &pushed]).await;
}

#[tokio::test]
async fn rfc6121_2_5_2_a_removed_item_is_pushed_as_removed() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    put(&mut juliet, "<item jid='nurse@example.com'/>").await;
    get(&mut juliet).await;
    set(&mut juliet, "<item jid='nurse@example.com' subscription='remove'/>").await;
    let result = format!("<iq type='result' id='set' to='{BALCONY}'/>");
    let pushed = push(BALCONY, "<item jid='nurse@example.com' subscription='remove'/>");
    juliet.expect_all(&[&result, &pushed]).await;
    juliet.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    juliet.expect(&whole(BALCONY, "")).await;
}

#[tokio::test]
async fn rfc6121_2_5_3_who_is_not_in_the_roster_cannot_be_removed() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    let item = "<item jid='nurse@example.com' subscription='remove'/>";
    assert_eq!(refused(&mut juliet, item).await.0, Condition::ItemNotFound);
    put(&mut juliet, "<item jid='nurse@example.com'/>").await;
    put(&mut juliet, item).await;
    assert_eq!(refused(&mut juliet, item).await.0, Condition::ItemNotFound);
}

#[tokio::test]
async fn rfc6121_2_3_3_bad_requests() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    get(&mut juliet).await;
    for items in [
        "",
        "<item/>",
        "<item jid='nurse@example.com/kitchen'/>",
        "<item jid='nurse@example.com'/><item jid='mother@example.com'/>",
        "<item jid='nurse@example.com'><group>Servants</group><group>Servants</group></item>",
    ] {
        assert_eq!(refused(&mut juliet, items).await, (Condition::BadRequest, ErrorType::Modify), "{items}");
    }
}

#[tokio::test]
async fn rfc6121_2_3_3_what_is_not_acceptable() {
    let keys = "groups_max = 2\nname_bytes_max = 5\ngroup_bytes_max = 8";
    let server = builder().module_config("roster", keys).start().await;
    let mut juliet = server.login(BALCONY).await;
    get(&mut juliet).await;
    for item in [
        "<item jid='nurse@example.com' name='Nurse1'/>",
        "<item jid='nurse@example.com' name='Nursé'/>",
        "<item jid='nurse@example.com'><group/></item>",
        "<item jid='nurse@example.com'><group>Servants1</group></item>",
        "<item jid='nurse@example.com'><group>a</group><group>b</group><group>c</group></item>",
    ] {
        assert_eq!(refused(&mut juliet, item).await, (Condition::NotAcceptable, ErrorType::Modify), "{item}");
    }
    put(&mut juliet, NURSE).await;
}

#[tokio::test]
async fn rfc7622_3_1_a_malformed_jid_is_refused_and_others_are_prepared() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    let malformed = "<item jid='nur se@example.com'/>";
    assert_eq!(refused(&mut juliet, malformed).await.0, Condition::JidMalformed);
    put(&mut juliet, "<item jid='Nurse@EXAMPLE.com'/>").await;
    put(&mut juliet, "<item jid='nurse@example.com' name='Nurse'><group>Servants</group></item>").await;
    juliet.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    juliet.expect(&whole(BALCONY, NURSE)).await;
}

#[tokio::test]
async fn rfc6121_2_3_3_nobody_is_the_own_contact() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    assert_eq!(refused(&mut juliet, "<item jid='juliet@example.com'/>").await.0, Condition::NotAllowed);
}

#[tokio::test]
async fn a_full_roster_takes_changes_but_no_more_items() {
    let server = builder().module_config("roster", "items_max = 1").start().await;
    let mut juliet = server.login(BALCONY).await;
    put(&mut juliet, "<item jid='nurse@example.com'/>").await;
    assert_eq!(
        refused(&mut juliet, "<item jid='romeo@example.net'/>").await.0,
        Condition::ResourceConstraint
    );
    put(&mut juliet, "<item jid='nurse@example.com' name='Nurse'/>").await;
    put(&mut juliet, "<item jid='nurse@example.com' subscription='remove'/>").await;
    put(&mut juliet, "<item jid='romeo@example.net'/>").await;
}

#[tokio::test]
async fn rfc6121_2_3_3_a_set_by_another_is_forbidden_whether_the_account_exists_or_not() {
    let server = builder().start().await;
    let (mut juliet, mut romeo) =
        (server.login(BALCONY).await, server.login("romeo@example.com/orchard").await);
    get(&mut romeo).await;
    for to in ["romeo@example.com", "nobody@example.com"] {
        let query = "<query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query>";
        juliet.send(&format!("<iq type='set' id='1' to='{to}'>{query}</iq>")).await;
        let error = juliet.next().await.unwrap().error().unwrap();
        assert_eq!((error.condition, error.kind), (Condition::Forbidden, ErrorType::Auth), "{to}");
    }
    romeo.expect_nothing();
    let roster = service(&romeo).load(romeo.session().account()).await.unwrap().contacts(|_| true);
    assert!(roster.is_empty());
}

#[tokio::test]
async fn rfc6121_2_1_6_a_forged_push_never_reaches_the_client() {
    let server = builder().start().await;
    let (mut juliet, mut romeo) =
        (server.login(BALCONY).await, server.login("romeo@example.com/orchard").await);
    let query = "<query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query>";
    juliet.send(&format!("<iq type='set' id='1' to='romeo@example.com/orchard'>{query}</iq>")).await;
    assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::ServiceUnavailable);
    romeo.expect_nothing();
    // Other requests pass.
    juliet
        .send("<iq type='get' id='2' to='romeo@example.com/orchard'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    assert_eq!(romeo.next().await.unwrap().payload().unwrap().name(), "ping");
}

#[tokio::test]
async fn rfc6121_2_6_1_the_versioning_feature_is_offered_after_login() {
    let server = builder().start().await;
    let juliet = server.login(BALCONY).await;
    let features = juliet.session().host().stream_features();
    let found =
        features.iter().find(|feature| feature.element.is("urn:xmpp:features:rosterver", "ver")).unwrap();
    assert_eq!(found.offered, Offered::AfterLogin);
}

#[tokio::test]
async fn rfc6121_2_6_3_an_unchanged_roster_is_an_empty_result() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    put(&mut juliet, "<item jid='nurse@example.com'/>").await;
    let ver = get(&mut juliet).await;
    get_since(&mut juliet, &ver).await;
    juliet.expect(&format!("<iq type='result' id='get' to='{BALCONY}'/>")).await;
    juliet.expect_nothing();
}

#[tokio::test]
async fn rfc6121_2_6_3_what_changed_comes_as_pushes_in_order_each_item_once() {
    let server = builder().start().await;
    let mut balcony = server.login(BALCONY).await;
    for name in ["a", "b", "c", "d", "e"] {
        put(&mut balcony, &format!("<item jid='{name}@example.org'/>")).await;
    }
    let mut chamber = server.login(CHAMBER).await;
    let ver = get(&mut chamber).await;
    chamber.drop_connection().await;
    for item in [
        "<item jid='c@example.org' name='First'/>",
        "<item jid='a@example.org' subscription='remove'/>",
        "<item jid='c@example.org' name='Second'/>",
    ] {
        put(&mut balcony, item).await;
    }
    let mut chamber = server.login(CHAMBER).await;
    get_since(&mut chamber, &ver).await;
    chamber.expect(&format!("<iq type='result' id='get' to='{CHAMBER}'/>")).await;
    chamber.expect(&push(CHAMBER, "<item jid='a@example.org' subscription='remove'/>")).await;
    let last =
        chamber.expect(&push(CHAMBER, "<item jid='c@example.org' name='Second' subscription='none'/>")).await;
    chamber.expect_nothing();
    // The last push carries the current version.
    let ver = last.payload().unwrap().attribute("ver").unwrap();
    get_since(&mut chamber, &ver).await;
    chamber.expect(&format!("<iq type='result' id='get' to='{CHAMBER}'/>")).await;
    chamber.expect_nothing();
}

#[tokio::test]
async fn rfc6121_2_6_3_a_version_that_is_not_known_gets_the_whole_roster() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    put(&mut juliet, NURSE).await;
    let ver = get(&mut juliet).await;
    let (epoch, version) = ver.split_once('.').unwrap();
    let later = format!("{epoch}.{}", version.parse::<u64>().unwrap() + 1);
    for unknown in ["", "ver14", "0.1", &format!("x{ver}"), &later] {
        get_since(&mut juliet, unknown).await;
        juliet.expect(&whole(BALCONY, NURSE)).await;
        juliet.expect_nothing();
    }
}

#[tokio::test]
async fn rfc6121_2_6_3_where_pushes_would_be_more_the_whole_roster_comes() {
    let server = builder().start().await;
    let mut balcony = server.login(BALCONY).await;
    put(&mut balcony, "<item jid='nurse@example.com'/>").await;
    let ver = get(&mut balcony).await;
    put(&mut balcony, NURSE).await;
    get_since(&mut balcony, &ver).await;
    balcony.expect(&whole(BALCONY, NURSE)).await;
    balcony.expect_nothing();
}

#[tokio::test]
async fn rosters_and_versions_outlive_a_restart() {
    let store = Store::memory();
    let server = builder().store(store.clone()).start().await;
    let mut juliet = server.login(BALCONY).await;
    put(&mut juliet, NURSE).await;
    let ver = get(&mut juliet).await;
    drop((juliet, server));
    let server = builder().store(store).start().await;
    let mut juliet = server.login(BALCONY).await;
    get_since(&mut juliet, &ver).await;
    juliet.expect(&format!("<iq type='result' id='get' to='{BALCONY}'/>")).await;
    juliet.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    juliet.expect(&whole(BALCONY, NURSE)).await;
}

#[tokio::test]
async fn removed_contacts_are_remembered_within_bounds() {
    let server = builder().start().await;
    let mut juliet = server.login(BALCONY).await;
    for name in ["a", "b", "c"] {
        put(&mut juliet, &format!("<item jid='{name}@example.org'/>")).await;
    }
    let old = get(&mut juliet).await;
    for number in 0..250 {
        put(&mut juliet, &format!("<item jid='{number}@example.net'/>")).await;
        put(&mut juliet, &format!("<item jid='{number}@example.net' subscription='remove'/>")).await;
    }
    let table = juliet.session().host().store().table::<ContactTable>().unwrap();
    let all = waxwing_store::Span::all();
    let rows = table
        .range(juliet.session().account().number(), all, waxwing_store::Order::Forward, 1000)
        .await
        .unwrap();
    assert_eq!(rows.len(), 203);
    // What was forgotten cannot be told: the whole roster comes.
    get_since(&mut juliet, &old).await;
    assert_eq!(juliet.next().await.unwrap().payload().unwrap().tree().children().count(), 3);
}

fn request(from: &str) -> Stanza {
    Stanza::parse(&format!("<presence type='subscribe' from='{from}' to='juliet@example.com'/>")).unwrap()
}

#[tokio::test]
async fn rfc6121_3_1_3_a_request_alone_is_kept_but_is_no_item_and_no_push() {
    let server = builder().module_config("roster", "requests_max = 1").start().await;
    let mut juliet = server.login(BALCONY).await;
    get(&mut juliet).await;
    let (service, account) = (service(&juliet), juliet.session().account().clone());
    let roster = service.load(&account).await.unwrap();
    let ask = |from: &str| {
        let pending = |state| State { pending_in: true, ..state };
        service.update(
            &account,
            roster,
            &BareJid::parse(from).unwrap(),
            Some(&request(from)),
            pending,
            |_| {},
        )
    };
    ask("romeo@example.net").unwrap();
    assert!(matches!(ask("tybalt@example.net"), Err(RosterError::Full)));
    juliet.expect_nothing();
    assert_eq!(roster.requests().len(), 1);
    juliet.send("<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    juliet.expect(&whole(BALCONY, "")).await;
    // Removing needs an item.
    let item = "<item jid='romeo@example.net' subscription='remove'/>";
    assert_eq!(refused(&mut juliet, item).await.0, Condition::ItemNotFound);
    assert_eq!(roster.requests().len(), 1);
}

#[tokio::test]
async fn pushes_wait_for_the_disk_and_keep_their_order() {
    let faults = Faults::default();
    let mut options = StoreOptions::new(EngineKind::Memory, "");
    options.faults = faults.clone();
    let server = builder().store(Store::open(options).await.unwrap()).start().await;
    let mut juliet = server.login(BALCONY).await;
    get(&mut juliet).await;
    let (service, account) = (service(&juliet), juliet.session().account().clone());
    let roster = service.load(&account).await.unwrap();
    let approve = |jid: &str| {
        let approved = |state| State { approved: true, ..state };
        service.update(&account, roster, &BareJid::parse(jid).unwrap(), None, approved, |_| {}).unwrap()
    };
    faults.hold();
    approve("a@example.net");
    approve("b@example.net");
    tokio::task::yield_now().await;
    juliet.expect_nothing();
    faults.release();
    for name in ["a", "b"] {
        let item = format!("<item jid='{name}@example.net' approved='true' subscription='none'/>");
        juliet.expect(&push(BALCONY, &item)).await;
    }
    // What could not be written is told to nobody.
    faults.fail_writes(1);
    let failed = approve("c@example.net").ticket.unwrap();
    assert!(failed.durable().await.is_err());
    tokio::task::yield_now().await;
    juliet.expect_nothing();
}
