//! Mediated invitations ([XEP-0045 §7.8.2](https://xmpp.org/extensions/xep-0045.html#invite-mediated)). Direct ones
//! (XEP-0249) do not pass through the room.

use std::collections::{BTreeSet, VecDeque};

use waxwing_core::prelude::*;

use crate::affiliation::{Affiliate, Affiliation};
use crate::occupant::Occupant;
use crate::room::Room;
use crate::turn::Turn;

/// Invitations that may still be declined, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Invited(VecDeque<Invitation>);

#[derive(Debug)]
struct Invitation {
    invitee: BareJid,
    inviter: BareJid,
    /// The inviter as the invitee knows it.
    shown: Jid,
}

impl Invited {
    fn add(&mut self, turn: &Turn<'_>, invitee: BareJid, inviter: &BareJid, shown: Jid) {
        self.0.retain(|other| other.invitee != invitee || other.inviter != *inviter);
        self.0.push_back(Invitation { invitee, inviter: inviter.clone(), shown });
        while self.0.len() > turn.config.requests_max {
            self.0.pop_front();
        }
    }

    /// Who has invited somebody under this address: the invitation is answered by that.
    fn take(&mut self, invitee: &BareJid, to: &Jid) -> Option<BareJid> {
        let answers = |invitation: &Invitation| {
            let shown = &invitation.shown;
            invitation.invitee == *invitee
                && (shown == to || shown.resource().is_none() && shown.same_bare(to))
        };
        let at = self.0.iter().position(answers)?;
        self.0.remove(at).map(|invitation| invitation.inviter)
    }
}

impl Room {
    /// §7.8.2: an occupant invites people.
    ///
    /// # Errors
    /// `forbidden` for who may not, `jid-malformed`, `policy-violation` for too many.
    pub(crate) fn invite(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        stanza: &Stanza,
        x: &Tree,
    ) -> Result<(), StanzaError> {
        // §17.2 rule 2.
        let Some(me) = self.occupant_of(from).cloned() else { return Err(Condition::Forbidden.into()) };
        self.may_invite(turn, &me)?;
        for (to, invite) in self.read_invites(turn, from, x)? {
            if self.settings.members_only {
                self.admit(turn, &to.to_bare())?;
            }
            let invitation = self.invitation(turn, Some(&me), invite, stanza);
            // §7.8.2: whoever invites somebody that is not there learns it.
            let room = self.jid.as_jid().clone();
            self.invited.add(turn, to.to_bare(), &me.real, self.inviter(&me));
            self.relayed.message(turn, from, &to, &invitation, Some(room));
            turn.send(invitation.to(to));
        }
        Ok(())
    }

