//! Rosters for other modules: who is a contact of whom, and what may they see.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use waxwing_core::prelude::*;
use waxwing_core::store_failed;
use waxwing_store::{Order, Span};

use crate::item::{Change, Wanted, item, query};
use crate::push::Pusher;
use crate::roster::{Inner, Roster};
use crate::table::{ContactRow, ContactTable, Item, VersionTable};
use crate::{ItemRemoved, RosterConfig, State};

/// The rosters of one host.
pub struct RosterService {
    pub(crate) rosters: AccountSlot<Roster>,
    pub(crate) contacts: TableRef<ContactTable>,
    pub(crate) versions: TableRef<VersionTable>,
    pub(crate) pusher: Pusher,
    pub(crate) removal: ServiceHandle<dyn ItemRemoved>,
    /// Kept for sessions that outlive the process; the roster itself knows whom to push to.
    pub(crate) interested: SessionSlot<Interested>,
    pub(crate) config: RosterConfig,
}

/// Whether the resource has asked for the roster (RFC 6121 §2.2).
#[derive(Debug, Default)]
pub(crate) struct Interested(pub(crate) AtomicBool);

/// Why a roster was not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RosterError {
    /// It has as many items or requests as it may.
    #[error("the roster is full")]
    Full,
    /// There is no such item.
    #[error("there is no such item in the roster")]
    NotFound,
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl From<RosterError> for StanzaError {
    fn from(error: RosterError) -> Self {
        match error {
            RosterError::Full => Self::from(Condition::ResourceConstraint).text("The roster is full."),
            RosterError::NotFound => Condition::ItemNotFound.into(),
            RosterError::Store(error) => store_failed(error),
        }
    }
}

/// What [`RosterService::update`] did.
#[derive(Debug, Clone)]
pub struct Updated {
    /// The state before.
    pub before: State,
    /// The state now.
    pub after: State,
    /// The write, if anything changed.
    pub ticket: Option<Ticket>,
}

impl fmt::Debug for RosterService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RosterService")
    }
}

