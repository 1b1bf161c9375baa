//! Message Archive Management: what an account sends and receives is kept, and its clients may look it up.
//!
//! Specs: [XEP-0313](https://xmpp.org/extensions/xep-0313.html),
//! [XEP-0441](https://xmpp.org/extensions/xep-0441.html) (preferences),
//! [XEP-0424](https://xmpp.org/extensions/xep-0424.html) (tombstones). The rows are in the account's log (`log`): this
//! module says which of them the archive shows, and shows it. A message to oneself is kept once, when it arrives.

mod archive;
mod policy;
mod prefs;
mod reader;
mod request;
mod retract;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::config::Bytes;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_log::Log;
use waxwing_roster::RosterService;

pub use policy::belongs_in_room;
pub use prefs::ByDefault;
use prefs::{Held, PrefsTable};
pub use reader::{Answer, Reader, Room};
pub use request::{Request, form};

/// `[host.<name>.modules.mam]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is archived for users who have set no preferences: `"always"`, `"never"` or `"roster"`, messages with
    /// contacts.
    pub default: ByDefault,
    /// Messages on a page whose size the client leaves open.
    pub page_default: usize,
    /// Messages on one page, and ids in one query. A client that asks for more gets shorter pages; for more ids,
    /// `policy-violation`.
    pub page_max: usize,
    /// Bytes of one page; it ends before the message that would be too much.
    pub page_bytes_max: Bytes,
    /// Addresses in an account's preferences; more are refused with `policy-violation`.
    pub prefs_max: usize,
    /// Messages of a conversation in which a retracted one is looked for, from the newest; older ones stay.
    pub retract_search_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default: ByDefault::Always,
            page_default: 50,
            page_max: 250,
            page_bytes_max: Bytes(1 << 20),
            prefs_max: 1000,
            retract_search_max: 500,
        }
    }
}

/// Says what the archives of a host's accounts show, and shows it.
pub struct Mam {
    config: Config,
    log: ServiceHandle<Log>,
    rosters: ServiceHandle<RosterService>,
    prefs_rows: TableRef<PrefsTable>,
    prefs: AccountSlot<Held>,
    metrics: Metrics,
}

struct Metrics {
    queries: Counter,
    results: Counter,
    refused: Counter,
    retracted: Counter,
}

impl fmt::Debug for Mam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mam")
    }
}

impl Module for Mam {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("mam", "Archives messages and lets clients look them up")
        .specs(&[
            Spec::xep(313, "1.1.3").partial("archives of accounts"),
            Spec::xep(441, "0.2.0"),
            Spec::xep(424, "0.4.2").partial("tombstones in archives of accounts"),
            Spec::xep(59, "1.0").partial("pages by id, in archives"),
            Spec::xep(334, "1.0.0").partial("in archives"),
        ])
        .requires(&["log"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            log: reg.service(),
            rosters: reg.optional_service(),
            prefs_rows: reg.table()?,
            prefs: reg.account_slot(),
            metrics: Metrics {
                queries: reg.counter("queries", "Pages of archives that were asked for."),
                results: reg.counter("results", "Messages sent from archives."),
                refused: reg.counter("refused", "Requests refused because of a limit."),
                retracted: reg.counter("retracted", "Messages of archives that became tombstones."),
            },
        });
        // §7; XEP-0424 §2, §4.
        for feature in [NS, NS_EXTENDED, NS_GROUPCHAT_FIELD] {
            reg.feature(DiscoOn::Account, feature);
        }
        for on in [DiscoOn::Host, DiscoOn::Account] {
            reg.feature(on, policy::NS_RETRACT);
        }
        reg.feature(DiscoOn::Account, NS_TOMBSTONE);
        reg.iq(Iq::get(IqTo::Own, NS, "query"), &this, Self::fields)?;
        reg.iq(Iq::set(IqTo::Own, NS, "query"), &this, Self::query)?;
        reg.iq(Iq::get(IqTo::Own, NS, "metadata"), &this, Self::metadata)?;
        reg.iq(Iq::get(IqTo::Own, NS, "prefs"), &this, Self::get_prefs)?;
        reg.iq(Iq::set(IqTo::Own, NS, "prefs"), &this, Self::set_prefs)?;
        // §8.1: an archive is its owner's, whether there is one or not.
        for to in [IqTo::Account, IqTo::Missing] {
            for request in [Iq::get(to, NS, "query"), Iq::set(to, NS, "query"), Iq::get(to, NS, "metadata")] {
                reg.iq(request, &this, Self::forbidden)?;
            }
        }
        for side in [Side::Sent, Side::Received] {
            reg.gate(
                side,
                Gate::Handle,
                Kinds::MESSAGE,
                &this,
                match side {
                    Side::Sent => Self::sent,
                    Side::Received => Self::received,
                },
            );
            reg.step(side, Step::Record, Kinds::MESSAGE, &this, move |this, event| {
                event.keep.archived |= this.archives(event, side);
                Ok(Flow::Continue)
            });
        }
        Ok(this)
    }
}

