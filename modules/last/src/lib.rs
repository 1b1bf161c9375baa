//! Last Activity: since when an account is away, and how long the server runs.
//!
//! Spec: [XEP-0012](https://xmpp.org/extensions/xep-0012.html). Who may not see an account's presence learns nothing
//! (§8), not even whether it exists: unknown addresses are `forbidden` as well.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use waxwing_core::Contacts;
use waxwing_core::prelude::*;
use waxwing_xmpp::Timestamp;

/// Answers how long ago something was.
#[derive(Debug)]
pub struct Last {
    started: Timestamp,
    logouts: TableRef<Logouts>,
    status: SessionSlot<Status>,
    contacts: ServiceHandle<dyn Contacts>,
}

/// The status text of the session's last presence, if that was unavailable.
#[derive(Debug, Default)]
struct Status(Mutex<Option<String>>);

/// One row an account: its last logout.
#[derive(Debug)]
struct Logouts;

/// When the last session of an account ended, and what it said.
#[derive(Debug, Serialize, Deserialize)]
struct Logout {
    at: Timestamp,
    status: String,
}

impl Table for Logouts {
    const NAME: &'static str = "last.logouts";
    const VERSION: u16 = 1;
    const SCOPE: waxwing_store::Scope = waxwing_store::Scope::Account;
    type Key = ();
    type Value = Logout;
}

impl Module for Last {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("last", "Tells since when an account is away")
        .specs(&[Spec::xep(12, "2.0").partial("§4: strangers get service-unavailable for a full JID")])
        .scope(Scope::Host(HostKind::Any));

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let host = Arc::clone(reg.host()?);
        let this = Arc::new(Self {
            started: host.clock().now(),
            logouts: reg.table()?,
            status: reg.session_slot(),
            contacts: reg.optional_service(),
        });
        // §6.
        reg.feature(DiscoOn::Host, NS);
        reg.iq(Iq::get(IqTo::Host, NS, "query"), &this, Self::uptime)?;
        if host.kind() == HostKind::Accounts {
            reg.feature(DiscoOn::Account, NS);
            for to in [IqTo::Own, IqTo::Account, IqTo::Missing] {
                reg.iq(Iq::get(to, NS, "query"), &this, Self::away)?;
            }
            reg.gate(Side::Sent, Gate::Rewrite, Kinds::AVAILABILITY, &this, Self::keep_status);
            reg.notice(NoticeKind::SessionClosed, &this, Self::closed);
        }
        Ok(this)
    }
}

impl Last {
    /// §5: since when the server runs.
    async fn uptime(self: Arc<Self>, iq: IqRequest) -> IqResult {
        Ok(answer(iq.host.clock().now().since(self.started).as_secs(), ""))
    }

    /// §3: since when the account has no session.
    async fn away(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let Some(account) = &iq.account else { return Err(Condition::Forbidden.into()) };
        if iq.to != IqTo::Own && !self.may_see(account, iq.from()?).await? {
            return Err(Condition::Forbidden.into());
        }
        if !account.sessions().is_empty() {
            return Ok(answer(0, ""));
        }
        match self.logouts.get(account.number(), &()).await.map_err(store_failed)? {
            Some(logout) => Ok(answer(iq.host.clock().now().since(logout.at).as_secs(), &logout.status)),
            // The XEP does not say what to answer for an account that never logged in.
            None => Err(Condition::ItemNotFound.into()),
        }
    }

    /// §8: who has permission to see the presence.
    async fn may_see(&self, account: &AccountRef, who: &Jid) -> Result<bool, StanzaError> {
        match self.contacts.get() {
            Some(contacts) => contacts.sees(account, who).await.map_err(store_failed),
            None => Ok(false),
        }
    }

    /// §3: the status of the last unavailable presence is told with the time.
    fn keep_status<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        // Directed presence says nothing about the session as a whole.
        if let (None, Some(session)) = (&event.stanza.to, event.origin.session()) {
            let unavailable = event.stanza.kind == Kind::Presence(PresenceType::Unavailable);
            let status = event.stanza.children.find(ns::CLIENT, "status").filter(|_| unavailable);
            *self.status.get(session).0.lock() = status.map(|status| cut(status.tree().text()));
        }
        Hooked::pass()
    }

    /// The last session of an account has ended.
    async fn closed(self: Arc<Self>, notice: Notice) {
        let Notice::SessionClosed(session) = notice else { return };
        let account = session.account();
        if !account.sessions().is_empty() {
            return;
        }
        let status = self.status.get(&session).0.lock().take().unwrap_or_default();
        let logout = Logout { at: account.host().clock().now(), status };
        // Nobody waits for this row; a lost one is an older answer.
        if let Err(error) = self.logouts.put(account.number(), &(), &logout) {
            tracing::error!(session = session.id().0, %error, "The time of a logout was not stored.");
        }
    }
}

/// §2: the seconds, and a text where there is one.
fn answer(seconds: u64, status: &str) -> Reply {
    let query = Tree::new(NS, "query").with_attr("seconds", seconds.to_string());
    Reply::tree(&if status.is_empty() { query } else { query.with_text(status) })
}

/// Our limit: a status may be as long as a stanza, and this one is kept for every account.
fn cut(mut status: String) -> String {
    while status.len() > STATUS_BYTES_MAX {
        status.pop();
    }
    status
}

const NS: &str = "jabber:iq:last";
const STATUS_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests;
