//! A stream that we open: to talk, or to ask whether a key is right.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tracing::debug;
use waxwing_stream::tls::{Tlsa, client_config};
use waxwing_stream::transport::Connection;
use waxwing_xml::{Element, Item, Tree};
use waxwing_xmpp::{Condition, Domain, StreamCondition, StreamError, ns};

use crate::S2s;
use crate::connect::{Way, Ways};
use crate::find::{FindError, Target};
use crate::stream::acks;
use crate::wire::{
    Broken, Header, NS_BIDI, NS_BIDI_FEATURE, NS_DIALBACK, NS_DIALBACK_FEATURE, Wire, attribute, is, told,
};

/// Why there is no stream, in words for the operator, and what becomes of what was to go over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) condition: Condition,
    pub(crate) words: String,
}

impl Failure {
    /// The server is there, or may be, and could not be talked to: another try may help.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self { condition: Condition::RemoteServerTimeout, words: words.into() }
    }

    /// Another try changes nothing.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.condition, Condition::RemoteServerNotFound | Condition::InternalServerError)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        let condition = match error {
            FindError::NoSuchDomain(_) | FindError::NotOffered(_) => Condition::RemoteServerNotFound,
            _ => Condition::RemoteServerTimeout,
        };
        Self { condition, words: error.to_string() }
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::new(broken.to_string())
    }
}

/// What the other server's certificate is good by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voucher {
    /// An authority that is trusted here.
    Authority,
    /// The records of its target, for which DNSSEC vouches.
    Dane,
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authority => "valid certificate",
            Self::Dane => "valid certificate by DANE",
        })
    }
}

/// How the two have proven themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// SASL EXTERNAL.
    Certificate,
    Dialback,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Dialback => "dialback",
        })
    }
}

/// A stream on which we may send.
pub(crate) struct Outgoing {
    pub(crate) wire: Wire,
    pub(crate) proof: Proof,
    /// What the other server's certificate is worth.
    pub(crate) certificate: Result<Voucher, String>,
    /// Where it goes to.
    pub(crate) peer: String,
    /// What the other server calls it.
    pub(crate) id: String,
    /// The other server may send as well (XEP-0288).
    pub(crate) bidi: bool,
    /// It offers stream management (XEP-0198).
    pub(crate) managed: bool,
    /// It takes other domains of ours by dialback.
    pub(crate) multiplexes: bool,
}

/// A stream with features, before any proof.
pub(crate) struct Opened {
    pub(crate) wire: Wire,
    header: Header,
    features: Element,
    peer: String,
    /// What the other server's certificate is worth.
    pub(crate) certificate: Result<Voucher, String>,
}

impl Opened {
    /// How safe it is, for people.
    pub(crate) fn describe(&self) -> String {
        let tls = self.wire.connection.tls_version().unwrap_or("no TLS");
        let worth = self.certificate.as_ref().map_or_else(Clone::clone, |voucher| format!("a {voucher}"));
        format!("{tls}, {worth}")
    }
}

/// How long the work on one connection may take.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// Up to features over TLS.
    negotiation: Instant,
    all: Instant,
}

async fn until<T>(end: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout_at(end, work).await.unwrap_or_else(|_| Err(Failure::new("it took too long")))
}

impl S2s {
    /// Finds the other server, connects, and proves who we are.
    pub(crate) async fn open(&self, local: &Domain, remote: &Domain) -> Result<Outgoing, Failure> {
        let mut ways = self.ways(remote).await?;
        while let Some(way) = ways.next().await {
            let (target, patience) = (way.target.to_string(), self.patience(&ways));
            let opened = Box::pin(async {
                let opened = self.negotiate(local, remote, way, patience).await?;
                self.prove(local, remote, opened, patience).await
            });
            match opened.await {
                Ok(outgoing) => return Ok(outgoing),
                Err(failure) => {
                    debug!(%local, %remote, target, reason = %failure, "A target would not do.");
                    ways.rejected(failure.words);
                }
            }
        }
        Err(Failure::new(ways.take_words().join("; ")))
    }

    /// Who connects and says nothing takes a third of the time, not that of the ways that are left.
    pub(crate) fn patience(&self, ways: &Ways<'_>) -> Patience {
        let all = ways.deadline();
        let share = Instant::now() + self.config.connect_time_max.0 / 3;
        Patience { negotiation: if ways.has_more() { all.min(share) } else { all }, all }
    }

