//! DNSSEC: whom we trust, and what the resolver does not check (RFC 4033–4035).

use std::sync::LazyLock;

use hickory_resolver::net::NoRecords;
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::rr::{Name, Record};
use waxwing_core::StartError;
use waxwing_core::config::Dns;

/// RFC 6761 §6.3.
pub(super) static LOCALHOST: LazyLock<Name> =
    LazyLock::new(|| Name::from_labels([b"localhost".as_slice()]).unwrap_or_default());

/// The keys that all trust begins with. `None`: nothing is validated.
pub(super) fn anchors(dns: &Dns) -> Result<Option<TrustAnchors>, StartError> {
    match (&dns.trust_anchor, dns.dnssec) {
        (None, false) => Ok(None),
        (None, true) => Ok(Some(TrustAnchors::default())),
        (Some(_), false) => Err(StartError::new("dns.trust_anchor says nothing without dns.dnssec = true")),
        (Some(file), true) => {
            let anchors = TrustAnchors::from_file(file);
            let wrong = |error| StartError::new(format!("dns.trust_anchor: {}: {error}", file.display()));
            let anchors = anchors.map_err(|error| wrong(error.to_string()))?;
            if anchors.is_empty() {
                return Err(wrong("no DNSKEY record of the root here".to_owned()));
            }
            Ok(Some(anchors))
        }
    }
}

/// Whether "there is nothing" comes from where it may come from.
///
/// COMPAT(hickory-resolver 0.26): it takes a denial for that of an unsigned zone if all that comes with it is unsigned,
/// whichever zone that is. Then whoever stands between could deny the records of a signed zone in the name of an
/// unsigned one, and undo DANE. Remove when the test of foreign denials passes without.
pub(super) fn is_honest(none: &NoRecords) -> bool {
    let records: &[Record] = none.authorities.as_deref().unwrap_or_default();
    let unsigned = records.iter().all(|record| record.proof.is_insecure());
    let name = none.query.name();
    !unsigned || records.is_empty() || records.iter().any(|record| record.name.zone_of(name))
}
