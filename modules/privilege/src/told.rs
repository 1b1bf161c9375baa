//! What components were told of resources, so that they hear the same only once (XEP-0356 §8 rule 2).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use waxwing_core::prelude::*;

/// What each component was told.
pub(crate) struct Told {
    components: Mutex<HashMap<Domain, Seen>>,
    presences_max: usize,
    keys: RandomState,
}

/// The last presence of each resource that is available, as a hash.
#[derive(Default)]
struct Seen {
    resources: HashMap<Jid, u64>,
    /// There were more than are remembered.
    overflowed: bool,
}

/// Whose presence it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Somebody's whose presence the component may see.
    Permitted,
    /// The same, but it is looked up late: what came in the meantime is newer.
    Earlier,
    /// Somebody's whose presence it may have seen before: only the end of that concerns it.
    Former,
}

impl Told {
    pub(crate) fn new(presences_max: usize) -> Self {
        Self { components: Mutex::default(), presences_max, keys: RandomState::new() }
    }

    /// It knows nothing any more. False: it knew nothing before.
    pub(crate) fn forget(&self, component: &Domain) -> bool {
        self.components.lock().remove(component).is_some()
    }

    /// From now on it is told something.
    pub(crate) fn begin(&self, component: &Domain) {
        self.components.lock().entry(component.clone()).or_default();
    }

    /// Tells a component something, unless that is no news. `presence` is looked up under the lock, so that nothing old
    /// overtakes what is told in another task.
    pub(crate) fn tell(
        &self,
        component: &Domain,
        whose: Whose,
        presence: impl FnOnce() -> Option<Stanza>,
        tell: impl FnOnce(&Stanza),
    ) {
        let mut components = self.components.lock();
        let Some(presence) = presence() else { return };
        let seen = components.entry(component.clone()).or_default();
        if self.is_news(seen, whose, &presence) {
            tell(&presence);
        }
    }

    fn is_news(&self, seen: &mut Seen, whose: Whose, presence: &Stanza) -> bool {
        let Some(from) = &presence.from else { return false };
        if presence.kind == Kind::Presence(PresenceType::Unavailable) {
            let known = seen.resources.remove(from).is_some();
            return known || (seen.overflowed && whose == Whose::Permitted);
        }
        if whose == Whose::Former || (whose == Whose::Earlier && seen.resources.contains_key(from)) {
            return false;
        }
        let hash = self.hash(presence);
        if seen.resources.len() >= self.presences_max && !seen.resources.contains_key(from) {
            seen.overflowed = true;
            return true;
        }
        seen.resources.insert(from.clone(), hash) != Some(hash)
    }

    fn hash(&self, presence: &Stanza) -> u64 {
        let children: Vec<&str> = presence.children.iter().map(Child::as_str).collect();
        let lang = presence.lang.as_ref().map(Text::as_str);
        self.keys.hash_one((lang, children))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(told: &Told, whose: Whose, xml: &str) -> bool {
        let mut news = false;
        let component = Domain::parse("pubsub.example.org").unwrap();
        told.tell(&component, whose, || Stanza::parse(xml), |_| news = true);
        news
    }

    #[test]
    fn xep0356_8_2_the_same_is_told_once_and_a_change_again() {
        let told = Told::new(10);
        let permitted = |xml: &str| news(&told, Whose::Permitted, xml);
        assert!(permitted("<presence from='a@b.c/d'/>"));
        assert!(!permitted("<presence from='a@b.c/d' to='x@y.z'/>"));
        assert!(permitted("<presence from='a@b.c/d'><show>away</show></presence>"));
        assert!(permitted("<presence from='a@b.c/d' type='unavailable'/>"));
        assert!(!permitted("<presence from='a@b.c/d' type='unavailable'/>"));
        assert!(permitted("<presence from='a@b.c/d'/>"));
        assert!(told.forget(&Domain::parse("pubsub.example.org").unwrap()));
        assert!(permitted("<presence from='a@b.c/d'/>"));
    }

    #[test]
    fn of_who_is_no_contact_any_more_only_the_end_is_told() {
        let told = Told::new(10);
        assert!(!news(&told, Whose::Former, "<presence from='a@b.c/d'/>"));
        assert!(!news(&told, Whose::Former, "<presence from='a@b.c/d' type='unavailable'/>"));
        assert!(news(&told, Whose::Permitted, "<presence from='a@b.c/d'/>"));
        assert!(news(&told, Whose::Former, "<presence from='a@b.c/d' type='unavailable'/>"));
    }

    /// Of a managed entity only the initial presence is told (§7.1): what it is by now is no news.
    #[test]
    fn what_is_looked_up_late_is_told_only_to_who_has_heard_nothing() {
        let told = Told::new(10);
        assert!(news(&told, Whose::Permitted, "<presence from='a@b.c/d'/>"));
        assert!(!news(&told, Whose::Earlier, "<presence from='a@b.c/d'><show>away</show></presence>"));
        assert!(news(&told, Whose::Earlier, "<presence from='e@b.c/d'/>"));
    }

    #[test]
    fn what_is_too_much_to_remember_is_told_twice_and_never_left_out() {
        let told = Told::new(1);
        let permitted = |xml: &str| news(&told, Whose::Permitted, xml);
        assert!(permitted("<presence from='a@b.c/d'/>"));
        for _ in 0..2 {
            assert!(permitted("<presence from='e@b.c/d'/>"));
            assert!(permitted("<presence from='e@b.c/d' type='unavailable'/>"));
        }
        assert!(!news(&told, Whose::Former, "<presence from='e@b.c/d' type='unavailable'/>"));
        assert!(!permitted("<presence from='a@b.c/d'/>"));
    }
}
