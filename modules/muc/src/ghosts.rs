//! Occupants that are not there any more ([XEP-0045 §18.1.2](https://xmpp.org/extensions/xep-0045.html#impl-service-ghosts)),
//! and rooms that nobody needs.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, stream};
use waxwing_core::RequestError;
use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

use crate::Muc;
use crate::handle::Handle;
use crate::names::PING;
use crate::owner::Destroyed;

/// §18.1.2: these conditions say that somebody is gone.
fn means_gone(condition: Condition) -> bool {
    matches!(
        condition,
        Condition::Gone
            | Condition::ItemNotFound
            | Condition::RecipientUnavailable
            | Condition::Redirect
            | Condition::RemoteServerNotFound
            | Condition::RemoteServerTimeout
    )
}

impl Muc {
    /// An error about something that the room has sent.
    ///
    /// # Errors
    /// None that would be told: errors are not answered.
    pub(crate) async fn error_from(
        &self,
        handle: &Arc<Handle>,
        from: &Jid,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        let condition = stanza.error().map(|error| error.condition);
        // RFC 6121 §8.5.3.2: what is said to everybody comes back so from where no such client is. A client that has
        // blocked somebody (XEP-0191 §3.3) is there all the same.
        let doubtful = condition == Some(Condition::ServiceUnavailable) && !self.is_here(from).await;
        let nobody = condition == Some(Condition::ServiceUnavailable) && self.is_nobody(from).await;
        let done = self.turn(handle, true, |room, turn| {
            let private =
                matches!(stanza.kind, Kind::Message(_)) && room.return_error(turn, from, stanza, nobody);
            if condition.is_some_and(means_gone) || doubtful && !private {
                self.metrics.ghosts.inc();
                room.lose(turn, from);
            }
            Ok(())
        });
        self.settle(handle, done).await.map(drop).or(Ok(()))
    }

    /// Whether no account of this server has the address.
    async fn is_nobody(&self, address: &Jid) -> bool {
        let host = self.host.router().host(address.domain());
        let (Some(host), Some(local)) = (host, address.local()) else { return false };
        host.kind() == HostKind::Accounts && matches!(host.account(local).await, Ok(None))
    }

    /// Whether a client of this server is bound, or asleep.
    async fn is_here(&self, client: &Jid) -> bool {
        self.is_here_since(client, Timestamp(i64::MAX)).await
    }

    /// The same, and it was so at this time: it has not merely the name of one that was.
    async fn is_here_since(&self, client: &Jid, entered: Timestamp) -> bool {
        let Some(host) = self.host.router().host(client.domain()) else { return false };
        let (Some(local), Some(resource)) = (client.local(), client.resource()) else { return false };
        // If the store fails nobody is put out.
        let Ok(account) = host.account(local).await else { return true };
        let session = account.and_then(|account| account.session(resource));
        session.is_some_and(|session| session.bound_at() <= entered)
    }

    /// Whether a client belongs to an account of this server.
    fn is_ours(&self, client: &Jid) -> bool {
        self.host.router().host(client.domain()).is_some_and(|host| host.kind() == HostKind::Accounts)
    }

    /// Removes clients of this server that are not there: after a restart, say.
    pub(crate) async fn find_ghosts(&self, handle: &Arc<Handle>) {
        let clients: Vec<(Jid, Timestamp)> = {
            let room = handle.room.lock();
            let clients = room.occupants.values().flat_map(|occupant| occupant.clients.iter());
            clients.map(|client| (client.jid.clone(), client.entered)).collect()
        };
        let mut gone = Vec::new();
        for (client, entered) in clients.into_iter().filter(|(client, _)| self.is_ours(client)) {
            if !self.is_here_since(&client, entered).await {
                gone.push(client);
            }
        }
        if !gone.is_empty() {
            self.lose(handle, &gone).await;
        }
    }

    /// Removes clients that are not there any more.
    pub(crate) async fn lose(&self, handle: &Arc<Handle>, gone: &[Jid]) {
        let done = self.turn(handle, true, |room, turn| {
            gone.iter().for_each(|client| room.lose(turn, client));
            room.ends_if_empty(turn);
            Ok(())
        });
        self.metrics.ghosts.inc_by(u64::try_from(gone.len()).unwrap_or(0));
        // A room that is gone has no ghosts.
        self.settle(handle, done).await.ok();
    }

