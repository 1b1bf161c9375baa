//! Who loads or makes the room of which name: one at a time for each name.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

/// The names whose rooms are being loaded or made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loads(Arc<Mutex<HashMap<String, Arc<Gate<()>>>>>);

/// While it is there nobody else puts a room of this name into the table.
#[derive(Debug)]
pub(crate) struct Claim {
    loads: Loads,
    local: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Loads {
    /// Waits until nobody else is at this name.
    pub(crate) async fn claim(&self, local: &str) -> Claim {
        let gate = Arc::clone(self.0.lock().entry(local.to_owned()).or_default());
        // Made before the wait: whoever gives up waiting cleans up too.
        let mut claim = Claim { loads: self.clone(), local: local.to_owned(), held: None };
        claim.held = Some(gate.lock_owned().await);
        claim
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut gates = self.loads.0.lock();
        self.held = None;
        // Who waits holds the gate as well.
        if gates.get(&self.local).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            gates.remove(&self.local);
        }
    }
}