impl Mam {
    fn log(&self) -> Result<&Log, StanzaError> {
        self.log.get().map(Arc::as_ref).ok_or_else(|| Condition::InternalServerError.into())
    }

    fn sent<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        self.prepare(event, Side::Sent)
    }

    fn received<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        self.prepare(event, Side::Received)
    }

    /// What is needed to decide has to be in memory before the arrival lock is taken; a retraction does its work here.
    fn prepare<'e>(&'e self, event: &'e mut Event, side: Side) -> Hooked<'e> {
        let Some(account) = event.account.clone() else { return Hooked::pass() };
        if !policy::is_worth_keeping(&event.stanza) {
            return Hooked::pass();
        }
        let retracts = retract::target(&event.stanza).is_some();
        let asks_roster = self.prefs.peek(&account).map(|held| held.now().asks_roster());
        if asks_roster == Some(false) && !retracts {
            return Hooked::pass();
        }
        Hooked::wait(async move {
            let held = self.prefs(&account).await.map_err(store_failed)?;
            if let (true, Some(rosters)) = (held.now().asks_roster(), self.rosters.get()) {
                rosters.load(&account).await.map_err(store_failed)?;
            }
            if retracts {
                self.retract(event, side).await?;
            }
            Ok(Flow::Continue)
        })
    }

    /// Whether the account's archive shows this message.
    fn archives(&self, event: &Event, side: Side) -> bool {
        let Some(account) = &event.account else { return false };
        let own = account.jid().as_jid();
        let target = match side {
            Side::Sent => event.stanza.to.as_ref(),
            Side::Received => event.stanza.from.as_ref(),
        };
        // Without an address it is the account's own (RFC 6120 §10.3.1).
        let target = target.unwrap_or(own);
        if side == Side::Sent && target.same_bare(own) || !policy::is_worth_keeping(&event.stanza) {
            return false;
        }
        // The gate has loaded them.
        let Some(held) = self.prefs.peek(account) else { return false };
        held.now().wants(target, || self.is_contact(account, target))
    }

    /// XEP-0441 §2.3.1: by the bare JID.
    fn is_contact(&self, account: &Account, target: &Jid) -> bool {
        let roster = self.rosters.get().and_then(|rosters| rosters.peek(account));
        roster.is_some_and(|roster| roster.item(&target.to_bare()).is_some())
    }
}

/// XEP-0313.
pub const NS: &str = "urn:xmpp:mam:2";
/// XEP-0313 §4.3.
pub const NS_EXTENDED: &str = "urn:xmpp:mam:2#extended";
const NS_GROUPCHAT_FIELD: &str = "urn:xmpp:mam:2#groupchat-field";
const NS_TOMBSTONE: &str = "urn:xmpp:message-retract:1#tombstone";

#[cfg(test)]
mod tests;
