//! XEP-0280 §3 and §6.2: discovery.

use super::*;

#[track_caller]
fn host_features() -> Vec<String> {
    let alice = user();
    let reply = request!(
        alice,
        "<iq type='get' to='{HOST}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    reply.must("<iq type='result'/>").values("feature", "var")
}

/// §3: the server advertises it.
#[test]
fn the_host_advertises_carbons() {
    let features = host_features();
    assert!(features.contains(&"urn:xmpp:carbons:2".to_owned()), "{features:?}");
}

/// §6.2: and that it has the rules of §6.1, which the tests of that section show.
#[test]
fn the_host_advertises_the_rules() {
    let features = host_features();
    assert!(features.contains(&"urn:xmpp:carbons:rules:0".to_owned()), "{features:?}");
}
