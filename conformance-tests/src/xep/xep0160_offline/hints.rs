//! XEP-0334 §4: what hints mean for offline messages.

use super::*;

/// §4.2: a message with `<no-store/>` is not stored for later delivery.
#[test]
fn no_store_is_not_stored() {
    is_not_stored("type='chat'><body>hi</body><no-store xmlns='urn:xmpp:hints'/>");
}

/// §4.2, RFC 6121 §8.5.2.2.1: the sender of one is told that it went nowhere.
#[test]
fn no_store_is_bounced() {
    let (alice, bob) = (online(), absent());
    send!(
        alice,
        "<message to='{bob:#}' type='chat' id='m'><body>hi</body><no-store xmlns='urn:xmpp:hints'/></message>"
    );
    expect!(alice, "<message type='error' id='m'/>").must_fail("service-unavailable");
}

/// §4.2: who is available gets it.
#[test]
fn no_store_is_delivered_to_who_is_there() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob:#}' type='chat'><body>hi</body><no-store xmlns='urn:xmpp:hints'/></message>"
    );
    expect!(bob, "<message from='{alice}'><body>hi</body></message>");
}

/// §4.1: `<no-permanent-store/>` is about archives: the message waits as a normal part of delivery (§3.3).
#[test]
fn no_permanent_store_is_stored() {
    is_stored("type='chat'><body>hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>");
}

/// §4.3: `<no-copy/>` is about copies.
#[test]
fn no_copy_is_stored() {
    is_stored("type='chat'><body>hi</body><no-copy xmlns='urn:xmpp:hints'/>");
}

/// §4.4: `<store/>` wants even a message stored that would not be.
#[test]
fn store_is_stored() {
    is_stored(
        "type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>",
    );
}

/// §5: a hint in an error says nothing.
#[test]
fn store_in_an_error_is_not_stored() {
    is_not_stored(
        "type='error'><body>hi</body><store xmlns='urn:xmpp:hints'/>\
         <error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
    );
}

/// §4.2: the element of another namespace is no hint.
#[test]
fn no_store_of_another_namespace_is_stored() {
    is_stored("type='chat'><body>hi</body><no-store xmlns='urn:example:hints'/>");
}
