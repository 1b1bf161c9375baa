//! Lists and changes of roles and affiliations (`muc#admin`,
//! [XEP-0045 §8](https://xmpp.org/extensions/xep-0045.html#moderator), [§9](https://xmpp.org/extensions/xep-0045.html#admin)).

use std::collections::BTreeSet;

use waxwing_core::prelude::*;

use crate::affiliation::{Affiliate, Affiliation};
use crate::item::{Actor, Note};
use crate::names::ADMIN;
use crate::nick;
use crate::occupant::Occupant;
use crate::privilege::{self, Asker, Sides};
use crate::role::Role;
use crate::room::Room;
use crate::turn::{Row, Turn};

/// One item of a request.
#[derive(Debug)]
enum Change {
    Role { key: String, role: Role, reason: Option<String> },
    Affiliation { jid: BareJid, row: Affiliate },
}

impl Change {
    fn line(&self) -> Option<(&BareJid, &Affiliate)> {
        match self {
            Self::Role { .. } => None,
            Self::Affiliation { jid, row } => Some((jid, row)),
        }
    }
}

impl Room {
    /// §8.5, §9.2, §9.5, §9.8, §10.5, §10.8: a list.
    ///
    /// # Errors
    /// `forbidden` for who may not see it, `bad-request` if it names none, `resource-constraint` if it does not fit.
    pub(crate) fn list(&self, turn: &Turn<'_>, from: &Jid, query: &Tree) -> Result<Tree, StanzaError> {
        let item = query.child(ADMIN, "item").ok_or_else(|| StanzaError::bad_request("Name a list."))?;
        let list = match (item.attr("affiliation"), item.attr("role")) {
            (Some(name), None) => {
                let list = Affiliation::from_name(name).ok_or_else(|| unknown(name))?;
                self.list_affiliation(turn, from, list)
            }
            (None, Some(name)) => {
                let list = Role::from_name(name).ok_or_else(|| unknown(name))?;
                self.list_role(turn, from, list)
            }
            _ => Err(StanzaError::bad_request("Name a role or an affiliation.")),
        }?;
        if list.to_child().bytes().len() > turn.config.list_bytes_max.0 + HEAD {
            let text = "The list is longer than this service sends.";
            return Err(StanzaError::from(Condition::ResourceConstraint).text(text));
        }
        Ok(list)
    }

    fn list_affiliation(&self, turn: &Turn<'_>, from: &Jid, list: Affiliation) -> Result<Tree, StanzaError> {
        if !privilege::may_list(self.asker(turn, from), list) {
            return Err(Condition::Forbidden.into());
        }
        // §17.4 rule 6.
        let item = |(jid, row): (&BareJid, &Affiliate)| {
            let mut item =
                Tree::new(ADMIN, "item").with_attr("affiliation", list.name()).with_attr("jid", jid.as_str());
            if let Some(nick) = row.nick.as_ref().filter(|_| list != Affiliation::Outcast) {
                item.set_attr("nick", nick.as_str());
            }
            match &row.reason {
                Some(reason) => item.with_child(Tree::new(ADMIN, "reason").with_text(reason.as_str())),
                None => item,
            }
        };
        let items = self.affiliations.list(list).map(item);
        Ok(items.fold(Tree::new(ADMIN, "query"), Tree::with_child))
    }

    /// What somebody has to do with the lists.
    pub(crate) fn asker(&self, turn: &Turn<'_>, from: &Jid) -> Asker {
        let role = self.occupant_of(from).map_or(Role::None, |occupant| occupant.role);
        Asker {
            affiliation: self.affiliation(turn, &from.to_bare()),
            role,
            non_anonymous: self.settings.non_anonymous,
            listed: self.settings.member_list.has(role),
        }
    }

    fn list_role(&self, turn: &Turn<'_>, from: &Jid, list: Role) -> Result<Tree, StanzaError> {
        let role = self.occupant_of(from).map_or(Role::None, |occupant| occupant.role);
        if !privilege::may_list_role(self.affiliation(turn, &from.to_bare()), role, list) {
            return Err(Condition::Forbidden.into());
        }
        // §17.4 rule 5.
        let item = |occupant: &Occupant| {
            let mut item = Tree::new(ADMIN, "item")
                .with_attr("affiliation", self.affiliation(turn, &occupant.real).name())
                .with_attr("nick", occupant.nick())
                .with_attr("role", list.name());
            if let Some(client) = occupant.shown() {
                item.set_attr("jid", client.jid.as_str());
            }
            item
        };
        let items = self.occupants.values().filter(|occupant| occupant.role == list).map(item);
        Ok(items.fold(Tree::new(ADMIN, "query"), Tree::with_child))
    }

