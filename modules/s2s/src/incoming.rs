//! A stream that another server opens.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};
use waxwing_core::tasks::guard;
use waxwing_core::{Custody, Origin, Phase, Shutdown};
use waxwing_stream::transport::{Connection, Permit, TokenBucket};
use waxwing_xml::{Element, Item, Limits, Root, Text, Tree};
use waxwing_xmpp::{Condition, Domain, Stanza, StanzaError, StreamCondition, StreamError, ns};

use crate::S2s;
use crate::command::Guest;
use crate::link::forbidden_stream;
use crate::outgoing::{Failure, Proof, prefixed, system_shutdown};
use crate::wire::{Broken, Header, NS_DIALBACK, NS_DIALBACK_FEATURE, Wire, attribute, is, told};

/// The stream.
struct Incoming {
    s2s: Arc<S2s>,
    wire: Wire,
    peer: SocketAddr,
    /// Unpredictable: dialback keys hang on it.
    id: String,
    /// A header is expected.
    fresh: bool,
    /// Ours has been sent.
    greeted: bool,
    local: Option<Domain>,
    /// Who it says it is.
    remote: Option<Domain>,
    lang: Option<Text>,
    /// Pairs (theirs, ours) that were proven on this stream.
    proven: BTreeSet<(Domain, Domain)>,
    checks: JoinSet<Checked>,
    bytes: TokenBucket,
    /// Its last stanza while the disk is busy.
    unwritten: Option<Custody>,
    refused: u32,
    logins: u32,
    since: Instant,
    /// Its place among the streams that the operator sees.
    number: u64,
}

/// A dialback key that was looked into.
struct Checked {
    remote: Domain,
    local: Domain,
    result: Result<bool, Failure>,
}

/// Why the stream ends.
enum End {
    /// It said good-bye.
    Gone,
    Error(StreamError),
    Broken(String),
}

impl From<StreamCondition> for End {
    fn from(condition: StreamCondition) -> Self {
        Self::Error(condition.into())
    }
}

impl From<StreamError> for End {
    fn from(error: StreamError) -> Self {
        Self::Error(error)
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Ended => Self::Gone,
            Broken::Xml(error) => Self::Error((&error).into()),
            Broken::Io(error) => Self::Broken(error.to_string()),
        }
    }
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

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
    let mut stream = Box::new(Incoming::new(s2s, connection, peer));
    let life = guard(Box::pin(stream.live(direct_tls, shutdown)));
    let end = life.await.unwrap_or_else(|_| StreamCondition::InternalServerError.into());
    stream.finish(end).await;
    gauge.dec();
}

