//! Queries (XEP-0313 §4, §5).

use super::storage::set;
use super::*;

/// Juliet with an archive of these bodies from Romeo, a second apart.
pub(super) async fn with_messages(builder: TestServerBuilder, bodies: &[&str]) -> (TestServer, TestClient) {
    let clock = Clock::fixed(Timestamp(NOW));
    let (server, mut juliet, mut romeo) = pair(builder.clock(clock.clone())).await;
    for (second, body) in (0..).zip(bodies) {
        // Between two milliseconds.
        set(&clock, NOW + second * 1_000_000 + 500);
        say(&mut romeo, "juliet@capulet.lit", [body]).await;
    }
    juliet.forget();
    (server, juliet)
}

pub(super) async fn page(juliet: &mut TestClient, set: &str) -> Found {
    ask(juliet, &query(&[], set)).await.unwrap()
}

#[tokio::test]
async fn xep0313_4_results_come_before_the_end_with_the_query_id() {
    let (_server, mut juliet) = with_messages(builder(), &["x", "y"]).await;
    let found = ask(&mut juliet, "<query xmlns='urn:xmpp:mam:2' queryid='f27'/>").await.unwrap();
    assert_eq!(found.bodies(), ["x", "y"]);
    assert!(found.messages.iter().all(|result| result.attr("queryid") == Some("f27")));
    assert!(found.complete());
    let ids = found.ids();
    assert_eq!(found.of_set("first").as_ref(), Some(&ids[0]));
    assert_eq!(found.of_set("last").as_ref(), Some(&ids[1]));
    assert_eq!((found.index(), found.of_set("count").as_deref()), (Some("0"), Some("2")));
    let found = all(&mut juliet).await;
    assert!(found.messages.iter().all(|result| result.attr("queryid").is_none()), "none without");
}

#[tokio::test]
async fn xep0313_4_1_an_empty_archive_is_no_error() {
    let (_server, mut juliet) = with_messages(builder(), &[]).await;
    let found = all(&mut juliet).await;
    assert!(found.messages.is_empty() && found.complete());
    assert_eq!((found.of_set("first"), found.of_set("last")), (None, None));
    assert_eq!(found.of_set("count").as_deref(), Some("0"));
}

#[tokio::test]
async fn xep0313_4_1_1_with_a_bare_and_a_full_address() {
    let (server, mut juliet) = with_messages(builder(), &["orchard"]).await;
    let mut street = server.online("romeo@montague.lit/street").await;
    let mut nurse = server.online("nurse@capulet.lit/hall").await;
    say(&mut street, "juliet@capulet.lit", ["street"]).await;
    say(&mut nurse, "juliet@capulet.lit", ["nurse"]).await;
    say(&mut juliet, "romeo@montague.lit", ["to bare"]).await;
    say(&mut juliet, "romeo@montague.lit/street", ["to street"]).await;
    juliet.forget();
    for (with, bodies) in [
        ("romeo@montague.lit", vec!["orchard", "street", "to bare", "to street"]),
        ("romeo@montague.lit/street", vec!["street", "to street"]),
        ("nurse@capulet.lit", vec!["nurse"]),
        ("montague.lit", vec![]),
        ("paris@verona.lit", vec![]),
    ] {
        let found = ask(&mut juliet, &query(&[("with", with)], "")).await.unwrap();
        assert_eq!(found.bodies(), bodies, "{with}");
        assert!(found.complete());
    }
}

#[tokio::test]
async fn xep0313_4_1_1_with_oneself_means_messages_to_oneself() {
    let (_server, mut juliet) = with_messages(builder(), &["from romeo"]).await;
    say(&mut juliet, "romeo@montague.lit", ["to romeo"]).await;
    say(&mut juliet, "juliet@capulet.lit", ["to myself"]).await;
    juliet.forget();
    let found = ask(&mut juliet, &query(&[("with", "juliet@capulet.lit")], "")).await.unwrap();
    assert_eq!(found.bodies(), ["to myself"]);
}

#[tokio::test]
async fn xep0313_4_1_2_start_and_end_include_the_stamps_of_results() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3"]).await;
    let stamps = all(&mut juliet).await.stamps();
    for (fields, bodies) in [
        (vec![("start", stamps[1].as_str())], vec!["2", "3"]),
        (vec![("end", stamps[1].as_str())], vec!["1", "2"]),
        (vec![("start", stamps[1].as_str()), ("end", stamps[1].as_str())], vec!["2"]),
        (vec![("start", "2023-11-14T23:13:21.001+01:00")], vec!["3"]),
        (vec![("end", "2023-11-14T22:13:20.999Z")], vec!["1"]),
        (vec![("end", "1969-01-01T00:00:00Z")], vec![]),
        (vec![("start", "1969-01-01T00:00:00Z")], vec!["1", "2", "3"]),
        (vec![("start", stamps[2].as_str()), ("end", stamps[0].as_str())], vec![]),
    ] {
        let found = ask(&mut juliet, &query(&fields, "")).await.unwrap();
        assert_eq!(found.bodies(), bodies, "{fields:?}");
    }
}

