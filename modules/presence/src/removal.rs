//! The end of subscriptions: a contact was taken out of the roster, or the account goes.

use std::sync::Arc;

use waxwing_core::BoxFuture;
use waxwing_core::prelude::*;
use waxwing_roster::{ItemRemoved, State};

use crate::Presence;

impl ItemRemoved for Presence {
    /// RFC 6121 §2.5.2
    fn removed<'a>(
        &'a self,
        account: &'a AccountRef,
        contact: &'a BareJid,
        state: State,
    ) -> BoxFuture<'a, ()> {
        Box::pin(self.end(account, contact, state))
    }
}

impl Presence {
    /// XEP-0077 §3.2: an account that goes takes its subscriptions along.
    pub(crate) async fn removing(self: Arc<Self>, notice: Notice) {
        let Notice::AccountRemoving(account) = notice else { return };
        // A failure was logged; contacts find out by their next probe.
        let Ok(roster) = self.roster(&account).await else { return };
        for contact in roster.contacts(|state| state != State::default()) {
            let state = roster.state(&contact);
            self.end(&account, &contact, state).await;
            if state.pending_in && !state.from {
                self.say(&account, &contact, PresenceType::Unsubscribed).await;
            }
        }
        // Subscribers know by now; what is left to be told when the sessions end is directed presence.
        for session in account.sessions() {
            let Some(presence) = session.set_presence(None) else { continue };
            if let (Some(from), Some(watch)) = (presence.from, self.watch.get()) {
                watch.ended(&account, &Stanza::presence(PresenceType::Unavailable).from(from));
            }
        }
    }

    /// A request that the user made and took back by removing the item is taken back at the contact too; one that
    /// waits for the user's answer goes on waiting (§3.1.3).
    async fn end(&self, account: &AccountRef, contact: &BareJid, state: State) {
        if state.to || state.pending_out {
            self.say(account, contact, PresenceType::Unsubscribe).await;
        }
        if state.from {
            // §3.2.2: while the contact still has the subscription.
            self.hide_from(account, contact).await;
            self.say(account, contact, PresenceType::Unsubscribed).await;
        }
    }

    async fn say(&self, account: &AccountRef, contact: &BareJid, kind: PresenceType) {
        let host = account.host();
        let stanza = Stanza::presence(kind).from(account.jid().clone()).to(contact.clone());
        drop(host.router().send(stanza.id(host.random().id())).await);
    }
}
