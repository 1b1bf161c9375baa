//! What clients ask for (§5, §6), and what push services announce (§8).

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{info, warn};
use waxwing_core::prelude::*;
use waxwing_xmpp::Form;

use crate::table::Row;
use crate::target::{Target, Targets};
use crate::{NS_PUBLISH_OPTIONS, NS_PUBSUB, Push};

impl Push {
    /// §5: a push service is enabled, or gets new options.
    pub(crate) async fn enable(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let client = iq.session()?.jid().resource().unwrap_or_default().to_owned();
        let target = self.read_target(&iq.tree(), client)?;
        let account = iq.account()?;
        let targets = self.load(account).await.map_err(store_failed)?;
        let (added, replaced, ticket) = {
            let mut targets = targets.lock();
            if targets.find(&target.jid, &target.node).is_none() && targets.len() >= self.config.targets_max {
                self.metrics.full.inc();
                let text = format!("An account has {} push services at most.", self.config.targets_max);
                return Err(StanzaError::from(Condition::PolicyViolation).text(text));
            }
            let ticket = self.rows.put(account.number(), &target.key(), &target.row).map_err(store_failed)?;
            let replaced = targets.take(&target.jid, Some(&target.node));
            (targets.enable(target), replaced, ticket)
        };
        if let Err(cause) = ticket.durable().await {
            // What is not on disk does not hold.
            let mut targets = targets.lock();
            if targets.remove(&added) {
                targets.restore(replaced);
            }
            return Err(store_failed(cause));
        }
        Ok(Reply::empty())
    }

    fn read_target(&self, request: &Tree, client: String) -> Result<Target, StanzaError> {
        let jid = service(request)?;
        let node = request.attr("node").unwrap_or_default().to_owned();
        let options = options(request)?;
        let bytes = jid.as_str().len() + node.len() + options.as_ref().map_or(0, String::len);
        if bytes > self.config.target_bytes_max.0 {
            self.metrics.full.inc();
            let text = format!("A push service has {} at most.", self.config.target_bytes_max);
            return Err(StanzaError::from(Condition::PolicyViolation).text(text));
        }
        Ok(Target { jid, node, row: Row { client, options, ..Row::default() } })
    }

    /// §6: one node of a push service, or all of them. What is not enabled is disabled already.
    pub(crate) async fn disable(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let request = iq.tree();
        let jid = service(&request)?;
        let account = iq.account()?;
        let targets = self.load(account).await.map_err(store_failed)?;
        let gone = targets.lock().take(&jid, request.attr("node"));
        let deleted = match self.delete(account, &gone) {
            Ok(Some(ticket)) => ticket.durable().await,
            Ok(None) => Ok(()),
            Err(cause) => Err(cause),
        };
        if let Err(cause) = deleted {
            // So that a second try finds what to delete.
            targets.lock().restore(gone);
            return Err(store_failed(cause));
        }
        Ok(Reply::empty())
    }

    /// §8: a service lets the account publish no more.
    pub(crate) fn affiliation<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let Some(account) = event.account.clone() else { return Hooked::pass() };
        let bare = event.stanza.to.as_ref().is_some_and(Jid::is_bare);
        let (Some(from), Some(pubsub), true) =
            (event.stanza.from.clone(), event.stanza.children.find(NS_PUBSUB, "pubsub"), bare)
        else {
            return Hooked::pass();
        };
        let Some(node) = lost_node(&pubsub.tree(), account.jid()) else { return Hooked::pass() };
        Hooked::wait(async move {
            let targets: &Mutex<Targets> = self.load(&account).await.map_err(store_failed)?;
            let gone = targets.lock().take(&from, Some(&node));
            if gone.is_empty() {
                return Ok(Flow::Continue);
            }
            info!(jid = %account.jid(), service = %from, "A push service wants no more notifications.");
            self.delete(&account, &gone).map_err(store_failed)?;
            Ok(Flow::Handled)
        })
    }

    /// Deletes rows; None if there is none to delete.
    pub(crate) fn delete(
        &self,
        account: &Account,
        gone: &[Arc<Target>],
    ) -> Result<Option<Ticket>, StoreError> {
        if gone.is_empty() {
            return Ok(None);
        }
        let mut batch = Batch::new(Partition::Main);
        for target in gone {
            self.rows.delete_from(&mut batch, account.number(), &target.key())?;
        }
        let ticket = self.rows.store().apply(batch);
        if let Err(cause) = &ticket {
            warn!(error = %cause, jid = %account.jid(), "A disabled push service was not deleted from the store.");
        }
        ticket.map(Some)
    }
}

/// The address of the push service.
fn service(request: &Tree) -> Result<Jid, StanzaError> {
    let jid = request.attr("jid").filter(|jid| !jid.is_empty());
    let jid = jid.ok_or_else(|| StanzaError::bad_request("Name the push service in 'jid'."))?;
    Jid::parse(jid).map_err(|error| StanzaError::from(Condition::JidMalformed).text(error.to_string()))
}

/// The form of publish options as it is sent on, if there is one.
fn options(request: &Tree) -> Result<Option<String>, StanzaError> {
    let mut forms = request.children_named(ns::DATA_FORMS, "x");
    let Some(form) = forms.next() else { return Ok(None) };
    let form = Form::from_tree(form).filter(|form| form.kind == "submit");
    let form = form.filter(|form| form.form_type() == Some(NS_PUBLISH_OPTIONS) && forms.next().is_none());
    let form = form.ok_or_else(|| {
        StanzaError::bad_request(format!("One form of type 'submit' with FORM_TYPE {NS_PUBLISH_OPTIONS}."))
    })?;
    Ok(Some(form.to_tree().to_xml()))
}

/// The node to which the account may publish no more: as XEP-0357 §8 shows it, and as XEP-0060 §8.9.4 does.
fn lost_node(pubsub: &Tree, account: &BareJid) -> Option<String> {
    let around = pubsub.child(NS_PUBSUB, "affiliations").unwrap_or(pubsub);
    let lost = around.children_named(NS_PUBSUB, "affiliation").any(|affiliation| {
        let own = affiliation.attr("jid").and_then(|jid| Jid::parse(jid).ok());
        own.is_some_and(|own| own == *account.as_jid())
            && matches!(affiliation.attr("affiliation"), Some("none" | "outcast"))
    });
    lost.then(|| around.attr("node").unwrap_or_default().to_owned())
}
