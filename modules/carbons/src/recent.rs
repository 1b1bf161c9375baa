//! Which messages of late were copied: an error that answers one of them is copied too (XEP-0280 §6.1).
//!
//! An error says what it answers by its id and its sender, seldom more (RFC 6120 §8.3.1, XEP-0280 §10.3). So a hash of
//! both is remembered for the last messages of each direction. It is forgotten with the account's time in memory: an
//! error that comes later than that, or after [`RECENT_MAX`] other messages, goes to its addressee alone.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use waxwing_core::Side;
use waxwing_xmpp::Jid;

/// Stands for the id of a message and the account at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u64);

/// Makes keys that nobody outside can foretell, so that nobody makes two messages share one.
#[derive(Debug, Default)]
pub(crate) struct Keys(RandomState);

impl Keys {
    /// A message to a bare JID may be answered by one of its resources: they count as one.
    pub(crate) fn key(&self, id: &str, peer: &Jid) -> Key {
        Key(self.0.hash_one((id, peer.bare_str())))
    }
}

/// The last copied messages of one account.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    sent: VecDeque<Key>,
    received: VecDeque<Key>,
}

impl Recent {
    pub(crate) fn add(&mut self, side: Side, key: Key) {
        let keys = match side {
            Side::Sent => &mut self.sent,
            Side::Received => &mut self.received,
        };
        if keys.len() >= RECENT_MAX {
            keys.pop_front();
        }
        keys.push_back(key);
    }

    pub(crate) fn has(&self, side: Side, key: Key) -> bool {
        match side {
            Side::Sent => self.sent.contains(&key),
            Side::Received => self.received.contains(&key),
        }
    }
}

/// So many messages of each direction are remembered: half a KiB each.
pub(crate) const RECENT_MAX: usize = 64;
