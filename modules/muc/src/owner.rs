//! Configuring and destroying a room (`muc#owner`, [XEP-0045 §10](https://xmpp.org/extensions/xep-0045.html#owner)).

use std::collections::BTreeMap;

use waxwing_core::prelude::*;
use waxwing_xmpp::Form;

use crate::affiliation::{Affiliate, Affiliation};
use crate::config_form::{self, Submitted};
use crate::item::{Note, statuses};
use crate::names::OWNER;
use crate::nick;
use crate::room::Room;
use crate::settings::Settings;
use crate::turn::{Row, Turn};

/// Why and for what a room is destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Destroyed {
    pub(crate) alternate: Option<Jid>,
    pub(crate) reason: Option<String>,
    pub(crate) password: Option<String>,
}

impl Room {
    /// §10.2: the form.
    ///
    /// # Errors
    /// `forbidden` for who is no owner.
    pub(crate) fn configuration(&self, turn: &Turn<'_>, from: &Jid) -> Result<Tree, StanzaError> {
        self.must_own(turn, from)?;
        Ok(Tree::new(OWNER, "query").with_child(config_form::form(self, turn.config)))
    }

    /// Whether strangers may not find it, or not come in.
    fn is_private(&self) -> bool {
        !self.settings.public || self.settings.members_only || self.settings.password.is_some()
    }

    fn must_own(&self, turn: &Turn<'_>, from: &Jid) -> Result<(), StanzaError> {
        match self.affiliation(turn, &from.to_bare()) {
            Affiliation::Owner => Ok(()),
            _ => Err(Condition::Forbidden.into()),
        }
    }

    /// §10.1, §10.2, §10.9: an owner submits, cancels or destroys.
    ///
    /// # Errors
    /// `forbidden`, `bad-request`, `not-acceptable`, `conflict`.
    pub(crate) fn own(&mut self, turn: &mut Turn<'_>, from: &Jid, query: &Tree) -> Result<(), StanzaError> {
        self.must_own(turn, from)?;
        if let Some(destroy) = query.child(OWNER, "destroy") {
            let destroyed = Destroyed::from_tree(turn, destroy)?;
            self.destroy(turn, &destroyed.element());
            // What only those inside may know of it, its address tells nobody afterwards.
            self.tombstone = Some(if self.is_private() { Destroyed::default() } else { destroyed });
            return Ok(());
        }
        let form = query.child(ns::DATA_FORMS, "x").and_then(Form::from_tree);
        let form = form.ok_or_else(|| StanzaError::bad_request("Submit the form, or destroy the room."))?;
        match form.kind.as_str() {
            "submit" => self.configure(turn, from, &form),
            // §10.1.3: a room that was never configured was never there.
            "cancel" if self.locked => {
                self.destroy(turn, &Destroyed::default().element());
                Ok(())
            }
            "cancel" => Ok(()),
            _ => Err(StanzaError::bad_request("The form is submitted or cancelled.")),
        }
    }

    /// §10.1.2, §10.1.3, §10.2: holds from now on.
    fn configure(&mut self, turn: &mut Turn<'_>, from: &Jid, form: &Form) -> Result<(), StanzaError> {
        let submitted = config_form::read(form, &self.settings, turn.config)?;
        if submitted.owners.as_ref().is_some_and(Vec::is_empty) {
            return Err(StanzaError::from(Condition::Conflict).text("A room has an owner."));
        }
        let lines = self.lines(&submitted);
        self.check_affiliations(turn, lines.iter().map(|(jid, row)| (jid, row)))?;
        self.locked = false;
        let before = self.settings.clone();
        // Who has to go sees nothing of what is opened now: that comes last.
        self.settings = Settings {
            non_anonymous: before.non_anonymous && submitted.settings.non_anonymous,
            presence: before.presence,
            ..submitted.settings.clone()
        };
        self.audience_changed();
        turn.write(Row::Room);
        for (jid, row) in lines {
            let note = Note { actor: self.actor(from), ..Note::default() };
            self.set_affiliation(turn, &jid, row, &note, true);
        }
        self.apply_members_only(turn, &before);
        self.settings = submitted.settings;
        self.audience_changed();
        self.apply_presence(turn, &before);
        if before != self.settings {
            self.announce_changes(turn, &before);
        }
        self.ends_if_empty(turn);
        Ok(())
    }

