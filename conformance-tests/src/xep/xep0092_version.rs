//! XEP-0092: software version.

use crate::harness::*;

/// §2: name and version.
#[test]
fn the_server_tells_its_name_and_version() {
    request!(user(), "<iq type='get' to='localhost'><query xmlns='jabber:iq:version'/></iq>")
        .must("<iq type='result'><query xmlns='jabber:iq:version'><name>{any}</name><version>{any}</version></query></iq>");
}

/// §2: a set makes no sense.
#[test]
fn a_set_is_refused() {
    request!(
        user(),
        "<iq type='set' to='localhost'><query xmlns='jabber:iq:version'><name>x</name></query></iq>"
    )
    .must("<iq type='error'/>");
}
