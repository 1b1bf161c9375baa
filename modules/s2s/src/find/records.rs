//! What DNS says, within bounds: of each answer a few records are kept, for as long as they say, in a cache of fixed
//! size. (That of the resolver is bounded in answers only, and one answer may have 64 KiB.)

mod cache;
mod proof;

use std::fmt::{self, Debug, Formatter};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ProtocolConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{SRV, TLSA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Hosts as HostsFile, TokioResolver};
use tokio::sync::Semaphore;
use waxwing_core::StartError;
use waxwing_core::config::Dns;
use waxwing_stream::tls::Tlsa;

use super::FindError;
use super::order::Service;
use cache::Cache;

/// The SRV records of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Services {
    /// There is none.
    None,
    /// There are some, and none names a host: the service is decidedly not available (RFC 2782, "Target").
    Refused,
    /// Those that name a host.
    Offered(Vec<Service>),
}

/// A kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    V6,
    V4,
}

/// The addresses of one kind of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hosts {
    pub(crate) addresses: Vec<IpAddr>,
    /// DNSSEC vouches for them.
    pub(crate) dnssec: bool,
}

/// The resolver and what is remembered of its answers.
pub(crate) struct Records {
    /// By UDP: an answer has at most a few kilobytes.
    resolver: TokioResolver,
    /// By TCP, for what was cut off: few at a time, because one such answer may take a megabyte.
    long: TokioResolver,
    longs: Semaphore,
    /// What the operator has said of hosts (hosts(5)).
    hosts: Arc<HostsFile>,
    /// The name servers, for the words of errors.
    servers: String,
    /// What they say is validated by DNSSEC.
    validates: bool,
    services: Cache<Services>,
    six: Cache<Hosts>,
    four: Cache<Hosts>,
    tlsa: Cache<Arc<[Tlsa]>>,
}

impl Records {
    pub(crate) fn new(dns: &Dns) -> Result<Self, StartError> {
        // Without the file there is just nothing in it.
        Self::with_hosts(dns, HostsFile::from_system().unwrap_or_default())
    }

    fn with_hosts(dns: &Dns, hosts: HostsFile) -> Result<Self, StartError> {
        let (config, mut options) = settings(dns)?;
        let names = words(&config.name_servers);
        options.cache_size = 0;
        options.preserve_intermediates = false;
        options.timeout = options.timeout.min(TRY_TIME_MAX);
        options.attempts = options.attempts.min(RETRIES_MAX);
        let anchors = proof::anchors(dns)?.map(Arc::new);
        let validates = anchors.is_some();
        let hosts = Arc::new(hosts);
        let build = |tcp| resolver(&config, &options, anchors.as_ref(), &hosts, tcp);
        Ok(Self {
            resolver: build(false)?,
            long: build(true)?,
            longs: Semaphore::new(LONG_ANSWERS_MAX),
            hosts,
            servers: names,
            validates,
            services: Cache::new(CACHED_MAX),
            six: Cache::new(CACHED_MAX),
            four: Cache::new(CACHED_MAX),
            tlsa: Cache::new(CACHED_MAX),
        })
    }

    /// Who is asked, for the words of errors.
    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// The SRV records of `name`.
    pub(crate) async fn services(&self, name: &str) -> Result<Services, FindError> {
        if let Some(known) = self.services.get(name) {
            return Ok(known);
        }
        let answer = self.through_aliases(name, RecordType::SRV).await?;
        let services = Services::from(&answer);
        self.services.put(name, services.clone(), answer.ttl);
        Ok(services)
    }

    /// The addresses of `host`; perhaps none.
    pub(crate) async fn addresses(&self, host: &str, family: Family) -> Result<Hosts, FindError> {
        let (cache, kind) = match family {
            Family::V6 => (&self.six, RecordType::AAAA),
            Family::V4 => (&self.four, RecordType::A),
        };
        if let Some(known) = cache.get(host) {
            return Ok(known);
        }
        let answer = self.ask(host, kind).await?;
        let addresses = answer.data.iter().filter_map(RData::ip_addr).take(ADDRESSES_MAX).collect();
        let found = Hosts { addresses, dnssec: answer.dnssec };
        cache.put(host, found.clone(), answer.ttl);
        Ok(found)
    }