impl RosterService {
    /// The account's roster, read from the store at the first use.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn load<'a>(&self, account: &'a Account) -> Result<&'a Roster, StoreError> {
        if let Some(roster) = self.rosters.peek(account) {
            return Ok(roster);
        }
        let load = async {
            let number = account.number();
            let versions = self.versions.get(number, &()).await?.unwrap_or_default();
            let rows = self.contacts.range(number, Span::all(), Order::Forward, usize::MAX).await?;
            Ok(Roster::new(rows, versions))
        };
        self.rosters.load(account, load).await
    }

    /// The account's roster if it was loaded before.
    pub fn peek<'a>(&self, account: &'a Account) -> Option<&'a Roster> {
        self.rosters.peek(account)
    }

    /// Whether the contact may see the account's presence (`from` or `both`).
    ///
    /// # Errors
    /// If the store fails.
    pub async fn is_subscriber(&self, account: &Account, contact: &BareJid) -> Result<bool, StoreError> {
        Ok(self.load(account).await?.state(contact).from)
    }

    /// Changes the subscription state with a contact: writes it and pushes what clients see of it. The contact is
    /// put into the roster if its new state needs that (RFC 6121 §3.1.3: a request alone does not).
    ///
    /// `change` decides under the roster's lock; `request` is kept if the new state is pending in and the old was
    /// not; `first` gets the interested resources before the push goes out, if something changed. Neither may wait
    /// or ask the roster again.
    ///
    /// # Errors
    /// [`RosterError::Full`], or the store's.
    pub fn update(
        &self,
        account: &AccountRef,
        roster: &Roster,
        contact: &BareJid,
        request: Option<&Stanza>,
        change: impl FnOnce(State) -> State,
        first: impl FnOnce(&[SessionRef]),
    ) -> Result<Updated, RosterError> {
        let mut inner = roster.0.lock();
        let mut row = inner.row(contact);
        let before = row.state();
        let after = change(before);
        if row.item.is_none() && after.needs_item() {
            row.item = Some(Item::default());
        }
        if let Some(item) = &mut row.item {
            (item.to, item.from) = (after.to, after.from);
            (item.ask, item.approved) = (after.pending_out, after.approved);
        }
        row.request = match (after.pending_in, row.request.take()) {
            (false, _) => None,
            (true, Some(kept)) => Some(kept),
            (true, None) => Some(request.map(Stanza::to_xml).unwrap_or_default()),
        };
        let ticket = self.write(account, &mut inner, contact, row, first)?;
        Ok(Updated { before, after, ticket })
    }

    /// Returns when all pushes of this host that wait for the disk have gone: what is sent after that does not
    /// overtake them.
    pub async fn settled(&self) {
        self.pusher.settled().await;
    }

    /// The result of a roster get for somebody who gets no pushes by it: the whole roster.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn read(&self, account: &AccountRef) -> IqResult {
        let answer = self.load(account).await.map_err(store_failed)?.answer(None);
        let reply = answer.query.as_ref().map_or_else(Reply::empty, Reply::tree);
        Ok(match answer.durable {
            Some(ticket) => reply.after(ticket),
            None => reply,
        })
    }

    /// Carries out a roster set (RFC 6121 §2.3, §2.4, §2.5), whoever may ask for it.
    ///
    /// # Errors
    /// As §2.3.3 says, or the store's.
    pub async fn change(&self, account: &AccountRef, query: &Tree) -> IqResult {
        let wanted = Wanted::read(query, &self.config)?;
        // §2.3.3, interoperability note: nobody is their own contact.
        if wanted.jid == *account.jid() {
            return Err(StanzaError::from(Condition::NotAllowed).text("You are not your own contact."));
        }
        let roster = self.load(account).await.map_err(store_failed)?;
        let (contact, removed) = (wanted.jid.clone(), wanted.change == Change::Remove);
        let (before, ticket) = self.set(account, roster, wanted)?;
        if let (true, Some(removal)) = (removed, self.removal.get()) {
            removal.removed(account, &contact, before).await;
        }
        let reply = Reply::empty();
        Ok(match ticket {
            Some(ticket) => reply.after(ticket),
            None => reply,
        })
    }

    /// Carries out a roster set. Gives the state before, and the write.
    fn set(
        &self,
        account: &AccountRef,
        roster: &Roster,
        wanted: Wanted,
    ) -> Result<(State, Option<Ticket>), RosterError> {
        let mut inner = roster.0.lock();
        let mut row = inner.row(&wanted.jid);
        let before = row.state();
        match (wanted.change, &mut row.item) {
            // RFC 6121 §2.5.3
            (Change::Remove, None) => return Err(RosterError::NotFound),
            (Change::Remove, item) => *item = None,
            (Change::Put { name, groups }, item) => {
                let item = item.get_or_insert_default();
                (item.name, item.groups) = (name, groups);
            }
        }
        let ticket = self.write(account, &mut inner, &wanted.jid, row, |_| {})?;
        // Nothing changed: the result still waits for what an earlier set changed.
        Ok((before, ticket.or_else(|| inner.last.clone())))
    }

    /// Hands a changed row to the store and to the clients; both under the roster's lock, so that their order is
    /// the order of the changes (§2.6.3).
    fn write(
        &self,
        account: &AccountRef,
        inner: &mut Inner,
        contact: &BareJid,
        row: ContactRow,
        first: impl FnOnce(&[SessionRef]),
    ) -> Result<Option<Ticket>, RosterError> {
        let random = account.host().random();
        let epoch = || {
            let mut bytes = [0; 8];
            random.fill(&mut bytes);
            u64::from_be_bytes(bytes)
        };
        let Some(delta) = inner.delta(contact, row, &self.config, epoch)? else { return Ok(None) };
        let owner = account.number();
        let mut batch = Batch::new(Partition::Main);
        for jid in &delta.forgotten {
            self.contacts.delete_from(&mut batch, owner, &jid.as_str().to_owned())?;
        }
        let key = contact.as_str().to_owned();
        if delta.row == ContactRow::default() {
            self.contacts.delete_from(&mut batch, owner, &key)?;
        } else {
            self.contacts.put_into(&mut batch, owner, &key, &delta.row)?;
        }
        if delta.visible {
            self.versions.put_into(&mut batch, owner, &(), &delta.versions)?;
        }
        let ticket = self.contacts.store().apply(batch)?;
        inner.take(&delta, ticket.clone());
        let interested = inner.interested();
        first(&interested);
        if delta.visible {
            let push =
                query(&delta.versions.ver(delta.versions.version)).with_child(item(contact, &delta.row));
            self.pusher.change(ticket.clone(), account, interested, &push);
        }
        Ok(Some(ticket))
    }

    /// Makes a session interested, and gives it what changed since its version.
    pub(crate) fn catch_up(&self, session: &SessionRef, since: u64) {
        let Some(roster) = self.rosters.peek(session.account()) else { return };
        let mut inner = roster.0.lock();
        for push in inner.pushes(since) {
            self.pusher.repeat(inner.last.clone(), session, &push);
        }
        inner.add_interested(session);
        drop(inner);
        self.interested.get(session).0.store(true, Ordering::Release);
        session.touch();
    }

    /// A session of the last process goes on: it gets pushes as before.
    pub(crate) async fn restored(&self, session: &SessionRef) {
        if self.interested.peek(session).is_some_and(|interested| interested.0.load(Ordering::Acquire)) {
            self.interest(session).await;
        }
    }

    /// Makes a session interested that somebody else has told what is in the roster.
    pub async fn interest(&self, session: &SessionRef) {
        match self.load(session.account()).await {
            Ok(roster) => roster.0.lock().add_interested(session),
            Err(cause) => return drop(store_failed(cause)),
        }
        self.interested.get(session).0.store(true, Ordering::Release);
        session.touch();
    }
}
