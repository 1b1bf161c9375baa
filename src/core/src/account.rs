//! A local account while it is in use: its sessions and what modules remember of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use waxwing_store::AccountNumber;
use waxwing_xmpp::{BareJid, Condition, Jid, StanzaError, StreamCondition, StreamError};

use crate::slots::Slots;
use crate::{CloseReason, HostRef, Peer, SavedSession, Session, SessionRef};

/// A handle to an account.
pub type AccountRef = Arc<Account>;

/// An account in use. It is loaded when it is first needed and forgotten some minutes after the last use.
#[derive(Debug)]
pub struct Account {
    number: AccountNumber,
    jid: BareJid,
    host: HostRef,
    slots: Slots,
    /// The arrival lock: everything that arrives at the account passes it, so that the order of its log is the
    /// order of its mailboxes. Never held across an await.
    sessions: Mutex<Arc<Vec<SessionRef>>>,
    used_at: AtomicI64,
}

/// What to do when a resource is taken (RFC 6120 §7.7.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceConflict {
    /// The old session is closed with `conflict`: most often its connection is dead.
    #[default]
    ReplaceOld,
    /// The new session gets another resourcepart from the server.
    RenameNew,
    /// The new session is refused with `conflict`.
    RefuseNew,
}

impl Account {
    pub(crate) fn new(number: AccountNumber, jid: BareJid, host: HostRef) -> Self {
        let slots = Slots::new(host.account_slots());
        Self { number, jid, host, slots, sessions: Mutex::default(), used_at: AtomicI64::new(0) }
    }

    /// Its number: the key of its rows.
    pub fn number(&self) -> AccountNumber {
        self.number
    }

    /// Its address.
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// Its host.
    pub fn host(&self) -> &HostRef {
        &self.host
    }

    /// Its sessions at this moment.
    pub fn sessions(&self) -> Vec<SessionRef> {
        self.sessions.lock().to_vec()
    }

    /// The session with this resourcepart.
    pub fn session(&self, resource: &str) -> Option<SessionRef> {
        self.sessions.lock().iter().find(|session| session.jid().resource() == Some(resource)).cloned()
    }

    /// Whether any session is available.
    pub fn is_available(&self) -> bool {
        self.sessions.lock().iter().any(|session| session.is_available())
    }

    /// Runs `arrive` under the arrival lock with the sessions of this moment. It must not wait for anything.
    pub fn arrive<R>(&self, arrive: impl FnOnce(&Arc<Vec<SessionRef>>) -> R) -> R {
        arrive(&self.sessions.lock())
    }

    /// Binds a resource ([RFC 6120 §7](https://www.rfc-editor.org/rfc/rfc6120#section-7)). `wanted`: what the
    /// client asked for.
    ///
    /// # Errors
    /// `bad-request` for a resourcepart that cannot be prepared, `conflict` where the policy says so, and
    /// `resource-constraint` when the account has too many sessions (§7.6.2.1).
    pub fn bind(
        self: &Arc<Self>,
        wanted: Option<&str>,
        conflict: ResourceConflict,
        peer: Peer,
    ) -> Result<SessionRef, StanzaError> {
        let mut jid = self.resource(wanted)?;
        let mut sessions = self.sessions.lock();
        let sessions = Arc::make_mut(&mut sessions);
        let taken = sessions.iter().position(|session| session.jid() == &jid);
        let mut replaced = Vec::new();
        match (taken, conflict) {
            (None, _) => {}
            (Some(index), ResourceConflict::ReplaceOld) => {
                let error =
                    StreamError::new(StreamCondition::Conflict).text("Another session took this resource.");
                let old = sessions.remove(index);
                old.close(CloseReason::Error(error));
                replaced.push(old);
            }
            (Some(_), ResourceConflict::RenameNew) => jid = self.resource(None)?,
            (Some(_), ResourceConflict::RefuseNew) => return Err(Condition::Conflict.into()),
        }
        if sessions.len() >= self.host.limits().sessions_per_account_max {
            // Who only sleeps makes room.
            let Some(index) = sessions.iter().position(|session| session.is_asleep()) else {
                return Err(StanzaError::from(Condition::ResourceConstraint).text("Too many sessions."));
            };
            let old = sessions.remove(index);
            let error = StreamError::new(StreamCondition::ResourceConstraint);
            old.close(CloseReason::Error(error.text("Too many sessions.")));
            replaced.push(old);
        }
        let session = Session::new(self, jid, peer, self.host.clock().now());
        for old in replaced.into_iter().filter(|old| old.is_asleep()) {
            session.replaces(old);
        }
        sessions.push(Arc::clone(&session));
        Ok(session)
    }

    /// The full JID for a wanted resourcepart, or for one of ours.
    fn resource(&self, wanted: Option<&str>) -> Result<Jid, StanzaError> {
        let made = self.host.random().id();
        let resource = wanted.filter(|name| !name.is_empty()).unwrap_or(made.as_str());
        // RFC 6120 §7.7.2.1: what cannot be prepared is bad-request.
        self.jid
            .with_resource(resource)
            .map_err(|error| StanzaError::from(Condition::BadRequest).text(error.to_string()))
    }

    /// Takes back a session that was saved by another process; it is asleep, and holds at most `bytes_max`. `since`: the
    /// rows of the log that came for it after it was saved.
    /// None: the record cannot be used, or the resource is taken.
    pub fn restore(
        self: &Arc<Self>,
        saved: SavedSession,
        bytes_max: usize,
        since: &[u64],
    ) -> Option<SessionRef> {
        let session = Session::restore(self, saved, bytes_max)?;
        let mut sessions = self.sessions.lock();
        if sessions.iter().any(|other| other.jid() == session.jid()) {
            return None;
        }
        let rows = session.unacked_rows();
        if let Some(log) = self.host.log() {
            rows.iter().for_each(|row| log.handed(self, session.id(), *row));
        }
        for position in since.iter().filter(|position| rows.iter().all(|row| row.position != **position)) {
            session.hand_late(*position);
        }
        Arc::make_mut(&mut sessions).push(Arc::clone(&session));
        Some(session)
    }

    /// Takes a session out, so that nothing is delivered to it any more, and what it has left, by `left`. Messages of
    /// the log that nobody else has go to those who may take them (RFC 6121 §8.5.3.2), else stay owed.
    pub(crate) fn unbind<R>(&self, session: &Session, left: impl FnOnce() -> R) -> R {
        let mut sessions = self.sessions.lock();
        Arc::make_mut(&mut sessions).retain(|other| other.id() != session.id());
        self.touch();
        let left = left();
        let released = self.host.log().map(|log| log.released(self, session.id())).unwrap_or_default();
        let takes = |session: &&SessionRef| session.priority().is_some_and(|priority| priority >= 0);
        for heir in sessions.iter().filter(takes) {
            for position in &released {
                heir.hand_late(*position);
            }
        }
        left
    }

    /// Closes every session but one.
    pub fn close_sessions(&self, except: Option<&Session>, error: &StreamError) {
        for session in self.sessions() {
            if except.is_none_or(|keep| keep.id() != session.id()) {
                session.close(CloseReason::Error(error.clone()));
            }
        }
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn touch(&self) {
        self.used_at.store(self.host.clock().now().0, Ordering::Relaxed);
    }

    /// Whether nobody has used it since `before` and it has no session.
    pub(crate) fn is_idle(&self, before: i64) -> bool {
        self.used_at.load(Ordering::Relaxed) < before && self.sessions.lock().is_empty()
    }
}
