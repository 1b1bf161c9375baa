//! All that a component would know if it had been there before
//! ([XEP-0356 §8 rule 1](https://xmpp.org/extensions/xep-0356.html#rules)).
//!
//! Invariants: it takes what time it needs, and nobody waits for it; while much waits for the component, nothing is added;
//! it ends at once when the component has gone, may see other things, or begins anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use waxwing_component::{Grantee, PresenceAccess};
use waxwing_core::prelude::*;
use waxwing_core::{Blocks, Contacts, Origin};

use crate::Privilege;
use crate::told::Whose;

/// One component that is told.
pub(crate) struct CatchUp {
    pub(crate) privilege: Arc<Privilege>,
    pub(crate) grantee: Grantee,
    pub(crate) round: u64,
}

impl CatchUp {
    pub(crate) async fn run(self) {
        if self.everybody().await.is_some() {
            self.privilege.told.complete(self.grantee.external.domain(), self.round);
        }
    }

    /// None, here and below: it has ended before.
    async fn everybody(&self) -> Option<()> {
        let host = &self.privilege.host;
        for account in host.accounts_in_use() {
            self.show(&account, account.jid()).await?;
        }
        if self.access() < PresenceAccess::Roster {
            return Some(());
        }
        // Who is there shows itself to accounts that may be away, and need not be in memory.
        for home in host.router().hosts().into_iter().filter(|home| home.kind() == HostKind::Accounts) {
            for contact in home.accounts_in_use().into_iter().filter(|contact| contact.is_available()) {
                self.show_contact(&home, &contact).await?;
            }
        }
        for account in host.accounts_in_use().into_iter().filter(|account| account.is_available()) {
            self.probe_contacts(&account).await?;
        }
        Some(())
    }

    /// Each available resource of somebody whom this account sees.
    async fn show(&self, who: &AccountRef, account: &BareJid) -> Option<()> {
        for session in who.sessions() {
            self.turn().await?;
            self.privilege.tell(&self.grantee, account, Whose::Earlier, || session.presence());
        }
        Some(())
    }

    /// A contact at this server, to the accounts that it shows itself to.
    async fn show_contact(&self, home: &Host, contact: &AccountRef) -> Option<()> {
        let Some(contacts) = home.service::<dyn Contacts>() else { return Some(()) };
        let host = &self.privilege.host;
        let subscribers = contacts.subscribers(contact).await.unwrap_or_default();
        for jid in subscribers.iter().filter(|jid| jid.domain() == host.domain().as_str()) {
            self.turn().await?;
            let blocks = home.service::<dyn Blocks>();
            if blocks_out(blocks.as_deref(), contact, jid.as_jid()).await {
                continue;
            }
            if self.privilege.sees(jid, contact.jid()).await {
                self.show(contact, jid).await?;
            }
        }
        Some(())
    }

    /// RFC 6121 §4.3.1: contacts at other servers are asked in the account's name, while it is there: what they answer
    /// comes to its gates.
    async fn probe_contacts(&self, account: &AccountRef) -> Option<()> {
        let privilege = &self.privilege;
        let Some(rosters) = privilege.rosters.get() else { return Some(()) };
        let roster = match rosters.load(account).await {
            Ok(roster) => roster,
            Err(cause) => {
                drop(store_failed(cause));
                return Some(());
            }
        };
        let router = privilege.host.router();
        let elsewhere = |contact: &BareJid| router.host(contact.domain()).is_none();
        for contact in roster.contacts(|state| state.to).into_iter().filter(elsewhere) {
            self.turn().await?;
            if blocks_out(privilege.blocks.get().map(Arc::as_ref), account, contact.as_jid()).await {
                continue;
            }
            let probe = Stanza::presence(PresenceType::Probe)
                .from(account.jid().clone())
                .to(contact)
                .id(privilege.host.random().id());
            let by = self.grantee.external.domain().clone();
            let origin = Origin::Account { account: Arc::clone(account), by };
            drop(router.route(probe, origin, Custody::memory()).await);
            // The answers come all at once otherwise.
            sleep(privilege.config.probe_interval.0).await;
        }
        Some(())
    }

    /// Waits until the component has room for more.
    async fn turn(&self) -> Option<()> {
        // What was told is written meanwhile.
        tokio::task::yield_now().await;
        while self.goes_on() {
            if !self.grantee.external.is_busy() {
                return Some(());
            }
            sleep(PAUSE).await;
        }
        None
    }

    fn goes_on(&self) -> bool {
        let external = &self.grantee.external;
        let may = Grantee::of(Arc::clone(external), &self.privilege.host);
        may.is_some_and(|may| may.grants.privileges.presence == self.access())
            && external.is_connected()
            && self.privilege.told.is_now(external.domain(), self.round)
    }

    fn access(&self) -> PresenceAccess {
        self.grantee.grants.privileges.presence
    }
}

/// Whether an account has blocked somebody. Fails closed.
pub(crate) async fn blocks_out(blocks: Option<&dyn Blocks>, account: &AccountRef, who: &Jid) -> bool {
    match blocks {
        None => false,
        Some(blocks) => blocks.blocks(account, who).await.unwrap_or(true),
    }
}

/// How often it is looked whether a component has room again.
const PAUSE: Duration = Duration::from_millis(50);
