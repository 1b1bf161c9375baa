//! Names and numbers: every account, room and host has a 64-bit number that is never used again.
//!
//! The name stands in one row, name → number; all other rows carry the number. A name registered anew gets a new
//! number and so never meets its predecessor's rows. Deleting unlinks the name first; the rows go in the background.

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime;
use tracing::{info, warn};

use crate::batch::{Batch, KeyRange, Order, Partition};
use crate::error::{ApplyError, StoreError};
use crate::key;
use crate::store::Store;
use crate::table::{Owner, TAG_BOOKS};
use crate::ticket::Ticket;
use crate::value;

/// The number of an account or a room: the owner of rows of scope `Account`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(pub u64);

/// The number of a host: the owner of rows of scope `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostNumber(pub u64);

/// A number as the book of names gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(pub u64);

impl Number {
    /// The number of an account or a room.
    pub fn account(self) -> AccountNumber {
        AccountNumber(self.0)
    }

    /// The number of a host.
    pub fn host(self) -> HostNumber {
        HostNumber(self.0)
    }
}

/// What a name names; each kind has names of its own, all share the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A host, by its domain.
    Host,
    /// An account, by its bare JID.
    Account,
    /// A room, by its bare JID.
    Room,
}

impl Kind {
    fn tag(self) -> u8 {
        match self {
            Self::Host => b'h',
            Self::Account => b'a',
            Self::Room => b'r',
        }
    }
}

/// Why a name was not created.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CreateError {
    /// The name is in use.
    #[error("the name is in use")]
    Taken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The next free number, and up to where numbers are reserved on disk.
#[derive(Default)]
pub(crate) struct Book {
    free: Mutex<Free>,
}

struct Free {
    next: u64,
    reserved: u64,
    reservation: Option<Ticket>,
}

impl Default for Free {
    fn default() -> Self {
        Self { next: 1, reserved: 1, reservation: None }
    }
}

impl Book {
    /// Reads the reservation of a store just opened or imported; numbers left over from before are skipped.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let reserved = match store.get(&Partition::Main, NEXT).await? {
            None => 1,
            Some(row) => {
                let number = value::open(&row).and_then(|(_, row)| value::decode(row));
                store.core().remember_essential(Bytes::from_static(NEXT), row);
                number.map_err(|_| StoreError::Damaged("book of numbers"))?
            }
        };
        *self.free.lock() = Free { next: reserved, reserved, reservation: None };
        Ok(())
    }

    /// A number that was never given before.
    ///
    /// The reservation is submitted before whatever uses the number, so it is on disk no later.
    fn take(&self, store: &Store) -> Result<Number, StoreError> {
        let mut free = self.free.lock();
        let lost = free.reservation.as_ref().is_some_and(|ticket| matches!(ticket.outcome(), Some(Err(_))));
        if free.next == free.reserved || lost {
            let reserved = free.next.checked_add(RESERVED).ok_or(StoreError::Damaged("book of numbers"))?;
            let row = value::encode(1, &reserved).map_err(|_| StoreError::Damaged("book of numbers"))?;
            free.reservation = Some(store.core().apply_essential(Bytes::from_static(NEXT), row)?);
            free.reserved = reserved;
        }
        let number = Number(free.next);
        free.next += 1;
        Ok(number)
    }
}

/// The book of names and numbers of a store.
#[derive(Clone, Copy)]
pub struct Numbers<'a> {
    store: &'a Store,
}

