//! RFC 6120 §7: resource binding.

use crate::harness::*;

/// §7.4: the feature is offered after login.
#[test]
fn binding_is_offered_after_login() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.open_features()
        .must("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>");
}

/// §7.6.1: the server makes a resource up.
#[test]
fn the_server_makes_up_a_resource() {
    let alice = user();
    let jid = alice.authenticated().bind();
    let resource = jid.strip_prefix(&format!("{alice:#}/")).unwrap_or_default();
    assert!(!resource.is_empty(), "{jid}");
}

/// §7.6: each time another one.
#[test]
fn made_up_resources_differ() {
    let alice = user();
    let (one, two) = (alice.authenticated(), alice.authenticated());
    assert_ne!(one.bind(), two.bind());
}

/// §7.6 and §7.9 of RFC 6120 (Security Warning): random, so long enough.
#[test]
fn made_up_resources_are_long_enough_not_to_be_guessed() {
    let alice = user();
    let jid = alice.authenticated().bind();
    let resource = jid.split_once('/').map_or("", |(_, r)| r);
    assert!(resource.len() >= 8, "{jid}");
}

/// §7.7.1: the client's resource is accepted.
#[test]
fn a_resource_of_the_clients_choice_is_accepted() {
    let alice = user();
    assert_eq!(alice.authenticated().bind_as("balcony"), format!("{alice:#}/balcony"));
}

/// §7.7.1: also beyond ASCII.
#[test]
fn a_resource_beyond_ascii_is_accepted() {
    let alice = user();
    assert_eq!(alice.authenticated().bind_as("Größe"), format!("{alice:#}/Größe"));
}

/// RFC 7622 §3.4: and with characters that are newer than RFC 6122's tables.
/// Neither Prosody nor ejabberd: they prepare by RFC 6122, which RFC 7622 replaces.
#[test]
fn a_resource_with_an_emoji_is_accepted() {
    let alice = user();
    assert_eq!(alice.authenticated().bind_as("desk 🐢"), format!("{alice:#}/desk 🐢"));
}

/// RFC 7622 §3.4: resources differ in case.
#[test]
fn resources_differ_in_case() {
    let alice = user();
    let (lower, upper) = (alice.session("phone"), alice.session("PHONE"));
    lower.expect_nothing();
    upper.expect_nothing();
    assert!(!lower.is_closed() && !upper.is_closed());
}

/// §7.7.2.1: a resource that is no resource: an error, or a made-up one.
#[test]
fn a_resource_with_a_control_character_is_not_taken() {
    let alice = user();
    let reply = alice.authenticated().request(
        "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>a\tb</resource></bind></iq>",
    );
    if reply.attr("type") == Some("result") {
        reply.must_not(&format!(
            "<iq><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{alice:#}/a\tb</jid></bind></iq>"
        ));
    } else {
        reply.must_fail_with_one_of(&["bad-request", "jid-malformed"]);
    }
}

/// RFC 7622 §3.4: at most 1023 bytes.
#[test]
fn a_resource_of_more_than_1023_bytes_is_not_taken() {
    let alice = user();
    let long = "r".repeat(1024);
    let reply = alice.authenticated().request(&format!(
        "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{long}</resource></bind></iq>"
    ));
    if reply.attr("type") == Some("result") {
        let jid = reply.need_child("bind").need_child("jid").text();
        assert!(!jid.ends_with(&long), "{jid}");
    } else {
        reply.must_fail_with_one_of(&["bad-request", "jid-malformed"]);
    }
}

/// RFC 7622 §3.4: 1023 bytes are fine.
#[test]
fn a_resource_of_1023_bytes_is_accepted() {
    let alice = user();
    let long = "r".repeat(1023);
    assert_eq!(alice.authenticated().bind_as(&long), format!("{alice:#}/{long}"));
}

/// §7.7.2.2: the same resource twice: the new one is refused, or renamed, or the old one ends with conflict.
#[test]
fn a_resource_in_use_is_a_conflict() {
    let alice = user();
    let conn = alice.authenticated();
    let reply = conn.request(
        "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r1</resource></bind></iq>",
    );
    if reply.attr("type") == Some("error") {
        reply.must_fail("conflict");
    } else if reply.need_child("bind").need_child("jid").text() == alice.to_string() {
        alice.expect_stream_error("conflict");
    }
}

/// §7.7.2.2: never are there two sessions of one full JID.
#[test]
fn one_full_jid_is_one_session() {
    let alice = user();
    let conn = alice.authenticated();
    let reply = conn.request(
        "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r1</resource></bind></iq>",
    );
    if reply.attr("type") != Some("result")
        || reply.need_child("bind").need_child("jid").text() != alice.to_string()
    {
        return;
    }
    alice.expect_eof();
    let bob = online();
    send!(bob, "<message to='{alice}' type='chat'><body>one</body></message>");
    conn.expect("<message><body>one</body></message>");
}

/// §7.1: a stanza before binding ends with not-authorized.
/// Neither Prosody nor ejabberd: §7.1 is a MUST.
#[test]
fn a_message_before_binding_is_not_authorized() {
    let (alice, bob) = (user(), online());
    let conn = alice.authenticated();
    send!(conn, "<message to='{bob}'><body>early</body></message>");
    conn.expect_stream_error("not-authorized");
    bob.expect_nothing();
}

