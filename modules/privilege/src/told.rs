//! What components were told of resources, so that they hear the same only once (XEP-0356 §8 rule 2).

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;

/// What each component was told.
pub(crate) struct Told {
    components: Mutex<HashMap<Domain, Seen>>,
    /// Counts the times that somebody has begun anew.
    rounds: Mutex<u64>,
    limits: Limits,
    /// What was told and is not remembered.
    unremembered: Counter,
    keys: RandomState,
}

/// How much is remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of one component: each resource once for each account that sees it.
    pub(crate) presences_max: usize,
    /// Resources of one contact.
    pub(crate) resources_per_contact_max: usize,
}

/// What one component was told.
#[derive(Default)]
struct Seen {
    round: u64,
    /// It was told of everybody who is there.
    complete: bool,
    contacts: HashMap<BareJid, HashMap<Jid, Known>>,
    /// Resources, each once for each account that sees it.
    presences: usize,
    /// There were more than are remembered.
    overflowed: bool,
}

/// The last presence of a resource that is available.
struct Known {
    hash: u64,
    /// The accounts that see it.
    by: HashSet<BareJid>,
}

/// What a component hears of a presence.
enum News {
    /// All of it.
    Told,
    /// Nothing.
    Nothing,
    /// Nothing, if this account still sees the resource.
    Asked(BareJid),
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
    pub(crate) fn new(limits: Limits, unremembered: Counter) -> Self {
        let (components, rounds) = Default::default();
        Self { components, rounds, limits, unremembered, keys: RandomState::new() }
    }

    /// It knows nothing any more. False: it knew nothing before.
    pub(crate) fn forget(&self, component: &Domain) -> bool {
        self.components.lock().remove(component).is_some()
    }

    /// From now on it is told something. Returns the number of this time.
    pub(crate) fn begin(&self, component: &Domain) -> u64 {
        let mut rounds = self.rounds.lock();
        *rounds += 1;
        let seen = Seen { round: *rounds, ..Seen::default() };
        self.components.lock().insert(component.clone(), seen);
        *rounds
    }

    /// Whether it has not begun anew since.
    pub(crate) fn is_now(&self, component: &Domain, round: u64) -> bool {
        self.components.lock().get(component).is_some_and(|seen| seen.round == round)
    }

    /// It was told of everybody who is there.
    pub(crate) fn complete(&self, component: &Domain, round: u64) {
        let mut components = self.components.lock();
        if let Some(seen) = components.get_mut(component).filter(|seen| seen.round == round) {
            seen.complete = true;
        }
    }

    /// Tells a component what `account` sees, unless that is no news. `presence` is looked up under the lock, so that
    /// nothing old overtakes what is told in another task.
    ///
    /// Returns another account: the end of what `account` saw was not told, because that one saw the same. Whether it
    /// still does is for the caller to find out, and else to tell the end of what that one saw.
    pub(crate) fn tell(
        &self,
        component: &Domain,
        account: &BareJid,
        whose: Whose,
        presence: impl FnOnce() -> Option<Stanza>,
        tell: impl FnOnce(&Stanza),
    ) -> Option<BareJid> {
        let mut components = self.components.lock();
        let presence = presence()?;
        let seen = components.entry(component.clone()).or_default();
        match self.news(seen, account, whose, &presence) {
            News::Told => tell(&presence),
            News::Nothing => {}
            News::Asked(other) => return Some(other),
        }
        None
    }

    /// Tells that a resource is gone, whoever saw it.
    pub(crate) fn tell_gone(&self, component: &Domain, presence: &Stanza, tell: impl FnOnce(&Stanza)) {
        let mut components = self.components.lock();
        let Some(from) = &presence.from else { return };
        let seen = components.entry(component.clone()).or_default();
        if seen.remove(from) || seen.may_know(from) {
            tell(presence);
        }
    }

    fn news(&self, seen: &mut Seen, account: &BareJid, whose: Whose, presence: &Stanza) -> News {
        let Some(from) = &presence.from else { return News::Nothing };
        if presence.kind == Kind::Presence(PresenceType::Unavailable) {
            return seen.ended(from, account, whose);
        }
        if whose == Whose::Former {
            return News::Nothing;
        }
        let hash = self.hash(presence);
        let full = !self.has_room(seen, from, account);
        if full {
            seen.overflowed = true;
            self.unremembered.inc();
        }
        let Some(known) = seen.known(from) else {
            if !full {
                let known = Known { hash, by: HashSet::from([account.clone()]) };
                seen.contacts.entry(from.to_bare()).or_default().insert(from.clone(), known);
                seen.presences += 1;
            }
            return News::Told;
        };
        let added = !full && known.by.insert(account.clone());
        let told = whose == Whose::Permitted && std::mem::replace(&mut known.hash, hash) != hash;
        seen.presences += usize::from(added);
        if told { News::Told } else { News::Nothing }
    }

