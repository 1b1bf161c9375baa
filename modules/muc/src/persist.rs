//! From turns to rows: what a turn has changed is written as one batch, under the room's lock, so that rows of one room
//! never overtake each other.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use tracing::{error, warn};
use waxwing_core::prelude::*;
use waxwing_store::{Kind as NameKind, Number, Order, Span};

use crate::Muc;
use crate::handle::Handle;
use crate::occupant::Client;
use crate::room::Room;
use crate::table::{IndexRow, OccupantRow, RoomRow, Tombstone};
use crate::turn::{Row, Turn};

impl Muc {
    /// Writes what the turn has changed. A room that gets its first row is new; one that is over goes.
    ///
    /// # Errors
    /// If the store does not take it.
    pub(crate) fn commit(
        &self,
        handle: &Handle,
        room: &mut Room,
        turn: &Turn<'_>,
    ) -> Result<Option<Ticket>, StoreError> {
        let written = if turn.over {
            self.end(handle, room)
        } else if room.locked {
            // Nothing of it is on disk before it is configured.
            Ok(None)
        } else {
            self.write(room, turn.rows.clone())
        };
        if let Err(cause) = &written {
            error!(room = %room.jid, error = %cause, "The store failed; a change in a room was not written.");
        }
        written
    }

    fn write(&self, room: &mut Room, mut rows: BTreeSet<Row>) -> Result<Option<Ticket>, StoreError> {
        if rows.is_empty() {
            return Ok(None);
        }
        room.writes += 1;
        let mut batch = Batch::new(Partition::Main);
        let new = room.number.is_none();
        let number = match room.number {
            Some(number) => number,
            None => {
                let number = self.make(&mut batch, room)?;
                rows = all_rows(room);
                number
            }
        };
        for row in &rows {
            self.put(&mut batch, number, room, row)?;
        }
        match self.index.store().apply(batch) {
            Ok(ticket) => Ok(Some(ticket)),
            Err(cause) => {
                if new {
                    self.unmake(room);
                }
                Err(cause)
            }
        }
    }

    /// The room gets its number.
    fn make(&self, batch: &mut Batch, room: &mut Room) -> Result<AccountNumber, StoreError> {
        let numbers = self.index.store().numbers();
        let number = numbers.create_in(batch, NameKind::Room, room.jid.as_str())?.account();
        let created = (room.creator.as_str().to_owned(), local(room));
        self.creators.put_into(batch, self.host.number(), &created, &())?;
        room.number = Some(number);
        self.counted(1);
        Ok(number)
    }

    /// Nothing of the room is on disk: it is as before it was configured.
    pub(crate) fn unmake(&self, room: &mut Room) {
        room.number = None;
        room.locked = true;
        self.counted(-1);
    }

    fn put(
        &self,
        batch: &mut Batch,
        number: AccountNumber,
        room: &Room,
        row: &Row,
    ) -> Result<(), StoreError> {
        match row {
            Row::Room => self.put_room(batch, number, room),
            Row::Affiliate(jid) => {
                let (key, value) = (jid.as_str().to_owned(), room.affiliations.row(jid));
                put_or_delete(&self.affiliates, batch, number, &key, value)
            }
            Row::Request(jid) => {
                put_or_delete(&self.requests, batch, number, &jid.as_str().to_owned(), room.requests.get(jid))
            }
            Row::Occupant(jid) => {
                let row = room.occupant_of(jid).and_then(|occupant| {
                    Some(occupant_row(occupant.nick(), occupant.role, occupant.client(jid)?))
                });
                put_or_delete(&self.occupants, batch, number, &jid.as_str().to_owned(), row.as_ref())
            }
            Row::Card => {
                let card = room.card.as_ref().map(|card| card.as_str().to_owned());
                put_or_delete(&self.cards, batch, number, &(), card.as_ref())
            }
            Row::Hats => self.hats.put_into(batch, number, &(), &room.hats),
            Row::Wearer(jid) => {
                put_or_delete(&self.wearers, batch, number, &jid.as_str().to_owned(), room.hats.worn.get(jid))
            }
        }
    }

    fn put_room(&self, batch: &mut Batch, number: AccountNumber, room: &Room) -> Result<(), StoreError> {
        let row = RoomRow {
            settings: room.settings.clone(),
            subject: room.subject.clone(),
            creator: room.creator.clone(),
            created: room.created.0,
            version: room.versions.now,
        };
        self.rooms_table.put_into(batch, number, &(), &row)?;
        let index = IndexRow {
            number: Some(number.0),
            public: room.settings.public,
            name: room.settings.name.clone(),
            tombstone: None,
        };
        self.index.put_into(batch, self.host.number(), &local(room), &index)
    }

    /// The room is no more: its name is free, or tells where it went; its rows go in the background.
    ///
    /// Whoever does not find it in memory any more waits for that.
    fn end(&self, handle: &Handle, room: &mut Room) -> Result<Option<Ticket>, StoreError> {
        let ended = self.remove_rows(room);
        self.forget(handle);
        ended
    }

