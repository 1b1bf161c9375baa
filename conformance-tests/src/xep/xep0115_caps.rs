//! XEP-0115: entity capabilities.

use crate::harness::*;

fn caps() -> (Conn, Element) {
    let alice = user();
    let conn = Conn::secure();
    log_in(&conn, &alice.name, &alice.password);
    let features = conn.open_features();
    conn.bind();
    let caps = features.children().find(|c| c.ns == "http://jabber.org/protocol/caps").cloned();
    (conn, caps.unwrap_or_else(|| panic!("no caps in {features}")))
}

/// §6.3: the server puts its capabilities into the features.
#[test]
fn the_stream_features_have_the_servers_capabilities() {
    caps().1.must("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{any}' ver='{any}'/>");
}

/// §6.2: node#ver is a node of service discovery.
#[test]
fn the_node_is_known_to_service_discovery() {
    let (conn, caps) = caps();
    let node = format!("{}#{}", caps.need("node"), caps.need("ver"));
    conn.request(&format!("<iq type='get' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/></iq>"))
        .must("<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='server'/></query></iq>");
}

/// §5.1: the hash is the one of the disco result.
#[test]
fn the_hash_fits_the_disco_result() {
    let (conn, caps) = caps();
    let info = conn
        .request("<iq type='get' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    assert_eq!(caps.need("ver"), verification(info.need_child("query")), "{info}");
}

/// The verification string of §5.1, hashed.
fn verification(query: &Element) -> String {
    let get = |e: &Element, name: &str| e.attr(name).unwrap_or_default().to_owned();
    let named = |name: &'static str| query.children().filter(move |c| c.name == name);
    let mut identities: Vec<String> = named("identity")
        .map(|i| {
            format!("{}/{}/{}/{}<", get(i, "category"), get(i, "type"), get(i, "xml:lang"), get(i, "name"))
        })
        .collect();
    identities.sort();
    // Sorted before the '<' is appended: it would come behind '#'.
    let mut features: Vec<String> = named("feature").map(|f| get(f, "var")).collect();
    features.sort();
    features.iter_mut().for_each(|feature| feature.push('<'));
    let mut forms: Vec<String> = named("x").map(form).collect();
    forms.sort();
    let text = format!("{}{}{}", identities.concat(), features.concat(), forms.concat());
    base64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
}

fn form(x: &Element) -> String {
    let values = |f: &Element| {
        let mut values: Vec<String> = f.children().map(|v| format!("{}<", v.text())).collect();
        values.sort();
        values.concat()
    };
    let is_type = |f: &&Element| f.attr("var") == Some("FORM_TYPE");
    let kind = x.children().find(is_type).map(values).unwrap_or_default();
    let mut fields: Vec<String> = x
        .children()
        .filter(|f| !is_type(f) && f.name == "field")
        .map(|f| format!("{}<{}", f.attr("var").unwrap_or_default(), values(f)))
        .collect();
    fields.sort();
    format!("{kind}{}", fields.concat())
}
