//! What DNS says about the certificate of a server: TLSA records
//! ([RFC 6698](https://www.rfc-editor.org/rfc/rfc6698), [RFC 7671](https://www.rfc-editor.org/rfc/rfc7671)).
//!
//! Only about matching: whether the records are genuine is for whoever has asked for them.

use std::collections::HashMap;

use aws_lc_rs::digest;
use rustls::pki_types::{CertificateDer, Der, TrustAnchor};
use webpki::{EndEntityCert, VerifiedPath};
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::*;

use super::{Authorities, Untrusted};

/// A record that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlsa {
    usage: Usage,
    selector: Selector,
    matching: Match,
    data: Vec<u8>,
}

/// RFC 6698 §2.1.1, with the names of RFC 7218.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Usage {
    PkixTa,
    PkixEe,
    DaneTa,
    DaneEe,
}

/// RFC 6698 §2.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Selector {
    Certificate,
    PublicKey,
}

/// RFC 6698 §2.1.3; the stronger is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Full,
    Sha256,
    Sha512,
}

impl Tlsa {
    /// A record by its bytes (RFC 6698 §2.1). `None`: it cannot be used (§4.1).
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&[usage, selector, matching], data) = bytes.split_first_chunk()?;
        let usage = match usage {
            0 => Usage::PkixTa,
            1 => Usage::PkixEe,
            2 => Usage::DaneTa,
            3 => Usage::DaneEe,
            _ => return None,
        };
        let selector = match selector {
            0 => Selector::Certificate,
            1 => Selector::PublicKey,
            _ => return None,
        };
        let matching = match matching {
            0 => Match::Full,
            1 => Match::Sha256,
            2 => Match::Sha512,
            _ => return None,
        };
        let record = Self { usage, selector, matching, data: data.to_vec() };
        record.is_well_formed().then_some(record)
    }

    /// Those of a set that are to be used. RFC 7671 §9: where a set has digests of several strengths for the same usage
    /// and selector, only the strongest counts.
    pub fn usable<'a>(records: impl Iterator<Item = &'a [u8]>) -> Vec<Self> {
        let mut records: Vec<Self> = records.filter_map(Self::read).collect();
        let mut strongest = HashMap::new();
        for record in &records {
            let known = strongest.entry((record.usage, record.selector)).or_insert(record.matching);
            *known = record.matching.max(*known);
        }
        records.retain(|record| {
            let best = strongest.get(&(record.usage, record.selector));
            record.matching == Match::Full || best == Some(&record.matching)
        });
        records
    }

    fn is_well_formed(&self) -> bool {
        match (self.matching, self.selector) {
            (Match::Sha256, _) => self.data.len() == digest::SHA256_OUTPUT_LEN,
            (Match::Sha512, _) => self.data.len() == digest::SHA512_OUTPUT_LEN,
            (Match::Full, Selector::Certificate) => {
                X509Certificate::from_der(&self.data).is_ok_and(|(rest, _)| rest.is_empty())
            }
            (Match::Full, Selector::PublicKey) => {
                SubjectPublicKeyInfo::from_der(&self.data).is_ok_and(|(rest, _)| rest.is_empty())
            }
        }
    }

    fn matches(&self, certificate: &CertificateDer<'_>) -> bool {
        match self.selector {
            Selector::Certificate => self.matches_bytes(certificate),
            Selector::PublicKey => X509Certificate::from_der(certificate)
                .is_ok_and(|(_, certificate)| self.matches_bytes(certificate.public_key().raw)),
        }
    }

    fn matches_bytes(&self, bytes: &[u8]) -> bool {
        match self.matching {
            Match::Full => self.data == bytes,
            Match::Sha256 => self.data == digest::digest(&digest::SHA256, bytes).as_ref(),
            Match::Sha512 => self.data == digest::digest(&digest::SHA512, bytes).as_ref(),
        }
    }
}