impl<'a> Numbers<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Creates a name, durably.
    pub async fn create(&self, kind: Kind, name: &str) -> Result<Number, CreateError> {
        let mut batch = Batch::new(Partition::Main);
        let number = self.create_in(&mut batch, kind, name)?;
        let ticket = self.store.apply(batch)?;
        match ticket.applied().await {
            Ok(()) => ticket.durable().await?,
            Err(ApplyError::Conflict) => return Err(CreateError::Taken),
            Err(ApplyError::Store(error)) => return Err(error.into()),
        }
        Ok(number)
    }

    /// Adds the creation of a name to a batch (of `Main`), so that it happens together with other rows.
    ///
    /// The batch ends in [`ApplyError::Conflict`] if the name is taken. Unlike a table's key, the number is given at
    /// once; it stays unused if the batch is not applied.
    pub fn create_in(&self, batch: &mut Batch, kind: Kind, name: &str) -> Result<Number, StoreError> {
        if batch.partition() != Partition::Main {
            return Err(StoreError::WrongPartition { table: "names", batch: batch.partition() });
        }
        let number = self.store.book().take(self.store)?;
        batch.expect(name_key(kind, name), None::<Bytes>);
        batch.put(name_key(kind, name), number_row(number)?);
        Ok(number)
    }

    /// The number of a name that is created, durably, if it is new: for hosts at start-up.
    pub async fn ensure(&self, kind: Kind, name: &str) -> Result<Number, StoreError> {
        loop {
            if let Some(number) = self.lookup(kind, name).await? {
                return Ok(number);
            }
            match self.create(kind, name).await {
                Ok(number) => return Ok(number),
                Err(CreateError::Taken) => {}
                Err(CreateError::Store(error)) => return Err(error),
            }
        }
    }

    /// The number of a name.
    pub async fn lookup(&self, kind: Kind, name: &str) -> Result<Option<Number>, StoreError> {
        let row = self.store.get(&Partition::Main, &name_key(kind, name)).await?;
        row.as_deref().map(read_number).transpose()
    }

    /// Up to `limit` names that begin with `prefix` and come after `after`, in the order of their bytes.
    pub async fn list(
        &self,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Number)>, StoreError> {
        let mut range = KeyRange::prefix(&name_key(kind, prefix));
        if let Some(after) = after
            && after >= prefix
        {
            range = range.after(name_key(kind, after));
        }
        let rows = self.store.range(&Partition::Main, range, Order::Forward, limit).await?;
        let skip = name_key(kind, "").len();
        let name = |(key, row): (Bytes, Bytes)| {
            let name = key.get(skip..).and_then(|name| String::from_utf8(name.to_vec()).ok());
            Ok((name.ok_or(StoreError::Damaged("book of names"))?, read_number(&row)?))
        };
        rows.into_iter().map(name).collect()
    }

    /// Frees a name, durably, and notes that its number's rows are to be deleted; none if there is no such name.
    ///
    /// Call [`delete_account_rows`](Self::delete_account_rows) once nothing uses the number any more; if that never
    /// happens, the next start of the store does it.
    pub async fn unlink(&self, kind: Kind, name: &str) -> Result<Option<Number>, StoreError> {
        while let Some(number) = self.lookup(kind, name).await? {
            let mut batch = Batch::new(Partition::Main);
            self.unlink_in(&mut batch, kind, name, number)?;
            let ticket = self.store.apply(batch)?;
            match ticket.applied().await {
                Ok(()) => {
                    ticket.durable().await?;
                    return Ok(Some(number));
                }
                Err(ApplyError::Conflict) => {}
                Err(ApplyError::Store(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Adds to a batch (of `Main`) what [`unlink`](Self::unlink) does; expects the name to have this number.
    pub fn unlink_in(
        &self,
        batch: &mut Batch,
        kind: Kind,
        name: &str,
        number: Number,
    ) -> Result<(), StoreError> {
        if batch.partition() != Partition::Main {
            return Err(StoreError::WrongPartition { table: "names", batch: batch.partition() });
        }
        batch.expect(name_key(kind, name), Some(number_row(number)?));
        batch.delete(name_key(kind, name));
        batch.put(deletion_key(number.account()), Bytes::new());
        Ok(())
    }

    /// Deletes all rows of an account or room, in the background and in small batches, in every partition.
    ///
    /// The ticket is durable when the intention is: from then on a restart only delays the deletion. Rows that a
    /// straggler writes afterwards go at the next start.
    pub fn delete_account_rows(&self, account: AccountNumber) -> Result<Ticket, StoreError> {
        let mut batch = Batch::new(Partition::Main);
        batch.put(deletion_key(account), Bytes::new());
        let ticket = self.store.apply(batch)?;
        let store = self.store.clone();
        in_background(async move {
            match store.numbers().sweep(account).await {
                Ok(()) => info!(account = account.0, "Rows of a deleted account are gone."),
                Err(error) => {
                    warn!(account = account.0, error = %error, "Rows of a deleted account stay until restart.");
                }
            }
        });
        Ok(ticket)
    }

    /// Notes with a batch that all rows of an account or room are to be deleted. Whoever has submitted it calls
    /// [`Numbers::sweep`] when it is durable; else they go at the next start.
    pub fn delete_account_rows_in(&self, batch: &mut Batch, account: AccountNumber) {
        batch.put(deletion_key(account), Bytes::new());
    }

    /// Deletes all rows of an account or room before it returns; what `delete_account_rows` does in the background.
    pub async fn sweep(&self, account: AccountNumber) -> Result<(), StoreError> {
        let months = self.store.months().await?.into_iter().map(Partition::Month);
        for partition in std::iter::once(Partition::Main).chain(months) {
            while self.sweep_some(partition, account).await? {}
        }
        Ok(())
    }

    /// The deletions noted and not yet confirmed by a restart.
    pub async fn deletions(&self) -> Result<Vec<AccountNumber>, StoreError> {
        let range = KeyRange::prefix(DELETIONS);
        let rows = self.store.range(&Partition::Main, range, Order::Forward, usize::MAX).await?;
        let number = |(row_key, _): (Bytes, Bytes)| {
            let number = row_key.get(DELETIONS.len()..).and_then(key::decode);
            number.map(AccountNumber).ok_or(StoreError::Damaged("list of deletions"))
        };
        rows.into_iter().map(number).collect()
    }

    /// After a start: goes through the noted deletions again, then forgets them; nobody can hold such a number now.
    pub(crate) async fn resume_deletions(&self) -> Result<(), StoreError> {
        let deletions = self.deletions().await?;
        if deletions.is_empty() {
            return Ok(());
        }
        let store = self.store.clone();
        in_background(async move {
            for account in deletions {
                let done = async {
                    store.numbers().sweep(account).await?;
                    let mut batch = Batch::new(Partition::Main);
                    batch.delete(deletion_key(account));
                    store.core().apply_unlimited(batch)?.durable().await
                };
                if let Err(error) = done.await {
                    warn!(account = account.0, error = %error, "Rows of a deleted account stay until restart.");
                }
            }
        });
        Ok(())
    }

    /// Deletes one batch of rows; false when none are left.
    async fn sweep_some(&self, partition: Partition, account: AccountNumber) -> Result<bool, StoreError> {
        let range = KeyRange::prefix(&Owner::Account(account).prefix());
        let rows = self.store.range(&partition, range, Order::Forward, SWEPT_AT_ONCE).await?;
        let mut batch = Batch::new(partition);
        for (key, _) in rows {
            batch.delete(key);
        }
        if batch.is_empty() {
            return Ok(false);
        }
        // One batch at a time, so this may pass the queue's limit: it is no part of what the limit is against.
        self.store.core().apply_unlimited(batch)?.durable().await?;
        Ok(true)
    }
}

/// Spawns work that a later start would take up again if there is no runtime to do it now.
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}

fn name_key(kind: Kind, name: &str) -> Vec<u8> {
    [&[TAG_BOOKS, b'n', kind.tag()], name.as_bytes()].concat()
}

fn deletion_key(account: AccountNumber) -> Vec<u8> {
    [DELETIONS, &key::encode(&account.0)].concat()
}

fn number_row(number: Number) -> Result<Bytes, StoreError> {
    value::encode(1, &number.0).map_err(|_| StoreError::Damaged("book of names"))
}

fn read_number(row: &[u8]) -> Result<Number, StoreError> {
    let number = value::open(row).and_then(|(_, row)| value::decode(row));
    number.map(Number).map_err(|_| StoreError::Damaged("book of names"))
}

/// The row of the first number that is not reserved.
const NEXT: &[u8] = &[TAG_BOOKS, b'#'];
const DELETIONS: &[u8] = &[TAG_BOOKS, b'd'];

/// Numbers reserved at a time; at most so many are skipped by a restart.
const RESERVED: u64 = 64;
const SWEPT_AT_ONCE: usize = 256;
