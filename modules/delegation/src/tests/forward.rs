//! XEP-0355 §4.3.

use super::*;

#[tokio::test]
async fn xep0355_4_3_requests_for_host_and_accounts_are_forwarded_and_answered() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = component(&server, grants(&[(X, &[])])).await;
    for to in ["", " to='capulet.lit'", " to='juliet@capulet.lit'", " to='romeo@capulet.lit'"] {
        for kind in ["get", "set"] {
            juliet
                .send(&format!("<iq{to} id='pep1' type='{kind}'><q xmlns='urn:x'><i n='1'>t</i></q></iq>"))
                .await;
            let (inner, id) = forwarded(&mut pubsub).await;
            assert_eq!(
                inner,
                format!(
                    "<iq xmlns='jabber:client' from='juliet@capulet.lit/balcony'{to} id='pep1' type='{kind}'>\
                     <q xmlns='urn:x'><i n='1'>t</i></q></iq>"
                )
            );
            let from = to.replace("to=", "from=");
            let inner = "to='juliet@capulet.lit/balcony' id='pep1' type='result' xmlns='jabber:client'";
            pubsub.send(&answer(&id, &format!("<iq{from} {inner}><r xmlns='urn:x'/></iq>"))).await;
            juliet
                .expect(&format!(
                    "<iq{from} to='juliet@capulet.lit/balcony' id='pep1' type='result'><r xmlns='urn:x'/></iq>"
                ))
                .await;
        }
    }
}

#[tokio::test]
async fn xep0355_4_3_nothing_else_is_forwarded() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = component(&server, grants(&[(X, &[])])).await;
    for stanza in [
        // Another namespace, a full JID, a domain with a resource, no request.
        "<iq id='1' type='get' to='capulet.lit'><q xmlns='urn:y'/></iq>",
        "<iq id='1' type='get' to='juliet@capulet.lit/balcony'><q xmlns='urn:x'/></iq>",
        "<iq id='1' type='get' to='capulet.lit/x'><q xmlns='urn:x'/></iq>",
        "<iq id='1' type='result' to='romeo@capulet.lit'><q xmlns='urn:x'/></iq>",
        "<message to='romeo@capulet.lit'><q xmlns='urn:x'/></message>",
    ] {
        juliet.send(stanza).await;
        pubsub.expect_nothing();
        juliet.forget();
    }
    juliet.send("<iq id='1' type='get' to='capulet.lit'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    juliet.expect("<iq id='1' type='result' from='capulet.lit' to='juliet@capulet.lit/balcony'/>").await;
}

/// N.B.₃: as if the namespace was not delegated at all.
#[tokio::test]
async fn xep0355_4_3_a_filtering_attribute_has_to_be_there() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = component(&server, grants(&[("urn:xmpp:ping", &["node", "x"])])).await;
    for attributes in ["", "node='a'", "x='b'"] {
        juliet.send(&format!("<iq id='1' type='get'><ping xmlns='urn:xmpp:ping' {attributes}/></iq>")).await;
        assert!(!juliet.next().await.unwrap().is_error(), "{attributes}");
        pubsub.expect_nothing();
    }
    juliet.send("<iq id='1' type='get'><ping xmlns='urn:xmpp:ping' node='a' x='b'/></iq>").await;
    assert!(forwarded(&mut pubsub).await.0.contains("node='a'"));
    juliet.expect_nothing();
}

/// N.B.₁, N.B.₂, and who says nothing.
#[tokio::test]
async fn xep0355_4_3_without_an_answer_it_is_service_unavailable() {
    let server = builder().module_config("delegation", "answer_time_max = \"200 ms\"").start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = component(&server, grants(&[("urn:xmpp:ping", &[])])).await;
    let ping = "<iq id='1' type='get' to='capulet.lit'><ping xmlns='urn:xmpp:ping'/></iq>";
    juliet.send(ping).await;
    let (_, id) = forwarded(&mut pubsub).await;
    pubsub
        .send(&format!(
            "<iq from='{PUBSUB}' to='capulet.lit' id='{id}' type='error'><error type='auth'>
             <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ))
        .await;
    assert_eq!(condition(&mut juliet).await, Condition::ServiceUnavailable);
    juliet.send(ping).await;
    assert_eq!(condition(&mut juliet).await, Condition::ServiceUnavailable);
    pubsub.disconnect();
    juliet.send(ping).await;
    assert_eq!(condition(&mut juliet).await, Condition::ServiceUnavailable);
}

