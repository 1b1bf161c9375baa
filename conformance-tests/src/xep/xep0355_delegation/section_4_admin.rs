//! XEP-0355 §4: what the operator has delegated.

use super::*;

const X: &str = "<x xmlns='urn:example:delegated'/>";

/// §4.2.
#[test]
fn a_component_is_told_what_it_manages() {
    let manager = Component::connect(MANAGER);
    expect!(
        manager,
        "<message from='{HOST}' to='{MANAGER}'><delegation xmlns='{NS}'>
         <delegated namespace='urn:example:delegated'/>
         <delegated namespace='urn:example:filtered'><attribute name='node'/></delegated></delegation></message>"
    );
    drop(manager);
    Component::connect(GATEWAY).expect_no(&format!("<message><delegation xmlns='{NS}'/></message>"));
}

/// §4.3, examples 2 to 5.
#[test]
fn requests_are_forwarded_and_their_answers_sent_on() {
    let (manager, alice) = (manager(), online_at(HOST));
    for kind in ["get", "set"] {
        for to in [String::new(), format!("to='{HOST}'"), format!("to='{alice:#}'")] {
            send!(alice, "<iq type='{kind}' {to} id='pep1'>{X}</iq>");
            let (inner, id) = forwarded(&manager);
            inner.must(&format!(
                "<iq xmlns='jabber:client' from='{alice}' {to} type='{kind}' id='pep1'>{X}</iq>"
            ));
            let from = to.replace("to=", "from=");
            let result =
                format!("<iq xmlns='jabber:client' {from} to='{alice}' id='pep1' type='result'>{X}</iq>");
            answer(&manager, &id, &result);
            expect!(alice, "<iq {from} type='result' id='pep1'>{X}</iq>");
        }
    }
}

/// §4.3: "directed to any bare jid (and only bare jid) that it manages", from whomever.
#[test]
fn requests_for_other_accounts_are_forwarded_and_those_for_clients_are_not() {
    let (manager, alice, bob) = (manager(), online_at(HOST), online());
    send!(bob, "<iq type='get' to='{alice:#}' id='q'>{X}</iq>");
    let (inner, id) = forwarded(&manager);
    inner.must(&format!("<iq xmlns='jabber:client' from='{bob}' to='{alice:#}' type='get' id='q'>{X}</iq>"));
    answer(
        &manager,
        &id,
        &format!("<iq xmlns='jabber:client' from='{alice:#}' to='{bob}' id='q' type='result'/>"),
    );
    expect!(bob, "<iq type='result' from='{alice:#}' id='q'/>");
    let carol = online_at(HOST);
    befriend(&alice, &carol);
    send!(carol, "<iq type='get' to='{alice}' id='r'>{X}</iq>");
    expect!(alice, "<iq type='get' from='{carol}' id='r'>{X}</iq>");
    manager.expect_no(&format!("<iq type='set'><delegation xmlns='{NS}'/></iq>"));
}

/// §4.3, N.B.₃.
#[test]
fn without_the_filtering_attribute_nothing_is_forwarded() {
    let (manager, alice) = (manager(), online_at(HOST));
    request!(alice, "<iq type='get' to='{HOST}'><x xmlns='urn:example:filtered'/></iq>")
        .must_fail("service-unavailable");
    manager.expect_no(&format!("<iq type='set'><delegation xmlns='{NS}'/></iq>"));
    send!(alice, "<iq type='get' to='{HOST}' id='f'><x xmlns='urn:example:filtered' node='n'/></iq>");
    forwarded(&manager).0.must("<iq type='get' id='f'><x xmlns='urn:example:filtered' node='n'/></iq>");
}

/// §4.3: "wrong 'to', 'from', 'id' or 'result' attributes".
#[test]
fn a_bad_answer_is_service_unavailable() {
    let (manager, alice, bob) = (manager(), online_at(HOST), online_at(HOST));
    let good = format!("<iq xmlns='jabber:client' from='{HOST}' to='{alice}' id='pep1' type='result'/>");
    for bad in [
        good.replace(&alice.to_string(), &bob.to_string()),
        good.replace(&format!("from='{HOST}'"), &format!("from='{bob:#}'")),
        good.replace("pep1", "pep2"),
        good.replace("type='result'", "type='error'"),
        String::new(),
    ] {
        send!(alice, "<iq type='set' to='{HOST}' id='pep1'>{X}</iq>");
        let (_, id) = forwarded(&manager);
        answer(&manager, &id, &bad);
        alice.answer("pep1").must_fail("service-unavailable");
        bob.expect_nothing();
    }
}

