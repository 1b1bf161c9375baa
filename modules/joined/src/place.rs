//! The rooms that one session is in, as far as presence tells.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;
use waxwing_core::prelude::*;

use crate::NS_USER;

/// By room.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    by_room: HashMap<BareJid, Place>,
    /// How often anything has changed: an answer is about what was when it was asked for.
    changes: u64,
}

#[derive(Debug)]
struct Place {
    nick: Box<str>,
    /// The room has said so.
    is_in: bool,
    /// When the room is to be asked, if nothing comes from it.
    due: Instant,
    /// Questions in a row without an answer that tells.
    tries: u32,
    /// The change that made it what it is.
    change: u64,
}

/// What to ask a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The address of the occupant.
    pub(crate) to: Jid,
    change: u64,
}

impl Rooms {
    /// The client wants to be in a room. True: that is new.
    pub(crate) fn enter(&self, room: &BareJid, nick: &str, due: Instant, max: usize) -> bool {
        let mut places = self.0.lock();
        if places.by_room.len() >= max && !places.by_room.contains_key(room) {
            return false;
        }
        places.changes += 1;
        let place = Place { nick: nick.into(), is_in: false, due, tries: 0, change: places.changes };
        places.by_room.insert(room.clone(), place);
        true
    }

    /// True: it was in there, or on its way.
    pub(crate) fn leave(&self, room: &BareJid) -> bool {
        self.0.lock().by_room.remove(room).is_some()
    }

    /// A room says something. True: that has changed where the client is.
    pub(crate) fn hear(&self, stanza: &Stanza, from: &Jid, due: Instant) -> bool {
        let mut places = self.0.lock();
        if places.by_room.is_empty() {
            return false;
        }
        let room = from.to_bare();
        let Some(place) = places.by_room.get_mut(&room) else { return false };
        (place.due, place.tries) = (due, 0);
        let Kind::Presence(kind) = stanza.kind else { return false };
        match kind {
            PresenceType::Error if !place.is_in => {
                // XEP-0045 §7.2: it was not let in.
                places.by_room.remove(&room);
                true
            }
            PresenceType::Error => false,
            _ => {
                let about_itself = from.resource() == Some(&place.nick) || has_status(stanza, SELF);
                about_itself && places.told(&room, stanza, from, kind)
            }
        }
    }

    /// Rooms of a domain are to be asked soon.
    pub(crate) fn doubt(&self, domain: &str, due: impl Fn() -> Instant) -> bool {
        let mut places = self.0.lock();
        let mut any = false;
        for (_, place) in places.by_room.iter_mut().filter(|(room, _)| room.domain() == domain) {
            place.due = place.due.min(due());
            any = true;
        }
        any
    }

    /// What is to be asked now, so many at most; it is not asked again before `next`.
    pub(crate) fn due(&self, now: Instant, max: usize, next: impl Fn(u32) -> Instant) -> Vec<Question> {
        let mut places = self.0.lock();
        let mut questions = Vec::new();
        let due = places.by_room.iter_mut().filter(|(_, place)| place.is_in && place.due <= now);
        for (room, place) in due.take(max) {
            place.due = next(place.tries);
            place.tries = place.tries.saturating_add(1);
            if let Ok(to) = room.with_resource(&place.nick) {
                questions.push(Question { to, change: place.change });
            }
        }
        questions
    }

    /// The room has answered that the client is in it.
    pub(crate) fn confirm(&self, question: &Question, due: Instant) {
        let mut places = self.0.lock();
        if let Some(place) = places.by_room.get_mut(&question.to.to_bare())
            && place.change == question.change
        {
            (place.due, place.tries) = (due, 0);
        }
    }

    /// The room has answered that it is not. True: then it was until now, and nothing has changed since.
    pub(crate) fn lose(&self, question: &Question) -> bool {
        let mut places = self.0.lock();
        let room = question.to.to_bare();
        let same = places.by_room.get(&room).is_some_and(|place| place.change == question.change);
        same && places.by_room.remove(&room).is_some()
    }

    /// For a session that outlives the process: room, and name in it, one a line.
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        let places = self.0.lock();
        let inside = places.by_room.iter().filter(|(_, place)| place.is_in);
        let lines: Vec<String> = inside.map(|(room, place)| format!("{room}/{}", place.nick)).collect();
        (!lines.is_empty()).then(|| lines.join("\n").into_bytes())
    }

    /// The reverse. Nobody knows whether the rooms have kept the client: they are to be asked.
    pub(crate) fn load(&self, saved: &[u8]) {
        let mut places = self.0.lock();
        let lines = std::str::from_utf8(saved).unwrap_or_default().lines();
        for jid in lines.filter_map(|line| Jid::parse(line).ok()) {
            places.changes += 1;
            let (due, change) = (Instant::now(), places.changes);
            let nick = jid.resource().unwrap_or_default().into();
            places.by_room.insert(jid.to_bare(), Place { nick, is_in: true, due, tries: 0, change });
        }
    }
}

impl Places {
    /// What a room says of the client itself.
    fn told(&mut self, room: &BareJid, stanza: &Stanza, from: &Jid, kind: PresenceType) -> bool {
        if kind == PresenceType::Unavailable {
            // XEP-0045 §7.6: it comes back at once under its new name.
            let renamed = has_status(stanza, RENAMED);
            return !renamed && self.by_room.remove(room).is_some();
        }
        let Some(place) = self.by_room.get_mut(room) else { return false };
        let nick = from.resource().unwrap_or_default();
        if place.is_in && *place.nick == *nick {
            return false;
        }
        self.changes += 1;
        (place.is_in, place.nick, place.change) = (true, nick.into(), self.changes);
        true
    }
}

/// A status code of XEP-0045 §15.6.2.
fn has_status(stanza: &Stanza, code: &str) -> bool {
    let Some(child) = stanza.children.find(NS_USER, "x") else { return false };
    // Most presence in a room is about others: nothing is built for that.
    let mentioned = child.bytes().windows(code.len()).any(|bytes| bytes == code.as_bytes());
    mentioned
        && child.tree().children_named(NS_USER, "status").any(|status| status.attr("code") == Some(code))
}

const SELF: &str = "110";
const RENAMED: &str = "303";
