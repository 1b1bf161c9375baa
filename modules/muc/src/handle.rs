//! A room in memory with its lock, its outbox and its archive.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OnceCell};
use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

use crate::outbox::Outbox;
use crate::room::Room;

/// A room in use.
#[derive(Debug)]
pub(crate) struct Handle {
    /// The localpart of its address.
    pub(crate) local: String,
    /// Orders everything that happens in the room. Short, and never held across an await.
    pub(crate) room: Mutex<Room>,
    pub(crate) outbox: Outbox,
    /// What its archive hangs on; not before the room is on disk.
    pub(crate) account: OnceLock<AccountRef>,
    /// What was said before has been read from there.
    pub(crate) history: OnceCell<()>,
    /// A change that was not kept has been undone.
    pub(crate) mended: Notify,
    /// Who made the room.
    pub(crate) creator: BareJid,
    used_at: AtomicI64,
}

impl Handle {
    pub(crate) fn new(room: Room, now: Timestamp) -> Self {
        Self {
            local: room.jid.local().unwrap_or_default().to_owned(),
            creator: room.creator.clone(),
            // Where nothing is on disk, nothing was said.
            history: OnceCell::new_with(room.number.is_none().then_some(())),
            mended: Notify::new(),
            room: Mutex::new(room),
            outbox: Outbox::default(),
            account: OnceLock::new(),
            used_at: AtomicI64::new(now.0),
        }
    }

    pub(crate) fn touch(&self, now: Timestamp) {
        self.used_at.store(now.0, Ordering::Relaxed);
    }

    /// Whether the room may be forgotten: it is on disk, nobody is in it, and nobody has used it since `before`.
    pub(crate) fn is_idle(&self, before: i64) -> bool {
        let Some(room) = self.room.try_lock() else { return false };
        let unused = self.used_at.load(Ordering::Relaxed) < before;
        unused && room.number.is_some() && room.occupants.is_empty() && self.outbox.is_empty()
    }
}
