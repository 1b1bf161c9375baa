//! A session as it outlives the process.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use waxwing_xmpp::{Stanza, Timestamp};

use super::stream::Stream;
use super::{Session, SessionRef};
use crate::acks::{Handled, Unacked};
use crate::mailbox::{Delivery, Logged};
use crate::{AccountRef, Peer};

/// All that is needed to resume a session in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// The localpart of the account.
    pub local: String,
    /// The resourcepart.
    pub resource: String,
    /// When it was bound, microseconds since the epoch.
    pub bound_at: i64,
    /// The address of the last connection.
    pub address: Option<IpAddr>,
    /// The presence it last sent to all.
    pub presence: Option<Vec<u8>>,
    /// Names the stream in rows of the log.
    pub key: u64,
    /// Stanzas of the client that are on disk.
    pub handled: u32,
    /// Stanzas that the client has acknowledged.
    pub acked: u32,
    /// What was written and not acknowledged.
    pub unacked: Vec<SavedDelivery>,
    /// What waits to be written.
    pub waiting: Vec<SavedDelivery>,
    /// Rows of the log up to this position it has got, or they are among the above, or they were not for it.
    pub horizon: u64,
    /// What modules remember of it, by name.
    pub slots: Vec<(String, Vec<u8>)>,
}

/// A stanza on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedDelivery {
    /// Its bytes, unless they lie in the log.
    stanza: Option<Vec<u8>>,
    logged: Option<Logged>,
    sole: bool,
}

impl SavedDelivery {
    fn of(delivery: &Delivery) -> Self {
        let stanza = delivery.stanza.as_ref().filter(|_| delivery.logged.is_none());
        Self { stanza: stanza.map(Stanza::to_store_bytes), logged: delivery.logged, sole: delivery.sole }
    }

    /// None: it is unreadable, and with it the session.
    fn restore(self) -> Option<Delivery> {
        let stanza = self.stanza.as_deref().and_then(Stanza::from_store_bytes);
        (stanza.is_some() || self.logged.is_some()).then_some(())?;
        Some(Delivery { stanza, logged: self.logged, sole: self.sole, released: true })
    }
}

impl Session {
    /// The session as it is now. Under the account's arrival lock only: what has a place in the log is in the mailbox of
    /// those it is for.
    pub fn save(&self) -> SavedSession {
        let last = self.host().log().map(|log| log.last(&self.account)).unwrap_or_default();
        let takes = self.priority().is_some_and(|priority| priority >= 0);
        let mut stream = self.stream.lock();
        // What is not on disk by now must not be in the count; a failure shows when the stream goes on.
        let handled = stream.handled.advance().unwrap_or_else(|_| stream.handled.count());
        let held = stream.held.iter().map(SavedDelivery::of);
        let waiting = held.chain(self.mailbox.deliveries().iter().map(SavedDelivery::of)).collect();
        SavedSession {
            local: self.account.jid().local().unwrap_or_default().to_owned(),
            resource: self.jid.resource().unwrap_or_default().to_owned(),
            bound_at: self.bound_at.0,
            address: Some(self.peer().address),
            presence: self.presence().as_ref().map(Stanza::to_store_bytes),
            key: stream.key,
            handled,
            acked: stream.unacked.acked(),
            unacked: stream.unacked.iter().map(SavedDelivery::of).collect(),
            waiting,
            horizon: if takes { last } else { 0 },
            slots: self.host().save_slots(self),
        }
    }

    /// A session that is asleep as it was saved; the account has to take it.
    pub(crate) fn restore(account: &AccountRef, saved: SavedSession, bytes_max: usize) -> Option<SessionRef> {
        let jid = account.jid().with_resource(&saved.resource).ok()?;
        let address = saved.address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let peer = Peer { address, secure: true };
        let session = Self::new(account, jid, peer, Timestamp(saved.bound_at));
        {
            let mut unacked = Vec::new();
            for item in saved.unacked {
                unacked.push(item.restore()?);
            }
            let (handled, noted, key) = (Handled::since(saved.handled), saved.handled, saved.key);
            let mut stream = Stream {
                acking: true,
                resumable: true,
                key,
                unacked: Unacked::since(saved.acked),
                handled,
                noted,
                ..Stream::default()
            };
            unacked.into_iter().for_each(|delivery| stream.sent(delivery));
            *session.stream.lock() = stream;
        }
        session.asleep.send_replace(true);
        session.horizon.store(saved.horizon, std::sync::atomic::Ordering::Relaxed);
        session.restored.store(true, std::sync::atomic::Ordering::Relaxed);
        session.mailbox.sleep(bytes_max);
        // Without limit: it was in when it was saved, and a hole would not be seen.
        let waiting: Option<Vec<Delivery>> = saved.waiting.into_iter().map(SavedDelivery::restore).collect();
        session.mailbox.put_front(waiting?);
        session.host().load_slots(&session, &saved.slots);
        if let Some(presence) = saved.presence.as_deref().and_then(Stanza::from_store_bytes) {
            session.priority.store(i16::from(presence.priority()), std::sync::atomic::Ordering::Release);
            *session.presence.lock() = Some(presence);
        }
        Some(session)
    }
}