    /// The usable TLSA records of a target for which DNSSEC vouches (RFC 7673 §3.3); none of others.
    pub(crate) async fn tlsa(&self, host: &str, port: u16) -> Result<Arc<[Tlsa]>, FindError> {
        let name = format!("_{port}._tcp.{host}");
        if let Some(known) = self.tlsa.get(&name) {
            return Ok(known);
        }
        let answer = self.through_aliases(&name, RecordType::TLSA).await?;
        let bytes: Vec<Vec<u8>> = answer.data.iter().filter_map(tlsa_bytes).take(TLSA_MAX).collect();
        let usable = if answer.dnssec { Tlsa::usable(bytes.iter().map(Vec::as_slice)) } else { Vec::new() };
        let found: Arc<[Tlsa]> = usable.into();
        self.tlsa.put(&name, Arc::clone(&found), answer.ttl);
        Ok(found)
    }

    /// The records of `name`, or of the name that it is an alias of. DNSSEC vouches only for what it vouches for at each
    /// step (RFC 7671 §7).
    ///
    /// COMPAT(hickory-resolver 0.26): where an alias and the SRV record behind it come in one answer, it takes the
    /// record's target for one more alias, asks for SRV records of that, and tells of those; and of aliases that it has
    /// followed it does not tell whether they were signed. So we follow aliases ourselves. Remove when the tests of
    /// aliases pass without.
    async fn through_aliases(&self, name: &str, kind: RecordType) -> Result<Answer, FindError> {
        let answer = self.ask(name, kind).await;
        let alias = match &answer {
            Ok(answer) if answer.data.is_empty() && answer.aliased => self.alias(name).await?,
            // It may be the needless question that failed.
            Err(FindError::Dns(_)) => self.alias(name).await.unwrap_or_default(),
            _ => None,
        };
        let Some(mut alias) = alias else { return answer };
        // The aliases first, by questions that the resolver does not follow: it would follow what is left of them each time.
        for _ in 0..ALIASES_MAX {
            match self.alias(&alias.name).await? {
                Some(next) => {
                    alias = Alias {
                        ttl: alias.ttl.min(next.ttl),
                        dnssec: alias.dnssec && next.dnssec,
                        name: next.name,
                    };
                }
                None => {
                    let answer = self.ask(&alias.name, kind).await?;
                    let (ttl, dnssec) = (alias.ttl.min(answer.ttl), alias.dnssec && answer.dnssec);
                    return Ok(Answer { ttl, dnssec, ..answer });
                }
            }
        }
        Err(FindError::Dns(format!("the aliases (CNAME) that lead to {kind} {name} have no end")))
    }

