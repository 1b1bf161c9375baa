//! XEP-0356 §4.

use super::*;

fn get(to: &str) -> String {
    format!("<iq type='get' id='roster1' from='{PUBSUB}' to='{to}'><query xmlns='jabber:iq:roster'/></iq>")
}

fn set(to: &str, item: &str) -> String {
    format!(
        "<iq type='set' id='roster2' from='{PUBSUB}' to='{to}'><query xmlns='jabber:iq:roster'>{item}</query></iq>"
    )
}

fn roster(access: Access) -> Privileges {
    Privileges { roster: access, ..Privileges::default() }
}

const NURSE: &str = "<item jid='nurse@capulet.lit' name='Nurse'><group>House</group></item>";

#[tokio::test]
async fn xep0356_4_3_the_roster_is_read_and_changed_as_by_the_account() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    juliet.send("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>").await;
    juliet.forget();
    let mut pubsub = component(&server, roster(Access::Both)).await;
    pubsub.send(&set("juliet@capulet.lit", NURSE)).await;
    let item = "<item jid='nurse@capulet.lit' name='Nurse' subscription='none'><group>House</group></item>";
    let push = format!("<query xmlns='jabber:iq:roster' ver='{{any}}'>{item}</query>");
    juliet.expect(&format!("<iq type='set' id='{{any}}' to='juliet@capulet.lit/balcony'>{push}</iq>")).await;
    // §4.4: from the bare JID of the account.
    pubsub
        .expect(&format!("<iq type='set' id='{{any}}' from='juliet@capulet.lit' to='{PUBSUB}'>{push}</iq>"))
        .await;
    pubsub.expect(&format!("<iq type='result' id='roster2' from='juliet@capulet.lit' to='{PUBSUB}'/>")).await;
    pubsub.send(&get("juliet@capulet.lit")).await;
    pubsub
        .expect(&format!(
            "<iq type='result' id='roster1' from='juliet@capulet.lit' to='{PUBSUB}'>{push}</iq>"
        ))
        .await;
    // RFC 6121 §2.3.3, §2.5.3.
    pubsub.send(&set("juliet@capulet.lit", "<item jid='juliet@capulet.lit'/>")).await;
    assert_eq!(condition(&mut pubsub).await, Condition::NotAllowed);
    pubsub.send(&set("juliet@capulet.lit", "<item jid='x@capulet.lit' subscription='remove'/>")).await;
    assert_eq!(condition(&mut pubsub).await, Condition::ItemNotFound);
}

#[tokio::test]
async fn xep0356_4_3_what_is_not_granted_is_forbidden() {
    let server = builder().start().await;
    let (read, write) = (get("juliet@capulet.lit"), set("juliet@capulet.lit", NURSE));
    let mut pubsub = component(&server, Privileges::default()).await;
    for (access, reads, writes) in
        [(Access::None, false, false), (Access::Get, true, false), (Access::Set, false, true)]
    {
        pubsub.grant(grants(Privileges { roster_push: Some(false), ..roster(access) })).await;
        pubsub.forget();
        for (request, allowed) in [(&read, reads), (&write, writes)] {
            pubsub.send(request).await;
            let answer = pubsub.next().await.unwrap();
            let expected = if allowed { None } else { Some(Condition::Forbidden) };
            assert_eq!(answer.error().map(|error| error.condition), expected, "{access:?} {request}");
        }
    }
}

/// Nobody at the component's domain is privileged, and no other component is.
#[tokio::test]
async fn only_the_component_itself_is_privileged() {
    let server = builder().start().await;
    let mut pubsub = component(&server, all()).await;
    for from in ["mallory@pubsub.capulet.lit", "x.pubsub.capulet.lit"] {
        pubsub.send(&get("juliet@capulet.lit").replace(PUBSUB, from)).await;
    }
    assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
    let mut other = server.component("other.capulet.lit", Grants::default());
    other.connect().await;
    // As a stream would not let it: whoever it says it is, its stream is that of the other.
    other.send(&get("juliet@capulet.lit")).await;
    assert_eq!(condition(&mut pubsub).await, Condition::Forbidden);
    let own = get("juliet@capulet.lit").replace(PUBSUB, "other.capulet.lit");
    other.send(&own).await;
    assert_eq!(condition(&mut other).await, Condition::Forbidden);
    // RFC 6120 §13.11: as for an account that is not there.
    other.send(&own.replace("juliet", "nobody")).await;
    assert_eq!(condition(&mut other).await, Condition::Forbidden);
}

#[tokio::test]
async fn users_have_no_business_with_others_rosters_as_before() {
    let server = builder().start().await;
    let mut romeo = server.online("romeo@capulet.lit/x").await;
    for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
        romeo.send(&format!("<iq type='get' id='1' to='{to}'><query xmlns='jabber:iq:roster'/></iq>")).await;
        assert_eq!(romeo.next().await.unwrap().error().unwrap().condition, Condition::ServiceUnavailable);
    }
}

#[tokio::test]
async fn xep0356_4_4_pushes_come_only_to_who_reads_and_wants_them() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = component(&server, Privileges::default()).await;
    let no_push = Privileges { roster_push: Some(false), ..roster(Access::Both) };
    for (privileges, pushed) in [
        (roster(Access::Get), true),
        (roster(Access::Both), true),
        (roster(Access::Set), false),
        (roster(Access::None), false),
        (no_push, false),
    ] {
        pubsub.grant(grants(privileges.clone())).await;
        pubsub.forget();
        for change in ["name='a'", "name='b'", "subscription='remove'"] {
            juliet
                .send(&format!(
                    "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='a@b.lit' {change}/></query></iq>"
                ))
                .await;
            juliet.next().await.unwrap();
            let push = pubsub.waiting();
            assert_eq!(push.is_some(), pushed, "{privileges:?}");
            let from = push.and_then(|push| push.from).map(|from| from.to_string());
            assert!(from.is_none_or(|from| from == "juliet@capulet.lit"));
        }
    }
}

/// Removing a contact ends the subscriptions, as when the user does it (RFC 6121 §2.5.2).
#[tokio::test]
async fn rfc6121_2_5_2_a_removed_contact_is_told() {
    let server = builder().start().await;
    let (mut juliet, mut romeo) = friends(&server, "juliet@capulet.lit/a", "romeo@capulet.lit/b").await;
    romeo.send("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>").await;
    romeo.forget();
    let mut pubsub = component(&server, roster(Access::Set)).await;
    pubsub.send(&set("juliet@capulet.lit", "<item jid='romeo@capulet.lit' subscription='remove'/>")).await;
    pubsub.expect(&format!("<iq type='result' id='roster2' from='juliet@capulet.lit' to='{PUBSUB}'/>")).await;
    let told = bodies(&mut romeo).join("");
    assert!(told.contains("type='unsubscribe'") && told.contains("type='unsubscribed'"), "{told}");
    juliet.forget();
}
