//! Presence: who is there, told to those who may know.
//!
//! Spec: [RFC 6121](https://www.rfc-editor.org/rfc/rfc6121) §3 (subscriptions), §4 (exchange of presence) and
//! appendix A. The roster module keeps the subscriptions; nothing here reads the store for a presence.

mod broadcast;
mod directed;
mod last;
mod probe;
mod removal;
mod rules;
mod subscription;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{Blocks, BoxFuture, Contacts, store_failed};
use waxwing_roster::{ItemRemoved, Roster, RosterService};

use directed::Directed;
use last::LastTable;

pub use watch::PresenceWatch;

/// The module.
pub struct Presence {
    rosters: ServiceHandle<RosterService>,
    blocks: ServiceHandle<dyn Blocks>,
    watch: ServiceHandle<dyn PresenceWatch>,
    directed: SessionSlot<Directed>,
    last: TableRef<LastTable>,
    config: PresenceConfig,
    counters: Counters,
}

struct Counters {
    broadcasts: Counter,
    requests: Counter,
    probes: Counter,
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presence")
    }
}

/// `[host.<name>.modules.presence]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PresenceConfig {
    /// Entities that a session may have sent directed presence to; one more gets `resource-constraint`.
    pub directed_max: usize,
    /// Bytes of what a subscription request carries; a larger one gets `not-acceptable`.
    pub request_bytes_max: usize,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self { directed_max: 2000, request_bytes_max: 8 << 10 }
    }
}

impl Module for Presence {
    type Config = PresenceConfig;

    const INFO: ModuleInfo = ModuleInfo::new("presence", "Presence and subscriptions")
        .specs(&[Spec::rfc(6121, "3, 4, A").partial(
            "without redirect and gone (§4.3.2 rule 2), and without notifications kept for users who are away \
             (§3.1.6, §3.2.3, §3.3.3: MAY)",
        )])
        .requires(&["roster"]);

    fn start(config: PresenceConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            rosters: reg.service::<RosterService>(),
            blocks: reg.optional_service::<dyn Blocks>(),
            watch: reg.optional_service::<dyn PresenceWatch>(),
            directed: reg.saved_session_slot("presence.directed", Directed::save, Directed::load),
            last: reg.table::<LastTable>()?,
            config,
            counters: Counters {
                broadcasts: reg
                    .counter("broadcasts", "Presence broadcast to subscribers, availability and its end."),
                requests: reg.counter("requests", "Subscription requests that arrived at accounts."),
                probes: reg.counter("probes", "Probes that arrived at accounts."),
            },
        });
        let contacts: Arc<dyn Contacts> = Arc::<Self>::clone(&this);
        reg.provide(contacts)?;
        let removal: Arc<dyn ItemRemoved> = Arc::<Self>::clone(&this);
        reg.provide(removal)?;
        // §3.4
        reg.stream_feature(StreamFeature::new(Offered::AfterLogin, Tree::new(NS_PRE_APPROVAL, "sub")));
        reg.gate(Side::Sent, Gate::Handle, Kinds::PRESENCE, &this, Self::sent);
        reg.gate(Side::Received, Gate::Handle, Kinds::PRESENCE, &this, Self::received);
        reg.notice(NoticeKind::SessionClosed, &this, Self::closed);
        reg.notice(NoticeKind::SessionResumed, &this, Self::resumed);
        reg.notice(NoticeKind::AccountRemoving, &this, Self::removing);
        Ok(this)
    }
}

impl Presence {
    /// A client of ours sent it.
    fn sent<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let Kind::Presence(kind) = event.stanza.kind else { return Hooked::pass() };
        match (kind, event.stanza.to.is_some()) {
            (PresenceType::Available, false) => Hooked::wait(self.available(event)),
            (PresenceType::Unavailable, false) => Hooked::wait(self.unavailable(event)),
            (PresenceType::Available | PresenceType::Unavailable, true) => Hooked::wait(self.direct(event)),
            // §4.3: a client's probe is no cause for an error; without an address it asks nobody.
            (PresenceType::Probe | PresenceType::Error, true) => Hooked::pass(),
            (PresenceType::Probe | PresenceType::Error, false) => {
                Hooked::Now(Ok(Flow::Drop(DropReason("presence without address"))))
            }
            // §3.1.1: a request names the contact.
            (_, false) => Hooked::refuse(StanzaError::bad_request("Say whom this is for.")),
            (kind, true) => Hooked::wait(self.subscription_sent(event, kind)),
        }
    }

    /// It is for one of our accounts.
    fn received<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let Kind::Presence(kind) = event.stanza.kind else { return Hooked::pass() };
        match kind {
            // §4.2.3, §4.4.3, §4.5.3: the core gives it to all available resources.
            PresenceType::Available | PresenceType::Error => Hooked::pass(),
            PresenceType::Unavailable => {
                self.forget_directed(event);
                Hooked::pass()
            }
            PresenceType::Probe => Hooked::wait(self.probed(event)),
            kind => Hooked::wait(self.subscription_received(event, kind)),
        }
    }

    fn rosters(&self) -> Result<&RosterService, StanzaError> {
        self.rosters.get().map(Arc::as_ref).ok_or_else(|| Condition::InternalServerError.into())
    }

    /// Whether the account has blocked this address: then nothing is sent there in its name. Fails closed.
    pub(crate) async fn blocked(&self, account: &AccountRef, who: &Jid) -> bool {
        match self.blocks.get() {
            None => false,
            Some(blocks) => blocks.blocks(account, who).await.unwrap_or(true),
        }
    }

    async fn roster<'a>(&self, account: &'a Account) -> Result<&'a Roster, StanzaError> {
        self.rosters()?.load(account).await.map_err(store_failed)
    }
}

impl Contacts for Presence {
    /// RFC 6121 §8.5.3.1
    fn sees<'a>(&'a self, account: &'a AccountRef, who: &'a Jid) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            if who.same_bare(account.jid().as_jid()) {
                return Ok(true);
            }
            let Some(rosters) = self.rosters.get() else { return Ok(false) };
            Ok(rosters.is_subscriber(account, &who.to_bare()).await? || self.directed_to(account, who))
        })
    }

    fn subscribers<'a>(&'a self, account: &'a AccountRef) -> BoxFuture<'a, Result<Vec<BareJid>, StoreError>> {
        Box::pin(async move {
            let Some(rosters) = self.rosters.get() else { return Ok(Vec::new()) };
            Ok(rosters.load(account).await?.contacts(|state| state.from))
        })
    }
}

/// The sender's account and session of an event at `Sent`.
fn sender(event: &Event) -> Result<(AccountRef, SessionRef), StanzaError> {
    match (&event.account, event.origin.session()) {
        (Some(account), Some(session)) => Ok((Arc::clone(account), Arc::clone(session))),
        _ => Err(Condition::InternalServerError.into()),
    }
}

/// The recipient's account and the sender's address of an event at `Received`.
fn recipient(event: &Event) -> Result<(AccountRef, Jid), StanzaError> {
    match (&event.account, &event.stanza.from) {
        (Some(account), Some(from)) => Ok((Arc::clone(account), from.clone())),
        _ => Err(Condition::BadRequest.into()),
    }
}

/// RFC 6121 §3.4
const NS_PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