    /// Whether it can be remembered that an account sees a resource.
    fn has_room(&self, seen: &Seen, from: &Jid, account: &BareJid) -> bool {
        let resources = seen.contacts.get(&from.to_bare());
        let known = resources.and_then(|resources| resources.get(from));
        if known.is_some_and(|known| known.by.contains(account)) {
            return true;
        }
        let crowded = resources.is_some_and(|all| all.len() >= self.limits.resources_per_contact_max);
        seen.presences < self.limits.presences_max && (known.is_some() || !crowded)
    }

    fn hash(&self, presence: &Stanza) -> u64 {
        let children: Vec<&str> = presence.children.iter().map(Child::as_str).collect();
        let lang = presence.lang.as_ref().map(Text::as_str);
        self.keys.hash_one((lang, children))
    }
}

impl Seen {
    fn known(&mut self, from: &Jid) -> Option<&mut Known> {
        self.contacts.get_mut(&from.to_bare())?.get_mut(from)
    }

    /// Whether the component may know of a resource that is not remembered.
    fn may_know(&self, from: &Jid) -> bool {
        self.overflowed || !(self.complete || from.is_bare())
    }

    fn ended(&mut self, from: &Jid, account: &BareJid, whose: Whose) -> News {
        let Some(known) = self.known(from) else {
            let told = whose == Whose::Permitted && self.may_know(from);
            return if told { News::Told } else { News::Nothing };
        };
        let removed = known.by.remove(account);
        let other = known.by.iter().next().cloned();
        self.presences -= usize::from(removed);
        match other {
            Some(other) => News::Asked(other),
            None => {
                self.remove(from);
                News::Told
            }
        }
    }