impl Incoming {
    fn new(s2s: Arc<S2s>, connection: Connection, peer: SocketAddr) -> Self {
        let now = Instant::now();
        let number = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let bytes =
            TokenBucket::new(number(s2s.config.rate_per_second.0), number(s2s.config.rate_burst.0), now);
        Self {
            wire: Wire::new(connection, Limits::BEFORE_LOGIN),
            s2s,
            peer,
            id: waxwing_stream::token(),
            fresh: true,
            greeted: false,
            local: None,
            remote: None,
            lang: None,
            proven: BTreeSet::new(),
            checks: JoinSet::new(),
            bytes,
            unwritten: None,
            refused: 0,
            logins: 0,
            since: now,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    async fn live(&mut self, direct_tls: bool, mut shutdown: Shutdown) -> End {
        if direct_tls && let Err(end) = self.secure().await {
            return end;
        }
        let mut read_after = None;
        loop {
            match self.turn(&mut read_after, &mut shutdown).await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    async fn turn(&mut self, read_after: &mut Option<Instant>, shutdown: &mut Shutdown) -> Result<(), End> {
        let drained = self.wire.connection.try_flush()?;
        let limits = self.s2s.shared.limits();
        self.unwritten.take_if(|custody| custody.outcome().is_some());
        let now = Instant::now();
        read_after.take_if(|at| *at <= now);
        let reads = self.unwritten.is_none()
            && read_after.is_none()
            && self.wire.connection.pending_bytes() < OUTPUT_BYTES_MAX;
        let login = self.proven.is_empty().then(|| self.since + limits.login_time_max.0);
        let write = (!drained).then(|| now + limits.write_time_max.0);
        let due = [login, write, *read_after].into_iter().flatten().min().unwrap_or(now + TICK);
        let unwritten = self.unwritten.clone();
        tokio::select! {
            ready = self.wire.connection.ready(reads) => {
                ready?;
                if reads {
                    *read_after = self.read().await?;
                }
            }
            Some(checked) = self.checks.join_next(), if !self.checks.is_empty() => {
                if let Ok(checked) = checked {
                    self.checked(checked);
                }
            }
            () = async { if let Some(custody) = &unwritten { custody.durable().await.ok(); } }, if unwritten.is_some() => {}
            () = sleep_until(due) => {
                if login.is_some_and(|at| at <= Instant::now()) {
                    let error = StreamError::new(StreamCondition::ConnectionTimeout);
                    return Err(error.text("No domain was proven in time.").into());
                }
                if write.is_some_and(|at| at <= Instant::now()) {
                    return Err(End::Broken("it read nothing for too long".to_owned()));
                }
            }
            () = shutdown.reached(Phase::Draining) => return Err(system_shutdown().into()),
        }
        Ok(())
    }

    /// Takes what is there; the answer is when to read again, if it was faster than it may be.
    async fn read(&mut self) -> Result<Option<Instant>, End> {
        let before = self.wire.received;
        while let Some(item) = self.wire.poll()? {
            self.item(item).await?;
            let limits = self.s2s.shared.limits();
            if self.proven.is_empty() && self.wire.received > limits.login_bytes_max.0 {
                let error = StreamError::new(StreamCondition::PolicyViolation);
                return Err(error.text("Too much was sent before any domain was proven.").into());
            }
            if self.unwritten.is_some() || !self.wire.connection.try_flush()? {
                break;
            }
        }
        let read = u32::try_from(self.wire.received - before).unwrap_or(u32::MAX);
        let now = Instant::now();
        let wait = self.bytes.take(read, now);
        Ok((!wait.is_zero()).then(|| now + wait))
    }

    async fn item(&mut self, item: Item) -> Result<(), End> {
        match item {
            Item::Root(root) => self.open(&root),
            Item::RootEnd => Err(End::Gone),
            Item::Element(error) if is(&error, ns::STREAMS, "error") => {
                debug!(peer = %self.peer, reason = %told(&error), "Another server ends its stream.");
                Err(End::Gone)
            }
            Item::Element(element) => self.element(element).await,
            Item::Refused(refused) => {
                if self.proven.is_empty() {
                    return Err(StreamCondition::PolicyViolation.into());
                }
                self.refused += 1;
                if self.refused > self.s2s.shared.limits().refused_stanzas_max.saturating_mul(REFUSED_FACTOR)
                {
                    return Err(StreamCondition::PolicyViolation.into());
                }
                if let Some(fault) = Stanza::from_refused(refused, self.lang.as_ref()) {
                    self.answer(fault.reply_to, &fault.error).await?;
                }
                Ok(())
            }
        }
    }

    /// RFC 6120 §4.3.
    fn open(&mut self, root: &Root) -> Result<(), End> {
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
        if header.version {
            let features = self.features();
            self.wire.features(&features);
        }
        Ok(())
    }

    /// Whether somebody may call itself so.
    fn admit(&self, remote: &Domain) -> Result<(), End> {
        if self.s2s.home(remote).is_some() {
            // Nobody else is one of our domains.
            return Err(StreamCondition::InvalidFrom.into());
        }
        if !self.s2s.config.permits(remote) {
            return Err(forbidden_stream().into());
        }
        Ok(())
    }

    fn features(&self) -> Vec<Tree> {
        let mut features = Vec::new();
        let plain =
            self.remote.as_ref().is_some_and(|remote| self.s2s.config.allow_plaintext.contains(remote));
        if !self.wire.connection.is_encrypted() {
            let starttls = Tree::new(ns::TLS, "starttls");
            // RFC 6120 §5.3.1.
            let required = Tree::new(ns::TLS, "required");
            features.push(if plain { starttls } else { starttls.with_child(required) });
            if !plain {
                return features;
            }
        }
        if self.proven.is_empty() && self.judge().is_ok() {
            let mechanism = Tree::new(ns::SASL, "mechanism").with_text("EXTERNAL");
            features.push(Tree::new(ns::SASL, "mechanisms").with_child(mechanism));
        }
        if self.remote.as_ref().is_none_or(|remote| !self.s2s.demands_certificate(remote)) {
            let errors = Tree::new(NS_DIALBACK_FEATURE, "errors");
            features.push(Tree::new(NS_DIALBACK_FEATURE, "dialback").with_child(errors));
        }
        features
    }

    /// What its certificate is worth for the domain that it names itself.
    fn judge(&self) -> Result<(), String> {
        let remote = self.remote.as_ref().ok_or("it did not say who it is")?;
        let judged = self.s2s.authorities.judge(self.wire.connection.peer_certificates(), remote.as_str());
        judged.map_err(|untrusted| untrusted.to_string())
    }

    async fn element(&mut self, element: Element) -> Result<(), End> {
        if self.fresh {
            return Err(StreamCondition::NotAuthorized.into());
        }
        let encrypted = self.wire.connection.is_encrypted();
        if is(&element, ns::TLS, "starttls") && !encrypted {
            self.wire.element(&Tree::new(ns::TLS, "proceed"));
            self.wire.connection.flush().await?;
            return Box::pin(self.secure()).await;
        }
        let plain =
            self.remote.as_ref().is_some_and(|remote| self.s2s.config.allow_plaintext.contains(remote));
        if !encrypted && !plain {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.text("TLS is required here.").into());
        }
        match (element.namespace.as_str(), element.name.as_str()) {
            (ns::SASL, "auth") => self.external(&element),
            (NS_DIALBACK, "result") => {
                self.dialback(&element);
                Ok(())
            }
            (NS_DIALBACK, "verify") => {
                self.verify(&element);
                Ok(())
            }
            _ => self.stanza(element).await,
        }
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
        if attribute(auth, "mechanism") != Some("EXTERNAL") || self.judge().is_err() {
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

    fn prove(&mut self, remote: Domain, local: Domain, proof: Proof) {
        let version = self.wire.connection.tls_version().unwrap_or("no TLS");
        info!(from = %remote, to = %local, %proof, tls = version, peer = %self.peer, "Another server is proven.");
        let limits = self.s2s.shared.limits();
        self.wire.set_limits(Limits {
            element_bytes: limits.stanza_bytes_max.0,
            skip_bytes: limits.stanza_bytes_max.0.saturating_mul(SKIP_FACTOR),
            depth: limits.stanza_depth_max,
            attributes: limits.stanza_attributes_max,
            children: limits.stanza_children_max,
            ..Limits::CLIENT
        });
        let mut guests = self.s2s.guests.lock();
        let guest = guests.entry(self.number).or_insert_with(|| Guest::new(self.peer, version));
        guest.proven.push(format!("{remote} -> {local} by {proof}"));
        drop(guests);
        self.proven.insert((remote, local));
    }

    /// XEP-0220 §2.1.1: a domain wants to be proven; its own server is asked. A certificate does not spare that.
    fn dialback(&mut self, result: &Element) {
        let (from, to) =
            (attribute(result, "from").unwrap_or_default(), attribute(result, "to").unwrap_or_default());
        match self.may_prove(from, to) {
            Ok((remote, local)) => {
                let (s2s, id) = (Arc::clone(&self.s2s), self.id.clone());
                let key = result.text.as_str().trim().to_owned();
                self.checks.spawn(async move {
                    let result = match s2s.proofs.acquire().await {
                        Ok(_permit) => s2s.verify(&local, &remote, &id, &key).await,
                        Err(_) => Err(Failure::new("the server stops")),
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
        let chain = self.wire.connection.peer_certificates();
        if self.s2s.demands_certificate(&remote)
            && self.s2s.authorities.judge(chain, remote.as_str()).is_err()
        {
            return Err(Condition::PolicyViolation);
        }
        let full = self.proven.len() >= self.s2s.config.domains_per_stream_max;
        if full || self.checks.len() >= CHECKS_MAX {
            return Err(Condition::ResourceConstraint);
        }
        Ok((remote, local))
    }

    fn dialback_error(&mut self, from: &str, to: &str, condition: Condition) {
        let condition = Tree::new(ns::STANZA_ERRORS, condition.name());
        let error = Tree::new(ns::SERVER, "error").with_attr("type", "cancel").with_child(condition);
        let answer = Tree::new(NS_DIALBACK, "result")
            .with_attr("from", to)
            .with_attr("to", from)
            .with_attr("type", "error")
            .with_child(error);
        self.wire.connection.output().extend_from_slice(prefixed(&answer).as_bytes());
    }

    fn checked(&mut self, checked: Checked) {
        let Checked { remote, local, result } = checked;
        let kind = match result {
            Ok(true) => "valid",
            Ok(false) => {
                warn!(from = %remote, to = %local, peer = %self.peer, "Somebody showed a wrong dialback key.");
                "invalid"
            }
            Err(failure) => {
                warn!(from = %remote, to = %local, peer = %self.peer, reason = %failure, "A dialback key could not be checked.");
                return self.dialback_error(remote.as_str(), local.as_str(), failure.condition);
            }
        };
        let answer = Tree::new(NS_DIALBACK, "result")
            .with_attr("from", local.as_str())
            .with_attr("to", remote.as_str())
            .with_attr("type", kind);
        self.wire.connection.output().extend_from_slice(prefixed(&answer).as_bytes());
        if kind == "valid" {
            self.prove(remote, local, Proof::Dialback);
        }
    }

    /// XEP-0220 §2.3: did we make this key?
    fn verify(&mut self, verify: &Element) {
        let get = |name| attribute(verify, name).unwrap_or_default().to_owned();
        let (from, to, id) = (get("from"), get("to"), get("id"));
        let answer = Tree::new(NS_DIALBACK, "verify")
            .with_attr("from", to.as_str())
            .with_attr("to", from.as_str())
            .with_attr("id", id.as_str());
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
        self.wire.connection.output().extend_from_slice(prefixed(&answer).as_bytes());
    }

    async fn stanza(&mut self, element: Element) -> Result<(), End> {
        let parsed = Stanza::from_element(element, self.lang.as_ref());
        let Some(parsed) = parsed else { return Err(StreamCondition::UnsupportedStanzaType.into()) };
        if self.proven.is_empty() {
            // RFC 6120 §4.9.3.12.
            return Err(StreamCondition::NotAuthorized.into());
        }
        let stanza = match parsed {
            Ok(stanza) => stanza,
            Err(fault) => return self.answer(fault.reply_to, &fault.error).await,
        };
        let remote = self.proven_by(&stanza)?;
        self.s2s.metrics.received.inc();
        let shared = Arc::clone(&self.s2s.shared);
        let custody = shared.router().route(stanza, Origin::Remote(remote), Custody::memory()).await;
        if custody.outcome().is_none() && shared.store().is_busy() {
            self.unwritten = Some(custody);
        }
        Ok(())
    }

    /// RFC 6120 §8.1.1.2, §8.1.2.2: who it is from, if that was proven towards whom it is for.
    fn proven_by(&self, stanza: &Stanza) -> Result<Domain, End> {
        let (Some(from), Some(to)) = (&stanza.from, &stanza.to) else {
            return Err(StreamCondition::ImproperAddressing.into());
        };
        let pair = Domain::parse(from.domain()).ok().zip(Domain::parse(to.domain()).ok());
        let (remote, local) = pair.ok_or(StreamCondition::ImproperAddressing)?;
        if self.s2s.home(&local).is_none() {
            return Err(StreamCondition::HostUnknown.into());
        }
        let pair = (remote, local);
        if self.proven.contains(&pair) { Ok(pair.0) } else { Err(StreamCondition::InvalidFrom.into()) }
    }

    /// Tells the sender of a stanza what is wrong with it, if it is who it says.
    async fn answer(&mut self, stanza: Option<Box<Stanza>>, error: &StanzaError) -> Result<(), End> {
        if let Some(stanza) = stanza {
            let remote = self.proven_by(&stanza)?;
            self.s2s.shared.router().bounce(*stanza, error, &Origin::Remote(remote)).await;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>, end: End) {
        let reason = match &end {
            End::Gone => "it has gone".to_owned(),
            End::Error(error) => error.to_string(),
            End::Broken(reason) => reason.clone(),
        };
        self.s2s.guests.lock().remove(&self.number);
        debug!(peer = %self.peer, %reason, "A stream of another server ends.");
        if let End::Broken(_) = end {
            return;
        }
        if !self.greeted {
            // RFC 6120 §4.9.1.2.
            let host = self.s2s.default_host();
            self.wire.open(&host, None, Some(&self.id));
        }
        if let End::Error(error) = &end {
            self.s2s.metrics.refused.inc();
            self.wire.error(error);
        }
        self.wire.close();
        self.wire.connection.close(FAREWELL).await;
    }
}

/// With so much unread by the other server nothing more is read from it.
const OUTPUT_BYTES_MAX: usize = 256 << 10;
/// Keys of one stream that are looked into at the same time.
const CHECKS_MAX: usize = 20;
/// A server speaks for many.
const REFUSED_FACTOR: u32 = 100;
/// A refused stanza may be so many times as long as one that is accepted.
const SKIP_FACTOR: usize = 16;
const TICK: Duration = Duration::from_secs(60);
static NEXT: AtomicU64 = AtomicU64::new(1);
const FAREWELL: Duration = Duration::from_secs(2);
