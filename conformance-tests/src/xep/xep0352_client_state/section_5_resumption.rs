//! XEP-0352 §5.2: stream management and client state.

use super::*;

/// Two friends, the first one inactive and with stream management.
#[track_caller]
fn managed() -> (Client, String, Client) {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    let id = alice.enable();
    be_inactive(&alice);
    (alice, id, bob)
}

/// §5.2: a resumed stream is active, whatever the old one was.
#[test]
fn a_resumed_stream_is_active() {
    let (alice, id, bob) = managed();
    alice.expect_all_handled();
    alice.cut();
    let resumed = alice.resume(&id);
    show(&bob, "away");
    expect!(resumed, "<presence from='{bob}'><show>away</show></presence>");
}

/// §5.2: so what was held comes at resumption.
#[test]
fn what_was_held_comes_at_resumption() {
    let (alice, id, bob) = managed();
    alice.expect_all_handled();
    show(&bob, "away");
    alice.cut();
    let resumed = alice.resume(&id);
    expect!(resumed, "<presence from='{bob}'><show>away</show></presence>");
}

/// XEP-0198 §4: what is held was not sent; the client's acks stay right, before and after.
#[test]
fn acks_of_an_inactive_client_are_right() {
    let (alice, _id, bob) = managed();
    show(&bob, "away");
    alice.ack();
    alice.ping();
    wake(&alice);
    alice.expect("<presence><show>away</show></presence>");
    alice.ack();
    alice.ping();
    assert!(!alice.is_closed(), "{}", *alice);
}

/// XEP-0198 §4: the answer to `<r/>` is not held.
#[test]
fn an_inactive_client_gets_acks() {
    let (alice, _id, bob) = managed();
    send!(alice, "<message to='{bob}'><body>hi</body></message>");
    alice.expect_all_handled();
}

/// §5.2 with XEP-0198 §5: a session that sleeps gets what came while it was inactive and asleep, in order.
#[test]
fn messages_to_an_inactive_session_that_sleeps_come_at_resumption() {
    let (alice, id, bob) = managed();
    send!(bob, "<message to='{alice}' type='chat' id='m1'><body>1</body></message>");
    alice.expect("<message id='m1'/>");
    alice.expect_all_handled();
    alice.cut();
    show(&bob, "away");
    send!(bob, "<message to='{alice}' type='chat' id='m2'><body>2</body></message>");
    let resumed = alice.resume(&id);
    resumed.expect_next("<presence><show>away</show></presence>");
    resumed.expect_next("<message id='m2'/>");
}
