//! Where another server may be reached (RFC 6120 §3.2, XEP-0368).
//!
//! Both kinds of SRV record are asked for at once and make one list. Without any, the domain's own addresses serve, on
//! the port for servers. An answer that did not come is an error, never a reason to fall back: otherwise whoever can
//! hold back DNS packets decides where we connect to.

mod order;
mod records;

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use tokio::time::timeout;
use tracing::debug;
use waxwing_core::config::Dns;
use waxwing_core::{Random, StartError};
use waxwing_stream::tls::Tlsa;
use waxwing_xmpp::Domain;

use order::{Service, in_order};
pub(crate) use records::Family;
use records::{Hosts, Records, Services};

/// Where a server may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host's name in A-labels, without a dot at the end; or an address. Certificates are for the domain, never for
    /// this (RFC 6120 §13.7.1.2): it is for the log.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Targets of a higher one are tried only when those of the lower ones would not do (RFC 2782, "Priority").
    pub priority: u16,
    /// TLS from the first byte (XEP-0368 §3); else STARTTLS.
    pub direct_tls: bool,
    /// Its addresses.
    pub addresses: Addresses,
    /// DNSSEC vouches for the SRV record, aliases included.
    pub dnssec: bool,
}

/// How to come by the addresses of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// The domain is an address itself.
    Known(Vec<IpAddr>),
    /// To be asked for by the target's name, just before connecting.
    LookUp,
}

/// The addresses of one of several targets, of one kind or of both.
#[derive(Debug)]
pub(crate) struct Part {
    /// Which target.
    pub(crate) target: usize,
    /// `None`: of both.
    pub(crate) family: Option<Family>,
    pub(crate) found: Result<Found, FindError>,
}

/// What one answer says of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Perhaps none.
    pub(crate) addresses: Vec<IpAddr>,
    /// What its certificate is held to (RFC 7673 §3.4); none: to what it would be held to without DNSSEC.
    pub(crate) dane: Arc<[Tlsa]>,
}

/// An answer that several wait for; it is asked for when the first of them begins to.
type Awaited<'a, T> = Shared<BoxFuture<'a, Result<T, FindError>>>;

/// Why there is no target, or no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// DNS does not know the name.
    #[error("DNS has no address for {0}")]
    NoSuchDomain(String),
    /// There are SRV records, and all say that there is no such service.
    #[error("{0} is not open to other servers: its SRV records say so (\".\" as target, or port 0)")]
    NotOffered(String),
    /// DNS failed; in words.
    #[error("{0}")]
    Dns(String),
    /// DNS did not answer in time; in words.
    #[error("{0}")]
    Timeout(String),
}

/// Finds other servers. One for the whole process, so that its cache serves all.
#[derive(Debug)]
pub struct Finder {
    records: Records,
    random: Random,
    time_max: Duration,
}

impl Finder {
    /// Asks the name servers of the config, else the system's. `random` decides between targets of the same priority.
    ///
    /// # Errors
    /// The system's settings cannot be read.
    pub fn new(dns: &Dns, random: Random) -> Result<Self, StartError> {
        Ok(Self { records: Records::new(dns)?, random, time_max: FIND_TIME_MAX })
    }

    /// With another limit than 10 seconds for each call.
    #[must_use]
    pub fn time_max(mut self, time_max: Duration) -> Self {
        self.time_max = time_max;
        self
    }

    /// The targets of `domain`, in the order in which to try them; never none, never more than 16.
    ///
    /// # Errors
    /// There is none, or DNS did not say. If none of the targets can be connected to, there is nothing else to try
    /// (RFC 6120 §3.2.1, point 8).
    pub async fn find(&self, domain: &Domain) -> Result<Vec<Target>, FindError> {
        if let Some(address) = literal(domain.as_str()) {
            return Ok(vec![Target::at(address)]);
        }
        let name = domain.to_ascii();
        self.in_time(&name, self.look_for(&name)).await
    }

