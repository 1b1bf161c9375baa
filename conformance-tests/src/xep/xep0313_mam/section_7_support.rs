//! XEP-0313 §7: which features an archive has.

use super::*;

/// §7: the archive is advertised where it is, on the account.
#[test]
fn the_account_advertises_the_archive() {
    let features = user().account_features();
    assert!(features.contains(&"urn:xmpp:mam:2".to_owned()), "{features:?}");
}

/// §7: with the extensions that it must have.
#[test]
fn the_account_advertises_the_extended_features() {
    let features = user().account_features();
    assert!(features.contains(&"urn:xmpp:mam:2#extended".to_owned()), "{features:?}");
}

/// XEP-0359 §5: ids can be trusted where this is advertised.
#[test]
fn the_account_advertises_stanza_ids() {
    let features = user().account_features();
    assert!(features.contains(&"urn:xmpp:sid:0".to_owned()), "{features:?}");
}

/// §7: groupchat is available only where its field is known.
#[test]
fn groupchat_available_implies_the_groupchat_field() {
    let features = user().account_features();
    let has = |name: &str| features.contains(&format!("urn:xmpp:mam:2{name}"));
    assert!(has("") && (has("#groupchat-field") || !has("#groupchat-available")), "{features:?}");
}