    /// What the full lists of owners and admins in the form change.
    fn lines(&self, submitted: &Submitted) -> Vec<(BareJid, Affiliate)> {
        let now = |affiliation| self.affiliations.list(affiliation).map(|(jid, _)| jid.clone());
        let owners = submitted.owners.clone().unwrap_or_else(|| now(Affiliation::Owner).collect());
        let admins = submitted.admins.clone().unwrap_or_else(|| now(Affiliation::Admin).collect());
        // Who is an owner is no admin beside that.
        let mut wanted: BTreeMap<BareJid, Affiliation> =
            admins.into_iter().map(|jid| (jid, Affiliation::Admin)).collect();
        wanted.extend(owners.into_iter().map(|jid| (jid, Affiliation::Owner)));
        let gone = now(Affiliation::Owner).chain(now(Affiliation::Admin));
        let gone: Vec<BareJid> = gone.filter(|jid| !wanted.contains_key(jid)).collect();
        let stays = |jid: &BareJid, affiliation: Affiliation| {
            self.affiliations.row(jid).is_some_and(|row| row.affiliation == affiliation)
        };
        let mut lines: Vec<(BareJid, Affiliation)> =
            wanted.into_iter().filter(|(jid, affiliation)| !stays(jid, *affiliation)).collect();
        // First who comes, so that there is an owner at any moment.
        lines.sort_by_key(|(_, affiliation)| std::cmp::Reverse(*affiliation));
        lines.extend(gone.into_iter().map(|jid| (jid, Affiliation::None)));
        let row = |jid: &BareJid, affiliation| {
            let nick = self.affiliations.nick_of(jid).map(str::to_owned);
            Affiliate { affiliation, nick, reason: None }
        };
        lines.into_iter().map(|(jid, affiliation)| (jid.clone(), row(&jid, affiliation))).collect()
    }

    /// §10.2: who is no member leaves a room that becomes members-only.
    fn apply_members_only(&mut self, turn: &mut Turn<'_>, before: &Settings) {
        if before.members_only || !self.settings.members_only {
            return;
        }
        let out: Vec<String> = self
            .occupants
            .values()
            .filter(|occupant| !self.admits(self.affiliation(turn, &occupant.real)))
            .map(|occupant| nick::key(occupant.nick()))
            .collect();
        let note = Note { codes: vec![322], ..Note::default() };
        self.remove_all(turn, out.into_iter().map(|key| (key, note.clone())).collect());
    }

    /// Whose presence is broadcast from now on, or no more, appears or disappears; real addresses come into the open.
    fn apply_presence(&mut self, turn: &mut Turn<'_>, before: &Settings) {
        let opened = self.settings.non_anonymous && !before.non_anonymous;
        for occupant in self.occupants.values() {
            let (seen, sees) = (before.presence.has(occupant.role), self.is_broadcast(occupant.role));
            if seen != sees || opened && sees {
                self.tell(turn, occupant, &Note::default(), seen);
            }
        }
    }

    /// §10.2.1.
    fn announce_changes(&self, turn: &mut Turn<'_>, before: &Settings) {
        let now = &self.settings;
        let mut codes = Vec::new();
        if now.logging != before.logging {
            codes.push(if now.logging { 170 } else { 171 });
        }
        if now.non_anonymous != before.non_anonymous {
            codes.push(if now.non_anonymous { 172 } else { 173 });
        }
        let same = Settings { logging: now.logging, non_anonymous: now.non_anonymous, ..before.clone() };
        if codes.is_empty() || same != *now {
            codes.push(104);
        }
        self.announce(turn, &statuses(codes));
    }
}

impl Destroyed {
    fn from_tree(turn: &Turn<'_>, destroy: &Tree) -> Result<Self, StanzaError> {
        let text = |name| destroy.child_text(OWNER, name).filter(|text| !text.is_empty());
        let destroyed = Self {
            alternate: destroy.attr("jid").filter(|jid| !jid.is_empty()).map(Jid::parse).transpose()?,
            reason: text("reason"),
            password: text("password"),
        };
        let long = [&destroyed.reason, &destroyed.password].into_iter().flatten();
        if long.map(String::len).max().unwrap_or(0) > turn.config.text_bytes_max {
            return Err(StanzaError::from(Condition::NotAcceptable).text("The reason is too long."));
        }
        Ok(destroyed)
    }

    /// §10.9.
    pub(crate) fn element(&self) -> Tree {
        let mut destroy = Tree::new(ns::MUC_USER, "destroy");
        if let Some(jid) = &self.alternate {
            destroy.set_attr("jid", jid.as_str());
        }
        for (name, text) in [("password", &self.password), ("reason", &self.reason)] {
            if let Some(text) = text {
                destroy = destroy.with_child(Tree::new(ns::MUC_USER, name).with_text(text.as_str()));
            }
        }
        destroy
    }

    /// What somebody gets who comes later (RFC 6120 §8.3.3.5).
    pub(crate) fn error(&self) -> StanzaError {
        let mut error = StanzaError::from(Condition::Gone);
        if let Some(jid) = &self.alternate {
            error = error.at(format!("xmpp:{}?join", jid.as_str()));
        }
        match &self.reason {
            Some(reason) => error.text(reason.as_str()),
            None => error,
        }
    }
}
