//! Every stanza for the service and its rooms: which room, which file
//! ([XEP-0045 §17](https://xmpp.org/extensions/xep-0045.html#bizrules)).

use std::sync::{Arc, Weak};

use tracing::error;
use waxwing_core::Origin;
use waxwing_core::prelude::*;
use waxwing_xmpp::Form;

use crate::Muc;
use crate::affiliation::Affiliation;
use crate::change::Change;
use crate::enter::not_here;
use crate::handle::Handle;
use crate::loads::Claim;
use crate::names::{MUC, REGISTER_FORM, REQUEST_FORM};
use crate::outbox::{AT_ONCE, Gate, Patience};
use crate::room::Room;
use crate::rooms::Found;
use crate::turn::Turn;
use crate::world::Here;

/// What a turn has left behind it.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    pub(crate) tickets: Vec<Ticket>,
    custody: Custody,
    /// What it has changed for longer than a visit, if that is not on disk yet or is to be answered.
    pub(crate) change: Option<Change>,
}

/// What there is to wait for after a turn.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Writes behind it.
    pub(crate) tickets: Vec<Ticket>,
    /// Of messages to somebody alone.
    pub(crate) custody: Custody,
}

impl Muc {
    /// Takes every stanza for the domain that the host itself does not answer.
    pub(crate) async fn take(self: Arc<Self>, event: Event) -> Custody {
        let Event { stanza, origin, mut custody, .. } = event;
        let (Some(from), Some(to)) = (stanza.from.clone(), stanza.to.clone()) else { return custody };
        let taken = match to.local() {
            None => refuse_requests(&stanza),
            Some(local) => self.to_room(local, &from, &to, &stanza, &origin, &mut custody).await,
        };
        match taken {
            Ok(()) => custody,
            Err(error) => {
                self.metrics.refused.inc();
                self.refuse(&stanza, &error, &origin).await
            }
        }
    }

    /// §7.2.5 to §7.2.10: who may not enter gets the element back by which clients know what it is about.
    pub(crate) async fn refuse(&self, stanza: &Stanza, error: &StanzaError, origin: &Origin) -> Custody {
        let Some(mut reply) = stanza.error_reply(error) else { return Custody::memory() };
        if matches!(stanza.kind, Kind::Presence(_)) && stanza.children.find(MUC, "x").is_some() {
            reply = reply.with(&Tree::new(MUC, "x"));
        }
        self.host.router().hand_back(reply, origin).await
    }

    async fn to_room(
        &self,
        local: &str,
        from: &Jid,
        to: &Jid,
        stanza: &Stanza,
        origin: &Origin,
        custody: &mut Custody,
    ) -> Result<(), StanzaError> {
        let mut found = self.find(local).await.map_err(store_failed)?;
        if let Found::Room(handle) = &found
            && handle.room.lock().gone
        {
            // It has ended at this very moment.
            found = self.find(local).await.map_err(store_failed)?;
        }
        match found {
            Found::Room(handle) => {
                let done = self.at(&handle, from, to, stanza, origin, custody).await;
                // It has ended since: there is nothing here.
                let ended = |error: &StanzaError| {
                    error.condition == Condition::ItemNotFound && handle.room.lock().gone
                };
                done.map_err(|error| if ended(&error) { nothing_here(stanza, to) } else { error })
            }
            Found::Gone(destroyed) => match stanza.kind {
                Kind::Presence(PresenceType::Available) | Kind::Message(_) | Kind::Iq(_) => {
                    Err(destroyed.error())
                }
                Kind::Presence(_) => Ok(()),
            },
            Found::Nothing(claim) => self.to_nowhere(local, from, to, stanza, claim).await,
        }
    }

    /// §7.2.11, §17.2 rule 3: there is no room; whoever enters makes it.
    async fn to_nowhere(
        &self,
        local: &str,
        from: &Jid,
        to: &Jid,
        stanza: &Stanza,
        claim: Claim,
    ) -> Result<(), StanzaError> {
        match stanza.kind {
            Kind::Presence(PresenceType::Available) if stanza.children.find(MUC, "x").is_some() => {
                let name = to.resource().ok_or_else(no_nick)?;
                let handle = self.create(local, &from.to_bare(), claim).await?;
                let entered =
                    self.turn(&handle, false, |room, turn| room.enter_new(turn, from, name, stanza));
                self.settle(&handle, entered).await.map(drop)
            }
            Kind::Presence(PresenceType::Available) => {
                self.say_not_here(stanza).await;
                Ok(())
            }
            Kind::Presence(_) => Ok(()),
            Kind::Message(_) | Kind::Iq(_) => Err(nothing_here(stanza, to)),
        }
    }

