//! `[modules.component]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use waxwing_core::config::Bytes;
use waxwing_stream::Secret;
use waxwing_xmpp::Domain;

use crate::grants::{Grants, Privileges};

/// `[modules.component]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes that wait for one component; beyond it its stream ends with `resource-constraint`, and what waits
    /// bounces. Needs a restart.
    pub mailbox_bytes_max: Bytes,
    /// The components that may connect, by name. Reloadable.
    #[serde(deserialize_with = "domains", skip_serializing)]
    pub domains: BTreeMap<Domain, Settings>,
}

impl Default for Config {
    fn default() -> Self {
        Self { mailbox_bytes_max: Bytes(16 << 20), domains: BTreeMap::new() }
    }
}

/// `[modules.component.domains."irc.example.org"]`
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the component proves to know.
    pub secret: Secret,
    /// What to do when the component connects a second time.
    pub on_conflict: OnConflict,
    /// Whether it serves all domains below its own as well.
    pub subdomains: bool,
    /// What it may do beyond that.
    pub grants: Arc<Grants>,
}

/// What becomes of a second connection under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// It is refused with `conflict`.
    #[default]
    Refuse,
    /// The one before it is closed with `conflict`.
    Replace,
}

/// As written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    secret: Option<WrittenSecret>,
    #[serde(default)]
    on_conflict: OnConflict,
    #[serde(default)]
    subdomains: bool,
    hosts: Option<Vec<String>>,
    #[serde(default)]
    privileges: Privileges,
    #[serde(default)]
    delegations: BTreeMap<String, Vec<String>>,
}

/// What is no text is not repeated in the error.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenSecret {
    Text(String),
    Other(IgnoredAny),
}

fn domains<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Domain, Settings>, D::Error> {
    let written = BTreeMap::<String, Written>::deserialize(deserializer)?;
    let mut domains = BTreeMap::new();
    for (name, Written { secret, on_conflict, subdomains, hosts, privileges, delegations }) in written {
        let domain = Domain::parse(&name).map_err(|error| {
            D::Error::custom(format!("\"{name}\" is no domain ({error}): write one such as irc.example.org"))
        })?;
        let secret = match secret {
            Some(WrittenSecret::Text(text)) if !text.is_empty() => Secret::new(text.into_bytes()),
            Some(WrittenSecret::Text(_)) => {
                return Err(D::Error::custom(format!(
                    "the secret of {domain} is empty: make one up, as long as you like"
                )));
            }
            Some(WrittenSecret::Other(_)) => {
                return Err(D::Error::custom(format!("the secret of {domain} is no text: put it in quotes")));
            }
            None => {
                let reason = format!(
                    "{domain} has no secret: add secret = \"…\", the same as in the component's own config"
                );
                return Err(D::Error::custom(reason));
            }
        };
        let grants = Grants::new(hosts, privileges, delegations)
            .map_err(|reason| D::Error::custom(format!("{domain}: {reason}")))?;
        let settings = Settings { secret, on_conflict, subdomains, grants: Arc::new(grants) };
        if domains.insert(domain.clone(), settings).is_some() {
            return Err(D::Error::custom(format!("{domain} is there twice: remove one of its sections")));
        }
    }
    Ok(domains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let table: toml::Table = text.parse().unwrap();
        table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn the_defaults_survive_being_written_down() {
        let text = toml::to_string(&Config::default()).unwrap();
        assert_eq!(text.trim(), "mailbox_bytes_max = \"16 MiB\"");
        assert_eq!(parse(&text).unwrap(), Config::default());
    }

    #[test]
    fn a_component_has_a_name_and_a_secret() {
        let config =
            parse("[domains.\"IRC.example.org\"]\nsecret = \"x\"\non_conflict = \"replace\"").unwrap();
        let settings = config.domains.get("irc.example.org").unwrap();
        assert_eq!((settings.secret.expose(), settings.on_conflict), (b"x".as_slice(), OnConflict::Replace));
        assert!(!settings.subdomains);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_way_out() {
        for (text, says) in [
            ("[domains.\"irc.example.org\"]", "irc.example.org has no secret: add secret ="),
            ("[domains.\"irc.example.org\"]\nsecret = \"\"", "is empty: make one up"),
            ("[domains.\"irc.example.org\"]\nsecret = 4711", "is no text: put it in quotes"),
            ("[domains.\"a b\"]\nsecret = \"x\"", "is no domain"),
            ("domains.\"a.b\".secret = \"x\"\ndomains.\"A.b\".secret = \"y\"", "a.b is there twice"),
            ("[domains.\"a.b\"]\nsecret = \"x\"\non_conflict = \"kick\"", "unknown variant `kick`"),
            ("[domains.\"a.b\"]\nsecret = \"x\"\nsubdomain = true", "unknown field `subdomain`"),
            ("domain = {}", "unknown field `domain`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let config = parse("[domains.\"irc.example.org\"]\nsecret = \"hunter2\"").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!toml::to_string(&config).unwrap().contains("hunter2"));
        let error = parse("[domains.\"irc.example.org\"]\nsecret = 4711").unwrap_err();
        assert!(!error.contains("4711"), "{error}");
    }
}