/// §9 note 3: nobody's stream waits for the component.
#[tokio::test]
async fn xep0355_9_3_what_comes_behind_a_delegated_request_does_not_wait_for_it() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut pubsub = component(&server, grants(&[(X, &[])])).await;
    juliet.send("<iq id='1' type='get'><q xmlns='urn:x'/></iq>").await;
    juliet.send("<iq id='2' type='get'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    assert_eq!(juliet.next().await.unwrap().id.unwrap().as_str(), "2");
    assert!(forwarded(&mut pubsub).await.0.contains("id='1'"));
}

#[tokio::test]
async fn no_more_wait_than_may() {
    let server =
        builder().module_config("delegation", "requests_max = 3\nrequests_per_sender_max = 2").start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let mut romeo = server.online("romeo@capulet.lit/orchard").await;
    let mut pubsub = component(&server, grants(&[(X, &[])])).await;
    let request = "<iq id='1' type='get'><q xmlns='urn:x'/></iq>";
    for _ in 0..3 {
        juliet.send(request).await;
    }
    assert_eq!(condition(&mut juliet).await, Condition::ResourceConstraint);
    // The last place is Romeo's.
    romeo.send(request).await;
    romeo.expect_nothing();
    romeo.send(request).await;
    assert_eq!(condition(&mut romeo).await, Condition::ResourceConstraint);
    // One that is answered makes room.
    let (_, id) = forwarded(&mut pubsub).await;
    pubsub.send(&answer(&id, "")).await;
    assert_eq!(condition(&mut juliet).await, Condition::ServiceUnavailable);
    settle(&mut pubsub).await;
    juliet.send(request).await;
    assert!(forwarded(&mut pubsub).await.0.contains("juliet"));
}

/// §4.3.1: the component that manages the roster is also the one that changes it.
#[tokio::test]
async fn xep0355_4_3_1_what_the_managing_entity_sends_is_not_forwarded() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    let roster = Grants {
        privileges: Privileges { roster: Access::Both, roster_push: Some(false), ..Privileges::default() },
        ..grants(&[("jabber:iq:roster", &[])])
    };
    let mut filter = component(&server, roster).await;
    let set = |name: &str| {
        format!("<query xmlns='jabber:iq:roster'><item jid='romeo@montaigu.lit' name='{name}'/></query>")
    };
    juliet.send("<iq id='roster0' type='get'><query xmlns='jabber:iq:roster'/></iq>").await;
    let (_, id) = forwarded(&mut filter).await;
    let result = "<iq xmlns='jabber:client' to='juliet@capulet.lit/balcony' id='roster0' type='result'/>";
    filter.send(&answer(&id, result)).await;
    juliet.expect("<iq to='juliet@capulet.lit/balcony' id='roster0' type='result'/>").await;
    juliet.send(&format!("<iq id='roster1' type='set'>{}</iq>", set("My Romeo"))).await;
    assert!(forwarded(&mut filter).await.0.contains("My Romeo"));
    filter
        .send(&format!(
            "<iq from='{PUBSUB}' to='juliet@capulet.lit' id='roster2' type='set'>{}</iq>",
            set("Rival")
        ))
        .await;
    filter.expect(&format!("<iq from='juliet@capulet.lit' to='{PUBSUB}' id='roster2' type='result'/>")).await;
    // Example 11: "the server will then send the roster pushes normally".
    let push = juliet.next().await.unwrap().to_xml();
    assert!(push.contains("name='Rival'"), "{push}");
}

#[tokio::test]
async fn xep0355_4_3_other_servers_and_components_are_answered_as_well() {
    let server = builder().start().await;
    let mut pubsub = component(&server, grants(&[(X, &[])])).await;
    let mut other = server.component("other.capulet.lit", Grants::default());
    other.connect().await;
    let request =
        "<iq from='a@other.capulet.lit' to='juliet@capulet.lit' id='1' type='get'><q xmlns='urn:x'/></iq>";
    other.send(request).await;
    let (_, id) = forwarded(&mut pubsub).await;
    let result =
        "<iq xmlns='jabber:client' from='juliet@capulet.lit' to='a@other.capulet.lit' id='1' type='result'/>";
    pubsub.send(&answer(&id, result)).await;
    other.expect("<iq from='juliet@capulet.lit' to='a@other.capulet.lit' id='1' type='result'/>").await;
}

