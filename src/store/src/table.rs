//! Typed tables: a module declares its rows, the store knows whose they are.
//!
//! Keys: tag, owner number (accounts and hosts), table number, then the table's own key. An account's rows thus lie
//! together, so that deleting, exporting and measuring an account need nothing from the modules.

use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::batch::{Batch, KeyRange, Order, Partition, after_prefix};
use crate::catalog::ReadRow;
use crate::error::{ApplyError, RowError, StoreError};
use crate::key::{self, EncodeKey, KeyCodec};
use crate::numbers::{AccountNumber, HostNumber};
use crate::store::Store;
use crate::ticket::Ticket;
use crate::value;

/// What a module declares of its rows.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use waxwing_store::{AccountNumber, Batch, Order, Partition, Scope, Span, Store, StoreError, Table};
///
/// /// An account's notes by day and number.
/// struct Notes;
///
/// #[derive(Serialize, Deserialize)]
/// struct Note {
///     text: String,
/// }
///
/// impl Table for Notes {
///     const NAME: &'static str = "notes.notes";
///     const VERSION: u16 = 1;
///     const SCOPE: Scope = Scope::Account;
///     type Key = (String, u32);
///     type Value = Note;
/// }
///
/// # async fn example() -> Result<(), StoreError> {
/// let store = Store::memory();
/// let notes = store.table::<Notes>()?;
/// let anna = AccountNumber(7);
///
/// let mut batch = Batch::new(Partition::Main);
/// notes.put_into(&mut batch, anna, &("monday".into(), 1), &Note { text: "bread".into() })?;
/// notes.put_into(&mut batch, anna, &("monday".into(), 2), &Note { text: "milk".into() })?;
/// store.apply(batch)?.durable().await?;
///
/// let monday = notes.range(anna, Span::prefix("monday"), Order::Forward, 10).await?;
/// assert_eq!(monday.len(), 2);
/// # Ok(())
/// # }
/// ```
pub trait Table: 'static {
    /// The table's name in the catalog, `module.noun`; never changes, never used for another table.
    const NAME: &'static str;
    /// The version of the value's type, from 1 to 255; it stands in every row. Raise it with any change of `Value`.
    const VERSION: u16;
    /// Whose rows they are.
    const SCOPE: Scope;
    /// The key within the owner's rows.
    type Key: KeyCodec + Send + Sync;
    /// The value, or [`Raw`](crate::Raw) bytes.
    type Value: Serialize + DeserializeOwned + Send + Sync;

    /// Reads a row of an older version; `postcard` bytes of the type as it was then. None if that is impossible.
    fn upgrade(version: u8, old: &[u8]) -> Option<Self::Value> {
        let _ = (version, old);
        None
    }
}

/// Who owns the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The server as a whole.
    Server,
    /// One host.
    Host,
    /// One account or room. Deleted, exported and measured with it.
    Account,
}

/// The owner of a row: `()` for [`Scope::Server`], a [`HostNumber`] or an [`AccountNumber`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The server.
    Server,
    /// A host.
    Host(HostNumber),
    /// An account or room.
    Account(AccountNumber),
}

impl From<()> for Owner {
    fn from((): ()) -> Self {
        Self::Server
    }
}

impl From<HostNumber> for Owner {
    fn from(number: HostNumber) -> Self {
        Self::Host(number)
    }
}

impl From<AccountNumber> for Owner {
    fn from(number: AccountNumber) -> Self {
        Self::Account(number)
    }
}

impl Owner {
    fn scope(self) -> Scope {
        match self {
            Self::Server => Scope::Server,
            Self::Host(_) => Scope::Host,
            Self::Account(_) => Scope::Account,
        }
    }

    /// What the keys of all the owner's rows begin with.
    pub(crate) fn prefix(self) -> Vec<u8> {
        match self {
            Self::Server => vec![TAG_SERVER],
            Self::Host(HostNumber(number)) => key::encode(&(TAG_HOST, number)),
            Self::Account(AccountNumber(number)) => key::encode(&(TAG_ACCOUNT, number)),
        }
    }
}

/// A table of an open store. Cheap to clone.
pub struct TableRef<T> {
    store: Store,
    id: u32,
    partition: Partition,
    table: PhantomData<fn() -> T>,
}

impl Store {
    /// The table `T` of this store, entered into the catalog if it is new. Does not block.
    ///
    /// Fails if the rows on disk are of a newer version than `T::VERSION`.
    pub fn table<T: Table>(&self) -> Result<TableRef<T>, StoreError> {
        const {
            assert!(T::VERSION >= 1 && T::VERSION <= 255, "a table's version is from 1 to 255");
        }
        let id = self.catalog().register(self, T::NAME, T::VERSION)?;
        self.catalog().reads(T::NAME, |key, row| {
            key::decode::<T::Key>(key).ok_or(RowError::Key).map_err(TableRef::<T>::wrong)?;
            TableRef::<T>::value(row).map(drop)
        });
        Ok(TableRef { store: self.clone(), id, partition: Partition::Main, table: PhantomData })
    }

