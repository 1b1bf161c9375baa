//! The simulated network: who is where, what has arrived.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Fallible;
use crate::federation::authority::Authority;
use crate::federation::line::PATIENCE;
use crate::federation::subject::free_port;
use crate::federation::xml::attribute;
use crate::federation::{dns, remote};

/// The domain of the server under test.
pub(crate) const HERE: &str = "here.lit";

/// What the machine of a domain is called in it.
pub(crate) const HOST: &str = "xmpp";

/// How servers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// SASL EXTERNAL: the certificates are valid on both sides.
    External,
    /// XEP-0220 over TLS: those of the network are of no authority that the server under test trusts.
    Dialback,
}

/// The network.
pub(crate) struct Network {
    pub(crate) domains: Vec<Domain>,
    pub(crate) proof: Proof,
    /// Where the server under test listens for others.
    pub(crate) subject: SocketAddr,
    /// The name server.
    pub(crate) dns: SocketAddr,
    /// It ends with this.
    _dns_lives: oneshot::Sender<()>,
    /// Where all servers listen, each at its own address.
    pub(crate) port: u16,
    /// What came to users of the network, and to those of the server under test.
    pub(crate) out: Tally,
    pub(crate) incoming: Tally,
    pub(crate) ids: AtomicU64,
}

/// One remote domain.
pub(crate) struct Domain {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) connector: TlsConnector,
}

impl Network {
    /// Makes the domains and lets their servers listen. `trusted` signed the certificate of the server under test, and
    /// those of the network if they are to be valid.
    pub(crate) async fn start(
        count: u32,
        proof: Proof,
        trusted: &Authority,
        subject: SocketAddr,
    ) -> Fallible<Arc<Self>> {
        let other = Authority::new("Another authority")?;
        let signer = if proof == Proof::External { trusted } else { &other };
        let mut domains = Vec::new();
        for number in 0..count {
            let name = format!("d{number:04}.lit");
            let shown = signer.sign(&name)?;
            // Whose certificate nobody vouches for asks nobody else for one either.
            let acceptor = trusted.acceptor(&shown)?;
            let connector = trusted.connector(&shown)?;
            domains.push(Domain { name, address: address("d", number), acceptor, connector });
        }
        let port = free_port(address("d", 0))?;
        let (dns, dns_lives) = dns::start(port)?;
        let (out, incoming) = (Tally::default(), Tally::default());
        let ids = AtomicU64::new(1);
        let network =
            Arc::new(Self { domains, proof, subject, dns, _dns_lives: dns_lives, port, out, incoming, ids });
        for (index, domain) in network.domains.iter().enumerate() {
            let listener = TcpListener::bind((domain.address, port)).await?;
            tokio::spawn(remote::listen(Arc::clone(&network), index, listener));
        }
        Ok(network)
    }

    pub(crate) fn domain(&self, index: usize) -> Fallible<&Domain> {
        self.domains.get(index).ok_or_else(|| format!("there is no domain {index}").into())
    }

    /// The next id of a stream.
    pub(crate) fn id(&self) -> String {
        format!("stream{}", self.ids.fetch_add(1, Ordering::Relaxed))
    }
}

/// A name of the network: `d0007.lit` and all below it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) number: u32,
}

/// Whose name it is.
pub(crate) fn number(name: &str) -> Option<Name<'_>> {
    let rest = name.strip_suffix(".lit")?;
    let label = rest.rsplit('.').next()?;
    let digits = label.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
    let kind = label.strip_suffix(digits)?;
    let start = rest.len() - label.len();
    Some(Name { name: name.get(start..)?, kind, number: digits.parse().ok()? })
}

/// Those who mean well have an address each; the others one for each kind.
pub(crate) fn address(kind: &str, number: u32) -> Ipv4Addr {
    let part = |number: u32| u8::try_from(number % 250).unwrap_or(0);
    if kind == "d" {
        return Ipv4Addr::new(127, 1, part(number / 250), part(number) + 1);
    }
    let sum = kind.bytes().fold(0, |sum: u32, byte| sum * 31 % 60_000 + u32::from(byte));
    Ipv4Addr::new(127, 2, part(sum / 250), part(sum) + 1)
}

