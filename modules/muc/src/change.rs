//! Changes that outlive a visit: of the configuration, the lists, the subject, of all that somebody asks for by a request.
//!
//! The room is changed in the turn, and the rows are handed to the store in it. What others are to learn of it waits behind a
//! gate of the outbox until the rows are on disk and who has asked has the answer (XEP-0045 §8.2 to §8.6). If they could not
//! be written nobody hears of it, and what they say of the room is read from the store again.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::error;
use waxwing_core::Origin;
use waxwing_core::prelude::*;

use crate::Muc;
use crate::affiliation::Affiliate;
use crate::handle::Handle;
use crate::hats::Hats;
use crate::outbox::Gate;
use crate::room::Room;
use crate::table::{OccupantRow, RoomRow};
use crate::turn::Row;

/// A change on its way to the disk. Whoever drops it without a word lets nobody hear of it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) handle: Arc<Handle>,
    pub(crate) gate: Gate,
    pub(crate) rows: BTreeSet<Row>,
    pub(crate) ticket: Option<Ticket>,
    /// With it the room comes onto the disk.
    pub(crate) new: bool,
}

/// What a request has come to, and the change behind it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) reply: Reply,
    pub(crate) change: Option<Change>,
}

impl From<Reply> for Done {
    fn from(reply: Reply) -> Self {
        Self { reply, change: None }
    }
}

/// Who is to be answered, and how.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) request: Stanza,
    pub(crate) reply: Reply,
    pub(crate) origin: Origin,
}

/// A row as the store has it.
enum Saved {
    Room(RoomRow),
    Affiliate(BareJid, Option<Affiliate>),
    Occupant(Jid, Option<OccupantRow>),
    Request(BareJid, Option<String>),
    Card(Option<String>),
    Hats(Hats),
    Wearer(BareJid, Option<BTreeSet<String>>),
}

impl Change {
    async fn is_kept(&self) -> bool {
        match &self.ticket {
            Some(ticket) => ticket.durable().await.is_ok(),
            None => true,
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        self.handle.outbox.open(&self.gate, false);
    }
}

impl Muc {
    /// Sees a change through, beside whatever else goes on: who has asked is answered when it is on disk, then all hear of
    /// it. Resolves when that is done, or the server stops.
    pub(crate) fn conclude(&self, change: Change, answer: Option<Answer>) -> oneshot::Receiver<()> {
        let (done, concluded) = oneshot::channel();
        let Some(this) = self.me.get().and_then(std::sync::Weak::upgrade) else { return concluded };
        self.workers.spawn(async move {
            let kept = change.is_kept().await;
            match kept {
                // A room that has just been configured has an archive before its owner learns so.
                true => this.has_archive(&change.handle).await,
                false => this.undo(&change).await,
            }
            if let Some(answer) = answer {
                this.give(answer, kept).await;
            }
            change.handle.outbox.open(&change.gate, kept);
            this.send_off(&change.handle).await;
            // Who has asked may be gone.
            done.send(()).ok();
        });
        concluded
    }

    /// What a change has made of the room is as the store has it again.
    pub(crate) async fn undo(&self, change: &Change) {
        let handle = &change.handle;
        error!(room = handle.local, "A change in a room was not kept; it is undone.");
        while !self.try_undo(change).await {}
        handle.room.lock().stale = false;
        handle.mended.notify_waiters();
    }

    /// False: rows were written while it read them.
    async fn try_undo(&self, change: &Change) -> bool {
        let handle = &change.handle;
        let (number, writes) = {
            let mut room = handle.room.lock();
            if change.new && room.number.is_some() {
                self.unmake(&mut room);
            }
            // Who has ended is found on the disk by the next who looks for it.
            if room.gone { (None, 0) } else { (room.number, room.writes) }
        };
        let Some(number) = number else { return true };
        match self.read_again(number, &change.rows).await {
            Ok(rows) => {
                let mut room = handle.room.lock();
                if room.writes != writes {
                    return false;
                }
                rows.into_iter().for_each(|row| self.put_back(&mut room, row));
                room.shows_anew();
            }
            Err(cause) => {
                error!(room = handle.local, error = %cause, "The store failed; a room is closed until it can be loaded.");
                handle.room.lock().gone = true;
                self.forget(handle);
            }
        }
        true
    }

    async fn read_again(
        &self,
        number: AccountNumber,
        rows: &BTreeSet<Row>,
    ) -> Result<Vec<Saved>, StoreError> {
        let mut saved = Vec::with_capacity(rows.len());
        for row in rows {
            let name = |jid: &str| jid.to_owned();
            saved.extend(match row {
                Row::Room => self.rooms_table.get(number, &()).await?.map(Saved::Room),
                Row::Affiliate(jid) => {
                    let row = self.affiliates.get(number, &name(jid.as_str())).await?;
                    Some(Saved::Affiliate(jid.clone(), row))
                }
                Row::Occupant(jid) => {
                    let row = self.occupants.get(number, &name(jid.as_str())).await?;
                    Some(Saved::Occupant(jid.clone(), row))
                }
                Row::Request(jid) => {
                    let row = self.requests.get(number, &name(jid.as_str())).await?;
                    Some(Saved::Request(jid.clone(), row))
                }
                Row::Card => Some(Saved::Card(self.cards.get(number, &()).await?)),
                Row::Hats => Some(Saved::Hats(self.hats.get(number, &()).await?.unwrap_or_default())),
                Row::Wearer(jid) => {
                    let row = self.wearers.get(number, &name(jid.as_str())).await?;
                    Some(Saved::Wearer(jid.clone(), row))
                }
            });
        }
        Ok(saved)
    }

    fn put_back(&self, room: &mut Room, saved: Saved) {
        match saved {
            Saved::Room(row) => {
                (room.settings, room.subject) = (row.settings, row.subject);
                room.versions.go_back(row.version);
            }
            Saved::Affiliate(jid, row) => drop(room.affiliations.set(&jid, row.unwrap_or_default())),
            // Who has come in is there, whatever the disk says.
            Saved::Occupant(_, None) => {}
            Saved::Occupant(jid, Some(row)) => match room.occupant_of_mut(&jid) {
                Some(there) => there.role = row.role,
                None => self.seat(room, jid.as_str(), &row),
            },
            Saved::Request(jid, row) => drop(match row {
                Some(nick) => room.requests.insert(jid, nick),
                None => room.requests.remove(&jid),
            }),
            Saved::Card(card) => room.set_saved_card(card),
            Saved::Hats(hats) => room.hats.hats = hats.hats,
            Saved::Wearer(jid, worn) => drop(match worn {
                Some(worn) => room.hats.worn.insert(jid, worn),
                None => room.hats.worn.remove(&jid),
            }),
        }
    }
}

impl Room {
    /// What was made of it to be shown is made again.
    fn shows_anew(&mut self) {
        self.audience_changed();
        self.occupants.values().for_each(|occupant| occupant.faces.forget());
    }
}
