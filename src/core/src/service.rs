//! Services that the core itself calls; modules provide them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use waxwing_store::{AccountNumber, StoreError};
use waxwing_xmpp::{BareJid, Domain, Jid, Stanza};

use crate::{Account, AccountRef, Custody, Logged, Session, SessionId, SessionRef};

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which accounts exist on a host.
pub trait Accounts: Send + Sync {
    /// The number of the account with this (prepared) localpart.
    fn find<'a>(&'a self, local: &'a str) -> BoxFuture<'a, Result<Option<AccountNumber>, StoreError>>;
}

/// Who may see whose presence.
pub trait Contacts: Send + Sync {
    /// Whether `who` may see that `account` is there: by subscription (`from` or `both`), by directed presence, or
    /// because it is the account itself (RFC 6121 §8.5.3.1).
    fn sees<'a>(&'a self, account: &'a AccountRef, who: &'a Jid) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// The contacts that are subscribed to the account's presence (`from` or `both`); none where nobody knows.
    fn subscribers<'a>(
        &'a self,
        _account: &'a AccountRef,
    ) -> BoxFuture<'a, Result<Vec<BareJid>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// Whom an account wants nothing to do with. Stanzas of clients are stopped at the gates; who sends something in the
/// account's name by itself (presence broadcasts, probes) asks here first.
pub trait Blocks: Send + Sync {
    /// Whether `account` has blocked `who`.
    fn blocks<'a>(&'a self, account: &'a AccountRef, who: &'a Jid)
    -> BoxFuture<'a, Result<bool, StoreError>>;
}

/// An account's log: each message that must not be lost has a row there, and the account is owed it until one of its
/// clients has acknowledged it. All of it is about one account at a time and never waits, but for reading.
pub trait AccountLog: Send + Sync {
    /// Reads rows in the shape in which a session gets them; none for what is no longer there.
    fn read<'a>(
        &'a self,
        session: &'a Session,
        rows: &'a [Logged],
    ) -> BoxFuture<'a, Result<Vec<Option<Stanza>>, StoreError>>;

    /// A session has been handed a row.
    fn handed(&self, account: &Account, session: SessionId, row: Logged);

    /// A client has acknowledged rows: nobody is owed them any more. A copy counts for that only if somebody has been
    /// handed the message itself.
    fn acked(&self, account: &Account, session: SessionId, rows: &[Logged]);

    /// A session has ended. Returns what it was handed and nobody else has been, nor acknowledged, oldest first.
    fn released(&self, account: &Account, session: SessionId) -> Vec<u64>;

    /// What the account is owed and `session` has not been handed, oldest first: rows that nobody has acknowledged and
    /// no session of `sessions` that is awake holds. Copies hold only what somebody has been handed itself.
    fn owed(&self, account: &Account, session: &Session, sessions: &[SessionRef]) -> Vec<u64>;

    /// The last position that was given out.
    fn last(&self, account: &Account) -> u64;
}

/// Keeps records of sessions that may be resumed.
pub trait Resumption: Send + Sync {
    /// What a record of the session would say has changed; called once until [`Session::untouched`], and once more if
    /// the change is such that a record from before is wrong (`stale`), not only old.
    fn changed(&self, session: &SessionRef, stale: bool);
}

/// Takes stanzas for other servers.
pub trait RemoteDelivery: Send + Sync {
    /// Takes responsibility for a stanza; later failures bounce it by the router. `from` is a host of ours, or a domain
    /// that an external service serves ([`crate::External`]).
    fn deliver(&self, from: &Domain, to: &Domain, stanza: Stanza, custody: &mut Custody);
}

/// What modules of one host give each other, by type.
#[derive(Default)]
pub(crate) struct Services(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Services({})", self.0.len())
    }
}

impl Services {
    /// False if there is one of this type already.
    pub(crate) fn add<S: ?Sized + Send + Sync + 'static>(&mut self, service: Arc<S>) -> bool {
        self.0.insert(TypeId::of::<S>(), Box::new(service)).is_none()
    }

    pub(crate) fn find<S: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        self.0.get(&TypeId::of::<S>())?.downcast_ref::<Arc<S>>().cloned()
    }
}

/// A handle that is bound after all modules have started.
pub struct ServiceHandle<S: ?Sized>(Arc<OnceLock<Arc<S>>>);

impl<S: ?Sized> fmt::Debug for ServiceHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceHandle({})", std::any::type_name::<S>())
    }
}

impl<S: ?Sized> Clone for ServiceHandle<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: ?Sized + Send + Sync + 'static> ServiceHandle<S> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(OnceLock::new()))
    }

    pub(crate) fn bind(&self, services: &Services) {
        if let Some(service) = services.find::<S>() {
            // Bound once, at the end of the start.
            drop(self.0.set(service));
        }
    }

    /// The service; None before all modules have started, or where nobody provides it.
    pub fn get(&self) -> Option<&Arc<S>> {
        self.0.get()
    }
}
