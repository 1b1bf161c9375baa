//! What a certificate says about itself: names, addresses, its signature. Only by ASN.1, never by text search.

use aws_lc_rs::digest;
use x509_parser::asn1_rs::Class;
use x509_parser::prelude::*;
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// The parts of a certificate that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `dNSName` of the subject alternative names, lower case. Never the common name (RFC 9525 §2).
    pub dns_names: Vec<String>,
    /// `id-on-dnsSRV` of the subject alternative names, lower case (RFC 4985 §2).
    pub service_names: Vec<String>,
    /// `id-on-xmppAddr` of the subject alternative names, as written (RFC 6120 §13.7.1.4).
    pub xmpp_addresses: Vec<String>,
    /// Seconds since the Unix epoch from when on it is no longer valid.
    pub not_after: i64,
    /// The data of `tls-server-end-point`; `None` where RFC 5929 §4.1 leaves it undefined (Ed25519, for one).
    pub end_point: Option<Vec<u8>>,
}

impl Identity {
    /// Reads a certificate in DER. `None`: it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut identity = Self {
            dns_names: Vec::new(),
            service_names: Vec::new(),
            xmpp_addresses: Vec::new(),
            not_after: certificate.validity().not_after.timestamp(),
            end_point: end_point_hash(&certificate).map(|hash| digest::digest(hash, der).as_ref().to_vec()),
        };
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        for name in names.iter().take(NAMES_MAX) {
            match name {
                GeneralName::DNSName(name) => identity.dns_names.push(name.to_ascii_lowercase()),
                GeneralName::OtherName(oid, value) if oid.to_id_string() == XMPP_ADDR => {
                    identity.xmpp_addresses.extend(utf8_string(value));
                }
                GeneralName::OtherName(oid, value) if oid.to_id_string() == DNS_SRV => {
                    identity.service_names.extend(ia5_string(value).map(|name| name.to_ascii_lowercase()));
                }
                _ => {}
            }
        }
        Some(identity)
    }

    /// Whether it is for the server of this domain: by the domain, or by the service (RFC 6120 §13.7.1.2.1).
    pub fn matches_service(&self, domain: &str) -> Matching {
        let Ok(domain) = idna::domain_to_ascii(domain) else { return Matching::None };
        match self.matches(&domain) {
            Matching::None if self.service_names.contains(&format!("_xmpp-server.{domain}")) => {
                Matching::Exact
            }
            matching => matching,
        }
    }

    /// Whether it is for this host: RFC 9525 §6.3, with a wildcard only as the whole leftmost label, for exactly one label.
    pub fn matches(&self, host: &str) -> Matching {
        let host = host.to_ascii_lowercase();
        let parent = host.split_once('.').map(|(_, parent)| parent);
        let wildcard = |name: &str| parent.is_some() && name.strip_prefix("*.") == parent;
        if self.dns_names.contains(&host) {
            Matching::Exact
        } else if self.dns_names.iter().any(|name| wildcard(name)) {
            Matching::Wildcard
        } else {
            Matching::None
        }
    }
}

/// How well a certificate fits a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matching {
    /// Not at all.
    None,
    /// By `*.`.
    Wildcard,
    /// By name.
    Exact,
}

