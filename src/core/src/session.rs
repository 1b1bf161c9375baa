//! One connected resource of an account, as the rest of the server sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI16, AtomicU64, Ordering};

use parking_lot::Mutex;
use waxwing_xmpp::datetime::Timestamp;
use waxwing_xmpp::{Jid, Stanza, StreamError};

use crate::mailbox::Refused;
use crate::slots::Slots;
use crate::{AccountRef, HostRef, Mailbox, Notice, Outbound, Peer};

/// A handle to a session.
pub type SessionRef = Arc<Session>;

/// Names a session in logs; unique within one run of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub u64);

/// Why a session is asked to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// Its mailbox was full: the client reads too slowly.
    Overflow,
    /// With this stream error.
    Error(StreamError),
}

/// A connected resource. Its connection task owns the stream; everybody else only puts stanzas into its mailbox.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    jid: Jid,
    account: AccountRef,
    peer: Peer,
    bound_at: Timestamp,
    mailbox: Mailbox,
    slots: Slots,
    priority: AtomicI16,
    presence: Mutex<Option<Stanza>>,
    close: Mutex<Option<CloseReason>>,
}

impl Session {
    pub(crate) fn new(account: &AccountRef, jid: Jid, peer: Peer) -> Self {
        let host = account.host();
        Self {
            id: SessionId(NEXT.fetch_add(1, Ordering::Relaxed)),
            jid,
            account: Arc::clone(account),
            peer,
            bound_at: host.clock().now(),
            mailbox: Mailbox::new(host.limits().mailbox_bytes_max.0),
            slots: Slots::new(host.session_slots()),
            priority: AtomicI16::new(UNAVAILABLE),
            presence: Mutex::new(None),
            close: Mutex::new(None),
        }
    }

    /// Tells the modules that the resource is bound; its connection calls this before the first stanza.
    pub async fn opened(self: &Arc<Self>) {
        self.host().notify(Notice::SessionBound(Arc::clone(self))).await;
    }

    /// Takes the session out of its account, tells the modules, and routes anew what only it was to get. Its
    /// connection calls this once, at the end.
    pub async fn closed(self: &Arc<Self>) {
        self.account.unbind(self);
        let unsent = self.mailbox.close();
        self.host().notify(Notice::SessionClosed(Arc::clone(self))).await;
        self.host().router().return_unsent(unsent).await;
    }

    /// Its short name for logs.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Its full JID.
    pub fn jid(&self) -> &Jid {
        &self.jid
    }

    /// The account it belongs to.
    pub fn account(&self) -> &AccountRef {
        &self.account
    }

    /// Its host.
    pub fn host(&self) -> &HostRef {
        self.account.host()
    }

    /// The other end.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// When the resource was bound.
    pub fn bound_at(&self) -> Timestamp {
        self.bound_at
    }

    /// The mailbox; only the connection task takes from it.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Gives the client a stanza, without any hook. False: the mailbox is full or closed; if it was full the
    /// session is asked to close.
    pub fn send(&self, stanza: Stanza) -> bool {
        self.put(Outbound::Stanza { stanza, sole: false })
    }

    pub(crate) fn put(&self, item: Outbound) -> bool {
        match self.mailbox.push(item) {
            Ok(()) => true,
            Err(Refused) => {
                self.close(CloseReason::Overflow);
                false
            }
        }
    }

    /// Asks the connection task to end the stream; the first reason stays.
    pub fn close(&self, reason: CloseReason) {
        self.close.lock().get_or_insert(reason);
        self.mailbox.wake();
    }

    /// Why the session was asked to close, if it was.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close.lock().clone()
    }

    /// The presence it last sent to all, if it is available.
    pub fn presence(&self) -> Option<Stanza> {
        self.presence.lock().clone()
    }

    /// Makes it available with this presence, or unavailable. Returns the presence before.
    pub fn set_presence(&self, presence: Option<Stanza>) -> Option<Stanza> {
        let priority = presence.as_ref().map_or(UNAVAILABLE, |stanza| i16::from(stanza.priority()));
        self.priority.store(priority, Ordering::Release);
        std::mem::replace(&mut *self.presence.lock(), presence)
    }

    /// Whether it is available (RFC 6121 §4.1).
    pub fn is_available(&self) -> bool {
        self.priority().is_some()
    }

    /// The priority of its presence; None while it is not available.
    pub fn priority(&self) -> Option<i8> {
        i8::try_from(self.priority.load(Ordering::Acquire)).ok()
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// No priority that a presence can have.
const UNAVAILABLE: i16 = i16::MIN;