    /// The addresses of `host` (a name in A-labels, or an address), those of IPv6 first; never none, never more than 8
    /// of a kind.
    ///
    /// # Errors
    /// There is none, or DNS did not say.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, FindError> {
        if let Some(address) = literal(host) {
            return Ok(vec![address]);
        }
        let both = async {
            let (six, four) = tokio::join!(
                self.records.addresses(host, Family::V6),
                self.records.addresses(host, Family::V4)
            );
            let error = [&six, &four].into_iter().find_map(|found| found.as_ref().err().cloned());
            let hosts = [six, four].into_iter().filter_map(Result::ok);
            let found: Vec<IpAddr> = hosts.flat_map(|hosts| hosts.addresses).collect();
            if found.is_empty() { Err(error.unwrap_or_else(|| missing(host))) } else { Ok(found) }
        };
        self.in_time(host, both).await
    }

    /// The addresses of all targets, each as its answer comes; those of the first are asked for first, a few at a time.
    pub(crate) fn parts<'a>(&'a self, targets: &[Target]) -> BoxStream<'a, Part> {
        let ask = |question: (String, Family)| (question.clone(), self.hosts_of(question));
        let answers: HashMap<(String, Family), Awaited<'a, Hosts>> =
            questions(targets).into_iter().map(ask).collect();
        let mut parts: Vec<BoxFuture<'a, Part>> = Vec::new();
        for (target, place) in targets.iter().zip(0..) {
            if let Addresses::Known(addresses) = &target.addresses {
                let found = Ok(Found { addresses: addresses.clone(), ..Found::default() });
                parts.push(std::future::ready(Part { target: place, family: None, found }).boxed());
            }
            let tlsa = self.tlsa_of(target.host.clone(), target.port);
            for family in [Family::V6, Family::V4] {
                if let Some(answer) = answers.get(&(target.host.clone(), family)) {
                    let found = found(answer.clone(), target.dnssec.then(|| tlsa.clone()));
                    let part =
                        async move { Part { target: place, family: Some(family), found: found.await } };
                    parts.push(part.boxed());
                }
            }
        }
        stream::iter(parts).buffer_unordered(QUESTIONS_AT_ONCE).boxed()
    }

    fn hosts_of(&self, (host, family): (String, Family)) -> Awaited<'_, Hosts> {
        async move { self.records.addresses(&host, family).await }.boxed().shared()
    }

    fn tlsa_of(&self, host: String, port: u16) -> Awaited<'_, Arc<[Tlsa]>> {
        async move { self.records.tlsa(&host, port).await }.boxed().shared()
    }

    /// Asks for the addresses of both kinds at once (RFC 8305 §3: AAAA first, A right behind it).
    fn families<'a>(
        &'a self,
        host: &'a str,
    ) -> FuturesUnordered<impl Future<Output = Result<Hosts, FindError>> + 'a> {
        [Family::V6, Family::V4].into_iter().map(|family| self.records.addresses(host, family)).collect()
    }

    async fn look_for(&self, name: &str) -> Result<Vec<Target>, FindError> {
        // XEP-0368 §3: both kinds of record are asked for.
        let (tls_name, plain_name) =
            (format!("_xmpps-server._tcp.{name}"), format!("_xmpp-server._tcp.{name}"));
        let (tls, plain) = tokio::join!(self.records.services(&tls_name), self.records.services(&plain_name));
        match merged(name, tls, plain)? {
            Some(services) => {
                let ordered = in_order(services, &self.random).into_iter().take(TARGETS_MAX);
                Ok(ordered.map(Target::from).collect())
            }
            None => self.fall_back(name).await,
        }
    }

    /// RFC 6120 §3.2.2: without SRV records the addresses of the domain itself, on the port for servers.
    async fn fall_back(&self, name: &str) -> Result<Vec<Target>, FindError> {
        let mut families = self.families(name);
        let mut error = None;
        while let Some(found) = families.next().await {
            match found {
                Ok(hosts) if hosts.addresses.is_empty() => {}
                // They are in the cache now, and those of the other kind are still to come: connecting sees to it.
                Ok(_) => return Ok(vec![Target::of_domain(name)]),
                Err(other) => error = Some(other),
            }
        }
        Err(error.unwrap_or_else(|| missing(name)))
    }

    async fn in_time<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, FindError>>,
    ) -> Result<T, FindError> {
        timeout(self.time_max, work).await.unwrap_or_else(|_| {
            let (servers, seconds) = (self.records.servers(), self.time_max.as_secs_f32());
            Err(FindError::Timeout(format!(
                "{servers} did not answer within {seconds} s when asked about {name}"
            )))
        })
    }
}

