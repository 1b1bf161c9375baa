//! XEP-0202: entity time.

use crate::harness::*;

fn time() -> Element {
    let reply = request!(user(), "<iq type='get' to='localhost'><time xmlns='urn:xmpp:time'/></iq>");
    reply.must("<iq type='result'><time xmlns='urn:xmpp:time'><tzo>{any}</tzo><utc>{any}</utc></time></iq>");
    reply.need_child("time").clone()
}

/// §3: an offset as XEP-0082 writes it.
#[test]
fn the_offset_is_a_time_zone_definition() {
    let tzo = time().need_child("tzo").text();
    let numeric = tzo.len() == 6 && tzo.starts_with(['+', '-']) && tzo.as_bytes().get(3) == Some(&b':');
    assert!(tzo == "Z" || numeric, "{tzo}");
}

/// §3: a time in UTC as XEP-0082 writes it.
#[test]
fn the_time_is_utc() {
    let utc = time().need_child("utc").text();
    let shape: String = utc.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let whole = shape.split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned();
    assert!(whole == "0000-00-00T00:00:00" && utc.ends_with('Z'), "{utc}");
}

/// §3: a set makes no sense.
#[test]
fn a_set_is_refused() {
    request!(user(), "<iq type='set' to='localhost'><time xmlns='urn:xmpp:time'/></iq>")
        .must("<iq type='error'/>");
}
