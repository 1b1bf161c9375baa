//! XEP-0114: external components, by the method "accept".

use crate::harness::component::{GATEWAY, SECRET, alone, open, proof, show};
use crate::harness::*;

/// §3: "the server MUST reply with a stream header", which has the component's name and an id.
#[test]
fn the_header_names_the_component_and_has_an_id() {
    let _alone = alone(GATEWAY);
    let header = open(&Conn::component(), GATEWAY);
    assert_eq!(header.ns, "http://etherx.jabber.org/streams");
    assert_eq!(header.attr("from"), Some(GATEWAY));
    assert!(header.need("id").len() >= 16, "the id cannot be guessed: {header}");
}

/// §3: "an empty <handshake/> element".
#[test]
fn the_right_secret_is_answered_with_an_empty_handshake() {
    let _alone = alone(GATEWAY);
    for _ in 0..2 {
        let conn = Conn::component();
        show(&conn, GATEWAY, SECRET);
        let answer = conn.expect_next("<handshake/>");
        assert!(answer.children().next().is_none() && answer.text().is_empty(), "{answer}");
        conn.send("</stream:stream>");
        conn.expect_eof();
    }
}

/// §3: "MUST close the stream", "SHOULD return a <not-authorized/> stream error".
#[test]
fn a_wrong_secret_is_not_authorized() {
    for secret in ["", "not the secret"] {
        let conn = Conn::component();
        show(&conn, GATEWAY, secret);
        conn.expect_stream_error("not-authorized");
        conn.expect_eof();
    }
}

#[test]
fn what_was_a_proof_on_one_stream_is_none_on_another() {
    let (first, second) = (Conn::component(), Conn::component());
    let id = open(&first, GATEWAY).need("id").to_owned();
    assert_ne!(open(&second, GATEWAY).need("id"), id);
    second.send(&format!("<handshake>{}</handshake>", proof(&id, SECRET)));
    second.expect_stream_error("not-authorized");
}

/// §3: "it MUST return a stream error (e.g., <conflict/> or <host-unknown/>)", here for a name that nobody configured.
#[test]
fn an_unknown_name_is_host_unknown() {
    for name in ["unknown.localhost", "localhost"] {
        let conn = Conn::component();
        open(&conn, name);
        conn.expect_stream_error("host-unknown");
    }
}

/// §3.
#[test]
fn another_namespace_is_invalid_namespace() {
    let conn = Conn::component();
    conn.send(&format!(
        "<stream:stream to='{GATEWAY}' xmlns='jabber:component:other' xmlns:stream='http://etherx.jabber.org/streams'>"
    ));
    conn.expect_stream_error("invalid-namespace");
}

/// A stanza before the handshake goes nowhere.
#[test]
fn a_message_before_the_handshake_is_not_authorized() {
    let alice = online();
    let conn = Conn::component();
    open(&conn, GATEWAY);
    send!(conn, "<message from='a@{GATEWAY}' to='{alice}'><body>hi</body></message>");
    conn.expect_stream_error("not-authorized");
    alice.expect_nothing();
}

/// §3: one name, one component.
#[test]
fn the_second_of_a_name_is_in_conflict() {
    let gateway = Component::connect(GATEWAY);
    let second = Conn::component();
    show(&second, GATEWAY, SECRET);
    second.expect_stream_error("conflict");
    gateway.sync();
}

/// §3: "the component MAY send stanzas from any user at its hostname".
#[test]
fn messages_go_both_ways() {
    let (alice, gateway) = (online(), Component::connect(GATEWAY));
    for from in [GATEWAY.to_owned(), format!("a@{GATEWAY}"), format!("a@{GATEWAY}/x")] {
        send!(gateway, "<message from='{from}' to='{alice}' id='m'><body>hi</body></message>");
        expect!(alice, "<message from='{from}' to='{alice}' id='m'><body>hi</body></message>");
        send!(alice, "<message to='{from}' type='chat' id='n'><body>yes &lt;&amp;&gt;</body></message>");
        expect!(
            gateway,
            "<message from='{alice}' to='{from}' type='chat' id='n'><body>yes &lt;&amp;&gt;</body></message>"
        );
    }
}

