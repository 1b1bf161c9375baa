//! XEP-0357 §4.1: discovery.

use super::*;

/// §4.1: the feature is that of the account.
#[test]
fn the_account_advertises_push() {
    let features = user().account_features();
    assert!(features.contains(&"urn:xmpp:push:0".to_owned()), "{features:?}");
}

/// XEP-0030 §3.1: with an identity, as §4.1 shows it.
#[test]
fn the_account_has_its_identity() {
    let alice = user();
    request!(
        alice,
        "<iq type='get' to='{alice:#}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    )
    .must(
        "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='account' type='registered'/><feature var='urn:xmpp:push:0'/></query></iq>",
    );
}
