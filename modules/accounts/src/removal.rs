//! How an account goes, with all it owns.

use std::fmt;
use std::sync::Arc;

use tracing::{info, warn};
use waxwing_core::prelude::*;
use waxwing_store::{ApplyError, Kind as NumberKind, Number};
use waxwing_xmpp::{StreamCondition, StreamError};

use crate::{AccountError, AccountService};

/// An account whose name is unlinked already. When this is dropped its sessions are closed with `not-authorized`
/// (XEP-0077 §3.2) and its rows are deleted in the background; a restart only delays that.
///
/// In between, the last session can be told that it worked.
pub struct Removal {
    service: Arc<AccountService>,
    account: AccountRef,
}

impl fmt::Debug for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Removal({})", self.account.number().0)
    }
}

impl AccountService {
    /// Removes an account: tells the modules first, then unlinks its name, durably. Drop what is returned to end its
    /// sessions and delete its rows.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] if it is gone or going already, or the store's.
    pub async fn remove(self: &Arc<Self>, account: &AccountRef) -> Result<Removal, AccountError> {
        let host = self.host()?;
        let local = account.jid().local().unwrap_or_default().to_owned();
        if !self.going.lock().insert(local.clone()) {
            return Err(AccountError::NotFound);
        }
        let mut claim = Claim { service: self, local: Some(local) };
        host.notify(Notice::AccountRemoving(Arc::clone(account))).await;
        self.unlink(account).await?;
        // From here on the removal gives the name free.
        claim.local = None;
        Ok(Removal { service: Arc::clone(self), account: Arc::clone(account) })
    }

    async fn unlink(&self, account: &AccountRef) -> Result<(), AccountError> {
        let store = self.store();
        let mut batch = Batch::new(Partition::Main);
        let (name, number) = (account.jid().as_str(), Number(account.number().0));
        store.numbers().unlink_in(&mut batch, NumberKind::Account, name, number)?;
        let ticket = store.apply(batch)?;
        match ticket.applied().await {
            Ok(()) => Ok(ticket.durable().await?),
            Err(ApplyError::Conflict) => Err(AccountError::NotFound),
            Err(ApplyError::Store(error)) => Err(error.into()),
        }
    }
}

/// A name that nobody else may take; given back if the removal fails.
struct Claim<'a> {
    service: &'a AccountService,
    local: Option<String>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(local) = &self.local {
            self.service.going.lock().remove(local);
        }
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        let local = self.account.jid().local().unwrap_or_default();
        let error = StreamError::new(StreamCondition::NotAuthorized).text("The account was removed.");
        self.account.close_sessions(None, &error);
        self.account.host().forget(local);
        if let Err(error) = self.service.store().numbers().delete_account_rows(self.account.number()) {
            warn!(%error, "Rows of a removed account stay until the next start.");
        }
        self.service.going.lock().remove(local);
        self.service.counters.removed.inc();
        info!(account = self.account.number().0, "An account was removed.");
    }
}
