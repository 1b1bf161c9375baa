//! Where others leave word for the task of a stream.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::link::Link;
use crate::session::Session;

/// Belongs to a session, not to one connection: who holds it need not know that the stream was resumed.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    wake: Notify,
    /// None: nobody reads them any more.
    asks: Mutex<Asks>,
}

#[derive(Debug, Default)]
struct Asks {
    closed: bool,
    waiting: Vec<Ask>,
}

/// What a stream is asked.
#[derive(Debug)]
pub(crate) enum Ask {
    /// To send what waits there as well: that pair is proven on it.
    Serve(Arc<Link>),
    /// To prove that pair by dialback, and then to serve it; false is told if that failed.
    Prove(Arc<Link>, oneshot::Sender<bool>),
    /// To note that the question with this id was answered.
    Confirm(String),
    /// To end, and to leave the session to who resumes it.
    HandOver(oneshot::Sender<Box<Session>>),
}

impl Ask {
    pub(crate) fn is_for_heir(&self) -> bool {
        matches!(self, Self::HandOver(_))
    }
}

impl Desk {
    /// Something waits in one of the links.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// False: nobody is there.
    pub(crate) fn ask(&self, ask: Ask) -> bool {
        let mut asks = self.asks.lock();
        if asks.closed {
            return false;
        }
        asks.waiting.push(ask);
        drop(asks);
        self.wake();
        true
    }

    /// Until there is something to look at.
    pub(crate) async fn called(&self) {
        self.wake.notified().await;
    }

    /// What somebody else is to look at, before what was asked since.
    pub(crate) fn put_back(&self, mut asks: Vec<Ask>) {
        let mut known = self.asks.lock();
        asks.append(&mut known.waiting);
        known.waiting = asks;
        drop(known);
        self.wake();
    }

    pub(crate) fn take(&self) -> Vec<Ask> {
        std::mem::take(&mut self.asks.lock().waiting)
    }

    /// Takes nothing any more; what was asked and not looked at.
    pub(crate) fn close(&self) -> Vec<Ask> {
        let mut asks = self.asks.lock();
        asks.closed = true;
        std::mem::take(&mut asks.waiting)
    }
}
