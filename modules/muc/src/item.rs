//! `<x xmlns='http://jabber.org/protocol/muc#user'/>`: what the room says of an occupant
//! ([XEP-0045 §7.2.2](https://xmpp.org/extensions/xep-0045.html#enter-pres), §17.3 rule 8).

use waxwing_core::prelude::*;

use crate::affiliation::Affiliation;
use crate::role::Role;

/// How an occupant stands now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'a> {
    pub(crate) affiliation: Affiliation,
    pub(crate) role: Role,
    /// Who it really is, for whoever may know.
    pub(crate) jid: Option<&'a Jid>,
}

/// What else there is to say, and to whom it concerns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    /// Status codes for everybody.
    pub(crate) codes: Vec<u16>,
    /// Status codes for the occupant alone, beside 110.
    pub(crate) own_codes: Vec<u16>,
    /// Who has done it.
    pub(crate) actor: Option<Actor>,
    pub(crate) reason: Option<String>,
    /// The nickname to come (§7.6).
    pub(crate) nick: Option<String>,
    /// `<destroy/>` (§10.9).
    pub(crate) destroy: Option<Tree>,
    /// What changes in the list of affiliations (XEP-0463 §5.2.2), for those who may see it.
    pub(crate) version: Option<Tree>,
}

/// Who has done something to somebody.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) nick: Option<String>,
    pub(crate) jid: BareJid,
}

/// The element. `full`: for somebody who may see real addresses; `own`: for the occupant itself.
pub(crate) fn x(standing: Standing<'_>, note: &Note, full: bool, own: bool) -> Tree {
    let mut x = Tree::new(ns::MUC_USER, "x");
    if let Some(version) = note.version.as_ref().filter(|_| full) {
        x = x.with_child(version.clone());
    }
    x = x.with_child(item(standing, note, full, own));
    if let Some(destroy) = &note.destroy {
        x = x.with_child(destroy.clone());
    }
    let own_codes = if own { note.own_codes.as_slice() } else { &[] };
    let codes = own.then_some(110).into_iter().chain(own_codes.iter().copied());
    codes.chain(note.codes.iter().copied()).fold(x, |x, code| x.with_child(status(code)))
}

fn item(standing: Standing<'_>, note: &Note, full: bool, own: bool) -> Tree {
    let mut item = Tree::new(ns::MUC_USER, "item")
        .with_attr("affiliation", standing.affiliation.name())
        .with_attr("role", standing.role.name());
    if let Some(jid) = standing.jid.filter(|_| full || own) {
        item.set_attr("jid", jid.as_str());
    }
    if let Some(nick) = &note.nick {
        item.set_attr("nick", nick.as_str());
    }
    if let Some(actor) = note.actor.as_ref().and_then(|actor| actor.element(full)) {
        item = item.with_child(actor);
    }
    match &note.reason {
        Some(reason) => item.with_child(Tree::new(ns::MUC_USER, "reason").with_text(reason.as_str())),
        None => item,
    }
}

impl Actor {
    /// §8.2: by nickname, and by address for those who may see it.
    fn element(&self, full: bool) -> Option<Tree> {
        let mut actor = Tree::new(ns::MUC_USER, "actor");
        if let Some(nick) = &self.nick {
            actor.set_attr("nick", nick.as_str());
        }
        if full {
            actor.set_attr("jid", self.jid.as_str());
        }
        (full || self.nick.is_some()).then_some(actor)
    }
}

/// §12.
pub(crate) fn status(code: u16) -> Tree {
    Tree::new(ns::MUC_USER, "status").with_attr("code", code.to_string())
}

/// An `<x/>` with status codes and nothing else (§10.2.1).
pub(crate) fn statuses(codes: impl IntoIterator<Item = u16>) -> Tree {
    codes.into_iter().fold(Tree::new(ns::MUC_USER, "x"), |x, code| x.with_child(status(code)))
}