    /// The ways to the server of a domain; all of them together take no longer than the config says.
    pub(crate) async fn ways(&self, remote: &Domain) -> Result<Ways<'_>, Failure> {
        let deadline = Instant::now() + self.config.connect_time_max.0;
        let targets = timeout_at(deadline, self.finder.find(remote)).await;
        let targets = targets.map_err(|_| Failure::new(format!("{remote} was not found in time")))??;
        Ok(Ways::new(&self.finder, targets, deadline))
    }

    /// Asks the authoritative server of `remote` whether it has made a key (XEP-0220 §2.3).
    pub(crate) async fn ask_authority(
        &self,
        local: &Domain,
        remote: &Domain,
        id: &str,
        key: &str,
    ) -> Result<bool, Failure> {
        let mut ways = self.ways(remote).await?;
        while let Some(way) = ways.next().await {
            let patience = self.patience(&ways);
            let asked = Box::pin(async {
                let opened = self.negotiate(local, remote, way, patience).await?;
                until(patience.all, self.ask(local, remote, id, key, opened)).await
            });
            match asked.await {
                Ok(valid) => return Ok(valid),
                Err(failure) => ways.rejected(failure.words),
            }
        }
        Err(Failure::new(ways.take_words().join("; ")))
    }

    /// Up to features over TLS.
    pub(crate) async fn negotiate(
        &self,
        local: &Domain,
        remote: &Domain,
        way: Way,
        patience: Patience,
    ) -> Result<Opened, Failure> {
        until(patience.negotiation, self.come_to_features(local, remote, way)).await
    }

    async fn come_to_features(&self, local: &Domain, remote: &Domain, way: Way) -> Result<Opened, Failure> {
        let Way { target, address, dane, socket } = way;
        let peer = address.to_string();
        let connection = Connection::new(socket).map_err(|error| Failure::new(error.to_string()))?;
        let mut wire = Wire::new(connection, self.shared.limits().before_login());
        if target.direct_tls {
            self.secure(local, remote, &mut wire, true).await?;
        }
        loop {
            let (header, features) = greet(&mut wire, local, remote).await?;
            if wire.connection.is_encrypted() {
                let certificate = self.judge(&wire, remote, &target, &dane)?;
                if let (Err(reason), true) = (&certificate, self.demands_certificate(remote)) {
                    return Err(Failure::new(format!("{reason}, and a valid one is demanded here")));
                }
                return Ok(Opened { wire, header, features, peer, certificate });
            }
            if features.children.find(ns::TLS, "starttls").is_some() {
                wire.element(&Tree::new(ns::TLS, "starttls"));
                match element(&mut wire).await? {
                    proceed if is(&proceed, ns::TLS, "proceed") => {}
                    other => {
                        return Err(Failure::new(format!(
                            "it answered STARTTLS with <{}/>",
                            other.name.as_str()
                        )));
                    }
                }
                // RFC 6120 §5.4.3.3: nothing that came in the clear outlives the handshake.
                wire.restart();
                self.secure(local, remote, &mut wire, false).await?;
                continue;
            }
            // RFC 7673 §3.4: with TLSA records there must be TLS.
            if !dane.is_empty() || !self.config.allow_plaintext.contains(remote) {
                return Err(Failure::new("it offers no TLS"));
            }
            let certificate = Err("there is no TLS".to_owned());
            return Ok(Opened { wire, header, features, peer, certificate });
        }
    }

    /// What its certificate is worth; where DNS names certificates, it has to be one of them.
    fn judge(
        &self,
        wire: &Wire,
        remote: &Domain,
        target: &Target,
        dane: &[Tlsa],
    ) -> Result<Result<Voucher, String>, Failure> {
        let (chain, domain) = (wire.connection.peer_certificates(), remote.as_str());
        if !dane.is_empty() {
            // RFC 7673 §4.2; and neither an authority nor dialback makes up for it (RFC 6698 §4.1).
            let judged = self.authorities.judge_by_dane(chain, dane, domain, &target.host);
            return judged
                .map(|()| Ok(Voucher::Dane))
                .map_err(|untrusted| Failure::new(untrusted.to_string()));
        }
        // RFC 7673 §4.1.
        let host = target.dnssec.then_some(target.host.as_str());
        let judged = self.authorities.judge_for(chain, domain, host);
        Ok(judged.map(|()| Voucher::Authority).map_err(|untrusted| untrusted.to_string()))
    }

    async fn secure(
        &self,
        local: &Domain,
        remote: &Domain,
        wire: &mut Wire,
        direct: bool,
    ) -> Result<(), Failure> {
        let ascii = idna::domain_to_ascii(remote.as_str()).unwrap_or_else(|_| remote.as_str().to_owned());
        let name = ascii.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| Failure::new("its name cannot stand in TLS"))?;
        let served = self.certificates.choose(Some(local.as_str()), None);
        let config =
            client_config(served.as_deref(), direct).map_err(|error| Failure::new(error.to_string()))?;
        wire.connection
            .connect_tls(config, name)
            .await
            .map_err(|error| Failure::new(format!("the TLS handshake failed ({error})")))
    }

    /// SASL EXTERNAL where both have what it takes, else dialback.
    pub(crate) async fn prove(
        &self,
        local: &Domain,
        remote: &Domain,
        opened: Opened,
        patience: Patience,
    ) -> Result<Outgoing, Failure> {
        until(patience.all, self.prove_us(local, remote, opened)).await
    }

    async fn prove_us(&self, local: &Domain, remote: &Domain, opened: Opened) -> Result<Outgoing, Failure> {
        let Opened { mut wire, header, features, peer, certificate } = opened;
        let bidi = features.children.find(NS_BIDI_FEATURE, "bidi").is_some();
        if bidi {
            wire.element(&Tree::new(NS_BIDI, "bidi"));
        }
        let offered = features.children.find(ns::SASL, "mechanisms").is_some_and(|mechanisms| {
            mechanisms
                .tree()
                .children_named(ns::SASL, "mechanism")
                .any(|mechanism| mechanism.text() == "EXTERNAL")
        });
        if offered && certificate.is_ok() && external(&mut wire, local).await? {
            wire.restart();
            let (header, features) = greet(&mut wire, local, remote).await?;
            let (managed, multiplexes) = (is_managed(&features), takes_dialback(&features));
            let id = header.id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned());
            let proof = Proof::Certificate;
            return Ok(Outgoing { wire, proof, certificate, peer, id, bidi, managed, multiplexes });
        }
        if !(header.dialback || takes_dialback(&features)) {
            let reason = certificate.err().unwrap_or_else(|| "it does not take our certificate".to_owned());
            return Err(Failure::new(format!("{reason}, and it offers no dialback")));
        }
        let id = header.id.as_ref().map(|id| id.as_str().to_owned());
        let id = id.ok_or_else(|| Failure::new("its stream has no id"))?;
        let keys =
            self.keys(local).ok_or_else(|| Failure::new(format!("{local} is no host of this server")))?;
        let key = keys.key(remote.as_str(), local.as_str(), &id);
        // XEP-0220 §2.1.1.
        let ask = ask_tree("result", local.as_str(), remote.as_str());
        wire.connection.output().extend_from_slice(prefixed(&ask.with_text(key)).as_bytes());
        for _ in 0..ANSWERS_MAX {
            let answer = element(&mut wire).await?;
            let about_us = attribute(&answer, "from") == Some(remote.as_str())
                && attribute(&answer, "to") == Some(local.as_str());
            if !is(&answer, NS_DIALBACK, "result") || !about_us {
                continue;
            }
            return match attribute(&answer, "type") {
                Some("valid") => {
                    let (managed, multiplexes) = (is_managed(&features), takes_dialback(&features));
                    let proof = Proof::Dialback;
                    Ok(Outgoing { wire, proof, certificate, peer, id, bidi, managed, multiplexes })
                }
                // XEP-0220 §2.1.2.
                Some("invalid") => Err(Failure {
                    condition: Condition::InternalServerError,
                    words: "it says that our dialback key is wrong".to_owned(),
                }),
                _ => Err(Failure::new(format!("it could not check our dialback key ({})", refusal(&answer)))),
            };
        }
        Err(talks_past())
    }

    /// XEP-0220 §2.3.
    async fn ask(
        &self,
        local: &Domain,
        remote: &Domain,
        id: &str,
        key: &str,
        opened: Opened,
    ) -> Result<bool, Failure> {
        let mut wire = opened.wire;
        let ask = ask_tree("verify", local.as_str(), remote.as_str()).with_attr("id", id).with_text(key);
        wire.connection.output().extend_from_slice(prefixed(&ask).as_bytes());
        for _ in 0..ANSWERS_MAX {
            let answer = element(&mut wire).await?;
            let ours = is(&answer, NS_DIALBACK, "verify")
                && attribute(&answer, "from") == Some(remote.as_str())
                && attribute(&answer, "to") == Some(local.as_str())
                && attribute(&answer, "id") == Some(id);
            if !ours {
                continue;
            }
            let verdict = match attribute(&answer, "type") {
                Some("valid") => Ok(true),
                Some("invalid") => Ok(false),
                _ => Err(Failure::new(format!("it could not tell ({})", refusal(&answer)))),
            };
            wire.close();
            // It knows what it has said; the good-bye is a courtesy.
            drop(wire.connection.try_flush());
            return verdict;
        }
        Err(talks_past())
    }
}