    /// What a name is an alias of.
    async fn alias(&self, name: &str) -> Result<Option<Alias>, FindError> {
        let answer = self.ask(name, RecordType::CNAME).await?;
        let Some(RData::CNAME(next)) = answer.data.first() else { return Ok(None) };
        let next = text(&next.0);
        if next == name {
            return Err(FindError::Dns(format!("{name} is an alias (CNAME) of itself")));
        }
        Ok(Some(Alias { name: next, ttl: answer.ttl, dnssec: answer.dnssec }))
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Answer, FindError> {
        // What is too long a name for DNS cannot have records.
        let Ok(asked) = Name::from_ascii(format!("{name}.")) else { return Ok(Answer::none(0)) };
        let mut looked = self.resolver.lookup(asked.clone(), kind).await;
        let mut _permit = None;
        if matches!(looked, Err(NetError::Truncated)) {
            // RFC 7766 §5. What it takes is given back before the next has its turn.
            _permit = self.longs.acquire().await.ok();
            looked = self.long.lookup(asked.clone(), kind).await;
        }
        match looked {
            Ok(lookup) => self.read(name, &asked, kind, lookup.answers()),
            Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
            {
                if self.validates && !proof::is_honest(&none) {
                    return Err(self.forged(name, kind));
                }
                Ok(Answer { aliased: *none.query.name() != asked, ..Answer::none(lifetime(&none)) })
            }
            Err(error) => Err(self.failure(name, kind, &error)),
        }
    }

    fn read(
        &self,
        name: &str,
        asked: &Name,
        kind: RecordType,
        answers: &[Record],
    ) -> Result<Answer, FindError> {
        let records: Vec<&Record> = answers.iter().filter(|record| record.record_type() == kind).collect();
        let doubtful = |record: &Record| matches!(record.proof, Proof::Bogus | Proof::Indeterminate);
        let local = self.is_local(asked, kind);
        if self.validates && !local && records.iter().any(|record| doubtful(record)) {
            return Err(self.forged(name, kind));
        }
        // The resolver follows aliases to addresses well enough.
        let (own, others): (Vec<&Record>, Vec<&Record>) =
            records.into_iter().partition(|record| kind.is_ip_addr() || record.name == *asked);
        let ttl = own.iter().map(|record| record.ttl).min().unwrap_or_default();
        Ok(Answer {
            ttl: Duration::from_secs(ttl.into()).min(TTL_MAX),
            dnssec: self.validates
                && !own.is_empty()
                && (local || own.iter().all(|record| record.proof.is_secure())),
            aliased: !others.is_empty(),
            data: own.into_iter().map(|record| record.data.clone()).collect(),
        })
    }

    /// RFC 6761 §6.3, hosts(5): nobody is asked, so there is nothing to sign, and nobody to lie.
    fn is_local(&self, asked: &Name, kind: RecordType) -> bool {
        let query = Query::query(asked.clone(), kind);
        proof::LOCALHOST.zone_of(asked) || self.hosts.lookup_static_host(&query).is_some()
    }

    /// RFC 4035 §5.5: what should be signed and is not genuine is no answer.
    fn forged(&self, name: &str, kind: RecordType) -> FindError {
        let servers = &self.servers;
        FindError::Dns(format!(
            "what {servers} answered when asked for {kind} {name} is not genuine (DNSSEC)"
        ))
    }

    fn failure(&self, name: &str, kind: RecordType, error: &NetError) -> FindError {
        let servers = &self.servers;
        match error {
            NetError::Timeout => {
                FindError::Timeout(format!("{servers} did not answer when asked for {kind} {name}"))
            }
            // That a denial is too expensive to check (RFC 9276 §3.2) is an error as well: the resolver does not look whether
            // it is one of the zone in question.
            NetError::Dns(DnsError::DnssecBogus | DnsError::Nsec { .. }) => self.forged(name, kind),
            NetError::Dns(DnsError::ResponseCode(code)) => {
                FindError::Dns(format!("{servers} answered \"{code}\" when asked for {kind} {name}"))
            }
            error => FindError::Dns(format!("{servers} could not be asked for {kind} {name}: {error}")),
        }
    }
}

impl Debug for Records {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.debug_struct("Records").field("servers", &self.servers).finish_non_exhaustive()
    }
}

/// Over UDP or over TCP; a server that has only the other is asked by that. Where DNSSEC is validated, both are used as
/// needed: the keys that are asked for on the way may be long.
fn resolver(
    config: &ResolverConfig,
    options: &ResolverOpts,
    anchors: Option<&Arc<TrustAnchors>>,
    hosts: &Arc<HostsFile>,
    tcp: bool,
) -> Result<TokioResolver, StartError> {
    let wanted = if tcp { ProtocolConfig::Tcp } else { ProtocolConfig::Udp };
    let mut config = config.clone();
    for server in config.name_servers.iter_mut().filter(|_| anchors.is_none()) {
        let mut kept = server.connections.clone();
        kept.retain(|connection| connection.protocol == wanted);
        if !kept.is_empty() {
            server.connections = kept;
        }
    }
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options.clone();
    if let Some(anchors) = anchors {
        builder = builder.with_trust_anchor(Arc::clone(anchors));
    }
    let mut resolver = builder.build().map_err(|error| StartError::new(format!("DNS: {error}")))?;
    resolver.set_hosts(Arc::clone(hosts));
    Ok(resolver)
}

