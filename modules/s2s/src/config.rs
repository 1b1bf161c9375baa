//! `[modules.s2s]`

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use waxwing_core::config::{Bytes, Duration};
use waxwing_xmpp::Domain;

/// Which other servers, how patiently, and how much. What is fixed for all lies in `[s2s]` and `[dns]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Domains that nothing goes to and nothing comes from.
    pub blocked: BTreeSet<Domain>,
    /// If there are any: the only domains that something goes to or comes from.
    pub allowed: BTreeSet<Domain>,
    /// Domains of which a valid certificate is demanded, whatever `s2s.require_certificate` says.
    pub require_certificate: BTreeSet<Domain>,
    /// Domains that may be talked to without TLS: for a test bench.
    pub allow_plaintext: BTreeSet<Domain>,
    /// Time to find, reach and prove one another; then the next try, or `remote-server-timeout`.
    pub connect_time_max: Duration,
    /// Time that a stanza waits for a server that cannot be reached; then `remote-server-timeout`.
    pub queue_time_max: Duration,
    /// Bytes that wait for one server; the next stanza gets `resource-constraint`.
    pub queue_bytes_max: Bytes,
    /// Bytes that wait for all servers together; the next stanza gets `resource-constraint`.
    pub queues_bytes_max: Bytes,
    /// Pairs of domains that are talking or waiting; the next gets `resource-constraint`.
    pub pairs_max: usize,
    /// Silence after which an outgoing stream ends.
    pub idle_time_max: Duration,
    /// Silence after which the other server is asked whether it is there.
    pub keepalive_time: Duration,
    /// Silence after which a stream ends with `connection-timeout`.
    pub silence_time_max: Duration,
    /// Time that another server may take to say what it has received (XEP-0198); then `connection-timeout`.
    pub ack_time_max: Duration,
    /// Time that a stream which broke may be resumed (XEP-0198); then what may not have arrived is sent once more.
    pub resume_time_max: Duration,
    /// Bytes that a domain may send at once before the rate applies.
    pub rate_burst: Bytes,
    /// Bytes that it may send in a second on average, over all its streams; beyond it is read more slowly.
    pub rate_per_second: Bytes,
    /// Domains that may be proven on one stream.
    pub domains_per_stream_max: usize,
    /// Proofs by dialback under way at the same time, of all servers together.
    pub proofs_max: usize,
    /// Streams that are not proven yet take turns, and so do those that send without a break: so many of each kind are
    /// seen to at the same time. 0: one for each thread.
    pub turns_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            blocked: BTreeSet::new(),
            allowed: BTreeSet::new(),
            require_certificate: BTreeSet::new(),
            allow_plaintext: BTreeSet::new(),
            connect_time_max: Duration::seconds(30),
            queue_time_max: Duration::seconds(60),
            queue_bytes_max: Bytes(4 << 20),
            queues_bytes_max: Bytes(256 << 20),
            pairs_max: 20_000,
            idle_time_max: Duration::seconds(900),
            keepalive_time: Duration::seconds(120),
            silence_time_max: Duration::seconds(3600),
            ack_time_max: Duration::seconds(60),
            resume_time_max: Duration::seconds(120),
            rate_per_second: Bytes(2 << 20),
            rate_burst: Bytes(8 << 20),
            domains_per_stream_max: 100,
            proofs_max: 200,
            turns_max: 0,
        }
    }
}

impl Config {
    /// Whether the operator lets us talk to this domain.
    pub(crate) fn permits(&self, domain: &Domain) -> bool {
        !self.blocked.contains(domain) && (self.allowed.is_empty() || self.allowed.contains(domain))
    }
}
