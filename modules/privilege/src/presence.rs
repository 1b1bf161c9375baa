//! Who is there ([XEP-0356 §7](https://xmpp.org/extensions/xep-0356.html#presence)).

use std::sync::Arc;

use waxwing_component::{Grantee, PresenceAccess};
use waxwing_core::Origin;
use waxwing_core::prelude::*;
use waxwing_presence::PresenceWatch;

use crate::Privilege;
use crate::told::Whose;

impl PresenceWatch for Privilege {
    /// §7.1: initial presence, and no other of a managed entity.
    fn began(&self, _: &AccountRef, presence: &Stanza) {
        self.tell_all(PresenceAccess::ManagedEntity, Whose::Permitted, presence);
    }

    fn ended(&self, _: &AccountRef, presence: &Stanza) {
        self.tell_all(PresenceAccess::ManagedEntity, Whose::Permitted, presence);
    }

    /// §7.4: "if the managed entity is unavailable".
    fn sees_contacts(&self) -> bool {
        self.watchers(PresenceAccess::Roster).next().is_some()
    }
}

impl Privilege {
    /// §7.4: what an account is told of its contacts, whether it is there or not.
    pub(crate) fn received_presence<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let event: &'e Event = event;
        let (Some(account), Some(from)) = (&event.account, &event.stanza.from) else { return Hooked::pass() };
        if !self.sees_contacts() || from.same_bare(account.jid().as_jid()) {
            return Hooked::pass();
        }
        let Some(rosters) = self.rosters.get() else { return Hooked::pass() };
        Hooked::wait(async move {
            let (stanza, from) = (&event.stanza, from.to_bare());
            match rosters.load(account).await {
                Ok(roster) => {
                    let whose = if roster.state(&from).to { Whose::Permitted } else { Whose::Former };
                    self.tell_all(PresenceAccess::Roster, whose, stanza);
                }
                // The account itself needs no roster for it.
                Err(cause) => drop(store_failed(cause)),
            }
            Ok(Flow::Continue)
        })
    }

    /// Components that are there and see as much.
    fn watchers(&self, access: PresenceAccess) -> impl Iterator<Item = Grantee> {
        let sees = move |grantee: &Grantee| {
            grantee.grants.privileges.presence >= access && grantee.external.is_connected()
        };
        Grantee::all(&self.host).into_iter().filter(sees)
    }

    fn tell_all(&self, access: PresenceAccess, whose: Whose, presence: &Stanza) {
        for grantee in self.watchers(access) {
            self.tell(&grantee, whose, || Some(presence.clone()));
        }
    }

    /// §7.1: directed presence from the full JID.
    fn tell(&self, grantee: &Grantee, whose: Whose, presence: impl FnOnce() -> Option<Stanza>) {
        let component = grantee.external.domain();
        self.told.tell(component, whose, presence, |presence| {
            // Who has gone is told anew when it comes back.
            grantee.external.deliver(&presence.clone().to(component.to_jid())).ok();
        });
    }

    /// §8 rule 1: all that the component would know if it had been there before.
    pub(crate) async fn show_everybody(&self, grantee: &Grantee) {
        let access = grantee.grants.privileges.presence;
        if access == PresenceAccess::None {
            return;
        }
        for account in self.host.accounts_in_use() {
            self.show(grantee, &account);
            if access == PresenceAccess::Roster {
                self.show_contacts(grantee, &account).await;
            }
            // What was told is written meanwhile.
            tokio::task::yield_now().await;
        }
    }

    /// Each available resource of an account.
    fn show(&self, grantee: &Grantee, account: &AccountRef) {
        for session in account.sessions() {
            self.tell(grantee, Whose::Earlier, || session.presence());
        }
    }

    /// Contacts at this server are known; others are asked in the account's name, while it is there: what they answer
    /// comes to its gates.
    async fn show_contacts(&self, grantee: &Grantee, account: &AccountRef) {
        let Some(rosters) = self.rosters.get() else { return };
        let roster = match rosters.load(account).await {
            Ok(roster) => roster,
            Err(cause) => return drop(store_failed(cause)),
        };
        for contact in roster.contacts(|state| state.to) {
            if self.blocked(account, contact.as_jid()).await {
                continue;
            }
            match self.host.router().host(contact.domain()) {
                Some(host) => {
                    let known = contact.local().and_then(|local| host.known(local));
                    if let Some(known) = known
                        && self.sees(&host, &known, account).await
                    {
                        self.show(grantee, &known);
                    }
                }
                None if account.is_available() => self.probe(account, contact).await,
                None => {}
            }
        }
    }

    /// Whether a contact at this server shows itself to an account.
    async fn sees(&self, host: &Host, contact: &AccountRef, account: &AccountRef) -> bool {
        let Some(contacts) = host.service::<dyn waxwing_core::Contacts>() else { return false };
        contacts.sees(contact, account.jid().as_jid()).await.unwrap_or(false)
    }

    /// Fails closed.
    async fn blocked(&self, account: &AccountRef, who: &Jid) -> bool {
        match self.blocks.get() {
            None => false,
            Some(blocks) => blocks.blocks(account, who).await.unwrap_or(true),
        }
    }

    /// RFC 6121 §4.3.1.
    async fn probe(&self, account: &AccountRef, contact: BareJid) {
        let probe = Stanza::presence(PresenceType::Probe)
            .from(account.jid().clone())
            .to(contact)
            .id(self.host.random().id());
        let origin = Origin::Account(Arc::clone(account));
        drop(self.host.router().route(probe, origin, Custody::memory()).await);
    }
}
