//! Federation: streams to other servers and from them.
//!
//! Specs: [RFC 6120](https://www.rfc-editor.org/rfc/rfc6120) §3–§6 and §10.4, [XEP-0220](https://xmpp.org/extensions/xep-0220.html)
//! (dialback) with the keys of [XEP-0185](https://xmpp.org/extensions/xep-0185.html),
//! [XEP-0178](https://xmpp.org/extensions/xep-0178.html) (certificates), [XEP-0368](https://xmpp.org/extensions/xep-0368.html)
//! (direct TLS), [XEP-0495](https://xmpp.org/extensions/xep-0495.html) (targets are raced),
//! [RFC 7673](https://www.rfc-editor.org/rfc/rfc7673) (DANE).
//!
//! A stanza for another domain waits in the [`Link`] of its pair of domains, whose task finds, reaches and convinces the
//! other server, or finds a stream that is there already; streams of both sides may go both ways
//! ([XEP-0288](https://xmpp.org/extensions/xep-0288.html)) and are resumed when they break
//! ([XEP-0198](https://xmpp.org/extensions/xep-0198.html)). A stream carries stanzas of a pair of domains only after that pair
//! was proven on it.

mod command;
mod config;
mod connect;
mod desk;
mod dialback;
mod find;
mod keep;
mod link;
mod listen;
mod outbox;
mod outgoing;
mod proofs;
mod session;
mod stream;
#[cfg(test)]
mod tests;
mod turns;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::error;
use waxwing_core::config::Dns;
use waxwing_core::metrics::{Counter, Gauge};
use waxwing_core::prelude::*;
use waxwing_core::{HostKind, RemoteDelivery, Shared, Shutdown};
use waxwing_stream::tls::{ALPN, Authorities, Certificates, Settings};
use waxwing_stream::transport::{Gate as Entrance, TokenBucket};

use command::Guest;
pub use config::Config;
use desk::Desk;
use dialback::Keys;
pub use find::{Addresses, FindError, Finder, Target};
use link::{Link, Pushed, Waiting, forbidden};
use listen::Port;
use outbox::Outbox;
use proofs::Proofs;
use session::Sessions;
use stream::confirm::Questions;
use turns::Turns;

/// Everything that has to do with other servers.
pub struct S2s {
    shared: Arc<Shared>,
    config: Config,
    /// Whether there is a port for other servers.
    federates: bool,
    finder: Finder,
    authorities: Authorities,
    certificates: Certificates,
    /// By our domain and theirs.
    links: Mutex<HashMap<(Domain, Domain), Arc<Link>>>,
    /// Streams of theirs that take what goes from our domain to theirs.
    lanes: Mutex<HashMap<(Domain, Domain), Arc<Desk>>>,
    /// Streams of ours, by the domain that they go to, that take other domains of ours.
    hubs: Mutex<HashMap<Domain, Arc<Desk>>>,
    sessions: Sessions,
    questions: Questions,
    /// How much each domain may send.
    rates: Mutex<HashMap<Domain, Arc<Mutex<TokenBucket>>>>,
    /// When the links were looked through last, being too many.
    tidied: Mutex<Instant>,
    /// Bytes in all links.
    waiting: Arc<AtomicUsize>,
    /// The tasks of the links.
    tasks: Mutex<JoinSet<()>>,
    proofs: Proofs,
    /// Whoever is not proven yet takes turns,
    strangers: Turns,
    /// … and whoever sends without a break.
    crowd: Turns,
    outbox: TableRef<Outbox>,
    /// The number of the next row.
    next_row: AtomicU64,
    entrance: Arc<Entrance>,
    /// Bound at start, taken by the task that accepts.
    listeners: Mutex<Vec<Port>>,
    /// The streams of others that are open now.
    guests: Mutex<BTreeMap<u64, Guest>>,
    metrics: Metrics,
    me: Weak<Self>,
}

struct Metrics {
    outgoing: Gauge,
    incoming: Gauge,
    sent: Counter,
    received: Counter,
    bounced: Counter,
    failed: Counter,
    refused: Counter,
    resumed: Counter,
    slowed: Counter,
    parted: Gauge,
}

impl std::fmt::Debug for S2s {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "S2s({} links)", self.links.lock().len())
    }
}

