//! One resource of an account, as the rest of the server sees it: connected, or asleep until its client resumes it.

use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use waxwing_xmpp::datetime::Timestamp;
use waxwing_xmpp::{Jid, Stanza, StreamCondition, StreamError};

use crate::acks::TooHigh;
use crate::mailbox::{Delivery, Logged, Refused, Shape};
use crate::slots::Slots;
use crate::{AccountRef, HostRef, Mailbox, Notice, Outbound, Peer};

mod out;
mod saved;
mod stream;

pub use out::Next;
pub use saved::{SavedDelivery, SavedSession};
use stream::Stream;

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
    /// Its client has resumed it on another stream: the old stream ends, the session goes on.
    Resumed,
    /// With this stream error.
    Error(StreamError),
}

impl CloseReason {
    /// Whether the session ends with the stream.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Resumed => false,
            Self::Overflow => true,
            Self::Error(error) => !matches!(
                error.condition,
                StreamCondition::SystemShutdown | StreamCondition::ConnectionTimeout
            ),
        }
    }
}

/// Why a session was not resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotWoken {
    /// It has ended or is about to.
    Ended,
    /// The client says that it has what it was never sent.
    TooHigh(TooHigh),
}

/// A resource. While it is connected its connection task owns the stream; everybody else only puts stanzas into its
/// mailbox. Without a connection it is asleep, if its stream may be resumed, or closed.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    jid: Jid,
    account: AccountRef,
    peer: Mutex<Peer>,
    bound_at: Timestamp,
    mailbox: Mailbox,
    slots: Slots,
    priority: AtomicI16,
    presence: Mutex<Option<Stanza>>,
    close: Mutex<Option<CloseReason>>,
    stream: Mutex<Stream>,
    /// Whether no connection serves it; changed under the account's arrival lock.
    asleep: watch::Sender<bool>,
    /// Something of what a record of the session would say has changed since the last one.
    changed: AtomicBool,
    /// … so that it would be wrong, not only old.
    stale: AtomicBool,
    /// Sleeping sessions that this one has taken the place of; they are closed when it opens.
    replaced: Mutex<Vec<SessionRef>>,
    /// It was made by another process.
    restored: AtomicBool,
    /// Rows of the log up to this position it has got before, or were not for it: 0 unless it was restored.
    horizon: AtomicU64,
    me: Weak<Session>,
}

impl Session {
    pub(crate) fn new(account: &AccountRef, jid: Jid, peer: Peer, bound_at: Timestamp) -> SessionRef {
        let host = account.host();
        Arc::new_cyclic(|me| Self {
            id: SessionId(NEXT.fetch_add(1, Ordering::Relaxed)),
            jid,
            account: Arc::clone(account),
            peer: Mutex::new(peer),
            bound_at,
            mailbox: Mailbox::new(host.limits().mailbox_bytes_max.0),
            slots: Slots::new(host.session_slots()),
            priority: AtomicI16::new(UNAVAILABLE),
            presence: Mutex::new(None),
            close: Mutex::new(None),
            stream: Mutex::default(),
            asleep: watch::Sender::new(false),
            changed: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            replaced: Mutex::default(),
            restored: AtomicBool::new(false),
            horizon: AtomicU64::new(0),
            me: Weak::clone(me),
        })
    }

    /// Tells the modules that the resource is bound; its connection calls this before the first stanza.
    pub async fn opened(self: &Arc<Self>) {
        let replaced = std::mem::take(&mut *self.replaced.lock());
        for old in replaced {
            old.closed().await;
        }
        self.host().notify(Notice::SessionBound(Arc::clone(self))).await;
    }

    pub(crate) fn replaces(&self, old: SessionRef) {
        self.replaced.lock().push(old);
    }

