//! The certificates of the hosts; those that have none get one made here, signed by itself.

use std::path::Path;
use std::sync::Arc;

use tracing::{error, info, warn};
use waxwing_core::{HostKind, Shared, StartError};
use waxwing_stream::tls::{Certificates, ClientCertificates, Settings, write_self_signed};

use crate::{C2s, Config};

/// Reads all certificates.
pub(crate) fn load(shared: &Shared, config: &Config) -> Result<Certificates, StartError> {
    let server = shared.config();
    let spare = server.data_dir.join("self-signed");
    let hosts: Vec<String> = server.host.keys().cloned().collect();
    let settings = Settings {
        // XEP-0368 §3.
        alpn: vec![b"xmpp-client".to_vec()],
        clients: config.client_ca.as_deref().map(authorities).transpose()?,
        default_host: hosts.first().cloned(),
        ..Settings::default()
    };
    let folders = [server.tls.certificates.as_path(), spare.as_path()];
    let (certificates, problems) = Certificates::load(&folders, settings);
    for problem in problems {
        error!(error = %problem, "A certificate cannot be used.");
    }
    if server.listen.c2s.is_empty() && server.listen.c2s_tls.is_empty() {
        return Ok(certificates);
    }
    for host in shared.router().hosts().iter().filter(|host| host.kind() == HostKind::Accounts) {
        make(&certificates, &spare, host.domain().as_str(), &server.tls.certificates);
    }
    certificates.reload();
    Ok(certificates)
}

/// Makes a certificate for a host that has none, so that it can be used at once.
fn make(certificates: &Certificates, folder: &Path, host: &str, wanted: &Path) {
    if certificates.covers(host) {
        return;
    }
    let Ok(name) = ascii(host) else { return };
    match write_self_signed(folder, &[name]) {
        Ok(()) if host == "localhost" => info!(host, "A certificate was made that is signed by itself."),
        Ok(()) => warn!(
            host,
            "There is no certificate for this host in {}; one was made that is signed by itself, and clients will \
             complain about it.",
            wanted.display()
        ),
        Err(error) => {
            error!(host, error = %error, "There is no certificate for this host, and none could be made.")
        }
    }
}

fn ascii(host: &str) -> Result<String, idna::Errors> {
    idna::domain_to_ascii(host)
}

/// Reads again what changed.
pub(crate) fn reload(c2s: &C2s) {
    for problem in c2s.certificates.reload() {
        error!(error = %problem, "A certificate cannot be used; the old one stays.");
    }
}

fn authorities(file: &Path) -> Result<Arc<ClientCertificates>, StartError> {
    let error =
        |reason: &dyn std::fmt::Display| StartError::new(format!("client_ca {}: {reason}", file.display()));
    ClientCertificates::from_pem_file(file).map(Arc::new).map_err(|reason| error(&reason))
}
