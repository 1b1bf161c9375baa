//! What waits to be written to one session: bounded in bytes, and nobody ever awaits it but its owner.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use waxwing_xmpp::Stanza;

/// One thing to be written to a session.
#[derive(Debug, Clone)]
pub enum Outbound {
    /// A stanza for the session's client.
    Stanza {
        /// The stanza.
        stanza: Stanza,
        /// Whether no other session got it: if this one closes first, it is routed anew.
        sole: bool,
    },
    /// Bytes of the stream itself (acks, nonzas), already framed.
    Raw(Bytes),
}

impl Outbound {
    /// What it counts for against the mailbox's limit: about the bytes it will take on the wire.
    pub fn weight(&self) -> usize {
        match self {
            Self::Stanza { stanza, .. } => OVERHEAD + stanza.children.byte_len(),
            Self::Raw(bytes) => bytes.len(),
        }
    }
}

/// The mailbox of one session.
#[derive(Debug)]
pub struct Mailbox {
    queue: Mutex<Queue>,
    wake: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Outbound>,
    bytes: usize,
    closed: bool,
}

/// The mailbox took nothing: it is full or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

impl Mailbox {
    /// A mailbox that holds at most `bytes_max`.
    pub fn new(bytes_max: usize) -> Self {
        Self { queue: Mutex::new(Queue::default()), wake: Notify::new(), bytes_max }
    }

    /// Puts something in and wakes the owner.
    ///
    /// # Errors
    /// The mailbox is full or closed. One item larger than the limit passes when it is
    /// the only one.
    pub fn push(&self, item: Outbound) -> Result<(), Refused> {
        {
            let mut queue = self.queue.lock();
            let weight = item.weight();
            let full = !queue.items.is_empty() && queue.bytes.saturating_add(weight) > self.bytes_max;
            if queue.closed || full {
                return Err(Refused);
            }
            queue.bytes = queue.bytes.saturating_add(weight);
            queue.items.push_back(item);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Takes all that waits; the owner only.
    pub fn take(&self) -> VecDeque<Outbound> {
        let mut queue = self.queue.lock();
        queue.bytes = 0;
        std::mem::take(&mut queue.items)
    }

    /// Gives back what was taken and not written; it stays in front. The owner only.
    pub fn put_back(&self, mut items: VecDeque<Outbound>) {
        let mut queue = self.queue.lock();
        queue.bytes = queue.bytes.saturating_add(items.iter().map(Outbound::weight).sum());
        items.append(&mut queue.items);
        queue.items = items;
    }

    /// Closes the mailbox and takes what was never written.
    pub fn close(&self) -> VecDeque<Outbound> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.bytes = 0;
        std::mem::take(&mut queue.items)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.lock().items.is_empty()
    }

    /// Resolves when something was put in since the last time; the owner only. Cancel-safe.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Wakes the owner without putting something in.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Head, attributes and bookkeeping of a stanza, about.
const OVERHEAD: usize = 200;
