mod abuse;
mod clients;
mod config;
mod connect;
mod support;

use std::sync::Arc;

use waxwing_core::metrics::{Counter, Gauge};
use waxwing_stream::Secret;
use waxwing_xmpp::Domain;

use crate::component::Component;
use crate::{Metrics, OnConflict, Settings};

/// The component `irc.example.org` with the secret "secret", for tests without a server.
pub(crate) fn component(on_conflict: OnConflict, mailbox_bytes_max: usize) -> Component {
    let metrics = Metrics {
        connected: Gauge::default(),
        stanzas_in: Counter::default(),
        stanzas_out: Counter::default(),
        bounced: Counter::default(),
        refused: Counter::default(),
        stream_errors: Counter::default(),
    };
    let secret = Secret::new(b"secret".as_slice());
    let settings = Settings { secret, on_conflict, subdomains: false, grants: Arc::default() };
    Component::new(Domain::parse("irc.example.org").unwrap(), settings, mailbox_bytes_max, metrics)
}
