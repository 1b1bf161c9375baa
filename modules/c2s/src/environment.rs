//! What the negotiation asks of the server.

use std::sync::Arc;

use waxwing_core::{HostKind, HostRef, Offered};
use waxwing_sm::Sm;
use waxwing_stream::negotiation::{Environment, HostOffer, Place};
use waxwing_stream::sasl::{Credentials, Decoy, Mechanism, ScramHash};
use waxwing_stream::{Secret, token};
use waxwing_xml::Tree;
use waxwing_xmpp::{Domain, Stanza};

use crate::{C2s, features};

impl C2s {
    /// A host that has accounts.
    pub(crate) fn host(&self, domain: &Domain) -> Option<HostRef> {
        self.shared.router().host(domain.as_str()).filter(|host| host.kind() == HostKind::Accounts)
    }
}

impl Environment for C2s {
    fn host(&self, domain: &Domain) -> Option<HostOffer> {
        let host = Self::host(self, domain)?;
        let credentials = host.service::<dyn Credentials>();
        let configured = self.config.mechanisms.iter().map(|name| name.0);
        let external = self.config.client_ca.is_some().then_some(Mechanism::External);
        Some(HostOffer {
            // Without accounts nobody can log in.
            mechanisms: credentials.iter().flat_map(|_| configured.clone().chain(external)).collect(),
            tls: self.certificates.choose(None, Some(domain.as_str())).is_some(),
            allow_plaintext: host.config().allow_plaintext,
            downgrade_protection: self.config.downgrade_protection,
            decoy: credentials.map_or_else(nobody, |credentials| credentials.decoy()),
        })
    }

    fn default_host(&self) -> String {
        let hosts = self.shared.router().hosts();
        let first = hosts.iter().find(|host| host.kind() == HostKind::Accounts);
        first.map(|host| host.domain().as_str().to_owned()).unwrap_or_default()
    }

    fn features(&self, domain: &Domain, place: Place) -> Vec<Vec<u8>> {
        let Some(host) = Self::host(self, domain) else { return Vec::new() };
        let here = |offered: Offered| features::place(offered) == place;
        let declared =
            host.stream_features().iter().filter(|feature| here(feature.offered) && feature.is_shown(&host));
        let mut elements: Vec<Vec<u8>> =
            declared.map(|feature| feature.element_now(&host).to_xml().into_bytes()).collect();
        if place != Place::BeforeTls {
            elements.push(self.limits(place).to_xml().into_bytes());
        }
        elements
    }

    fn takes_iq(&self, domain: &Domain, place: Place, iq: &Stanza) -> bool {
        Self::host(self, domain).is_some_and(|host| features::for_iq(&host, place, iq).is_some())
    }

    fn takes_nonza(&self, domain: &Domain, place: Place, namespace: &str, name: &str) -> bool {
        Self::host(self, domain).is_some_and(|host| {
            let managed = namespace == waxwing_sm::NS && host.service::<Sm>().is_some();
            managed || features::for_nonza(&host, place, namespace, name).is_some()
        })
    }
}

impl C2s {
    /// XEP-0478 §3.1.
    fn limits(&self, place: Place) -> Tree {
        let limits = self.shared.limits();
        let (bytes, idle) = match place {
            Place::AfterLogin => (limits.stanza_bytes_max, limits.keepalive_after),
            _ => (limits.login_element_max, limits.login_time_max),
        };
        let child = |name: &str, value: String| Tree::new(NS_LIMITS, name).with_text(value);
        Tree::new(NS_LIMITS, "limits")
            .with_child(child("max-bytes", bytes.0.to_string()))
            .with_child(child("idle-seconds", idle.0.as_secs().to_string()))
    }
}

/// For a host without accounts.
fn nobody() -> Arc<Decoy> {
    Arc::new(Decoy::new(Secret::new(token().into_bytes()), ScramHash::ITERATIONS))
}

const NS_LIMITS: &str = "urn:xmpp:stream-limits:0";
