//! Memory to read into, lent for as long as there is something to read.

use std::cell::RefCell;

/// A buffer from the pool of this thread; it goes to the pool of the thread that drops it.
pub(crate) struct Scratch(Vec<u8>);

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl Scratch {
    /// A buffer.
    pub(crate) fn take() -> Self {
        Self(POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; BYTES]))
    }

    /// The buffer.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// What was read.
    pub(crate) fn read(&self, count: usize) -> &[u8] {
        self.0.get(..count).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        POOL.with_borrow_mut(|pool| {
            if pool.len() < KEPT {
                pool.push(buffer);
            }
        });
    }
}

/// One TLS record.
const BYTES: usize = 16 * 1024;
const KEPT: usize = 16;
