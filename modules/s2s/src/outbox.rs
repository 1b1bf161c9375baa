//! Messages for other servers lie on disk until they have arrived there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::{error, info, warn};
use waxwing_core::Custody;
use waxwing_core::prelude::*;
use waxwing_store::{HostNumber, Order, Scope, Span};

use crate::S2s;
use crate::link::Waiting;

/// By the sender's host, the other domain and the order in which they came; the value is a stanza.
#[derive(Debug)]
pub(crate) struct Outbox;

impl Table for Outbox {
    const NAME: &'static str = "s2s.outbox";
    const VERSION: u16 = 1;
    const SCOPE: Scope = Scope::Host;
    type Key = u64;
    type Value = Vec<u8>;
}

/// Where a message lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    host: HostNumber,
    key: u64,
}

impl S2s {
    /// Writes a message down; acknowledging it to its sender waits for that. Presence and requests live in memory: who
    /// has lost their connection sends them again.
    pub(crate) fn keep_row(&self, from: &Domain, stanza: &Stanza, custody: &mut Custody) -> Option<Row> {
        if !matches!(stanza.kind, Kind::Message(_)) || stanza.is_error() {
            return None;
        }
        let host = self.home(from)?.number();
        let key = self.next_row.fetch_add(1, Ordering::Relaxed);
        match self.outbox.put(host, &key, &stanza.to_store_bytes()) {
            Ok(ticket) => {
                custody.attach(ticket);
                Some(Row { host, key })
            }
            Err(cause) => {
                error!(error = %cause, "A message for another server was not written down.");
                None
            }
        }
    }

    /// It has arrived at the other server, or bounced.
    pub(crate) fn forget_row(&self, row: Option<Row>) {
        if let Some(Row { host, key }) = row
            && let Err(cause) = self.outbox.delete(host, &key)
        {
            warn!(error = %cause, "A message that was sent to another server may be sent once more.");
        }
    }

    /// What the process before this one did not send.
    pub(crate) async fn load_outbox(self: Arc<Self>) {
        for host in self.shared.router().hosts() {
            match self.load_host(&host).await {
                Ok(0) => {}
                Ok(count) => info!(host = %host.domain(), count, "Messages for other servers have waited."),
                Err(cause) => {
                    error!(host = %host.domain(), error = %cause, "What waits for other servers was not read.");
                }
            }
        }
    }

    async fn load_host(self: &Arc<Self>, host: &HostRef) -> Result<usize, StoreError> {
        let (mut span, mut count) = (Span::all(), 0);
        loop {
            let page = self.outbox.range(host.number(), span, Order::Forward, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            span = Span::all().after(*last);
            for (key, bytes) in page {
                self.next_row.fetch_max(key + 1, Ordering::Relaxed);
                let row = Row { host: host.number(), key };
                let stanza = Stanza::from_store_bytes(&bytes);
                let domain = |jid: &Option<Jid>| Domain::parse(jid.as_ref()?.domain()).ok();
                let pair = stanza.as_ref().and_then(|stanza| domain(&stanza.from).zip(domain(&stanza.to)));
                let Some((stanza, (local, remote))) = stanza.zip(pair) else {
                    self.forget_row(Some(row));
                    continue;
                };
                // Where there are too many it waits for the next start.
                if let Some(link) = self.link(&local, &remote) {
                    count += 1;
                    self.push(&link, Waiting::new(stanza, Some(row)));
                }
            }
        }
    }
}

/// So many rows are read at once.
const PAGE: usize = 100;
