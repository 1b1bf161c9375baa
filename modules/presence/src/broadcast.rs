//! Availability and its end, told to subscribers and to the user's own resources
//! ([RFC 6121 §4.2, §4.4, §4.5](https://www.rfc-editor.org/rfc/rfc6121#section-4.2)).

use std::sync::Arc;

use waxwing_core::Origin;
use waxwing_core::prelude::*;
use waxwing_roster::Roster;
use waxwing_xml::CONTENT;

use crate::{Presence, PresenceWatch, sender};

impl Presence {
    /// §4.2.2, §4.4.2: presence without `to` and type.
    pub(crate) async fn available(&self, event: &mut Event) -> HookResult {
        let (account, session) = sender(event)?;
        check(&event.stanza)?;
        let roster = self.roster(&account).await?;
        let first = !session.is_available();
        let stanza = kept(&event.stanza);
        session.set_presence(Some(stanza.clone()));
        self.counters.broadcasts.inc();
        if let (true, Some(watch)) = (first, self.watch.get()) {
            watch.began(&account, &stanza);
        }
        let origin = Origin::Client(Arc::clone(&session));
        // To all available resources of the user, the one that sent it included.
        route(&session, stanza.clone().to(account.jid().clone()), &origin).await;
        self.to_subscribers(&session, roster, &stanza, &origin).await;
        if first {
            self.begin(&account, &session, roster, &origin).await;
        }
        Ok(Flow::Handled)
    }

    /// What a new presence session needs to know.
    async fn begin(&self, account: &AccountRef, session: &SessionRef, roster: &Roster, origin: &Origin) {
        // The user is subscribed to all the own resources (§4.2.2); what they sent before is new to this one.
        for other in account.sessions().into_iter().filter(|other| other != session) {
            if let Some(presence) = other.presence() {
                session.send(presence.to(session.jid().clone()));
            }
        }
        // §3.1.3 rule 4: each available resource gets the requests that wait for an answer.
        for request in roster.requests() {
            session.send(request);
        }
        self.probe_contacts(account, session, roster, origin).await;
    }

    /// §4.5.2: unavailable presence without `to`.
    pub(crate) async fn unavailable(&self, event: &mut Event) -> HookResult {
        let (account, session) = sender(event)?;
        let roster = self.roster(&account).await?;
        let was_available = session.is_available();
        let stanza = kept(&event.stanza);
        self.gone(&session, roster, &stanza).await;
        if was_available {
            // To the resource that generated it as well.
            session.send(stanza.to(account.jid().clone()));
        }
        Ok(Flow::Handled)
    }

    /// §4.5.2: the connection ended without a word.
    pub(crate) async fn closed(self: Arc<Self>, notice: Notice) {
        let Notice::SessionClosed(session) = notice else { return };
        if !session.is_available() && self.directed.peek(&session).is_none_or(|directed| directed.is_empty())
        {
            return;
        }
        // A failure was logged where it happened; there is nobody left to tell.
        let Ok(roster) = self.roster(session.account()).await else { return };
        let stanza = Stanza::presence(PresenceType::Unavailable).from(session.jid().clone());
        let resource = session.jid().resource().unwrap_or_default();
        match session.account().session(resource).filter(|heir| heir.is_available()) {
            None => self.gone(&session, roster, &stanza).await,
            // The full JID is available again on another stream: only those who do not know of that one are told.
            Some(heir) => {
                session.set_presence(None);
                let known = |jid: &Jid| {
                    roster.state(&jid.to_bare()).from
                        || self.directed.peek(&heir).is_some_and(|directed| directed.contains(jid))
                };
                let left = self.directed.get(&session).take().into_iter().filter(|jid| !known(jid));
                let origin = Origin::Client(Arc::clone(&session));
                for jid in left {
                    route(&session, stanza.clone().to(jid), &origin).await;
                }
            }
        }
    }