impl Authorities {
    /// Whether a chain is what the usable records of a target say (RFC 7673 §4.2). Where names count, that of the domain
    /// and that of the target will do (RFC 7673 §6).
    ///
    /// # Errors
    /// No record fits; then this certificate proves nothing, whoever has signed it.
    pub fn judge_by_dane(
        &self,
        chain: &[CertificateDer<'_>],
        records: &[Tlsa],
        domain: &str,
        host: &str,
    ) -> Result<(), Untrusted> {
        let (first, rest) = chain.split_first().ok_or(Untrusted::None)?;
        let mut reason = Untrusted::NotInDns;
        for record in records {
            let judged = match record.usage {
                // RFC 7671 §5.1: neither names nor dates count.
                Usage::DaneEe if record.matches(first) => return Ok(()),
                // RFC 7671 §5.3.
                Usage::PkixEe if record.matches(first) => self.judge_for(chain, domain, Some(host)),
                Usage::DaneEe | Usage::PkixEe => continue,
                Usage::PkixTa => self.judge_pkix_ta(chain, record, domain, host),
                Usage::DaneTa => self.judge_dane_ta(first, rest, record, domain, host),
            };
            match judged {
                Ok(()) => return Ok(()),
                Err(untrusted) => reason = untrusted,
            }
        }
        Err(reason)
    }

    /// RFC 7671 §5.4: the path that is trusted anyway leads over what the record names.
    fn judge_pkix_ta(
        &self,
        chain: &[CertificateDer<'_>],
        record: &Tlsa,
        domain: &str,
        host: &str,
    ) -> Result<(), Untrusted> {
        let leads_over = |path: &VerifiedPath<'_>| {
            let between = path.intermediate_certificates().any(|issuer| record.matches(&issuer.der()));
            let found = between || self.roots_at(path.anchor()).any(|root| record.matches(root));
            found.then_some(()).ok_or(webpki::Error::UnknownIssuer)
        };
        let named = self.verify(chain, self.anchors(), Some(&leads_over));
        named.map_err(|_| Untrusted::NotInDns)?;
        self.judge_for(chain, domain, Some(host))
    }

    /// RFC 7671 §5.2: what the record names is trusted, for this one target.
    fn judge_dane_ta(
        &self,
        first: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        record: &Tlsa,
        domain: &str,
        host: &str,
    ) -> Result<(), Untrusted> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(first).chain(rest).cloned().collect();
        let mut reason = Untrusted::NotInDns;
        for (anchor, length_max) in anchors(first, rest, record).into_iter().take(ANCHORS_MAX) {
            // §5.2.1: constraints of the certificate hold, where there is one.
            let short_enough = |path: &VerifiedPath<'_>| {
                let length = path.intermediate_certificates().count();
                length_max.is_none_or(|max| length <= max).then_some(()).ok_or(webpki::Error::UnknownIssuer)
            };
            let verified = self.verify(&chain, std::slice::from_ref(&anchor), Some(&short_enough));
            match verified.and_then(|()| Self::is_for(first, domain, Some(host))) {
                Ok(()) => return Ok(()),
                Err(untrusted) => reason = untrusted,
            }
        }
        Err(reason)
    }
}

/// What a record of usage DANE-TA makes an anchor of, and how long the path from there may be.
fn anchors<'a>(
    first: &'a CertificateDer<'_>,
    rest: &'a [CertificateDer<'_>],
    record: &'a Tlsa,
) -> Vec<(TrustAnchor<'a>, Option<usize>)> {
    let shown = rest.iter().filter(|certificate| record.matches(certificate));
    let mut anchors: Vec<_> = shown.filter_map(|certificate| anchor(certificate)).collect();
    match (record.matching, record.selector) {
        // RFC 7671 §5.2.2: then the server need not show it.
        (Match::Full, Selector::Certificate) => anchors.extend(anchor(&record.data)),
        // §5.2.3: of a bare key it can be said only that it has signed the topmost certificate.
        (Match::Full, Selector::PublicKey) if anchors.is_empty() => {
            anchors.extend(bare_key(rest.last().unwrap_or(first), &record.data));
        }
        _ => {}
    }
    anchors
}

fn anchor(der: &[u8]) -> Option<(TrustAnchor<'static>, Option<usize>)> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let constraints = parsed.basic_constraints().ok()?.map(|extension| extension.value.clone());
    // RFC 5280 §4.2.1.9: who says to be no authority is none.
    if constraints.as_ref().is_some_and(|constraints| !constraints.ca) {
        return None;
    }
    let length = constraints.and_then(|constraints| constraints.path_len_constraint);
    let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let der = CertificateDer::from(der);
    Some((webpki::anchor_from_trusted_cert(&der).ok()?.to_owned(), length))
}

fn bare_key(topmost: &CertificateDer<'_>, key: &[u8]) -> Option<(TrustAnchor<'static>, Option<usize>)> {
    let topmost = EndEntityCert::try_from(topmost).ok()?;
    let (_, key) = Any::from_der(key).ok()?;
    let anchor = TrustAnchor {
        subject: Der::from_slice(topmost.issuer()),
        subject_public_key_info: Der::from_slice(key.data),
        name_constraints: None,
    };
    Some((anchor.to_owned(), None))
}

/// Anchors tried for one record: more certificates of one key are no honest chain.
const ANCHORS_MAX: usize = 8;

#[cfg(test)]
mod tests;