/// Whoever goes on so has no answer.
fn talks_past() -> Failure {
    Failure::new("it sent what nobody had asked for, and no answer")
}

/// Both headers and the features (RFC 6120 §4.3.2).
async fn greet(wire: &mut Wire, local: &Domain, remote: &Domain) -> Result<(Header, Element), Failure> {
    wire.open(local.as_str(), Some(remote.as_str()), None);
    let header = match wire.next().await? {
        Item::Root(root) => Header::read(&root).map_err(|condition| {
            Failure::new(format!("its stream header is not one between servers ({})", condition.name()))
        })?,
        _ => return Err(Failure::new("it did not begin with a stream header")),
    };
    if !header.version {
        return Err(Failure::new("it does not speak XMPP 1.0"));
    }
    let features = element(wire).await?;
    if !is(&features, ns::STREAMS, "features") {
        return Err(Failure::new("it sent no stream features"));
    }
    Ok((header, features))
}

/// RFC 6120 §6.4 with XEP-0178 §2. False: it does not take our certificate.
async fn external(wire: &mut Wire, local: &Domain) -> Result<bool, Failure> {
    use base64::Engine;
    let name = base64::engine::general_purpose::STANDARD.encode(local.as_str());
    wire.element(&Tree::new(ns::SASL, "auth").with_attr("mechanism", "EXTERNAL").with_text(name));
    let mut answer = element(wire).await?;
    if is(&answer, ns::SASL, "challenge") {
        // It wants to hear the name once more.
        let name = base64::engine::general_purpose::STANDARD.encode(local.as_str());
        wire.element(&Tree::new(ns::SASL, "response").with_text(name));
        answer = element(wire).await?;
    }
    Ok(is(&answer, ns::SASL, "success"))
}