    async fn at(
        &self,
        handle: &Arc<Handle>,
        from: &Jid,
        to: &Jid,
        stanza: &Stanza,
        origin: &Origin,
        custody: &mut Custody,
    ) -> Result<(), StanzaError> {
        if self.is_hidden(handle, from, stanza) {
            return Err(nothing_here(stanza, to));
        }
        if !stanza.is_error() && !matches!(origin, Origin::Server) {
            // Who makes work for a busy room waits until it has done some.
            handle.outbox.has_room(self.config().queue_max).await;
        }
        self.is_mended(handle).await;
        self.has_archive(handle).await;
        let exempt = self.is_exempt(origin);
        match stanza.kind {
            Kind::Presence(kind) => self.presence_at(handle, (from, to), kind, stanza, exempt).await,
            Kind::Message(kind) => {
                let left = self.message_at(handle, (from, to), kind, stanza, exempt).await?;
                left.tickets.into_iter().for_each(|ticket| custody.attach(ticket));
                custody.join(left.custody);
                Ok(())
            }
            Kind::Iq(kind) => self.iq_at(handle, (from, to), kind, stanza, origin, exempt).await,
        }
    }

    /// §10.1.1, §17.2: whether a room is locked, and so does not exist yet for who is no owner. Whoever wants to enter is told
    /// so there.
    fn is_hidden(&self, handle: &Handle, from: &Jid, stanza: &Stanza) -> bool {
        let asks = matches!(stanza.kind, Kind::Message(_) | Kind::Iq(IqType::Get | IqType::Set));
        if !asks || stanza.is_error() {
            return false;
        }
        let room = handle.room.lock();
        let real = from.to_bare();
        room.locked && room.affiliations.of(&real) < Affiliation::Owner && !self.admins().contains(&real)
    }

    /// A room on disk has an archive before anything is said in it; if not, it takes no messages.
    pub(crate) async fn has_archive(&self, handle: &Handle) {
        if handle.account.get().is_some() || handle.room.lock().number.is_none() {
            return;
        }
        if let Err(cause) = self.open_archive(handle).await {
            error!(room = handle.local, error = %cause, "The archive of a room could not be opened.");
        }
    }

    /// While a change that was not kept is undone nothing else happens in the room.
    async fn is_mended(&self, handle: &Handle) {
        loop {
            let mended = handle.mended.notified();
            if !handle.room.lock().stale {
                return;
            }
            mended.await;
        }
    }

    /// Networks that the operator trusts are free of rates.
    fn is_exempt(&self, origin: &Origin) -> bool {
        let address = origin.session().map(|session| session.peer().address);
        let limits = self.host.limits();
        address.is_some_and(|address| limits.exempt.iter().any(|network| network.contains(address)))
    }

    /// §17.3.
    async fn presence_at(
        &self,
        handle: &Arc<Handle>,
        (from, to): (&Jid, &Jid),
        kind: PresenceType,
        stanza: &Stanza,
        exempt: bool,
    ) -> Result<(), StanzaError> {
        match kind {
            PresenceType::Available => {
                let name = to.resource();
                if stanza.children.find(MUC, "x").is_some() {
                    self.has_history(handle).await.map_err(store_failed)?;
                }
                let done = self.turn(handle, exempt, |room, turn| room.available(turn, from, name, stanza));
                self.settle(handle, done).await.map(drop)
            }
            PresenceType::Unavailable => {
                let done = self.turn(handle, exempt, |room, turn| {
                    room.leave(turn, from, stanza);
                    Ok(())
                });
                // §17.3 rule 5: whoever is not here leaves nothing.
                self.settle(handle, done).await.map(drop).or(Ok(()))
            }
            PresenceType::Error => self.error_from(handle, from, stanza).await,
            // §17.3 rules 1, 2 and 4.
            _ => Ok(()),
        }
    }

    /// §7.2.18.
    async fn say_not_here(&self, stanza: &Stanza) {
        if let Some(presence) = not_here(stanza) {
            self.host.router().send(presence).await;
        }
    }

