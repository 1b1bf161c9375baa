//! What was said before ([XEP-0045 §7.2.13](https://xmpp.org/extensions/xep-0045.html#enter-history), §7.2.14).

use std::collections::{HashSet, VecDeque};

use waxwing_core::prelude::*;
use waxwing_xmpp::{Timestamp, delay};

use crate::names::MUC;
use crate::room::Room;
use crate::turn::Turn;

/// The last messages of a room, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// So many retractions there were.
    removed: u64,
}

/// A message as it was sent to everybody.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) stanza: Stanza,
    pub(crate) stamp: Timestamp,
    /// Its id in the room.
    pub(crate) id: Text,
}

impl History {
    /// Adds the newest message; the oldest ones make room.
    pub(crate) fn push(&mut self, entry: Entry, max: usize, bytes_max: usize) {
        self.bytes += entry.stanza.children.byte_len();
        self.entries.push_back(entry);
        self.trim(max, bytes_max);
    }

    /// Adds older messages in front; some of them may be there already.
    pub(crate) fn put_before(&mut self, older: Vec<Entry>, max: usize, bytes_max: usize) {
        let known: HashSet<Text> = self.entries.iter().map(|entry| entry.id.clone()).collect();
        for entry in older.into_iter().rev().filter(|entry| !known.contains(&entry.id)) {
            self.bytes += entry.stanza.children.byte_len();
            self.entries.push_front(entry);
        }
        self.trim(max, bytes_max);
    }

    /// How many retractions there were.
    pub(crate) fn removed(&self) -> u64 {
        self.removed
    }

    fn trim(&mut self, max: usize, bytes_max: usize) {
        while self.entries.len() > max || self.bytes > bytes_max {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.stanza.children.byte_len());
        }
    }

    /// XEP-0424 §5: what was retracted is not handed out any more.
    pub(crate) fn remove(&mut self, id: &str) {
        self.removed += 1;
        self.entries.retain(|entry| entry.id != id);
        self.bytes = self.entries.iter().map(|entry| entry.stanza.children.byte_len()).sum();
    }

    /// The newest messages that fit into what is wanted, oldest first.
    fn pick(&self, wanted: &Wanted, room: &Jid, now: Timestamp) -> Vec<Stanza> {
        let since = wanted.begin(now);
        let mut picked = Vec::new();
        let mut chars = 0_usize;
        for entry in self.entries.iter().rev().take(wanted.stanzas) {
            if since.is_some_and(|since| entry.stamp < since) {
                break;
            }
            let mut stanza = entry.stanza.clone();
            stanza.children.push(delay(room, entry.stamp, None).to_child());
            if let Some(max) = wanted.chars {
                // §7.2.14: the characters of the complete stanza.
                chars = chars.saturating_add(stanza.to_xml().chars().count());
                if chars > max {
                    break;
                }
            }
            picked.push(stanza);
        }
        picked.reverse();
        picked
    }
}

/// How much history a client wants (§7.2.14): all that it names holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    chars: Option<usize>,
    stanzas: usize,
    seconds: Option<u64>,
    since: Option<Timestamp>,
}

impl Wanted {
    /// Reads `<history/>` in the `<x/>` of who enters. What cannot be read counts as not said.
    pub(crate) fn from_tree(x: &Tree) -> Self {
        let history = x.child(MUC, "history");
        let attribute = |name| history.and_then(|history| history.attr(name));
        let number = |name| attribute(name).and_then(|text: &str| text.trim().parse::<u64>().ok());
        let size = |name| number(name).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        Self {
            chars: size("maxchars"),
            stanzas: size("maxstanzas").unwrap_or(usize::MAX),
            seconds: number("seconds"),
            since: attribute("since").and_then(Timestamp::parse),
        }
    }

    fn begin(&self, now: Timestamp) -> Option<Timestamp> {
        let seconds = self.seconds.map(|seconds| now.minus(std::time::Duration::from_secs(seconds)));
        seconds.max(self.since)
    }
}

impl Room {
    /// §7.2.13: as much as the client wants and the room gives.
    pub(crate) fn send_history(&self, turn: &mut Turn<'_>, to: &Jid, wanted: &Wanted) {
        let stanzas = wanted.stanzas.min(self.settings.history_max);
        let wanted = Wanted { stanzas, ..wanted.clone() };
        for stanza in self.history.pick(&wanted, self.jid.as_jid(), turn.now) {
            turn.send(stanza.to(to));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(count: i64) -> History {
        let mut history = History::default();
        for number in 0..count {
            let body = Tree::new(waxwing_xml::CONTENT, "body").with_text(number.to_string());
            let stanza = Stanza::message(MessageType::Groupchat).with(&body);
            let entry =
                Entry { stanza, stamp: Timestamp(number * 1_000_000), id: Text::from(number.to_string()) };
            history.push(entry, 5, 1 << 20);
        }
        history
    }

    fn picked(history: &History, attributes: &str, now: i64) -> Vec<String> {
        let xml = format!("<x xmlns='http://jabber.org/protocol/muc'><history {attributes}/></x>");
        let wanted = Wanted::from_tree(&Tree::parse(&xml).unwrap());
        let room = Jid::parse("coven@chat.lit").unwrap();
        let stanzas = history.pick(&wanted, &room, Timestamp(now * 1_000_000));
        stanzas.iter().map(|stanza| stanza.children.iter().next().unwrap().tree().text()).collect()
    }

    #[test]
    fn xep0045_7_2_14_the_smallest_amount_that_is_asked_for() {
        let history = history(7);
        assert_eq!(picked(&history, "", 7), ["2", "3", "4", "5", "6"]);
        assert_eq!(picked(&history, "maxstanzas='2'", 7), ["5", "6"]);
        assert_eq!(picked(&history, "maxstanzas='0'", 7), [""; 0]);
        assert_eq!(picked(&history, "maxchars='0'", 7), [""; 0]);
        assert_eq!(picked(&history, "seconds='3'", 7), ["4", "5", "6"]);
        assert_eq!(picked(&history, "since='1970-01-01T00:00:05Z'", 7), ["5", "6"]);
        assert_eq!(picked(&history, "since='1970-01-01T00:00:00Z' maxstanzas='1'", 7), ["6"]);
        assert_eq!(picked(&history, "seconds='3' since='1970-01-01T00:00:06Z'", 7), ["6"]);
        assert_eq!(picked(&history, "maxstanzas='many' seconds='-1' since='now'", 7).len(), 5);
        // Complete stanzas, as many as fit.
        let one = picked(&history, "maxchars='200'", 7);
        assert_eq!(one, ["6"], "{one:?}");
    }

    #[test]
    fn what_is_read_later_comes_before_what_was_said_meanwhile() {
        let (mut now, before) = (history(3), history(5));
        let older = before.entries.into_iter().filter(|entry| entry.id != "1").collect::<Vec<_>>();
        now.entries.pop_front();
        now.put_before(older, 4, 1 << 20);
        // Each once, and the newest four.
        assert_eq!(picked(&now, "", 9), ["3", "4", "1", "2"]);
    }

    #[test]
    fn xep0424_5_a_retracted_message_is_not_in_the_history() {
        let mut history = history(3);
        history.remove("1");
        assert_eq!(picked(&history, "", 3), ["0", "2"]);
    }
}
