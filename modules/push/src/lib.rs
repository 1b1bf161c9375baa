//! Push notifications: a client that sleeps or is away is woken up by the service of its app.
//!
//! Spec: [XEP-0357](https://xmpp.org/extensions/xep-0357.html). A client names a push service and a node (§5); the
//! server publishes there when something arrives for the account that the client should know of (§7). What that is
//! decides [`arrival`]; how often, [`target`]; the publishing and what its errors mean, [`publish`].
//!
//! Notifications come from the account's bare JID. The spec allows that and the server's own address (§3.2); its
//! examples and most servers use the latter. Here a user chooses whom to publish to: with the server's address the user
//! would borrow its rights, at services that trust it, and victims could not block who is behind it.

mod arrival;
mod command;
mod enable;
mod publish;
mod table;
mod target;
mod work;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use waxwing_core::config::{Bytes, Duration};
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_store::{Order, Span};

use arrival::Reach;
use table::Rows;
use target::Targets;
use work::{Job, Queue};

/// `[host.<name>.modules.push]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What a notification tells the push service: `"count"` (how many messages), `"sender"` (and who sent the last
    /// one) or `"body"` (and what it says).
    pub include: Include,
    /// Whether messages of rooms to a client that sleeps are worth a notification.
    pub groupchat: bool,
    /// Push services (with node) that one account may enable; one more is refused with `policy-violation`.
    pub targets_max: usize,
    /// Bytes of address, node and publish options together; more is refused with `policy-violation`.
    pub target_bytes_max: Bytes,
    /// Shortest time between two notifications for one client; what comes meanwhile is told with the second one.
    /// Calls do not wait.
    pub interval: Duration,
    /// Time a push service may take to answer; then the notification has failed.
    pub answer_time_max: Duration,
    /// Failures in a row that may pass, such as no answer, after which a push service is disabled, if the first of
    /// them is as long ago as `failing_time_max` says.
    pub failures_max: u32,
    /// See `failures_max`.
    pub failing_time_max: Duration,
    /// Notifications of this host under way at the same time; the others wait.
    pub underway_max: usize,
}

/// How much a notification tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Include {
    /// How many messages.
    Count,
    /// And who sent the last one.
    Sender,
    /// And what it says.
    Body,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            include: Include::Count,
            groupchat: true,
            targets_max: 10,
            target_bytes_max: Bytes(8 << 10),
            interval: Duration::seconds(0),
            answer_time_max: Duration::seconds(30),
            failures_max: 10,
            failing_time_max: Duration::seconds(86_400),
            underway_max: 5000,
        }
    }
}

/// Notifies the push services of a host's accounts.
pub struct Push {
    config: Config,
    host: HostRef,
    rows: TableRef<Rows>,
    targets: AccountSlot<Mutex<Targets>>,
    queue: Queue,
    metrics: Metrics,
}

struct Metrics {
    sent: Counter,
    failed: Counter,
    disabled: Counter,
    dropped: Counter,
    full: Counter,
}

impl Metrics {
    fn new(reg: &mut Registrar<'_>) -> Self {
        Self {
            sent: reg.counter("sent", "Notifications that push services have taken."),
            failed: reg.counter("failed", "Notifications that push services refused or did not answer."),
            disabled: reg.counter("disabled", "Push services disabled because of errors."),
            dropped: reg.counter("dropped", "Notifications not sent because too many waited."),
            full: reg.counter("full", "Requests to enable that were refused because of a limit."),
        }
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Push")
    }
}

impl Module for Push {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("push", "Wakes up clients by the push services of their apps")
        .specs(&[Spec::xep(357, "0.4.1")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            host: Arc::clone(reg.host()?),
            rows: reg.table()?,
            targets: reg.account_slot(),
            queue: Queue::default(),
            metrics: Metrics::new(reg),
        });
        // §4.1.
        reg.feature(DiscoOn::Account, NS);
        reg.iq(Iq::set(IqTo::Own, NS, "enable"), &this, Self::enable)?;
        reg.iq(Iq::set(IqTo::Own, NS, "disable"), &this, Self::disable)?;
        // §8.
        let notices = Kinds::NORMAL | Kinds::HEADLINE;
        reg.gate(Side::Received, Gate::Handle, notices, &this, Self::affiliation);
        // Headlines and errors are nothing that one is woken up for.
        let kinds = Kinds::NORMAL | Kinds::CHAT | Kinds::GROUPCHAT;
        reg.step(Side::Received, Step::Notify, kinds, &this, Self::arrived);
        reg.notice(NoticeKind::SessionSleeps, &this, Self::sleeps);
        reg.notice(NoticeKind::SessionBound, &this, Self::is_back);
        reg.notice(NoticeKind::SessionResumed, &this, Self::is_back);
        reg.run("publishing", &this, Self::work);
        this.declare_command(reg);
        Ok(this)
    }
}

impl Push {
    /// The account's push services, read from the store at the first use.
    async fn load<'a>(&self, account: &'a Account) -> Result<&'a Mutex<Targets>, StoreError> {
        let load = async {
            let rows = self.rows.range(account.number(), Span::all(), Order::Forward, usize::MAX).await?;
            Ok(Mutex::new(Targets::load(rows)))
        };
        self.targets.load(account, load).await
    }

    /// Something has arrived and been delivered as far as it could be.
    fn arrived(&self, event: &mut Event) -> HookResult {
        let Some(account) = event.account.clone() else { return Ok(Flow::Continue) };
        if self.targets.peek(&account).is_some_and(|targets| targets.lock().is_empty()) {
            return Ok(Flow::Continue);
        }
        if let Some((arrival, reach)) = self.arrival(event) {
            let awake = event.sessions.iter().filter(|session| !session.is_asleep()).cloned().collect();
            self.hand_in(Job { account, arrivals: vec![arrival], reach, awake });
        }
        Ok(Flow::Continue)
    }

    fn hand_in(&self, job: Job) {
        if !self.queue.push(job) {
            self.metrics.dropped.inc();
        }
    }

    /// The connection of a session is gone. What its client has not acknowledged it may never have seen.
    async fn sleeps(self: Arc<Self>, notice: Notice) {
        let Notice::SessionSleeps(session) = notice else { return };
        let client = session.jid().resource().unwrap_or_default();
        match self.load(session.account()).await {
            Ok(targets) if targets.lock().has_client(client) => {}
            Ok(_) => return,
            Err(cause) => {
                tracing::error!(error = %cause, jid = %session.jid(), "Push services could not be read.");
                return;
            }
        }
        let arrivals = self.unseen(&session).await;
        if !arrivals.is_empty() {
            let account = Arc::clone(session.account());
            let reach = Reach::Unseen(client.to_owned());
            self.hand_in(Job { account, arrivals, reach, awake: SmallVec::new() });
        }
    }

    /// A client is there again: it sees for itself what there is.
    async fn is_back(self: Arc<Self>, notice: Notice) {
        let (Notice::SessionBound(session) | Notice::SessionResumed(session)) = notice else { return };
        // What is not in memory has nothing to forget.
        if let Some(targets) = self.targets.peek(session.account()) {
            targets.lock().is_back(session.jid().resource().unwrap_or_default());
        }
    }
}

const NS: &str = "urn:xmpp:push:0";
const NS_SUMMARY: &str = "urn:xmpp:push:summary";
const NS_PUBSUB: &str = "http://jabber.org/protocol/pubsub";
const NS_PUBLISH_OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";

#[cfg(test)]
mod tests;
