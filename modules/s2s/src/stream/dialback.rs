//! Proof by the servers that answer for a domain ([XEP-0220](https://xmpp.org/extensions/xep-0220.html)).

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::{info, warn};
use waxwing_xml::{Element, Tree};
use waxwing_xmpp::{Condition, Domain, ns};

use super::{End, Role, Stream};
use crate::link::Link;
use crate::outgoing::{Failure, Proof, ask_tree, prefixed, refusal};
use crate::wire::attribute;

/// A key of theirs that was looked into.
pub(super) struct Checked {
    remote: Domain,
    local: Domain,
    result: Result<bool, Failure>,
}

/// A key of ours that the other server looks into (XEP-0220 §2.6.1).
pub(super) struct Proving {
    link: Arc<Link>,
    told: oneshot::Sender<bool>,
}

impl Stream {
    /// XEP-0220 §2.1.1: a domain wants to be proven; its own server is asked. A certificate does not spare that.
    pub(super) fn dialback(&mut self, result: &Element) {
        let (from, to) =
            (attribute(result, "from").unwrap_or_default(), attribute(result, "to").unwrap_or_default());
        match self.may_prove(from, to) {
            Ok((remote, local)) => {
                let (s2s, id) = (Arc::clone(&self.s2s), self.id.clone());
                let key = result.text.as_str().trim().to_owned();
                let address = self.address;
                self.checks.spawn(async move {
                    let result = match s2s.proofs.place(address, s2s.config.connect_time_max.0).await {
                        Some(_place) => {
                            s2s.strangers.take(s2s.ask_authority(&local, &remote, &id, &key)).await
                        }
                        None => Err(Failure::new("too many keys are looked into")),
                    };
                    Checked { remote, local, result }
                });
            }
            Err(condition) => self.dialback_error(from, to, condition),
        }
    }

    fn may_prove(&self, from: &str, to: &str) -> Result<(Domain, Domain), Condition> {
        let remote = Domain::parse(from).map_err(|_| Condition::JidMalformed)?;
        let local = Domain::parse(to).map_err(|_| Condition::JidMalformed)?;
        if self.s2s.home(&local).is_none() {
            // XEP-0220 §2.4.2.
            return Err(Condition::ItemNotFound);
        }
        if self.admit(&remote).is_err() {
            return Err(Condition::NotAllowed);
        }
        if !self.wire.connection.is_encrypted() && !self.s2s.config.allow_plaintext.contains(&remote) {
            return Err(Condition::PolicyViolation);
        }
        let chain = self.wire.connection.peer_certificates();
        if self.s2s.demands_certificate(&remote)
            && self.s2s.authorities.judge(chain, remote.as_str()).is_err()
        {
            return Err(Condition::PolicyViolation);
        }
        let full = self.session.proven.len() >= self.s2s.config.domains_per_stream_max;
        let checks = if self.is_unproven() { CHECKS_UNPROVEN_MAX } else { CHECKS_MAX };
        if full || self.checks.len() >= checks {
            return Err(Condition::ResourceConstraint);
        }
        Ok((remote, local))
    }

    fn dialback_error(&mut self, from: &str, to: &str, condition: Condition) {
        let condition = Tree::new(ns::STANZA_ERRORS, condition.name());
        let error = Tree::new(ns::SERVER, "error").with_attr("type", "cancel").with_child(condition);
        let answer = ask_tree("result", to, from).with_attr("type", "error").with_child(error);
        self.write_dialback(&answer);
    }

    fn write_dialback(&mut self, element: &Tree) {
        self.wire.connection.output().extend_from_slice(prefixed(element).as_bytes());
    }

    /// A domain that wants to be proven where that cannot be done.
    pub(super) fn decline_dialback(&mut self, result: &Element) {
        let get = |name| attribute(result, name).unwrap_or_default().to_owned();
        self.dialback_error(&get("from"), &get("to"), Condition::NotAllowed);
    }

