//! Stands in for the accounts module: everybody exists but who is named `nobody`.

use std::sync::Arc;

use waxwing_core::{Accounts, BoxFuture, prelude::*};
use waxwing_store::Kind as NumberKind;

/// A module `accounts` without passwords: each localpart but `nobody` has an account.
#[derive(Debug)]
pub struct TestAccounts {
    store: Store,
    domain: String,
}

impl Module for TestAccounts {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("accounts", "Everybody exists but nobody");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let host = reg.host()?;
        let this = Arc::new(Self { store: host.store().clone(), domain: host.domain().as_str().to_owned() });
        let accounts: Arc<dyn Accounts> = Arc::<Self>::clone(&this);
        reg.provide(accounts)?;
        Ok(this)
    }
}

impl Accounts for TestAccounts {
    fn find<'a>(&'a self, local: &'a str) -> BoxFuture<'a, Result<Option<AccountNumber>, StoreError>> {
        Box::pin(async move {
            if local == "nobody" {
                return Ok(None);
            }
            let name = format!("{local}@{}", self.domain);
            Ok(Some(self.store.numbers().ensure(NumberKind::Account, &name).await?.account()))
        })
    }
}
