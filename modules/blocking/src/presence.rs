//! What contacts see when they are blocked and unblocked (XEP-0191 §3.3, §3.4).

use std::sync::Arc;

use waxwing_core::Origin;
use waxwing_core::prelude::*;

use crate::Blocking;
use crate::list::BlockList;

impl Blocking {
    /// §3.3: those that may see the account's presence and are blocked now see it go; §3.4: those that are blocked
    /// no more see it again.
    ///
    /// # Errors
    /// The store fails while the roster is read. The block itself holds.
    pub(crate) async fn tell_contacts(
        &self,
        account: &AccountRef,
        before: &BlockList,
        after: &BlockList,
    ) -> Result<(), StanzaError> {
        for contact in self.changed(account, before, after).await.map_err(store_failed)? {
            let hide = after.blocks(account.jid(), &contact);
            for session in account.sessions() {
                let Some(presence) = session.presence() else { continue };
                let presence = match hide {
                    true => Stanza::presence(PresenceType::Unavailable).from(session.jid().clone()),
                    false => presence,
                };
                let origin = Origin::Client(Arc::clone(&session));
                let sent = presence.to(contact.clone());
                // Past the gates of the sender, where the block holds already. Presence lives in memory.
                drop(account.host().router().route(sent, origin, Custody::memory()).await);
            }
        }
        Ok(())
    }

    /// Who is blocked now and was not, or the other way round, of those that may see the account's presence.
    async fn changed(
        &self,
        account: &AccountRef,
        before: &BlockList,
        after: &BlockList,
    ) -> Result<Vec<Jid>, StoreError> {
        let Some(contacts) = self.contacts.get() else { return Ok(Vec::new()) };
        let differs = |jid: &Jid| before.blocks(account.jid(), jid) != after.blocks(account.jid(), jid);
        let subscribers = contacts.subscribers(account).await?;
        let mut changed: Vec<Jid> =
            subscribers.iter().map(|jid| jid.as_jid().clone()).filter(|jid| differs(jid)).collect();
        // An item may be an address that is in no roster itself: one resource of a contact, or who got directed
        // presence.
        let items =
            after.iter().filter(|jid| !before.has(jid)).chain(before.iter().filter(|jid| !after.has(jid)));
        for jid in items.filter_map(|jid| Jid::parse(jid).ok()) {
            let told = changed.iter().any(|told| told.same_bare(&jid));
            if !told && differs(&jid) && contacts.sees(account, &jid).await? {
                changed.push(jid);
            }
        }
        Ok(changed)
    }
}
