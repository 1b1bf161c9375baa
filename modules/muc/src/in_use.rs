//! The rooms in memory.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use waxwing_xmpp::BareJid;

use crate::handle::Handle;

/// Rooms by localpart, and what has to be known of all of them without looking at each.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    rooms: HashMap<String, Arc<Handle>>,
    /// Rooms that were not on disk when they were made, by who made them.
    made: HashMap<BareJid, Vec<Weak<Handle>>>,
    /// How many there were when idle ones were last forgotten.
    left: usize,
}

impl InUse {
    pub(crate) fn get(&self, local: &str) -> Option<Arc<Handle>> {
        self.rooms.get(local).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.rooms.len()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Handle>> {
        self.rooms.values()
    }

    pub(crate) fn put(&mut self, handle: &Arc<Handle>) {
        if handle.room.lock().number.is_none() {
            self.made.entry(handle.creator.clone()).or_default().push(Arc::downgrade(handle));
        }
        self.rooms.insert(handle.local.clone(), Arc::clone(handle));
    }

    pub(crate) fn remove(&mut self, handle: &Handle) {
        if self.has(handle) {
            self.rooms.remove(&handle.local);
        }
    }

    fn has(&self, handle: &Handle) -> bool {
        self.rooms.get(&handle.local).is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), handle))
    }

    /// §10.1.1: how many rooms somebody has made and not configured yet; they are not on disk.
    pub(crate) fn unconfigured(&mut self, creator: &BareJid) -> usize {
        let Some(mut made) = self.made.remove(creator) else { return 0 };
        made.retain(|handle| {
            handle.upgrade().is_some_and(|handle| handle.account.get().is_none() && self.has(&handle))
        });
        let count = made.len();
        if count > 0 {
            self.made.insert(creator.clone(), made);
        }
        count
    }

    /// Whether there are so many more than `most`, and than were left the last time, that idle ones should be forgotten:
    /// each look at all of them is paid for by as many new ones.
    pub(crate) fn are_many(&self, most: usize) -> bool {
        self.rooms.len() > most.max(self.left.saturating_mul(2))
    }

    /// Forgets rooms that nobody has used since `before`.
    pub(crate) fn forget_idle(&mut self, before: i64) {
        // Who holds the lock of the table gives no room away, so nobody can take one up meanwhile.
        self.rooms.retain(|_, handle| Arc::strong_count(handle) > 1 || !handle.is_idle(before));
        self.left = self.rooms.len();
        let makers: Vec<BareJid> = self.made.keys().cloned().collect();
        for maker in makers {
            self.unconfigured(&maker);
        }
    }
}
