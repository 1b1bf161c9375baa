//! XEP-0198 §7: closing a stream ends the session.

use crate::harness::*;

/// §7: `</stream:stream>` ends the session, and contacts hear of it.
#[test]
fn a_clean_close_makes_unavailable() {
    let (bob, alice) = (online(), online());
    subscribe(&bob, &alice);
    alice.enable();
    alice.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §7: the session cannot be resumed then.
#[test]
fn after_a_clean_close_a_resumption_is_item_not_found() {
    let alice = user();
    let id = alice.enable();
    alice.log_out();
    alice.authenticated().expect_no_resumption(&id, 0).must(
        "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
    );
}

/// §7: nor does anything sleep on: a message to it goes where one to an absent resource goes.
#[test]
fn after_a_clean_close_an_iq_is_service_unavailable() {
    let (bob, alice) = (online(), online());
    alice.enable();
    alice.log_out();
    request!(bob, "<iq type='get' to='{alice}'><query xmlns='jabber:iq:version'/></iq>")
        .must_fail("service-unavailable");
}

/// §4: an `<a/>` right before the close is heeded: nothing comes to the next session.
#[test]
fn an_ack_right_before_the_close_is_heeded() {
    let (bob, alice) = (online(), online());
    alice.enable();
    alice.withhold_acks();
    send!(bob, "<message to='{alice}' type='chat'><body>hi</body></message>");
    alice.expect("<message><body>hi</body></message>");
    let all = alice.handled();
    alice.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{all}'/></stream:stream>"));
    alice.expect_eof();
    let next = alice.session("next");
    next.send("<presence/>");
    next.expect_no("<message/>");
}

/// RFC 6120 §4.4: stanzas before the closing tag are handled.
#[test]
fn a_stanza_right_before_the_close_is_handled() {
    let (bob, alice) = (online(), online());
    alice.enable();
    send!(alice, "<message to='{bob}' type='chat'><body>bye</body></message></stream:stream>");
    alice.expect_eof();
    expect!(bob, "<message from='{alice}'><body>bye</body></message>");
}