/// §4.3, N.B.₂.
#[test]
fn an_error_of_the_component_is_service_unavailable() {
    let (manager, alice) = (manager(), online_at(HOST));
    send!(alice, "<iq type='set' to='{HOST}' id='pep1'>{X}</iq>");
    let (_, id) = forwarded(&manager);
    send!(
        manager,
        "<iq from='{MANAGER}' to='{HOST}' type='error' id='{id}'><error type='auth'>\
         <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    alice.answer("pep1").must_fail("service-unavailable");
}

/// §4.3, N.B.₁.
#[test]
fn without_the_component_it_is_service_unavailable() {
    let (gone, alice) = (manager(), online_at(HOST));
    gone.send("</stream:stream>");
    gone.expect_eof();
    request!(alice, "<iq type='set' to='{HOST}'>{X}</iq>").must_fail("service-unavailable");
}

/// RFC 6120 §8.2.3: only whom the request went to.
#[test]
fn nobody_else_answers() {
    let (manager, alice, mallory) = (manager(), online_at(HOST), online_at(HOST));
    send!(alice, "<iq type='set' to='{HOST}' id='pep1'>{X}</iq>");
    let (_, id) = forwarded(&manager);
    let result = format!("<iq xmlns='jabber:client' from='{HOST}' to='{alice}' id='pep1' type='result'/>");
    send!(
        mallory,
        "<iq to='{HOST}' type='result' id='{id}'><delegation xmlns='{NS}'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{result}</forwarded></delegation></iq>"
    );
    alice.expect_nothing();
    answer(&manager, &id, &result);
    expect!(alice, "<iq type='result' id='pep1'/>");
}

/// §4.3.1.
#[test]
fn what_the_managing_entity_asks_is_not_forwarded() {
    let manager = manager();
    manager.ask(&format!("<iq type='get' to='{HOST}'>{X}</iq>")).must_fail("service-unavailable");
}

/// §4.3.1: "the managing entity can use privileged entity to do specific treatments".
#[test]
fn what_the_managing_entity_asks_in_an_accounts_name_is_not_forwarded() {
    let (manager, alice) = (manager(), online_at(HOST));
    for to in [String::new(), format!("to='{HOST}'"), format!("to='{alice:#}'")] {
        let inner = format!("<iq xmlns='jabber:client' type='get' {to} id='i'>{X}</iq>");
        manager
            .ask(&format!(
                "<iq type='get' to='{alice:#}'><privileged_iq xmlns='urn:xmpp:privilege:2'>{inner}</privileged_iq></iq>"
            ))
            .must(
                "<iq type='result'><privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>
                 <iq xmlns='jabber:client' type='error' id='i'/></forwarded></privilege></iq>",
            );
    }
    manager.expect_no(&format!("<iq type='set'><delegation xmlns='{NS}'/></iq>"));
}

/// §4.3: "any bare jid"; RFC 6120 §13.11: whether there is such an account is not to be seen.
#[test]
fn requests_for_missing_accounts_are_answered_alike() {
    let (manager, alice, bob) = (manager(), online_at(HOST), user_at(HOST));
    for to in [bob.bare(), format!("nobody@{HOST}")] {
        send!(alice, "<iq type='get' to='{to}' id='q'>{X}</iq>");
        let (inner, id) = forwarded(&manager);
        inner.must(&format!("<iq xmlns='jabber:client' from='{alice}' to='{to}' type='get' id='q'>{X}</iq>"));
        let from = format!("from='{to}' to='{alice}' id='q'");
        answer(&manager, &id, &format!("<iq xmlns='jabber:client' {from} type='result'/>"));
        expect!(alice, "<iq {from} type='result'/>");
    }
}
