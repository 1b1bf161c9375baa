//! What a receiving server says and hears before stanzas may come.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::{debug, info};
use waxwing_core::Shutdown;
use waxwing_stream::transport::{Connection, Permit};
use waxwing_xml::{Element, Root, Text, Tree};
use waxwing_xmpp::{Domain, StreamCondition, StreamError, ns};

use super::{End, Role, Stream, acks};
use crate::S2s;
use crate::command::Guest;
use crate::link::forbidden_stream;
use crate::outgoing::Proof;
use crate::wire::{Header, NS_BIDI, NS_BIDI_FEATURE, NS_DIALBACK_FEATURE, Wire, attribute, is};

/// Serves one connection.
pub(crate) async fn serve(
    s2s: Arc<S2s>,
    _permit: Permit,
    socket: TcpStream,
    peer: SocketAddr,
    direct_tls: bool,
    shutdown: Shutdown,
) {
    let connection = match Connection::new(socket) {
        Ok(connection) => connection,
        Err(error) => return debug!(%peer, %error, "A connection was gone at once."),
    };
    s2s.metrics.incoming.inc();
    let gauge = s2s.metrics.incoming.clone();
    let wire = Wire::new(connection, s2s.shared.limits().before_login());
    let mut stream = Box::new(Stream::new(Arc::clone(&s2s), wire, peer.to_string(), Role::Receiving));
    stream.address = Some(peer.ip());
    let secured = if direct_tls { s2s.strangers.take(stream.secure()).await } else { Ok(()) };
    match secured {
        Ok(()) => drop(stream.run(shutdown).await),
        Err(end) => drop(stream.finish(end).await),
    }
    gauge.dec();
}

impl Stream {
    /// RFC 6120 §4.3.
    pub(super) fn open(&mut self, root: &Root) -> Result<(), End> {
        if !std::mem::replace(&mut self.fresh, false) {
            return Err(StreamCondition::NotAuthorized.into());
        }
        let header = Header::read(root);
        let named = header.as_ref().ok().and_then(|header| header.to.clone());
        let local = named.as_ref().and_then(|to| Domain::parse(to.as_str()).ok());
        let local = local.filter(|local| self.s2s.home(local).is_some());
        let known = local.clone().map_or_else(|| self.s2s.default_host(), |local| local.as_str().to_owned());
        let from = header.as_ref().ok().and_then(|header| header.from.clone());
        self.wire.open(&known, from.as_ref().map(Text::as_str), Some(&self.id));
        self.greeted = true;
        let header = header?;
        match (&named, local) {
            // RFC 6120 §4.9.3.6, §4.9.3.7.
            (Some(_), None) => return Err(StreamCondition::HostUnknown.into()),
            (None, _) => return Err(StreamCondition::ImproperAddressing.into()),
            // §7.2 of XEP-0178, §4.3.3: the domains stay what they were.
            (_, Some(local)) if self.local.as_ref().is_some_and(|before| *before != local) => {
                return Err(StreamCondition::HostUnknown.into());
            }
            (_, local) => self.local = local,
        }
        self.lang = header.lang;
        let remote = from.map(|from| Domain::parse(from.as_str()).map_err(|_| StreamCondition::InvalidFrom));
        let remote = remote.transpose()?;
        if self.remote.is_some() && self.remote != remote {
            return Err(StreamCondition::InvalidFrom.into());
        }
        if let Some(remote) = &remote {
            self.admit(remote)?;
        }
        self.remote = remote;
        // Now stanzas may go as well as come.
        self.take_places();
        if header.version {
            let features = self.features();
            self.wire.features(&features);
        }
        Ok(())
    }

    /// Whether somebody may call itself so.
    pub(super) fn admit(&self, remote: &Domain) -> Result<(), End> {
        if self.s2s.home(remote).is_some() {
            // Nobody else is one of our domains.
            return Err(StreamCondition::InvalidFrom.into());
        }
        if !self.s2s.config.permits(remote) {
            return Err(forbidden_stream().into());
        }
        Ok(())
    }

