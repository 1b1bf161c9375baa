//! Which files of a folder are a certificate and its key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A certificate file and its key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// The host that the files are named after, if any.
    pub(super) name: Option<String>,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// How one tells that a file has changed: time and size of both files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([(Option<SystemTime>, u64); 2]);

impl Pair {
    pub(super) fn stamp(&self) -> io::Result<Stamp> {
        let of = |path: &Path| fs::metadata(path).map(|meta| (meta.modified().ok(), meta.len()));
        Ok(Stamp([of(&self.certificate)?, of(&self.key)?]))
    }
}

/// All pairs of the folder, sorted by path: `NAME.crt` with `NAME.key`, `NAME/fullchain.pem` with `NAME/privkey.pem`,
/// and `fullchain.pem` with `privkey.pem` in the folder itself. A certificate without key is left out (a CA).
pub(super) fn pairs(folder: &Path) -> io::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    let pem = |folder: &Path, name: Option<&str>| {
        let pair = Pair {
            name: name.map(str::to_owned),
            certificate: folder.join("fullchain.pem"),
            key: folder.join("privkey.pem"),
        };
        (pair.certificate.is_file() && pair.key.is_file()).then_some(pair)
    };
    pairs.extend(pem(folder, None));
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if path.is_dir() {
            pairs.extend(pem(&path, path.file_name().and_then(|name| name.to_str())));
        } else if path.extension().is_some_and(|extension| extension == "crt") {
            let key = path.with_extension("key");
            if key.is_file() {
                pairs.push(Pair { name: Some(stem.to_owned()), certificate: path, key });
            }
        }
    }
    pairs.sort_by(|one, other| one.certificate.cmp(&other.certificate));
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }

    #[test]
    fn pairs_are_found_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "example.org.crt",
            "example.org.key",
            "im.example.net/fullchain.pem",
            "im.example.net/privkey.pem",
        ] {
            touch(&at(name));
        }
        let found = pairs(folder.path()).unwrap();
        let names: Vec<_> = found.iter().map(|pair| pair.name.as_deref().unwrap()).collect();
        assert_eq!(names, ["example.org", "im.example.net"]);
        assert_eq!(found[0].key, at("example.org.key"));
        assert_eq!(found[1].key, at("im.example.net/privkey.pem"));
    }

    #[test]
    fn a_certificate_without_key_is_no_pair() {
        let folder = tempfile::tempdir().unwrap();
        touch(&folder.path().join("ca.crt"));
        touch(&folder.path().join("example.org/fullchain.pem"));
        touch(&folder.path().join("README"));
        assert_eq!(pairs(folder.path()).unwrap(), []);
    }

    #[test]
    fn a_pair_in_the_folder_itself_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        touch(&folder.path().join("fullchain.pem"));
        touch(&folder.path().join("privkey.pem"));
        assert_eq!(pairs(folder.path()).unwrap()[0].name, None);
    }
}
