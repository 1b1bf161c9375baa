//! XEP-0198 §2: the stream feature.

use crate::harness::*;

const FEATURE: &str = "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>";

/// §2: the feature is offered where a resource can be bound.
#[test]
fn it_is_offered_after_login() {
    let alice = user();
    let conn = Conn::secure();
    alice.log_in_on(&conn).must(FEATURE);
}

/// §2: also on a stream that began with STARTTLS.
#[test]
fn it_is_offered_after_login_over_starttls() {
    let alice = user();
    let conn = Conn::plain();
    conn.starttls();
    alice.log_in_on(&conn).must(FEATURE);
}

/// §5: it makes no sense before stanzas can be sent.
#[test]
fn it_is_not_offered_before_login() {
    Conn::direct_tls().open_features().must_not(FEATURE);
}

/// §5: nor before TLS.
#[test]
fn it_is_not_offered_before_tls() {
    Conn::plain().open_features().must_not(FEATURE);
}
