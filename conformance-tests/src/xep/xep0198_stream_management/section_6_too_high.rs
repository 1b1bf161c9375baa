//! XEP-0198 §6: acknowledging more than was sent.

use crate::harness::*;

/// §6: an ack of more than was sent is undefined-condition.
#[test]
fn an_ack_of_more_than_was_sent_ends_the_stream() {
    let alice = user();
    alice.enable();
    alice.send("<a xmlns='urn:xmpp:sm:3' h='8'/>");
    alice.expect_stream_error("undefined-condition");
    alice.expect_close();
}

/// §6: with `<handled-count-too-high/>`.
#[test]
fn the_error_says_handled_count_too_high() {
    let alice = user();
    alice.enable();
    alice.send("<a xmlns='urn:xmpp:sm:3' h='8'/>");
    alice
        .expect_stream_error("undefined-condition")
        .must("<stream:error><handled-count-too-high xmlns='urn:xmpp:sm:3'/></stream:error>");
}

/// §6, example 17: which has both counts.
#[test]
fn the_error_has_both_counts() {
    let alice = user();
    alice.enable();
    alice.ping();
    alice.send("<a xmlns='urn:xmpp:sm:3' h='8'/>");
    alice.expect_stream_error("undefined-condition").must(
        "<stream:error><handled-count-too-high xmlns='urn:xmpp:sm:3' h='8' send-count='1'/></stream:error>",
    );
}

/// §4: the count is compared without wrapping round: the highest one is too high too.
#[test]
fn the_highest_h_is_too_high() {
    let alice = user();
    alice.enable();
    alice.send("<a xmlns='urn:xmpp:sm:3' h='4294967295'/>");
    alice.expect_stream_error("undefined-condition");
}

/// §6: others do not notice.
#[test]
fn the_error_ends_only_the_clients_stream() {
    let alice = online();
    let other = alice.session_online("other", 0);
    alice.enable();
    alice.send("<a xmlns='urn:xmpp:sm:3' h='8'/>");
    alice.expect_stream_error("undefined-condition");
    other.ping();
    assert!(!other.is_closed(), "{}", *other);
}

/// §5 and §6: a resumption with an h that is too high is refused, or the stream ends with that error.
#[test]
fn a_resumption_with_an_h_that_is_too_high_is_refused() {
    let alice = user();
    let id = alice.enable();
    alice.expect_all_handled();
    alice.cut();
    let conn = alice.authenticated();
    conn.send_resume(&id, 8);
    loop {
        match conn.item() {
            Item::Stanza(e) if e.name == "resumed" => {}
            Item::Stanza(e) if e.name == "failed" => return,
            Item::Stanza(e) => {
                e.must("<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
                return;
            }
            other => conn.fail(&format!("expected a refusal, got {other:?}")),
        }
    }
}
