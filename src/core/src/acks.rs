//! What the two ends of a stream have told each other to have handled: counters modulo 2^32, as
//! [XEP-0198 §4](https://xmpp.org/extensions/xep-0198.html#acking) has them. No I/O, no XML.

use std::collections::VecDeque;

use waxwing_store::{StoreError, Ticket};

use crate::Custody;

/// What was written to a stream and not yet acknowledged by its peer, oldest first.
#[derive(Debug)]
pub struct Unacked<T> {
    acked: u32,
    /// The same, without wrapping: an `h` that lies behind cannot lie further behind than this.
    total: u64,
    items: VecDeque<T>,
}

impl<T> Default for Unacked<T> {
    fn default() -> Self {
        Self { acked: 0, total: 0, items: VecDeque::new() }
    }
}

/// The peer acknowledged what it was never sent (XEP-0198 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooHigh {
    /// What it said.
    pub h: u32,
    /// How many it was sent.
    pub sent: u32,
}

impl<T> Unacked<T> {
    /// As it was when `acked` stanzas had been acknowledged and nothing else was written.
    pub fn since(acked: u32) -> Self {
        Self { acked, total: u64::from(acked), items: VecDeque::new() }
    }

    /// Notes what is written next.
    pub fn sent(&mut self, item: T) {
        self.items.push_back(item);
    }

    /// The peer has handled `h` stanzas: takes those that it had not acknowledged before. An `h` that lies behind an
    /// earlier one takes nothing.
    ///
    /// # Errors
    /// It was not sent so many.
    pub fn ack(&mut self, h: u32) -> Result<Vec<T>, TooHigh> {
        let ahead = h.wrapping_sub(self.acked);
        let count = usize::try_from(ahead).unwrap_or(usize::MAX);
        if count > self.items.len() {
            let behind = self.acked.wrapping_sub(h);
            if behind < BEHIND && u64::from(behind) <= self.total {
                return Ok(Vec::new());
            }
            return Err(TooHigh { h, sent: self.count() });
        }
        self.acked = h;
        self.total += u64::from(ahead);
        Ok(self.items.drain(..count).collect())
    }

    /// The stream's kernel took everything, which without acknowledgements has to do.
    pub fn ack_all(&mut self) -> Vec<T> {
        self.acked = self.count();
        self.items.drain(..).collect()
    }

    /// Takes all that is not acknowledged: it is to be written again, and counted anew.
    pub fn take(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.items)
    }

    /// Forgets what was counted: counting begins (XEP-0198 §4, at `<enabled/>`).
    pub fn begin(&mut self) {
        self.acked = 0;
        self.total = 0;
        self.items.clear();
    }

    /// How many were written so far.
    pub fn count(&self) -> u32 {
        self.acked.wrapping_add(u32::try_from(self.items.len()).unwrap_or(u32::MAX))
    }

    /// How many the peer has acknowledged.
    pub fn acked(&self) -> u32 {
        self.acked
    }

    /// How many are not acknowledged.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether all is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What is not acknowledged, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut()
    }
}

/// What came from a stream's peer: `h` grows in order, as far as everything before is on disk.
#[derive(Debug, Default)]
pub struct Handled {
    count: u32,
    waiting: VecDeque<Custody>,
}

impl Handled {
    /// As it was when `count` stanzas were handled.
    pub fn since(count: u32) -> Self {
        Self { count, waiting: VecDeque::new() }
    }

    /// Takes the custody of the next stanza.
    pub fn take(&mut self, custody: Custody) {
        if self.waiting.is_empty() && custody.is_durable() {
            self.count = self.count.wrapping_add(1);
        } else {
            self.waiting.push_back(custody);
        }
    }

    /// The last stanza waits for this write as well.
    pub fn hold(&mut self, ticket: Ticket) {
        match self.waiting.back_mut() {
            Some(last) => last.attach(ticket),
            None => {
                let mut custody = Custody::memory();
                custody.attach(ticket);
                self.count = self.count.wrapping_sub(1);
                self.waiting.push_back(custody);
            }
        }
    }

    /// Counts what has become durable.
    ///
    /// # Errors
    /// A write failed: that stanza is never counted, and nothing behind it.
    pub fn advance(&mut self) -> Result<u32, StoreError> {
        while let Some(custody) = self.waiting.front() {
            match custody.outcome() {
                None => break,
                Some(Err(error)) => return Err(error),
                Some(Ok(())) => {
                    self.waiting.pop_front();
                    self.count = self.count.wrapping_add(1);
                }
            }
        }
        Ok(self.count)
    }

    /// How many are durable, as of the last look.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many stanzas came in all.
    pub fn received(&self) -> u32 {
        self.count.wrapping_add(u32::try_from(self.waiting.len()).unwrap_or(u32::MAX))
    }

    /// How many are not durable yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The custody of the oldest stanza that is not durable.
    pub fn next(&self) -> Option<Custody> {
        self.waiting.front().cloned()
    }
}

/// No `h` lies further behind than this.
const BEHIND: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xep0198_4_acks_take_what_was_written_up_to_h() {
        let mut unacked = Unacked::default();
        (0..5).for_each(|item| unacked.sent(item));
        assert_eq!(unacked.ack(2), Ok(vec![0, 1]));
        assert_eq!((unacked.acked(), unacked.count()), (2, 5));
        assert_eq!(unacked.ack(2), Ok(vec![]));
        assert_eq!(unacked.ack(1), Ok(vec![]), "behind");
        assert_eq!(unacked.ack(6), Err(TooHigh { h: 6, sent: 5 }));
        assert_eq!(unacked.ack(u32::MAX), Err(TooHigh { h: u32::MAX, sent: 5 }), "never so far behind");
        assert_eq!(unacked.ack(5), Ok(vec![2, 3, 4]));
    }

    #[test]
    fn xep0198_4_counters_wrap() {
        let mut unacked = Unacked::since(u32::MAX - 1);
        (0..4).for_each(|item| unacked.sent(item));
        assert_eq!(unacked.count(), 2);
        assert_eq!(unacked.ack(0), Ok(vec![0, 1]));
        assert_eq!(unacked.ack(3), Err(TooHigh { h: 3, sent: 2 }));
        assert_eq!(unacked.ack(2), Ok(vec![2, 3]));
        let mut handled = Handled::since(u32::MAX);
        handled.take(Custody::memory());
        assert_eq!(handled.count(), 0);
    }
}
