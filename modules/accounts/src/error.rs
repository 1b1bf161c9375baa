//! Why something could not be done with an account.

use waxwing_core::prelude::*;

/// Why something could not be done with an account.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccountError {
    /// No account can have this name.
    #[error("no account can have this name: {0}")]
    BadName(&'static str),
    /// This is no password.
    #[error("this is no password: {0}")]
    BadPassword(&'static str),
    /// The name is in use.
    #[error("the name is in use")]
    Taken,
    /// There is no such account.
    #[error("there is no such account")]
    NotFound,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl From<AccountError> for CommandError {
    fn from(error: AccountError) -> Self {
        Self(error.to_string())
    }
}

/// As XEP-0077 §3.1 tells it; what went wrong in the store stays here.
impl From<AccountError> for StanzaError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::BadName(reason) => Self::from(Condition::JidMalformed).text(reason),
            AccountError::BadPassword(reason) => Self::from(Condition::NotAcceptable).text(reason),
            AccountError::Taken => Condition::Conflict.into(),
            AccountError::NotFound => Condition::ItemNotFound.into(),
            AccountError::Stopping | AccountError::Store(_) => Condition::InternalServerError.into(),
        }
    }
}