    /// All that a message invites, or none: each one costs as much as a message.
    fn read_invites<'a>(
        &mut self,
        turn: &Turn<'_>,
        from: &Jid,
        x: &'a Tree,
    ) -> Result<Vec<(Jid, &'a Tree)>, StanzaError> {
        let invites = x.children_named(ns::MUC_USER, "invite");
        let parsed = invites.map(|invite| -> Result<(Jid, &'a Tree), StanzaError> {
            Ok((Jid::parse(invite.attr("to").unwrap_or_default())?, invite))
        });
        let invites = parsed.collect::<Result<Vec<_>, _>>()?;
        if invites.len() > turn.config.items_max {
            return Err(Condition::PolicyViolation.into());
        }
        if self.settings.members_only {
            let nobody = |jid: &BareJid| self.affiliation(turn, jid) == Affiliation::None;
            let new: BTreeSet<BareJid> = invites.iter().map(|(to, _)| to.to_bare()).filter(nobody).collect();
            let row = Affiliate { affiliation: Affiliation::Member, ..Affiliate::default() };
            self.check_affiliations(turn, new.iter().map(|jid| (jid, &row)))?;
        }
        for _ in &invites {
            self.spend(turn, from)?;
        }
        Ok(invites)
    }

    /// From whom an invitation comes: the real address only where the invitee would see it in the room.
    fn inviter(&self, me: &Occupant) -> Jid {
        if self.settings.non_anonymous { Jid::from(me.real.clone()) } else { me.jid.clone() }
    }

    /// §9.5: into a members-only room admins invite, and members if the room says so.
    fn may_invite(&self, turn: &Turn<'_>, me: &Occupant) -> Result<(), StanzaError> {
        let affiliation = self.affiliation(turn, &me.real);
        let allowed = match (self.settings.members_only, self.settings.allow_invites) {
            (true, true) => affiliation >= Affiliation::Member,
            (true, false) => affiliation >= Affiliation::Admin,
            (false, _) => true,
        };
        if allowed { Ok(()) } else { Err(Condition::Forbidden.into()) }
    }

    /// §9.5: who is invited into a members-only room becomes a member.
    fn admit(&mut self, turn: &mut Turn<'_>, jid: &BareJid) -> Result<(), StanzaError> {
        if self.affiliation(turn, jid) != Affiliation::None {
            return Ok(());
        }
        let row = Affiliate { affiliation: Affiliation::Member, ..Affiliate::default() };
        self.check_affiliations(turn, [(jid, &row)])?;
        self.set_affiliation(turn, jid, row, &crate::item::Note::default(), false);
        Ok(())
    }

    /// The invitation as the invitee gets it; without an inviter, of the room itself (§9.5).
    pub(crate) fn invitation(
        &self,
        turn: &Turn<'_>,
        inviter: Option<&Occupant>,
        invite: &Tree,
        stanza: &Stanza,
    ) -> Stanza {
        let mut shown = Tree::new(ns::MUC_USER, "invite");
        match inviter {
            Some(me) => shown.set_attr("from", self.inviter(me).as_str()),
            None => shown.set_attr("from", self.jid.as_str()),
        }
        let max = turn.config.text_bytes_max;
        let reason = invite.child_text(ns::MUC_USER, "reason").filter(|reason| reason.len() <= max);
        if let Some(reason) = &reason {
            shown = shown.with_child(Tree::new(ns::MUC_USER, "reason").with_text(reason.as_str()));
        }
        // §7.9: a one-to-one chat goes on here.
        if let Some(going_on) = invite.child(ns::MUC_USER, "continue") {
            shown = shown.with_child(going_on.clone());
        }
        let mut x = Tree::new(ns::MUC_USER, "x").with_child(shown);
        let mut direct = Tree::new(ns::CONFERENCE, "x").with_attr("jid", self.jid.as_str());
        if let Some(password) = &self.settings.password {
            x = x.with_child(Tree::new(ns::MUC_USER, "password").with_text(password.0.as_str()));
            direct.set_attr("password", password.0.as_str());
        }
        if let Some(reason) = reason {
            direct.set_attr("reason", reason);
        }
        let id = stanza.id.clone().unwrap_or_else(|| turn.world.id());
        // COMPAT: clients that know nothing but XEP-0249 understand it as well.
        Stanza::message(MessageType::Normal).from(&self.jid).id(id).with(&x).with(&direct)
    }

    /// §7.8.2: an invitee says no, once to each invitation: else anybody could send through the room.
    ///
    /// # Errors
    /// `forbidden` for who was not invited, or is banned; `policy-violation`, `jid-malformed`.
    pub(crate) fn decline(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        stanza: &Stanza,
        decline: &Tree,
    ) -> Result<(), StanzaError> {
        let real = from.to_bare();
        if self.affiliation(turn, &real) == Affiliation::Outcast {
            return Err(Condition::Forbidden.into());
        }
        self.spend_entry(turn, &real)?;
        let to = Jid::parse(decline.attr("to").unwrap_or_default())?;
        if to == *self.jid.as_jid() {
            // §9.5: the room itself has invited.
            return Ok(());
        }
        let inviter = self.invited.take(&real, &to).ok_or(Condition::Forbidden)?;
        let addresses: Vec<Jid> = self.occupants_of(&inviter).flat_map(Occupant::addresses).collect();
        let mut shown = Tree::new(ns::MUC_USER, "decline").with_attr("from", from.bare_str());
        let max = turn.config.text_bytes_max;
        if let Some(reason) = decline.child_text(ns::MUC_USER, "reason").filter(|reason| reason.len() <= max)
        {
            shown = shown.with_child(Tree::new(ns::MUC_USER, "reason").with_text(reason));
        }
        let mut message = Stanza::message(MessageType::Normal)
            .from(&self.jid)
            .with(&Tree::new(ns::MUC_USER, "x").with_child(shown));
        message.id.clone_from(&stanza.id);
        turn.send_all(message, addresses);
        Ok(())
    }
}
