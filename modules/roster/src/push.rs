//! Roster pushes ([RFC 6121 §2.1.6](https://www.rfc-editor.org/rfc/rfc6121#section-2.1.6)): in the order of the
//! changes, and not before the change is on disk.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tracing::error;
use waxwing_core::prelude::*;
use waxwing_core::{Phase, Shutdown};

/// What stands in the queue.
enum Waiting {
    Push(Push),
    /// Somebody who wants to know when all before it have gone; told by being dropped.
    Watcher(#[expect(dead_code, reason = "only dropped")] oneshot::Sender<()>),
}

/// A push that waits for its change. Its recipients are settled when the change is made: who becomes interested
/// later has the change in the roster result.
struct Push {
    ticket: Option<Ticket>,
    to: Vec<SessionRef>,
    query: Child,
    /// Whose roster has changed; none if the change is old and only new to the recipient.
    change: Option<AccountRef>,
}

/// Told of every change of a roster that clients may see, in the order of the pushes and when it is on disk. Other
/// modules provide it.
pub trait RosterWatch: Send + Sync {
    /// `query`: as in a push. Must not wait.
    fn pushed(&self, account: &AccountRef, query: &Child);
}

/// Sends pushes in order.
pub(crate) struct Pusher {
    queue: Mutex<VecDeque<Waiting>>,
    wake: Notify,
    watch: ServiceHandle<dyn RosterWatch>,
}

impl fmt::Debug for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pusher({})", self.queue.lock().len())
    }
}

impl Pusher {
    pub(crate) fn new(watch: ServiceHandle<dyn RosterWatch>) -> Self {
        Self { queue: Mutex::default(), wake: Notify::new(), watch }
    }

    /// Sends a change when `ticket` is durable and all before it have gone; at once if that is so already. Called in the
    /// order of the changes.
    pub(crate) fn change(&self, ticket: Ticket, account: &AccountRef, to: Vec<SessionRef>, query: &Tree) {
        if to.is_empty() && self.watch.get().is_none() {
            return;
        }
        let change = Some(Arc::clone(account));
        self.push(Push { ticket: Some(ticket), to, query: query.to_child(), change });
    }

    /// Sends one resource a change that others have got.
    pub(crate) fn repeat(&self, ticket: Option<Ticket>, to: &SessionRef, query: &Tree) {
        self.push(Push { ticket, to: vec![Arc::clone(to)], query: query.to_child(), change: None });
    }

    fn push(&self, push: Push) {
        let mut queue = self.queue.lock();
        if queue.is_empty() && push.ticket.as_ref().is_none_or(Ticket::is_durable) {
            self.send(&push);
            return;
        }
        queue.push_back(Waiting::Push(push));
        drop(queue);
        self.wake.notify_one();
    }

    /// Returns when the pushes that wait now have gone, or never will.
    pub(crate) async fn settled(&self) {
        let gone = {
            let mut queue = self.queue.lock();
            if queue.is_empty() {
                return;
            }
            let (watcher, gone) = oneshot::channel();
            queue.push_back(Waiting::Watcher(watcher));
            gone
        };
        self.wake.notify_one();
        // Nothing is ever sent: the watcher is dropped.
        drop(gone.await);
    }

    /// Sends what waits, until the server stops.
    pub(crate) async fn run(&self, mut shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.reached(Phase::Stopping) => {
                    self.queue.lock().clear();
                    return;
                }
                () = self.wake.notified() => {}
            }
            while let Some(ticket) = self.next() {
                let durable = match ticket {
                    Some(ticket) => ticket.durable().await,
                    None => Ok(()),
                };
                let mut queue = self.queue.lock();
                match (durable, queue.pop_front()) {
                    (Ok(()), Some(Waiting::Push(push))) => self.send(&push),
                    (Err(error), Some(Waiting::Push(_))) => {
                        error!(%error, "A roster change was not written; nobody is told of it.")
                    }
                    (_, Some(Waiting::Watcher(_)) | None) => {}
                }
            }
        }
    }

    /// What the first in the queue waits for; None: the queue is empty.
    fn next(&self) -> Option<Option<Ticket>> {
        self.queue.lock().front().map(|waiting| match waiting {
            Waiting::Push(push) => push.ticket.clone(),
            Waiting::Watcher(_) => None,
        })
    }

    /// The client ignores pushes that come from anybody else, so there is no `from` (§2.1.6 rule 2).
    fn send(&self, push: &Push) {
        for session in &push.to {
            let id = session.host().random().id();
            let mut stanza = Stanza::iq(IqType::Set, id).to(session.jid().clone());
            stanza.children.push(push.query.clone());
            session.send(stanza);
        }
        if let (Some(account), Some(watch)) = (&push.change, self.watch.get()) {
            watch.pushed(account, &push.query);
        }
    }
}
