//! Pages (XEP-0059) and queries of the archive (XEP-0313): read, or refused with a stanza error.

use waxwing_mam::Request;
use waxwing_xml::Tree;
use waxwing_xmpp::{SetRequest, Timestamp};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    Timestamp::parse(text).into_iter().for_each(check);
    let Some(tree) = Tree::parse(text) else { return };
    if let Ok(request) = Request::from_tree(&tree) {
        [request.start, request.end].into_iter().flatten().for_each(check);
    }
    let _ = SetRequest::from_tree(&tree);
}

/// A time is written so that it can be read, and stays the same to the millisecond.
fn check(stamp: Timestamp) {
    let written = stamp.to_rfc3339();
    assert_eq!(Timestamp::parse(&written).map(Timestamp::to_rfc3339), Some(written));
}
