//! The sessions of the process before this one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};
use waxwing_core::prelude::*;
use waxwing_store::{Order, Span};

use crate::Sm;
use crate::record::Record;

impl Sm {
    /// Takes back the recorded sessions before the first client can ask for one. Sessions whose record is stale are
    /// over: those who saw them available are told.
    pub(crate) async fn restore(self: Arc<Self>) {
        match self.try_restore().await {
            Ok((0, 0)) => {}
            Ok((kept, lost)) => {
                info!(host = %self.host.domain(), kept, lost, "Sessions of the last run were restored.")
            }
            Err(cause) => {
                error!(host = %self.host.domain(), error = %cause, "Sessions of the last run were not restored; clients will log in anew.");
            }
        }
    }

    async fn try_restore(&self) -> Result<(usize, usize), StoreError> {
        let (mut kept, mut lost) = (0, Vec::new());
        let mut span = Span::all();
        loop {
            let page = self.records.range(self.host.number(), span, Order::Forward, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            span = Span::all().after(last.as_str());
            for (id, record) in page {
                match self.take_back(&id, record).await? {
                    Some(true) => kept += 1,
                    Some(false) => lost.push(id),
                    None => self.delete_record(&id),
                }
            }
        }
        // Only when all are there: who is told that somebody has gone may be among them.
        let count = lost.len();
        for id in lost {
            let stream = self.by_id.lock().get(&id).cloned();
            if let Some(stream) = stream {
                self.give_up(&stream).await;
            }
        }
        Ok((kept, count))
    }

    /// Whether the session may go on; none: there is nothing to take back.
    async fn take_back(&self, id: &str, record: Record) -> Result<Option<bool>, StoreError> {
        let Record { mut session, max } = record;
        let Some(account) = self.host.account(&session.local).await? else { return Ok(None) };
        let mut since = Vec::new();
        if let Some(log) = self.log.get() {
            log.ready(&account).await?;
            let noted = log.inbound(&account, session.key).await?;
            session.handled = later(session.handled, noted);
            if session.horizon > 0 {
                since = log.since(&account, &session.resource, session.horizon).await?;
            }
        }
        let handled = session.handled;
        let stale = self.stale.get(self.host.number(), &id.to_owned()).await?.is_some();
        let Some(session) = account.restore(session, self.config.waiting_bytes_max.0, &since) else {
            warn!(jid = %account.jid(), "A session of the last run could not be restored.");
            self.remember(id, account.jid(), handled);
            return Ok(None);
        };
        let stream = self.add(id, &session, Duration::from_secs(max).min(self.config.resume_time_max.0));
        *stream.expires.lock() = Some(Instant::now() + stream.max);
        *stream.recorded.lock() = true;
        self.metrics.asleep.inc();
        self.host.notify(Notice::SessionRestored(Arc::clone(&session))).await;
        Ok(Some(!stale))
    }
}

/// The later of two counts of one stream, which may have wrapped.
fn later(recorded: u32, noted: Option<u32>) -> u32 {
    noted.filter(|noted| noted.wrapping_sub(recorded) < 1 << 31).unwrap_or(recorded)
}

/// So many records are read at once.
const PAGE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_count_holds() {
        assert_eq!(later(5, Some(7)), 7);
        assert_eq!(later(7, Some(5)), 7);
        assert_eq!(later(7, None), 7);
        assert_eq!(later(u32::MAX, Some(2)), 2);
    }
}