    /// Takes the session out of its account, tells the modules, and sees to what its client has not acknowledged:
    /// what lies in the log stays owed to the account, the rest is routed anew. Its connection calls this once, at the
    /// end; for a session that is asleep, whoever finds that it will not be resumed.
    pub async fn closed(self: &Arc<Self>) {
        let left = self.account.unbind(self, || {
            let mut left: Vec<Delivery> = self.stream.lock().take();
            left.extend(self.mailbox.close());
            left
        });
        self.host().notify(Notice::SessionClosed(Arc::clone(self))).await;
        // Whoever waits for it to fall asleep finds that it has ended.
        self.asleep.send_replace(true);
        self.host().router().return_unsent(left).await;
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

    /// The other end, of the last connection if there is none.
    pub fn peer(&self) -> Peer {
        *self.peer.lock()
    }

    /// When the resource was bound.
    pub fn bound_at(&self) -> Timestamp {
        self.bound_at
    }

    /// The mailbox.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Gives the client a stanza, without any hook. False: the mailbox is full or closed; if it was full the
    /// session is asked to close.
    pub fn send(&self, stanza: Stanza) -> bool {
        self.put(Delivery::new(stanza, false))
    }

    /// Gives the client bytes of the stream itself, already framed.
    pub fn send_raw(&self, bytes: Bytes) -> bool {
        self.push(Outbound::Raw(bytes))
    }

    /// Gives the client a message of the log. Under the account's arrival lock only.
    pub fn hand(&self, stanza: Stanza, position: u64, shape: Shape, sole: bool) -> bool {
        let row = Logged { position, shape, late: false };
        self.hand_row(row, Delivery { stanza: Some(stanza), logged: Some(row), sole, released: false })
    }

    /// Gives the client a message that the account is owed; it is read when its turn comes. Under the account's
    /// arrival lock only.
    pub(crate) fn hand_late(&self, position: u64) -> bool {
        if position <= self.horizon.load(Ordering::Relaxed) {
            // Nothing comes twice; who logs in next gets what nobody has.
            return true;
        }
        let row = Logged { position, shape: Shape::Original, late: true };
        self.hand_row(row, Delivery::row(row))
    }

    fn hand_row(&self, row: Logged, delivery: Delivery) -> bool {
        let taken = self.put(delivery);
        if let (true, Some(log)) = (taken, self.host().log()) {
            log.handed(&self.account, self.id, row);
        }
        taken
    }

    pub(crate) fn put(&self, delivery: Delivery) -> bool {
        let logged = delivery.logged.is_some();
        let taken = self.push(Outbound::Stanza(delivery));
        if self.is_asleep() {
            // What lies in the log is found again even where the record does not say so.
            self.note_change(!logged);
        }
        taken
    }

    fn push(&self, item: Outbound) -> bool {
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

    /// The same, unless it is asleep: then nobody would end it, and false.
    pub fn close_connection(&self, reason: CloseReason) -> bool {
        self.account.arrive(|_| {
            let awake = !self.is_asleep();
            if awake {
                self.close(reason);
            }
            awake
        })
    }

    /// Why the session was asked to close, if it was.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close.lock().clone()
    }

    /// The presence it last sent to all, if it is available.
    pub fn presence(&self) -> Option<Stanza> {
        self.presence.lock().clone()
    }

    /// Makes it available with this presence, or unavailable. Returns the presence before. With the first presence of
    /// non-negative priority it is handed what the account is owed (XEP-0160 §2).
    pub fn set_presence(&self, presence: Option<Stanza>) -> Option<Stanza> {
        let priority = presence.as_ref().map_or(UNAVAILABLE, |stanza| i16::from(stanza.priority()));
        let before = self.account.arrive(|sessions| {
            let takes = self.priority().is_some_and(|priority| priority >= 0);
            self.priority.store(priority, Ordering::Release);
            if !takes && priority >= 0 {
                self.hand_owed(sessions);
            }
            std::mem::replace(&mut *self.presence.lock(), presence)
        });
        self.touch();
        before
    }

    /// Hands it all that the account is owed. Under the arrival lock.
    fn hand_owed(&self, sessions: &[SessionRef]) {
        let Some(log) = self.host().log() else { return };
        for position in log.owed(&self.account, self, sessions) {
            if !self.hand_late(position) {
                break;
            }
        }
    }

    /// Whether it is available (RFC 6121 §4.1).
    pub fn is_available(&self) -> bool {
        self.priority().is_some()
    }

    /// The priority of its presence; None while it is not available.
    pub fn priority(&self) -> Option<i8> {
        i8::try_from(self.priority.load(Ordering::Acquire)).ok()
    }

    /// Whether no connection serves it.
    pub fn is_asleep(&self) -> bool {
        *self.asleep.borrow()
    }

    /// Whether another process has made it and nobody has resumed it since: others may have come and gone in between.
    pub fn is_restored(&self) -> bool {
        self.restored.load(Ordering::Relaxed)
    }

    /// Resolves when no connection serves it any more: it is asleep or closed.
    pub async fn fallen_asleep(&self) {
        // The sender lives as long as `self`.
        drop(self.asleep.subscribe().wait_for(|asleep| *asleep).await);
    }

    /// The connection is gone, the session stays: at most `bytes_max` wait for its client. Its connection calls this
    /// instead of [`Session::closed`]. False: the account has let go of it, or it has to end; it is not asleep.
    pub async fn sleep(self: &Arc<Self>, bytes_max: usize) -> bool {
        let slept = self.account.arrive(|sessions| {
            let mut close = self.close.lock();
            if !sessions.contains(self) || close.as_ref().is_some_and(CloseReason::is_final) {
                return false;
            }
            let held = self.stream.lock().sleep();
            self.mailbox.put_front(held);
            self.mailbox.sleep(bytes_max);
            // What was said of the stream says nothing of the session.
            *close = None;
            self.asleep.send_replace(true);
            true
        });
        if slept {
            self.touch();
            self.host().notify(Notice::SessionSleeps(Arc::clone(self))).await;
        }
        slept
    }

    /// A client resumes it over a new connection, having handled `h` stanzas: what it did not acknowledge is written
    /// again, then what came since (XEP-0198 §5).
    ///
    /// # Errors
    /// It has ended meanwhile, or the count cannot be: the session cannot be resumed.
    pub fn wake(&self, h: u32, peer: Peer) -> Result<(), NotWoken> {
        let bytes_max = self.host().limits().mailbox_bytes_max.0;
        let acked = self.account.arrive(|sessions| {
            let here = sessions.iter().any(|session| session.id == self.id);
            if !here || !self.is_asleep() || self.close.lock().is_some() {
                return Err(NotWoken::Ended);
            }
            let acked = self.stream.lock().resumed(h).map_err(NotWoken::TooHigh)?;
            let again = self.stream.lock().again();
            self.mailbox.put_front(again);
            self.mailbox.awake(bytes_max);
            *self.peer.lock() = peer;
            self.asleep.send_replace(false);
            Ok(acked)
        })?;
        self.settle(acked);
        self.touch();
        Ok(())
    }

    /// Its new connection serves it; tells the modules.
    pub async fn resumed(self: &Arc<Self>) {
        self.host().notify(Notice::SessionResumed(Arc::clone(self))).await;
        self.restored.store(false, Ordering::Relaxed);
    }

    /// Tells who keeps records of sessions that this one has changed.
    pub fn touch(&self) {
        self.note_change(true);
    }

    /// `stale`: a record from before would be wrong, not only old.
    fn note_change(&self, stale: bool) {
        if !self.is_resumable() || (self.changed.swap(true, Ordering::AcqRel) && !stale) {
            return;
        }
        if stale && self.stale.swap(true, Ordering::AcqRel) {
            return;
        }
        if let (Some(resumption), Some(me)) =
            (self.host().service::<dyn crate::Resumption>(), self.me.upgrade())
        {
            resumption.changed(&me, stale);
        }
    }

    /// A record is about to be made; changes from now on count anew.
    pub fn untouched(&self) {
        // In this order: what becomes stale in between is told once more.
        self.stale.store(false, Ordering::Release);
        self.changed.store(false, Ordering::Release);
    }

    /// Whether it has changed since [`Session::untouched`].
    pub fn is_touched(&self) -> bool {
        self.changed.load(Ordering::Acquire)
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
