//! Certificates that are made on the spot, and what TLS makes of them.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Fallible;

/// Who signs.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with what belongs to it, in PEM.
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Fallible<Self> {
        let mut params = CertificateParams::default();
        params.not_after = rcgen::date_time_ymd(2049, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn sign(&self, domain: &str) -> Fallible<Certificate> {
        let mut params = CertificateParams::new(vec![domain.to_owned()])?;
        params.not_after = rcgen::date_time_ymd(2049, 1, 1);
        let key = KeyPair::generate()?;
        let made = params.signed_by(&key, &self.issuer)?;
        Ok(Certificate { chain: format!("{}{}", made.pem(), self.pem()), key: key.serialize_pem() })
    }

    fn roots(&self) -> Fallible<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes())?)?;
        Ok(roots)
    }

    /// A client that trusts this authority only; every connection pays for its handshake.
    pub(crate) fn client(&self) -> Fallible<ClientConfig> {
        let mut config = ClientConfig::builder().with_root_certificates(self.roots()?).with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }

    /// A server's client side: it shows a certificate, and trusts this authority.
    pub(crate) fn connector(&self, shown: &Certificate) -> Fallible<TlsConnector> {
        let (chain, key) = shown.read()?;
        let builder = ClientConfig::builder().with_root_certificates(self.roots()?);
        let mut config = builder.with_client_auth_cert(chain, key)?;
        config.resumption = rustls::client::Resumption::disabled();
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// A server's server side: it asks for a certificate, which must come from this authority if there is one.
    pub(crate) fn acceptor(&self, shown: &Certificate) -> Fallible<TlsAcceptor> {
        let (chain, key) = shown.read()?;
        let verifier =
            WebPkiClientVerifier::builder(Arc::new(self.roots()?)).allow_unauthenticated().build()?;
        let builder = ServerConfig::builder().with_client_cert_verifier(verifier);
        let mut config = builder.with_single_cert(chain, key)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl Certificate {
    fn read(&self) -> Fallible<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        Ok((chain, PrivateKeyDer::from_pem_slice(self.key.as_bytes())?))
    }
}