    pub(super) fn checked(&mut self, checked: Checked) -> Result<(), End> {
        let Checked { remote, local, result } = checked;
        let kind = match result {
            Ok(true) => "valid",
            Ok(false) => {
                warn!(from = %remote, to = %local, peer = %self.peer, "Somebody showed a wrong dialback key.");
                "invalid"
            }
            Err(failure) => {
                warn!(from = %remote, to = %local, peer = %self.peer, reason = %failure, "A dialback key could not be checked.");
                self.dialback_error(remote.as_str(), local.as_str(), failure.condition);
                return Ok(());
            }
        };
        let answer = ask_tree("result", local.as_str(), remote.as_str()).with_attr("type", kind);
        self.write_dialback(&answer);
        if kind == "valid" {
            self.prove(remote, local, Proof::Dialback);
            self.take_places();
        } else if self.is_unproven() && self.checks.is_empty() {
            return Err(End::Disproved);
        }
        Ok(())
    }

    /// XEP-0220 §2.3: did we make this key?
    pub(super) fn verify(&mut self, verify: &Element) {
        let get = |name| attribute(verify, name).unwrap_or_default().to_owned();
        let (from, to, id) = (get("from"), get("to"), get("id"));
        let answer = ask_tree("verify", &to, &from).with_attr("id", id.as_str());
        let keys = Domain::parse(&to).ok().and_then(|local| self.s2s.keys(&local));
        let answer = match keys {
            Some(keys) => {
                let right = keys.is_right(verify.text.as_str(), &from, &to, &id);
                answer.with_attr("type", if right { "valid" } else { "invalid" })
            }
            None => {
                let condition = Tree::new(ns::STANZA_ERRORS, Condition::ItemNotFound.name());
                let error = Tree::new(ns::SERVER, "error").with_attr("type", "cancel").with_child(condition);
                answer.with_attr("type", "error").with_child(error)
            }
        };
        self.write_dialback(&answer);
    }

    /// XEP-0220 §2.6.1: one more domain of ours wants to send over a stream of ours.
    pub(super) fn prove_ours(&mut self, link: Arc<Link>, told: oneshot::Sender<bool>) {
        let keys = self.s2s.keys(&link.local).filter(|_| self.proving.len() < CHECKS_MAX);
        let full = self.session.links.len() >= self.s2s.config.domains_per_stream_max;
        let Some(keys) = keys.filter(|_| !full && self.role == Role::Initiating) else {
            told.send(false).ok();
            return;
        };
        let (local, remote) = (link.local.as_str(), link.remote.as_str());
        let key = keys.key(remote, local, &self.id);
        let ask = ask_tree("result", local, remote).with_text(key);
        self.write_dialback(&ask);
        self.proving.push(Proving { link, told });
    }

    /// What the other server says of a key of ours. Nobody but the one that was asked can answer: it is its stream.
    pub(super) fn proved(&mut self, answer: &Element) {
        let is = |proving: &Proving| {
            attribute(answer, "from") == Some(proving.link.remote.as_str())
                && attribute(answer, "to") == Some(proving.link.local.as_str())
        };
        // XEP-0220 §3: what nobody asked for is ignored.
        let Some(at) = self.proving.iter().position(is) else { return };
        let Proving { link, told } = self.proving.swap_remove(at);
        let valid = attribute(answer, "type") == Some("valid");
        if valid && self.bidi {
            self.session.proven.insert((link.remote.clone(), link.local.clone()));
        }
        // Who has asked and gives up meanwhile has found another way.
        if told.send(valid).is_err() {
            return;
        }
        if !valid {
            let reason = refusal(answer);
            return info!(from = %link.local, to = %link.remote, %reason, "Another server does not take one more domain on a stream.");
        }
        info!(from = %link.local, to = %link.remote, "One more domain shares a stream to another server.");
        self.serve(link);
    }
}

/// Keys of one stream that are looked into at the same time.
const CHECKS_MAX: usize = 20;
/// The same before any is right.
const CHECKS_UNPROVEN_MAX: usize = 2;
