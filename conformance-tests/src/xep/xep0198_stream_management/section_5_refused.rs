//! XEP-0198 §5 and §10: resumptions that are refused.

use crate::harness::*;

const NOT_FOUND: &str = "<failed xmlns='urn:xmpp:sm:3'>\
    <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";

/// A session that was cut, and its SM-ID.
#[track_caller]
fn asleep() -> (Client, String) {
    let alice = user();
    let id = alice.enable();
    alice.cut();
    (alice, id)
}

/// Sends a `<resume/>`, which the server has to refuse with `<failed/>` or a stream error.
#[track_caller]
fn must_refuse(conn: &Conn, resume: &str) {
    conn.send(resume);
    match conn.item() {
        Item::Stanza(e) if e.name == "failed" => drop(e.must("<failed xmlns='urn:xmpp:sm:3'/>")),
        Item::Stanza(e) => drop(e.must("<stream:error/>")),
        other => conn.fail(&format!("expected a refusal, got {other:?}")),
    }
}

/// §5: an SM-ID that is not known is item-not-found.
#[test]
fn an_unknown_id_is_item_not_found() {
    user().authenticated().expect_no_resumption("no-such-session", 0).must(NOT_FOUND);
}

/// §5: so is an empty one.
#[test]
fn an_empty_id_is_refused() {
    user().authenticated().expect_no_resumption("", 0);
}

/// §5: after a failure the client may bind at once.
#[test]
fn after_a_failure_the_client_can_bind() {
    let alice = user();
    let conn = alice.authenticated();
    conn.expect_no_resumption("no-such-session", 0);
    assert_eq!(conn.bind_as("new"), format!("{alice:#}/new"));
}

/// §5: and enable stream management, and be resumed then.
#[test]
fn after_a_failure_a_new_session_is_resumable() {
    let alice = user();
    let conn = alice.authenticated();
    conn.expect_no_resumption("no-such-session", 0);
    let (name, host, password) = (alice.name.clone(), alice.host.clone(), alice.password.clone());
    let new = Client::bound(conn, name, host, password, "new");
    let id = new.enable();
    new.cut();
    new.resume(&id);
}

/// §10: before login nothing is resumed.
#[test]
fn before_login_a_resumption_is_refused() {
    let (_alice, id) = asleep();
    must_refuse(&Conn::secure(), &format!("<resume xmlns='urn:xmpp:sm:3' h='0' previd='{id}'/>"));
}

/// §10: nor is the session harmed by the attempt.
#[test]
fn an_attempt_before_login_leaves_the_session_alone() {
    let (alice, id) = asleep();
    must_refuse(&Conn::secure(), &format!("<resume xmlns='urn:xmpp:sm:3' h='0' previd='{id}'/>"));
    alice.resume(&id);
}

/// §10: another account's session is not resumed, and one cannot tell that it exists.
#[test]
fn another_accounts_session_is_item_not_found() {
    let (_alice, id) = asleep();
    user().authenticated().expect_no_resumption(&id, 0).must(NOT_FOUND);
}

/// §10: nor does its owner lose it.
#[test]
fn another_accounts_attempt_leaves_the_session_alone() {
    let (alice, id) = asleep();
    user().authenticated().expect_no_resumption(&id, 0);
    alice.resume(&id);
}

/// §10: an account of the same name at another host is another account.
#[test]
fn the_same_name_at_another_host_is_another_account() {
    let (alice, id) = asleep();
    let conn = Conn::direct_tls();
    conn.open_to("second.localhost");
    conn.features();
    register(&conn, &alice.name, "pencil").must("<iq type='result'/>");
    log_in(&conn, &alice.name, "pencil");
    conn.open_to("second.localhost");
    conn.features();
    conn.expect_no_resumption(&id, 0);
    alice.resume(&id);
}

/// §3: stream management is negotiated instead of binding: afterwards it is too late for a resumption.
#[test]
fn after_binding_a_resumption_is_refused() {
    let (alice, id) = asleep();
    let other = alice.session("other");
    other.expect_no_resumption(&id, 0);
}

/// §6: which is recoverable: the bound session goes on.
#[test]
fn after_a_resumption_that_came_too_late_the_session_goes_on() {
    let (alice, id) = asleep();
    let other = alice.session("other");
    other.expect_no_resumption(&id, 0);
    other.ping();
    assert!(!other.is_closed(), "{}", *other);
}

/// §5: a stream without resumption has nothing to resume, though it may have an id.
#[test]
fn a_session_enabled_without_resume_is_not_resumed() {
    let alice = user();
    alice.send("<enable xmlns='urn:xmpp:sm:3'/>");
    let enabled = alice.expect("<enabled xmlns='urn:xmpp:sm:3'/>");
    let id = enabled.attr("id").unwrap_or("r1").to_owned();
    alice.cut();
    alice.authenticated().expect_no_resumption(&id, 0);
}

/// §5: 'previd' is required.
#[test]
fn a_resumption_without_previd_is_refused() {
    must_refuse(&user().authenticated(), "<resume xmlns='urn:xmpp:sm:3' h='0'/>");
}

macro_rules! bad_h {
    ($($name:ident: $h:literal;)*) => {
        $(/// §5: 'h' is required, and an unsignedInt.
        #[test] fn $name() {
            let (alice, id) = asleep();
            must_refuse(&alice.authenticated(), &format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' {}/>", $h));
        })*
    };
}

bad_h! {
    a_resumption_without_h_is_refused: "";
    a_resumption_with_an_empty_h_is_refused: "h=''";
    a_resumption_with_a_word_as_h_is_refused: "h='zero'";
    a_resumption_with_a_negative_h_is_refused: "h='-1'";
    a_resumption_with_2_to_the_32nd_as_h_is_refused: "h='4294967296'";
}
