//! Certificates of other servers: asked for in every handshake, judged afterwards.
//!
//! A server whose certificate proves nothing is not turned away in the handshake: it may still prove its domain by
//! dialback ([XEP-0178 §2](https://xmpp.org/extensions/xep-0178.html#s2s)). That it owns the key is always checked.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::{Identity, Matching, Served};

/// Who vouches for other servers.
#[derive(Debug)]
pub struct Authorities {
    roots: RootCertStore,
    /// Their certificates as a whole.
    certificates: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Refuses a path.
type Check<'a> = dyn Fn(&VerifiedPath<'_>) -> Result<(), webpki::Error> + 'a;

/// Why a certificate does not prove a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// There is none.
    #[error("it showed no certificate")]
    None,
    /// It is over, or not yet.
    #[error("its certificate has expired or is not valid yet")]
    Expired,
    /// By nobody that we trust; self-signed, for one.
    #[error("its certificate is signed by nobody that is trusted here")]
    UnknownIssuer,
    /// It is somebody else's.
    #[error("its certificate is for {0}")]
    OtherName(String),
    /// There are usable TLSA records, and none fits.
    #[error("its certificate is none of those that DNS names (TLSA)")]
    NotInDns,
    /// Anything else.
    #[error("its certificate is not valid ({0})")]
    Invalid(String),
}

impl Authorities {
    /// Those that the system trusts, and those of a PEM file.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn load(more: Option<&Path>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        // A system without authorities is one that trusts nobody.
        let mut certificates = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(certificates.iter().cloned());
        if let Some(file) = more {
            let wrong = |error: rustls::pki_types::pem::Error| Error::General(error.to_string());
            let before = roots.len();
            for certificate in CertificateDer::pem_file_iter(file).map_err(wrong)? {
                let certificate = certificate.map_err(wrong)?;
                roots.add(certificate.clone())?;
                certificates.push(certificate);
            }
            if roots.len() == before {
                return Err(Error::General("no certificate in PEM here".to_owned()));
            }
        }
        Ok(Self { roots, certificates, algorithms: algorithms() })
    }

    /// Trusts nobody.
    pub fn nobody() -> Self {
        Self { roots: RootCertStore::empty(), certificates: Vec::new(), algorithms: algorithms() }
    }

    /// Whether a chain proves a domain: the roots vouch for it, it is valid now, and one of its subject alternative
    /// names is the domain (RFC 6120 §13.7.2, RFC 9525).
    ///
    /// # Errors
    /// Why it does not, in words that end the sentence "The server …".
    pub fn judge(&self, chain: &[CertificateDer<'_>], domain: &str) -> Result<(), Untrusted> {
        self.judge_for(chain, domain, None)
    }

    /// Likewise; the name of the target will do as well, for DNSSEC has said that the domain is served there (RFC 7673
    /// §4.1).
    ///
    /// # Errors
    /// Why it does not.
    pub fn judge_for(
        &self,
        chain: &[CertificateDer<'_>],
        domain: &str,
        host: Option<&str>,
    ) -> Result<(), Untrusted> {
        self.verify(chain, self.anchors(), None)?;
        chain.first().map_or(Err(Untrusted::None), |first| Self::is_for(first, domain, host))
    }

    pub(super) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.roots.roots
    }

    /// The certificates of an anchor of ours.
    pub(super) fn roots_at<'a>(
        &'a self,
        anchor: &'a TrustAnchor<'_>,
    ) -> impl Iterator<Item = &'a CertificateDer<'static>> {
        let is_it = |root: &&CertificateDer<'static>| {
            webpki::anchor_from_trusted_cert(root).is_ok_and(|known| known == *anchor)
        };
        self.certificates.iter().filter(is_it)
    }

    /// Whether a path leads from the chain to one of the anchors; `check` may refuse a path.
    pub(super) fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
        check: Option<&Check<'_>>,
    ) -> Result<(), Untrusted> {
        let (first, rest) = chain.split_first().ok_or(Untrusted::None)?;
        let invalid = |error: webpki::Error| Untrusted::Invalid(error.to_string());
        let end_entity = EndEntityCert::try_from(first).map_err(invalid)?;
        // Certificates of servers are made for servers; authorities stop to allow them for clients, which one of two
        // servers has to be.
        let usages = [KeyUsage::server_auth(), KeyUsage::client_auth()];
        let mut result = Err(Untrusted::None);
        for usage in usages {
            let now = UnixTime::now();
            let verified =
                end_entity.verify_for_usage(self.algorithms.all, anchors, rest, now, usage, None, check);
            result = verified.map(drop).map_err(|error| untrusted(&error));
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Whether a certificate is for a domain, or for a host.
    pub(super) fn is_for(
        first: &CertificateDer<'_>,
        domain: &str,
        host: Option<&str>,
    ) -> Result<(), Untrusted> {
        let identity =
            Identity::read(first).ok_or_else(|| Untrusted::Invalid("it cannot be read".to_owned()))?;
        let by_host = host.is_some_and(|host| identity.matches(host) != Matching::None);
        if by_host || identity.matches_service(domain) != Matching::None {
            return Ok(());
        }
        let names = identity.dns_names.iter().take(NAMES_TOLD).cloned().collect::<Vec<_>>().join(", ");
        Err(Untrusted::OtherName(if names.is_empty() { "no domain".to_owned() } else { names }))
    }
}

fn untrusted(error: &webpki::Error) -> Untrusted {
    match error {
        webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => Untrusted::Expired,
        // Two authorities may have one name.
        webpki::Error::UnknownIssuer
        | webpki::Error::CaUsedAsEndEntity
        | webpki::Error::InvalidSignatureForPublicKey => Untrusted::UnknownIssuer,
        other => Untrusted::Invalid(other.to_string()),
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms
}

/// How to connect to another server, showing the certificate of `served` if it is asked for. `direct`: TLS comes first
/// (XEP-0368 §3), so that the protocol is named.
///
/// # Errors
/// Never with the versions that are compiled in.
pub fn client_config(served: Option<&Served>, direct: bool) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate::new()));
    let mut config = match served {
        Some(served) => builder.with_client_cert_resolver(served.key()),
        None => builder.with_no_client_auth(),
    };
    if direct {
        config.alpn_protocols = vec![ALPN.to_vec()];
    }
    // Both sides talk for a long time: there is little to resume, and nothing is kept for it.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// XEP-0368 §3.