    /// The tables in use by name, and how each reads a row: to look for damaged ones.
    pub fn tables(&self) -> Vec<(&'static str, ReadRow)> {
        self.catalog().readers()
    }
}

impl<T: Table> TableRef<T> {
    /// The same table's rows in one month of the archive. By itself a `TableRef` means the rows in `Main`.
    #[must_use]
    pub fn month(&self, month: u32) -> Self {
        Self { partition: Partition::Month(month), ..self.clone() }
    }

    /// The store the table is part of.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The partition this handle reads and writes.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// A row's value.
    pub async fn get(&self, owner: impl Into<Owner>, key: &T::Key) -> Result<Option<T::Value>, StoreError> {
        let row = self.store.get(&self.partition, &self.row_key(owner.into(), key)?).await?;
        row.as_deref().map(Self::value).transpose()
    }

    /// Up to `limit` rows.
    pub async fn range(
        &self,
        owner: impl Into<Owner>,
        span: Span,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(T::Key, T::Value)>, StoreError> {
        let prefix = self.prefix(owner.into())?;
        let rows = self.store.range(&self.partition, span.under(&prefix), order, limit).await?;
        let row = |(key, row): (Bytes, Bytes)| {
            let key = key.get(prefix.len()..).and_then(key::decode);
            Ok((key.ok_or(RowError::Key).map_err(Self::wrong)?, Self::value(&row)?))
        };
        rows.into_iter().map(row).collect()
    }

    /// Sets one row, in a batch of its own.
    pub fn put(&self, owner: impl Into<Owner>, key: &T::Key, value: &T::Value) -> Result<Ticket, StoreError> {
        let mut batch = Batch::new(self.partition);
        self.put_into(&mut batch, owner, key, value)?;
        self.store.apply(batch)
    }

    /// Removes one row, in a batch of its own.
    pub fn delete(&self, owner: impl Into<Owner>, key: &T::Key) -> Result<Ticket, StoreError> {
        let mut batch = Batch::new(self.partition);
        self.delete_from(&mut batch, owner, key)?;
        self.store.apply(batch)
    }

    /// Adds "set this row" to a batch.
    pub fn put_into(
        &self,
        batch: &mut Batch,
        owner: impl Into<Owner>,
        key: &T::Key,
        value: &T::Value,
    ) -> Result<(), StoreError> {
        let row = Self::row(value)?;
        batch.put(self.key_for(batch, owner.into(), key)?, row);
        Ok(())
    }

    /// Adds "remove this row" to a batch.
    pub fn delete_from(
        &self,
        batch: &mut Batch,
        owner: impl Into<Owner>,
        key: &T::Key,
    ) -> Result<(), StoreError> {
        batch.delete(self.key_for(batch, owner.into(), key)?);
        Ok(())
    }

    /// Makes a batch depend on a row having this value, or on its absence.
    ///
    /// Compares bytes: a row that an older version of the table wrote is unequal even if it means the same; where
    /// that may be, use [`read_for`](Self::read_for).
    pub fn expect_in(
        &self,
        batch: &mut Batch,
        owner: impl Into<Owner>,
        key: &T::Key,
        value: Option<&T::Value>,
    ) -> Result<(), StoreError> {
        let row = value.map(Self::row).transpose()?;
        batch.expect(self.key_for(batch, owner.into(), key)?, row);
        Ok(())
    }

    /// Reads a row and makes a batch depend on it being unchanged: the way to change several rows together.
    pub async fn read_for(
        &self,
        batch: &mut Batch,
        owner: impl Into<Owner>,
        key: &T::Key,
    ) -> Result<Option<T::Value>, StoreError> {
        let key = self.key_for(batch, owner.into(), key)?;
        let row = self.store.get(&self.partition, &key).await?;
        let value = row.as_deref().map(Self::value).transpose()?;
        batch.expect(key, row);
        Ok(value)
    }

    /// Changes one row from what it is to what `change` makes of it; `None` is an absent row.
    ///
    /// If another batch changes the row meanwhile, `change` runs again with the new value. The ticket returned is
    /// applied already. An error of `change` leaves the row as it is.
    pub async fn update<E: From<StoreError>>(
        &self,
        owner: impl Into<Owner>,
        key: &T::Key,
        mut change: impl FnMut(Option<T::Value>) -> Result<Option<T::Value>, E>,
    ) -> Result<Ticket, E> {
        let owner = owner.into();
        loop {
            let mut batch = Batch::new(self.partition);
            let old = self.read_for(&mut batch, owner, key).await?;
            match change(old)? {
                Some(new) => self.put_into(&mut batch, owner, key, &new)?,
                None => self.delete_from(&mut batch, owner, key)?,
            }
            let ticket = self.store.apply(batch)?;
            match ticket.applied().await {
                Ok(()) => return Ok(ticket),
                Err(ApplyError::Conflict) => {}
                Err(ApplyError::Store(error)) => return Err(error.into()),
            }
        }
    }

    /// Whether a raw key of [`Store::range`] is the key of one of this table's rows, whoever owns it.
    pub fn owns(&self, key: &[u8]) -> bool {
        let owner = match (key.first(), T::SCOPE) {
            (Some(&TAG_SERVER), Scope::Server) => 1,
            (Some(&TAG_HOST), Scope::Host) | (Some(&TAG_ACCOUNT), Scope::Account) => 1 + size_of::<u64>(),
            _ => return false,
        };
        key.get(owner..).is_some_and(|rest| rest.starts_with(&self.id.to_be_bytes()))
    }

    fn prefix(&self, owner: Owner) -> Result<Vec<u8>, StoreError> {
        if owner.scope() != T::SCOPE {
            return Err(StoreError::WrongOwner { table: T::NAME, scope: T::SCOPE });
        }
        let mut prefix = owner.prefix();
        self.id.encode_key(&mut prefix);
        Ok(prefix)
    }

    fn row_key(&self, owner: Owner, key: &T::Key) -> Result<Vec<u8>, StoreError> {
        let mut out = self.prefix(owner)?;
        key.encode_key(&mut out);
        Ok(out)
    }

    fn key_for(&self, batch: &Batch, owner: Owner, key: &T::Key) -> Result<Vec<u8>, StoreError> {
        if batch.partition() != self.partition {
            return Err(StoreError::WrongPartition { table: T::NAME, batch: batch.partition() });
        }
        self.row_key(owner, key)
    }

    fn row(value: &T::Value) -> Result<Bytes, StoreError> {
        value::encode(Self::version(), value).map_err(Self::wrong)
    }

    fn value(row: &[u8]) -> Result<T::Value, StoreError> {
        let (version, value) = value::open(row).map_err(Self::wrong)?;
        if version == Self::version() {
            return value::decode(value).map_err(Self::wrong);
        }
        let older = (version < Self::version()).then(|| T::upgrade(version, value)).flatten();
        older.ok_or(RowError::Version(version)).map_err(Self::wrong)
    }

    fn version() -> u8 {
        // `Store::table` refuses to compile with a version that does not fit.
        u8::try_from(T::VERSION).unwrap_or(u8::MAX)
    }

    fn wrong(problem: RowError) -> StoreError {
        StoreError::Row { table: T::NAME, problem }
    }
}

impl<T> Clone for TableRef<T> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), id: self.id, partition: self.partition, table: PhantomData }
    }
}

