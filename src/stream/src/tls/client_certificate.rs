//! Certificates of clients, for SASL EXTERNAL.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::Identity;

/// Asks clients for a certificate and judges it after the handshake.
///
/// A client whose certificate we do not trust is not turned away in the handshake: it may still have a password. That
/// it owns the key is always checked.
#[derive(Debug)]
pub struct ClientCertificates {
    inner: Arc<dyn ClientCertVerifier>,
}

impl ClientCertificates {
    /// Trusts what these roots have signed.
    ///
    /// # Errors
    /// No root.
    pub fn new(roots: RootCertStore) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let inner = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { inner })
    }

    /// Trusts what the authorities in a PEM file have signed.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn from_pem_file(file: &Path) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        let wrong = |error: rustls::pki_types::pem::Error| Error::General(error.to_string());
        for certificate in CertificateDer::pem_file_iter(file).map_err(wrong)? {
            roots.add(certificate.map_err(wrong)?)?;
        }
        Self::new(roots)
    }

    /// The XMPP addresses of a chain that the roots vouch for; none of any other chain.
    pub fn addresses(&self, chain: &[CertificateDer<'_>]) -> Vec<String> {
        let Some((end_entity, intermediates)) = chain.split_first() else { return Vec::new() };
        match self.inner.verify_client_cert(end_entity, intermediates, UnixTime::now()) {
            Ok(_) => Identity::read(end_entity).map(|identity| identity.xmpp_addresses).unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }
}

impl ClientCertVerifier for ClientCertificates {
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }
    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Judged by `addresses` when the handshake is over.
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, OtherNameValue,
        SanType,
    };

    use super::*;

    fn authority() -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.der().clone(), Issuer::new(params, key))
    }

    fn client(issuer: &Issuer<'_, KeyPair>) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let value = OtherNameValue::Utf8String("juliet@example.org".to_owned());
        params.subject_alt_names.push(SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 5], value)));
        params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().clone()
    }

    #[test]
    fn xep0178_only_certificates_of_the_named_authority_count() {
        let (root, issuer) = authority();
        let (_, stranger) = authority();
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let verifier = ClientCertificates::new(roots).unwrap();
        assert_eq!(verifier.addresses(&[client(&issuer)]), ["juliet@example.org"]);
        assert!(verifier.addresses(&[client(&stranger)]).is_empty());
        assert!(verifier.addresses(&[]).is_empty());
    }

    #[test]
    fn without_roots_there_is_nothing_to_trust() {
        assert!(ClientCertificates::new(RootCertStore::empty()).is_err());
    }
}
