//! Deliberate trouble for tests: hold the writer back, let writes fail.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// A handle through which a test holds back or fails the writes of a store.
///
/// With the default handle nothing ever happens. Clones steer the same store.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    held: bool,
    failures: u32,
}

impl Faults {
    /// From now on nothing becomes durable, until [`release`](Self::release) or the store closes.
    pub fn hold(&self) {
        self.0.wanted.lock().held = true;
    }

    /// Lets the writer go on.
    pub fn release(&self) {
        self.0.wanted.lock().held = false;
        self.0.changed.notify_all();
    }

    /// Lets the next `count` group writes fail as if the disk were full.
    pub fn fail_writes(&self, count: u32) {
        self.0.wanted.lock().failures = count;
    }

    /// Where the writer stands still while it is held.
    pub(crate) fn wait(&self) {
        let mut wanted = self.0.wanted.lock();
        while wanted.held {
            self.0.changed.wait(&mut wanted);
        }
    }

    /// Whether this write is to fail.
    pub(crate) fn take_failure(&self) -> bool {
        let mut wanted = self.0.wanted.lock();
        let fails = wanted.failures > 0;
        wanted.failures = wanted.failures.saturating_sub(1);
        fails
    }
}