/// XEP-0495 §4.2: AAAA of the first host, A of it, AAAA of the second, and so on. What two targets share is asked for
/// once.
pub(crate) fn questions(targets: &[Target]) -> Vec<(String, Family)> {
    let mut questions = Vec::new();
    for target in targets.iter().filter(|target| target.addresses == Addresses::LookUp) {
        for family in [Family::V6, Family::V4] {
            let question = (target.host.clone(), family);
            if !questions.contains(&question) {
                questions.push(question);
            }
        }
    }
    questions
}

/// RFC 7673 §3.2, §3.3: TLSA records count where DNSSEC vouches for the SRV record (then there is `tlsa`), for addresses
/// and for them. Where they are not to be had for another reason than that there are none, the addresses are of no use.
async fn found(
    hosts: Awaited<'_, Hosts>,
    tlsa: Option<Awaited<'_, Arc<[Tlsa]>>>,
) -> Result<Found, FindError> {
    let Hosts { addresses, dnssec } = hosts.await?;
    let dane = match tlsa {
        Some(tlsa) if dnssec && !addresses.is_empty() => tlsa.await?,
        _ => Arc::default(),
    };
    Ok(Found { addresses, dane })
}

/// What both kinds of record say together. `None`: there are none, so the domain itself is to be tried.
fn merged(
    name: &str,
    tls: Result<Services, FindError>,
    plain: Result<Services, FindError>,
) -> Result<Option<Vec<Service>>, FindError> {
    // XEP-0368 §3, rule 1: the records of both kinds are one list.
    let mut offered = Vec::new();
    let mut refused = false;
    let mut error = None;
    for (direct_tls, services) in [(true, tls), (false, plain)] {
        match services {
            Ok(Services::Offered(found)) => {
                offered.extend(found.into_iter().map(|service| Service { direct_tls, ..service }));
            }
            Ok(Services::Refused) => refused = true,
            Ok(Services::None) => {}
            Err(other) => error = Some(other),
        }
    }
    match error {
        // One kind is enough to connect by.
        Some(error) if !offered.is_empty() => {
            debug!(remote = name, %error, "Some SRV records were not to be had.")
        }
        // RFC 6120 §3.2.1, point 9, would let us fall back here. A broken or silenced name server then sends us to
        // another machine than the records that it hides, so we do not.
        Some(error) => return Err(error),
        None => {}
    }
    match (offered.is_empty(), refused) {
        (false, _) => Ok(Some(offered)),
        // RFC 6120 §3.2.1, point 3, and XEP-0368 §5: `.` means decidedly not, and A/AAAA must not be tried.
        (true, true) => Err(FindError::NotOffered(name.to_owned())),
        (true, false) => Ok(None),
    }
}

impl Target {
    fn at(address: IpAddr) -> Self {
        Self { addresses: Addresses::Known(vec![address]), ..Self::of_domain(&address.to_string()) }
    }

    fn of_domain(name: &str) -> Self {
        Self {
            host: name.to_owned(),
            port: PORT,
            priority: 0,
            direct_tls: false,
            addresses: Addresses::LookUp,
            dnssec: false,
        }
    }
}

impl From<Service> for Target {
    fn from(service: Service) -> Self {
        Self {
            host: service.host,
            port: service.port,
            priority: service.priority,
            direct_tls: service.direct_tls,
            addresses: Addresses::LookUp,
            dnssec: service.dnssec,
        }
    }
}

impl Display for Target {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let how = if self.direct_tls { " (direct TLS)" } else { "" };
        match self.addresses {
            Addresses::Known(_) if self.host.contains(':') => {
                write!(out, "[{}]:{}{how}", self.host, self.port)
            }
            _ => write!(out, "{}:{}{how}", self.host, self.port),
        }
    }
}

/// RFC 7622 §3.2: a domainpart may be an IPv4 address, or an IPv6 address in brackets.
fn literal(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(six) => six.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => text.parse().ok(),
    }
}

fn missing(name: &str) -> FindError {
    FindError::NoSuchDomain(name.to_owned())
}

/// RFC 6120 §14.7.
const PORT: u16 = 5269;
const TARGETS_MAX: usize = 16;
/// Questions about the targets of one domain that are under way at the same time: both kinds of address of two of them.
const QUESTIONS_AT_ONCE: usize = 4;
const FIND_TIME_MAX: Duration = Duration::from_secs(10);
