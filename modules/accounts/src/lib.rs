//! Accounts: who may log in, with what, and how an account comes and goes.
//!
//! Of a password only SCRAM verifiers are kept ([RFC 5802 §3](https://www.rfc-editor.org/rfc/rfc5802#section-3)). The
//! module gives the core its `dyn Accounts`, the login its `dyn Credentials`, and everybody else [`AccountService`].

mod commands;
mod derive;
mod error;
mod removal;
mod service;
mod table;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::service::BoxFuture;
use waxwing_stream::Secret;
use waxwing_stream::sasl::{Credentials, Decoy, Doing, Finding, Unavailable};

pub use error::AccountError;
pub use removal::Removal;
pub use service::AccountService;
pub use table::{CredentialRow, CredentialTable};

/// The module; what it does is in [`AccountService`].
#[derive(Debug)]
pub struct Accounts {
    service: Arc<AccountService>,
}

/// `[host.<name>.modules.accounts]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsConfig {
    /// How often SCRAM's hash is applied to a new password, 4,096 at least (RFC 5802 §5.1, RFC 7677 §4). Accounts
    /// keep the count they were made with.
    pub iterations: u32,
    /// New passwords that are hashed at the same time; the others wait.
    pub derivations_max: usize,
    /// Bytes of a password (UTF-8, prepared).
    pub password_bytes_max: usize,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self { iterations: 10_000, derivations_max: 2, password_bytes_max: 1024 }
    }
}

impl AccountsConfig {
    fn checked_iterations(&self) -> Result<NonZeroU32, StartError> {
        let iterations = NonZeroU32::new(self.iterations).filter(|count| count.get() >= ITERATIONS_MIN);
        iterations.ok_or_else(|| {
            StartError::new(format!(
                "accounts: iterations = {} is too few, RFC 7677 asks for {ITERATIONS_MIN} at least",
                self.iterations
            ))
        })
    }
}

/// What the module counts.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) created: Counter,
    pub(crate) removed: Counter,
    pub(crate) passwords: Counter,
}

impl Module for Accounts {
    type Config = AccountsConfig;

    const INFO: ModuleInfo =
        ModuleInfo::new("accounts", "Accounts with SCRAM verifiers, disabling and removal").specs(&[
            Spec::rfc(5802, "2.2, 3, 5.1").partial("what the server keeps of a password"),
            Spec::rfc(7677, "4"),
        ]);

    fn start(config: AccountsConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let iterations = config.checked_iterations()?;
        let host = Arc::clone(reg.host()?);
        let decoy = Decoy::new(Secret::new(host.secret().derive("accounts.decoy")), iterations);
        let counters = Counters {
            created: reg.counter("created", "Accounts that were made."),
            removed: reg.counter("removed", "Accounts that were removed."),
            passwords: reg.counter("password_changes", "Passwords that were changed."),
        };
        let rows = reg.table::<CredentialTable>()?;
        let service = Arc::new(AccountService::new(&host, rows, &config, iterations, decoy, counters));
        reg.provide::<AccountService>(Arc::clone(&service))?;
        let accounts: Arc<dyn waxwing_core::Accounts> = Arc::<AccountService>::clone(&service);
        reg.provide(accounts)?;
        let credentials: Arc<dyn Credentials> = Arc::<AccountService>::clone(&service);
        reg.provide(credentials)?;
        let this = Arc::new(Self { service });
        this.declare_commands(reg);
        Ok(this)
    }
}

impl waxwing_core::Accounts for AccountService {
    fn find<'a>(&'a self, local: &'a str) -> BoxFuture<'a, Result<Option<AccountNumber>, StoreError>> {
        Box::pin(self.number(local))
    }
}

impl Credentials for AccountService {
    fn find<'a>(&'a self, local: &'a str) -> Finding<'a> {
        Box::pin(async move {
            self.credentials(local).await.map_err(|error| {
                tracing::error!(%error, "The store failed while a login was checked.");
                Unavailable
            })
        })
    }

    fn decoy(&self) -> Arc<Decoy> {
        Arc::clone(self.decoy_of_host())
    }

    fn admit<'a>(&'a self, local: &'a str) -> Doing<'a> {
        Box::pin(async move {
            // A guest has a password that nobody knows.
            self.create(local, &waxwing_stream::token()).await.map(drop).map_err(|error| {
                tracing::error!(%error, "A guest got no account.");
                Unavailable
            })
        })
    }

    fn dismiss(self: Arc<Self>, local: String) -> Doing<'static> {
        Box::pin(async move {
            let host = self.host().map_err(|_| Unavailable)?;
            let Ok(Some(account)) = host.account(&local).await else { return Err(Unavailable) };
            self.remove(&account).await.map(drop).map_err(|error| {
                tracing::error!(%error, "The account of a guest could not be removed.");
                Unavailable
            })
        })
    }
}

/// RFC 5802 §5.1 and RFC 7677 §4.
const ITERATIONS_MIN: u32 = 4096;