impl Module for S2s {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("s2s", "Talks to other servers").scope(Scope::Server).specs(&[
        Spec::rfc(6120, "3-6, 10.4").partial("between servers"),
        Spec::xep(178, "1.2").partial("for servers"),
        Spec::xep(185, "1.0"),
        Spec::xep(220, "1.1.1"),
        Spec::xep(198, "1.6.3").partial("between servers"),
        Spec::xep(288, "1.0.1").partial("the receiving server shows no keys of its own"),
        Spec::xep(368, "1.1.0").partial("for servers"),
        Spec::xep(495, "0.1.0"),
        Spec::rfc(6698, "2-4"),
        Spec::rfc(7671, "5, 9, 10.2").partial("SNI names the domain, not the target"),
        Spec::rfc(7673, "3, 4"),
    ]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let shared = Arc::clone(reg.server());
        let server = shared.config();
        let listeners = listen::bind(&server.listen)?;
        // Without a port for other servers nobody could answer what is sent: then there is no federation, and nothing of
        // what it needs.
        let federates = !listeners.is_empty();
        let authorities = if federates { authorities(&shared)? } else { Authorities::nobody() };
        let certificates =
            if federates { certificates(&shared) } else { Certificates::load(&[], Settings::default()).0 };
        let unasked = Dns { servers: vec![(std::net::Ipv4Addr::LOCALHOST, 53).into()], ..Dns::default() };
        let finder = Finder::new(if federates { &server.dns } else { &unasked }, shared.random().clone())?;
        let outbox = reg.table()?;
        let metrics = Metrics {
            outgoing: reg.gauge("outgoing", "Streams to other servers."),
            incoming: reg.gauge("incoming", "Streams from other servers."),
            sent: reg.counter("sent", "Stanzas written to other servers."),
            received: reg.counter("received", "Stanzas that other servers have sent."),
            bounced: reg.counter("bounced", "Stanzas that could not be sent."),
            failed: reg.counter("failed", "Tries to reach another server that failed."),
            refused: reg.counter("stream_errors", "Streams with other servers closed with an error."),
            resumed: reg.counter("resumed", "Streams that went on where one had broken."),
            slowed: reg.counter("slowed", "Times that a domain was read more slowly, being over its rate."),
            parted: reg.gauge("parted", "Streams that have broken and may be resumed."),
        };
        let waited =
            reg.counter("waited", "Times that a stream waited for its turn, unproven or never silent.");
        let at_once = turns_at_once(config.turns_max);
        let this = Arc::new_cyclic(|me| Self {
            strangers: Turns::new("those who are not proven yet", at_once, waited.clone()),
            crowd: Turns::new("those who send without a break", at_once, waited),
            finder,
            certificates,
            authorities,
            links: Mutex::default(),
            lanes: Mutex::default(),
            hubs: Mutex::default(),
            sessions: Sessions::default(),
            questions: Questions::default(),
            rates: Mutex::default(),
            tidied: Mutex::new(Instant::now()),
            waiting: Arc::default(),
            tasks: Mutex::default(),
            proofs: Proofs::new(config.proofs_max),
            outbox,
            next_row: AtomicU64::new(0),
            entrance: Arc::default(),
            federates,
            listeners: Mutex::new(listeners),
            guests: Mutex::default(),
            metrics,
            me: Weak::clone(me),
            config,
            shared: Arc::clone(&shared),
        });
        reg.command(LIST, &this, |this, _| async move { this.is_on().map(|()| this.list()) });
        reg.command(TEST, &this, Self::examine);
        if federates {
            shared.router().set_remote(&this);
            reg.prepare("send what waited", &this, Self::load_outbox);
            reg.run("listen", &this, listen::run);
            reg.task("certificates", Every::minutes(1), &this, |this| async move {
                for problem in this.certificates.reload() {
                    error!(error = %problem, "A certificate cannot be used; the old one stays.");
                }
            });
            reg.task("links", Every::minutes(1), &this, |this| async move { this.tidy() });
        }
        Ok(this)
    }
}

fn authorities(shared: &Shared) -> Result<Authorities, StartError> {
    let server = shared.config();
    let file = server.s2s.trusted_ca.as_deref();
    Authorities::load(file).map_err(|reason| {
        let name = file.map(|file| file.display().to_string()).unwrap_or_default();
        StartError::new(format!("s2s.trusted_ca {name}: {reason}"))
    })
}

fn certificates(shared: &Shared) -> Certificates {
    let server = shared.config();
    let settings = Settings {
        alpn: vec![ALPN.to_vec()],
        servers: true,
        default_host: server.host.keys().next().cloned(),
        ..Settings::default()
    };
    let spare = server.data_dir.join("self-signed");
    // What is wrong with a file was said by the listener for clients, which reads the same ones.
    Certificates::load(&[server.tls.certificates.as_path(), spare.as_path()], settings).0
}

const LIST: Command = Command::new("s2s.list", "Lists streams from and to other servers");
const TEST: Command =
    Command::new("s2s.test", "Finds another server, connects and proves both sides").arguments(&["DOMAIN"]);

