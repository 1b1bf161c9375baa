//! Signs what the name server says (RFC 4034), with one key for each zone.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::{CLASS_IN, Record, write_name};

/// RFC 4034 §5: the parent's word for a key.
pub const DS: u16 = 43;
/// RFC 4034 §3, §4.
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
/// RFC 4034 §2: a key.
pub const DNSKEY: u16 = 48;
/// RFC 1035 §3.2.2.
pub(super) const NS: u16 = 2;

/// The signed zones and their keys, by name; `""` is the root.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<String, Ed25519KeyPair>);

impl Keys {
    pub(super) fn add(&mut self, zone: &str) {
        self.0.insert(zone.to_owned(), Ed25519KeyPair::generate().expect("randomness"));
    }

    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// RFC 4034 §2: a key for a zone, secure entry point, protocol 3, Ed25519.
    pub(super) fn dnskey(&self, zone: &str) -> Option<Vec<u8>> {
        let key = self.0.get(zone)?.public_key().as_ref();
        Some([[1, 1, 3, ED25519].as_slice(), key].concat())
    }

    /// RFC 4034 §5: what the parent says of the key.
    pub(super) fn ds(&self, zone: &str) -> Option<Vec<u8>> {
        let key = self.dnskey(zone)?;
        let mut named = Vec::new();
        write_name(&mut named, zone);
        named.extend(&key);
        let mut data = key_tag(&key).to_be_bytes().to_vec();
        data.extend([ED25519, 2]);
        data.extend(digest(&SHA256, &named).as_ref());
        Some(data)
    }

    /// The signature of a set of records; `None`: its zone is not signed.
    /// `stale`: it was over yesterday.
    pub(super) fn sign(&self, zone: &str, records: &[Record], stale: bool) -> Option<Record> {
        let (key, first) = (self.0.get(zone)?, records.first()?);
        let mut rdata = first.kind.to_be_bytes().to_vec();
        let labels = first.name.split('.').filter(|label| !label.is_empty()).count();
        rdata.extend([ED25519, u8::try_from(labels).expect("few labels")]);
        rdata.extend(first.ttl.to_be_bytes());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let now = u32::try_from(now).expect("before 2106") - if stale { 2 * DAY } else { 0 };
        rdata.extend((now + DAY).to_be_bytes());
        rdata.extend((now - DAY).to_be_bytes());
        rdata.extend(key_tag(&self.dnskey(zone)?).to_be_bytes());
        write_name(&mut rdata, zone);
        let signature = key.sign(&[rdata.clone(), canonical(records)].concat());
        rdata.extend(signature.as_ref());
        Some(Record { name: first.name.clone(), kind: RRSIG, ttl: first.ttl, data: rdata })
    }
}

/// RFC 4034 §6: in the order of their data; our names are in lower case and not compressed.
fn canonical(records: &[Record]) -> Vec<u8> {
    let mut records: Vec<&Record> = records.iter().collect();
    records.sort_by(|one, other| one.data.cmp(&other.data));
    let mut bytes = Vec::new();
    for record in records {
        write_name(&mut bytes, &record.name);
        bytes.extend([record.kind, CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
        bytes.extend(record.ttl.to_be_bytes());
        bytes.extend(u16::try_from(record.data.len()).expect("a record below 64 KiB").to_be_bytes());
        bytes.extend(&record.data);
    }
    bytes
}

/// RFC 4034 appendix B.
fn key_tag(key: &[u8]) -> u16 {
    let add = |sum: u32, (place, byte): (usize, &u8)| {
        sum + if place % 2 == 0 { u32::from(*byte) << 8 } else { u32::from(*byte) }
    };
    let sum = key.iter().enumerate().fold(0, add);
    u16::try_from((sum + (sum >> 16)) & 0xFFFF).expect("16 bits")
}

/// A denial of all that is not among `kinds`, as short as can be (RFC 4470; RFC 9824 for names that do not exist).
pub(super) fn denial(name: &str, kinds: &[u16], ttl: u32) -> Record {
    // The next name there could be.
    let mut data = vec![1, 0];
    write_name(&mut data, name);
    // RFC 4034 §4.1.2: of the first 64 kinds, one bit each.
    let kinds = kinds.iter().copied().chain([RRSIG, NSEC]).filter(|kind| *kind < 64);
    let bits = kinds.fold(0_u64, |bits, kind| bits | (1 << (63 - kind)));
    data.extend([0, 8]);
    data.extend(bits.to_be_bytes());
    Record { name: name.to_owned(), kind: NSEC, ttl, data }
}

/// Whether `zone` is `name` or above it.
pub(super) fn holds(zone: &str, name: &str) -> bool {
    zone.is_empty() || name == zone || name.ends_with(&format!(".{zone}"))
}

const ED25519: u8 = 15;
const DAY: u32 = 86_400;