impl<T: Table> std::fmt::Debug for TableRef<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableRef").field("table", &T::NAME).field("partition", &self.partition).finish()
    }
}

/// Which of an owner's rows in a table.
#[derive(Debug, Clone)]
pub struct Span(KeyRange);

impl Span {
    /// All of them.
    pub fn all() -> Self {
        Self(KeyRange::all())
    }

    /// Those whose key starts with the given elements: `Span::prefix(&("monday",))` for keys `(String, u32)`.
    ///
    /// Whole elements, that is: `"mon"` is not a prefix of `"monday"`.
    pub fn prefix(elements: impl EncodeKey) -> Self {
        Self(KeyRange::prefix(&key::encode(&elements)))
    }

    /// Those between two keys, or between the first elements of keys: `Span::between(1..5)`.
    pub fn between<K: EncodeKey>(keys: impl RangeBounds<K>) -> Self {
        let bound = |bound: Bound<&K>| bound.map(|key| Bytes::from(key::encode(key)));
        Self(KeyRange::between(bound(keys.start_bound()), bound(keys.end_bound())))
    }

    /// The same without `key` and everything before it: the next page of a forward read.
    #[must_use]
    pub fn after(self, key: impl EncodeKey) -> Self {
        Self(self.0.after(key::encode(&key)))
    }

    /// The same without `key` and everything behind it: the next page of a reverse read.
    #[must_use]
    pub fn before(self, key: impl EncodeKey) -> Self {
        Self(self.0.before(key::encode(&key)))
    }

    /// The raw range below a table's prefix.
    fn under(self, prefix: &[u8]) -> KeyRange {
        let join = |key: Bytes| Bytes::from([prefix, &key].concat());
        let lower = match self.0.lower.map(join) {
            Bound::Unbounded => Bound::Included(Bytes::copy_from_slice(prefix)),
            bound => bound,
        };
        let upper = match self.0.upper.map(join) {
            Bound::Unbounded => after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded),
            bound => bound,
        };
        KeyRange::between(lower, upper)
    }
}

/// First byte of the store's own rows: catalog, names, numbers, deletions.
pub(crate) const TAG_BOOKS: u8 = 0x01;
const TAG_SERVER: u8 = 0x10;
const TAG_HOST: u8 = 0x20;
const TAG_ACCOUNT: u8 = 0x30;
