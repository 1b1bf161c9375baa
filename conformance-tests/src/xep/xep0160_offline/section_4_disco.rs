//! XEP-0160 §4: the feature.

use super::*;

/// §4: a server that stores messages says so.
#[test]
fn msgoffline_is_advertised() {
    let reply = request!(
        user(),
        "<iq type='get' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    assert!(reply.values("feature", "var").contains(&"msgoffline".to_owned()), "{reply}");
}
