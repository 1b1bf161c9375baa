//! How a stream ends, and what becomes of its session.

use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tracing::{debug, info};
use waxwing_xml::Item;
use waxwing_xmpp::StreamCondition;

use super::{End, FAREWELL, Role, Stream};
use crate::outgoing::system_shutdown;
use crate::session::{Parted, Session};

/// What is left to do for who has opened a stream.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing: what waits was given back.
    Over,
    /// The session waits to be resumed.
    Parted(String, Parted),
}

impl End {
    /// Whether the other server may come back to the session (XEP-0198 §7).
    fn may_be_resumed(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Told { stops, .. } => !stops,
            Self::Error(error) => error.condition == StreamCondition::ConnectionTimeout,
            Self::Gone | Self::Idle | Self::Shutdown | Self::HandedOver => false,
        }
    }

    /// In words, if there was something wrong.
    fn trouble(&self) -> Option<String> {
        match self {
            Self::Idle | Self::Shutdown | Self::HandedOver => None,
            other => Some(other.to_string()),
        }
    }
}

impl Stream {
    pub(super) async fn finish(mut self: Box<Self>, end: End) -> Ended {
        self.s2s.guests.lock().remove(&self.number);
        self.leave_places();
        self.close_question();
        self.last_ack();
        if matches!(end, End::Gone | End::Idle | End::Shutdown) {
            // RFC 6120 §4.4: it has read all that was written.
            self.confirm_all();
        }
        if let (Some(local), Some(remote), Some(reason)) = (&self.local, &self.remote, end.trouble())
            && !self.is_unproven()
        {
            info!(with = %remote, host = %local, peer = %self.peer, %reason, "Stream with another server ended.");
        }
        let ended = self.part(&end);
        self.farewell(end).await;
        ended
    }

    /// What becomes of the session.
    fn part(&mut self, end: &End) -> Ended {
        let fresh = Box::new(std::mem::take(&mut self.session));
        let managed = self.acks.is_on();
        let (session, managed) = match self.acks.unresumed() {
            Some(old) => {
                self.s2s.dissolve(fresh, None);
                (old, true)
            }
            None => (fresh, managed),
        };
        for link in &session.links {
            link.ended(end.trouble(), self.was_good, self.s2s.jitter());
        }
        let resumable = managed && session.id.is_some() && self.clocks.leaving.is_none();
        if resumable && end.may_be_resumed() {
            return self.s2s.part(session, self.role == Role::Initiating);
        }
        self.s2s.dissolve(session, None);
        Ended::Over
    }

    /// The last words.
    async fn farewell(mut self: Box<Self>, end: End) {
        if let End::Broken(_) = end {
            return;
        }
        if !self.greeted {
            // RFC 6120 §4.9.1.2.
            let host = self.s2s.default_host();
            self.wire.open(&host, None, Some(&self.id));
        }
        match &end {
            End::Error(error) => {
                self.s2s.metrics.refused.inc();
                self.wire.error(error);
            }
            End::HandedOver => self.wire.error(&StreamCondition::Conflict.into()),
            End::Shutdown => self.wire.error(&system_shutdown()),
            _ => {}
        }
        self.wire.close();
        if let End::Idle = end {
            self.hear_out().await;
        }
        self.wire.connection.close(FAREWELL).await;
    }

    /// RFC 6120 §4.4: who ends a stream takes what comes until the other has ended it as well. With stream management
    /// the other knows what was not handled, and keeps it.
    async fn hear_out(&mut self) {
        if self.acks.is_on() || !self.bidi || self.wire.connection.flush().await.is_err() {
            return;
        }
        let rest = async {
            while let Ok(item) = self.wire.next().await {
                if matches!(item, Item::RootEnd) || self.item(item).await.is_err() {
                    break;
                }
            }
        };
        drop(timeout(FAREWELL, rest).await);
    }

    /// Where others find it: to send over it what it may carry.
    pub(super) fn take_places(&mut self) {
        let desk = &self.session.desk;
        if self.role == Role::Receiving && self.bidi {
            let mut lanes = self.s2s.lanes.lock();
            for (remote, local) in &self.session.proven {
                lanes.insert((local.clone(), remote.clone()), Arc::clone(desk));
            }
        }
        if let (Role::Initiating, true, Some(remote)) = (self.role, self.multiplexes, &self.remote) {
            self.s2s.hubs.lock().insert(remote.clone(), Arc::clone(desk));
        }
    }

    fn leave_places(&mut self) {
        let desk = &self.session.desk;
        let mut lanes = self.s2s.lanes.lock();
        for (remote, local) in &self.session.proven {
            let pair = (local.clone(), remote.clone());
            if lanes.get(&pair).is_some_and(|known| Arc::ptr_eq(known, desk)) {
                lanes.remove(&pair);
            }
        }
        drop(lanes);
        let mut hubs = self.s2s.hubs.lock();
        if let Some(remote) = &self.remote
            && hubs.get(remote).is_some_and(|known| Arc::ptr_eq(known, desk))
        {
            hubs.remove(remote);
        }
    }
}

impl crate::S2s {
    /// A stream has broken; its session waits for a while to be resumed.
    fn part(self: &Arc<Self>, mut session: Box<Session>, by_us: bool) -> Ended {
        let until = Instant::now() + self.config.resume_time_max.0;
        let parted = Parted { by_us, until };
        let Some(id) = session.id.clone() else {
            self.dissolve(session, None);
            return Ended::Over;
        };
        if !by_us {
            // What may have arrived has to wait for what the other server says; the rest may go another way.
            let links = std::mem::take(&mut session.links);
            let (held, free): (Vec<_>, Vec<_>) = links.into_iter().partition(|link| session.owes(link));
            session.links = held;
            free.into_iter().for_each(|link| self.look_again(link));
        }
        match self.sessions.part(session, parted, self.config.pairs_max) {
            Ok(asks) => {
                self.decline(asks);
                debug!(by_us, "A stream with another server may be resumed.");
                if by_us {
                    return Ended::Parted(id, parted);
                }
                let (this, shutdown) = (Arc::clone(self), self.shared.shutdown());
                self.spawn(async move { this.wait_for_heir(id, parted, shutdown).await });
            }
            Err((session, asks)) => {
                self.decline(asks);
                self.dissolve(session, None);
            }
        }
        Ended::Over
    }
}
