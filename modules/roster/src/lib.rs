//! Rosters: whom a user knows, and who may see whose presence.
//!
//! Spec: [RFC 6121 §2](https://www.rfc-editor.org/rfc/rfc6121#section-2). A roster is read from the store when it is
//! first needed and lives in memory while its account is in use. Other modules ask [`RosterService`].

mod item;
mod push;
mod roster;
mod service;
mod state;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use waxwing_core::prelude::*;
use waxwing_core::{BoxFuture, Shutdown, store_failed};

use push::Pusher;

pub use push::RosterWatch;
pub use roster::Roster;
pub use service::{RosterError, RosterService, Updated};
pub use state::State;
pub use table::{ContactRow, ContactTable, Item, VersionTable, Versions};

/// The module; what it does for others is in [`RosterService`].
#[derive(Debug)]
pub struct Rosters {
    service: Arc<RosterService>,
}

/// Told that a contact was taken out of a roster; ends the subscriptions. The presence module provides it.
pub trait ItemRemoved: Send + Sync {
    /// `state`: what it was before.
    fn removed<'a>(
        &'a self,
        account: &'a AccountRef,
        contact: &'a BareJid,
        state: State,
    ) -> BoxFuture<'a, ()>;
}

/// `[host.<name>.modules.roster]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RosterConfig {
    /// Items of a roster; one more gets `resource-constraint`.
    pub items_max: usize,
    /// Groups of an item; more get `not-acceptable`.
    pub groups_max: usize,
    /// Bytes of an item's name; a longer one gets `not-acceptable`.
    pub name_bytes_max: usize,
    /// Bytes of a group's name; a longer one gets `not-acceptable`.
    pub group_bytes_max: usize,
    /// Subscription requests that wait for an answer, per account; one more gets `resource-constraint`.
    pub requests_max: usize,
}

impl Default for RosterConfig {
    fn default() -> Self {
        Self {
            items_max: 2000,
            groups_max: 50,
            name_bytes_max: 1023,
            group_bytes_max: 1023,
            requests_max: 200,
        }
    }
}

impl Module for Rosters {
    type Config = RosterConfig;

    const INFO: ModuleInfo = ModuleInfo::new("roster", "Rosters with versioning")
        .specs(&[Spec::rfc(6121, "2"), Spec::xep(237, "1.3").partial("as RFC 6121 §2.6 has it")])
        .requires(&["accounts"]);

    fn start(config: RosterConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let service = Arc::new(RosterService {
            rosters: reg.account_slot(),
            contacts: reg.table::<ContactTable>()?,
            versions: reg.table::<VersionTable>()?,
            pusher: Pusher::new(reg.optional_service::<dyn RosterWatch>()),
            removal: reg.optional_service::<dyn ItemRemoved>(),
            interested: reg.saved_session_slot::<service::Interested>(
                "roster.interested",
                |interested| interested.0.load(Ordering::Acquire).then(Vec::new),
                |interested, _| interested.0.store(true, Ordering::Release),
            ),
            config,
        });
        reg.provide::<RosterService>(Arc::clone(&service))?;
        let this = Arc::new(Self { service });
        reg.feature(DiscoOn::Host, NS);
        // §2.6.1
        reg.stream_feature(StreamFeature::new(Offered::AfterLogin, Tree::new(NS_VERSIONS, "ver")));
        reg.iq(Iq::get(IqTo::Own, NS, "query"), &this, Self::get)?;
        reg.iq(Iq::set(IqTo::Own, NS, "query"), &this, Self::set)?;
        // The same answer whether the account exists or not (RFC 6120 §13.11).
        for to in [IqTo::Account, IqTo::Missing] {
            reg.iq(Iq::set(to, NS, "query"), &this, Self::set_by_another)?;
        }
        reg.notice(NoticeKind::SessionRestored, &this, |this, notice| async move {
            if let Notice::SessionRestored(session) = notice {
                this.service.restored(&session).await;
            }
        });
        reg.gate(Side::Received, Gate::Check, Kinds::IQ_REQUEST, &this, Self::check_push);
        reg.run("push", &this, Self::push);
        Ok(this)
    }
}

impl Rosters {
    /// §2.1.3, §2.2: the roster; from now on the resource is an interested one.
    async fn get(self: Arc<Self>, request: IqRequest) -> IqResult {
        let session = Arc::clone(request.session()?);
        let asked = request.tree();
        // §2.1.3: a get has no items.
        if asked.child(NS, "item").is_some() {
            return Err(StanzaError::bad_request("A roster get has no items."));
        }
        let roster = self.service.load(request.account()?).await.map_err(store_failed)?;
        let answer = roster.answer(asked.attr("ver"));
        let mut reply = answer.query.as_ref().map_or_else(Reply::empty, Reply::tree);
        if let Some(ticket) = answer.durable {
            reply = reply.after(ticket);
        }
        let service = Arc::clone(&self.service);
        // Between this answer and its sending the roster may change: pushes begin where the answer ends.
        Ok(reply.then(move || service.catch_up(&session, answer.since)))
    }

    /// §2.3, §2.4, §2.5
    async fn set(self: Arc<Self>, request: IqRequest) -> IqResult {
        self.service.change(request.account()?, &request.tree()).await
    }

    /// §2.1.5, §2.3.3: only the account itself changes its roster.
    async fn set_by_another(self: Arc<Self>, _: IqRequest) -> IqResult {
        Err(Condition::Forbidden.into())
    }

    /// A roster push comes from the user's own account alone (§2.1.6). Clients have obeyed others before, so we
    /// answer a forged one in the client's place, with the error that §2.1.6 gives it.
    fn check_push<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let stanza = &event.stanza;
        let about_roster = stanza.payload().is_some_and(|payload| payload.namespace() == NS);
        let to_client = stanza.to.as_ref().is_some_and(|to| to.resource().is_some());
        let own = matches!((&stanza.from, &event.account), (Some(from), Some(account)) if from.same_bare(account.jid().as_jid()));
        if about_roster && to_client && !own {
            return Hooked::refuse(Condition::ServiceUnavailable);
        }
        Hooked::pass()
    }

    async fn push(self: Arc<Self>, shutdown: Shutdown) {
        self.service.pusher.run(shutdown).await;
    }
}

/// RFC 6121 §2.1
const NS: &str = ns::ROSTER;
/// RFC 6121 §2.6.1
const NS_VERSIONS: &str = "urn:xmpp:features:rosterver";