    /// Each minute: rooms that nobody needs are forgotten, and those that were never configured go.
    pub(crate) async fn sweep(self: Arc<Self>) {
        self.forget_idle();
        self.ending.lock().retain(|_, ticket| !ticket.is_applied());
        let handles: Vec<Arc<Handle>> = self.rooms.lock().all().cloned().collect();
        self.metrics.in_use.set(i64::try_from(handles.len()).unwrap_or(i64::MAX));
        for handle in handles {
            self.end_unconfigured(&handle).await;
        }
    }

    /// Each minute, beside that: clients that are not there any more. Those of other servers have a minute to answer, so
    /// several rooms are asked at once.
    pub(crate) async fn look_for_ghosts(self: Arc<Self>) {
        let handles: Vec<Arc<Handle>> = self.rooms.lock().all().cloned().collect();
        let look = async |handle: Arc<Handle>| {
            self.find_ghosts(&handle).await;
            self.probe(&handle).await;
        };
        stream::iter(handles).for_each_concurrent(ROOMS_AT_ONCE, look).await;
    }

    fn forget_idle(&self) {
        let before = self.host.clock().now().minus(IDLE).0;
        self.rooms.lock().forget_idle(before);
    }

    /// §10.1.1, step 5.
    async fn end_unconfigured(&self, handle: &Arc<Handle>) {
        let oldest = self.host.clock().now().minus(self.config().configure_time_max.0);
        let done = self.turn(handle, true, |room, turn| {
            if room.locked && room.created < oldest {
                let reason = Some("The room was not configured in time.".to_owned());
                room.destroy(turn, &Destroyed { reason, ..Destroyed::default() }.element());
            }
            Ok(())
        });
        self.settle(handle, done).await.ok();
    }

    /// §18.1.2: pings clients of other servers that have been silent for long.
    async fn probe(&self, handle: &Arc<Handle>) {
        let oldest = self.host.clock().now().minus(self.config().probe_after.0);
        let (room, silent) = {
            let room = handle.room.lock();
            let clients = room.occupants.values().flat_map(|occupant| occupant.clients.iter());
            let silent = clients.filter(|client| client.heard < oldest && !self.is_ours(&client.jid));
            let silent = silent.map(|client| client.jid.clone()).take(PROBES_MAX);
            (room.jid.clone(), silent.collect::<Vec<_>>())
        };
        if silent.is_empty() {
            return;
        }
        let answers = join_all(silent.iter().map(|client| self.ping(&room, client))).await;
        let gone = silent.iter().zip(&answers).filter(|(_, here)| !**here).map(|(jid, _)| jid);
        // Who has come back, or said something, while it was asked is there.
        let gone: Vec<Jid> = {
            let room = handle.room.lock();
            let heard = |jid: &Jid| {
                room.occupant_of(jid).and_then(|occupant| occupant.client(jid)).map(|client| client.heard)
            };
            gone.filter(|jid| heard(jid).is_some_and(|heard| heard < oldest)).cloned().collect()
        };
        self.note_heard(handle, &silent);
        if !gone.is_empty() {
            self.lose(handle, &gone).await;
        }
    }

    /// Those who answered need not be asked again soon.
    fn note_heard(&self, handle: &Handle, clients: &[Jid]) {
        let now = self.host.clock().now();
        let mut room = handle.room.lock();
        for client in clients {
            let there = room.occupant_of_mut(client).map(|occupant| occupant.clients.iter_mut());
            if let Some(found) = there.and_then(|mut all| all.find(|other| other.jid == *client)) {
                found.heard = now;
            }
        }
    }

    async fn ping(&self, room: &BareJid, client: &Jid) -> bool {
        let ping = Stanza::iq(IqType::Get, Text::new()).from(room).to(client).with(&Tree::new(PING, "ping"));
        match self.host.request(ping, PATIENCE).await {
            Ok(_) | Err(RequestError::TooMany) => true,
            // A client that knows no pings is there.
            Err(RequestError::Refused(error)) => !means_gone(error.condition),
            Err(RequestError::TimedOut) => false,
        }
    }

    /// What a connection that ended in the middle has left in outboxes.
    pub(crate) async fn drain_all(self: Arc<Self>) {
        let handles: Vec<Arc<Handle>> =
            self.rooms.lock().all().filter(|handle| !handle.outbox.is_empty()).cloned().collect();
        handles.iter().for_each(|handle| self.deliver(handle));
    }
}

/// A room is forgotten so long after its last use.
const IDLE: Duration = Duration::from_secs(300);
/// So many rooms are asked at once.
const ROOMS_AT_ONCE: usize = 16;
/// So many clients of one room are asked at once.
const PROBES_MAX: usize = 100;
/// So long they have to answer.
const PATIENCE: Duration = Duration::from_secs(60);