#[test]
fn requests_of_users_are_answered() {
    let (alice, gateway) = (online(), Component::connect(GATEWAY));
    for kind in ["result", "error"] {
        send!(alice, "<iq to='{GATEWAY}' type='get' id='q1'><q xmlns='urn:example:q'/></iq>");
        expect!(
            gateway,
            "<iq from='{alice}' to='{GATEWAY}' type='get' id='q1'><q xmlns='urn:example:q'/></iq>"
        );
        send!(gateway, "<iq from='{GATEWAY}' to='{alice}' type='{kind}' id='q1'/>");
        expect!(alice, "<iq from='{GATEWAY}' to='{alice}' type='{kind}' id='q1'/>");
    }
}

#[test]
fn a_component_asks_the_server() {
    let gateway = Component::connect(GATEWAY);
    gateway
        .ask("<iq type='get' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
        .must(
            "<iq type='result' from='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        );
}

/// RFC 6121 §3.
#[test]
fn a_user_subscribes_to_somebody_at_a_component() {
    let (alice, gateway) = (online(), Component::connect(GATEWAY));
    send!(alice, "<presence to='bot@{GATEWAY}' type='subscribe'/>");
    expect!(gateway, "<presence from='{alice:#}' to='bot@{GATEWAY}' type='subscribe'/>");
    send!(gateway, "<presence from='bot@{GATEWAY}' to='{alice:#}' type='subscribed'/>");
    send!(gateway, "<presence from='bot@{GATEWAY}/x' to='{alice:#}'><show>dnd</show></presence>");
    expect!(alice, "<presence from='bot@{GATEWAY}' type='subscribed'/>");
    expect!(alice, "<presence from='bot@{GATEWAY}/x'><show>dnd</show></presence>");
    assert_eq!(alice.roster_item(&format!("bot@{GATEWAY}")).unwrap().attr("subscription"), Some("to"));
}

/// §3: the domain of 'from' "MUST match the hostname of the component"; RFC 6120 §4.9.3.9.
#[test]
fn whoever_speaks_for_others_is_cut_off() {
    let (alice, bob) = (online(), online());
    for from in [format!("{bob:#}"), "localhost".to_owned(), format!("a@x.{GATEWAY}")] {
        let gateway = Component::connect(GATEWAY);
        send!(gateway, "<message from='{from}' to='{alice}'><body>lies</body></message>");
        gateway.expect_stream_error("invalid-from");
    }
    alice.expect_nothing();
}

/// §3: "MUST possess a 'from' attribute and a 'to' attribute"; RFC 6120 §4.9.3.7.
#[test]
fn a_stanza_without_from_or_to_is_improper() {
    let alice = online();
    for attributes in [format!("to='{alice}'"), format!("from='a@{GATEWAY}'")] {
        let gateway = Component::connect(GATEWAY);
        send!(gateway, "<message {attributes}><body>hi</body></message>");
        gateway.expect_stream_error("improper-addressing");
    }
    alice.expect_nothing();
}

/// XEP-0030 §4: services below a domain are its items.
#[test]
fn a_connected_component_is_an_item_of_its_host() {
    let (alice, _gateway) = (online(), Component::connect(GATEWAY));
    let items = request!(
        alice,
        "<iq to='localhost' type='get'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>"
    );
    assert!(items.values("item", "jid").iter().any(|jid| jid == GATEWAY), "{items}");
}

/// RFC 6120 §10.4.3: what cannot be delivered is answered.
#[test]
fn what_is_for_a_component_that_is_away_comes_back() {
    let alice = online();
    let gateway = Component::connect(GATEWAY);
    gateway.send("</stream:stream>");
    gateway.expect_eof();
    send!(alice, "<message to='a@{GATEWAY}' type='chat' id='m'><body>hi</body></message>");
    expect!(alice, "<message from='a@{GATEWAY}' type='error' id='m'/>").must_fail_with_one_of(&[
        "remote-server-timeout",
        "service-unavailable",
        "remote-server-not-found",
    ]);
    request!(alice, "<iq to='{GATEWAY}' type='get'><q xmlns='urn:example:q'/></iq>")
        .must_fail_with_one_of(&["remote-server-timeout", "service-unavailable", "remote-server-not-found"]);
}