#[tokio::test]
async fn xep0313_4_1_3_before_id_and_after_id() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3", "4"]).await;
    let ids = all(&mut juliet).await.ids();
    for (fields, bodies) in [
        (vec![("after-id", ids[1].as_str())], vec!["3", "4"]),
        (vec![("before-id", ids[1].as_str())], vec!["1"]),
        (vec![("after-id", ids[0].as_str()), ("before-id", ids[3].as_str())], vec!["2", "3"]),
    ] {
        let found = ask(&mut juliet, &query(&fields, "")).await.unwrap();
        assert_eq!(found.bodies(), bodies, "{fields:?}");
    }
    // §9: unlike RSM's "before" it does not turn the direction.
    let found = ask(&mut juliet, &query(&[("before-id", &ids[3])], "<max>1</max>")).await.unwrap();
    assert_eq!(found.bodies(), ["1"]);
    assert!(!found.complete());
}

#[tokio::test]
async fn xep0313_4_1_3_single_messages_by_their_ids() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3"]).await;
    let ids = all(&mut juliet).await.ids();
    let wanted = format!("{}</value><value>{}</value><value>{}", ids[2], ids[0], ids[0]);
    let found = ask(&mut juliet, &query(&[("ids", &wanted)], "")).await.unwrap();
    assert_eq!(found.bodies(), ["1", "3"], "in the order of the archive, each once");
    assert!(found.complete());
    assert_eq!(found.of_set("count").as_deref(), Some("2"));
    let found = ask(&mut juliet, &query(&[("ids", &wanted)], "<max>1</max><before/>")).await.unwrap();
    assert_eq!((found.bodies(), found.complete()), (vec!["3".to_owned()], false));
    assert_eq!((found.index(), found.of_set("count").as_deref()), (Some("1"), Some("2")));
}

#[tokio::test]
async fn xep0313_4_1_3_an_id_that_is_not_in_the_archive_is_item_not_found() {
    let (server, mut juliet) = with_messages(builder(), &["1"]).await;
    let mut romeo = server.login(ROMEO).await;
    let strange = all(&mut romeo).await.ids()[0].clone();
    for id in ["28482-98726-73623", strange.as_str(), ""] {
        for field in ["before-id", "after-id", "ids"] {
            let asked = ask(&mut juliet, &query(&[(field, id)], "")).await;
            assert_eq!(asked.unwrap_err(), Condition::ItemNotFound, "{field} {id}");
        }
    }
    for set in ["<after>x</after>", "<before>x</before>"] {
        let asked = ask(&mut juliet, &query(&[], set)).await;
        assert_eq!(asked.unwrap_err(), Condition::ItemNotFound, "{set}");
    }
    let ids = all(&mut juliet).await.ids();
    let one_wrong = format!("{}</value><value>x", ids[0]);
    assert_eq!(
        ask(&mut juliet, &query(&[("ids", &one_wrong)], "")).await.unwrap_err(),
        Condition::ItemNotFound
    );
}

/// Delivery does not wait for the disk: after a crash a client may hold an id whose message is gone.
#[tokio::test]
async fn xep0313_4_1_3_the_id_of_a_message_that_a_crash_took_is_a_place_but_no_message() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2"]).await;
    let account = Arc::clone(juliet.session().account());
    let log = account.host().service::<Log>().unwrap();
    let ids = all(&mut juliet).await.ids();
    let lost = log.ids().position(account.number(), &ids[0]).unwrap() + 1;
    let lost = log.ids().id(account.number(), lost);
    for (asked, bodies) in [
        (query(&[], &format!("<after>{lost}</after>")), ["2"]),
        (query(&[], &format!("<before>{lost}</before>")), ["1"]),
        (query(&[("after-id", &lost)], ""), ["2"]),
        (query(&[("before-id", &lost)], ""), ["1"]),
    ] {
        assert_eq!(ask(&mut juliet, &asked).await.unwrap().bodies(), bodies, "{asked}");
    }
    let asked = ask(&mut juliet, &query(&[("ids", &lost)], "")).await;
    assert_eq!(asked.unwrap_err(), Condition::ItemNotFound);
}

#[tokio::test(start_paused = true)]
async fn xep0313_3_2_the_id_of_a_message_whose_time_is_over_is_item_not_found() {
    let short = builder().module_config("log", "messages_max = 2");
    let (_server, mut juliet) = with_messages(short, &["1", "2", "3", "4"]).await;
    let ids = all(&mut juliet).await.ids();
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    let left = all(&mut juliet).await;
    assert_eq!(
        (left.bodies(), left.of_set("count").as_deref()),
        (vec!["3".to_owned(), "4".to_owned()], Some("2"))
    );
    for set in ["after", "before"] {
        let set = format!("<{set}>{}</{set}>", ids[1]);
        assert_eq!(ask(&mut juliet, &query(&[], &set)).await.unwrap_err(), Condition::ItemNotFound);
    }
    for field in ["after-id", "before-id", "ids"] {
        let asked = ask(&mut juliet, &query(&[(field, &ids[1])], "")).await;
        assert_eq!(asked.unwrap_err(), Condition::ItemNotFound, "{field}");
    }
    let found = page(&mut juliet, &format!("<after>{}</after>", ids[2])).await;
    assert_eq!(found.bodies(), ["4"]);
}

