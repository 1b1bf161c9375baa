//! Who is there ([XEP-0356 §7](https://xmpp.org/extensions/xep-0356.html#presence)).

use waxwing_component::{Grantee, PresenceAccess};
use waxwing_core::prelude::*;
use waxwing_presence::PresenceWatch;

use crate::Privilege;
use crate::catch_up::blocks_out;
use crate::told::Whose;

impl PresenceWatch for Privilege {
    /// §7.1: initial presence, and no other of a managed entity.
    fn began(&self, account: &AccountRef, presence: &Stanza) {
        for grantee in self.watchers(PresenceAccess::ManagedEntity) {
            self.tell(&grantee, account.jid(), Whose::Permitted, || Some(presence.clone()));
        }
    }

    fn ended(&self, _: &AccountRef, presence: &Stanza) {
        for grantee in self.watchers(PresenceAccess::ManagedEntity) {
            let component = grantee.external.domain();
            self.told.tell_gone(component, presence, |presence| show(&grantee, presence));
        }
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
            match rosters.load(account).await {
                Ok(roster) => {
                    let whose =
                        if roster.state(&from.to_bare()).to { Whose::Permitted } else { Whose::Former };
                    for grantee in self.watchers(PresenceAccess::Roster) {
                        self.tell_of_contact(&grantee, account.jid(), whose, &event.stanza).await;
                    }
                }
                // The account itself needs no roster for it.
                Err(cause) => drop(store_failed(cause)),
            }
            Ok(Flow::Continue)
        })
    }

    /// What one account sees no more another may still see: the component sees it as well, then.
    async fn tell_of_contact(&self, grantee: &Grantee, account: &BareJid, whose: Whose, presence: &Stanza) {
        let Some(contact) = presence.from.as_ref().map(Jid::to_bare) else { return };
        let mut other = self.tell(grantee, account, whose, || Some(presence.clone()));
        while let Some(account) = other {
            if self.sees(&account, &contact).await {
                return;
            }
            other = self.tell(grantee, &account, whose, || Some(presence.clone()));
        }
    }

    /// Whether an account of this host sees a contact, who shows itself to it.
    pub(crate) async fn sees(&self, account: &BareJid, contact: &BareJid) -> bool {
        if account == contact {
            return true;
        }
        let (Some(rosters), Some(local)) = (self.rosters.get(), account.local()) else { return false };
        let Ok(Some(account)) = self.host.account(local).await else { return false };
        let blocks = self.blocks.get().map(std::sync::Arc::as_ref);
        rosters.load(&account).await.is_ok_and(|roster| roster.state(contact).to)
            && !blocks_out(blocks, &account, contact.as_jid()).await
    }

    /// Components that are there and see as much.
    fn watchers(&self, access: PresenceAccess) -> impl Iterator<Item = Grantee> {
        let sees = move |grantee: &Grantee| {
            grantee.grants.privileges.presence >= access && grantee.external.is_connected()
        };
        Grantee::all(&self.host).into_iter().filter(sees)
    }

    /// See [`crate::told::Told::tell`].
    pub(crate) fn tell(
        &self,
        grantee: &Grantee,
        account: &BareJid,
        whose: Whose,
        presence: impl FnOnce() -> Option<Stanza>,
    ) -> Option<BareJid> {
        let component = grantee.external.domain();
        self.told.tell(component, account, whose, presence, |presence| show(grantee, presence))
    }
}

/// §7.1: directed presence from the full JID. Nobody has sent it: if it does not arrive, nobody hears of that.
fn show(grantee: &Grantee, presence: &Stanza) {
    grantee.external.inform(&presence.clone().to(grantee.external.domain().to_jid()));
}
