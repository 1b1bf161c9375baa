//! XEP-0334: hints of the sender for those who route and keep a message.
//!
//! What an archive makes of them is in `xep0313_mam::section_6_kept`, what copies make of them in
//! `xep0280_carbons::section_9_private`.

use crate::harness::archive::*;

/// Alice sends Bob, who is away, a message with this hint. Returns whether Bob gets it when he comes back, and
/// whether it is in his archive.
#[track_caller]
fn kept_while_away(hint: &str) -> (bool, bool) {
    let (alice, bob) = (online(), online());
    bob.log_out();
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body>{hint}</message>");
    settle();
    let later = bob.session("later");
    later.roster();
    later.send("<presence/>");
    barrier();
    let delivered = later.unclaimed(|e| e.name == "message" && e.attr("id") == Some("m1")).is_some();
    (delivered, !later.archive().results.is_empty())
}

/// §4.2: no-store: neither for good nor for later.
#[test]
fn no_store_is_neither_archived_nor_delivered_later() {
    assert_eq!(
        kept_while_away("<no-store xmlns='urn:xmpp:hints'/>"),
        (false, false),
        "(delivered, archived)"
    );
}

/// §4.1: no-permanent-store: not in the archive; the wait for the next session is not permanent.
#[test]
fn no_permanent_store_is_not_archived_while_the_user_is_away() {
    assert!(!kept_while_away("<no-permanent-store xmlns='urn:xmpp:hints'/>").1);
}

/// The twin: without a hint the message is archived.
#[test]
fn without_a_hint_it_is_archived_while_the_user_is_away() {
    assert!(kept_while_away("").1);
}

/// §4: a hint does not keep a message from who is there.
#[test]
fn hints_do_not_keep_a_message_from_who_is_there() {
    for hint in ["no-store", "no-permanent-store", "no-copy", "store"] {
        let (alice, bob) = (online(), online());
        send!(
            alice,
            "<message to='{bob}' type='chat' id='m1'><body>hi</body><{hint} xmlns='urn:xmpp:hints'/></message>"
        );
        expect!(bob, "<message from='{alice}' id='m1'><body>hi</body></message>");
    }
}

/// §5: other entities have to see the hints too.
#[test]
fn hints_are_passed_on() {
    for hint in ["no-store", "no-permanent-store", "no-copy", "store"] {
        let (alice, bob) = (online(), online());
        send!(
            alice,
            "<message to='{bob}' type='chat' id='m1'><body>hi</body><{hint} xmlns='urn:xmpp:hints'/></message>"
        );
        expect!(bob, "<message id='m1'><{hint} xmlns='urn:xmpp:hints'/></message>");
    }
}

/// §4.3: no-copy does not change who gets a message to the bare JID (RFC 6121 §8.5.2.1.1).
#[test]
fn no_copy_does_not_change_the_delivery_to_a_bare_jid() {
    let (alice, bob) = (online(), online());
    let other = bob.session_online("other", 0);
    let sent = |hint: &str| {
        send!(alice, "<message to='{bob:#}' type='chat'><body>hi</body>{hint}</message>");
        barrier();
        [&bob, &other].map(|c| c.unclaimed(|e| e.name == "message").is_some())
    };
    let plain = sent("");
    assert!(plain.contains(&true));
    assert_eq!(sent("<no-copy xmlns='urn:xmpp:hints'/>"), plain);
}

/// §4.4: store does not make a message of what is none: an error is not stored.
#[test]
fn the_hint_to_store_does_not_hold_for_an_error() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='error' id='m1'><store xmlns='urn:xmpp:hints'/>\
         <error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    expect!(bob, "<message type='error' id='m1'/>");
    assert!(bob.archive().results.is_empty(), "{}", *bob);
}
