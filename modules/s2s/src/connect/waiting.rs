//! Addresses that were not tried yet, in their order.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// An address of one of the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which target; the lower comes first.
    pub(super) target: usize,
    pub(super) address: SocketAddr,
}

/// Addresses that were not tried yet, and those whose attempt another connection has cut short.
#[derive(Default)]
pub(super) struct Waiting {
    six: VecDeque<Place>,
    four: VecDeque<Place>,
    again: VecDeque<Place>,
    four_is_next: bool,
}

impl Waiting {
    /// XEP-0495 §4.3: among addresses of a kind, those of the target that comes first by its weight come first.
    pub(super) fn push(&mut self, place: Place) {
        let queue = if place.address.is_ipv6() { &mut self.six } else { &mut self.four };
        let position = queue.partition_point(|other| other.target <= place.target);
        queue.insert(position, place);
    }

    /// It had its time, and did not use it: it comes after all others.
    pub(super) fn push_again(&mut self, place: Place) {
        self.again.push_back(place);
    }

    /// The next, and whether it was tried before. RFC 8305 §4: the families take turns, IPv6 first.
    pub(super) fn pop(&mut self) -> Option<(Place, bool)> {
        let (first, second) =
            if self.four_is_next { (&mut self.four, &mut self.six) } else { (&mut self.six, &mut self.four) };
        match first.pop_front().or_else(|| second.pop_front()) {
            Some(place) => {
                self.four_is_next = place.address.is_ipv6();
                Some((place, false))
            }
            None => self.again.pop_front().map(|place| (place, true)),
        }
    }

    /// Forgets what is left of a target and was not tried.
    pub(super) fn forget(&mut self, target: usize) {
        self.six.retain(|place| place.target != target);
        self.four.retain(|place| place.target != target);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.six.is_empty() && self.four.is_empty() && self.again.is_empty()
    }

    /// Takes all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Place, bool)> {
        let fresh = self.six.drain(..).chain(self.four.drain(..)).map(|place| (place, false));
        fresh.chain(self.again.drain(..).map(|place| (place, true)))
    }
}
