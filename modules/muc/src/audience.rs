//! To whom goes what concerns everybody: one list of all clients in the room, made when somebody is told something and kept
//! until somebody comes, goes, or sees more or less than before. What goes to a part of it shares the list.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use waxwing_core::prelude::*;

use crate::occupant::Occupant;
use crate::room::Room;

/// All clients in a room, if the list has been made since it changed.
#[derive(Debug, Default)]
pub(crate) struct Audience(OnceCell<List>);

/// Those who see real addresses, then all others. The clients of one occupant stand together, from [`Occupant::place`] on.
#[derive(Debug)]
struct List {
    all: Arc<[Jid]>,
    /// So many see real addresses.
    full: usize,
}

/// A part of a list, with a gap in it.
#[derive(Debug, Clone)]
pub(crate) struct Recipients {
    list: Arc<[Jid]>,
    at: usize,
    end: usize,
    gap: Range<usize>,
}

impl Recipients {
    fn new(list: Arc<[Jid]>, part: Range<usize>, gap: Range<usize>) -> Self {
        let gap = gap.start.clamp(part.start, part.end)..gap.end.clamp(part.start, part.end);
        let mut recipients = Self { list, at: part.start, end: part.end, gap };
        recipients.pass_gap();
        recipients
    }

    /// How many are left.
    pub(crate) fn len(&self) -> usize {
        let gap = self.gap.end.saturating_sub(self.gap.start.max(self.at));
        (self.end - self.at).saturating_sub(gap)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// Whose turn it is.
    pub(crate) fn current(&self) -> Option<&Jid> {
        self.list.get(self.at).filter(|_| !self.is_empty())
    }

    pub(crate) fn advance(&mut self) {
        self.at += 1;
        self.pass_gap();
    }

    fn pass_gap(&mut self) {
        if self.gap.contains(&self.at) {
            self.at = self.gap.end;
        }
    }

    /// Whether both share their list.
    #[cfg(test)]
    pub(crate) fn shares(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.list, &other.list)
    }
}

impl From<Vec<Jid>> for Recipients {
    fn from(list: Vec<Jid>) -> Self {
        let all = 0..list.len();
        Self::new(list.into(), all, 0..0)
    }
}

impl Iterator for Recipients {
    type Item = Jid;

    fn next(&mut self) -> Option<Jid> {
        let next = self.current().cloned();
        self.advance();
        next
    }
}

impl Room {
    /// Everybody's clients.
    pub(crate) fn everybody(&self) -> Recipients {
        let list = self.all_clients();
        Recipients::new(Arc::clone(&list.all), 0..list.all.len(), 0..0)
    }

    /// The clients of those who see real addresses, or of those who do not, but for one occupant.
    pub(crate) fn others(&self, full: bool, but: Option<&Occupant>) -> Recipients {
        let list = self.all_clients();
        let part = if full { 0..list.full } else { list.full..list.all.len() };
        let gap = but.map_or(0..0, |but| but.place.get()..but.place.get() + but.clients.len());
        Recipients::new(Arc::clone(&list.all), part, gap)
    }

    /// Somebody has come or gone, or sees more or less than before.
    pub(crate) fn audience_changed(&mut self) {
        self.audience = Audience::default();
    }

    fn all_clients(&self) -> &List {
        let list = self.audience.0.get_or_init(|| self.make_list());
        debug_assert!(
            self.occupants.len() > CHECKED_MAX || self.is_true(list),
            "the audience is as the room is"
        );
        list
    }

    fn make_list(&self) -> List {
        let mut all = Vec::with_capacity(self.clients.len());
        let mut full = 0;
        for sees in [true, false] {
            for occupant in self.occupants.values().filter(|one| self.sees_addresses(one.role) == sees) {
                occupant.place.set(all.len());
                all.extend(occupant.addresses());
            }
            if sees {
                full = all.len();
            }
        }
        List { all: all.into(), full }
    }

    /// Whether each occupant stands where it says, and nobody else does.
    fn is_true(&self, list: &List) -> bool {
        let stands = |occupant: &Occupant| {
            let place = occupant.place.get();
            let there = list.all.get(place..place + occupant.clients.len()).unwrap_or_default();
            let here =
                there.len() == occupant.clients.len() && occupant.addresses().all(|jid| there.contains(&jid));
            here && (place < list.full) == self.sees_addresses(occupant.role)
        };
        let count: usize = self.occupants.values().map(|occupant| occupant.clients.len()).sum();
        count == list.all.len() && self.occupants.values().all(stands)
    }
}

/// In rooms of so many it is checked at each use, where debug assertions are on.
const CHECKED_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(part: Range<usize>, gap: Range<usize>) -> (usize, Vec<String>) {
        let list: Vec<Jid> = (0..6).map(|n| Jid::parse(&format!("{n}@a.lit")).unwrap()).collect();
        let recipients = Recipients::new(list.into(), part, gap);
        (recipients.len(), recipients.filter_map(|jid| jid.local().map(str::to_owned)).collect())
    }

    #[test]
    fn a_part_of_the_list_leaves_out_its_gap() {
        for (range, gap, expected) in [
            (0..6, 0..0, vec!["0", "1", "2", "3", "4", "5"]),
            (0..6, 0..2, vec!["2", "3", "4", "5"]),
            (0..6, 2..4, vec!["0", "1", "4", "5"]),
            (0..6, 4..6, vec!["0", "1", "2", "3"]),
            (0..3, 4..6, vec!["0", "1", "2"]),
            (3..6, 0..2, vec!["3", "4", "5"]),
            (2..4, 2..4, vec![]),
            (3..3, 0..0, vec![]),
        ] {
            let (len, names) = part(range.clone(), gap.clone());
            assert_eq!(names, expected, "{range:?} without {gap:?}");
            assert_eq!(len, expected.len(), "{range:?} without {gap:?}");
        }
    }
}
