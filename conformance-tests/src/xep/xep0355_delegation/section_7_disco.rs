//! XEP-0355 §7: what the host and its accounts say of themselves.

use super::*;

const INFO: &str = "http://jabber.org/protocol/disco#info";
const ITEMS: &str = "http://jabber.org/protocol/disco#items";

/// Answers the question about a node of the component.
#[track_caller]
fn tell(manager: &Component, node: &str, inner: &str) {
    let asked = expect!(
        manager,
        "<iq type='get' from='{HOST}' to='{MANAGER}'><query xmlns='{INFO}' node='{node}'/></iq>"
    );
    let query = format!("<query xmlns='{INFO}' node='{node}'>{inner}</query>");
    send!(manager, "<iq from='{MANAGER}' to='{HOST}' type='result' id='{}'>{query}</iq>", asked.need("id"));
    manager.sync();
}

#[track_caller]
fn info(client: &Client, to: &str) -> Element {
    request!(client, "<iq type='get' to='{to}'><query xmlns='{INFO}'/></iq>")
}

/// Asks until the answer is what it has to become: the server may take a moment to use what it was told.
#[track_caller]
fn info_becomes(client: &Client, to: &str, query: &str) {
    let wanted = Element::parse(&format!("<iq><query xmlns='{INFO}'>{query}</query></iq>"));
    for _ in 0..100 {
        if info(client, to).matches(&wanted) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    client.fail(&format!("the answer does not become {wanted}"));
}

/// §7.1: "MUST report".
#[test]
fn the_protocol_is_announced() {
    let alice = online_at(HOST);
    info(&alice, HOST)
        .must(&format!("<iq type='result'><query xmlns='{INFO}'><feature var='{NS}'/></query></iq>"));
}

/// §7.2.1.
#[test]
fn features_of_the_component_are_nested() {
    let (manager, alice) = (manager(), online_at(HOST));
    tell(&manager, &format!("{NS}::urn:example:delegated"), "<feature var='urn:example:more'/>");
    info_becomes(&alice, HOST, "<feature var='urn:example:more'/>");
    manager.sync();
}

/// §7.2.2.
#[test]
fn features_of_bare_jids_are_nested() {
    let (manager, alice) = (manager(), online_at(HOST));
    tell(
        &manager,
        &format!("{NS}:bare:urn:example:delegated"),
        "<identity category='pubsub' type='pep'/><feature var='urn:example:bare'/>",
    );
    info_becomes(
        &alice,
        &alice.bare(),
        "<identity category='account' type='registered'/><identity category='pubsub' type='pep'/>
         <feature var='urn:example:bare'/>",
    );
    manager.sync();
}

/// §7.2.4, examples 26 to 29.
#[test]
fn nodes_of_bare_jids_are_asked_of_the_component() {
    let (manager, alice) = (manager(), online_at(HOST));
    let query = format!("<query xmlns='{INFO}' node='urn:xmpp:microblog:0'/>");
    send!(alice, "<iq type='get' to='{alice:#}' id='disco1'>{query}</iq>");
    let (inner, id) = forwarded(&manager);
    inner.must(&format!("<iq type='get' from='{alice}' to='{alice:#}' id='disco1'>{query}</iq>"));
    answer(
        &manager,
        &id,
        &format!("<iq xmlns='jabber:client' to='{alice}' id='disco1' type='result'>{query}</iq>"),
    );
    expect!(alice, "<iq type='result' id='disco1'>{query}</iq>");
}

/// §7.2.5, examples 30 to 37.
#[test]
fn items_of_bare_jids_are_asked_of_the_component() {
    let (manager, alice) = (manager(), online_at(HOST));
    for node in ["", " node='urn:xmpp:microblog:0'"] {
        let query = format!("<query xmlns='{ITEMS}'{node}/>");
        send!(alice, "<iq type='get' to='{alice:#}' id='items1'>{query}</iq>");
        let (_, id) = forwarded(&manager);
        let result = format!(
            "<iq xmlns='jabber:client' from='{alice:#}' to='{alice}' id='items1' type='result'>
             <query xmlns='{ITEMS}'{node}><item jid='{alice:#}' node='n'/></query></iq>"
        );
        answer(&manager, &id, &result);
        expect!(
            alice,
            "<iq type='result' id='items1'><query xmlns='{ITEMS}'><item jid='{alice:#}' node='n'/></query></iq>"
        );
    }
}
