//! How many requests wait for components, in all and of each sender.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use waxwing_core::Origin;
use waxwing_core::prelude::*;

/// Room for requests that wait.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    per_sender_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_sender: HashMap<String, usize>,
}

/// One place, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    sender: String,
}

impl Places {
    pub(crate) fn new(max: usize, per_sender_max: usize) -> Self {
        Self { max, per_sender_max, taken: Mutex::default() }
    }

    /// None: there is no room for the sender of this.
    pub(crate) fn take(self: &Arc<Self>, event: &Event) -> Option<Place> {
        let sender = match &event.origin {
            Origin::Client(session) => session.account().jid().to_string(),
            Origin::Remote(domain) | Origin::Component(domain) | Origin::Account { by: domain, .. } => {
                domain.as_str().to_owned()
            }
            // A host, or an occupant of one of its rooms.
            Origin::Server => event.stanza.from.as_ref().map(Jid::to_string).unwrap_or_default(),
        };
        let mut taken = self.taken.lock();
        let count = taken.by_sender.get(&sender).copied().unwrap_or_default();
        if taken.all >= self.max || count >= self.per_sender_max {
            return None;
        }
        taken.all += 1;
        taken.by_sender.insert(sender.clone(), count + 1);
        Some(Place { places: Arc::clone(self), sender })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        match taken.by_sender.get_mut(&self.sender) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.by_sender.remove(&self.sender)),
        }
    }
}