impl RemoteDelivery for S2s {
    fn deliver(&self, from: &Domain, to: &Domain, stanza: Stanza, custody: &mut Custody) {
        let Some(this) = self.me.upgrade() else { return };
        if !self.config.permits(to) {
            return this.bounce(Waiting::new(stanza, None), forbidden());
        }
        let Some(link) = self.link(from, to) else {
            let error = StanzaError::from(Condition::ResourceConstraint);
            return this.bounce(Waiting::new(stanza, None), error.text("Too many servers are talked to."));
        };
        let row = self.keep_row(from, &stanza, custody);
        this.push(&link, Waiting::new(stanza, row));
    }
}

impl S2s {
    /// Whether a domain has to show a valid certificate.
    fn demands_certificate(&self, remote: &Domain) -> bool {
        self.shared.config().s2s.require_certificate || self.config.require_certificate.contains(remote)
    }

    /// What makes the dialback keys of one of our hosts.
    fn keys(&self, local: &Domain) -> Option<Keys> {
        self.home(local).map(|host| Keys::of(host.secret()))
    }

    fn default_host(&self) -> String {
        self.first_host().map_or_else(String::new, |host| host.domain().as_str().to_owned())
    }

    fn first_host(&self) -> Option<HostRef> {
        self.shared.router().hosts().into_iter().find(|host| host.kind() == HostKind::Accounts)
    }

    /// The host of a domain of ours; for that of a component (XEP-0114) the one above it, else the first. None: the
    /// domain is not ours.
    fn home(&self, domain: &Domain) -> Option<HostRef> {
        let router = self.shared.router();
        router.host(domain.as_str()).or_else(|| {
            router.external(domain.as_str())?;
            router.parent(domain.as_str()).or_else(|| self.first_host())
        })
    }

    /// None: there are too many.
    fn link(&self, local: &Domain, remote: &Domain) -> Option<Arc<Link>> {
        let mut links = self.links.lock();
        let pair = (local.clone(), remote.clone());
        if let Some(link) = links.get(&pair) {
            return Some(Arc::clone(link));
        }
        if links.len() >= self.config.pairs_max {
            // Looking through all is not done for each stanza.
            let now = Instant::now();
            if std::mem::replace(&mut *self.tidied.lock(), now) + TIDY_PAUSE > now {
                return None;
            }
            links.retain(|_, link| is_in_use(link));
            if links.len() >= self.config.pairs_max {
                return None;
            }
        }
        let link = Arc::new(Link::new(local.clone(), remote.clone(), Arc::clone(&self.waiting)));
        links.insert(pair, Arc::clone(&link));
        Some(link)
    }

    fn push(self: &Arc<Self>, link: &Arc<Link>, waiting: Waiting) {
        match link.push(waiting, self.config.queue_bytes_max.0, self.config.queues_bytes_max.0) {
            Pushed::Waits => {}
            Pushed::First => self.look_for_stream(Arc::clone(link)),
            Pushed::Refused(waiting, error) => self.bounce(*waiting, error),
        }
    }

    fn bounce(self: &Arc<Self>, waiting: Waiting, error: StanzaError) {
        let this = Arc::clone(self);
        self.spawn(async move { this.refuse(waiting, &error).await });
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// Forgets pairs that nobody uses.
    fn tidy(&self) {
        self.links.lock().retain(|_, link| is_in_use(link));
        self.rates.lock().retain(|_, rate| Arc::strong_count(rate) > 1);
        self.metrics.parted.set(i64::try_from(self.sessions.parted_count()).unwrap_or(i64::MAX));
    }

    fn bucket(&self) -> TokenBucket {
        let number = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let config = &self.config;
        TokenBucket::new(number(config.rate_per_second.0), number(config.rate_burst.0), Instant::now())
    }

    /// What a domain may send, over all its streams.
    fn rate_of(&self, remote: &Domain) -> Arc<Mutex<TokenBucket>> {
        let mut rates = self.rates.lock();
        Arc::clone(rates.entry(remote.clone()).or_insert_with(|| Arc::new(Mutex::new(self.bucket()))))
    }

    /// Between one and one and a half: not everybody comes back at the same moment.
    fn jitter(&self) -> f64 {
        let mut byte = [0];
        self.shared.random().fill(&mut byte);
        1.0 + f64::from(byte[0]) / 512.0
    }

    /// Waits for the tasks of the links.
    async fn end(&self, mut shutdown: Shutdown) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tokio::select! {
            () = async { while tasks.join_next().await.is_some() {} } => {}
            () = shutdown.reached(waxwing_core::Phase::Stopping) => {}
        }
    }
}

/// One on each thread, unless the operator wants otherwise.
fn turns_at_once(wanted: usize) -> usize {
    let threads = || tokio::runtime::Handle::try_current().map_or(1, |handle| handle.metrics().num_workers());
    if wanted == 0 { threads() } else { wanted }
}

/// Somebody has it in hand, or something is known of it.
fn is_in_use(link: &Arc<Link>) -> bool {
    Arc::strong_count(link) > 1 || !link.is_forgettable()
}

/// So long between two looks through all links.
const TIDY_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
