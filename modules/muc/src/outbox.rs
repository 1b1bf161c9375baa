//! What leaves a room, in order. Whoever put something in sends what is there, unless somebody else is at it.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;
use waxwing_core::prelude::*;
use waxwing_core::{Origin, Router};

use crate::turn::Outgoing;

/// The stanzas of one room that wait to be routed.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// There is room again.
    drained: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Outgoing>,
    /// Copies in all items together.
    waiting: usize,
    /// Somebody sends.
    busy: bool,
}

impl Outbox {
    /// Puts stanzas in. Under the lock of the room, so that their order is that of what happened in it.
    ///
    /// Returns how many copies they are.
    pub(crate) fn push(&self, items: VecDeque<Outgoing>) -> usize {
        let copies = items.iter().map(Outgoing::copies).sum();
        let mut queue = self.queue.lock();
        queue.waiting += copies;
        queue.items.extend(items);
        copies
    }

    /// Waits while more than `max` copies wait: who makes work waits for it.
    pub(crate) async fn has_room(&self, max: usize) {
        loop {
            let drained = self.drained.notified();
            let (waiting, busy) = {
                let queue = self.queue.lock();
                (queue.waiting, queue.busy)
            };
            // Where nobody is at work the next one is whoever asks here.
            if waiting <= max || !busy {
                return;
            }
            drained.await;
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().items.is_empty()
    }

    /// Routes what waits, unless somebody else does. The custody is of the messages for somebody alone.
    pub(crate) async fn drain(&self, router: &Router) -> Custody {
        let mut custody = Custody::memory();
        if !self.begin() {
            return custody;
        }
        // A connection that ends in the middle must not keep others from going on.
        let mut sending = Sending { outbox: self, done: false };
        while let Some(stanza) = self.next() {
            let alone = matches!(stanza.kind, Kind::Message(MessageType::Normal | MessageType::Chat));
            let sent = router.route(stanza, Origin::Server, Custody::memory()).await;
            if alone {
                custody.join(sent);
            }
            self.advance();
        }
        // From here on it may be another's.
        sending.done = true;
        custody
    }

    fn begin(&self) -> bool {
        let mut queue = self.queue.lock();
        !queue.items.is_empty() && !std::mem::replace(&mut queue.busy, true)
    }

    /// The next stanza; at the end nobody sends any more.
    fn next(&self) -> Option<Stanza> {
        let mut queue = self.queue.lock();
        let next = queue.items.front().and_then(Outgoing::next);
        if next.is_none() {
            queue.items.clear();
            queue.waiting = 0;
            queue.busy = false;
        }
        next
    }

    /// It has gone.
    fn advance(&self) {
        let mut queue = self.queue.lock();
        queue.waiting = queue.waiting.saturating_sub(1);
        if queue.items.front_mut().is_some_and(Outgoing::is_last) {
            queue.items.pop_front();
        }
        drop(queue);
        self.drained.notify_waiters();
    }
}

/// Somebody routes stanzas of the outbox.
struct Sending<'a> {
    outbox: &'a Outbox,
    done: bool,
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.outbox.queue.lock().busy = false;
        }
        self.outbox.drained.notify_waiters();
    }
}

impl Outgoing {
    fn copies(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many { to, at, .. } => to.len().saturating_sub(*at),
        }
    }

    fn next(&self) -> Option<Stanza> {
        match self {
            Self::One(stanza) => Some(stanza.clone()),
            Self::Many { stanza, to, at } => to.get(*at).map(|to| stanza.clone().to(to)),
        }
    }

    /// Goes on to the next copy; true: there is none.
    fn is_last(&mut self) -> bool {
        match self {
            Self::One(_) => true,
            Self::Many { to, at, .. } => {
                *at += 1;
                *at >= to.len()
            }
        }
    }
}