/// The records of one answer.
struct Answer {
    data: Vec<RData>,
    ttl: Duration,
    dnssec: bool,
    /// Another name was asked for in its place, and had nothing.
    aliased: bool,
}

/// A step on the way to the records of a name.
struct Alias {
    /// The next name.
    name: String,
    ttl: Duration,
    dnssec: bool,
}

impl Answer {
    fn none(ttl: u32) -> Self {
        let ttl = Duration::from_secs(ttl.into()).min(NOTHING_TTL_MAX);
        Self { data: Vec::new(), ttl, dnssec: false, aliased: false }
    }
}

impl From<&Answer> for Services {
    fn from(answer: &Answer) -> Self {
        if answer.data.is_empty() {
            return Self::None;
        }
        let records =
            answer.data.iter().filter_map(|data| if let RData::SRV(srv) = data { Some(srv) } else { None });
        let mut found: Vec<&SRV> = records.filter(|srv| names_host(srv)).collect();
        if found.is_empty() {
            return Self::Refused;
        }
        found.sort_by_key(|srv| srv.priority);
        let kept = found.into_iter().take(SERVICES_MAX).map(|srv| Service {
            priority: srv.priority,
            weight: srv.weight,
            host: text(&srv.target),
            port: srv.port,
            direct_tls: false,
            dnssec: answer.dnssec,
        });
        Self::Offered(kept.collect())
    }
}

/// RFC 2782, "Target": `.` means that there is no such service. Nobody can be reached at port 0, or at a name that is
/// no name of a host (RFC 1123 §2.1; underscores occur).
fn names_host(srv: &SRV) -> bool {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !srv.target.is_root() && srv.port != 0 && srv.target.iter().all(|label| label.iter().all(legal))
}

fn tlsa_bytes(data: &RData) -> Option<Vec<u8>> {
    let RData::TLSA(TLSA { cert_usage, selector, matching, cert_data, .. }) = data else { return None };
    let head = [u8::from(*cert_usage), u8::from(*selector), u8::from(*matching)];
    Some([head.as_slice(), cert_data].concat())
}

/// How long "nothing" holds. RFC 2308 §5: without SOA record it must not be remembered.
fn lifetime(none: &NoRecords) -> u32 {
    // The resolver does not say it of answers that it has validated.
    let of_zone = || none.soa.as_ref().map_or(0, |soa| soa.ttl.min(soa.data.minimum));
    none.negative_ttl.unwrap_or_else(of_zone)
}

/// In lower case, without the dot at the end.
fn text(name: &Name) -> String {
    name.to_lowercase().to_ascii().trim_end_matches('.').to_owned()
}

/// The name servers of the config, else the system's.
fn settings(dns: &Dns) -> Result<(ResolverConfig, ResolverOpts), StartError> {
    if !dns.servers.is_empty() {
        let servers = dns.servers.iter().map(|address| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            server
        });
        return Ok((
            ResolverConfig::from_parts(None, Vec::new(), servers.collect()),
            ResolverOpts::default(),
        ));
    }
    match read_system_conf() {
        Ok((config, options)) => {
            // Our names are complete; the system's search list is for people who type.
            Ok((ResolverConfig::from_parts(None, Vec::new(), config.name_servers), options))
        }
        // resolv.conf(5): without the file, the name server of this machine.
        Err(NetError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            let server = NameServerConfig::udp_and_tcp(IpAddr::V4(Ipv4Addr::LOCALHOST));
            Ok((ResolverConfig::from_parts(None, Vec::new(), vec![server]), ResolverOpts::default()))
        }
        Err(error) => Err(StartError::new(format!(
            "the system's name servers are not to be had ({error}): name some in dns.servers, e.g. [\"9.9.9.9:53\"]"
        ))),
    }
}

