//! XEP-0478: stream limits. Prosody 0.12 and ejabberd 23.01 are older than this XEP.

use crate::harness::*;

/// §3: the limits are among the features after login.
#[test]
fn the_limits_are_advertised_after_login() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.open_features().must(
        "<stream:features><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>{any}</max-bytes></limits></stream:features>",
    );
}

/// §3: they are numbers, and no less than RFC 6120 §13.12 demands.
#[test]
fn max_bytes_is_at_least_ten_thousand() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    let features = conn.open_features();
    let bytes: u64 = features.need_child("limits").need_child("max-bytes").text().parse().expect("a number");
    assert!(bytes >= 10_000, "{bytes}");
}

/// §3: a stanza just below the limit passes.
#[test]
fn a_stanza_below_the_limit_passes() {
    let (alice, bob) = (user(), online());
    let conn = alice.authenticated();
    conn.bind();
    let probe = Conn::secure();
    log_in(&probe, &alice.name, &alice.password);
    let features = probe.open_features();
    let bytes: usize =
        features.need_child("limits").need_child("max-bytes").text().parse().expect("a number");
    let body = "b".repeat(bytes.saturating_sub(1000).min(1 << 20));
    send!(conn, "<message to='{bob}' type='chat'><body>{body}</body></message>");
    assert_eq!(bob.expect("<message/>").need_child("body").text().len(), body.len());
}