    /// False: nothing was known of it.
    fn remove(&mut self, from: &Jid) -> bool {
        let bare = from.to_bare();
        let Some(resources) = self.contacts.get_mut(&bare) else { return false };
        let known = resources.remove(from);
        if resources.is_empty() {
            self.contacts.remove(&bare);
        }
        self.presences -= known.as_ref().map_or(0, |known| known.by.len());
        known.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(presences_max: usize, resources_per_contact_max: usize) -> Told {
        let told = Told::new(Limits { presences_max, resources_per_contact_max }, Counter::default());
        let round = told.begin(&pubsub());
        told.complete(&pubsub(), round);
        told
    }

    fn pubsub() -> Domain {
        Domain::parse("pubsub.example.org").unwrap()
    }

    fn bare(account: &str) -> BareJid {
        Jid::parse(account).unwrap().to_bare()
    }

    /// Whether it is told, and who else is asked.
    fn seen(told: &Told, account: &str, whose: Whose, xml: &str) -> (bool, Option<BareJid>) {
        let mut news = false;
        let other = told.tell(&pubsub(), &bare(account), whose, || Stanza::parse(xml), |_| news = true);
        (news, other)
    }

    fn news(told: &Told, whose: Whose, xml: &str) -> bool {
        seen(told, "j@b.c", whose, xml).0
    }

    #[test]
    fn xep0356_8_2_the_same_is_told_once_and_a_change_again() {
        let told = told(10, 10);
        let permitted = |xml: &str| news(&told, Whose::Permitted, xml);
        assert!(permitted("<presence from='a@b.c/d'/>"));
        assert!(!permitted("<presence from='a@b.c/d' to='x@y.z'/>"));
        assert!(permitted("<presence from='a@b.c/d'><show>away</show></presence>"));
        assert!(permitted("<presence from='a@b.c/d' type='unavailable'/>"));
        assert!(!permitted("<presence from='a@b.c/d' type='unavailable'/>"));
        assert!(permitted("<presence from='a@b.c/d'/>"));
        assert!(told.forget(&pubsub()));
        assert!(permitted("<presence from='a@b.c/d'/>"));
    }

    #[test]
    fn of_who_is_no_contact_any_more_only_the_end_is_told() {
        let told = told(10, 10);
        assert!(!news(&told, Whose::Former, "<presence from='a@b.c/d'/>"));
        assert!(!news(&told, Whose::Former, "<presence from='a@b.c/d' type='unavailable'/>"));
        assert!(news(&told, Whose::Permitted, "<presence from='a@b.c/d'/>"));
        assert!(news(&told, Whose::Former, "<presence from='a@b.c/d' type='unavailable'/>"));
    }

    /// Of a managed entity only the initial presence is told (§7.1): what it is by now is no news.
    #[test]
    fn what_is_looked_up_late_is_told_only_to_who_has_heard_nothing() {
        let told = told(10, 10);
        assert!(news(&told, Whose::Permitted, "<presence from='a@b.c/d'/>"));
        assert!(!news(&told, Whose::Earlier, "<presence from='a@b.c/d'><show>away</show></presence>"));
        assert!(!news(&told, Whose::Permitted, "<presence from='a@b.c/d'/>"));
        assert!(news(&told, Whose::Earlier, "<presence from='e@b.c/d'/>"));
    }

    /// What is gone for one account is there for another.
    #[test]
    fn the_end_is_told_when_no_account_sees_it_any_more() {
        let told = told(10, 10);
        let (there, gone) = ("<presence from='a@b.c/d'/>", "<presence from='a@b.c/d' type='unavailable'/>");
        assert_eq!(seen(&told, "j@b.c", Whose::Permitted, there), (true, None));
        assert_eq!(seen(&told, "n@b.c", Whose::Permitted, there), (false, None));
        assert_eq!(seen(&told, "j@b.c", Whose::Former, gone), (false, Some(bare("n@b.c"))));
        assert_eq!(seen(&told, "j@b.c", Whose::Former, gone), (false, Some(bare("n@b.c"))));
        assert_eq!(seen(&told, "n@b.c", Whose::Permitted, gone), (true, None));
        assert_eq!(told.components.lock().get(&pubsub()).unwrap().presences, 0);
        // The resource itself ends for all at once.
        for account in ["j@b.c", "n@b.c"] {
            seen(&told, account, Whose::Permitted, there);
        }
        let mut ended = 0;
        for _ in 0..2 {
            told.tell_gone(&pubsub(), &Stanza::parse(gone).unwrap(), |_| ended += 1);
        }
        assert_eq!(ended, 1);
        assert_eq!(seen(&told, "n@b.c", Whose::Permitted, gone), (false, None));
    }

    #[test]
    fn what_is_too_much_to_remember_is_told_twice_and_never_left_out() {
        let told = told(1, 10);
        let permitted = |xml: &str| news(&told, Whose::Permitted, xml);
        assert!(permitted("<presence from='a@b.c/d'/>"));
        for _ in 0..2 {
            assert!(permitted("<presence from='e@b.c/d'/>"));
            assert!(permitted("<presence from='e@b.c/d' type='unavailable'/>"));
        }
        assert!(!news(&told, Whose::Former, "<presence from='e@b.c/d' type='unavailable'/>"));
        assert!(!permitted("<presence from='a@b.c/d'/>"));
    }

    #[test]
    fn one_contact_does_not_take_the_room_of_the_others() {
        let told = told(5, 2);
        let permitted = |xml: &str| news(&told, Whose::Permitted, xml);
        for resource in 0..100 {
            assert!(permitted(&format!("<presence from='a@b.c/{resource}'/>")));
        }
        for resource in 2..100 {
            assert!(permitted(&format!("<presence from='a@b.c/{resource}' type='unavailable'/>")));
        }
        assert_eq!(told.unremembered.get(), 98);
        // Two are remembered, and there is room for others.
        for who in ["a@b.c/0", "e@b.c/1", "e@b.c/2", "f@b.c/1"] {
            let told = permitted(&format!("<presence from='{who}'/>"));
            assert_eq!((told, permitted(&format!("<presence from='{who}'/>"))), (who != "a@b.c/0", false));
        }
        assert_eq!(told.components.lock().get(&pubsub()).unwrap().presences, 5);
    }

    /// What it was told when it could do other things it still knows.
    #[test]
    fn until_all_was_told_the_end_of_anybody_is() {
        let told = told(10, 10);
        let gone = "<presence from='a@b.c/d' type='unavailable'/>";
        assert!(!news(&told, Whose::Permitted, gone));
        let before = told.begin(&pubsub());
        let round = told.begin(&pubsub());
        assert!(told.is_now(&pubsub(), round) && !told.is_now(&pubsub(), before));
        told.complete(&pubsub(), before);
        assert!(news(&told, Whose::Permitted, gone));
        assert!(!news(&told, Whose::Permitted, "<presence from='a@b.c' type='unavailable'/>"));
        told.complete(&pubsub(), round);
        assert!(!news(&told, Whose::Permitted, gone));
    }
}
