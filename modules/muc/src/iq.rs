//! Requests to a room and to its occupants ([XEP-0045 §17.4](https://xmpp.org/extensions/xep-0045.html#bizrules-iq)).

use std::sync::Arc;

use waxwing_core::Origin;
use waxwing_core::prelude::*;

use crate::Muc;
use crate::change::{Answer, Done};
use crate::handle::Handle;
use crate::names::{ADMIN, OWNER, PING, REGISTER, VCARD};
use crate::room::Room;
use crate::turn::Turn;
use crate::{commands, moderation};

/// A request to a room.
pub(crate) struct Request<'a> {
    pub(crate) handle: &'a Arc<Handle>,
    pub(crate) from: &'a Jid,
    pub(crate) payload: &'a Child,
    pub(crate) set: bool,
    pub(crate) exempt: bool,
    pub(crate) origin: &'a Origin,
}

impl Muc {
    pub(crate) async fn iq_at(
        &self,
        handle: &Arc<Handle>,
        (from, to): (&Jid, &Jid),
        kind: IqType,
        stanza: &Stanza,
        origin: &Origin,
        exempt: bool,
    ) -> Result<(), StanzaError> {
        let set = match kind {
            IqType::Get => false,
            IqType::Set => true,
            IqType::Result | IqType::Error => return self.answered(handle, from, stanza).await,
        };
        if let Some(name) = to.resource() {
            let done = self.turn(handle, exempt, |room, turn| room.ask(turn, from, name, stanza));
            let answers = matches!(done, Ok((true, _)));
            self.settle(handle, done).await?;
            if answers {
                let answer =
                    Answer { request: stanza.clone(), reply: Reply::empty(), origin: origin.clone() };
                self.give(answer, true).await;
            }
            return Ok(());
        }
        let Some(payload) = stanza.children.iter().next() else { return Err(Condition::BadRequest.into()) };
        let request = Request { handle, from, payload, set, exempt, origin };
        let done = match self.request(&request).await {
            Ok(Done { reply, change }) => {
                let answer = Answer { request: stanza.clone(), reply, origin: origin.clone() };
                match change {
                    // §8.2, §8.3, §8.4: whoever has done it learns first that it is done. No answer: the server stops.
                    Some(change) => drop(self.conclude(change, Some(answer)).await),
                    None => self.give(answer, true).await,
                }
                Ok(())
            }
            Err(error) if is_admin_set(stanza) => {
                self.refuse_items(stanza, &error, origin).await;
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.send_off(handle).await;
        done
    }

    /// §8.4: the error has the items that were refused.
    async fn refuse_items(&self, request: &Stanza, error: &StanzaError, origin: &Origin) {
        let Some(mut refused) = request.error_reply(error) else { return };
        let error = std::mem::replace(&mut refused.children, request.children.clone());
        refused.children.extend(error.iter().cloned());
        self.metrics.refused.inc();
        self.hand_over(refused, origin).await;
    }

    async fn hand_over(&self, answer: Stanza, origin: &Origin) {
        match origin {
            Origin::Client(session) => drop(session.send(answer)),
            _ => drop(self.host.router().send(answer).await),
        }
    }

    async fn answered(&self, handle: &Arc<Handle>, from: &Jid, stanza: &Stanza) -> Result<(), StanzaError> {
        let done = self.turn(handle, true, |room, turn| {
            room.answer(turn, from, stanza);
            Ok(())
        });
        self.settle(handle, done).await.map(drop)
    }

    /// Which file answers.
    async fn request(&self, request: &Request<'_>) -> Result<Done, StanzaError> {
        let payload = request.payload;
        match (payload.namespace(), payload.name(), request.set) {
            (ADMIN, "query", true) => {
                self.act(request, |room, turn| room.change(turn, request.from, &payload.tree()))
            }
            (OWNER, "query", true) => {
                self.act(request, |room, turn| room.own(turn, request.from, &payload.tree()))
            }
            (REGISTER, "query", true) => {
                self.act(request, |room, turn| room.register(turn, request.from, &payload.tree()))
            }
            (VCARD, "vCard", true) => {
                self.act(request, |room, turn| room.set_card(turn, request.from, payload))
            }
            (commands::NS, "command", true) => self.command(request),
            _ => self.ask(request).await.map(Done::from),
        }
    }

    /// What changes nothing in the room itself.
    async fn ask(&self, request: &Request<'_>) -> IqResult {
        let payload = request.payload;
        match (payload.namespace(), payload.name(), request.set) {
            (ns::DISCO_INFO, "query", false) => self.room_info(request),
            (ns::DISCO_ITEMS, "query", false) => self.room_items(request),
            (PING, "ping", false) => Ok(Reply::empty()),
            (ADMIN, "query", false) => {
                // Lists may be long.
                let asker = request.from.to_bare();
                self.turn(request.handle, request.exempt, |room, turn| room.spend_entry(turn, &asker))?;
                self.ask_room(request, |room, turn| room.list(turn, request.from, &payload.tree()))
            }
            (OWNER, "query", false) => {
                self.ask_room(request, |room, turn| room.configuration(turn, request.from))
            }
            (REGISTER, "query", false) => {
                self.ask_room(request, |room, turn| room.registration(turn, request.from))
            }
            (VCARD, "vCard", false) => self.ask_card(request),
            (waxwing_mam::NS, "query" | "metadata", _) => self.archive_request(request).await,
            (moderation::NS | moderation::NS_FASTEN, "moderate" | "apply-to", true) => {
                self.moderate(request).await
            }
            _ => Err(Condition::ServiceUnavailable.into()),
        }
    }

    /// A question that changes nothing.
    pub(crate) fn ask_room(
        &self,
        request: &Request<'_>,
        ask: impl FnOnce(&Room, &Turn<'_>) -> Result<Tree, StanzaError>,
    ) -> IqResult {
        let (tree, _) = self.turn(request.handle, true, |room, turn| ask(room, turn))?;
        Ok(Reply::tree(&tree))
    }

    /// A change: its result goes out when it is on disk, and after it what others learn.
    fn act(
        &self,
        request: &Request<'_>,
        act: impl FnOnce(&mut Room, &mut Turn<'_>) -> Result<(), StanzaError>,
    ) -> Result<Done, StanzaError> {
        self.act_and_reply(request, |room, turn| act(room, turn).map(|()| Reply::empty()))
    }

    /// The same, with more to say than that it is done.
    pub(crate) fn act_and_reply(
        &self,
        request: &Request<'_>,
        act: impl FnOnce(&mut Room, &mut Turn<'_>) -> IqResult,
    ) -> Result<Done, StanzaError> {
        let (reply, behind) = self.turn(request.handle, request.exempt, |room, turn| {
            turn.asked = true;
            act(room, turn)
        })?;
        let reply = behind.tickets.into_iter().fold(reply, Reply::after);
        Ok(Done { reply, change: behind.change })
    }

    /// Sends a result, once what it promises is on disk; or an error, if it is not kept.
    pub(crate) async fn give(&self, answer: Answer, kept: bool) {
        let Answer { request, reply, origin } = answer;
        if !kept || reply.durable().await.is_err() {
            let error = Condition::InternalServerError.into();
            match is_admin_set(&request) {
                true => self.refuse_items(&request, &error, &origin).await,
                false => drop(self.refuse(&request, &error, &origin).await),
            }
            return;
        }
        let mut result = request.result();
        result.children = reply.children().clone();
        self.hand_over(result, &origin).await;
    }
}

fn is_admin_set(request: &Stanza) -> bool {
    let payload = request.children.iter().next();
    request.kind == Kind::Iq(IqType::Set) && payload.is_some_and(|payload| payload.is(ADMIN, "query"))
}
