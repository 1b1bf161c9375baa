//! XEP-0077: in-band registration.

use crate::harness::*;

/// §3.1: the feature is offered before login, over TLS.
#[test]
fn the_stream_feature_is_offered_over_tls() {
    Conn::direct_tls().open_features().must(
        "<stream:features><register xmlns='http://jabber.org/features/iq-register'/></stream:features>",
    );
}

/// §3.1: a password is not to be sent in plain text.
#[test]
fn the_stream_feature_is_not_offered_before_tls() {
    Conn::plain().open_features().must_not(
        "<stream:features><register xmlns='http://jabber.org/features/iq-register'/></stream:features>",
    );
}

/// §3.1: and is refused before TLS.
#[test]
fn registration_before_tls_is_refused() {
    let conn = Conn::plain();
    conn.open_features();
    let name = fresh("user");
    send!(
        conn,
        "<iq type='set' id='r'><query xmlns='jabber:iq:register'>\
         <username>{name}</username><password>pencil</password></query></iq>"
    );
    match conn.item() {
        Item::Stanza(e) => {
            e.must_not("<iq type='result'/>");
        }
        Item::End | Item::Eof => {}
        Item::Header(h) => conn.fail(&format!("unexpected {h}")),
    }
}

/// §3.1: a get says what is needed.
#[test]
fn a_get_says_what_is_needed() {
    Conn::secure()
        .request("<iq type='get'><query xmlns='jabber:iq:register'/></iq>")
        .must("<iq type='result'><query xmlns='jabber:iq:register'><username/><password/></query></iq>");
}

/// §3.1: after registration one can log in.
#[test]
fn after_registration_one_can_log_in() {
    let name = fresh("user");
    register(&Conn::secure(), &name, "pencil").must("<iq type='result'/>");
    log_in(&Conn::secure(), &name, "pencil");
}

/// §3.1: on the same stream too.
#[test]
fn after_registration_one_can_log_in_on_the_same_stream() {
    let (conn, name) = (Conn::secure(), fresh("user"));
    register(&conn, &name, "pencil").must("<iq type='result'/>");
    log_in(&conn, &name, "pencil");
}

/// §3.1: a name that is taken is a conflict.
#[test]
fn a_name_that_is_taken_is_a_conflict() {
    let alice = user();
    register(&Conn::secure(), &alice.name, "other").must_fail("conflict");
}

/// §3.1: and the account keeps its password.
#[test]
fn a_conflict_leaves_the_password_alone() {
    let alice = user();
    register(&Conn::secure(), &alice.name, "other").must_fail("conflict");
    log_in(&Conn::secure(), &alice.name, "pencil");
}

/// RFC 7622 §3.3: capitals do not make another name.
#[test]
fn a_name_in_capitals_is_the_same_name() {
    let alice = user();
    register(&Conn::secure(), &alice.name.to_uppercase(), "other").must_fail("conflict");
}

/// §3.1: incomplete is not-acceptable.
#[test]
fn registration_without_password_is_refused() {
    let name = fresh("user");
    Conn::secure()
        .request(&format!(
            "<iq type='set'><query xmlns='jabber:iq:register'><username>{name}</username></query></iq>"
        ))
        .must_fail_with_one_of(&["not-acceptable", "bad-request"]);
}

/// §3.1: an empty password is none.
#[test]
fn registration_with_an_empty_password_is_refused() {
    register(&Conn::secure(), &fresh("user"), "").must_fail_with_one_of(&["not-acceptable", "bad-request"]);
}

/// §3.1: an empty name is none.
#[test]
fn registration_with_an_empty_name_is_refused() {
    register(&Conn::secure(), "", "pencil").must("<iq type='error'/>");
}

/// RFC 7622 §3.3.1: a name with characters that a localpart cannot have.
#[test]
fn a_name_that_is_no_localpart_is_refused() {
    register(&Conn::secure(), "with@sign", "pencil").must_fail_with_one_of(&[
        "jid-malformed",
        "not-acceptable",
        "bad-request",
    ]);
}

/// RFC 7622 §3.3.1: a space neither.
#[test]
fn a_name_with_a_space_is_refused() {
    register(&Conn::secure(), "two words", "pencil").must_fail_with_one_of(&[
        "jid-malformed",
        "not-acceptable",
        "bad-request",
    ]);
}

/// §3.1: who is logged in sees that the account is registered.
#[test]
fn a_get_after_login_says_registered() {
    let alice = user();
    request!(alice, "<iq type='get' to='localhost'><query xmlns='jabber:iq:register'/></iq>").must(&format!(
        "<iq type='result'><query xmlns='jabber:iq:register'><registered/><username>{}</username></query></iq>",
        alice.name
    ));
}

/// The query for a change of password.
#[track_caller]
fn change_password(alice: &Client, password: &str) -> Element {
    request!(
        alice,
        "<iq type='set' to='localhost'><query xmlns='jabber:iq:register'>\
         <username>{}</username><password>{password}</password></query></iq>",
        alice.name
    )
}

