//! What the operator lets a component do beyond serving its own domain. The modules that do it ask here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::{ExternalRef, Host, granted};
use waxwing_xmpp::Domain;

/// What one component may do for the accounts of some hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// The hosts; none named: the one above the component.
    pub hosts: Option<Vec<Domain>>,
    /// As a privileged entity (XEP-0356).
    pub privileges: Privileges,
    /// Namespaces that it manages (XEP-0355), each with its filtering attributes.
    pub delegations: BTreeMap<String, Vec<String>>,
}

/// `[modules.component.domains."NAME".privileges]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privileges {
    /// XEP-0356 §4: the rosters of the accounts.
    pub roster: Access,
    /// §4.1: whether it gets roster pushes; by default if it may read rosters.
    pub roster_push: Option<bool>,
    /// §5: messages in the name of the host and of its accounts.
    pub message: MessageAccess,
    /// §6: requests in the name of accounts, by namespace.
    pub iq: BTreeMap<String, Access>,
    /// §7: who is there.
    pub presence: PresenceAccess,
}

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// None.
    #[default]
    None,
    /// Those of type get.
    Get,
    /// Those of type set.
    Set,
    /// All.
    Both,
}

/// Which messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageAccess {
    /// None.
    #[default]
    None,
    /// To anybody.
    Outgoing,
}

/// Whose presence; each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceAccess {
    /// Nobody's.
    #[default]
    None,
    /// That of the accounts.
    ManagedEntity,
    /// That of their contacts as well.
    Roster,
}

/// A component with what it may do.
#[derive(Clone)]
pub struct Grantee {
    /// The component.
    pub external: ExternalRef,
    /// What it may do.
    pub grants: Arc<Grants>,
}

impl std::fmt::Debug for Grantee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grantee({}, {:?})", self.external.domain(), self.grants)
    }
}

impl Access {
    /// Whether requests of this type are among them.
    pub fn allows(self, set: bool) -> bool {
        match self {
            Self::None => false,
            Self::Get => !set,
            Self::Set => set,
            Self::Both => true,
        }
    }

    /// XEP-0356 §4.1, §6.1: its name in permissions.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Get => "get",
            Self::Set => "set",
            Self::Both => "both",
        }
    }
}

impl Privileges {
    /// XEP-0356 §4.1: whether roster pushes are sent.
    pub fn pushes(&self) -> bool {
        self.roster_push.unwrap_or_else(|| self.roster.allows(false))
    }

    /// Whether requests with a payload of this namespace may be made in an account's name.
    pub fn asks(&self, namespace: &str, set: bool) -> bool {
        self.iq.get(namespace).is_some_and(|access| access.allows(set))
    }
}

impl Grants {
    /// As written in the file.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub(crate) fn new(
        hosts: Option<Vec<String>>,
        privileges: Privileges,
        delegations: BTreeMap<String, Vec<String>>,
    ) -> Result<Self, String> {
        let host =
            |name: &String| Domain::parse(name).map_err(|error| format!("\"{name}\" is no host: {error}"));
        let hosts = hosts.map(|hosts| hosts.iter().map(host).collect()).transpose()?;
        let reads = privileges.roster.allows(false);
        if privileges.presence == PresenceAccess::Roster && !reads {
            // XEP-0356 §7.4.
            return Err("presence = \"roster\" needs roster = \"get\" or \"both\"".to_owned());
        }
        if privileges.pushes() && !reads {
            // §4.1.
            return Err("roster_push = true needs roster = \"get\" or \"both\"".to_owned());
        }
        let named = privileges.iq.keys().chain(delegations.keys());
        match named.into_iter().find(|namespace| PROTOCOLS.contains(&namespace.as_str())) {
            // XEP-0355 §8 rule 5; the other would let a component hide behind an account.
            Some(namespace) => Err(format!("{namespace} is the server's own and cannot be given away")),
            None => Ok(Self { hosts, privileges, delegations }),
        }
    }

    /// Whether they hold for the accounts of a host.
    fn hold_at(&self, component: &Domain, host: &Host) -> bool {
        match &self.hosts {
            Some(hosts) => hosts.contains(host.domain()),
            None => {
                let above = host.router().parent(component.as_str());
                above.is_some_and(|above| above.domain() == host.domain())
            }
        }
    }
}

impl Grantee {
    /// The component with what it may do at this host, if it may do anything.
    pub fn of(external: ExternalRef, host: &Host) -> Option<Self> {
        let grants = granted::<Grants>(&*external)?;
        grants.hold_at(external.domain(), host).then_some(Self { external, grants })
    }

    /// The component of this name.
    pub fn named(component: &Domain, host: &Host) -> Option<Self> {
        let external = host.router().external(component.as_str())?;
        if external.domain() == component { Self::of(external, host) } else { None }
    }

    /// All of a host, by name.
    pub fn all(host: &Host) -> Vec<Self> {
        host.router().externals().into_iter().filter_map(|external| Self::of(external, host)).collect()
    }
}

/// The protocols by which a component is told what it may do: nobody but the server speaks them in its name.
pub const PROTOCOLS: [&str; 2] = ["urn:xmpp:delegation:2", "urn:xmpp:privilege:2"];

#[cfg(test)]
mod tests {
    use crate::Config;

    fn parse(text: &str) -> Result<Config, String> {
        let text = format!("[domains.\"a.b\"]\nsecret = \"x\"\n{text}");
        let table: toml::Table = text.parse().unwrap();
        table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let config = parse("").unwrap();
        assert_eq!(*config.domains.get("a.b").unwrap().grants, super::Grants::default());
        assert!(!super::Privileges::default().pushes());
    }

    #[test]
    fn xep0356_4_1_pushes_follow_the_right_to_read_unless_the_config_says_no() {
        for (text, pushes) in [
            ("roster = \"get\"", true),
            ("roster = \"both\"", true),
            ("roster = \"set\"", false),
            ("roster = \"none\"", false),
            ("roster = \"both\"\nroster_push = false", false),
        ] {
            let config = parse(&format!("[domains.\"a.b\".privileges]\n{text}")).unwrap();
            assert_eq!(config.domains.get("a.b").unwrap().grants.privileges.pushes(), pushes, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_granted_is_said_with_the_way_out() {
        for (text, says) in [
            ("privileges.presence = \"roster\"", "needs roster = \"get\""),
            ("privileges = { presence = \"roster\", roster = \"set\" }", "needs roster = \"get\""),
            ("privileges = { roster = \"set\", roster_push = true }", "roster_push = true needs"),
            ("privileges.roster = \"all\"", "unknown variant `all`"),
            ("privileges.messages = \"outgoing\"", "unknown field `messages`"),
            ("privileges.iq.\"urn:xmpp:privilege:2\" = \"set\"", "cannot be given away"),
            ("delegations.\"urn:xmpp:delegation:2\" = []", "cannot be given away"),
            ("hosts = [\"a b\"]", "\"a b\" is no host"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
