//! A certificate made on the spot, so that a first start needs no preparation.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair};

/// Writes `NAME.crt` and `NAME.key` into `folder`, NAME being the first of `names`; the certificate is for all of them.
///
/// ECDSA P-256, valid for ten years, signed by itself: nobody trusts it but who chooses to. Existing files are not
/// overwritten. The key can be read by its owner only.
///
/// # Errors
/// No names, names that are no DNS names, files that exist or cannot be written.
pub fn write_self_signed(folder: &Path, names: &[String]) -> io::Result<()> {
    let first = names.first().ok_or_else(|| io::Error::other("a certificate needs a name"))?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, first);
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 3650 * DAY).into();
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    write_new(&folder.join(format!("{first}.key")), 0o600, &key.serialize_pem())?;
    write_new(&folder.join(format!("{first}.crt")), 0o644, &certificate.pem())
}

fn write_new(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_belongs_to_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        write_self_signed(folder.path(), &["localhost".to_owned()]).unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("localhost.key"), 0o600);
        assert_eq!(mode("localhost.crt") & 0o600, 0o600);
    }

    #[test]
    fn a_key_that_exists_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned()];
        write_self_signed(folder.path(), &names).unwrap();
        let key = fs::read(folder.path().join("localhost.key")).unwrap();
        assert_eq!(
            write_self_signed(folder.path(), &names).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read(folder.path().join("localhost.key")).unwrap(), key);
    }

    #[test]
    fn no_name_no_certificate() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_self_signed(folder.path(), &[]).is_err());
    }
}
