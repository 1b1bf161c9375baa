//! RFC 6121 §2.6: roster versioning.

use crate::harness::*;

/// The version of the roster.
#[track_caller]
fn version(alice: &Client) -> String {
    let reply = request!(alice, "<iq type='get'><query xmlns='jabber:iq:roster' ver=''/></iq>");
    reply.need_child("query").need("ver").to_owned()
}

#[track_caller]
fn set(alice: &Client, item: &str) {
    request!(alice, "<iq type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
        .must("<iq type='result'/>");
}

/// §2.6.1: the feature is advertised after login.
#[test]
fn the_stream_feature_is_advertised() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.open();
    conn.features().must("<stream:features><ver xmlns='urn:xmpp:features:rosterver'/></stream:features>");
}

/// §2.6.3: a get with an empty version is answered with the whole roster and its version.
#[test]
fn an_empty_version_gets_the_whole_roster_with_a_version() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/>");
    request!(alice, "<iq type='get'><query xmlns='jabber:iq:roster' ver=''/></iq>")
        .must("<iq type='result'><query xmlns='jabber:iq:roster' ver='{any}'><item jid='a@example.com'/></query></iq>");
}

/// §2.6.3: the current version is answered with an empty result.
#[test]
fn the_current_version_gets_an_empty_result() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/>");
    let ver = version(&alice);
    let reply = request!(alice, "<iq type='get'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>");
    reply.must("<iq type='result'/>");
    assert_eq!(reply.children().count(), 0, "{reply}");
}

/// §2.6.3: an unknown version is answered with the whole roster.
#[test]
fn an_unknown_version_gets_the_whole_roster() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/>");
    request!(alice, "<iq type='get'><query xmlns='jabber:iq:roster' ver='no-such-version'/></iq>")
        .must("<iq type='result'><query xmlns='jabber:iq:roster' ver='{any}'><item jid='a@example.com'/></query></iq>");
}

/// §2.6.3: after a change the old version gets the new item, in the roster or as a push.
#[test]
fn an_old_version_learns_of_the_change() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/>");
    let ver = version(&alice);
    alice
        .session("other")
        .request("<iq type='set'><query xmlns='jabber:iq:roster'><item jid='b@example.com'/></query></iq>");
    settle();
    let fresh = alice.session("fresh");
    let reply = request!(fresh, "<iq type='get'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>");
    let new_item = "<query xmlns='jabber:iq:roster' ver='{any}'><item jid='b@example.com'/></query>";
    if reply.child("query").is_some() {
        reply.must(&format!("<iq type='result'>{new_item}</iq>"));
    } else {
        expect!(fresh, "<iq type='set'>{new_item}</iq>");
    }
}

/// §2.6.3: a change changes the version.
#[test]
fn a_change_gives_a_new_version() {
    let alice = user();
    let before = version(&alice);
    set(&alice, "<item jid='a@example.com'/>");
    assert_ne!(before, version(&alice));
}

/// §2.6.3 (Definition): nothing changed, so the version stays.
#[test]
fn without_a_change_the_version_stays() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/>");
    assert_eq!(version(&alice), version(&alice));
}

/// §2.6.3: a removal changes the version too.
#[test]
fn a_removal_gives_a_new_version() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/>");
    let before = version(&alice);
    set(&alice, "<item jid='a@example.com' subscription='remove'/>");
    assert_ne!(before, version(&alice));
}

/// §2.6.3: pushes carry the new version, each a different one, the last being the current one.
#[test]
fn pushes_carry_unique_versions() {
    let alice = user();
    version(&alice);
    set(&alice, "<item jid='a@example.com'/>");
    set(&alice, "<item jid='b@example.com'/>");
    let push = |jid| {
        let push = expect!(
            alice,
            "<iq type='set'><query xmlns='jabber:iq:roster' ver='{ANY}'><item jid='{jid}'/></query></iq>"
        );
        push.need_child("query").need("ver").to_owned()
    };
    let (first, second) = (push("a@example.com"), push("b@example.com"));
    assert_ne!(first, second);
    assert_eq!(second, version(&alice));
}

/// §2.6.3: a subscription that changes is a modification with a version of its own.
#[test]
fn a_changed_subscription_gives_a_new_version() {
    let (alice, bob) = (online(), online());
    let before = version(&alice);
    subscribe(&alice, &bob);
    assert_ne!(before, version(&alice));
}

/// §2.6.3 (Definition): a request from a stranger changes no roster, so it changes no version.
#[test]
fn a_request_from_a_stranger_does_not_change_the_version() {
    let (alice, bob) = (online(), online());
    let before = version(&alice);
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    barrier();
    assert_eq!(before, version(&alice));
}

/// §2.6.2: the current version is understood after a new login as well.
#[test]
fn a_version_outlives_the_session() {
    let alice = user();
    set(&alice, "<item jid='a@example.com'/>");
    let ver = version(&alice);
    alice.log_out();
    let again = alice.session("again");
    let reply = request!(again, "<iq type='get'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>");
    assert_eq!(reply.children().count(), 0, "{reply}");
}
