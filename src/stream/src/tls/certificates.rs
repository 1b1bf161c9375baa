//! The certificates of some folders, chosen by name and read again when they change.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::files::{self, Pair, Stamp};
use super::identity::Matching;
use super::peers::AnyCertificate;
use super::{ClientCertificates, Identity};

/// How the certificates of a folder are served.
#[derive(Debug, Default)]
pub struct Settings {
    /// Application protocols; a client that names others only is refused, one that names none is welcome
    /// (XEP-0368 §3: `xmpp-client`).
    pub alpn: Vec<Vec<u8>>,
    /// Ask for client certificates (EXTERNAL).
    pub clients: Option<Arc<ClientCertificates>>,
    /// Ask for certificates of other servers, whoever signed them; [`super::Authorities`] judges them afterwards.
    pub servers: bool,
    /// The host whose certificate is served to whoever asks for a name that we have no certificate for.
    pub default_host: Option<String>,
}

/// The certificates of some folders; those of an earlier folder come before those of a later one.
#[derive(Debug)]
pub struct Certificates {
    folders: Vec<PathBuf>,
    settings: Settings,
    provider: Arc<CryptoProvider>,
    table: ArcSwap<Vec<Arc<Served>>>,
}

/// A certificate with everything that serves it.
#[derive(Debug)]
pub struct Served {
    folder: usize,
    pair: Pair,
    stamp: Stamp,
    identity: Identity,
    config: Arc<ServerConfig>,
    key: Arc<SingleCertAndKey>,
    clients: Option<Arc<ClientCertificates>>,
}

