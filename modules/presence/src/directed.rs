//! Directed presence ([RFC 6121 §4.6](https://www.rfc-editor.org/rfc/rfc6121#section-4.6)).

use std::collections::HashSet;

use parking_lot::Mutex;
use waxwing_core::prelude::*;

use crate::broadcast::check;
use crate::{Presence, sender};

/// Whom a session has sent directed presence to: they learn when it goes.
#[derive(Debug, Default)]
pub(crate) struct Directed(Mutex<HashSet<Jid>>);

impl Directed {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(crate) fn contains(&self, jid: &Jid) -> bool {
        self.0.lock().contains(jid)
    }

    /// Whether this address, or its bare JID, got directed presence.
    fn reached(&self, jid: &Jid) -> bool {
        let entities = self.0.lock();
        !entities.is_empty() && (entities.contains(jid) || entities.contains(jid.to_bare().as_jid()))
    }

    /// False: there are too many.
    fn add(&self, jid: &Jid, max: usize) -> bool {
        let mut entities = self.0.lock();
        if entities.len() >= max && !entities.contains(jid) {
            return false;
        }
        entities.insert(jid.clone());
        true
    }

    fn remove(&self, jid: &Jid) {
        self.0.lock().remove(jid);
    }

    /// Whether any was there.
    pub(crate) fn forget_bare(&self, contact: &BareJid) -> bool {
        let mut entities = self.0.lock();
        let before = entities.len();
        entities.retain(|jid| !jid.same_bare(contact.as_jid()));
        entities.len() < before
    }

    /// For a session that outlives the process: one address a line, which no address contains.
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        let entities = self.0.lock();
        let lines: Vec<&str> = entities.iter().map(Jid::as_str).collect();
        (!lines.is_empty()).then(|| lines.join("\n").into_bytes())
    }

    /// The reverse.
    pub(crate) fn load(&self, saved: &[u8]) {
        let lines = std::str::from_utf8(saved).unwrap_or_default().lines();
        self.0.lock().extend(lines.filter_map(|line| Jid::parse(line).ok()));
    }

    /// Takes all, for the end of the session.
    pub(crate) fn take(&self) -> HashSet<Jid> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Presence {
    /// §4.6.3: noted here, delivered by the core.
    pub(crate) async fn direct(&self, event: &mut Event) -> HookResult {
        let (account, session) = sender(event)?;
        let Some(to) = event.stanza.to.clone() else { return Ok(Flow::Continue) };
        if event.stanza.kind == Kind::Presence(PresenceType::Unavailable) {
            // §4.6.1
            if let Some(directed) = self.directed.peek(&session) {
                directed.remove(&to);
                session.touch();
            }
            return Ok(Flow::Continue);
        }
        check(&event.stanza)?;
        // Rule 1: a subscriber hears of the end anyway, while the session is available.
        let told = session.is_available() && self.roster(&account).await?.state(&to.to_bare()).from;
        if !told && !self.directed.get(&session).add(&to, self.config.directed_max) {
            let text = "You have sent directed presence to too many.";
            return Err(StanzaError::from(Condition::ResourceConstraint).text(text));
        }
        session.touch();
        Ok(Flow::Continue)
    }

    /// §4.6.1: who sends unavailable presence to the user need not hear of the end.
    pub(crate) fn forget_directed(&self, event: &Event) {
        let (Some(account), Some(from), Some(to)) = (&event.account, &event.stanza.from, &event.stanza.to)
        else {
            return;
        };
        for session in account.sessions() {
            if (to.is_bare() || to == session.jid())
                && let Some(directed) = self.directed.peek(&session)
            {
                directed.remove(from);
            }
        }
    }

    /// Whether any session of the account has sent directed presence to this address.
    pub(crate) fn directed_to(&self, account: &Account, who: &Jid) -> bool {
        let reached = |session: &SessionRef| self.reached(session, who);
        account.sessions().iter().any(reached)
    }

    /// Whether this session has.
    pub(crate) fn reached(&self, session: &Session, who: &Jid) -> bool {
        self.directed.peek(session).is_some_and(|directed| directed.reached(who))
    }
}