/// §3.3: the new password lets in.
#[test]
fn a_new_password_lets_in() {
    let alice = user();
    change_password(&alice, "feather").must("<iq type='result'/>");
    log_in(&Conn::secure(), &alice.name, "feather");
}

/// §3.3: the old one does not.
#[test]
fn an_old_password_does_not_let_in() {
    let alice = user();
    change_password(&alice, "feather").must("<iq type='result'/>");
    let conn = Conn::secure();
    let message = plain("", &alice.name, "pencil");
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
}

/// §3.3: the session that changed it goes on.
#[test]
fn the_session_that_changed_the_password_goes_on() {
    let alice = online();
    change_password(&alice, "feather").must("<iq type='result'/>");
    alice.expect_nothing();
    assert!(!alice.is_closed());
}

/// §3.3: SCRAM knows the new password too.
#[test]
fn a_new_password_works_with_scram() {
    let alice = user();
    change_password(&alice, "feather").must("<iq type='result'/>");
    let conn = Conn::secure();
    assert_eq!(Scram::new("SCRAM-SHA-1", &alice.name, "feather").run(&conn).end.name, "success", "{conn}");
}

/// §3.3: nobody changes another account's password.
#[test]
fn another_accounts_password_is_not_to_be_changed() {
    let (alice, bob) = (user(), user());
    request!(
        alice,
        "<iq type='set' to='localhost'><query xmlns='jabber:iq:register'>\
         <username>{}</username><password>hijacked</password></query></iq>",
        bob.name
    );
    log_in(&Conn::secure(), &bob.name, "pencil");
}

/// §3.3: an empty new password is refused, and the old one stays.
#[test]
fn an_empty_new_password_is_refused() {
    let alice = user();
    change_password(&alice, "").must("<iq type='error'/>");
    log_in(&Conn::secure(), &alice.name, "pencil");
}

const REMOVE: &str = "<query xmlns='jabber:iq:register'><remove/></query>";

/// §3.2: after a cancellation the account is gone.
#[test]
fn a_cancelled_account_cannot_log_in() {
    let alice = user();
    send!(alice, "<iq type='set' id='rm'>{REMOVE}</iq>");
    alice.expect_eof();
    let conn = Conn::secure();
    let message = plain("", &alice.name, "pencil");
    send!(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>");
    conn.expect_next("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
}

/// §3.2: the success is told before the stream ends.
#[test]
fn a_cancellation_is_confirmed() {
    let alice = user();
    request!(alice, "<iq type='set'>{REMOVE}</iq>").must("<iq type='result'/>");
}

/// §3.2: the other sessions end as well.
#[test]
fn a_cancellation_ends_the_other_sessions() {
    let alice = user();
    let other = alice.session("other");
    send!(alice, "<iq type='set' id='rm'>{REMOVE}</iq>");
    other.expect_eof();
}

/// §3.2: with a stream error not-authorized for them.
#[test]
fn a_cancellation_ends_the_other_sessions_with_not_authorized() {
    let alice = user();
    let other = alice.session("other");
    send!(alice, "<iq type='set' id='rm'>{REMOVE}</iq>");
    other.expect_stream_error("not-authorized");
}

/// §3.2 and RFC 6121 §4.5.2: contacts learn that the user is unavailable.
#[test]
fn a_cancellation_is_announced_as_unavailable() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    send!(alice, "<iq type='set' id='rm'>{REMOVE}</iq>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §3.2: the name is free again, and nothing of the old account is left for its next owner.
#[test]
fn a_new_account_of_the_same_name_inherits_nothing() {
    let alice = user();
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>"
    )
    .must("<iq type='result'/>");
    request!(alice, "<iq type='set'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>")
        .must("<iq type='result'/>");
    request!(
        alice,
        "<iq type='set'><query xmlns='jabber:iq:private'><e xmlns='urn:e'><mine/></e></query></iq>"
    )
    .must("<iq type='result'/>");
    send!(alice, "<iq type='set' id='rm'>{REMOVE}</iq>");
    alice.expect_eof();
    let conn = Conn::secure();
    register(&conn, &alice.name, "pencil").must("<iq type='result'/>");
    let heir = alice.session("heir");
    assert!(heir.roster_item("nurse@example.com").is_none(), "{}", *heir);
    request!(heir, "<iq type='get'><vCard xmlns='vcard-temp'/></iq>")
        .must_not("<iq><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>");
    request!(heir, "<iq type='get'><query xmlns='jabber:iq:private'><e xmlns='urn:e'/></query></iq>")
        .must_not("<iq><query xmlns='jabber:iq:private'><e xmlns='urn:e'><mine/></e></query></iq>");
}

/// §3.2: nobody cancels another account.
#[test]
fn another_account_is_not_to_be_cancelled() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    request!(alice, "<iq type='set' to='{bob:#}'>{REMOVE}</iq>").must("<iq type='error'/>");
    log_in(&Conn::secure(), &bob.name, "pencil");
}

/// §3.2: without login there is nothing to cancel.
#[test]
fn a_cancellation_before_login_is_refused() {
    let reply = Conn::secure().request(&format!("<iq type='set'>{REMOVE}</iq>"));
    reply.must("<iq type='error'/>");
}