    /// §8, §9: changes, all or none of them.
    ///
    /// # Errors
    /// Those of §8 to §10.
    pub(crate) fn change(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        query: &Tree,
    ) -> Result<(), StanzaError> {
        let items: Vec<&Tree> = query.children_named(ADMIN, "item").collect();
        if items.len() > turn.config.items_max {
            let text = format!("Change {} at once.", turn.config.items_max);
            return Err(StanzaError::from(Condition::PolicyViolation).text(text));
        }
        let mut changes = Vec::with_capacity(items.len());
        for item in items {
            changes.push(self.read_item(turn, from, item)?);
        }
        if changes.is_empty() {
            return Err(StanzaError::bad_request("Name what is to be changed."));
        }
        check_twice(&changes)?;
        self.check_owners(&changes)?;
        self.check_affiliations(turn, changes.iter().filter_map(Change::line))?;
        for change in changes {
            self.apply(turn, from, change);
        }
        Ok(())
    }

    fn read_item(&self, turn: &Turn<'_>, from: &Jid, item: &Tree) -> Result<Change, StanzaError> {
        let max = turn.config.text_bytes_max;
        let reason = item.child_text(ADMIN, "reason").filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.len() > max) {
            return Err(StanzaError::from(Condition::NotAcceptable).text("The reason is too long."));
        }
        match (item.attr("affiliation"), item.attr("role")) {
            (None, Some(name)) => {
                let role = Role::from_name(name).ok_or_else(|| unknown(name))?;
                self.read_role(turn, from, item, role, reason)
            }
            (Some(name), None) => {
                let affiliation = Affiliation::from_name(name).ok_or_else(|| unknown(name))?;
                self.read_affiliation(turn, from, item, affiliation, reason)
            }
            // §17.4 rule 4.
            _ => Err(StanzaError::bad_request("Change either a role or an affiliation.")),
        }
    }

    fn read_role(
        &self,
        turn: &Turn<'_>,
        from: &Jid,
        item: &Tree,
        role: Role,
        reason: Option<String>,
    ) -> Result<Change, StanzaError> {
        let actor = self.standing(turn, from);
        // Who may do nothing learns nothing.
        if actor.1 < Role::Moderator && actor.0 < Affiliation::Admin {
            return Err(Condition::Forbidden.into());
        }
        let nick = item.attr("nick").ok_or_else(|| StanzaError::bad_request("Name a nickname."))?;
        let target = self.occupant_named(nick).ok_or(Condition::ItemNotFound)?;
        let sides = Sides {
            actor,
            target: (self.affiliation(turn, &target.real), target.role),
            own: target.real.as_jid().same_bare(from),
        };
        privilege::may_set_role(sides, role)?;
        Ok(Change::Role { key: nick::key(nick), role, reason })
    }

    fn read_affiliation(
        &self,
        turn: &Turn<'_>,
        from: &Jid,
        item: &Tree,
        affiliation: Affiliation,
        reason: Option<String>,
    ) -> Result<Change, StanzaError> {
        let actor = self.standing(turn, from);
        if actor.0 < Affiliation::Admin {
            return Err(Condition::Forbidden.into());
        }
        let jid = self.named(item)?;
        let target = (self.affiliation(turn, &jid), Role::None);
        let sides = Sides { actor, target, own: jid.as_jid().same_bare(from) };
        privilege::may_set_affiliation(sides, affiliation)?;
        if jid.local().is_none() && affiliation >= Affiliation::Member {
            // §9.2: a domain is for bans.
            return Err(Condition::NotAllowed.into());
        }
        let nick = self.reserve(turn, item, &jid)?;
        Ok(Change::Affiliation { jid, row: Affiliate { affiliation, nick, reason } })
    }

    /// §9.3, §9.5: the nickname that the item reserves; an empty one is no more reserved.
    fn reserve(&self, turn: &Turn<'_>, item: &Tree, jid: &BareJid) -> Result<Option<String>, StanzaError> {
        match item.attr("nick").filter(|_| item.attr("jid").is_some()) {
            None => Ok(self.affiliations.nick_of(jid).map(str::to_owned)),
            Some("") => Ok(None),
            Some(nick) => {
                nick::check(nick, turn.config.nick_bytes_max)?;
                let nick = self.with_nick(nick)?.resource().unwrap_or_default().to_owned();
                match self.affiliations.reserved_by(&nick).is_some_and(|owner| owner != jid) {
                    true => Err(Condition::Conflict.into()),
                    false => Ok(Some(nick)),
                }
            }
        }
    }

    /// Whom an item means: §10.3: by the bare JID; else by nickname, as some clients do.
    fn named(&self, item: &Tree) -> Result<BareJid, StanzaError> {
        if let Some(jid) = item.attr("jid") {
            return Ok(Jid::parse(jid)?.to_bare());
        }
        let nick = item.attr("nick").ok_or_else(|| StanzaError::bad_request("Name an address."))?;
        Ok(self.occupant_named(nick).ok_or(Condition::ItemNotFound)?.real.clone())
    }

    fn standing(&self, turn: &Turn<'_>, from: &Jid) -> (Affiliation, Role) {
        let role = self.occupant_of(from).map_or(Role::None, |occupant| occupant.role);
        (self.affiliation(turn, &from.to_bare()), role)
    }

    /// §10.4: a room has an owner.
    fn check_owners(&self, changes: &[Change]) -> Result<(), StanzaError> {
        let (mut gained, mut lost) = (0, 0);
        for change in changes {
            if let Change::Affiliation { jid, row } = change {
                let old = self.affiliations.row(jid).map(|row| row.affiliation) == Some(Affiliation::Owner);
                gained += usize::from(row.affiliation == Affiliation::Owner && !old);
                lost += usize::from(row.affiliation != Affiliation::Owner && old);
            }
        }
        if lost > 0 && (self.affiliations.count(Affiliation::Owner) + gained).saturating_sub(lost) == 0 {
            return Err(StanzaError::from(Condition::Conflict).text("A room has an owner."));
        }
        Ok(())
    }

    /// Whether the lists may have these lines; each of them fits into one answer, for XEP-0045 knows no pages of them.
    ///
    /// # Errors
    /// `resource-constraint` if the lists would get too long.
    pub(crate) fn check_affiliations<'a>(
        &self,
        turn: &Turn<'_>,
        lines: impl IntoIterator<Item = (&'a BareJid, &'a Affiliate)>,
    ) -> Result<(), StanzaError> {
        let (count, longest) = self.affiliations.with(lines);
        let grows = count > self.affiliations.len();
        if grows && count > turn.config.affiliations_max || longest > turn.config.list_bytes_max.0 {
            return Err(
                StanzaError::from(Condition::ResourceConstraint).text("The lists of the room are full.")
            );
        }
        Ok(())
    }

    fn apply(&mut self, turn: &mut Turn<'_>, from: &Jid, change: Change) {
        let actor = self.actor(from);
        match change {
            Change::Role { key, role: Role::None, reason } => {
                self.remove(turn, &key, &Note { codes: vec![307], actor, reason, ..Note::default() });
            }
            Change::Role { key, role, reason } => {
                let note = Note { actor, reason, ..Note::default() };
                self.set_roles(turn, &[(key.clone(), role)], &note);
                if role < Role::Participant {
                    self.silence_others(turn, &key, &note);
                }
            }
            Change::Affiliation { jid, row } => {
                let note = Note { actor, reason: row.reason.clone(), ..Note::default() };
                self.set_affiliation(turn, &jid, row, &note, true);
            }
        }
    }

    /// Who does something, as others see it.
    pub(crate) fn actor(&self, from: &Jid) -> Option<Actor> {
        let nick = self.occupant_of(from).map(|occupant| occupant.nick().to_owned());
        Some(Actor { nick, jid: from.to_bare() })
    }

    /// §8.3, §8.4, §9.6, §9.7.
    pub(crate) fn set_roles(&mut self, turn: &mut Turn<'_>, roles: &[(String, Role)], note: &Note) {
        let mut changed = Vec::with_capacity(roles.len());
        for (key, role) in roles {
            let Some(occupant) = self.occupants.get_mut(key) else { continue };
            let before = std::mem::replace(&mut occupant.role, *role);
            for client in &occupant.clients {
                turn.write(Row::Occupant(client.jid.clone()));
            }
            changed.push((occupant.clone(), before));
        }
        self.audience_changed();
        turn.readers.clear();
        for (occupant, before) in &changed {
            self.tell(turn, occupant, note, self.is_broadcast(*before));
            self.show_all_again(turn, occupant, *before);
        }
    }

    /// §8.4: who has lost voice does not speak under another nickname.
    fn silence_others(&mut self, turn: &mut Turn<'_>, key: &str, note: &Note) {
        let Some(real) = self.occupants.get(key).map(|occupant| occupant.real.clone()) else { return };
        let others = self.occupants_of(&real).filter(|other| other.role == Role::Participant);
        let roles: Vec<_> = others.map(|other| (nick::key(other.nick()), Role::Visitor)).collect();
        if !roles.is_empty() {
            self.set_roles(turn, &roles, note);
        }
    }

    /// Who sees real addresses from now on gets the presence of all others again.
    fn show_all_again(&self, turn: &mut Turn<'_>, occupant: &Occupant, before: Role) {
        if self.sees_addresses(occupant.role) && !self.sees_addresses(before) {
            for client in occupant.addresses() {
                self.send_roster(turn, &client, occupant);
            }
        }
    }

    /// §9.1 to §9.5, §10.3 to §10.8: changes a line of the lists, and what follows from it for who is in the room.
    /// `invite`: whether a new member gets an invitation.
    pub(crate) fn set_affiliation(
        &mut self,
        turn: &mut Turn<'_>,
        jid: &BareJid,
        row: Affiliate,
        note: &Note,
        invite: bool,
    ) {
        let concerned = |occupant: &&Occupant| {
            occupant.real == *jid || jid.local().is_none() && occupant.real.domain() == jid.as_str()
        };
        let before: Vec<(String, Affiliation)> = self
            .occupants
            .values()
            .filter(concerned)
            .map(|occupant| (nick::key(occupant.nick()), self.affiliation(turn, &occupant.real)))
            .collect();
        let old = self.affiliations.of(jid);
        let new = row.affiliation;
        self.affiliations.set(jid, row);
        self.requests.remove(jid);
        turn.write(Row::Affiliate(jid.clone()));
        turn.write(Row::Request(jid.clone()));
        let version = (old != new).then(|| self.new_version(turn, jid, new));
        let note = Note { version: version.clone(), ..note.clone() };
        let absent = before.is_empty();
        if !absent {
            turn.readers.clear();
            self.follow(turn, before, &note);
        }
        if absent && let Some(version) = version {
            self.announce_version(turn, jid, new, version);
        }
        if absent
            && invite
            && old == Affiliation::None
            && new == Affiliation::Member
            && self.settings.members_only
        {
            let invitation = self.invitation(
                turn,
                None,
                &Tree::new(ns::MUC_USER, "invite"),
                &Stanza::message(MessageType::Normal),
            );
            turn.send(invitation.to(jid));
        }
    }

    /// What a change of affiliation means for occupants that it concerns, with their affiliation before.
    fn follow(&mut self, turn: &mut Turn<'_>, before: Vec<(String, Affiliation)>, note: &Note) {
        let (mut out, mut roles) = (Vec::new(), Vec::new());
        for (key, old) in before {
            let Some(occupant) = self.occupants.get(&key) else { continue };
            let new = self.affiliation(turn, &occupant.real);
            if !self.admits(new) {
                // §9.1, §9.4.
                let code = if new == Affiliation::Outcast { 301 } else { 321 };
                out.push((key, Note { codes: vec![code], ..note.clone() }));
            } else if new != old {
                roles.push((key, occupant.role.after_change(old, new, self.settings.moderated)));
            }
        }
        if !out.is_empty() {
            self.remove_all(turn, out);
        }
        if !roles.is_empty() {
            self.set_roles(turn, &roles, note);
        }
    }
}

/// What a request says holds: so it says one thing of each address, and gives a nickname to one (§10.4 is judged so).
fn check_twice(changes: &[Change]) -> Result<(), StanzaError> {
    let (mut jids, mut nicks) = (BTreeSet::new(), BTreeSet::new());
    for change in changes {
        let Change::Affiliation { jid, row } = change else { continue };
        if !jids.insert(jid) {
            return Err(StanzaError::bad_request("Name each address once."));
        }
        if row.nick.as_deref().is_some_and(|name| !nicks.insert(nick::key(name))) {
            return Err(Condition::Conflict.into());
        }
    }
    Ok(())
}

/// What there is around a list.
const HEAD: usize = 100;

fn unknown(name: &str) -> StanzaError {
    StanzaError::bad_request(format!("There is no \"{name}\"."))
}
