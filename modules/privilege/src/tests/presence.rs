//! XEP-0356 §7, §8.

use waxwing_core::Origin;
use waxwing_core::prelude::Custody;
use waxwing_testkit::Outside;

use super::*;

fn presence(access: PresenceAccess) -> Privileges {
    let roster = if access == PresenceAccess::Roster { Access::Get } else { Access::None };
    Privileges { presence: access, roster, roster_push: Some(false), ..Privileges::default() }
}

const MANAGED: PresenceAccess = PresenceAccess::ManagedEntity;
const ROSTER: PresenceAccess = PresenceAccess::Roster;

#[tokio::test]
async fn xep0356_7_1_initial_presence_and_its_end_are_told_and_nothing_else() {
    let server = builder().start().await;
    let mut pubsub = component(&server, presence(MANAGED)).await;
    let mut juliet = server.login("juliet@capulet.lit/balcony").await;
    juliet.send("<presence id='presence1' xml:lang='en'><show>chat</show></presence>").await;
    pubsub
        .expect(&format!(
            "<presence from='juliet@capulet.lit/balcony' to='{PUBSUB}' id='presence1' xml:lang='en'><show>chat</show></presence>"
        ))
        .await;
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.send("<presence to='romeo@capulet.lit'/>").await;
    juliet.send("<presence type='subscribe' to='romeo@capulet.lit'/>").await;
    pubsub.expect_nothing();
    juliet.send("<presence type='unavailable'><status>bye</status></presence>").await;
    let gone = format!("<presence type='unavailable' from='juliet@capulet.lit/balcony' to='{PUBSUB}'>");
    pubsub.expect(&format!("{gone}<status>bye</status></presence>")).await;
    // And without a word.
    juliet.send("<presence/>").await;
    pubsub.next().await.unwrap();
    juliet.drop_connection().await;
    pubsub.expect(&format!("{gone}</presence>")).await;
}