    /// Ends the presence session: subscribers, own resources and those who got directed presence are told.
    pub(crate) async fn gone(&self, session: &SessionRef, roster: &Roster, stanza: &Stanza) {
        let was_available = session.set_presence(None).is_some();
        let directed = self.directed.get(session).take();
        let origin = Origin::Client(Arc::clone(session));
        let own = session.account().jid();
        if was_available {
            self.counters.broadcasts.inc();
            if !session.account().is_available() {
                self.note_gone(session.account());
            }
            if let Some(watch) = self.watch.get() {
                watch.ended(session.account(), stanza);
            }
            route(session, stanza.clone().to(own.clone()), &origin).await;
            self.to_subscribers(session, roster, stanza, &origin).await;
        }
        // §4.6.3 rules 2 and 3; the others have been told.
        let told = |jid: &Jid| {
            let bare = jid.to_bare();
            was_available && (bare == *own || roster.state(&bare).from)
        };
        for jid in directed.into_iter().filter(|jid| !told(jid)) {
            if !self.blocked(session.account(), &jid).await {
                route(session, stanza.clone().to(jid), &origin).await;
            }
        }
    }

    /// One shared stanza, of which only `to` differs, to all with `from` or `both`.
    async fn to_subscribers(&self, session: &SessionRef, roster: &Roster, stanza: &Stanza, origin: &Origin) {
        for contact in roster.contacts(|state| state.from) {
            if reachable(session.host(), &contact) && !self.blocked(session.account(), contact.as_jid()).await
            {
                route(session, stanza.clone().to(contact), origin).await;
            }
        }
    }

    /// The presence of each available resource to a contact (§3.1.5).
    pub(crate) async fn show_to(&self, account: &AccountRef, contact: &BareJid) {
        if self.blocked(account, contact.as_jid()).await {
            return;
        }
        for session in account.sessions() {
            if let Some(presence) = session.presence() {
                let origin = Origin::Client(Arc::clone(&session));
                route(&session, presence.to(contact.clone()), &origin).await;
            }
        }
    }

    /// Unavailable presence of each available resource to a contact that may see them no longer (§3.2.2, §3.3.3).
    /// Directed presence does not outlive that (§4.6.1).
    pub(crate) async fn hide_from(&self, account: &AccountRef, contact: &BareJid) {
        if self.blocked(account, contact.as_jid()).await {
            return;
        }
        for session in account.sessions() {
            let directed = self.directed.peek(&session).is_some_and(|directed| directed.forget_bare(contact));
            if session.is_available() || directed {
                let stanza = Stanza::presence(PresenceType::Unavailable).from(session.jid().clone());
                let origin = Origin::Client(Arc::clone(&session));
                route(&session, stanza.to(contact.clone()), &origin).await;
            }
        }
    }
}

/// Brings presence to its address. Presence lives in memory: nothing to wait for.
pub(crate) async fn route(session: &SessionRef, stanza: Stanza, origin: &Origin) {
    drop(session.host().router().route(stanza, origin.clone(), Custody::memory()).await);
}

/// Whether broadcast presence can reach anybody there: a local account that is not available gets none
/// (RFC 6121 §8.5.2.2.2), and to find that out needs no look into the store.
pub(crate) fn reachable(host: &Host, contact: &BareJid) -> bool {
    match host.router().host(contact.domain()) {
        Some(other) if other.kind() == HostKind::Accounts => {
            // Somebody else may want to know what the account is told.
            let watched = || other.service::<dyn PresenceWatch>().is_some_and(|watch| watch.sees_contacts());
            let account = contact.local().and_then(|local| other.known(local));
            account.is_some_and(|account| account.is_available()) || watched()
        }
        _ => true,
    }
}

/// §4.7.2.1, §4.7.2.3: at most one `<show/>` and one `<priority/>`, which is an integer from -128 to 127.
pub(crate) fn check(stanza: &Stanza) -> Result<(), StanzaError> {
    let named = |name: &'static str| stanza.children.iter().filter(move |child| child.is(CONTENT, name));
    let mut priorities = named("priority");
    let priority = priorities.next();
    if priorities.next().is_some() || named("show").count() > 1 {
        return Err(StanzaError::bad_request("A presence has one <show/> and one <priority/> at most."));
    }
    if priority.is_some_and(|child| child.tree().text().trim().parse::<i8>().is_err()) {
        return Err(StanzaError::bad_request("<priority/> is an integer from -128 to 127."));
    }
    Ok(())
}

/// The stanza without address and with allocations of its own: it may be kept for long.
fn kept(stanza: &Stanza) -> Stanza {
    Stanza {
        to: None,
        id: stanza.id.as_ref().map(Text::detach),
        lang: stanza.lang.as_ref().map(Text::detach),
        children: stanza.children.iter().map(Child::detach).collect(),
        ..stanza.clone()
    }
}