pub const ALPN: &[u8] = b"xmpp-server";

/// Takes every certificate whose owner shows that the key is its own.
#[derive(Debug)]
pub(super) struct AnyCertificate(WebPkiSupportedAlgorithms);

impl AnyCertificate {
    pub(super) fn new() -> Self {
        Self(algorithms())
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Judged by `Authorities::judge` when the handshake is over.
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: the other server has one certificate for its domain, whoever signed it.
        &[]
    }
    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Judged by `Authorities::judge` when the handshake is over; but what is none is none.
        EndEntityCert::try_from(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// So many names of a certificate that is for somebody else are told.
const NAMES_TOLD: usize = 3;

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, OtherNameValue,
        SanType,
    };

    use super::*;

    struct Authority {
        root: CertificateDer<'static>,
        issuer: Issuer<'static, KeyPair>,
    }

    fn new_authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();
        Authority { root, issuer: Issuer::new(params, key) }
    }

    impl Authority {
        fn certificate(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
            let mut params = CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
            change(&mut params);
            params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().clone()
        }

        fn trusted(&self) -> Authorities {
            let mut roots = RootCertStore::empty();
            roots.add(self.root.clone()).unwrap();
            Authorities { roots, certificates: vec![self.root.clone()], algorithms: algorithms() }
        }
    }

    #[test]
    fn rfc6120_13_7_2_a_certificate_proves_the_domains_that_it_names() {
        let authority = new_authority();
        let trusted = authority.trusted();
        let good = authority.certificate(|_| {});
        assert_eq!(trusted.judge(std::slice::from_ref(&good), "example.org"), Ok(()));
        assert_eq!(
            trusted.judge(std::slice::from_ref(&good), "example.net"),
            Err(Untrusted::OtherName("example.org".to_owned()))
        );
        assert_eq!(trusted.judge(&[], "example.org"), Err(Untrusted::None));
        let stranger = new_authority().certificate(|_| {});
        assert_eq!(trusted.judge(&[stranger], "example.org"), Err(Untrusted::UnknownIssuer));
    }

    #[test]
    fn rfc6120_13_7_2_a_certificate_is_valid_for_a_time() {
        let authority = new_authority();
        let over = authority.certificate(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
        assert_eq!(authority.trusted().judge(&[over], "example.org"), Err(Untrusted::Expired));
        let later = authority.certificate(|params| params.not_before = rcgen::date_time_ymd(2090, 1, 1));
        assert_eq!(authority.trusted().judge(&[later], "example.org"), Err(Untrusted::Expired));
    }

    #[test]
    fn a_certificate_for_servers_or_for_clients_will_do() {
        let authority = new_authority();
        for usage in [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth] {
            let made = authority.certificate(|params| params.extended_key_usages = vec![usage.clone()]);
            assert_eq!(authority.trusted().judge(&[made], "example.org"), Ok(()), "{usage:?}");
        }
        let other = authority
            .certificate(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]);
        assert!(matches!(authority.trusted().judge(&[other], "example.org"), Err(Untrusted::Invalid(_))));
    }

    #[test]
    fn rfc6120_13_7_1_2_the_name_of_the_service_counts() {
        let authority = new_authority();
        let made = authority.certificate(|params| {
            let value = OtherNameValue::Utf8String("_xmpp-server.example.net".to_owned());
            params.subject_alt_names = vec![SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 7], value))];
        });
        // rcgen writes a UTF8String where RFC 4985 has an IA5String: then it is no such name.
        assert!(authority.trusted().judge(&[made], "example.net").is_err());
    }

    #[test]
    fn a_self_signed_certificate_proves_nothing() {
        let params = CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        assert_eq!(new_authority().trusted().judge(&[made], "example.org"), Err(Untrusted::UnknownIssuer));
    }
}
