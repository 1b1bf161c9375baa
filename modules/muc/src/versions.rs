//! Versions of the affiliation lists ([XEP-0463](https://xmpp.org/extensions/xep-0463.html)): clients that come back
//! get what has changed.

use std::collections::{BTreeMap, VecDeque};

use waxwing_core::prelude::*;

use crate::affiliation::Affiliation;
use crate::audience::Recipients;
use crate::occupant::Occupant;
use crate::privilege;
use crate::role::Role;
use crate::room::Room;
use crate::turn::{Row, Turn};

/// The version of the lists, and the last changes.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// Grows with each change; on disk with the room.
    pub(crate) now: u64,
    /// What became whose affiliation with which version.
    changes: VecDeque<(u64, BareJid, Affiliation)>,
}

impl Versions {
    /// The changes after this version were not kept.
    pub(crate) fn go_back(&mut self, version: u64) {
        self.now = version;
        self.changes.retain(|(later, ..)| *later <= version);
    }

    fn name(version: u64) -> String {
        format!("v{version}")
    }

    /// The changes since a version; none if it is too old, or none of ours.
    fn since(&self, name: &str) -> Option<BTreeMap<&BareJid, Affiliation>> {
        let since: u64 = name.strip_prefix('v')?.parse().ok()?;
        let oldest = self.changes.front().map_or(self.now, |(version, ..)| version.saturating_sub(1));
        if since < oldest || since > self.now {
            return None;
        }
        let after = self.changes.iter().filter(|(version, ..)| *version > since);
        Some(after.map(|(_, jid, affiliation)| (jid, *affiliation)).collect())
    }
}

impl Room {
    /// §5.2.2: a change makes a new version; what is broadcast says so.
    pub(crate) fn new_version(
        &mut self,
        turn: &mut Turn<'_>,
        jid: &BareJid,
        affiliation: Affiliation,
    ) -> Tree {
        let before = Versions::name(self.versions.now);
        self.versions.now += 1;
        self.versions.changes.push_back((self.versions.now, jid.clone(), affiliation));
        while self.versions.changes.len() > turn.config.versions_max {
            self.versions.changes.pop_front();
        }
        turn.write(Row::Room);
        mav().with_attr("since", before).with_attr("until", Versions::name(self.versions.now))
    }

    /// §5.2.2: of somebody who is not in the room, all learn who may read the lists.
    pub(crate) fn announce_version(
        &self,
        turn: &mut Turn<'_>,
        jid: &BareJid,
        affiliation: Affiliation,
        version: Tree,
    ) {
        let to = match turn.readers.get(&affiliation) {
            Some(known) => known.clone(),
            None => self.readers(turn, affiliation),
        };
        if to.is_empty() {
            return;
        }
        turn.readers.insert(affiliation, to.clone());
        let x = Tree::new(ns::MUC_USER, "x").with_child(version).with_child(line(jid, affiliation));
        let message = Stanza::message(MessageType::Normal).from(&self.jid).id(turn.world.id()).with(&x);
        turn.send_all(message, to);
    }

    /// The clients of those who may know of such a line.
    fn readers(&self, turn: &Turn<'_>, line: Affiliation) -> Recipients {
        let may = |occupant: &&Occupant| {
            let asker = privilege::Asker {
                affiliation: self.affiliation(turn, &occupant.real),
                role: occupant.role,
                non_anonymous: self.settings.non_anonymous,
                listed: self.settings.member_list.has(occupant.role),
            };
            self.shows(asker, line)
        };
        let readers = self.occupants.values().filter(may);
        readers.flat_map(Occupant::addresses).collect::<Vec<_>>().into()
    }

    /// Whether somebody may know of this line; that one is on no list any more, only who may read all.
    fn shows(&self, asker: privilege::Asker, line: Affiliation) -> bool {
        match line {
            Affiliation::None => privilege::may_list(asker, Affiliation::Member),
            line => privilege::may_list(asker, line),
        }
    }