    /// §17.2.
    async fn message_at(
        &self,
        handle: &Arc<Handle>,
        (from, to): (&Jid, &Jid),
        kind: MessageType,
        stanza: &Stanza,
        exempt: bool,
    ) -> Result<Left, StanzaError> {
        if kind == MessageType::Error {
            return self.error_from(handle, from, stanza).await.map(|()| Left::default());
        }
        if let Some(name) = to.resource() {
            let done = self.turn(handle, exempt, |room, turn| room.whisper(turn, from, name, stanza.clone()));
            return self.settle(handle, done).await;
        }
        if kind == MessageType::Groupchat {
            return self.speak(handle, from, stanza, exempt).await;
        }
        let done = self.turn(handle, exempt, |room, turn| room.told(turn, from, stanza));
        self.settle(handle, done).await
    }

    /// §7.4; a retraction leaves a tombstone (XEP-0424 §5).
    async fn speak(
        &self,
        handle: &Arc<Handle>,
        from: &Jid,
        stanza: &Stanza,
        exempt: bool,
    ) -> Result<Left, StanzaError> {
        // A tombstone names the retraction as all get it.
        let mut stanza = stanza.clone();
        stanza.id.get_or_insert_with(|| self.host.random().id());
        let target = self.retracted(handle, from, &stanza).await?;
        let done = self.turn(handle, exempt, |room, turn| {
            room.speak(turn, from, stanza.clone())?;
            if let Some(target) = &target {
                room.history.remove(&target.id);
            }
            Ok(())
        });
        self.metrics.messages.inc();
        let mut left = self.settle(handle, done).await?;
        if let Some(target) = target {
            left.tickets.extend(self.bury_own(handle, &target, &stanza).await?);
        }
        Ok(left)
    }

    /// Runs a turn of a room under its lock: what it has changed is written, what it sends is put into the outbox. Who is in
    /// the room is so whatever the disk says; all that is to last longer holds only if it is written.
    ///
    /// # Errors
    /// What the turn says; `item-not-found` if the room is gone, `internal-server-error` if the store is.
    pub(crate) fn turn<R>(
        &self,
        handle: &Arc<Handle>,
        exempt: bool,
        act: impl FnOnce(&mut Room, &mut Turn<'_>) -> Result<R, StanzaError>,
    ) -> Result<(R, Behind), StanzaError> {
        let (config, admins) = (self.config(), self.admins());
        let here = Here { host: &self.host, log: self.log.get().map(Arc::as_ref), handle };
        let mut room = handle.room.lock();
        if room.gone {
            return Err(Condition::ItemNotFound.into());
        }
        if room.stale {
            return Err(Condition::InternalServerError.into());
        }
        let new = room.number.is_none();
        let mut turn = Turn::new(&here, &config, &admins, self.host.clock().now());
        turn.exempt = exempt;
        let result = act(&mut room, &mut turn);
        let written = self.commit(handle, &mut room, &turn);
        let lasts = result.is_ok() && turn.lasts();
        let asked = turn.asked;
        let Turn { out, rows, mut tickets, .. } = turn;
        let new = new && room.number.is_some();
        let change = |ticket| {
            let (handle, gate) = (Arc::clone(handle), Gate::default());
            Change { handle, gate, rows, ticket, new }
        };
        let change = match written {
            Err(_) if lasts => {
                room.stale = true;
                self.take_back(change(None));
                return Err(Condition::InternalServerError.into());
            }
            Err(_) => None,
            Ok(ticket) => {
                tickets.extend(ticket.clone());
                let waits = asked || ticket.as_ref().is_some_and(|ticket| !ticket.is_durable());
                (lasts && waits).then(|| change(ticket))
            }
        };
        let (copies, custody) = handle.outbox.push(out, change.as_ref().map(|change| &change.gate));
        self.metrics.copies.inc_by(u64::try_from(copies).unwrap_or(0));
        drop(room);
        result.map(|value| (value, Behind { tickets, custody, change }))
    }

    /// Undoes a change that the store has not taken.
    fn take_back(&self, change: Change) {
        let Some(this) = self.me.get().and_then(Weak::upgrade) else { return };
        self.workers.spawn(async move { this.undo(&change).await });
    }

    /// Sends what a turn has put into the outbox, or leaves it to the room's own task if it is much. A message to somebody
    /// alone is acknowledged when it is kept, and nobody stands still until then.
    ///
    /// # Errors
    /// What the turn has said.
    pub(crate) async fn settle<R>(
        &self,
        handle: &Arc<Handle>,
        done: Result<(R, Behind), StanzaError>,
    ) -> Result<Left, StanzaError> {
        self.send_off(handle).await;
        let (_, Behind { tickets, custody, change }) = done?;
        if let Some(change) = change {
            drop(self.conclude(change, None));
        }
        Ok(Left { tickets, custody })
    }

    /// A few copies leave at once, the rest beside whatever else goes on.
    pub(crate) async fn send_off(&self, handle: &Arc<Handle>) {
        if handle.outbox.drain(self.host.router(), AT_ONCE, self.patience()).await {
            self.deliver(handle);
        }
    }

    /// What waits in a room's outbox leaves beside whatever else goes on.
    pub(crate) fn deliver(&self, handle: &Arc<Handle>) {
        let (handle, host, patience) = (Arc::clone(handle), Arc::clone(&self.host), self.patience());
        self.workers.spawn(async move { handle.outbox.deliver(host.router(), patience).await });
    }

    fn patience(&self) -> Patience {
        let config = self.config();
        Patience { time: config.slow_time_max.0, copies: config.queue_max }
    }
}

impl Room {
    /// §10.1.1: the creator enters; if that fails there was never a room.
    pub(crate) fn enter_new(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        name: &str,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        let entered = self.enter(turn, from, name, stanza);
        self.ends_if_empty(turn);
        entered
    }

