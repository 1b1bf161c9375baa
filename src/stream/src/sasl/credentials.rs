//! Where logins find accounts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use waxwing_xmpp::BareJid;

use crate::Secret;

use super::{Answer, Decoy, Found, LookUp, ScramHash, ScramKeys, Want};

/// The accounts of one host, as a login sees them. The module that keeps accounts provides it as a service.
pub trait Credentials: Send + Sync {
    /// The verifiers of the account with this (prepared) localpart; `None`: there is no such account.
    fn find<'a>(&'a self, local: &'a str) -> Finding<'a>;

    /// Verifiers for names that have none; made from a secret that outlives restarts.
    fn decoy(&self) -> Arc<Decoy>;

    /// Makes an account for a guest (ANONYMOUS), who has no password and goes with the stream. Unless a module does
    /// otherwise there are no guests.
    fn admit<'a>(&'a self, _local: &'a str) -> Doing<'a> {
        Box::pin(std::future::ready(Err(Unavailable)))
    }

    /// Removes the account of a guest.
    fn dismiss(self: Arc<Self>, _local: String) -> Doing<'static> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What [`Credentials::admit`] and [`Credentials::dismiss`] return.
pub type Doing<'a> = Pin<Box<dyn Future<Output = Result<(), Unavailable>> + Send + 'a>>;

/// What [`Credentials::find`] returns.
pub type Finding<'a> = Pin<Box<dyn Future<Output = Result<Option<Stored>, Unavailable>> + Send + 'a>>;

/// What is kept of an account's password.
#[derive(Debug, Clone)]
pub struct Stored {
    /// One verifier per hash; a mechanism whose hash is missing does not work for this account.
    pub keys: Vec<ScramKeys>,
    /// Whether the account may log in.
    pub enabled: bool,
}

/// The store did not answer; its own error belongs into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the accounts cannot be read now")]
pub struct Unavailable;

/// Answers [`super::Step::LookUp`]. A password is checked on the runtime's blocking threads, for accounts that do not
/// exist as well.
pub async fn look_up(credentials: &dyn Credentials, look_up: LookUp) -> Answer {
    let local = look_up.account.as_ref().and_then(BareJid::local);
    let stored = match local {
        Some(local) => credentials.find(local).await,
        None => Ok(None),
    };
    let Ok(stored) = stored else { return Answer::Unavailable };
    match look_up.want {
        Want::Account => stored.map_or(Answer::Nothing, |stored| found(None, stored.enabled)),
        Want::Keys(hash) => stored.map_or(Answer::Nothing, |stored| {
            let keys = stored.keys.into_iter().find(|keys| keys.hash == hash);
            found(keys, stored.enabled)
        }),
        Want::Password(password) => {
            let name = local.unwrap_or_default().to_owned();
            check(credentials.decoy(), name, stored, password).await
        }
    }
}

async fn check(decoy: Arc<Decoy>, name: String, stored: Option<Stored>, password: Secret) -> Answer {
    let work = move || {
        let enabled = stored.as_ref().is_some_and(|stored| stored.enabled);
        // All are of the same password; an imported account may have none for the usual hash.
        let keys = stored.into_iter().flat_map(|stored| stored.keys);
        let keys = keys.min_by_key(|keys| keys.hash != PLAIN_HASH);
        let real = keys.is_some();
        let keys = keys.unwrap_or_else(|| decoy.keys(PLAIN_HASH, &name));
        (keys.verify(password.expose()) & real).then_some(enabled)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Some(enabled)) => found(None, enabled),
        Ok(None) => Answer::Nothing,
        Err(_) => Answer::Unavailable,
    }
}

fn found(keys: Option<ScramKeys>, enabled: bool) -> Answer {
    Answer::Found(Found { keys, enabled })
}

/// The verifier that PLAIN is checked against.
const PLAIN_HASH: ScramHash = ScramHash::Sha256;

#[cfg(test)]
mod tests {
    use super::*;

    struct Accounts;

    impl Credentials for Accounts {
        fn find<'a>(&'a self, local: &'a str) -> Finding<'a> {
            let keys = ScramKeys::derive(ScramHash::Sha256, std::num::NonZeroU32::MIN, b"pencil");
            let result = match local {
                "juliet" => Ok(Some(Stored { keys: vec![keys], enabled: true })),
                "disabled" => Ok(Some(Stored { keys: vec![keys], enabled: false })),
                "broken" => Err(Unavailable),
                _ => Ok(None),
            };
            Box::pin(std::future::ready(result))
        }
        fn decoy(&self) -> Arc<Decoy> {
            Arc::new(Decoy::new(Secret::new(b"x".as_slice()), std::num::NonZeroU32::MIN))
        }
    }

    async fn ask(local: &str, want: Want) -> Answer {
        let account = BareJid::parse(&format!("{local}@example.org")).ok();
        look_up(&Accounts, LookUp { account, want }).await
    }

    fn password(text: &str) -> Want {
        Want::Password(Secret::new(text.as_bytes()))
    }

    #[tokio::test]
    async fn the_right_password_is_found_and_a_wrong_one_is_not() {
        assert!(matches!(
            ask("juliet", password("pencil")).await,
            Answer::Found(Found { enabled: true, .. })
        ));
        assert!(matches!(ask("juliet", password("eraser")).await, Answer::Nothing));
        assert!(matches!(ask("nobody", password("pencil")).await, Answer::Nothing));
        assert!(matches!(ask("no body", password("pencil")).await, Answer::Nothing));
        assert!(matches!(
            ask("disabled", password("pencil")).await,
            Answer::Found(Found { enabled: false, .. })
        ));
        assert!(matches!(ask("broken", password("pencil")).await, Answer::Unavailable));
    }

    #[tokio::test]
    async fn keys_are_found_for_the_hashes_that_there_are() {
        let keys = |answer| match answer {
            Answer::Found(found) => found.keys.map(|keys| keys.hash),
            _ => None,
        };
        assert_eq!(keys(ask("juliet", Want::Keys(ScramHash::Sha256)).await), Some(ScramHash::Sha256));
        assert_eq!(keys(ask("juliet", Want::Keys(ScramHash::Sha512)).await), None);
        assert_eq!(keys(ask("nobody", Want::Keys(ScramHash::Sha256)).await), None);
    }
}
