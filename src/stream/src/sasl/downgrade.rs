//! [XEP-0474](https://xmpp.org/extensions/xep-0474.html) 0.5.0: the client can check that nobody changed what we offered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{BindingType, Mechanism, ScramHash};

/// §6.1: the value of the attribute `h` in the server-first-message.
///
/// `bindings`: what XEP-0440 advertised on this stream; `None` if it advertised nothing.
pub(super) fn hash(hash: ScramHash, mechanisms: &[Mechanism], bindings: Option<&[BindingType]>) -> String {
    let mut names: Vec<&str> = mechanisms.iter().map(|mechanism| mechanism.name()).collect();
    names.sort_unstable();
    let mut list = names.join("\x1e");
    if let Some(bindings) = bindings {
        let mut names: Vec<&str> = bindings.iter().map(|binding| binding.name()).collect();
        names.sort_unstable();
        list.push('\x1f');
        list.push_str(&names.join("\x1e"));
    }
    STANDARD.encode(hash.digest(list.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [Mechanism; 2] =
        [Mechanism::ScramPlus(ScramHash::Sha1), Mechanism::Scram(ScramHash::Sha1)];
    const BINDINGS: [BindingType; 2] = [BindingType::TlsServerEndPoint, BindingType::TlsExporter];

    #[test]
    fn xep0474_6_3_example_hash() {
        let value = hash(ScramHash::Sha1, &OFFERED, Some(&BINDINGS));
        assert_eq!(value, "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
    }

    #[test]
    fn xep0474_6_1_other_lists_have_other_hashes() {
        let example = hash(ScramHash::Sha1, &OFFERED, Some(&BINDINGS));
        assert_ne!(hash(ScramHash::Sha1, &OFFERED, None), example);
        assert_ne!(hash(ScramHash::Sha1, &OFFERED, Some(&[])), hash(ScramHash::Sha1, &OFFERED, None));
        assert_ne!(hash(ScramHash::Sha1, &OFFERED, Some(&[BindingType::TlsExporter])), example);
        assert_ne!(hash(ScramHash::Sha1, &[Mechanism::Plain], Some(&BINDINGS)), example);
    }
}