fn words(servers: &[NameServerConfig]) -> String {
    let addresses: Vec<String> = servers
        .iter()
        .map(|server| match server.connections.first() {
            Some(connection) if connection.port != 53 => {
                std::net::SocketAddr::new(server.ip, connection.port).to_string()
            }
            _ => server.ip.to_string(),
        })
        .collect();
    let noun = if servers.len() == 1 { "name server" } else { "name servers" };
    format!("{noun} {}", addresses.join(", "))
}

/// How long one try at a question may take, and how often it is tried again: both tries end before finding as a whole.
const TRY_TIME_MAX: Duration = Duration::from_secs(4);
const RETRIES_MAX: usize = 1;
/// Answers fetched by TCP at the same time.
const LONG_ANSWERS_MAX: usize = 16;
/// Records kept of one answer.
const SERVICES_MAX: usize = 16;
const ADDRESSES_MAX: usize = 8;
const TLSA_MAX: usize = 16;
const ALIASES_MAX: usize = 4;
/// Names remembered, of each kind. With 16 SRV records of the longest names that is 10 MiB, usually a tenth of one.
const CACHED_MAX: usize = 2048;
/// RFC 2181 §8 lets us bound what is believed; RFC 2308 §5 found one to three hours right for "nothing".
const TTL_MAX: Duration = Duration::from_secs(24 * 3600);
const NOTHING_TTL_MAX: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use tokio::time::timeout;
    use waxwing_testkit::dns::{Mood, TestDns};

    use super::*;

    fn records(servers: &[&str]) -> Records {
        let servers = servers.iter().map(|server| server.parse().unwrap()).collect();
        Records::new(&Dns { servers, ..Dns::default() }).unwrap()
    }

    #[tokio::test]
    async fn what_the_hosts_file_says_needs_no_signature() {
        let mut hosts = HostsFile::default();
        hosts.read_hosts_conf("192.0.2.7 xmpp.lit".as_bytes()).unwrap();
        // Who is asked says nothing of use.
        let silent = TestDns::start().await;
        silent.mood("", None, Mood::Failing);
        let dns = Dns { servers: vec![silent.address()], dnssec: true, ..Dns::default() };
        let records = Records::with_hosts(&dns, hosts).unwrap();
        let found = records.addresses("xmpp.lit", Family::V4).await.unwrap();
        assert_eq!(found, Hosts { addresses: vec![Ipv4Addr::new(192, 0, 2, 7).into()], dnssec: true });
        assert!(records.addresses("other.lit", Family::V4).await.is_err());
    }

    #[test]
    fn name_servers_are_named_with_the_port_only_if_it_is_unusual() {
        assert_eq!(records(&["192.0.2.1:53"]).servers(), "name server 192.0.2.1");
        let two = records(&["127.0.0.1:5353", "[2001:db8::1]:54"]);
        assert_eq!(two.servers(), "name servers 127.0.0.1:5353, [2001:db8::1]:54");
    }

    /// RFC 7766 §5: what does not fit into a datagram is fetched by TCP, for a few names at a time, so that domains with
    /// thousands of addresses each do not take a megabyte each; short answers wait for none of them.
    #[tokio::test]
    async fn long_answers_take_turns_and_short_ones_do_not_wait() {
        let dns = TestDns::start().await;
        for low in 0..200 {
            dns.a("long.lit", Ipv4Addr::new(127, 0, 1, low));
        }
        dns.a("short.lit", Ipv4Addr::LOCALHOST);
        let records = Records::new(&Dns { servers: vec![dns.address()], ..Dns::default() }).unwrap();
        let turns = u32::try_from(LONG_ANSWERS_MAX).unwrap();
        let others = records.longs.acquire_many(turns).await.unwrap();
        let waiting = timeout(Duration::from_millis(300), records.addresses("long.lit", Family::V4)).await;
        assert!(waiting.is_err(), "it had no turn");
        assert_eq!(
            records.addresses("short.lit", Family::V4).await.unwrap().addresses,
            [Ipv4Addr::LOCALHOST]
        );
        drop(others);
        assert_eq!(records.addresses("long.lit", Family::V4).await.unwrap().addresses.len(), ADDRESSES_MAX);
        assert_eq!(records.longs.available_permits(), LONG_ANSWERS_MAX);
    }
}
