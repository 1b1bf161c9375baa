//! In-band registration: an account is made, given another password or cancelled over XMPP itself.
//!
//! Spec: [XEP-0077](https://xmpp.org/extensions/xep-0077.html). Whether strangers may register is the host's key
//! `registration`; password change and cancellation are for every account.

mod form;
mod rate;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use waxwing_accounts::{AccountError, AccountService};
use waxwing_core::config::RegistrationMode;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{Enable, Peer, Trigger};

use form::{Field, Wanted};
use rate::Rate;

/// The module.
#[derive(Debug)]
pub struct Register {
    accounts: ServiceHandle<AccountService>,
    config: RegisterConfig,
    rate: Rate,
    throttled: Counter,
}

/// `[host.<name>.modules.register]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisterConfig {
    /// Accounts that one address (one /64 network for IPv6) may ask for in an hour; networks in `limits.exempt` are
    /// free of it. The next try gets `resource-constraint`.
    pub registrations_per_hour: u32,
    /// Whether users may change their password in-band.
    pub password_change: bool,
    /// Whether users may cancel their account in-band.
    pub cancel: bool,
}

impl Default for RegisterConfig {
    fn default() -> Self {
        Self { registrations_per_hour: 10, password_change: true, cancel: true }
    }
}

impl Module for Register {
    type Config = RegisterConfig;

    const INFO: ModuleInfo =
        ModuleInfo::new("register", "In-band registration, password change, cancellation")
            .specs(&[Spec::xep(77, "2.4").partial("without data forms, redirection and stored information")])
            .requires(&["accounts"]);

    fn start(config: RegisterConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            accounts: reg.service::<AccountService>(),
            rate: Rate::new(config.registrations_per_hour, WINDOW),
            throttled: reg.counter("throttled", "Registrations refused because of the rate."),
            config,
        });
        // §5: who supports the namespace says so; password change and cancellation always are.
        reg.feature(DiscoOn::Host, NS);
        for to in [IqTo::Host, IqTo::Own] {
            reg.iq(Iq::get(to, NS, "query"), &this, Self::get)?;
            reg.iq(Iq::set(to, NS, "query"), &this, Self::set)?;
        }
        // §8: the feature is advertised only where strangers may register.
        let feature = StreamFeature::new(Offered::BeforeLogin, Tree::new(NS_FEATURE, "register"))
            .shown_while(|host| host.config().registration == RegistrationMode::Open)
            .on(Trigger::Iq(IqType::Get, NS, "query"))
            .on(Trigger::Iq(IqType::Set, NS, "query"));
        reg.stream_feature_with(feature, &this, Self::stranger);
        reg.task("forget", Every(WINDOW), &this, Self::forget);
        Ok(this)
    }
}

/// Before login.
impl Register {
    async fn stranger(self: Arc<Self>, request: Enable) -> IqResult {
        let host = &request.host;
        let own = |to: &Jid| *to == host.domain().to_jid();
        if !request.stanza.as_ref().and_then(|stanza| stanza.to.as_ref()).is_none_or(own) {
            return Err(Condition::ServiceUnavailable.into());
        }
        match host.config().registration {
            RegistrationMode::Open => {}
            // §3.1: a host without in-band registration answers service-unavailable.
            RegistrationMode::Closed => return Err(Condition::ServiceUnavailable.into()),
            RegistrationMode::Invite => {
                return Err(StanzaError::from(Condition::NotAllowed).text("An invitation is needed."));
            }
        }
        match request.trigger {
            Trigger::Iq(IqType::Set, ..) => self.register(&request).await,
            _ => Ok(Reply::tree(&form::blank())),
        }
    }

    async fn register(&self, request: &Enable) -> IqResult {
        let (username, password) = match Wanted::read(&request.payload.tree()) {
            // §3.2, table: the sender has no account to cancel.
            Wanted::Remove { .. } => return Err(Condition::UnexpectedRequest.into()),
            // §3.1: not all that was asked for, or an empty password.
            Wanted::Account { username: Field::Missing, .. }
            | Wanted::Account { password: Field::Missing, .. } => {
                return Err(
                    StanzaError::from(Condition::NotAcceptable).text("Give a username and a password.")
                );
            }
            Wanted::Account { username: Field::Given(name), password: Field::Given(word) } => (name, word),
        };
        self.throttle(&request.host, request.peer)?;
        self.accounts()?.create(&username, &password).await?;
        Ok(Reply::empty())
    }