/// Why a certificate cannot be served; what was served before stays.
#[derive(Debug, thiserror::Error)]
pub enum CertificateProblem {
    /// The folder or a file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no certificate or no key in PEM.
    #[error("{path}: no certificate or key in PEM here ({reason})")]
    NotPem {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key is not the certificate's, or of a kind that we cannot use.
    #[error("{path}: the key does not fit the certificate ({source})")]
    Unusable {
        /// The certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl Certificates {
    /// Reads the folders. Broken files are problems, not failures: the rest is served. A folder may be missing.
    pub fn load(folders: &[&Path], settings: Settings) -> (Self, Vec<CertificateProblem>) {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
        let certificates = Self { folders, settings, provider, table: ArcSwap::from_pointee(Vec::new()) };
        let problems = certificates.reload();
        (certificates, problems)
    }

    /// Reads again what has changed; connections that exist keep what they have. A pair that is broken now is served
    /// as it was before.
    pub fn reload(&self) -> Vec<CertificateProblem> {
        let old = self.table.load();
        let old: HashMap<&Path, &Arc<Served>> =
            old.iter().map(|served| (served.pair.certificate.as_path(), served)).collect();
        let mut problems = Vec::new();
        let mut table = Vec::new();
        for (folder, pair) in self.pairs(&mut problems) {
            let known = old.get(pair.certificate.as_path()).copied();
            match self.refresh(folder, pair, known) {
                Ok(served) => table.push(served),
                Err(problem) => {
                    problems.push(problem);
                    table.extend(known.cloned());
                }
            }
        }
        self.table.store(Arc::new(table));
        problems
    }

    /// All pairs, with the place of their folder.
    fn pairs(&self, problems: &mut Vec<CertificateProblem>) -> Vec<(usize, Pair)> {
        let mut all = Vec::new();
        for (place, folder) in self.folders.iter().enumerate() {
            match files::pairs(folder) {
                Ok(pairs) => all.extend(pairs.into_iter().map(|pair| (place, pair))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => problems.push(CertificateProblem::Unreadable { path: folder.clone(), source }),
            }
        }
        all
    }

    fn refresh(
        &self,
        folder: usize,
        pair: Pair,
        known: Option<&Arc<Served>>,
    ) -> Result<Arc<Served>, CertificateProblem> {
        let stamp = pair
            .stamp()
            .map_err(|source| CertificateProblem::Unreadable { path: pair.certificate.clone(), source })?;
        match known {
            Some(served) if served.stamp == stamp => Ok(served.clone()),
            _ => self.read(folder, pair, stamp).map(Arc::new),
        }
    }

    fn read(&self, folder: usize, pair: Pair, stamp: Stamp) -> Result<Served, CertificateProblem> {
        let not_pem =
            |path: &Path, reason: String| CertificateProblem::NotPem { path: path.to_owned(), reason };
        let chain = CertificateDer::pem_file_iter(&pair.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| not_pem(&pair.certificate, error.to_string()))?;
        let identity = chain.first().and_then(|first| Identity::read(first));
        let identity = identity.ok_or_else(|| not_pem(&pair.certificate, "no certificate".to_owned()))?;
        let key =
            PrivateKeyDer::from_pem_file(&pair.key).map_err(|error| not_pem(&pair.key, error.to_string()))?;
        let unusable = |source| CertificateProblem::Unusable { path: pair.certificate.clone(), source };
        let key = CertifiedKey::from_der(chain, key, &self.provider).map_err(unusable)?;
        let key = Arc::new(SingleCertAndKey::from(key));
        let config = self.config(Arc::clone(&key)).map_err(unusable)?;
        Ok(Served {
            folder,
            stamp,
            identity,
            config: Arc::new(config),
            key,
            clients: self.settings.clients.clone(),
            pair,
        })
    }

    fn config(&self, key: Arc<SingleCertAndKey>) -> Result<ServerConfig, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let builder = match &self.settings.clients {
            Some(clients) => builder.with_client_cert_verifier(clients.clone()),
            None if self.settings.servers => {
                builder.with_client_cert_verifier(Arc::new(AnyCertificate::new()))
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(key);
        config.alpn_protocols.clone_from(&self.settings.alpn);
        // Resumption spares phones a signature. One ticket is enough for one reconnect; it holds the state itself, under
        // a key that rustls replaces every six hours (RFC 9325 §3.4), so that no memory is kept for who may come back.
        config.send_tls13_tickets = 1;
        config.ticketer = Ticketer::new()?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(config)
    }

    /// The certificate for a connection: by SNI, else by the `to` of the stream (RFC 6120 §5.4.3.1), else the default
    /// host's, else the first. An unknown SNI gets the default as well: clients have been seen to send the name of
    /// the machine that they connect to, and it is theirs to judge the certificate. `None`: there is none at all.
    pub fn choose(&self, server_name: Option<&str>, to: Option<&str>) -> Option<Arc<Served>> {
        let table = self.table.load();
        let names = [server_name, to, self.settings.default_host.as_deref()];
        let named = names.into_iter().flatten().find_map(|name| best(&table, name));
        named.or_else(|| table.first()).cloned()
    }

    /// Whether a certificate is for this host by name.
    pub fn covers(&self, host: &str) -> bool {
        best(&self.table.load(), host).is_some()
    }

    /// Each certificate: its file, what it says, for `waxwing check`.
    pub fn list(&self) -> Vec<(PathBuf, Identity)> {
        self.table
            .load()
            .iter()
            .map(|served| (served.pair.certificate.clone(), served.identity.clone()))
            .collect()
    }
}

/// The best match: of the first folder that has one, named after the host, then by name, then by wildcard; among equals
/// the one that lives longest.
fn best<'a>(table: &'a [Arc<Served>], host: &str) -> Option<&'a Arc<Served>> {
    let ascii = idna::domain_to_ascii(host).ok()?;
    let rank = |served: &Served| {
        let by_file = served.pair.name.as_deref().is_some_and(|name| name == ascii || name == host);
        (
            std::cmp::Reverse(served.folder),
            by_file,
            served.identity.matches(&ascii),
            served.identity.not_after,
        )
    };
    let fits = |served: &&Arc<Served>| {
        let (_, by_file, by_name, _) = rank(served);
        by_file || by_name != Matching::None
    };
    table.iter().filter(fits).max_by_key(|served| rank(served))
}

impl Served {
    /// The certificate and its key, to show as a client of another server.
    pub(super) fn key(&self) -> Arc<SingleCertAndKey> {
        Arc::clone(&self.key)
    }

    /// For rustls.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
    /// The data of `tls-server-end-point`.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.identity.end_point.as_deref()
    }
    /// What the certificate says.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
    /// XMPP addresses of a client's chain that our CA vouches for.
    pub(crate) fn client_addresses(&self, chain: &[CertificateDer<'_>]) -> Vec<String> {
        self.clients.as_ref().map(|clients| clients.addresses(chain)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tls::write_self_signed;

    fn make(folder: &Path, names: &[&str]) {
        write_self_signed(folder, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    }

    fn load(folder: &Path) -> Certificates {
        let settings = Settings { default_host: Some("b.example".to_owned()), ..Settings::default() };
        let (certificates, problems) = Certificates::load(&[folder], settings);
        assert!(problems.is_empty(), "{problems:?}");
        certificates
    }

    fn file(served: Option<Arc<Served>>) -> String {
        served.unwrap().pair.name.clone().unwrap()
    }

    #[test]
    fn rfc6120_5_4_3_1_certificates_are_chosen_by_sni_then_by_to_then_by_default() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &["a.example", "*.a.example"]);
        make(folder.path(), &["b.example"]);
        let certificates = load(folder.path());
        assert_eq!(file(certificates.choose(Some("a.example"), Some("b.example"))), "a.example");
        assert_eq!(file(certificates.choose(Some("im.a.example"), None)), "a.example");
        assert_eq!(file(certificates.choose(None, Some("a.example"))), "a.example");
        assert_eq!(file(certificates.choose(Some("xmpp.other.example"), Some("a.example"))), "a.example");
        assert_eq!(file(certificates.choose(Some("other.example"), None)), "b.example");
        assert_eq!(file(certificates.choose(None, None)), "b.example");
    }

    #[test]
    fn a_certificate_of_an_earlier_folder_comes_first() {
        let (real, spare) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        make(real.path(), &["x", "*.example.org"]);
        make(spare.path(), &["im.example.org"]);
        make(spare.path(), &["localhost"]);
        let (certificates, _) = Certificates::load(&[real.path(), spare.path()], Settings::default());
        assert_eq!(file(certificates.choose(Some("im.example.org"), None)), "x");
        assert_eq!(file(certificates.choose(Some("localhost"), None)), "localhost");
    }

    #[test]
    fn an_exact_name_wins_over_a_wildcard() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &["a", "*.example.org"]);
        make(folder.path(), &["b", "im.example.org"]);
        let certificates = load(folder.path());
        assert_eq!(file(certificates.choose(Some("im.example.org"), None)), "b");
        assert_eq!(file(certificates.choose(Some("other.example.org"), None)), "a");
        assert!(!certificates.covers("a.b.example.org"));
    }

    #[test]
    fn an_empty_or_missing_folder_serves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).choose(Some("a.example"), None).is_none());
        let missing = folder.path().join("missing");
        let (certificates, problems) = Certificates::load(&[&missing], Settings::default());
        assert!(problems.is_empty());
        assert!(certificates.choose(None, None).is_none());
    }

    #[test]
    fn a_changed_certificate_is_served_after_reload_and_an_unchanged_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &["a.example"]);
        make(folder.path(), &["b.example"]);
        let certificates = load(folder.path());
        let before = |name| certificates.choose(Some(name), None).unwrap();
        let (a, b) = (before("a.example"), before("b.example"));
        for name in ["a.example.crt", "a.example.key"] {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        make(folder.path(), &["a.example", "also.example"]);
        assert!(certificates.reload().is_empty());
        assert_ne!(before("a.example").end_point(), a.end_point());
        assert!(Arc::ptr_eq(&before("b.example"), &b));
        assert_eq!(file(certificates.choose(Some("also.example"), None)), "a.example");
    }

    #[test]
    fn a_certificate_that_breaks_is_reported_and_served_as_before() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &["a.example"]);
        let certificates = load(folder.path());
        let before = certificates.choose(Some("a.example"), None).unwrap();
        fs::write(folder.path().join("a.example.crt"), "broken").unwrap();
        assert!(matches!(certificates.reload().as_slice(), [CertificateProblem::NotPem { .. }]));
        assert_eq!(certificates.choose(Some("a.example"), None).unwrap().end_point(), before.end_point());
    }

    #[test]
    fn a_key_of_another_certificate_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &["a.example"]);
        make(folder.path(), &["b.example"]);
        fs::copy(folder.path().join("a.example.key"), folder.path().join("b.example.key")).unwrap();
        let (certificates, problems) = Certificates::load(&[folder.path()], Settings::default());
        assert!(matches!(problems.as_slice(), [CertificateProblem::Unusable { .. }]), "{problems:?}");
        assert!(certificates.covers("a.example") && !certificates.covers("b.example"));
    }
}