    /// §7.2, §7.6, §7.7: available presence.
    fn available(
        &mut self,
        turn: &mut Turn<'_>,
        from: &Jid,
        name: Option<&str>,
        stanza: &Stanza,
    ) -> Result<(), StanzaError> {
        let wants_in = stanza.children.find(MUC, "x").is_some();
        if !wants_in && !self.is_occupant(from) {
            // §7.2.18: in the same turn as it may have been removed in.
            not_here(stanza).into_iter().for_each(|presence| turn.send(presence));
            return Ok(());
        }
        let name = name.ok_or_else(no_nick)?;
        match self.occupant_of(from).map(|occupant| occupant.nick() == name) {
            None => self.enter(turn, from, name, stanza),
            Some(false) => self.rename(turn, from, name, stanza),
            Some(true) if wants_in => self.enter_again(turn, from, stanza),
            Some(true) => self.update(turn, from, stanza),
        }
    }

    /// A message to the room that is not for everybody: invitations (§7.8.2), voice (§7.13), registrations (§9.9).
    fn told(&mut self, turn: &mut Turn<'_>, from: &Jid, stanza: &Stanza) -> Result<(), StanzaError> {
        let x = stanza.children.find(ns::MUC_USER, "x").map(Child::tree);
        if let Some(x) = &x {
            if x.child(ns::MUC_USER, "invite").is_some() {
                return self.invite(turn, from, stanza, x);
            }
            if let Some(decline) = x.child(ns::MUC_USER, "decline") {
                return self.decline(turn, from, stanza, decline);
            }
        }
        let form = stanza.children.find(ns::DATA_FORMS, "x").map(Child::tree);
        let form = form.as_ref().and_then(Form::from_tree);
        match form.as_ref().and_then(Form::form_type) {
            Some(REQUEST_FORM) => self.voice(turn, from, form.as_ref().unwrap_or(&Form::default())),
            Some(REGISTER_FORM) => {
                self.answer_registration(turn, from, form.as_ref().unwrap_or(&Form::default()))
            }
            // §17.2 rules 1 and 2.
            _ if self.is_occupant(from) => {
                Err(StanzaError::bad_request("Messages for everybody are of type groupchat."))
            }
            _ => Err(Condition::Forbidden.into()),
        }
    }
}

/// The service itself takes no messages, and no requests but those that the host answers.
fn refuse_requests(stanza: &Stanza) -> Result<(), StanzaError> {
    match stanza.kind {
        Kind::Message(_) | Kind::Iq(IqType::Get | IqType::Set) => Err(Condition::ServiceUnavailable.into()),
        Kind::Iq(_) | Kind::Presence(_) => Ok(()),
    }
}

/// What a message or a request gets where no room is.
fn nothing_here(stanza: &Stanza, to: &Jid) -> StanzaError {
    match stanza.kind {
        // XEP-0410 §3.2: `item-not-found` would mean that the client is in the room.
        Kind::Iq(_) if to.resource().is_some() => {
            StanzaError::from(Condition::NotAcceptable).of_type(ErrorType::Cancel)
        }
        _ => Condition::ItemNotFound.into(),
    }
}

/// §7.2.1.
fn no_nick() -> StanzaError {
    StanzaError::from(Condition::JidMalformed).text("Choose a nickname.")
}
