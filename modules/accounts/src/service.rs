//! What can be done with accounts.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tracing::info;
use waxwing_core::prelude::*;
use waxwing_store::{ApplyError, Kind as NumberKind};
use waxwing_stream::sasl::{Decoy, Stored};
use waxwing_xmpp::{StreamCondition, StreamError};

use crate::derive::Deriver;
use crate::{AccountError, AccountsConfig, Counters, CredentialRow, CredentialTable};

/// The accounts of one host.
pub struct AccountService {
    host: Weak<Host>,
    domain: Domain,
    rows: TableRef<CredentialTable>,
    deriver: Deriver,
    decoy: Arc<Decoy>,
    pub(crate) counters: Counters,
    /// Localparts of accounts that are going: nobody else gets such a name until all sessions were told to end.
    pub(crate) going: Mutex<HashSet<String>>,
}

impl fmt::Debug for AccountService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountService({})", self.domain.as_str())
    }
}

impl AccountService {
    pub(crate) fn new(
        host: &HostRef,
        rows: TableRef<CredentialTable>,
        config: &AccountsConfig,
        iterations: NonZeroU32,
        decoy: Decoy,
        counters: Counters,
    ) -> Self {
        Self {
            host: Arc::downgrade(host),
            domain: host.domain().clone(),
            rows,
            deriver: Deriver::new(config.derivations_max, iterations, config.password_bytes_max),
            decoy: Arc::new(decoy),
            counters,
            going: Mutex::new(HashSet::new()),
        }
    }

    /// Makes an account, durably.
    ///
    /// `local` may differ from its prepared form in case only, so that nobody gets another name than asked for.
    ///
    /// # Errors
    /// [`AccountError::BadName`], [`AccountError::BadPassword`], [`AccountError::Taken`], or the store's.
    pub async fn create(&self, local: &str, password: &str) -> Result<AccountNumber, AccountError> {
        let host = self.host()?;
        let jid = self.new_name(local)?;
        let local = jid.local().unwrap_or_default();
        let password = self.deriver.prepare(password)?;
        if self.going.lock().contains(local) || self.exists(local).await? {
            return Err(AccountError::Taken);
        }
        let keys = self.deriver.derive(password).await?;
        let number = self.write_new(&jid, CredentialRow::new(keys, host.clock().now().0)).await?;
        // Whatever was in memory under this name belongs to a predecessor.
        host.forget(local);
        self.counters.created.inc();
        info!(host = %self.domain.as_str(), account = number.0, "An account was made.");
        if let Some(account) = host.account(local).await? {
            host.notify(Notice::AccountCreated(account)).await;
        }
        Ok(number)
    }

    /// Name, number and verifiers in one batch.
    async fn write_new(&self, jid: &BareJid, row: CredentialRow) -> Result<AccountNumber, AccountError> {
        let store = self.rows.store();
        let mut batch = Batch::new(Partition::Main);
        let number = store.numbers().create_in(&mut batch, NumberKind::Account, jid.as_str())?.account();
        self.rows.put_into(&mut batch, number, &(), &row)?;
        let ticket = store.apply(batch)?;
        match ticket.applied().await {
            Ok(()) => ticket.durable().await?,
            Err(ApplyError::Conflict) => return Err(AccountError::Taken),
            Err(ApplyError::Store(error)) => return Err(error.into()),
        }
        Ok(number)
    }

    fn new_name(&self, local: &str) -> Result<BareJid, AccountError> {
        let jid = BareJid::new(Some(local), &self.domain).map_err(|error| AccountError::BadName(error.0))?;
        if !jid.may_be_created() {
            return Err(AccountError::BadName("parts of the network would read it as another name"));
        }
        if jid.local() != Some(local.to_lowercase().as_str()) {
            return Err(AccountError::BadName("it would become another name when it is prepared"));
        }
        Ok(jid)
    }

    /// The number of the account with this (prepared) localpart.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn number(&self, local: &str) -> Result<Option<AccountNumber>, StoreError> {
        let Ok(jid) = BareJid::new(Some(local), &self.domain) else { return Ok(None) };
        let number = self.rows.store().numbers().lookup(NumberKind::Account, jid.as_str()).await?;
        Ok(number.map(waxwing_store::Number::account))
    }

    /// Whether there is an account with this (prepared) localpart.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn exists(&self, local: &str) -> Result<bool, StoreError> {
        Ok(self.number(local).await?.is_some())
    }

    /// What a login is checked against; None: there is no such account.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn credentials(&self, local: &str) -> Result<Option<Stored>, StoreError> {
        let Some(number) = self.number(local).await? else { return Ok(None) };
        Ok(self.rows.get(number, &()).await?.map(CredentialRow::into_stored))
    }

    pub(crate) fn decoy_of_host(&self) -> &Arc<Decoy> {
        &self.decoy
    }

    /// Changes the password, durably, and closes all sessions but `keep`.
    ///
    /// They are closed with `reset` (RFC 6120 §4.9.3.16): what the stream was authenticated with holds no more, so
    /// authentication has to be done anew.
    ///
    /// # Errors
    /// [`AccountError::BadPassword`], [`AccountError::NotFound`], or the store's.
    pub async fn set_password(
        &self,
        account: &AccountRef,
        password: &str,
        keep: Option<&Session>,
    ) -> Result<(), AccountError> {
        let keys = self.deriver.derive(self.deriver.prepare(password)?).await?;
        self.change(account, |row| row.set_keys(keys.clone())).await?;
        let error = StreamError::new(StreamCondition::Reset).text("The password was changed.");
        account.close_sessions(keep, &error);
        self.counters.passwords.inc();
        Ok(())
    }

    /// Lets the account log in, or not; when not, its sessions are closed with `not-authorized`.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], or the store's.
    pub async fn set_enabled(&self, account: &AccountRef, enabled: bool) -> Result<(), AccountError> {
        self.change(account, |row| row.disabled = !enabled).await?;
        if !enabled {
            let error = StreamError::new(StreamCondition::NotAuthorized).text("The account is disabled.");
            account.close_sessions(None, &error);
        }
        Ok(())
    }

    async fn change(
        &self,
        account: &AccountRef,
        change: impl Fn(&mut CredentialRow),
    ) -> Result<(), AccountError> {
        let changed = |row: Option<CredentialRow>| {
            let mut row = row.ok_or(AccountError::NotFound)?;
            change(&mut row);
            Ok::<_, AccountError>(Some(row))
        };
        let ticket = self.rows.update(account.number(), &(), changed).await?;
        Ok(ticket.durable().await?)
    }

    /// Up to `limit` accounts after `after`, in the order of their addresses.
    ///
    /// Reads past the accounts of other hosts, so it takes longer where there are many.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, after: Option<&BareJid>, limit: usize) -> Result<Vec<BareJid>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.map(|jid| jid.as_str().to_owned());
        while found.len() < limit {
            let numbers = self.rows.store().numbers();
            let page = numbers.list(NumberKind::Account, "", after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let names = page.iter().filter_map(|(name, _)| BareJid::parse(name).ok());
            found.extend(names.filter(|jid| jid.domain() == self.domain.as_str()));
        }
        found.truncate(limit);
        Ok(found)
    }

    pub(crate) fn host(&self) -> Result<HostRef, AccountError> {
        self.host.upgrade().ok_or(AccountError::Stopping)
    }

    pub(crate) fn store(&self) -> &Store {
        self.rows.store()
    }
}

const PAGE: usize = 256;
