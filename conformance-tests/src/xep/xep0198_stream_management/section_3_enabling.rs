//! XEP-0198 §3: `<enable/>`.

use crate::harness::*;

const UNEXPECTED: &str = "<failed xmlns='urn:xmpp:sm:3'>\
    <unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";

/// Sends `<enable/>` with these attributes and returns the answer.
#[track_caller]
fn enabled(alice: &Client, attributes: &str) -> Element {
    alice.send(&format!("<enable xmlns='urn:xmpp:sm:3' {attributes}/>"));
    alice.expect_next("<enabled xmlns='urn:xmpp:sm:3'/>")
}

/// §3: `<enable/>` is answered with `<enabled/>`.
#[test]
fn enable_is_answered_with_enabled() {
    enabled(&user(), "");
}

/// §3: 'resume' defaults to false: a client that does not ask for resumption is not promised it.
#[test]
fn without_resume_the_stream_is_not_resumable() {
    let answer = enabled(&user(), "");
    assert!(!is_true(answer.attr("resume")), "{answer}");
}

/// §3: "false" is false.
#[test]
fn with_resume_false_the_stream_is_not_resumable() {
    let answer = enabled(&user(), "resume='false'");
    assert!(!is_true(answer.attr("resume")), "{answer}");
}

/// §3, note 1: "0" is false.
#[test]
fn with_resume_0_the_stream_is_not_resumable() {
    let answer = enabled(&user(), "resume='0'");
    assert!(!is_true(answer.attr("resume")), "{answer}");
}

/// §5: with resumption there is an SM-ID.
#[test]
fn with_resume_true_there_is_an_id() {
    let answer = enabled(&user(), "resume='true'");
    assert!(is_true(answer.attr("resume")), "{answer}");
    assert!(!answer.need("id").is_empty(), "{answer}");
}

/// §3, note 1: "1" is true.
#[test]
fn with_resume_1_there_is_an_id() {
    let answer = enabled(&user(), "resume='1'");
    assert!(is_true(answer.attr("resume")), "{answer}");
    assert!(!answer.need("id").is_empty(), "{answer}");
}

/// §3, note 1: what is no boolean is not true: `<failed/>`, or an answer that promises nothing.
#[test]
fn with_resume_maybe_the_stream_is_not_resumable() {
    let alice = user();
    alice.send("<enable xmlns='urn:xmpp:sm:3' resume='maybe'/>");
    let answer = alice.take_where("<enabled/> or <failed/>", |e| e.name == "enabled" || e.name == "failed");
    assert!(!is_true(answer.attr("resume")), "{answer}");
}

/// §3: the preferred time of the client does no harm; the server's own, if it names one, is a number of seconds.
#[test]
fn max_is_a_number_of_seconds() {
    let answer = enabled(&user(), "resume='true' max='30'");
    let max = answer.attr("max").map(str::parse::<u32>);
    assert!(!matches!(max, Some(Err(_) | Ok(0))), "{answer}");
}

/// §5: the SM-ID is the server's and no other session's.
#[test]
fn ids_differ() {
    let alice = user();
    let (one, two, three) = (alice.enable(), alice.session("two").enable(), user().enable());
    assert!(one != two && two != three && one != three, "{one} {two} {three}");
}

/// §5: the SM-ID must not be used again for a later session.
#[test]
fn an_id_is_not_used_again() {
    let alice = user();
    let old = alice.enable();
    alice.log_out();
    assert_ne!(old, alice.session("r1").enable());
}

/// §5: the SM-ID should not be longer than 4000 bytes.
#[test]
fn an_id_is_at_most_4000_bytes_long() {
    let id = user().enable();
    assert!(id.len() <= 4000, "{id}");
}

/// §3: a client must not enable stream management before it is logged in; the server answers with `<failed/>`.
#[test]
fn before_login_enable_fails() {
    let conn = Conn::secure();
    conn.send("<enable xmlns='urn:xmpp:sm:3'/>");
    conn.expect_next("<failed xmlns='urn:xmpp:sm:3'/>");
}

/// §3: nor before it has bound a resource.
#[test]
fn before_binding_enable_fails() {
    let conn = user().authenticated();
    conn.send("<enable xmlns='urn:xmpp:sm:3'/>");
    conn.expect_next("<failed xmlns='urn:xmpp:sm:3'/>");
}

/// §3, example 5: with unexpected-request.
#[test]
fn before_binding_enable_is_an_unexpected_request() {
    let conn = user().authenticated();
    conn.send("<enable xmlns='urn:xmpp:sm:3'/>");
    conn.expect_next(UNEXPECTED);
}

/// §6: errors are recoverable: after that a resource is bound and stream management enabled.
#[test]
fn after_a_failed_enable_the_client_can_bind_and_enable() {
    let alice = user();
    let conn = alice.authenticated();
    conn.send("<enable xmlns='urn:xmpp:sm:3'/>");
    conn.expect_next("<failed xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(conn.bind_as("later"), format!("{alice:#}/later"));
    conn.enable();
}

/// §3 and example 6: a second `<enable/>` is refused, with `<failed/>` or a stream error.
#[test]
fn a_second_enable_is_refused() {
    let alice = user();
    alice.enable();
    alice.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    match alice.item() {
        Item::Stanza(e) if e.name == "failed" => drop(e.must(UNEXPECTED)),
        Item::Stanza(e) => drop(e.must("<stream:error/>")),
        other => alice.fail(&format!("expected a refusal, got {other:?}")),
    }
}

/// §3: at most one attempt: a second one does not start the count anew.
#[test]
fn a_second_enable_resets_no_counter() {
    let alice = user();
    alice.enable();
    alice.ping();
    alice.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    alice.ping();
    // A server may also have ended the stream.
    if !alice.is_closed() {
        alice.expect_handled(2);
    }
}

/// §3: without `<enable/>` there are no acks.
#[test]
fn without_enable_nothing_is_acknowledged() {
    let (alice, bob) = (online(), online());
    send!(bob, "<message to='{alice}'><body>hi</body></message>");
    alice.expect("<message/>");
    alice.send("<r xmlns='urn:xmpp:sm:3'/>");
    alice.ping();
    assert!(alice.nonza(|_| true).is_none(), "{}", *alice);
}
