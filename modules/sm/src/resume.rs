//! A client comes back ([XEP-0198 §5](https://xmpp.org/extensions/xep-0198.html#resumption)).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{debug, error, info};
use waxwing_core::acks::TooHigh;
use waxwing_core::prelude::*;
use waxwing_core::{CloseReason, NotWoken, Peer};

use crate::{Sm, Stream};

/// A session that goes on.
#[derive(Debug)]
pub struct Resumed {
    /// The session.
    pub session: SessionRef,
    /// How many stanzas of the client were handled.
    pub h: u32,
}

/// Why a session does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// With this condition; and what was handled, if the stream is remembered.
    Condition(Condition, Option<u32>),
    /// The client says that it has what it was never sent: its stream ends (§6).
    TooHigh(TooHigh),
}

impl Sm {
    /// Resumes the session that `account`'s client knows as `previd` and of which it has handled `h` stanzas. If it is
    /// still connected, that stream ends first. The caller serves it at once and then calls [`Session::resumed`].
    ///
    /// # Errors
    /// It cannot be resumed; the client may bind a new resource.
    pub async fn resume(
        &self,
        account: &BareJid,
        previd: &str,
        h: u32,
        peer: Peer,
    ) -> Result<Resumed, Failed> {
        let result = self.try_resume(account, previd, h, peer).await;
        match &result {
            Ok(resumed) => {
                self.metrics.resumed.inc();
                let session = &resumed.session;
                info!(session = session.id().0, jid = %session.jid(), peer = %peer.address, "Session resumed.");
            }
            Err(failed) => {
                self.metrics.failed.inc();
                debug!(jid = %account, ?failed, "A session was not resumed.");
            }
        }
        result
    }

    async fn try_resume(
        &self,
        account: &BareJid,
        previd: &str,
        h: u32,
        peer: Peer,
    ) -> Result<Resumed, Failed> {
        let stream = self.by_id.lock().get(previd).cloned();
        // Nobody learns whether somebody else has such a session.
        let Some(stream) = stream.filter(|stream| stream.session.account().jid() == account) else {
            return Err(self.unknown(account, previd));
        };
        let _one = stream.resuming.lock().await;
        let session = &stream.session;
        if session.close_connection(CloseReason::Resumed)
            && timeout(TAKE_OVER, session.fallen_asleep()).await.is_err()
        {
            error!(jid = %session.jid(), "A stream did not let go of its session.");
            return Err(Failed::Condition(Condition::InternalServerError, None));
        }
        if session.close_reason().is_some() || !self.by_id.lock().contains_key(previd) {
            return Err(self.unknown(account, previd));
        }
        let handled = self.all_handled(session).await?;
        match session.wake(h, peer) {
            Ok(()) => {}
            Err(NotWoken::Ended) => return Err(self.unknown(account, previd)),
            // A client's count is beyond a record that outlived a crash: what was written in between is not known.
            Err(NotWoken::TooHigh(_)) if session.is_restored() => {
                self.give_up(&stream).await;
                return Err(Failed::Condition(Condition::ItemNotFound, Some(handled)));
            }
            Err(NotWoken::TooHigh(too_high)) => return Err(Failed::TooHigh(too_high)),
        }
        if stream.expires.lock().take().is_some() {
            self.metrics.asleep.dec();
        }
        Ok(Resumed { session: Arc::clone(session), h: handled })
    }

    /// All that came is on disk, and a row says so.
    async fn all_handled(&self, session: &SessionRef) -> Result<u32, Failed> {
        let broken = |_| Failed::Condition(Condition::InternalServerError, None);
        self.note_handled(session).map_err(broken)?;
        while let Some(custody) = session.unhandled() {
            custody.durable().await.map_err(broken)?;
            session.handled().map_err(broken)?;
        }
        session.handled().map(|(count, _)| count).map_err(broken)
    }

    fn unknown(&self, account: &BareJid, previd: &str) -> Failed {
        let past = self.past.lock();
        let handled = past.handled.get(previd).filter(|(owner, _)| owner == account);
        Failed::Condition(Condition::ItemNotFound, handled.map(|(_, handled)| *handled))
    }

    pub(crate) async fn give_up(&self, stream: &Stream) {
        if self.by_id.lock().remove(&stream.id).is_some() {
            stream.session.closed().await;
        }
    }
}

/// The old connection has so long to end what it is doing.
const TAKE_OVER: Duration = Duration::from_secs(10);
