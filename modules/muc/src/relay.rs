//! Requests from one occupant to another ([XEP-0045 §17.4](https://xmpp.org/extensions/xep-0045.html#bizrules-iq)
//! rule 3): neither learns the other's real address, and answers find their way back.
//!
//! Each user has so many places for what waits, and nobody else's.

use std::collections::VecDeque;
use std::time::Duration;

use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

use crate::names::{PING, VCARD};
use crate::room::Room;
use crate::turn::Turn;

/// What waits for an answer, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Relayed(VecDeque<Relay>);

/// A request, or a private message that may come back as an error.
#[derive(Debug)]
struct Relay {
    /// Who asked, and under which id.
    asker: Jid,
    asked_id: Text,
    /// The occupant that was asked, as the asker knows it.
    occupant: Option<Jid>,
    /// Who was asked really, and under which id.
    to: Jid,
    id: Text,
    iq: bool,
    since: Timestamp,
}

impl Relayed {
    /// Notes something; the oldest make room.
    fn add(&mut self, turn: &mut Turn<'_>, relay: Relay) {
        self.0.push_back(relay);
        while self.0.len() > turn.config.requests_max {
            self.drop_at(turn, 0, &full());
        }
    }

    /// Makes a place for one more of a user: where there is none, of its oldest message, or of a request that nobody has
    /// answered for long. False: there is none.
    fn make_place(&mut self, turn: &mut Turn<'_>, asker: &Jid) -> bool {
        let own = |relay: &Relay| relay.asker.same_bare(asker);
        let mut count = self.0.iter().filter(|relay| own(relay)).count();
        while count >= turn.config.requests_per_user_max {
            let given_up = |relay: &Relay| !relay.iq || turn.now.since(relay.since) >= PATIENCE;
            let Some(at) = self.0.iter().position(|relay| own(relay) && given_up(relay)) else {
                return false;
            };
            self.drop_at(turn, at, &full());
            count -= 1;
        }
        true
    }

    /// RFC 6120 §8.2.3: a request is answered, even where nobody else does.
    fn drop_at(&mut self, turn: &mut Turn<'_>, at: usize, why: &StanzaError) {
        let Some(Relay { asker, asked_id, occupant, iq: true, .. }) = self.0.remove(at) else { return };
        let mut answer = Stanza::iq(IqType::Error, asked_id).to(asker);
        answer.from = occupant;
        answer.children = told(why);
        turn.send(answer);
    }

    /// The room ends: nobody answers any more.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) {
        while !self.0.is_empty() {
            self.drop_at(turn, 0, &Condition::ItemNotFound.into());
        }
    }

    /// Notes a private message, or an invitation: an error about it is for whoever caused it. `shown`: from whom that comes
    /// then, if not from the occupant that sends it.
    pub(crate) fn message(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        to: &Jid,
        message: &Stanza,
        shown: Option<Jid>,
    ) {
        if !self.make_place(turn, from) {
            // It is sent all the same; an error about it is lost.
            return;
        }
        let Some(id) = message.id.as_ref().map(Text::detach) else { return };
        let relay = Relay {
            asker: from.clone(),
            asked_id: id.clone(),
            occupant: shown,
            to: to.clone(),
            id,
            iq: false,
            since: turn.now,
        };
        self.add(turn, relay);
    }

    fn take(&mut self, from: &Jid, id: &str, iq: bool) -> Option<Relay> {
        let matches = |relay: &Relay| relay.iq == iq && relay.id == id && relay.to == *from;
        let at = self.0.iter().position(matches)?;
        self.0.remove(at)
    }
}