#[tokio::test]
async fn xep0313_4_1_4_include_groupchat_is_understood() {
    let (_server, mut juliet) = with_messages(builder(), &["1"]).await;
    for value in ["true", "false", "1", "0"] {
        let found = ask(&mut juliet, &query(&[("include-groupchat", value)], "")).await.unwrap();
        assert_eq!(found.bodies(), ["1"]);
    }
    let asked = ask(&mut juliet, &query(&[("include-groupchat", "perhaps")], "")).await;
    assert_eq!(asked.unwrap_err(), Condition::BadRequest);
}

#[tokio::test]
async fn xep0313_4_1_5_the_form_names_the_fields() {
    let (_server, mut juliet) = with_messages(builder(), &[]).await;
    juliet.send("<iq type='get' id='form1'><query xmlns='urn:xmpp:mam:2'/></iq>").await;
    juliet
        .expect(
            "<iq type='result' id='form1' to='juliet@capulet.lit/balcony'><query xmlns='urn:xmpp:mam:2'>
            <x xmlns='jabber:x:data' type='form'>
            <field type='hidden' var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>
            <field type='jid-single' var='with'/>
            <field type='text-single' var='start'/>
            <field type='text-single' var='end'/>
            <field type='text-single' var='before-id'/>
            <field type='text-single' var='after-id'/>
            <field type='boolean' var='include-groupchat'/>
            <field type='list-multi' var='ids'>
            <validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/></validate>
            </field></x></query></iq>",
        )
        .await;
}

#[tokio::test]
async fn xep0313_4_1_5_unknown_fields_are_not_implemented() {
    let (_server, mut juliet) = with_messages(builder(), &[]).await;
    for field in ["{http://example.com/}free-text-search", "subject", ""] {
        let asked = ask(&mut juliet, &query(&[(field, "x")], "")).await;
        assert_eq!(asked.unwrap_err(), Condition::FeatureNotImplemented, "{field}");
    }
    let asked = ask(&mut juliet, "<query xmlns='urn:xmpp:mam:2' node='x'/>").await;
    assert_eq!(asked.unwrap_err(), Condition::FeatureNotImplemented);
    let asked = ask(&mut juliet, &query(&[], "<index>3</index>")).await;
    assert_eq!(asked.unwrap_err(), Condition::FeatureNotImplemented);
}

#[tokio::test]
async fn xep0313_4_1_what_cannot_be_read_is_a_bad_request() {
    let (_server, mut juliet) = with_messages(builder(), &[]).await;
    for (field, value) in
        [("with", "@@"), ("with", ""), ("start", "yesterday"), ("end", "2010-06-07"), ("end", "")]
    {
        let asked = ask(&mut juliet, &query(&[(field, value)], "")).await;
        assert_eq!(asked.unwrap_err(), Condition::BadRequest, "{field} {value}");
    }
    for form in [
        "<x xmlns='jabber:x:data' type='submit'/>",
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:x</value></field></x>",
        "<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field></x>",
        "<x xmlns='jabber:x:data'/>",
        "<set xmlns='http://jabber.org/protocol/rsm'><max>many</max></set>",
    ] {
        let asked = ask(&mut juliet, &format!("<query xmlns='urn:xmpp:mam:2'>{form}</query>")).await;
        assert_eq!(asked.unwrap_err(), Condition::BadRequest, "{form}");
    }
}

#[tokio::test]
async fn xep0313_5_metadata_names_the_first_and_the_last_message() {
    let (_server, mut juliet) = with_messages(builder(), &["1", "2", "3"]).await;
    let ids = all(&mut juliet).await.ids();
    juliet
        .send("<iq type='get' id='m' to='juliet@capulet.lit'><metadata xmlns='urn:xmpp:mam:2'/></iq>")
        .await;
    juliet
        .expect(&format!(
            "<iq type='result' id='m' from='juliet@capulet.lit' to='juliet@capulet.lit/balcony'>
            <metadata xmlns='urn:xmpp:mam:2'><start id='{}' timestamp='2023-11-14T22:13:20.000Z'/>
            <end id='{}' timestamp='2023-11-14T22:13:22.000Z'/></metadata></iq>",
            ids[0], ids[2]
        ))
        .await;
}

#[tokio::test]
async fn xep0313_5_an_empty_archive_has_empty_metadata() {
    let (_server, mut juliet) = with_messages(builder(), &[]).await;
    juliet.send("<iq type='get' id='m'><metadata xmlns='urn:xmpp:mam:2'/></iq>").await;
    juliet.expect("<iq type='result' id='m' to='{any}'><metadata xmlns='urn:xmpp:mam:2'/></iq>").await;
}
