//! The archive of each account: what it keeps, and how its owner reads it.
//!
//! Specs: [XEP-0313](https://xmpp.org/extensions/xep-0313.html), [XEP-0059](https://xmpp.org/extensions/xep-0059.html),
//! [XEP-0441](https://xmpp.org/extensions/xep-0441.html), [XEP-0424](https://xmpp.org/extensions/xep-0424.html). The rows
//! lie in the account's log; here is the policy, and the protocol.

mod answer;
mod policy;
mod prefs;
mod query;
mod retract;
mod rsm;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use waxwing_core::config::Bytes;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::store_failed;
use waxwing_log::Log;
use waxwing_roster::RosterService;

pub use prefs::DefaultPolicy;
use prefs::{Prefs, PrefsTable};

/// `[host.<name>.modules.mam]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is archived of accounts that have said nothing: `"always"`, `"never"` or `"roster"` (XEP-0441).
    pub default: DefaultPolicy,
    /// Messages on one page at most; the client pages on.
    pub page_max: usize,
    /// Messages on a page if the client does not say how many.
    pub page_default: usize,
    /// Bytes of one page at most; a page that is cut is not complete.
    pub page_bytes_max: Bytes,
    /// Addresses on the two lists of preferences; more are refused with `policy-violation`.
    pub prefs_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default: DefaultPolicy::Always,
            page_max: 250,
            page_default: 50,
            page_bytes_max: Bytes(1 << 20),
            prefs_max: 1000,
        }
    }
}

/// The archives of one host's accounts.
pub struct Mam {
    config: Config,
    log: ServiceHandle<Log>,
    rosters: ServiceHandle<RosterService>,
    table: TableRef<PrefsTable>,
    prefs: AccountSlot<Mutex<Arc<Prefs>>>,
    metrics: Metrics,
}

struct Metrics {
    queries: Counter,
    results: Counter,
    tombstones: Counter,
}

impl fmt::Debug for Mam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mam")
    }
}

impl Module for Mam {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("mam", "Archives messages")
        .specs(&[
            Spec::xep(313, "1.1.3").partial("for accounts"),
            Spec::xep(59, "1.0"),
            Spec::xep(297, "1.0"),
            Spec::xep(424, "0.4.2").partial("tombstones in the archives of accounts"),
            Spec::xep(441, "0.2.0"),
        ])
        .requires(&["log"]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            log: reg.service(),
            rosters: reg.optional_service(),
            table: reg.table()?,
            prefs: reg.account_slot(),
            metrics: Metrics {
                queries: reg.counter("queries", "Queries of archives."),
                results: reg.counter("results", "Messages sent out of archives."),
                tombstones: reg.counter("tombstones", "Messages that their authors took back."),
            },
        });
        // XEP-0313 §7, XEP-0424 §2 and §4.
        for feature in [NS, EXTENDED, retract::NS, retract::TOMBSTONE] {
            reg.feature(DiscoOn::Account, feature);
        }
        reg.iq(Iq::set(IqTo::Own, NS, "query"), &this, Self::query)?;
        reg.iq(Iq::get(IqTo::Own, NS, "query"), &this, Self::form)?;
        reg.iq(Iq::get(IqTo::Own, NS, "metadata"), &this, Self::metadata)?;
        reg.iq(Iq::get(IqTo::Own, NS, "prefs"), &this, Self::get_prefs)?;
        reg.iq(Iq::set(IqTo::Own, NS, "prefs"), &this, Self::set_prefs)?;
        // Nobody else's, whether there is such an account or not (XEP-0313 §8.1, RFC 6120 §13.11).
        for to in [IqTo::Account, IqTo::Missing] {
            for name in ["query", "metadata", "prefs"] {
                reg.iq(Iq::get(to, NS, name), &this, Self::forbidden)?;
                reg.iq(Iq::set(to, NS, name), &this, Self::forbidden)?;
            }
        }
        for side in [Side::Sent, Side::Received] {
            reg.gate(side, Gate::Rewrite, Kinds::MESSAGE, &this, move |this, event| this.judge(event, side));
        }
        Ok(this)
    }
}

impl Mam {
    async fn forbidden(self: Arc<Self>, _: IqRequest) -> IqResult {
        Err(Condition::Forbidden.into())
    }

    /// Says whether the archive keeps a message; and if it takes another one back, sees to that.
    fn judge<'e>(&'e self, event: &'e mut Event, side: Side) -> Hooked<'e> {
        let Some(account) = event.account.clone() else { return Hooked::pass() };
        if !policy::is_archived(&event.stanza) {
            return Hooked::pass();
        }
        let peer = match side {
            Side::Sent => event.stanza.to.as_ref(),
            Side::Received => event.stanza.from.as_ref(),
        };
        let own = account.jid().as_jid();
        // XEP-0313 §6.1.1: what one says to oneself is recorded where it arrives.
        let Some(peer) = peer.filter(|peer| side == Side::Received || !peer.same_bare(own)).cloned() else {
            return Hooked::pass();
        };
        Hooked::wait(async move {
            let archived = self.allows(&account, &peer).await.map_err(store_failed)?;
            event.keep.archived = archived;
            if archived {
                self.take_back(event, side, &account, &peer).await.map_err(store_failed)?;
            }
            Ok(Flow::Continue)
        })
    }

    fn log(&self) -> Result<&Log, StanzaError> {
        self.log.get().map(Arc::as_ref).ok_or_else(|| Condition::InternalServerError.into())
    }
}

/// Archives.
const NS: &str = "urn:xmpp:mam:2";
/// Ids in forms, flipped pages, metadata.
const EXTENDED: &str = "urn:xmpp:mam:2#extended";
