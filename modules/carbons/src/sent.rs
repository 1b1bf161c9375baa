//! The last eligible messages of an account, so that errors that answer them are told from others.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use parking_lot::Mutex;
use waxwing_xmpp::Jid;

use crate::eligible::Direction;

/// Bounded: of older messages an error is no longer copied. Hashes only: what collides is a copy too many, to the same
/// user.
#[derive(Debug, Default)]
pub(crate) struct SentIds(Mutex<VecDeque<u64>>);

impl SentIds {
    pub(crate) fn add(&self, direction: Direction, peer: &Jid, id: &str) {
        let mut ids = self.0.lock();
        if ids.len() >= IDS_MAX {
            ids.pop_front();
        }
        ids.push_back(hash(direction, peer, id));
    }

    pub(crate) fn contains(&self, direction: Direction, peer: &Jid, id: &str) -> bool {
        self.0.lock().contains(&hash(direction, peer, id))
    }
}

fn hash(direction: Direction, peer: &Jid, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    // An error may come from another resource than the message went to.
    (direction, peer.bare_str(), id).hash(&mut hasher);
    hasher.finish()
}

/// So many messages are remembered for each account in use.
const IDS_MAX: usize = 64;