/// Stanzas that have arrived: how many, and whether in the order in which they were sent.
#[derive(Default)]
pub(crate) struct Tally {
    arrived: AtomicU64,
    /// Out of order, lost before, or twice.
    wrong: AtomicU64,
    errors: AtomicU64,
    last: Mutex<HashMap<String, u64>>,
    awaited: Mutex<HashMap<String, oneshot::Sender<Instant>>>,
    news: Notify,
}

impl Tally {
    /// A stanza has arrived: those with the id `nN` are counted, those with the id `pN` are waited for.
    pub(crate) fn hear(&self, element: &str) {
        let get = |name| attribute(element, name).unwrap_or_default();
        let id = get("id");
        if get("type") == "error" {
            self.errors.fetch_add(1, Ordering::Relaxed);
        } else if let Some(number) = id.strip_prefix('n').and_then(|number| number.parse().ok()) {
            self.count(get("from"), get("to"), number);
        } else if let Some(waiting) = lock(&self.awaited).remove(id) {
            // Who has waited may have given up.
            waiting.send(Instant::now()).ok();
        }
    }

    fn count(&self, from: &str, to: &str, number: u64) {
        let bare = |jid: &str| jid.split('/').next().unwrap_or_default().to_owned();
        let pair = format!("{} {}", bare(from), bare(to));
        let before = lock(&self.last).insert(pair, number).unwrap_or(0);
        if number != before + 1 {
            self.wrong.fetch_add(1, Ordering::Relaxed);
        }
        self.arrived.fetch_add(1, Ordering::Relaxed);
        self.news.notify_waiters();
    }

    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Tells when the stanza with this id comes.
    pub(crate) fn await_id(&self, id: &str) -> oneshot::Receiver<Instant> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.awaited).insert(id.to_owned(), sender);
        receiver
    }

    /// Waits until so many have arrived in all; an error if they do not, or not in order.
    pub(crate) async fn reach(&self, count: u64) -> Fallible {
        loop {
            let news = self.news.notified();
            let (before, errors) = (self.arrived(), self.errors());
            if before >= count {
                break;
            }
            if timeout(PATIENCE, news).await.is_err() && self.arrived() == before {
                return Err(format!("{before} of {count} stanzas arrived, {errors} bounced").into());
            }
        }
        match (self.wrong.load(Ordering::Relaxed), self.errors()) {
            (0, 0) => Ok(()),
            (wrong, errors) => Err(format!("{wrong} stanzas came out of order, {errors} bounced").into()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_network() {
        let wanted = Name { name: "alias0012.lit", kind: "alias", number: 12 };
        assert_eq!(number("_xmpp-server._tcp.alias0012.lit"), Some(wanted));
        assert_eq!(number("d0007.lit"), Some(Name { name: "d0007.lit", kind: "d", number: 7 }));
        assert_eq!((number("lit"), number("d.lit"), number("example.org")), (None, None, None));
    }

    #[test]
    fn a_thousand_domains_have_a_thousand_addresses() {
        let all: std::collections::BTreeSet<_> = (0..1000).map(|number| address("d", number)).collect();
        assert_eq!(all.len(), 1000);
        assert!(!all.contains(&address("silent", 0)) && address("silent", 0) != address("drip", 0));
    }

    #[tokio::test]
    async fn what_comes_out_of_order_is_noticed() {
        let stanza = |id: u32| format!("<message from='a@b/c' to='d@e' id='n{id}'><body/></message>");
        let tally = Tally::default();
        for id in [1, 2, 3] {
            tally.hear(&stanza(id));
        }
        assert!(tally.reach(3).await.is_ok());
        tally.hear(&stanza(5));
        assert!(tally.reach(4).await.is_err());
        assert!(tally.await_id("p1").try_recv().is_err());
    }
}
