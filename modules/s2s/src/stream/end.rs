//! How a stream ends, and what becomes of its session.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{debug, info};
use waxwing_xml::Item;
use waxwing_xmpp::StreamCondition;

use super::{End, FAREWELL, Role, Stream};
use crate::outgoing::system_shutdown;
use crate::session::{Broken, Parted, Parting, Session};

/// What is left to do for who has opened a stream.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing: what waits was given back.
    Over,
    /// The session waits to be resumed.
    Parted(Broken),
}

impl End {
    /// Whether the other server may come back to the session (XEP-0198 §7).
    fn may_be_resumed(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Told { stops, .. } => !stops,
            Self::Error(error) => error.condition == StreamCondition::ConnectionTimeout,
            Self::Gone | Self::Idle | Self::Shutdown | Self::HandedOver | Self::Disproved => false,
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
        self.say_goodbye(&end);
        if self.hear_out(&end).await {
            // RFC 6120 §4.4: it has read all that was written.
            self.confirm_all();
        }
        if let (Some(local), Some(remote), Some(reason)) = (&self.local, &self.remote, end.trouble())
            && !self.session.proven.is_empty()
        {
            info!(with = %remote, host = %local, peer = %self.peer, %reason, "Stream with another server ended.");
        }
        self.was_good |= self.clocks.since.elapsed() > GOOD_TIME;
        let ended = self.part(&end);
        if !matches!(end, End::Broken(_)) {
            self.wire.connection.close(FAREWELL).await;
        }
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
        match end {
            End::Gone | End::Idle | End::Shutdown | End::HandedOver => self.s2s.dissolve(session, None),
            End::Told { .. } | End::Disproved | End::Error(_) | End::Broken(_) => {
                self.s2s.lose(session, None);
            }
        }
        Ended::Over
    }

    /// The last words.
    fn say_goodbye(&mut self, end: &End) {
        if let End::Broken(_) = end {
            return;
        }
        if !self.greeted {
            // RFC 6120 §4.9.1.2.
            let host = self.s2s.default_host();
            self.wire.open(&host, None, Some(&self.id));
        }
        if !matches!(end, End::HandedOver) {
            self.last_ack();
        }
        match end {
            End::Error(error) => {
                self.s2s.metrics.refused.inc();
                self.wire.error(error);
            }
            End::HandedOver => self.wire.error(&StreamCondition::Conflict.into()),
            End::Shutdown => self.wire.error(&system_shutdown()),
            _ => {}
        }
        self.wire.close();
    }

    /// RFC 6120 §4.4: who ends a stream takes what comes until the other has ended it as well. With stream management
    /// the other knows what was not handled, and keeps it. True: it has said good-bye, and so has read what we wrote.
    async fn hear_out(&mut self, end: &End) -> bool {
        match end {
            End::Gone => return true,
            End::Idle | End::Shutdown if !self.acks.is_on() => {}
            _ => return false,
        }
        // As for a negotiation, only so much may come.
        self.wire.received = 0;
        let rest = async {
            loop {
                match self.wire.next().await {
                    Ok(Item::RootEnd) => return true,
                    Ok(item) => match self.item(item).await {
                        Ok(()) => {}
                        Err(_) => return false,
                    },
                    Err(_) => return false,
                }
            }
        };
        timeout(FAREWELL, rest).await.unwrap_or(false)
    }

    /// Where others find it: to send over it what it may carry.
    pub(super) fn take_places(&mut self) {
        let desk = &self.session.desk;
        if self.role == Role::Receiving && self.bidi {
            let mut lanes = self.s2s.lanes.lock();
            let links = self.s2s.links.lock();
            for (remote, local) in &self.session.proven {
                let pair = (local.clone(), remote.clone());
                // Whether it could be reached does not matter any more.
                links.get(&pair).into_iter().for_each(|link| link.forgive());
                lanes.insert(pair, Arc::clone(desk));
            }
        }
        if let (Role::Initiating, true, Some(remote)) = (self.role, self.multiplexes, &self.remote) {
            self.s2s.hubs.lock().insert(remote.clone(), Arc::clone(desk));
        }
    }

    pub(super) fn leave_places(&mut self) {
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
        let parted = Parted { by_us, until: Instant::now() + self.config.resume_time_max.0 };
        let Some(broken) = Broken::new(&session, parted) else {
            self.lose(session, None);
            return Ended::Over;
        };
        if !by_us {
            // What may have arrived has to wait for what the other server says; the rest may go another way.
            let links = std::mem::take(&mut session.links);
            let (held, free): (Vec<_>, Vec<_>) = links.into_iter().partition(|link| session.owes(link));
            session.links = held;
            free.into_iter().for_each(|link| self.look_again(link));
        }
        let desk = Arc::clone(&session.desk);
        match self.sessions.part(session, parted, self.config.pairs_max) {
            Parting::HandedOver => Ended::Over,
            Parting::Over(session) => {
                self.lose(session, None);
                Ended::Over
            }
            Parting::Waits(displaced) => {
                displaced.into_iter().for_each(|session| self.lose(session, None));
                self.decline(desk.take());
                debug!(by_us, "A stream with another server may be resumed.");
                if by_us {
                    return Ended::Parted(broken);
                }
                let (this, shutdown) = (Arc::clone(self), self.shared.shutdown());
                self.spawn(async move { this.wait_for_heir(broken, shutdown).await });
                Ended::Over
            }
        }
    }
}

/// A stream that has lived for so long was good for something.
const GOOD_TIME: Duration = Duration::from_secs(30);