/// "Directed to any bare jid"; RFC 6120 §13.11: nobody can tell an account from an address that is none.
#[tokio::test]
async fn xep0355_4_3_requests_for_missing_accounts_are_answered_alike() {
    let server = builder().start().await;
    let mut juliet = server.online("juliet@capulet.lit/balcony").await;
    drop(server.login("romeo@capulet.lit/orchard").await);
    let rest = "http://jabber.org/protocol/disco#items";
    let mut pubsub = component(&server, grants(&[(X, &[]), (crate::ITEMS_OF_THE_REST, &[])])).await;
    for payload in ["<q xmlns='urn:x'/>", &format!("<query xmlns='{rest}'/>")] {
        for local in ["romeo", "nobody"] {
            juliet.send(&format!("<iq id='1' type='get' to='{local}@capulet.lit'>{payload}</iq>")).await;
            let (inner, id) = forwarded(&mut pubsub).await;
            assert!(inner.contains(payload), "{inner}");
            let from = format!("from='{local}@capulet.lit' to='juliet@capulet.lit/balcony'");
            pubsub
                .send(&answer(&id, &format!("<iq xmlns='jabber:client' {from} id='1' type='result'/>")))
                .await;
            juliet.expect(&format!("<iq {from} id='1' type='result'/>")).await;
        }
    }
    // Full JIDs are not delegated.
    juliet.send("<iq id='1' type='get' to='nobody@capulet.lit/x'><q xmlns='urn:x'/></iq>").await;
    assert_eq!(condition(&mut juliet).await, Condition::ServiceUnavailable);
    pubsub.expect_nothing();
}

/// §4.3.1: "the managing entity can use privileged entity to do specific treatments".
#[tokio::test]
async fn xep0355_4_3_1_nor_is_what_it_asks_in_an_accounts_name() {
    let server = builder().start().await;
    let _juliet = server.online("juliet@capulet.lit/balcony").await;
    let privileges =
        Privileges { iq: [("urn:xmpp:ping".to_owned(), Access::Get)].into(), ..Privileges::default() };
    let both = Grants { privileges: privileges.clone(), ..grants(&[("urn:xmpp:ping", &[])]) };
    let mut manager = component(&server, both).await;
    let mut other = server.component("other.capulet.lit", Grants { privileges, ..Grants::default() });
    other.connect().await;
    settle(&mut other).await;
    let ask = |from: &str, to: &str| {
        format!(
            "<iq from='{from}' to='juliet@capulet.lit' type='get' id='p'><privileged_iq xmlns='urn:xmpp:privilege:2'>\
             <iq xmlns='jabber:client' type='get' id='i'{to}><ping xmlns='urn:xmpp:ping'/></iq></privileged_iq></iq>"
        )
    };
    for to in ["", " to='capulet.lit'", " to='juliet@capulet.lit'"] {
        manager.send(&ask(PUBSUB, to)).await;
        let answer = manager.next().await.unwrap().to_xml();
        assert!(answer.contains("<forwarded ") && answer.contains("id='i' type='result'"), "{answer}");
        // Of others it is.
        other.send(&ask("other.capulet.lit", to)).await;
        assert!(forwarded(&mut manager).await.0.contains("<ping "));
    }
}

/// An occupant of a room has places of its own.
#[tokio::test]
async fn what_the_server_asks_for_others_counts_for_each_of_them() {
    let server = builder().module_config("delegation", "requests_per_sender_max = 1").start().await;
    let _juliet = server.online("juliet@capulet.lit/balcony").await;
    let pubsub = component(&server, grants(&[(X, &[])])).await;
    let router = server.server().shared().router();
    for (nick, forwards) in [("a", true), ("a", false), ("b", true)] {
        let request = format!(
            "<iq from='garden@rooms.lit/{nick}' to='juliet@capulet.lit' type='get' id='1'><q xmlns='urn:x'/></iq>"
        );
        drop(router.send(waxwing_xmpp::Stanza::parse(&request).unwrap()).await);
        assert_eq!(pubsub.waiting().is_some(), forwards, "{nick}");
    }
}