    /// Counts tries that could succeed: a taken name is an answer as well, and not for free.
    fn throttle(&self, host: &Host, peer: Peer) -> Result<(), StanzaError> {
        let exempt = host.limits().exempt.iter().any(|network| network.contains(peer.address));
        if exempt || self.rate.allows(peer.address) {
            return Ok(());
        }
        self.throttled.inc();
        let text = "Too many registrations from your address; try again later.";
        Err(StanzaError::from(Condition::ResourceConstraint).text(text))
    }

    async fn forget(self: Arc<Self>) {
        self.rate.forget();
    }
}

/// After login.
impl Register {
    /// §3.1: who is registered gets told so, with what is on file.
    async fn get(self: Arc<Self>, request: IqRequest) -> IqResult {
        let session = own_session(&request)?;
        Ok(Reply::tree(&form::registered(session.jid().local().unwrap_or_default())))
    }

    async fn set(self: Arc<Self>, request: IqRequest) -> IqResult {
        let session = own_session(&request)?;
        match Wanted::read(&request.tree()) {
            Wanted::Remove { alone: false } => {
                // §3.2, table.
                Err(StanzaError::bad_request("<remove/> stands alone."))
            }
            Wanted::Remove { alone: true } => self.cancel(session).await,
            // §3.3, table: incomplete; and an empty password never replaces one.
            Wanted::Account { username: Field::Missing, .. }
            | Wanted::Account { password: Field::Missing, .. } => {
                Err(StanzaError::bad_request("Give your username and the new password."))
            }
            Wanted::Account { username: Field::Given(name), password: Field::Given(word) } => {
                self.change_password(session, &name, &word).await
            }
        }
    }

    /// §3.3
    async fn change_password(&self, session: &SessionRef, username: &str, password: &str) -> IqResult {
        let host = session.host();
        // Only the sender's own account: the name says which one it means, prepared as any other.
        let named = BareJid::new(Some(username), host.domain());
        if !self.config.password_change || named.as_ref() != Ok(session.account().jid()) {
            return Err(Condition::NotAllowed.into());
        }
        // §3.3, table: the channel is not safe enough.
        if !session.peer().secure && !host.config().allow_plaintext {
            return Err(StanzaError::from(Condition::NotAuthorized).of_type(ErrorType::Modify));
        }
        self.accounts()?
            .set_password(session.account(), password, Some(session))
            .await
            .map_err(change_error)?;
        Ok(Reply::empty())
    }

    /// §3.2: the result goes out first, then all sessions end with `not-authorized`.
    async fn cancel(&self, session: &SessionRef) -> IqResult {
        if !self.config.cancel {
            return Err(Condition::NotAllowed.into());
        }
        let removal = self.accounts()?.remove(session.account()).await?;
        Ok(Reply::empty().then(move || drop(removal)))
    }

    fn accounts(&self) -> Result<&Arc<AccountService>, StanzaError> {
        self.accounts.get().ok_or_else(|| Condition::InternalServerError.into())
    }
}

/// The session, if its account is one of this host.
fn own_session(request: &IqRequest) -> Result<&SessionRef, StanzaError> {
    let session = request.session()?;
    if Arc::ptr_eq(session.host(), &request.host) {
        return Ok(session);
    }
    // §3.2, table: not registered here.
    Err(Condition::RegistrationRequired.into())
}

/// §3.3 knows `bad-request` for what is wrong with the new password.
fn change_error(error: AccountError) -> StanzaError {
    match error {
        AccountError::BadPassword(reason) => StanzaError::bad_request(reason),
        other => other.into(),
    }
}

/// XEP-0077 §10.1
const NS: &str = "jabber:iq:register";
const NS_FEATURE: &str = "http://jabber.org/features/iq-register";
const WINDOW: Duration = Duration::from_secs(3600);
