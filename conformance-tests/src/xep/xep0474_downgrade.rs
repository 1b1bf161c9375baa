//! XEP-0474: SASL SCRAM downgrade protection. Prosody 0.12 and ejabberd 23.01 do not know it.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use crate::harness::*;

/// §6.1: the first message of the server has the hash of what it advertised.
#[track_caller]
fn the_hash_is_right(mechanism: &str, algorithm: &'static Algorithm) {
    let alice = user();
    let conn = Conn::direct_tls();
    let features = conn.open_features();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names.join("\u{1e}")
    };
    let mut text = sorted(features.need_child("mechanisms").children().map(Element::text).collect());
    if let Some(bindings) = features.child("sasl-channel-binding") {
        let types = bindings.children().filter_map(|b| b.attr("type")).map(str::to_owned).collect();
        text = format!("{text}\u{1f}{}", sorted(types));
    }
    let challenge = Scram::new(mechanism, &alice.name, "pencil").run(&conn).challenge.expect("a challenge");
    let found = challenge.split(',').find_map(|f| f.strip_prefix("h="));
    assert_eq!(found, Some(base64(digest(algorithm, text.as_bytes()).as_ref()).as_str()), "{challenge}");
}

#[test]
fn the_hash_is_right_in_scram_sha_1() {
    the_hash_is_right("SCRAM-SHA-1", &SHA1_FOR_LEGACY_USE_ONLY);
}

#[test]
fn the_hash_is_right_in_scram_sha_256() {
    the_hash_is_right("SCRAM-SHA-256", &SHA256);
}
