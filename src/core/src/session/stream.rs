//! What a session knows of its stream: what was written and not acknowledged, what came and is not on disk.

use std::collections::VecDeque;

use crate::acks::{Handled, TooHigh, Unacked};
use crate::mailbox::Delivery;

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The client acknowledges (XEP-0198).
    pub(super) acking: bool,
    /// The client may come back.
    pub(super) resumable: bool,
    /// Names the stream in rows of the log; 0 without acknowledgements.
    pub(super) key: u64,
    pub(super) unacked: Unacked<Delivery>,
    /// Weight of what is unacknowledged.
    pub(super) unacked_bytes: usize,
    pub(super) handled: Handled,
    /// How many of them a row on disk tells of, or will.
    pub(super) noted: u32,
    /// Waits until the client is attentive, or for something more important (XEP-0352).
    pub(super) held: VecDeque<Delivery>,
    pub(super) held_bytes: usize,
}

impl Stream {
    /// Something was written that may have to be written again. What lies in the log is left there.
    pub(super) fn sent(&mut self, mut delivery: Delivery) {
        delivery.slim();
        self.unacked_bytes = self.unacked_bytes.saturating_add(delivery.weight());
        self.unacked.sent(delivery);
    }

    /// The client has handled `h` stanzas; gives those that it had not before.
    pub(super) fn acked(&mut self, h: u32) -> Result<Vec<Delivery>, TooHigh> {
        let acked = self.unacked.ack(h)?;
        let bytes = acked.iter().map(Delivery::weight).sum();
        self.unacked_bytes = self.unacked_bytes.saturating_sub(bytes);
        Ok(acked)
    }

    /// All that was written has arrived.
    pub(super) fn acked_all(&mut self) -> Vec<Delivery> {
        self.unacked_bytes = 0;
        self.unacked.ack_all()
    }

    /// Takes all that is not acknowledged, in order.
    pub(super) fn take(&mut self) -> Vec<Delivery> {
        self.unacked_bytes = 0;
        let mut all: Vec<Delivery> = self.unacked.take().into();
        all.extend(self.release());
        all
    }

    /// Takes what was held back.
    pub(super) fn release(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held).into_iter().map(|delivery| Delivery { released: true, ..delivery })
    }

    /// Holds something back; of an entity's availability only the last is kept.
    pub(super) fn hold(&mut self, delivery: Delivery) {
        if let Some(stanza) = &delivery.stanza
            && let Some(index) = self.held.iter().position(|older| older.is_outdated_by(stanza))
            && let Some(older) = self.held.remove(index)
        {
            self.held_bytes = self.held_bytes.saturating_sub(older.weight());
        }
        self.held_bytes = self.held_bytes.saturating_add(delivery.weight());
        self.held.push_back(delivery);
    }

    /// Bytes that lie in the log are left there; the answer is what was held back.
    pub(super) fn sleep(&mut self) -> Vec<Delivery> {
        self.release().collect()
    }

    /// The client has handled `h`.
    pub(super) fn resumed(&mut self, h: u32) -> Result<Vec<Delivery>, TooHigh> {
        let acked = self.acked(h)?;
        if self.unacked.acked() != h {
            // It had said more before: nobody knows what it has.
            return Err(TooHigh { h, sent: self.unacked.count() });
        }
        Ok(acked)
    }

    /// What is to be written again.
    pub(super) fn again(&mut self) -> Vec<Delivery> {
        self.unacked_bytes = 0;
        self.unacked.take().into_iter().map(|delivery| Delivery { released: true, ..delivery }).collect()
    }
}