/// The next element; an error or the end of the stream is a failure.
async fn element(wire: &mut Wire) -> Result<Element, Failure> {
    loop {
        match wire.next().await? {
            Item::Element(element) if is(&element, ns::STREAMS, "error") => {
                return Err(Failure::new(format!("it ended the stream: {}", told(&element))));
            }
            Item::Element(element) => return Ok(element),
            Item::RootEnd => return Err(Failure::new("it ended the stream")),
            Item::Root(_) | Item::Refused(_) => {}
        }
    }
}

/// Old servers know dialback by its prefix only.
pub(crate) fn prefixed(element: &Tree) -> String {
    let mut out = Vec::new();
    let name = element.name();
    out.extend_from_slice(format!("<db:{name}").as_bytes());
    for (attribute, value) in element.attrs() {
        out.extend_from_slice(format!(" {attribute}='").as_bytes());
        waxwing_xml::escape_attribute(value, &mut out);
        out.push(b'\'');
    }
    out.push(b'>');
    let text = element.text();
    waxwing_xml::escape_attribute(&text, &mut out);
    for child in element.children() {
        out.extend_from_slice(child.to_xml().as_bytes());
    }
    out.extend_from_slice(format!("</db:{name}>").as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// An element of dialback.
pub(crate) fn ask_tree(name: &'static str, from: &str, to: &str) -> Tree {
    Tree::new(NS_DIALBACK, name).with_attr("from", from).with_attr("to", to)
}

fn is_managed(features: &Element) -> bool {
    features.children.find(acks::NS, "sm").is_some()
}

/// Dialback, with errors that leave the stream as it is (XEP-0220 §2.4).
fn takes_dialback(features: &Element) -> bool {
    features.children.find(NS_DIALBACK_FEATURE, "dialback").is_some()
}

/// The condition in a dialback error (XEP-0220 §2.4).
pub(crate) fn refusal(answer: &Element) -> String {
    let error = answer.children.iter().find(|child| child.name() == "error").map(|error| error.tree());
    let condition =
        error.as_ref().and_then(|error| error.children().next()).map(|child| child.name().to_owned());
    condition.unwrap_or_else(|| "no reason".to_owned())
}

/// What a stream that we end is told.
pub(crate) fn system_shutdown() -> StreamError {
    StreamError::new(StreamCondition::SystemShutdown)
}

/// Shared, because it is told to each that waits.
pub(crate) type Told = Arc<Failure>;

/// So many elements are looked through for an answer.
const ANSWERS_MAX: usize = 10;