#[tokio::test]
async fn xep0356_7_1_without_the_privilege_nothing_is_told() {
    let server = builder().start().await;
    let mut pubsub = component(&server, Privileges { presence: PresenceAccess::None, ..all() }).await;
    let (mut juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@capulet.lit/b").await;
    pubsub.forget();
    romeo.send("<presence><show>away</show></presence>").await;
    juliet.send("<presence type='unavailable'/>").await;
    pubsub.expect_nothing();
}

#[tokio::test]
async fn xep0356_7_1_contacts_are_not_told_of_with_managed_entity() {
    let server = builder().and_host("montague.lit").start().await;
    let (_juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    let mut pubsub = component(&server, presence(MANAGED)).await;
    romeo.send("<presence><show>away</show></presence>").await;
    romeo.send("<presence type='unavailable'/>").await;
    pubsub.expect_nothing();
}

/// §7.4: changes as well, and whether the account is there or not.
#[tokio::test]
async fn xep0356_7_4_contacts_are_told_of_with_roster() {
    let server = builder().and_host("montague.lit").start().await;
    let (mut juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    let mut pubsub = component(&server, presence(ROSTER)).await;
    let from_romeo = format!("from='romeo@montague.lit/b' to='{PUBSUB}'");
    romeo.send("<presence><show>away</show></presence>").await;
    pubsub.expect(&format!("<presence {from_romeo}><show>away</show></presence>")).await;
    juliet.send("<presence type='unavailable'/>").await;
    pubsub.expect(&format!("<presence type='unavailable' from='juliet@capulet.lit/a' to='{PUBSUB}'/>")).await;
    romeo.send("<presence><show>xa</show></presence>").await;
    pubsub.expect(&format!("<presence {from_romeo}><show>xa</show></presence>")).await;
    romeo.send("<presence type='unavailable'/>").await;
    pubsub.expect(&format!("<presence type='unavailable' {from_romeo}/>")).await;
}

#[tokio::test]
async fn xep0356_7_4_who_is_no_contact_is_not_told_of() {
    let server = builder().and_host("montague.lit").start().await;
    let mut pubsub = component(&server, presence(ROSTER)).await;
    let _juliet = server.online("juliet@capulet.lit/a").await;
    let mut romeo = server.online("romeo@montague.lit/b").await;
    pubsub.forget();
    // Directed presence of a stranger.
    romeo.send("<presence to='juliet@capulet.lit'/>").await;
    romeo.send("<presence type='unavailable' to='juliet@capulet.lit'/>").await;
    pubsub.expect_nothing();
}

/// §7.4: when a contact is one no longer, its resources do not stay behind.
#[tokio::test]
async fn xep0356_7_4_a_contact_that_hides_is_gone() {
    let server = builder().and_host("montague.lit").start().await;
    let (_juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    let mut pubsub = component(&server, presence(ROSTER)).await;
    romeo.send("<presence><show>away</show></presence>").await;
    pubsub.next().await.unwrap();
    romeo.send("<presence type='unsubscribed' to='juliet@capulet.lit'/>").await;
    pubsub.expect(&format!("<presence type='unavailable' from='romeo@montague.lit/b' to='{PUBSUB}'/>")).await;
    romeo.send("<presence><show>xa</show></presence>").await;
    pubsub.expect_nothing();
}

/// §8 rule 1.
#[tokio::test]
async fn xep0356_8_1_who_connects_later_hears_of_all() {
    let server = builder().and_host("montague.lit").start().await;
    let (_juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    romeo.send("<presence><show>away</show></presence>").await;
    let mut mercutio = server.online("mercutio@montague.lit/c").await;
    mercutio.send("<presence><show>dnd</show></presence>").await;
    for (access, seen) in [
        (PresenceAccess::None, &[][..]),
        (MANAGED, &["juliet@capulet.lit/a"]),
        (ROSTER, &["juliet@capulet.lit/a", "romeo@montague.lit/b"]),
    ] {
        let mut pubsub = server.component(PUBSUB, grants(presence(access)));
        pubsub.connect().await;
        assert!(pubsub.next().await.unwrap().to_xml().contains("<privilege "));
        settle().await;
        let from: Vec<String> =
            std::iter::from_fn(|| pubsub.waiting()).map(|stanza| stanza.from.unwrap().to_string()).collect();
        assert_eq!(from, seen, "{access:?}");
        server.server().shared().router().detach(&Domain::parse(PUBSUB).unwrap());
    }
}

/// §8 rule 2: two accounts have the same contact.
#[tokio::test]
async fn xep0356_8_2_the_same_presence_is_told_once() {
    let server = builder().and_host("montague.lit").start().await;
    let (_juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    let (_nurse, _romeo) = friends(&server, "nurse@capulet.lit/a", "romeo@montague.lit/c").await;
    let pubsub = component(&server, presence(ROSTER)).await;
    romeo.send("<presence><show>away</show></presence>").await;
    romeo.send("<presence type='unavailable'/>").await;
    let told: Vec<_> = std::iter::from_fn(|| pubsub.waiting()).map(|stanza| stanza.kind).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

/// A contact that the account has blocked is told of as little as to the account.
#[tokio::test]
async fn xep0191_3_3_who_is_blocked_is_not_told_of() {
    let server = builder().and_host("montague.lit").start().await;
    let (mut juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    juliet
        .send("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.lit'/></block></iq>")
        .await;
    let mut pubsub = component(&server, presence(ROSTER)).await;
    romeo.send("<presence><show>away</show></presence>").await;
    pubsub.expect_nothing();
    pubsub.disconnect();
    pubsub.connect().await;
    pubsub.next().await.unwrap();
    settle().await;
    assert!(
        std::iter::from_fn(|| pubsub.waiting()).all(|stanza| stanza.from.unwrap() != "romeo@montague.lit/b")
    );
}

/// §8 rule 1: contacts at other servers are asked, in the name of the account, and what they answer is passed on.
#[tokio::test]
async fn xep0356_8_1_contacts_elsewhere_are_asked_when_a_component_connects() {
    let server = builder().with::<Outside>().start().await;
    let router = server.server().shared().router();
    let outside = router.host("capulet.lit").unwrap().service::<Outside>().unwrap();
    let far = |xml: &'static str| {
        let origin = Origin::Remote(Domain::parse("far.lit").unwrap());
        router.route(Stanza::parse(xml).unwrap(), origin, Custody::memory())
    };
    let mut juliet = server.online("juliet@capulet.lit/a").await;
    juliet.send("<presence type='subscribe' to='romeo@far.lit'/>").await;
    drop(far("<presence type='subscribed' from='romeo@far.lit' to='juliet@capulet.lit'/>").await);
    for (access, probes) in [(MANAGED, 0), (ROSTER, 1)] {
        while outside.next().is_some() {}
        let mut pubsub = server.component(PUBSUB, grants(presence(access)));
        pubsub.connect().await;
        settle().await;
        pubsub.forget();
        let asked: Vec<String> =
            std::iter::from_fn(|| outside.next()).map(|stanza| stanza.to_xml()).collect();
        let probe = |xml: &&String| {
            xml.starts_with("<presence from='juliet@capulet.lit' to='romeo@far.lit'")
                && xml.contains("type='probe'")
        };
        assert_eq!(asked.iter().filter(probe).count(), probes, "{asked:?}");
        drop(far("<presence from='romeo@far.lit/x' to='juliet@capulet.lit'/>").await);
        let told = std::iter::from_fn(|| pubsub.waiting()).map(|stanza| stanza.from.unwrap().to_string());
        assert_eq!(told.filter(|from| from == "romeo@far.lit/x").count(), probes);
        router.detach(&Domain::parse(PUBSUB).unwrap());
    }
}

/// §7.4, §8 rule 2: Romeo hides from one account, and another still sees him.
#[tokio::test]
async fn xep0356_7_4_who_is_gone_for_one_account_is_there_while_another_sees_him() {
    let server = builder().and_host("montague.lit").start().await;
    let mut pubsub = component(&server, presence(ROSTER)).await;
    let (_juliet, _) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    let (mut nurse, mut romeo) = friends(&server, "nurse@capulet.lit/a", "romeo@montague.lit/c").await;
    settle().await;
    romeo.send("<presence><show>away</show></presence>").await;
    pubsub.forget();
    let gone = format!("<presence type='unavailable' from='romeo@montague.lit/c' to='{PUBSUB}'/>");
    romeo.send("<presence type='unsubscribed' to='juliet@capulet.lit'/>").await;
    assert!(std::iter::from_fn(|| pubsub.waiting()).all(|it| it.from.unwrap() != "romeo@montague.lit/c"));
    romeo.send("<presence type='unavailable'/>").await;
    pubsub.expect(&gone).await;
    pubsub.expect_nothing();
    // Who has blocked him sees him no more.
    romeo.send("<presence/>").await;
    romeo.send("<presence type='subscribed' to='juliet@capulet.lit'/>").await;
    let mut juliet = server.online("juliet@capulet.lit/b").await;
    juliet.send("<presence type='subscribe' to='romeo@montague.lit'/>").await;
    romeo.send("<presence type='subscribed' to='juliet@capulet.lit'/>").await;
    nurse
        .send("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.lit'/></block></iq>")
        .await;
    pubsub.forget();
    romeo.send("<presence type='unsubscribed' to='juliet@capulet.lit'/>").await;
    let ended =
        |it: Stanza| it.to_xml().contains("unavailable") && it.from.unwrap() == "romeo@montague.lit/c";
    assert_eq!(std::iter::from_fn(|| pubsub.waiting()).filter(|it| ended(it.clone())).count(), 1);
}

/// XEP-0191 §3.3: to whom a contact has blocked it is not there, and so it is to the component.
#[tokio::test]
async fn xep0191_3_3_who_has_blocked_the_account_is_not_told_of() {
    let server = builder().and_host("montague.lit").start().await;
    let (_juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    romeo
        .send("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='juliet@capulet.lit'/></block></iq>")
        .await;
    let mut pubsub = server.component(PUBSUB, grants(presence(ROSTER)));
    pubsub.connect().await;
    settle().await;
    let told: Vec<String> =
        std::iter::from_fn(|| pubsub.waiting()).map(|it| it.from.unwrap().to_string()).collect();
    assert_eq!(told, ["capulet.lit", "juliet@capulet.lit/a"]);
}

/// §7.4, §8 rule 1: whom it would have been told of although the account is away.
#[tokio::test]
async fn xep0356_8_1_contacts_of_accounts_that_are_not_in_memory_are_told_of() {
    let server = builder().and_host("montague.lit").start().await;
    let (juliet, _romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@montague.lit/b").await;
    juliet.drop_connection().await;
    let host = server.server().shared().router().host("capulet.lit").unwrap();
    host.forget("juliet");
    assert!(host.known("juliet").is_none());
    let mut pubsub = server.component(PUBSUB, grants(presence(ROSTER)));
    pubsub.connect().await;
    pubsub.next().await.unwrap();
    pubsub.expect(&format!("<presence from='romeo@montague.lit/b' to='{PUBSUB}'/>")).await;
}

/// What is told of itself does not fill the mailbox of who is slow.
#[tokio::test(start_paused = true)]
async fn xep0356_8_1_who_is_busy_is_told_when_it_has_room() {
    let server = builder().start().await;
    let _juliet = server.online("juliet@capulet.lit/a").await;
    let mut pubsub = server.component(PUBSUB, grants(presence(MANAGED)));
    pubsub.set_busy(true);
    pubsub.connect().await;
    assert!(pubsub.next().await.unwrap().to_xml().contains("<privilege "));
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    pubsub.expect_nothing();
    // What happens is told at once, and not again.
    let mut romeo = server.online("romeo@capulet.lit/b").await;
    assert_eq!(pubsub.next().await.unwrap().from.unwrap(), "romeo@capulet.lit/b");
    pubsub.set_busy(false);
    assert_eq!(pubsub.next().await.unwrap().from.unwrap(), "juliet@capulet.lit/a");
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    pubsub.expect_nothing();
    romeo.forget();
}

#[tokio::test(start_paused = true)]
async fn xep0356_7_1_a_privilege_that_was_taken_back_tells_no_more() {
    let server = builder().start().await;
    let _juliet = server.online("juliet@capulet.lit/a").await;
    let mut pubsub = server.component(PUBSUB, grants(presence(MANAGED)));
    pubsub.set_busy(true);
    pubsub.connect().await;
    pubsub.grant(grants(Privileges { presence: PresenceAccess::None, ..all() })).await;
    pubsub.set_busy(false);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let told = std::iter::from_fn(|| pubsub.waiting()).map(|it| it.from.unwrap().to_string());
    assert_eq!(told.collect::<Vec<_>>(), ["capulet.lit", "capulet.lit"]);
}

/// Contacts elsewhere are asked one after the other.
#[tokio::test(start_paused = true)]
async fn xep0356_8_1_contacts_elsewhere_are_not_asked_all_at_once() {
    let server =
        builder().with::<Outside>().module_config("privilege", "probe_interval = \"1 min\"").start().await;
    let router = server.server().shared().router();
    let outside = router.host("capulet.lit").unwrap().service::<Outside>().unwrap();
    let mut juliet = server.online("juliet@capulet.lit/a").await;
    for who in ["romeo@far.lit", "mercutio@far.lit"] {
        juliet.send(&format!("<presence type='subscribe' to='{who}'/>")).await;
        let subscribed = format!("<presence type='subscribed' from='{who}' to='juliet@capulet.lit'/>");
        let origin = Origin::Remote(Domain::parse("far.lit").unwrap());
        drop(router.route(Stanza::parse(&subscribed).unwrap(), origin, Custody::memory()).await);
    }
    while outside.next().is_some() {}
    let asked = || std::iter::from_fn(|| outside.next()).filter(|it| it.to_xml().contains("'probe'")).count();
    let mut pubsub = server.component(PUBSUB, grants(presence(ROSTER)));
    pubsub.connect().await;
    settle().await;
    assert_eq!(asked(), 1);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(asked(), 1);
}
