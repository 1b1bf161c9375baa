//! Preferences (XEP-0441).

use waxwing_roster::Rosters;

use super::*;

fn prefs(default: &str, always: &[&str], never: &[&str]) -> String {
    let jids = |jids: &[&str]| jids.iter().map(|jid| format!("<jid>{jid}</jid>")).collect::<String>();
    let (always, never) = (jids(always), jids(never));
    format!(
        "<prefs xmlns='urn:xmpp:mam:2' default='{default}'><always>{always}</always><never>{never}</never></prefs>"
    )
}

async fn holds(client: &mut TestClient, prefs: &str) {
    client.send("<iq type='get' id='g'><prefs xmlns='urn:xmpp:mam:2'/></iq>").await;
    client.expect(&format!("<iq type='result' id='g' to='{{any}}'>{prefs}</iq>")).await;
}

async fn set(client: &mut TestClient, prefs: &str) {
    client.send(&format!("<iq type='set' id='s'>{prefs}</iq>")).await;
    client.expect(&format!("<iq type='result' id='s' to='{{any}}'>{prefs}</iq>")).await;
}

async fn refused(client: &mut TestClient, prefs: &str) -> Condition {
    client.send(&format!("<iq type='set' id='s'>{prefs}</iq>")).await;
    client.next().await.unwrap().error().unwrap().condition
}

#[tokio::test]
async fn xep0441_2_1_preferences_are_told_and_changed() {
    let (_server, mut juliet, _) = pair(builder()).await;
    holds(&mut juliet, &prefs("always", &[], &[])).await;
    let changed = prefs("roster", &["romeo@montague.lit"], &["montague@montague.lit/x"]);
    set(&mut juliet, &changed).await;
    holds(&mut juliet, &changed).await;
}

#[tokio::test]
async fn xep0441_2_1_2_a_list_that_is_missing_is_empty() {
    let (_server, mut juliet, _) = pair(builder()).await;
    set(&mut juliet, &prefs("never", &["romeo@montague.lit"], &[])).await;
    juliet.send("<iq type='set' id='s'><prefs xmlns='urn:xmpp:mam:2' default='always'/></iq>").await;
    juliet.expect(&format!("<iq type='result' id='s' to='{{any}}'>{}</iq>", prefs("always", &[], &[]))).await;
}

#[tokio::test]
async fn xep0441_2_1_1_other_defaults_are_a_bad_request() {
    let (_server, mut juliet, _) = pair(builder()).await;
    assert_eq!(refused(&mut juliet, &prefs("sometimes", &[], &[])).await, Condition::BadRequest);
    assert_eq!(refused(&mut juliet, "<prefs xmlns='urn:xmpp:mam:2'/>").await, Condition::BadRequest);
    holds(&mut juliet, &prefs("always", &[], &[])).await;
}

#[tokio::test]
async fn rfc6120_8_3_3_8_what_is_no_address_is_refused() {
    let (_server, mut juliet, _) = pair(builder()).await;
    assert_eq!(refused(&mut juliet, &prefs("always", &["@@"], &[])).await, Condition::JidMalformed);
    holds(&mut juliet, &prefs("always", &[], &[])).await;
}

#[tokio::test]
async fn rfc6120_8_3_3_12_lists_have_a_limit() {
    let (_server, mut juliet, _) = pair(builder().module_config("mam", "prefs_max = 2")).await;
    set(&mut juliet, &prefs("always", &["a@b.lit"], &["c@b.lit"])).await;
    let three = prefs("always", &["a@b.lit"], &["c@b.lit", "d@b.lit"]);
    assert_eq!(refused(&mut juliet, &three).await, Condition::PolicyViolation);
    holds(&mut juliet, &prefs("always", &["a@b.lit"], &["c@b.lit"])).await;
}

#[tokio::test]
async fn xep0441_2_3_never_means_both_directions_of_ones_own_archive() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    set(&mut juliet, &prefs("always", &[], &["romeo@montague.lit"])).await;
    say(&mut romeo, "juliet@capulet.lit", ["in"]).await;
    say(&mut juliet, ROMEO, ["out"]).await;
    say(&mut juliet, "nurse@capulet.lit", ["other"]).await;
    assert_eq!(all(&mut juliet).await.bodies(), ["other"]);
    // Romeo's archive is his.
    assert_eq!(all(&mut romeo).await.bodies(), ["in", "out"]);
}

#[tokio::test]
async fn xep0441_2_3_always_wins_over_the_default() {
    let (_server, mut juliet, mut romeo) = pair(builder()).await;
    set(&mut juliet, &prefs("never", &[ROMEO], &[])).await;
    say(&mut romeo, "juliet@capulet.lit", ["in"]).await;
    say(&mut juliet, ROMEO, ["to this resource"]).await;
    say(&mut juliet, "romeo@montague.lit", ["to the bare address"]).await;
    assert_eq!(all(&mut juliet).await.bodies(), ["in", "to this resource"]);
}

#[tokio::test]
async fn xep0441_2_1_1_roster_means_contacts() {
    let server = TestServer::host("capulet.lit").and_host("montague.lit");
    let server = server.with::<Log>().with::<Mam>().with::<Present>().with::<Rosters>().start().await;
    let (mut juliet, mut romeo) = (server.online(JULIET).await, server.online(ROMEO).await);
    let mut paris = server.online("paris@montague.lit/hall").await;
    let add = "<query xmlns='jabber:iq:roster'><item jid='romeo@montague.lit'/></query>";
    juliet.send(&format!("<iq type='set' id='r'>{add}</iq>")).await;
    juliet.forget();
    set(&mut juliet, &prefs("roster", &[], &[])).await;
    say(&mut romeo, "juliet@capulet.lit", ["contact"]).await;
    say(&mut paris, "juliet@capulet.lit", ["stranger"]).await;
    say(&mut juliet, ROMEO, ["to a contact"]).await;
    say(&mut juliet, "paris@montague.lit", ["to a stranger"]).await;
    assert_eq!(all(&mut juliet).await.bodies(), ["contact", "to a contact"]);
}

#[tokio::test]
async fn what_holds_for_users_without_preferences_is_the_hosts_to_say() {
    let (_server, mut juliet, mut romeo) = pair(builder().module_config("mam", "default = \"never\"")).await;
    holds(&mut juliet, &prefs("never", &[], &[])).await;
    say(&mut romeo, "juliet@capulet.lit", ["in"]).await;
    assert!(all(&mut juliet).await.messages.is_empty());
    assert_eq!(all(&mut romeo).await.bodies(), ["in"], "another host's");
}

#[tokio::test]
async fn preferences_outlive_the_server() {
    let store = Store::memory();
    let (server, mut juliet, _) = pair(builder().store(store.clone())).await;
    let changed = prefs("never", &["romeo@montague.lit"], &[]);
    set(&mut juliet, &changed).await;
    drop((server, juliet));
    let (_server, mut juliet, _) = pair(builder().store(store)).await;
    holds(&mut juliet, &changed).await;
}