    fn may_be_plain(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| self.s2s.config.allow_plaintext.contains(remote))
    }

    fn features(&self) -> Vec<Tree> {
        let mut features = Vec::new();
        let plain = self.may_be_plain();
        if !self.wire.connection.is_encrypted() {
            let starttls = Tree::new(ns::TLS, "starttls");
            // RFC 6120 §5.3.1.
            let required = Tree::new(ns::TLS, "required");
            features.push(if plain { starttls } else { starttls.with_child(required) });
            if !plain {
                return features;
            }
        }
        let proven = !self.session.proven.is_empty();
        if !proven && self.judge().is_ok() {
            let mechanism = Tree::new(ns::SASL, "mechanism").with_text("EXTERNAL");
            features.push(Tree::new(ns::SASL, "mechanisms").with_child(mechanism));
        }
        if self.remote.as_ref().is_none_or(|remote| !self.s2s.demands_certificate(remote)) {
            let errors = Tree::new(NS_DIALBACK_FEATURE, "errors");
            features.push(Tree::new(NS_DIALBACK_FEATURE, "dialback").with_child(errors));
        }
        if !proven {
            // XEP-0288 §2.2: it is asked for before anybody is proven.
            features.push(Tree::new(NS_BIDI_FEATURE, "bidi"));
        }
        features.push(Tree::new(acks::NS, "sm"));
        features
    }

    /// What its certificate is worth for the domain that it names itself.
    fn judge(&self) -> Result<(), String> {
        let remote = self.remote.as_ref().ok_or("it did not say who it is")?;
        let judged = self.s2s.authorities.judge(self.wire.connection.peer_certificates(), remote.as_str());
        judged.map_err(|untrusted| untrusted.to_string())
    }

    /// True: the element was part of it.
    pub(super) async fn negotiate(&mut self, element: &Element) -> Result<bool, End> {
        let encrypted = self.wire.connection.is_encrypted();
        if is(element, ns::TLS, "starttls") && !encrypted {
            self.wire.element(&Tree::new(ns::TLS, "proceed"));
            self.wire.connection.flush().await?;
            Box::pin(self.secure()).await?;
            return Ok(true);
        }
        if !encrypted && !self.may_be_plain() {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.text("TLS is required here.").into());
        }
        if is(element, ns::SASL, "auth") {
            self.external(element)?;
            return Ok(true);
        }
        // XEP-0288 §2.2.
        let bidi = is(element, NS_BIDI, "bidi") && self.session.proven.is_empty();
        self.bidi |= bidi;
        Ok(bidi)
    }

    /// The handshake has as long as all the rest before a proof.
    async fn secure(&mut self) -> Result<(), End> {
        let to = self.local.as_ref().map(|local| local.as_str().to_owned());
        let patience = self.s2s.shared.limits().login_time_max.0;
        let shaken =
            timeout(patience, self.wire.connection.accept_tls(&self.s2s.certificates, to.as_deref()));
        match shaken.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(End::Broken(format!("the TLS handshake failed ({error})"))),
            Err(_) => return Err(End::Broken("the TLS handshake took too long".to_owned())),
        }
        self.restart();
        Ok(())
    }

    fn restart(&mut self) {
        self.wire.restart();
        (self.fresh, self.greeted) = (true, false);
        self.id = waxwing_stream::token();
    }

    /// SASL EXTERNAL (RFC 6120 §6.4, XEP-0178 §2).
    fn external(&mut self, auth: &Element) -> Result<(), End> {
        let failure = match self.authorize(auth) {
            Ok((remote, local)) => {
                self.wire.element(&Tree::new(ns::SASL, "success"));
                self.prove(remote, local, Proof::Certificate);
                self.restart();
                return Ok(());
            }
            Err(condition) => condition,
        };
        self.wire.element(&Tree::new(ns::SASL, "failure").with_child(Tree::new(ns::SASL, failure)));
        self.logins += 1;
        if self.logins >= self.s2s.shared.limits().login_tries_max {
            return Err(StreamCondition::PolicyViolation.into());
        }
        Ok(())
    }

    fn authorize(&self, auth: &Element) -> Result<(Domain, Domain), &'static str> {
        let proven = !self.session.proven.is_empty();
        if attribute(auth, "mechanism") != Some("EXTERNAL") || proven || self.judge().is_err() {
            // It was not offered (RFC 6120 §6.5.7).
            return Err("invalid-mechanism");
        }
        let (Some(remote), Some(local)) = (self.remote.clone(), self.local.clone()) else {
            return Err("not-authorized");
        };
        let text = auth.text.as_str().trim();
        let identity = match text {
            "" | "=" => Vec::new(),
            text => {
                base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| "incorrect-encoding")?
            }
        };
        let identity = String::from_utf8(identity).map_err(|_| "incorrect-encoding")?;
        // RFC 6120 §6.5.6: nobody acts for another domain.
        if !identity.is_empty() && Domain::parse(&identity).ok().as_ref() != Some(&remote) {
            return Err("invalid-authzid");
        }
        Ok((remote, local))
    }

    /// From now on that domain may send to that one of ours.
    pub(super) fn prove(&mut self, remote: Domain, local: Domain, proof: Proof) {
        let version = self.wire.connection.tls_version().unwrap_or("no TLS");
        info!(from = %remote, to = %local, %proof, tls = version, peer = %self.peer, "Another server is proven.");
        if self.session.proven.is_empty() {
            self.wire.set_limits(self.s2s.shared.limits().for_server());
            self.rate = self.s2s.rate_of(&remote);
            self.worth = format!("their stream, proven by {proof}, {version}");
        }
        let line = format!("{remote} -> {local} by {proof}");
        if self.session.proven.insert((remote, local)) {
            let mut guests = self.s2s.guests.lock();
            let guest = guests.entry(self.number).or_insert_with(|| Guest::new(&self.peer, version));
            guest.proven.push(line);
        }
    }
}