    fn remove_rows(&self, room: &mut Room) -> Result<Option<Ticket>, StoreError> {
        let Some(number) = room.number.take() else { return Ok(None) };
        let mut batch = Batch::new(Partition::Main);
        let numbers = self.index.store().numbers();
        numbers.unlink_in(&mut batch, NameKind::Room, room.jid.as_str(), Number(number.0))?;
        let created = (room.creator.as_str().to_owned(), local(room));
        let tombstone = room.tombstone.take().map(|destroyed| Tombstone {
            alternate: destroyed.alternate.map(|jid| jid.as_str().to_owned()),
            reason: destroyed.reason.map(short),
            creator: room.creator.as_str().to_owned(),
            until: self.host.clock().now().plus(self.config().tombstone_time.0).0,
        });
        match tombstone {
            Some(tombstone) => {
                let row =
                    IndexRow { number: None, public: false, name: String::new(), tombstone: Some(tombstone) };
                self.index.put_into(&mut batch, self.host.number(), &local(room), &row)?;
            }
            None => {
                self.creators.delete_from(&mut batch, self.host.number(), &created)?;
                self.index.delete_from(&mut batch, self.host.number(), &local(room))?;
            }
        }
        numbers.delete_account_rows_in(&mut batch, number);
        let ticket = self.index.store().apply(batch)?;
        self.counted(-1);
        self.ending.lock().insert(local(room), ticket.clone());
        self.sweep_rows(number, ticket.clone());
        Ok(Some(ticket))
    }

    /// Deletes the rows of a room once it is certain that it has ended. What is not deleted now is at the next start.
    fn sweep_rows(&self, number: AccountNumber, ended: Ticket) {
        let Some(this) = self.me.get().and_then(Weak::upgrade) else { return };
        self.workers.spawn(async move {
            if ended.durable().await.is_err() {
                // It is there still.
                return this.counted(1);
            }
            if let Err(cause) = this.index.store().numbers().sweep(number).await {
                warn!(error = %cause, "Rows of a room that has ended stay until the next start.");
            }
        });
    }

    /// What is left of a destroyed room counts among its creator's until nobody is told any more where it went.
    pub(crate) fn clear_away(&self, local: &str, row: &IndexRow) -> Result<(), StoreError> {
        let Some(tombstone) = &row.tombstone else { return Ok(()) };
        let mut batch = Batch::new(Partition::Main);
        let created = (tombstone.creator.clone(), local.to_owned());
        self.creators.delete_from(&mut batch, self.host.number(), &created)?;
        self.index.delete_from(&mut batch, self.host.number(), &local.to_owned())?;
        self.index.store().apply(batch).map(drop)
    }

    /// Now and then: tombstones that are out of date.
    pub(crate) async fn clear_tombstones(self: Arc<Self>) {
        let now = self.host.clock().now().0;
        let mut span = Span::all();
        loop {
            let page = self.index.range(self.host.number(), span.clone(), Order::Forward, PAGE).await;
            let Ok(page) = page else { return };
            let old = |row: &IndexRow| row.tombstone.as_ref().is_some_and(|tombstone| tombstone.until <= now);
            for (local, _) in page.iter().filter(|(_, row)| old(row)) {
                // Finding nothing there clears it away.
                self.find(local).await.ok();
            }
            match page.into_iter().last() {
                Some((last, _)) => span = span.after(last),
                None => return,
            }
        }
    }

    /// When the server stops: occupants' presence as it is now.
    pub(crate) fn save_presence(&self) {
        let handles: Vec<_> = self.rooms.lock().all().cloned().collect();
        for handle in handles {
            let mut room = handle.room.lock();
            if room.number.is_none() {
                continue;
            }
            let rows = room.clients.keys().cloned().map(Row::Occupant).collect();
            if let Err(cause) = self.write(&mut room, rows) {
                error!(room = %room.jid, error = %cause, "The store failed; presence in a room was not written.");
            }
        }
    }
}

/// All that there is to write of a room that has just been made.
fn all_rows(room: &Room) -> BTreeSet<Row> {
    let affiliates = room.affiliations.iter().map(|(jid, _)| Row::Affiliate(jid.clone()));
    let occupants = room.clients.keys().cloned().map(Row::Occupant);
    let requests = room.requests.keys().cloned().map(Row::Request);
    let card = room.card.as_ref().map(|_| Row::Card);
    let wearers = room.hats.worn.keys().cloned().map(Row::Wearer);
    [Row::Room, Row::Hats]
        .into_iter()
        .chain(affiliates)
        .chain(occupants)
        .chain(requests)
        .chain(card)
        .chain(wearers)
        .collect()
}

pub(crate) fn occupant_row(nick: &str, role: crate::role::Role, client: &Client) -> OccupantRow {
    let mut presence = Stanza::presence(PresenceType::Available);
    presence.children = client.presence.clone();
    presence.lang.clone_from(&client.lang);
    OccupantRow {
        nick: nick.to_owned(),
        role,
        presence: presence.to_store_bytes(),
        entered: client.entered.0,
    }
}

fn put_or_delete<T: Table>(
    table: &TableRef<T>,
    batch: &mut Batch,
    number: AccountNumber,
    key: &T::Key,
    value: Option<&T::Value>,
) -> Result<(), StoreError> {
    match value {
        Some(value) => table.put_into(batch, number, key, value),
        None => table.delete_from(batch, number, key),
    }
}

/// As much of a reason as lies on disk for everybody who comes later.
fn short(mut reason: String) -> String {
    let end = (0..=REASON_BYTES.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at));
    reason.truncate(end.unwrap_or(0));
    reason
}

/// Bytes of a reason in a tombstone.
const REASON_BYTES: usize = 512;
/// So many rows of the index are read at once.
const PAGE: usize = 256;

fn local(room: &Room) -> String {
    room.jid.local().unwrap_or_default().to_owned()
}
