//! XEP-0355: components that answer for the host and its accounts. All of it is at `second.localhost`.

mod section_4_admin;
mod section_7_disco;

use crate::harness::component::{GATEWAY, MANAGER};
use crate::harness::*;

const NS: &str = "urn:xmpp:delegation:2";
const HOST: &str = "second.localhost";

/// The managing entity, when the server knows it to be there.
#[track_caller]
fn manager() -> Component {
    let manager = Component::connect(MANAGER);
    manager.sync();
    manager
}

/// The forwarded request, and the id of what it came in.
#[track_caller]
fn forwarded(manager: &Component) -> (Element, String) {
    let outer = expect!(
        manager,
        "<iq from='{HOST}' to='{MANAGER}' type='set'><delegation xmlns='{NS}'>
         <forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client'/></forwarded></delegation></iq>"
    );
    let inner = outer.need_child("delegation").need_child("forwarded").need_child("iq").clone();
    (inner, outer.need("id").to_owned())
}

/// Answers what was forwarded under this id.
#[track_caller]
fn answer(manager: &Component, id: &str, inner: &str) {
    send!(
        manager,
        "<iq from='{MANAGER}' to='{HOST}' type='result' id='{id}'><delegation xmlns='{NS}'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></delegation></iq>"
    );
}