    /// §5.2.1: what a client that enters has asked for, before any presence.
    pub(crate) fn versions_at_entry(
        &self,
        turn: &mut Turn<'_>,
        to: &Jid,
        affiliation: Affiliation,
        muc: &Tree,
    ) {
        let Some(asked) = muc.child(NS, "mav") else { return };
        let asker = privilege::Asker {
            affiliation,
            // It is about to be in the room.
            role: Role::at_entry(affiliation, self.settings.moderated),
            non_anonymous: self.settings.non_anonymous,
            listed: self.settings.member_list.has(Role::at_entry(affiliation, self.settings.moderated)),
        };
        if !privilege::may_list(asker, Affiliation::Member) {
            // §5.2.3.
            let refused = Stanza::message(MessageType::Error).from(&self.jid).to(to);
            return turn.send(refused.with(&StanzaError::from(Condition::Forbidden).to_tree()));
        }
        let until = Versions::name(self.versions.now);
        let since = asked.attr("since");
        if since == Some(&until) {
            return;
        }
        let changes = since.and_then(|since| self.versions.since(since));
        let mut since = since.filter(|_| changes.is_some()).map(str::to_owned);
        let lines: Vec<(BareJid, Affiliation)> = match changes {
            Some(changes) => {
                changes.into_iter().map(|(jid, affiliation)| (jid.clone(), affiliation)).collect()
            }
            None => self.affiliations.iter().map(|(jid, row)| (jid.clone(), row.affiliation)).collect(),
        };
        let shown = lines.iter().filter(|(_, affiliation)| self.shows(asker, *affiliation));
        let parts = parts(shown, turn.config.list_bytes_max.0);
        if since.is_some() && parts.iter().all(Vec::is_empty) {
            // §5.2.1: "There can be no empty diff."
            return;
        }
        let last = parts.len().saturating_sub(1);
        for (number, lines) in parts.into_iter().enumerate() {
            // It may be split into several messages: each goes on where the one before has ended. Who comes back with a
            // version in between gets the whole list.
            let until = if number == last { until.clone() } else { format!("{until}.{number}") };
            let mut version = mav().with_attr("until", until.as_str());
            if let Some(since) = since.replace(until) {
                version.set_attr("since", since);
            }
            let x = Tree::new(ns::MUC_USER, "x").with_child(version);
            let x = lines.into_iter().fold(x, Tree::with_child);
            let message = Stanza::message(MessageType::Normal).from(&self.jid).to(to).id(turn.world.id());
            turn.send(message.with(&x));
        }
    }

    /// §5.2.1: the self-presence says how far the client's list reaches.
    pub(crate) fn versions_in(&self, presence: &mut Stanza, role: Role, turn: &Turn<'_>) {
        let to = presence.to.as_ref().map(Jid::to_bare);
        let affiliation = to.map_or(Affiliation::None, |to| self.affiliation(turn, &to));
        let listed = self.settings.member_list.has(role);
        let asker =
            privilege::Asker { affiliation, role, non_anonymous: self.settings.non_anonymous, listed };
        let Some(x) = presence.children.find(ns::MUC_USER, "x").map(Child::tree) else { return };
        if !privilege::may_list(asker, Affiliation::Member) {
            return;
        }
        let mut told = Tree::new(ns::MUC_USER, "x");
        told = told.with_child(mav().with_attr("until", Versions::name(self.versions.now)));
        x.nodes().iter().for_each(|node| told.push(node.clone()));
        presence.children = presence
            .children
            .iter()
            .map(|child| if child.is(ns::MUC_USER, "x") { told.to_child() } else { child.clone() })
            .collect();
    }
}

/// The lines in parts that one message holds each; one at least.
fn parts<'a>(lines: impl Iterator<Item = &'a (BareJid, Affiliation)>, bytes_max: usize) -> Vec<Vec<Tree>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for (jid, affiliation) in lines {
        let line = line(jid, *affiliation);
        let size = line.to_child().bytes().len();
        if bytes > 0 && bytes + size > bytes_max {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        parts.last_mut().into_iter().for_each(|part| part.push(line.clone()));
    }
    parts
}

fn mav() -> Tree {
    Tree::new(NS, "mav")
}

fn line(jid: &BareJid, affiliation: Affiliation) -> Tree {
    Tree::new(ns::MUC_USER, "item")
        .with_attr("jid", jid.as_str())
        .with_attr("affiliation", affiliation.name())
}

pub(crate) const NS: &str = "urn:xmpp:muc:affiliations:1";