/// RFC 5929 §4.1: the hash of the certificate's own signature, but SHA-256 for MD5 and SHA-1.
fn end_point_hash(certificate: &X509Certificate<'_>) -> Option<&'static digest::Algorithm> {
    let oid = match SignatureAlgorithm::try_from(&certificate.signature_algorithm).ok()? {
        SignatureAlgorithm::RSASSA_PSS(parameters) => parameters.hash_algorithm_oid().to_id_string(),
        _ => certificate.signature_algorithm.algorithm.to_id_string(),
    };
    match oid.as_str() {
        // md5WithRSA, sha1WithRSA, ecdsa-with-SHA1, SHA-1 of PSS
        "1.2.840.113549.1.1.4" | "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.3.14.3.2.26" => {
            Some(&digest::SHA256)
        }
        // sha256WithRSA, ecdsa-with-SHA256, SHA-256 of PSS
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" | "2.16.840.1.101.3.4.2.1" => Some(&digest::SHA256),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => Some(&digest::SHA384),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => Some(&digest::SHA512),
        _ => None,
    }
}

/// The value of an otherName: `[0] EXPLICIT UTF8String`.
fn utf8_string(value: &[u8]) -> Option<String> {
    explicit(value, |inner| der_parser::der::parse_der_utf8string(inner).ok())
}

/// … `[0] EXPLICIT IA5String`.
fn ia5_string(value: &[u8]) -> Option<String> {
    explicit(value, |inner| der_parser::der::parse_der_ia5string(inner).ok())
}

fn explicit<'a>(
    value: &'a [u8],
    parse: impl FnOnce(&'a [u8]) -> Option<(&'a [u8], der_parser::der::DerObject<'a>)>,
) -> Option<String> {
    let (rest, outer) = der_parser::der::parse_der(value).ok()?;
    let inner = match outer.header.class() {
        Class::ContextSpecific => outer.content.as_slice().ok()?,
        _ => return None,
    };
    let (inner_rest, string) = parse(inner)?;
    (rest.is_empty() && inner_rest.is_empty()).then_some(())?;
    string.as_str().ok().map(str::to_owned)
}

const XMPP_ADDR: &str = "1.3.6.1.5.5.7.8.5";
const DNS_SRV: &str = "1.3.6.1.5.5.7.8.7";
/// A certificate with more names than that is not looked through to its end.
const NAMES_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, OtherNameValue, SanType};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params =
            CertificateParams::new(vec!["example.org".to_owned(), "*.example.net".to_owned()]).unwrap();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn rfc9525_6_3_names_and_wildcards() {
        let identity = Identity::read(&certificate(|_| {})).unwrap();
        assert_eq!(identity.matches("example.org"), Matching::Exact);
        assert_eq!(identity.matches("EXAMPLE.org"), Matching::Exact);
        assert_eq!(identity.matches("im.example.net"), Matching::Wildcard);
        for other in ["example.net", "a.b.example.net", "example.com", "org", "xexample.org", ""] {
            assert_eq!(identity.matches(other), Matching::None, "{other}");
        }
    }

    #[test]
    fn rfc9525_2_the_common_name_does_not_count() {
        let der = certificate(|params| {
            params.distinguished_name.push(DnType::CommonName, "evil.example");
            params.distinguished_name.push(DnType::OrganizationalUnitName, "CN=admin,DNS:evil.example");
        });
        assert_eq!(Identity::read(&der).unwrap().matches("evil.example"), Matching::None);
    }

    #[test]
    fn rfc6120_13_7_1_4_xmpp_addresses_are_read() {
        let der = certificate(|params| {
            let value = OtherNameValue::Utf8String("juliet@example.org".to_owned());
            params.subject_alt_names.push(SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 5], value)));
            // id-on-dnsSRV is another name.
            let value = OtherNameValue::Utf8String("romeo@example.org".to_owned());
            params.subject_alt_names.push(SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 7], value)));
        });
        assert_eq!(Identity::read(&der).unwrap().xmpp_addresses, ["juliet@example.org"]);
        assert!(Identity::read(&certificate(|_| {})).unwrap().xmpp_addresses.is_empty());
    }

    #[test]
    fn rfc5929_4_1_end_point_is_the_hash_of_the_certificate() {
        let der = certificate(|_| {});
        let sha256 = digest::digest(&digest::SHA256, &der).as_ref().to_vec();
        assert_eq!(Identity::read(&der).unwrap().end_point, Some(sha256));
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let der =
            CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec();
        let sha384 = digest::digest(&digest::SHA384, &der).as_ref().to_vec();
        assert_eq!(Identity::read(&der).unwrap().end_point, Some(sha384));
    }

    #[test]
    fn rfc5929_4_1_end_point_is_undefined_for_ed25519() {
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let der =
            CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec();
        assert_eq!(Identity::read(&der).unwrap().end_point, None);
    }

    #[test]
    fn what_is_no_certificate_is_not_read() {
        assert_eq!(Identity::read(b""), None);
        assert_eq!(Identity::read(b"-----BEGIN CERTIFICATE-----"), None);
    }
}
