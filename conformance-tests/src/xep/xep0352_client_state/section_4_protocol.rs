//! XEP-0352 §4: the feature and the two states.

use super::*;

const FEATURE: &str = "<stream:features><csi xmlns='urn:xmpp:csi:0'/></stream:features>";
const CHAT_STATE: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

/// §4.1: the feature is offered after login.
#[test]
fn it_is_offered_after_login() {
    let alice = user();
    alice.log_in_on(&Conn::secure()).must(FEATURE);
}

/// §4.1: not before.
#[test]
fn it_is_not_offered_before_login() {
    Conn::direct_tls().open_features().must_not(FEATURE);
}

/// §4.2: `<inactive/>` has no answer.
#[test]
fn inactive_has_no_answer() {
    let alice = online();
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/>");
    alice.expect_nothing();
    assert!(!alice.is_closed(), "{}", *alice);
}

/// §4.2: nor has `<active/>`, if nothing waits.
#[test]
fn active_has_no_answer() {
    let alice = online();
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>");
    alice.expect_nothing();
    assert!(!alice.is_closed(), "{}", *alice);
}

/// §4.2: a client may say again what it said.
#[test]
fn the_same_state_twice_does_no_harm() {
    let (alice, bob) = (online(), online());
    alice.send("<active xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>");
    alice.send("<inactive xmlns='urn:xmpp:csi:0'/><inactive xmlns='urn:xmpp:csi:0'/>");
    alice.expect_nothing();
    send!(bob, "<message to='{alice}' type='chat'><body>hi</body></message>");
    alice.expect("<message><body>hi</body></message>");
}

/// §5 and §6: the state is no presence, and nobody else's business.
#[test]
fn contacts_see_nothing_of_it() {
    let (alice, bob) = inactive();
    bob.expect_nothing();
    wake(&alice);
    bob.expect_nothing();
}

/// §5: an inactive client stays an available resource.
#[test]
fn an_inactive_client_is_available() {
    let (alice, bob) = inactive();
    let later = bob.session("later");
    later.send("<presence/>");
    expect!(later, "<presence from='{alice}' type='{NONE}'/>");
}

/// §5: an inactive client sends as ever.
#[test]
fn an_inactive_client_sends() {
    let (alice, bob) = inactive();
    send!(alice, "<message to='{bob}' type='chat'><body>hi</body></message>");
    expect!(bob, "<message from='{alice}'><body>hi</body></message>");
}

/// §3.1: a chat message passes at once.
#[test]
fn a_chat_message_passes_at_once() {
    let (alice, bob) = inactive();
    send!(bob, "<message to='{alice}' type='chat'><body>hi</body></message>");
    expect!(alice, "<message from='{bob}'><body>hi</body></message>");
}

/// §3.1: so does a normal one.
#[test]
fn a_normal_message_passes_at_once() {
    let (alice, bob) = inactive();
    send!(bob, "<message to='{alice:#}'><body>hi</body></message>");
    expect!(alice, "<message from='{bob}'><body>hi</body></message>");
}

/// §3.1: and one with a body and a chat state.
#[test]
fn a_message_with_body_and_chat_state_passes_at_once() {
    let (alice, bob) = inactive();
    send!(bob, "<message to='{alice}' type='chat'><body>hi</body>{CHAT_STATE}</message>");
    expect!(alice, "<message from='{bob}'><body>hi</body></message>");
}

/// RFC 6120 §8.2.3: an iq has to be answered, so it passes.
#[test]
fn an_iq_passes_at_once() {
    let (alice, bob) = inactive();
    send!(bob, "<iq type='get' id='q' to='{alice}'><query xmlns='jabber:iq:version'/></iq>");
    expect!(alice, "<iq type='get' id='q' from='{bob}'/>");
}

/// RFC 6120 §8.2.3: so do answers to an inactive client.
#[test]
fn an_answer_passes_at_once() {
    let (alice, bob) = inactive();
    send!(alice, "<iq type='get' id='q' to='{bob}'><query xmlns='jabber:iq:version'/></iq>");
    bob.expect("<iq type='get' id='q'/>");
    send!(bob, "<iq type='result' id='q' to='{alice}'/>");
    expect!(alice, "<iq type='result' id='q' from='{bob}'/>");
}

/// §3.1: an error is the answer to something and passes.
#[test]
fn an_error_passes_at_once() {
    let alice = online();
    be_inactive(&alice);
    alice.send("<message to='@localhost' id='m'><body>hi</body></message>");
    alice.expect("<message type='error' id='m'/>");
}

/// §5: other sessions of the account are active.
#[test]
fn another_session_is_active() {
    let (alice, bob) = inactive();
    let other = alice.session_online("other", 0);
    show(&bob, "away");
    expect!(other, "<presence from='{bob}'><show>away</show></presence>");
}

/// §3.2: a chat state may be discarded, but after `<active/>` none is.
#[test]
fn an_active_client_gets_chat_states() {
    let (alice, bob) = inactive();
    wake(&alice);
    send!(bob, "<message to='{alice}' type='chat'>{CHAT_STATE}</message>");
    expect!(alice, "<message from='{bob}'>{CHAT_STATE}</message>");
}

/// §5: a stream begins active.
#[test]
fn a_new_client_gets_chat_states() {
    let (alice, bob) = (online(), online());
    send!(bob, "<message to='{alice}' type='chat'>{CHAT_STATE}</message>");
    expect!(alice, "<message from='{bob}'>{CHAT_STATE}</message>");
}
