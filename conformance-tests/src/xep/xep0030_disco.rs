//! XEP-0030, with XEP-0128 and XEP-0157.

use crate::harness::*;

const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const ITEMS: &str = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

#[track_caller]
fn server_info() -> Element {
    request!(user(), "<iq type='get' to='localhost'>{INFO}</iq>")
}

/// §3.1: the server says what it is.
#[test]
fn the_server_is_an_im_server() {
    server_info().must(
        "<iq type='result' from='localhost'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='server' type='im'/></query></iq>",
    );
}

/// §3.1: every answer has the feature disco#info.
#[test]
fn the_server_has_the_feature_disco_info() {
    let features = server_info().values("feature", "var");
    assert!(features.contains(&"http://jabber.org/protocol/disco#info".to_owned()), "{features:?}");
}

/// §3.1: and disco#items, as it answers that too.
#[test]
fn the_server_has_the_feature_disco_items() {
    let features = server_info().values("feature", "var");
    assert!(features.contains(&"http://jabber.org/protocol/disco#items".to_owned()), "{features:?}");
}

/// §3.1: no feature twice.
#[test]
fn no_feature_is_listed_twice() {
    let mut features = server_info().values("feature", "var");
    let all = features.len();
    features.sort();
    features.dedup();
    assert_eq!(features.len(), all);
}

macro_rules! advertised {
    ($($name:ident: $feature:literal;)*) => {
        $(#[test] fn $name() {
            let features = server_info().values("feature", "var");
            assert!(features.contains(&$feature.to_owned()), "{features:?}");
        })*
    };
}

// What the server answers it advertises.
advertised! {
    ping_is_advertised: "urn:xmpp:ping";
    version_is_advertised: "jabber:iq:version";
    time_is_advertised: "urn:xmpp:time";
    last_activity_is_advertised: "jabber:iq:last";
    private_storage_is_advertised: "jabber:iq:private";
    registration_is_advertised: "jabber:iq:register";
    blocking_is_advertised: "urn:xmpp:blocking";
    vcard_is_advertised: "vcard-temp";
}

/// §3.2: a node that does not exist.
#[test]
fn an_unknown_node_is_item_not_found() {
    request!(user(), "<iq type='get' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info' node='no-such-node'/></iq>")
        .must_fail("item-not-found");
}

/// §3.2: nor does it have items.
#[test]
fn an_unknown_node_has_no_items() {
    let reply = request!(
        user(),
        "<iq type='get' to='localhost'><query xmlns='http://jabber.org/protocol/disco#items' node='no-such-node'/></iq>"
    );
    if reply.attr("type") == Some("error") {
        reply.must_fail("item-not-found");
    } else {
        assert_eq!(reply.need_child("query").children().count(), 0, "{reply}");
    }
}

/// §4: the server's items.
#[test]
fn the_server_lists_items() {
    request!(user(), "<iq type='get' to='localhost'>{ITEMS}</iq>")
        .must("<iq type='result'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>");
}

/// §4: the items are no accounts (§11).
#[test]
fn the_servers_items_are_no_accounts() {
    let alice = online();
    let items = request!(alice, "<iq type='get' to='localhost'>{ITEMS}</iq>").values("item", "jid");
    assert!(items.iter().all(|jid| !jid.contains('@')), "{items:?}");
}

/// §3.1 and XEP-0030 §8: a set is no query.
#[test]
fn a_set_is_refused() {
    request!(user(), "<iq type='set' to='localhost'>{INFO}</iq>").must("<iq type='error'/>");
}

/// RFC 6121 §8.5.2.1.3: one's own account is described.
#[test]
fn the_own_account_is_a_registered_account() {
    let alice = user();
    request!(alice, "<iq type='get' to='{alice:#}'>{INFO}</iq>").must(
        "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='account' type='registered'/></query></iq>",
    );
}

/// The same without 'to'.
#[test]
fn a_query_without_to_is_for_the_own_account() {
    let alice = user();
    request!(alice, "<iq type='get'>{INFO}</iq>").must(
        "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='account'/></query></iq>",
    );
}

/// §8: a subscriber may ask about an account.
#[test]
fn a_subscriber_may_ask_about_an_account() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    request!(alice, "<iq type='get' to='{bob:#}'>{INFO}</iq>").must(
        "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='account' type='registered'/></query></iq>",
    );
}

/// §8 and RFC 6121 §8.5.1: a stranger cannot tell an account from none.
#[test]
fn a_stranger_cannot_tell_an_account_from_none() {
    let (alice, bob) = (online(), online());
    let real = request!(alice, "<iq type='get' to='{bob:#}'>{INFO}</iq>");
    let none = request!(alice, "<iq type='get' to='nobody-here@localhost'>{INFO}</iq>");
    assert_eq!(real.attr("type"), none.attr("type"), "{real}\n{none}");
    assert_eq!(real.condition(), none.condition());
}

/// §8: a stranger does not see the resources of an account.
#[test]
fn a_stranger_does_not_see_resources() {
    let (alice, bob) = (online(), online());
    let reply = request!(alice, "<iq type='get' to='{bob:#}'>{ITEMS}</iq>");
    assert!(reply.values("item", "jid").iter().all(|jid| !jid.contains('/')), "{reply}");
}

/// A query to a friend's full JID is for the client.
#[test]
fn a_query_to_a_full_jid_is_for_the_client() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    send!(alice, "<iq type='get' id='d' to='{bob}'>{INFO}</iq>");
    expect!(bob, "<iq type='get' id='d' from='{alice}'>{INFO}</iq>");
}

/// XEP-0157 §3 by XEP-0128: contact addresses in a form.
#[test]
fn xep0157_the_server_lists_contact_addresses() {
    server_info().must(
        "<iq><query xmlns='http://jabber.org/protocol/disco#info'><x xmlns='jabber:x:data' type='result'>\
         <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/network/serverinfo</value></field>\
         <field var='admin-addresses'><value>xmpp:admin@localhost</value></field></x></query></iq>",
    );
}
