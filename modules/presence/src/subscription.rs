//! Subscription stanzas on their way out and in
//! ([RFC 6121 §3](https://www.rfc-editor.org/rfc/rfc6121#section-3)).

use std::cell::Cell;

use waxwing_core::prelude::*;
use waxwing_roster::RosterService;

use crate::rules::{inbound, outbound};
use crate::{Presence, recipient, sender};

impl Presence {
    /// §3.1.2, §3.1.5, §3.2.2, §3.3.2, §3.4.2: the user sent it.
    pub(crate) async fn subscription_sent(&self, event: &mut Event, kind: PresenceType) -> HookResult {
        let (account, _) = sender(event)?;
        // §3.1.2 rule 1: a full JID counts as the bare one.
        let Some(contact) = event.stanza.to.as_ref().map(Jid::to_bare) else {
            return Err(Condition::BadRequest.into());
        };
        if contact == *account.jid() {
            // §4.2.2: an entity is subscribed to its own presence as it is.
            return Ok(Flow::Drop(DropReason("subscription to oneself")));
        }
        let roster = self.roster(&account).await?;
        let decide = |state| outbound(kind, state).state;
        let updated = self.rosters()?.update(&account, roster, &contact, None, decide, |_| {})?;
        if let Some(ticket) = updated.ticket {
            event.custody.attach(ticket);
        }
        if kind == PresenceType::Unsubscribed && updated.before.from {
            // §3.2.2: while the contact still has the subscription.
            self.hide_from(&account, &contact).await;
        }
        if outbound(kind, updated.before).route {
            // §3: stamped with the bare JID, since the resource is nobody's business yet.
            let stanza = event.stanza.clone().from(account.jid().clone()).to(contact.clone());
            let custody = std::mem::take(&mut event.custody);
            event.custody = event.host.router().route(stanza, event.origin.clone(), custody).await;
        }
        if kind == PresenceType::Subscribed && updated.after.from && !updated.before.from {
            // §3.1.5
            self.show_after_push(event, &account, &contact).await;
        }
        Ok(Flow::Handled)
    }

    /// §3.1.3, §3.1.6, §3.2.3, §3.3.3: it is for the user.
    pub(crate) async fn subscription_received(&self, event: &mut Event, kind: PresenceType) -> HookResult {
        let (account, from) = recipient(event)?;
        let contact = from.to_bare();
        if contact == *account.jid() {
            return Ok(Flow::Drop(DropReason("subscription to oneself")));
        }
        if kind == PresenceType::Subscribe {
            self.counters.requests.inc();
            // §3.1.3, security warning: what is kept is bounded.
            if event.stanza.children.byte_len() > self.config.request_bytes_max {
                return Err(StanzaError::from(Condition::NotAcceptable).text("The request is too large."));
            }
        }
        let stanza = event.stanza.clone().from(contact.clone()).to(account.jid().clone());
        let roster = self.roster(&account).await?;
        let rosters = self.rosters()?;
        let rule = Cell::new(inbound(kind, roster.state(&contact)));
        let decide = |state| {
            rule.set(inbound(kind, state));
            rule.get().state
        };
        // §3.1.6, §3.2.3, §3.3.3: to all interested resources, before the push.
        let tell = |interested: &[SessionRef]| {
            if rule.get().deliver && kind != PresenceType::Subscribe {
                for session in interested {
                    session.send(stanza.clone());
                }
            }
        };
        let updated = rosters.update(&account, roster, &contact, Some(&stanza), decide, tell)?;
        let rule = rule.get();
        if let Some(ticket) = updated.ticket {
            event.custody.attach(ticket);
        }
        if rule.deliver && kind == PresenceType::Subscribe {
            // §3.1.3 rule 3: to all available resources.
            for session in account.sessions().into_iter().filter(|session| session.is_available()) {
                session.send(stanza.clone());
            }
        }
        if updated.before.from && !updated.after.from {
            // §3.3.3 rule 3
            self.hide_from(&account, &contact).await;
        }
        if let Some(reply) = rule.reply {
            self.reply(event, &account, &contact, reply).await;
        }
        Ok(Flow::Handled)
    }

    /// §3.1.3 rule 2, A.3.1 and A.3.2: the server answers for the user.
    async fn reply(&self, event: &Event, account: &AccountRef, contact: &BareJid, kind: PresenceType) {
        let reply = Stanza::presence(kind).from(account.jid().clone()).to(contact.clone());
        let reply = Stanza { id: event.stanza.id.clone(), ..reply };
        drop(event.host.router().send(reply).await);
        if kind == PresenceType::Subscribed {
            // As after an approval by the user (§3.1.5).
            self.show_after_push(event, account, contact).await;
        }
    }

    /// Shows the account's resources to a new subscriber, but not before the push that waits for the disk: clients
    /// judge presence by the roster they know (§4.2.4), and Profanity 0.13 tells of nobody with subscription none.
    async fn show_after_push(&self, event: &Event, account: &AccountRef, contact: &BareJid) {
        let host = event.host.router().host(contact.domain());
        if let Some(rosters) = host.and_then(|host| host.service::<RosterService>()) {
            rosters.settled().await;
        }
        self.show_to(account, contact).await;
    }
}
