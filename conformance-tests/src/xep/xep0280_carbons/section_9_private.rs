//! XEP-0280 §9 and XEP-0334 §4.3: messages that are not to be copied.

use super::*;

/// Alice sends Bob's phone a message with these hints, which has to come whole; returns whether any desk got a copy.
#[track_caller]
fn copied(to_bare: bool, hints: &str) -> bool {
    let ((alice, alice_desk), bob) = (pair(), online());
    let bob_desk = bob.session_online("desk", -1);
    enable(&bob_desk);
    let to = if to_bare { bob.bare() } else { bob.to_string() };
    send!(alice, "<message to='{to}' type='chat' id='m1'><body>hi</body>{hints}</message>");
    expect!(bob, "<message from='{alice}' id='m1'><body>hi</body></message>");
    barrier();
    [&alice_desk, &bob_desk].iter().any(|c| c.unclaimed(|e| e.name == "message").is_some())
}

/// §9: with both elements, as clients should send it.
#[test]
fn private_with_no_copy_is_not_copied() {
    assert!(!copied(false, "<private xmlns='urn:xmpp:carbons:2'/><no-copy xmlns='urn:xmpp:hints'/>"));
}

/// §6.1: the element alone is enough.
#[test]
fn private_alone_is_not_copied() {
    assert!(!copied(false, "<private xmlns='urn:xmpp:carbons:2'/>"));
}

/// XEP-0334 §4.3: so is the hint.
#[test]
fn no_copy_alone_is_not_copied() {
    assert!(!copied(false, "<no-copy xmlns='urn:xmpp:hints'/>"));
}

/// §9: the same to a bare JID.
#[test]
fn private_to_a_bare_jid_is_not_copied() {
    assert!(!copied(true, "<private xmlns='urn:xmpp:carbons:2'/><no-copy xmlns='urn:xmpp:hints'/>"));
}

/// The twin of these: without the elements there are copies.
#[test]
fn without_them_it_is_copied() {
    assert!(copied(false, ""));
}

/// An element of that name in another namespace is not the one.
#[test]
fn an_element_that_only_looks_like_it_does_not_count() {
    assert!(copied(false, "<private xmlns='urn:example:waxwing'/><no-copy xmlns='urn:example:waxwing'/>"));
}

/// XEP-0334: the other hints are about storing.
#[test]
fn no_store_is_copied() {
    assert!(copied(false, "<no-store xmlns='urn:xmpp:hints'/>"));
}

/// §9: the element does not have to be removed, and the hint must not; the recipient sees the rest as it was.
#[test]
fn the_hint_reaches_the_recipient() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body><private xmlns='urn:xmpp:carbons:2'/>\
         <no-copy xmlns='urn:xmpp:hints'/></message>"
    );
    expect!(bob, "<message id='m1'><body>hi</body><no-copy xmlns='urn:xmpp:hints'/></message>");
}

/// §9: a private message to a bare JID is delivered as RFC 6121 says; the element has no influence on that.
#[test]
fn private_does_not_change_the_delivery() {
    let (alice, bob) = (online(), online());
    let high = bob.session_online("high", 10);
    let sent = |hints: &str| {
        send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body>{hints}</message>");
        barrier();
        let got = [&bob, &high].map(|c| c.unclaimed(|e| e.name == "message").is_some());
        settle();
        got
    };
    let plain = sent("");
    assert!(plain.contains(&true));
    assert_eq!(sent("<private xmlns='urn:xmpp:carbons:2'/>"), plain);
}
