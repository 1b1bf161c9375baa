//! Presence probes ([RFC 6121 §4.3](https://www.rfc-editor.org/rfc/rfc6121#section-4.3)).

use std::sync::Arc;

use waxwing_core::Origin;
use waxwing_core::prelude::*;
use waxwing_core::store_failed;
use waxwing_roster::Roster;

use crate::broadcast::{reachable, route};
use crate::{Presence, recipient};

impl Presence {
    /// Who comes back to a server that was started anew may have missed who has gone with the old one.
    pub(crate) async fn resumed(self: Arc<Self>, notice: Notice) {
        let Notice::SessionResumed(session) = notice else { return };
        if !(session.is_restored() && session.is_available()) {
            return;
        }
        // A failure was logged where it happened.
        let Ok(roster) = self.roster(session.account()).await else { return };
        let origin = Origin::Client(Arc::clone(&session));
        self.probe_contacts(session.account(), &session, roster, &origin).await;
    }

    /// §4.3.1: asks all contacts that the user has a subscription to. Local ones without an available resource are
    /// known to have nothing to say.
    pub(crate) async fn probe_contacts(
        &self,
        account: &AccountRef,
        session: &SessionRef,
        roster: &Roster,
        origin: &Origin,
    ) {
        let host = session.host();
        let own = account.jid();
        for contact in
            roster.contacts(|state| state.to).into_iter().filter(|contact| reachable(host, contact))
        {
            if self.blocked(account, contact.as_jid()).await {
                continue;
            }
            let probe = Stanza::presence(PresenceType::Probe).from(own.clone()).id(host.random().id());
            route(session, probe.to(contact), origin).await;
        }
        // §3.1.2: a request that a remote contact has not answered is sent again; it may have been lost.
        let remote = |contact: &BareJid| host.router().host(contact.domain()).is_none();
        for contact in roster.contacts(|state| state.pending_out).into_iter().filter(remote) {
            let request = Stanza::presence(PresenceType::Subscribe).from(own.clone()).id(host.random().id());
            route(session, request.to(contact), origin).await;
        }
    }

    /// §4.3.2
    pub(crate) async fn probed(&self, event: &mut Event) -> HookResult {
        let (account, from) = recipient(event)?;
        self.counters.probes.inc();
        let own = from.same_bare(account.jid().as_jid());
        let subscribed = own || self.roster(&account).await?.state(&from.to_bare()).from;
        let resource = event.stanza.to.as_ref().and_then(Jid::resource);
        let answers = match resource {
            Some(resource) => self.of_resource(&account, resource, &from, subscribed),
            None if subscribed => Some(self.of_account(&account).await.map_err(store_failed)?),
            None => None,
        };
        let answers = answers.unwrap_or_else(|| vec![refused(&account)]);
        for answer in answers {
            // §4.3.2.1: an answer without an id of its own mirrors the probe's.
            let id = answer.id.clone().or_else(|| match answer.kind {
                Kind::Presence(PresenceType::Available) => None,
                _ => event.stanza.id.clone(),
            });
            let answer = Stanza { id, ..answer.to(from.clone()) };
            drop(event.host.router().send(answer).await);
        }
        Ok(Flow::Handled)
    }

    /// Rules 3 and 4: the last presence of each available resource, or that there is none.
    async fn of_account(&self, account: &AccountRef) -> Result<Vec<Stanza>, StoreError> {
        let present: Vec<Stanza> =
            account.sessions().iter().filter_map(|session| session.presence()).collect();
        if present.is_empty() {
            return Ok(vec![self.long_gone(account).await?]);
        }
        Ok(present)
    }

    /// A probe to a full JID: only whether that resource is there, and only to who may know (§4.3.2, §4.6.6).
    fn of_resource(
        &self,
        account: &AccountRef,
        resource: &str,
        from: &Jid,
        subscribed: bool,
    ) -> Option<Vec<Stanza>> {
        let session = account.session(resource);
        let reached = session.as_ref().is_some_and(|session| self.reached(session, from));
        if !subscribed && !reached {
            return None;
        }
        let available = session.is_some_and(|session| session.is_available() || (reached && !subscribed));
        let kind = if available { PresenceType::Available } else { PresenceType::Unavailable };
        let jid = account.jid().with_resource(resource).ok()?;
        Some(vec![Stanza::presence(kind).from(jid)])
    }
}

/// Rule 1: who has no subscription is told so; from the bare JID, or it would tell of a resource.
fn refused(account: &AccountRef) -> Stanza {
    Stanza::presence(PresenceType::Unsubscribed).from(account.jid().clone())
}
