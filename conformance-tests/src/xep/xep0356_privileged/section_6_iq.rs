//! XEP-0356 §6: requests in the name of an account.

use super::*;

fn privileged_iq(attributes: &str, inner: &str) -> String {
    format!("<iq {attributes}><privileged_iq xmlns='{NS}'>{inner}</privileged_iq></iq>")
}

fn asked(to: &str) -> String {
    format!("<iq xmlns='jabber:client' type='set' to='{to}' id='sub_1'><x xmlns='urn:example:asked'/></iq>")
}

/// §6.2.
#[test]
fn the_permission_is_advertised_by_namespace() {
    let component = Component::connect(PRIVILEGED);
    expect!(
        component,
        "<message><privilege xmlns='{NS}'><perm access='iq' type='{NONE}'>
         <namespace ns='urn:example:asked' type='set'/></perm></privilege></message>"
    );
}

/// §6.3, examples 9 to 11.
#[test]
fn a_request_goes_out_and_its_answer_comes_back() {
    let (alice, bob, component) = (online(), online(), privileged(PRIVILEGED));
    befriend(&alice, &bob);
    for kind in ["result", "error"] {
        let id = component.id();
        send!(
            component,
            "{}",
            privileged_iq(
                &format!("from='{PRIVILEGED}' to='{alice:#}' type='set' id='{id}'"),
                &asked(&bob.to_string())
            )
        );
        let iq =
            expect!(bob, "<iq from='{alice:#}' to='{bob}' type='set'><x xmlns='urn:example:asked'/></iq>");
        send!(bob, "<iq to='{alice:#}' type='{kind}' id='{}'/>", iq.need("id"));
        component.answer(&id).must(&format!(
            "<iq type='result' from='{alice:#}' to='{PRIVILEGED}'><privilege xmlns='{NS}'>
             <forwarded xmlns='urn:xmpp:forward:0'>
             <iq xmlns='jabber:client' type='{kind}' from='{bob}' to='{alice:#}' id='sub_1'/>
             </forwarded></privilege></iq>"
        ));
    }
}

/// §6.3: "The server MUST refuse the request with a <forbidden/> error".
#[test]
fn what_the_clause_names_is_forbidden() {
    let (alice, bob, component) = (online(), online(), privileged(PRIVILEGED));
    befriend(&alice, &bob);
    let to_alice = format!("type='set' to='{alice:#}'");
    let good = asked(&bob.to_string());
    for (attributes, inner) in [
        ("type='set' to='localhost'".to_owned(), good.clone()),
        (format!("type='set' to='{alice}'"), good.clone()),
        ("type='set' to='nobody@localhost'".to_owned(), good.clone()),
        (to_alice.clone(), good.replace("urn:example:asked", "urn:example:other")),
        (format!("type='get' to='{alice:#}'"), good.replace("type='set'", "type='get'")),
        (format!("type='get' to='{alice:#}'"), good.clone()),
        (to_alice.clone(), good.replace("jabber:client", "jabber:server")),
        (to_alice.clone(), good.replace("id='sub_1'", &format!("id='sub_1' from='{bob:#}'"))),
        (to_alice.clone(), good.replace("id='sub_1'", &format!("id='sub_1' from='{alice}'"))),
    ] {
        component.ask(&privileged_iq(&attributes, &inner)).must_fail("forbidden");
    }
    bob.expect_nothing();
}

/// §6.3.
#[test]
fn who_has_no_permission_asks_nothing() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    let request = privileged_iq(&format!("type='set' to='{alice:#}'"), &asked(&bob.to_string()));
    for name in [READER, GATEWAY] {
        Component::connect(name).ask(&request).must_fail("forbidden");
    }
    bob.request(&request).must_fail("forbidden");
    bob.expect_nothing();
}