/// §7.3.2: after binding the stream is not restarted; stanzas flow at once.
#[test]
fn after_binding_stanzas_flow() {
    let (alice, bob) = (user(), online());
    let conn = alice.authenticated();
    let jid = conn.bind();
    send!(conn, "<message to='{bob}'><body>first</body></message>");
    expect!(bob, "<message from='{jid}'><body>first</body></message>");
}

/// §7.6.2.2: binding a second resource on one stream is refused.
#[test]
fn a_second_binding_is_refused() {
    let alice = user();
    alice
        .request("<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>two</resource></bind></iq>")
        .must("<iq type='error'/>");
}

/// §7.6.2.2: with not-allowed.
/// Neither Prosody nor ejabberd: §7.6.2.2 is a MUST.
#[test]
fn a_second_binding_is_not_allowed() {
    let alice = user();
    alice
        .request("<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>two</resource></bind></iq>")
        .must_fail("not-allowed");
}

/// §7.1: one account, many resources.
#[test]
fn several_resources_are_connected_at_once() {
    let (alice, bob) = (online(), online());
    let others: Vec<Client> = (0..5).map(|i| alice.session(&format!("x{i}"))).collect();
    for other in &others {
        send!(bob, "<message to='{other}' type='chat'><body>to {other}</body></message>");
        expect!(other, "<message><body>to {other}</body></message>");
    }
}

/// §7.7.2.1: an empty resource element is a request for a made-up one, or an error.
#[test]
fn an_empty_resource_is_replaced_or_refused() {
    let alice = user();
    let reply = alice
        .authenticated()
        .request("<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource/></bind></iq>");
    if reply.attr("type") == Some("result") {
        let jid = reply.need_child("bind").need_child("jid").text();
        assert!(jid.len() > alice.bare().len() + 1, "{jid}");
    } else {
        reply.must_fail_with_one_of(&["bad-request", "jid-malformed"]);
    }
}

/// §4.3.6: the JID comes from the login, not from the header's 'from'.
#[test]
fn the_jid_comes_from_the_login() {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    conn.restart();
    conn.send(
        "<stream:stream from='somebody-else@localhost' to='localhost' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    let mut pieces = 0;
    loop {
        match conn.item() {
            Item::Header(_) => pieces += 1,
            Item::Stanza(e) if e.name == "features" && pieces > 0 => break,
            // RFC 6120 §4.9.3.9: a server may also refuse the wrong 'from'.
            Item::Stanza(e) => {
                e.must("<stream:error><invalid-from xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
                return;
            }
            other => conn.fail(&format!("unexpected {other:?}")),
        }
    }
    assert!(conn.bind().starts_with(&format!("{alice:#}/")));
}

/// RFC 7622 §3.4: characters that XML escapes may stand in a resource, and arrive as they were.
#[test]
fn a_resource_with_markup_is_escaped_everywhere() {
    let (account, bob) = (user(), online());
    let conn = account.authenticated();
    let jid = conn.bind_as("a&amp;b&lt;c&gt;&apos;d&quot;");
    assert_eq!(jid, format!("{account:#}/a&b<c>'d\""));
    send!(conn, "<message to='{bob}'><body>x</body></message>");
    assert_eq!(bob.expect("<message/>").attr("from"), Some(jid.as_str()));
    send!(bob, "<message to='{account:#}/a&amp;b&lt;c&gt;&apos;d&quot;'><body>y</body></message>");
    conn.expect("<message><body>y</body></message>");
}

/// RFC 7622 §3.1: the first slash ends the domain; what follows, slashes and at signs too, is the resource.
#[test]
fn a_resource_with_a_slash_and_an_at_sign_is_addressed() {
    let (account, bob) = (user(), online());
    let odd = account.session("a/b@c");
    assert_eq!(odd.to_string(), format!("{account:#}/a/b@c"));
    send!(bob, "<message to='{odd}' type='chat'><body>x</body></message>");
    expect!(odd, "<message from='{bob}' to='{odd}'><body>x</body></message>");
}

/// §7.7.2.2 and RFC 6121 §4.5.2: a session that is replaced becomes unavailable, if it is replaced.
#[test]
fn a_replaced_session_is_announced_as_unavailable() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    let reply = alice.authenticated().request(
        "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r1</resource></bind></iq>",
    );
    if reply.attr("type") == Some("result")
        && reply.need_child("bind").need_child("jid").text() == alice.to_string()
    {
        expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    }
}

/// §4.3.6: a session that took over a full JID gets what is for it; the old one gets nothing more.
#[test]
fn a_new_session_of_the_same_resource_after_logout_works() {
    let (alice, bob) = (online(), online());
    let full = alice.to_string();
    alice.log_out();
    let again = alice.session("r1");
    assert_eq!(again.to_string(), full);
    again.go_online();
    send!(bob, "<message to='{full}' type='chat'><body>x</body></message>");
    expect!(again, "<message from='{bob}'><body>x</body></message>");
}
