//! Publishing (§7), and what the answers mean (§7.1).

use std::sync::Arc;

use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};
use waxwing_core::RequestError;
use waxwing_core::prelude::*;
use waxwing_core::tasks::guard;
use waxwing_xmpp::{Form, form::Field};

use crate::table::Row;
use crate::target::{Summary, Target, Way};
use crate::work::is_away;
use crate::{NS, NS_PUBSUB, NS_SUMMARY, Push};

impl Push {
    /// Sends what is to be told, until nothing more has come.
    pub(crate) async fn notify(&self, account: &AccountRef, target: &Arc<Target>, way: Way) {
        if guard(self.notify_all(account, target, way)).await.is_err() {
            // A panic was printed; the target is not to be stuck because of it.
            self.done(account, target, way);
        }
    }

    async fn notify_all(&self, account: &AccountRef, target: &Arc<Target>, way: Way) {
        let mut unanswered = Vec::new();
        loop {
            if way == Way::InTurn {
                self.wait_for_turn(account, target).await;
            }
            if let Some(summary) = self.goes(account, target, way) {
                let request = publish(account.jid(), target, &summary);
                let mut answer = Box::pin(self.host.request(request, self.config.answer_time_max.0));
                match timeout(self.config.interval.0, &mut answer).await {
                    Ok(answer) => self.settle(account, target, answer.map(drop)),
                    // A service that is slow to answer is told the next all the same, but not without end.
                    Err(_) if self.leaves_unanswered(account, target) => unanswered.push(answer),
                    Err(_) => {
                        let answer = answer.await;
                        self.settle(account, target, answer.map(drop));
                    }
                }
            }
            if !self.done(account, target, way) {
                break;
            }
        }
        for answer in unanswered {
            let answer = answer.await;
            if let Some(targets) = self.targets.peek(account)
                && let Some(entry) = targets.lock().current(target)
            {
                entry.unanswered = entry.unanswered.saturating_sub(1);
            }
            self.settle(account, target, answer.map(drop));
        }
    }

    /// Whether one more notification may be left unanswered for now.
    fn leaves_unanswered(&self, account: &Account, target: &Arc<Target>) -> bool {
        let Some(targets) = self.targets.peek(account) else { return false };
        let mut targets = targets.lock();
        let Some(entry) = targets.current(target).filter(|entry| entry.unanswered < UNANSWERED_MAX) else {
            return false;
        };
        entry.unanswered += 1;
        true
    }

    async fn wait_for_turn(&self, account: &Account, target: &Arc<Target>) {
        let Some(targets) = self.targets.peek(account) else { return };
        let not_before = targets.lock().current(target).and_then(|entry| entry.not_before());
        if let Some(not_before) = not_before {
            sleep_until(not_before).await;
        }
    }

    /// None: there is nothing to tell any more; the client is there, or the target disabled.
    fn goes(&self, account: &Account, target: &Arc<Target>, way: Way) -> Option<Summary> {
        let mut targets = self.targets.peek(account)?.lock();
        let entry = targets.current(target)?;
        if entry.count == 0 || !is_away(account, &target.row.client) {
            return None;
        }
        Some(entry.goes(way, Instant::now() + self.config.interval.0))
    }

    /// Whether another notification has to follow.
    fn done(&self, account: &Account, target: &Arc<Target>, way: Way) -> bool {
        let targets = self.targets.peek(account);
        targets.is_some_and(|targets| targets.lock().current(target).is_some_and(|entry| entry.done(way)))
    }

    fn settle(&self, account: &AccountRef, target: &Arc<Target>, answer: Result<(), RequestError>) {
        match answer {
            Ok(()) => {
                self.metrics.sent.inc();
                self.note_failures(account, target, |_| 0);
            }
            Err(RequestError::TooMany) => {
                // The push service is not to blame.
                self.metrics.dropped.inc();
                warn!(jid = %account.jid(), "A notification was not sent: limits.requests_max is reached.");
            }
            Err(RequestError::Refused(error)) if !may_pass(&error) => {
                self.metrics.failed.inc();
                if self.give_up(account, target) {
                    info!(
                        jid = %account.jid(), service = %target.jid, error = %error,
                        "A push service refused a notification; it was disabled."
                    );
                }
            }
            Err(error) => self.failed(account, target, &error),
        }
    }

