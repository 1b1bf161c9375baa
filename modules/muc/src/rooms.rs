//! The rooms of the service: loaded at the first use, made when somebody enters, forgotten when nobody needs them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::error;
use waxwing_core::prelude::*;
use waxwing_log::Query;
use waxwing_store::{Order, Span};
use waxwing_xmpp::Timestamp;

use crate::Muc;
use crate::affiliation::{Affiliate, Affiliation, Affiliations};
use crate::config::Create;
use crate::handle::Handle;
use crate::history;
use crate::loads::Claim;
use crate::nick;
use crate::occupant::{self, Client, Faces, Occupant};
use crate::owner::Destroyed;
use crate::room::Room;
use crate::settings::Settings;
use crate::table::{IndexRow, OccupantRow, RoomRow};

/// What is at an address.
pub(crate) enum Found {
    Room(Arc<Handle>),
    /// It was destroyed.
    Gone(Destroyed),
    /// Nothing, as long as the claim holds.
    Nothing(Claim),
}

impl Muc {
    /// The room at an address.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn find(&self, local: &str) -> Result<Found, StoreError> {
        loop {
            if let Some(handle) = self.known(local) {
                return Ok(Found::Room(handle));
            }
            let claim = self.loads.claim(local).await;
            if self.rooms.lock().get(local).is_some() {
                continue;
            }
            self.ended(local).await;
            let Some(row) = self.index.get(self.host.number(), &local.to_owned()).await? else {
                return Ok(Found::Nothing(claim));
            };
            let Some(number) = row.number else { return self.buried(local, &row, claim).await };
            let Some(room) = self.load(local, AccountNumber(number)).await? else {
                return Ok(Found::Nothing(claim));
            };
            let handle = Arc::new(Handle::new(room, self.host.clock().now()));
            self.open_archive(&handle).await?;
            self.admit(&handle);
            // What is sent now may come back as an error, and find the room.
            drop(claim);
            self.find_ghosts(&handle).await;
            // One that is not persistent may have been left over without anybody.
            self.lose(&handle, &[]).await;
        }
    }

    /// The room if it is in memory.
    fn known(&self, local: &str) -> Option<Arc<Handle>> {
        let handle = self.rooms.lock().get(local)?;
        handle.touch(self.host.clock().now());
        Some(handle)
    }

    /// Waits until a room that was destroyed is gone from the index.
    async fn ended(&self, local: &str) {
        let ticket = self.ending.lock().get(local).cloned();
        let Some(ticket) = ticket else { return };
        if let Err(cause) = ticket.applied().await {
            error!(room = local, error = %cause, "The store failed; a destroyed room may come back after a restart.");
        }
        self.ending.lock().remove(local);
    }

    /// §10.9: for a while the address tells where the room went.
    async fn buried(&self, local: &str, row: &IndexRow, claim: Claim) -> Result<Found, StoreError> {
        let Some(tombstone) =
            row.tombstone.as_ref().filter(|tombstone| tombstone.until > self.host.clock().now().0)
        else {
            self.clear_away(local, row)?;
            return Ok(Found::Nothing(claim));
        };
        Ok(Found::Gone(Destroyed {
            alternate: tombstone.alternate.as_ref().and_then(|jid| Jid::parse(jid).ok()),
            reason: tombstone.reason.clone(),
            password: None,
        }))
    }

    /// Puts a room into the table; under the claim of its name only.
    fn admit(&self, handle: &Arc<Handle>) {
        let mut rooms = self.rooms.lock();
        rooms.put(handle);
        if rooms.are_many(self.config().rooms_idle_max) {
            rooms.forget_idle(i64::MAX);
        }
    }

    /// Takes a room out of the table.
    pub(crate) fn forget(&self, handle: &Handle) {
        self.rooms.lock().remove(handle);
        self.host.forget(&handle.local);
    }

    /// What the store has of a room.
    async fn load(&self, local: &str, number: AccountNumber) -> Result<Option<Room>, StoreError> {
        let Ok(jid) = BareJid::new(Some(local), self.host.domain()) else { return Ok(None) };
        let Some(row) = self.rooms_table.get(number, &()).await? else { return Ok(None) };
        let RoomRow { settings, subject, creator, created, version } = row;
        let mut room = Room::new(jid, settings, creator, Timestamp(created), self.key);
        room.number = Some(number);
        room.locked = false;
        room.subject = subject;
        room.versions.now = version;
        room.affiliations = self.load_affiliations(number).await?;
        room.hats = self.hats.get(number, &()).await?.unwrap_or_default();
        let wearers = self.wearers.range(number, Span::all(), Order::Forward, usize::MAX).await?;
        let parsed = wearers.into_iter().filter_map(|(jid, worn)| Some((BareJid::parse(&jid).ok()?, worn)));
        room.hats.worn = parsed.collect();
        room.set_saved_card(self.cards.get(number, &()).await?);
        let requests = self.requests.range(number, Span::all(), Order::Forward, usize::MAX).await?;
        let parsed = requests.into_iter().filter_map(|(jid, nick)| Some((BareJid::parse(&jid).ok()?, nick)));
        room.requests = parsed.collect();
        let occupants = self.occupants.range(number, Span::all(), Order::Forward, usize::MAX).await?;
        for (jid, row) in occupants {
            self.seat(&mut room, &jid, &row);
        }
        Ok(Some(room))
    }

    async fn load_affiliations(&self, number: AccountNumber) -> Result<Affiliations, StoreError> {
        let rows = self.affiliates.range(number, Span::all(), Order::Forward, usize::MAX).await?;
        let parsed = rows.into_iter().filter_map(|(jid, row)| Some((BareJid::parse(&jid).ok()?, row)));
        Ok(Affiliations::from_rows(parsed))
    }

    /// Somebody who was in the room when the server stopped is there again.
    pub(crate) fn seat(&self, room: &mut Room, jid: &str, row: &OccupantRow) {
        let (Ok(jid), Ok(address)) = (Jid::parse(jid), room.jid.with_resource(&row.nick)) else { return };
        let Some(presence) = Stanza::from_store_bytes(&row.presence) else { return };
        let (key, now) = (nick::key(&row.nick), self.host.clock().now());
        let real = jid.to_bare();
        if room.occupants.get(&key).is_some_and(|other| other.real != real) {
            return;
        }
        let id = occupant::id(&self.key, &room.jid, &real);
        let occupant = room.occupants.entry(key.clone()).or_insert_with(|| Occupant {
            jid: address,
            role: row.role,
            clients: Vec::new(),
            id,
            faces: Faces::default(),
            place: Cell::default(),
            real: real.clone(),
        });
        if occupant.real == real {
            let client = Client {
                jid: jid.clone(),
                presence: presence.children,
                lang: presence.lang,
                entered: Timestamp(row.entered),
                heard: now,
            };
            occupant.show(client);
            room.clients.insert(jid, key);
            room.audience_changed();
        }
    }

    /// The archive hangs on the room as on an account.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn open_archive(&self, handle: &Handle) -> Result<(), StoreError> {
        if handle.account.get().is_some() {
            return Ok(());
        }
        let (Some(account), Some(log)) = (self.account(handle).await?, self.log.get()) else {
            return Ok(());
        };
        log.ready(&account).await?;
        // Two who open it at the same time open the same.
        handle.account.set(account).ok();
        Ok(())
    }

    /// The account with the number of the room: one of another may be left over from a room that had the name before.
    async fn account(&self, handle: &Handle) -> Result<Option<AccountRef>, StoreError> {
        let number = handle.room.lock().number;
        let account = self.host.account(&handle.local).await?;
        if account.is_none() || account.as_ref().map(|account| account.number()) == number {
            return Ok(account);
        }
        self.host.forget(&handle.local);
        let account = self.host.account(&handle.local).await?;
        Ok(account.filter(|account| Some(account.number()) == number))
    }

    /// §7.2.13: the last messages, from the archive, when somebody first comes in.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn has_history(&self, handle: &Handle) -> Result<(), StoreError> {
        handle.history.get_or_try_init(|| self.load_history(handle)).await.map(drop)
    }

    async fn load_history(&self, handle: &Handle) -> Result<(), StoreError> {
        let (Some(account), Some(log)) = (handle.account.get(), self.log.get()) else { return Ok(()) };
        let config = self.config();
        let query = Query { backwards: true, max: config.history_max, ..Query::default() };
        loop {
            let removed = handle.room.lock().history.removed();
            let page = log.page(account, &query).await?;
            let mut room = handle.room.lock();
            if room.history.removed() != removed {
                // XEP-0424 §5: something on the page may just have been retracted.
                continue;
            }
            let shown = |entry: &waxwing_log::Entry| entry.stanza.has_body() && !entry.retracted;
            let entries = page.entries.into_iter().filter(shown).map(|entry| {
                let id = Text::from(log.ids().id(account.number(), entry.position));
                let mut stanza = entry.stanza;
                stanza.children.retain(|child| !child.is(ns::MUC_USER, "x"));
                stanza.children.push(room.stanza_id(&id));
                history::Entry { stanza, stamp: log.stamp(entry.position), id }
            });
            let entries: Vec<_> = entries.collect();
            room.history.put_before(entries, config.history_max, config.history_bytes_max.0);
            return Ok(());
        }
    }

    /// §10.1.1: somebody makes a room where there is nothing.
    ///
    /// # Errors
    /// `not-allowed` for who may not, `resource-constraint` for too many, `jid-malformed`.
    pub(crate) async fn create(
        &self,
        local: &str,
        creator: &BareJid,
        _claim: Claim,
    ) -> Result<Arc<Handle>, StanzaError> {
        let config = self.config();
        let admins = self.admins();
        if !self.may_create(creator, &admins) {
            return Err(StanzaError::from(Condition::NotAllowed).text("You may not create rooms here."));
        }
        let jid = BareJid::for_creation(local, self.host.domain())?;
        if !admins.contains(creator) {
            self.check_count(creator).await?;
        }
        let now = self.host.clock().now();
        let settings = Settings::new(&config.defaults, config.occupants_max);
        let mut room = Room::new(jid, settings, creator.clone(), now, self.key);
        room.affiliations.set(creator, Affiliate { affiliation: Affiliation::Owner, ..Affiliate::default() });
        let handle = Arc::new(Handle::new(room, now));
        self.admit(&handle);
        self.metrics.created.inc();
        Ok(handle)
    }

    fn may_create(&self, creator: &BareJid, admins: &[BareJid]) -> bool {
        match self.config().create {
            Create::Anyone => true,
            Create::Admins => admins.contains(creator),
            Create::Local => {
                let host = self.host.router().host(creator.domain());
                admins.contains(creator) || host.is_some_and(|host| host.kind() == HostKind::Accounts)
            }
        }
    }

    async fn check_count(&self, creator: &BareJid) -> Result<(), StanzaError> {
        let config = self.config();
        let full = |text: &str| Err(StanzaError::from(Condition::ResourceConstraint).text(text));
        let in_memory = self.rooms.lock().len();
        if self.count.load(Ordering::Relaxed).max(in_memory) >= config.rooms_max {
            return full("This service has too many rooms.");
        }
        let span = Span::prefix((creator.as_str().to_owned(),));
        let max = config.rooms_per_user_max;
        let made =
            self.creators.range(self.host.number(), span, Order::Forward, max).await.map_err(store_failed)?;
        if made.len() + self.rooms.lock().unconfigured(creator) >= max {
            return full("You have created too many rooms.");
        }
        Ok(())
    }

    /// A room more, or less, on disk.
    pub(crate) fn counted(&self, by: isize) {
        let change = |count: usize| Some(count.saturating_add_signed(by));
        // The closure always gives a value.
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).ok();
    }

    /// Counts the rooms on disk, beside the work.
    pub(crate) async fn count_rooms(self: Arc<Self>) {
        let mut after: Option<String> = None;
        loop {
            let span = after.take().map_or(Span::all(), |after| Span::all().after(after));
            let page = self.index.range(self.host.number(), span, Order::Forward, PAGE).await;
            let Ok(page) = page else { return };
            let rooms = page.iter().filter(|(_, row)| row.number.is_some()).count();
            self.counted(isize::try_from(rooms).unwrap_or(isize::MAX));
            match page.into_iter().last() {
                Some((last, _)) => after = Some(last),
                None => return,
            }
            tokio::task::yield_now().await;
        }
    }
}

/// So many rows of the index are read at once.
const PAGE: usize = 256;
