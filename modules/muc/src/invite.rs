//! Mediated invitations ([XEP-0045 §7.8.2](https://xmpp.org/extensions/xep-0045.html#invite-mediated)). Direct ones
//! (XEP-0249) do not pass through the room.

use waxwing_core::prelude::*;

use crate::affiliation::{Affiliate, Affiliation};
use crate::occupant::Occupant;
use crate::room::Room;
use crate::turn::Turn;

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
        self.spend(turn, from)?;
        let invites: Vec<&Tree> = x.children_named(ns::MUC_USER, "invite").collect();
        if invites.len() > turn.config.items_max {
            return Err(Condition::PolicyViolation.into());
        }
        for invite in invites {
            let to = Jid::parse(invite.attr("to").unwrap_or_default())?;
            if self.settings.members_only {
                self.admit(turn, &to.to_bare())?;
            }
            let invitation = self.invitation(turn, Some(&me), invite, stanza);
            // §7.8.2: whoever invites somebody that is not there learns it.
            let room = self.jid.as_jid().clone();
            self.relayed.message(turn, from, &to, &invitation, Some(room));
            turn.send(invitation.to(to));
        }
        Ok(())
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
        self.check_affiliations(turn, 1)?;
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
            // The real address only where the invitee would see it in the room.
            Some(me) if self.settings.non_anonymous => shown.set_attr("from", me.real.as_str()),
            Some(me) => shown.set_attr("from", me.jid.as_str()),
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

    /// §7.8.2: an invitee says no. Only to somebody who is in the room: else anybody could send through it.
    pub(crate) fn decline(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        stanza: &Stanza,
        decline: &Tree,
    ) -> Result<(), StanzaError> {
        let to = Jid::parse(decline.attr("to").unwrap_or_default())?;
        let inviter = match to.same_bare(self.jid.as_jid()) {
            true => to.resource().and_then(|nick| self.occupant_named(nick)),
            false => self.occupants.values().find(|occupant| to.same_bare(occupant.real.as_jid())),
        };
        let addresses: Vec<Jid> = inviter.map(|inviter| inviter.addresses().collect()).unwrap_or_default();
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
