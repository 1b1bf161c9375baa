//! `[modules.c2s]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use waxwing_core::ResourceConflict;
use waxwing_stream::sasl::Mechanism;

/// `[modules.c2s]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What to do when a resource is taken: `"replace-old"`, `"rename-new"` or `"refuse-new"` (RFC 6120 §7.7.2.2).
    pub resource_conflict: ResourceConflict,
    /// SASL mechanisms to offer. The -PLUS forms are offered where TLS can be bound to, PLAIN only inside TLS (or with
    /// `allow_plaintext`). `"ANONYMOUS"` lets anybody in, as a guest with an account that goes with the stream.
    pub mechanisms: Vec<MechanismName>,
    /// Tell clients in SCRAM what was offered, so that they notice a change on the way (XEP-0474).
    pub downgrade_protection: bool,
    /// PEM file of the authorities whose client certificates log in (EXTERNAL, XEP-0178); none: clients are not asked
    /// for certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let usual = |mechanism: &Mechanism| !matches!(mechanism, Mechanism::Anonymous | Mechanism::External);
        Self {
            resource_conflict: ResourceConflict::default(),
            mechanisms: Mechanism::ALL.into_iter().filter(usual).map(MechanismName).collect(),
            downgrade_protection: true,
            client_ca: None,
        }
    }
}

/// A SASL mechanism by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MechanismName(pub Mechanism);

impl TryFrom<String> for MechanismName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Mechanism::parse(&name)
            .map(Self)
            .ok_or_else(|| format!("{name:?} is no mechanism that is known here"))
    }
}

impl From<MechanismName> for String {
    fn from(name: MechanismName) -> Self {
        name.0.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_survive_being_written_down() {
        let text = toml::to_string(&Config::default()).unwrap();
        assert!(text.contains("resource_conflict = \"replace-old\""), "{text}");
        assert!(text.contains("SCRAM-SHA-256-PLUS") && !text.contains("ANONYMOUS"), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
    }

    #[test]
    fn unknown_keys_and_mechanisms_are_refused() {
        for wrong in ["mechanism = []", "mechanisms = [\"plain\"]", "resource_conflict = \"x\""] {
            assert!(toml::from_str::<Config>(wrong).is_err(), "{wrong}");
        }
        assert!(toml::from_str::<Config>("mechanisms = [\"EXTERNAL\", \"ANONYMOUS\"]").is_ok());
    }
}
