//! `[limits]`: every limit of the server, with a default that a normal user never meets.

use serde::{Deserialize, Serialize};
use waxwing_xml::Limits as Scanning;

use super::{Bytes, Duration, Network};

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Networks free of rates and per-address limits, e.g. `["127.0.0.0/8"]`; sizes still hold.
    pub exempt: Vec<Network>,
    /// Connections at the same time, all listeners together; more are refused.
    pub connections_max: usize,
    /// Connections at the same time from one address; more are refused.
    pub connections_per_address_max: usize,
    /// Time from connecting to a bound resource; then `connection-timeout`.
    pub login_time_max: Duration,
    /// Bytes of one element before login; then `policy-violation`.
    pub login_element_max: Bytes,
    /// Bytes received before login; then `policy-violation`.
    pub login_bytes_max: Bytes,
    /// Failed logins on one stream; then `policy-violation`.
    pub login_tries_max: u32,
    /// Failed logins from one address in a minute; then `not-authorized` without a look at the password.
    pub login_failures_per_minute: u32,
    /// Bytes of one stanza; a larger one is answered with `policy-violation`.
    pub stanza_bytes_max: Bytes,
    /// Nesting of elements in a stanza.
    pub stanza_depth_max: usize,
    /// Attributes of one element.
    pub stanza_attributes_max: usize,
    /// Children of one stanza.
    pub stanza_children_max: usize,
    /// Stanzas in a row that may be refused; then the stream is closed with `policy-violation`.
    pub refused_stanzas_max: u32,
    /// Bytes that a client may send in a second on average; beyond it is read more slowly.
    pub rate_per_second: Bytes,
    /// Bytes that a client may send at once before the rate applies.
    pub rate_burst: Bytes,
    /// Stanzas that a client may send in a second on average; beyond it is read more slowly.
    pub stanzas_per_second: u32,
    /// Bytes that wait for one client; beyond it the session is closed with `resource-constraint`.
    pub mailbox_bytes_max: Bytes,
    /// Time a client may take to accept what is written to it; then the connection is closed.
    pub write_time_max: Duration,
    /// Silence after which a white space is sent to find dead connections.
    pub keepalive_after: Duration,
    /// Sessions of one account; the next gets `resource-constraint`.
    pub sessions_per_account_max: usize,
    /// Requests of the server itself (push notifications, say) that wait for answers; further ones are not sent.
    pub requests_max: usize,
    /// Time for good-byes at a graceful stop.
    pub drain_time: Duration,
}

impl Limits {
    /// For the scanner before a peer has shown who it is: nothing may be skipped, and little may be said.
    pub fn before_login(&self) -> Scanning {
        Scanning { element_bytes: self.login_element_max.0, ..Scanning::BEFORE_LOGIN }
    }

    /// For the scanner of a client. Names and values are as long as the scanner's corpus shows every parser behind us to
    /// take them.
    pub fn for_client(&self) -> Scanning {
        Scanning {
            element_bytes: self.stanza_bytes_max.0,
            skip_bytes: self.stanza_bytes_max.0.saturating_mul(SKIP_FACTOR),
            depth: self.stanza_depth_max,
            attributes: self.stanza_attributes_max,
            children: self.stanza_children_max,
            ..Scanning::CLIENT
        }
    }

    /// For the scanner of another server or a component: twice what a client may, as what a client has sent may come
    /// with more around it.
    pub fn for_server(&self) -> Scanning {
        let client = self.for_client();
        let twice = |limit: usize| limit.saturating_mul(2);
        Scanning {
            element_bytes: twice(client.element_bytes),
            depth: twice(client.depth),
            children: twice(client.children),
            ..client
        }
    }
}

/// A refused stanza may be so many times as long as one that is accepted, before the stream ends instead.
const SKIP_FACTOR: usize = 16;

impl Default for Limits {
    fn default() -> Self {
        Self {
            exempt: Vec::new(),
            connections_max: 1_000_000,
            connections_per_address_max: 200,
            login_time_max: Duration::seconds(60),
            login_element_max: Bytes(10 << 10),
            login_bytes_max: Bytes(64 << 10),
            login_tries_max: 5,
            login_failures_per_minute: 30,
            stanza_bytes_max: Bytes(256 << 10),
            stanza_depth_max: 64,
            stanza_attributes_max: 64,
            stanza_children_max: 256,
            refused_stanzas_max: 10,
            rate_per_second: Bytes(128 << 10),
            rate_burst: Bytes(1 << 20),
            stanzas_per_second: 200,
            mailbox_bytes_max: Bytes(4 << 20),
            write_time_max: Duration::seconds(60),
            keepalive_after: Duration::seconds(300),
            sessions_per_account_max: 50,
            requests_max: 20_000,
            drain_time: Duration::seconds(5),
        }
    }
}

/// Who may register an account in-band (XEP-0077).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationMode {
    /// Nobody.
    Closed,
    /// Who has an invitation.
    #[default]
    Invite,
    /// Everybody.
    Open,
}