impl Room {
    /// A request for an occupant. None: the room answers itself, with a result.
    ///
    /// # Errors
    /// `not-acceptable` for who is not in the room, `item-not-found` for who is not there, `resource-constraint` for who has
    /// too many requests that wait.
    pub(crate) fn ask(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        name: &str,
        stanza: &Stanza,
    ) -> Result<bool, StanzaError> {
        let payload = stanza.children.iter().next();
        let is = |namespace, name| payload.is_some_and(|payload: &Child| payload.is(namespace, name));
        let Some(me) = self.occupant_of(from).cloned() else {
            // §6.6: bad-request for disco; XEP-0410 §3.3: not-acceptable.
            let disco = payload
                .is_some_and(|payload| [ns::DISCO_INFO, ns::DISCO_ITEMS].contains(&payload.namespace()));
            let not_here = StanzaError::from(Condition::NotAcceptable).of_type(ErrorType::Cancel);
            return Err(if disco { Condition::BadRequest.into() } else { not_here });
        };
        let Some(you) = self.occupant_named(name).cloned() else {
            return Err(Condition::ItemNotFound.into());
        };
        // XEP-0410 §3.3.
        if is(PING, "ping") && you.jid == me.jid && stanza.kind == Kind::Iq(IqType::Get) {
            return Ok(true);
        }
        self.spend(turn, from)?;
        if !self.relayed.make_place(turn, from) {
            return Err(full().text("Too many of your requests wait for answers."));
        }
        let Some(client) = you.shown() else { return Err(Condition::ItemNotFound.into()) };
        // A vCard is the account's: no client answers for it.
        let to = if is(VCARD, "vCard") { Jid::from(client.jid.to_bare()) } else { client.jid.clone() };
        let id = turn.world.id();
        let relay = Relay {
            asker: from.clone(),
            asked_id: stanza.id.clone().unwrap_or_default().detach(),
            occupant: Some(you.jid.clone()),
            to: to.clone(),
            id: id.clone(),
            iq: true,
            since: turn.now,
        };
        self.relayed.add(turn, relay);
        let mut request = stanza.clone();
        request.from = Some(me.jid.clone());
        turn.send(request.to(to).id(id));
        Ok(false)
    }

    /// An answer to such a request.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, from: &Jid, stanza: &Stanza) {
        let id = stanza.id.clone().unwrap_or_default();
        let Some(relay) = self.relayed.take(from, &id, true) else { return };
        let Some(occupant) = relay.occupant.filter(|_| self.is_occupant(&relay.asker)) else { return };
        let mut answer = stanza.clone();
        if let Some(error) = stanza.error() {
            answer.children = told(&error);
        }
        answer.from = Some(occupant);
        turn.send(answer.to(relay.asker).id(relay.asked_id));
    }

    /// An error about a private message, or an invitation, goes to whoever sent it. False: it is about none. `nobody`: no
    /// account has the address.
    pub(crate) fn return_error(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        stanza: &Stanza,
        nobody: bool,
    ) -> bool {
        let id = stanza.id.clone().unwrap_or_default();
        let Some(relay) = self.relayed.take(from, &id, false) else { return false };
        let invited = relay.occupant.is_some();
        let occupant = || self.occupant_of(from).map(|occupant| occupant.jid.clone());
        let Some(occupant) = relay.occupant.or_else(occupant) else { return true };
        if self.is_occupant(&relay.asker) {
            // §7.8.2: whom the inviter has named is nobody.
            let said = if invited && nobody { Some(Condition::ItemNotFound.into()) } else { stanza.error() };
            let mut error = Stanza::message(MessageType::Error).from(&occupant);
            error.children = said.as_ref().map(told).unwrap_or_default();
            turn.send(error.to(relay.asker).id(relay.asked_id));
        }
        true
    }
}

fn full() -> StanzaError {
    StanzaError::from(Condition::ResourceConstraint).of_type(ErrorType::Wait)
}

/// What the other side learns of an error: texts and addresses in it may tell who somebody is.
fn told(error: &StanzaError) -> Children {
    let bare = StanzaError::from(error.condition).of_type(error.kind);
    std::iter::once(bare.to_tree().to_child()).collect()
}

/// A request that has waited so long is given up where its asker has no other place.
const PATIENCE: Duration = Duration::from_secs(60);
