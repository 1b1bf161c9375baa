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
    taken: Mutex<HashMap<String, usize>>,
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
            Origin::Account(account) => account.jid().to_string(),
            Origin::Remote(domain) | Origin::Component(domain) => domain.as_str().to_owned(),
            Origin::Server => String::new(),
        };
        let mut taken = self.taken.lock();
        if taken.values().sum::<usize>() >= self.max {
            return None;
        }
        let count = taken.entry(sender.clone()).or_default();
        if *count >= self.per_sender_max {
            return None;
        }
        *count += 1;
        Some(Place { places: Arc::clone(self), sender })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        if let Some(count) = taken.get_mut(&self.sender) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.sender);
            }
        }
    }
}