    /// It may work the next time; some day it will not.
    fn failed(&self, account: &AccountRef, target: &Arc<Target>, error: &RequestError) {
        self.metrics.failed.inc();
        let Some((failures, since)) = self.note_failures(account, target, |failures| failures + 1) else {
            return;
        };
        let failing = self.host.clock().now().0.saturating_sub(since);
        let failing_max = i64::try_from(self.config.failing_time_max.0.as_micros()).unwrap_or(i64::MAX);
        debug!(jid = %account.jid(), service = %target.jid, failures, error = %error, "A notification failed.");
        if failures >= self.config.failures_max && failing >= failing_max && self.give_up(account, target) {
            warn!(
                jid = %account.jid(), service = %target.jid, failures, error = %error,
                "A push service failed too often; it was disabled."
            );
        }
    }

    /// Changes the number of failures in a row, and writes it if it has changed. The answer: the number, and the time
    /// of the first one; none if the target is gone.
    fn note_failures(
        &self,
        account: &AccountRef,
        target: &Arc<Target>,
        change: impl FnOnce(u32) -> u32,
    ) -> Option<(u32, i64)> {
        let mut targets = self.targets.peek(account)?.lock();
        let entry = targets.current(target)?;
        let before = entry.failures;
        entry.failures = change(before);
        if before == 0 {
            entry.failing_since = self.host.clock().now().0;
        }
        if before != entry.failures && self.is_current(account) {
            let (failures, failing_since) = (entry.failures, entry.failing_since);
            let row = Row { failures, failing_since, ..target.row.clone() };
            if let Err(cause) = self.rows.put(account.number(), &target.key(), &row) {
                warn!(error = %cause, jid = %account.jid(), "The failures of a push service were not written.");
            }
        }
        Some((entry.failures, entry.failing_since))
    }

    /// Disables a target. False: it was, or has been enabled anew.
    fn give_up(&self, account: &AccountRef, target: &Arc<Target>) -> bool {
        let Some(targets) = self.targets.peek(account) else { return false };
        let mut targets = targets.lock();
        if !targets.remove(target) {
            return false;
        }
        self.metrics.disabled.inc();
        // Under the lock, so that it does not delete what is enabled anew. A failure is in the log.
        self.delete(account, &[Arc::clone(target)]).ok();
        true
    }

    /// Whether the account has not been removed meanwhile.
    fn is_current(&self, account: &AccountRef) -> bool {
        let known = self.host.known(account.jid().local().unwrap_or_default());
        known.is_some_and(|known| Arc::ptr_eq(&known, account))
    }
}

/// Whether an error says nothing about the target itself (§7.1: "recoverable or transient").
fn may_pass(error: &StanzaError) -> bool {
    let elsewhere = matches!(
        error.condition,
        Condition::RemoteServerNotFound | Condition::RemoteServerTimeout | Condition::InternalServerError
    );
    error.kind == ErrorType::Wait || elsewhere
}

/// §7, example 13.
pub(crate) fn publish(account: &BareJid, target: &Target, summary: &Summary) -> Stanza {
    // XEP-0004 §3.1 demands a type, which the examples lack.
    let mut form = Form::new("submit", NS_SUMMARY);
    let field = |var: &str, value: &str| Field { var: var.to_owned(), ..Field::default() }.value(value);
    form = form.with(field("message-count", &summary.count.to_string()));
    if let Some(last) = &summary.last {
        form = form.with(field("last-message-sender", last.sender.as_str()));
        if let Some(body) = &last.body {
            form = form.with(field("last-message-body", body));
        }
    }
    let notification = Tree::new(NS, "notification").with_child(form.to_tree());
    let mut publish = Tree::new(NS_PUBSUB, "publish");
    if !target.node.is_empty() {
        publish.set_attr("node", target.node.as_str());
    }
    let publish = publish.with_child(Tree::new(NS_PUBSUB, "item").with_child(notification));
    let mut pubsub = Tree::new(NS_PUBSUB, "pubsub").with_child(publish);
    if let Some(options) = target.row.options.as_deref().and_then(Tree::parse) {
        pubsub = pubsub.with_child(Tree::new(NS_PUBSUB, "publish-options").with_child(options));
    }
    Stanza::iq(IqType::Set, Text::new()).from(account.clone()).to(target.jid.clone()).with(&pubsub)
}

/// So many notifications of a target may wait for their answer at the same time.
const UNANSWERED_MAX: u8 = 3;
