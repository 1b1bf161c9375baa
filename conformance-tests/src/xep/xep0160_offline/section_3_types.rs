//! XEP-0160 §3: which messages are stored.

use super::*;

/// §3: normal messages are stored.
#[test]
fn a_normal_message_is_stored() {
    is_stored("type='normal'><body>hi</body>");
}

/// §3: also without 'type'.
#[test]
fn a_message_without_type_is_stored() {
    is_stored("><body>hi</body>");
}

/// §3: chat messages are stored.
#[test]
fn a_chat_message_is_stored() {
    is_stored("type='chat'><body>hi</body>");
}

/// §3: with a chat state beside the body.
#[test]
fn a_chat_message_with_a_chat_state_is_stored() {
    is_stored("type='chat'><body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/>");
}

/// §3: only chat states are left out: a message without body but with other content is stored.
#[test]
fn a_receipt_is_stored() {
    is_stored("type='chat'><received xmlns='urn:xmpp:receipts' id='x'/>");
}

/// §3: a chat state alone is not.
#[test]
fn a_chat_state_is_not_stored() {
    is_not_stored("type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/>");
}

/// §3: nor with the thread that XEP-0085 §5.6 puts beside it.
#[test]
fn a_chat_state_with_a_thread_is_not_stored() {
    is_not_stored("type='chat'><thread>t</thread><gone xmlns='http://jabber.org/protocol/chatstates'/>");
}

/// §3: headlines are not stored.
#[test]
fn a_headline_is_not_stored() {
    is_not_stored("type='headline'><body>hi</body>");
}

/// §3: nor is groupchat.
#[test]
fn a_groupchat_message_is_not_stored() {
    is_not_stored("type='groupchat'><body>hi</body>");
}

/// RFC 6121 §8.5.2.2.1: it is returned.
#[test]
fn a_groupchat_message_is_bounced() {
    let (alice, bob) = (online(), absent());
    send!(alice, "<message to='{bob:#}' type='groupchat' id='m'><body>hi</body></message>");
    expect!(alice, "<message type='error' id='m'/>").must_fail("service-unavailable");
}

/// §3: errors are not stored.
#[test]
fn an_error_is_not_stored() {
    is_not_stored(
        "type='error'><body>hi</body><error type='cancel'>\
         <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
    );
}

/// RFC 6121 §8.5.3.2.1: a headline to a resource that is gone is not stored either.
#[test]
fn a_headline_to_a_full_jid_is_not_stored() {
    let (all, _) = stored(&online(), |bob| {
        format!("<message to='{bob:#}/gone' type='headline'><body>hi</body></message>")
    });
    assert!(all.is_empty(), "{all:?}");
}

/// RFC 6121 §8.5.2.2.2: presence is not stored.
#[test]
fn presence_is_not_stored() {
    let alice = online();
    let (_, bob) = stored(&alice, |bob| format!("<presence to='{bob:#}'/>"));
    bob.expect_no(&format!("<presence from='{alice}'/>"));
}

/// RFC 6121 §8.5.2.2.3: an iq is answered, not stored.
#[test]
fn an_iq_is_answered_and_not_stored() {
    let alice = online();
    let (_, bob) = stored(&alice, |bob| {
        format!("<iq type='get' id='q' to='{bob:#}'><x xmlns='urn:example:unknown'/></iq>")
    });
    alice.answer("q").must_fail("service-unavailable");
    bob.expect_no("<iq id='q'/>");
}
