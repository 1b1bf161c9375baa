//! Blocking Command: an account names addresses that it wants nothing to do with.
//!
//! Spec: [XEP-0191](https://xmpp.org/extensions/xep-0191.html). Blocking is polite (§4): subscriptions stay, and the
//! blocked contact sees the account go offline. The list is in memory while the account is in use; a stanza waits for
//! the store only for the first one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_core::{Blocks, BoxFuture, Contacts};
use waxwing_store::{Order, Span};

mod list;
mod presence;

use list::BlockList;

/// `[host.<name>.modules.blocking]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses on one list; a request for more is refused with `policy-violation`.
    pub items_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { items_max: 1000 }
    }
}

/// Keeps the block lists of a host and enforces them.
#[derive(Debug)]
pub struct Blocking {
    config: Config,
    rows: TableRef<Items>,
    lists: AccountSlot<List>,
    interested: SessionSlot<Interested>,
    contacts: ServiceHandle<dyn Contacts>,
    /// Stanzas stopped.
    stopped: Counter,
    /// Changes refused because the list was full.
    full: Counter,
}

/// One row for each address on an account's list.
#[derive(Debug)]
struct Items;

impl Table for Items {
    const NAME: &'static str = "blocking.items";
    const VERSION: u16 = 1;
    const SCOPE: waxwing_store::Scope = waxwing_store::Scope::Account;
    type Key = String;
    type Value = ();
}

/// An account's list. Changed under its lock together with the store.
#[derive(Debug, Default)]
struct List(Mutex<Arc<BlockList>>);

impl List {
    fn now(&self) -> Arc<BlockList> {
        Arc::clone(&self.0.lock())
    }
}

/// Whether the resource has asked for the list (§3.3): it gets the pushes.
#[derive(Debug, Default)]
struct Interested(AtomicBool);

impl Module for Blocking {
    type Config = Config;

    const INFO: ModuleInfo =
        ModuleInfo::new("blocking", "Stops stanzas from and to addresses that an account has blocked")
            .specs(&[Spec::xep(191, "1.3")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            rows: reg.table()?,
            lists: reg.account_slot(),
            interested: reg.saved_session_slot::<Interested>(
                "blocking.interested",
                |interested| interested.0.load(Ordering::Acquire).then(Vec::new),
                |interested, _| interested.0.store(true, Ordering::Release),
            ),
            contacts: reg.optional_service(),
            stopped: reg.counter("stopped", "Stanzas from or to blocked addresses that were stopped."),
            full: reg.counter("full", "Changes refused because the block list was full."),
        });
        // §3.1.
        reg.feature(DiscoOn::Host, NS);
        // Only for the account itself: others get what unknown accounts answer.
        reg.iq(Iq::get(IqTo::Own, NS, "blocklist"), &this, Self::blocklist)?;
        reg.iq(Iq::set(IqTo::Own, NS, "block"), &this, Self::block)?;
        reg.iq(Iq::set(IqTo::Own, NS, "unblock"), &this, Self::unblock)?;
        reg.gate(Side::Sent, Gate::Check, Kinds::ALL, &this, Self::check_sent);
        reg.gate(Side::Received, Gate::Check, Kinds::ALL, &this, Self::check_received);
        reg.provide::<dyn Blocks>(this.clone())?;
        Ok(this)
    }
}

impl Blocking {
    /// §3.2: the list. From now on the resource gets pushes.
    async fn blocklist(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let list = self.list(iq.account()?).await.map_err(store_failed)?;
        // First of all, so that no change is missed.
        self.interested.get(iq.session()?).0.store(true, Ordering::Release);
        iq.session()?.touch();
        Ok(Reply::tree(&with_items("blocklist", list.now().iter())))
    }

    /// §3.3: adds addresses.
    async fn block(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let items = items(&iq.tree())?;
        if items.is_empty() {
            return Err(StanzaError::bad_request("Name at least one address to block."));
        }
        let max = self.config.items_max;
        let change = |list: &BlockList| {
            let after = list.with(&items);
            if after.len() > max.max(list.len()) {
                self.full.inc();
                let text = format!("A block list has {max} items at most.");
                return Err(StanzaError::from(Condition::PolicyViolation).text(text));
            }
            Ok(after)
        };
        self.change(&iq, change, &with_items("block", items.iter().map(Jid::as_str))).await
    }

    /// §3.4: takes addresses off; §3.5: without any, all of them.
    async fn unblock(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let items = items(&iq.tree())?;
        let change =
            |list: &BlockList| Ok(if items.is_empty() { BlockList::default() } else { list.without(&items) });
        self.change(&iq, change, &with_items("unblock", items.iter().map(Jid::as_str))).await
    }

    /// Changes the list: it holds at once; pushes, presence and result follow when it is on disk.
    async fn change(
        &self,
        iq: &IqRequest,
        change: impl FnOnce(&BlockList) -> Result<BlockList, StanzaError>,
        push: &Tree,
    ) -> IqResult {
        let account = iq.account()?;
        let list = self.list(account).await.map_err(store_failed)?;
        let (before, after, ticket) = {
            let mut list = list.0.lock();
            let before = Arc::clone(&list);
            let after = Arc::new(change(&before)?);
            let ticket = self.store(account.number(), &before, &after).map_err(store_failed)?;
            *list = Arc::clone(&after);
            (before, after, ticket)
        };
        if let Some(ticket) = ticket
            && let Err(error) = ticket.durable().await
        {
            // What is not on disk does not hold, or a second try would find nothing to write.
            let mut list = list.0.lock();
            *list = Arc::new(list.undo(&before, &after));
            return Err(store_failed(error));
        }
        self.push(account, push);
        self.tell_contacts(account, &before, &after).await?;
        Ok(Reply::empty())
    }

    /// One batch; None if nothing changed.
    fn store(
        &self,
        account: AccountNumber,
        before: &BlockList,
        after: &BlockList,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut batch = Batch::new(Partition::Main);
        for jid in after.iter().filter(|jid| !before.has(jid)) {
            self.rows.put_into(&mut batch, account, &jid.to_owned(), &())?;
        }
        for jid in before.iter().filter(|jid| !after.has(jid)) {
            self.rows.delete_from(&mut batch, account, &jid.to_owned())?;
        }
        if batch.is_empty() {
            return Ok(None);
        }
        self.rows.store().apply(batch).map(Some)
    }

    /// §3.3, §3.4, §3.5: to all resources that have asked for the list.
    fn push(&self, account: &AccountRef, push: &Tree) {
        let asked = |session: &SessionRef| {
            self.interested.peek(session).is_some_and(|interested| interested.0.load(Ordering::Acquire))
        };
        for session in account.sessions().into_iter().filter(asked) {
            let id = account.host().random().id();
            session.send(Stanza::iq(IqType::Set, id).to(session.jid().clone()).with(push));
        }
    }

    /// The account's list, read from the store at the first use.
    async fn list<'a>(&self, account: &'a Account) -> Result<&'a List, StoreError> {
        let load = async {
            let rows = self.rows.range(account.number(), Span::all(), Order::Forward, usize::MAX).await?;
            let list = rows.into_iter().map(|(jid, ())| jid).collect();
            Ok(List(Mutex::new(Arc::new(list))))
        };
        self.lists.load(account, load).await
    }

    /// §3.3: what the user sends to a blocked address comes back.
    fn check_sent<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        match (&event.account, &event.stanza.to) {
            (Some(account), Some(to)) => self.check(account, to, refuse_sent),
            _ => Hooked::pass(),
        }
    }

    /// §3.3: what a blocked address sends to the user does not arrive.
    fn check_received<'e>(&'e self, event: &'e mut Event) -> Hooked<'e> {
        let kind = event.stanza.kind;
        match (&event.account, &event.stanza.from) {
            (Some(account), Some(from)) => self.check(account, from, move || refuse_received(kind)),
            _ => Hooked::pass(),
        }
    }

    /// Decides at once when the list is in memory; else it waits for the store, and fails closed with it.
    fn check<'e>(
        &'e self,
        account: &AccountRef,
        other: &Jid,
        refuse: impl FnOnce() -> HookResult + Send + 'e,
    ) -> Hooked<'e> {
        if let Some(list) = self.lists.peek(account) {
            return Hooked::Now(self.decide(&list.0.lock(), account, other, refuse));
        }
        let (account, other) = (Arc::clone(account), other.clone());
        Hooked::wait(async move {
            let list = self.list(&account).await.map_err(store_failed)?.now();
            self.decide(&list, &account, &other, refuse)
        })
    }

    fn decide(
        &self,
        list: &BlockList,
        account: &AccountRef,
        other: &Jid,
        refuse: impl FnOnce() -> HookResult,
    ) -> HookResult {
        if !list.blocks(account.jid(), other) {
            return Ok(Flow::Continue);
        }
        self.stopped.inc();
        refuse()
    }
}

/// §3.3: not-acceptable, with a condition that says why.
fn refuse_sent() -> HookResult {
    let blocked = Tree::new(NS_ERRORS, "blocked");
    Err(StanzaError::from(Condition::NotAcceptable).of_type(ErrorType::Cancel).with(blocked))
}

/// §3.3: messages and requests come back as from an account that is not there (RFC 6121 §8.5.1); presence of every
/// type and answers get no reply.
fn refuse_received(kind: Kind) -> HookResult {
    match kind {
        Kind::Message(MessageType::Error) => Ok(Flow::Drop(DropReason("blocked"))),
        Kind::Message(_) | Kind::Iq(IqType::Get | IqType::Set) => Err(Condition::ServiceUnavailable.into()),
        Kind::Iq(_) | Kind::Presence(_) => Ok(Flow::Drop(DropReason("blocked"))),
    }
}

impl Blocks for Blocking {
    fn blocks<'a>(
        &'a self,
        account: &'a AccountRef,
        who: &'a Jid,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.list(account).await?.now().blocks(account.jid(), who)) })
    }
}

/// The addresses of a request.
///
/// # Errors
/// `jid-malformed` if one is none.
fn items(request: &Tree) -> Result<Vec<Jid>, StanzaError> {
    let item = |item: &Tree| {
        let jid = item.attr("jid").ok_or_else(|| StanzaError::bad_request("An item needs a 'jid'."))?;
        Jid::parse(jid).map_err(|error| StanzaError::from(Condition::JidMalformed).text(error.to_string()))
    };
    request.children_named(NS, "item").map(item).collect()
}

fn with_items<'a>(name: &str, jids: impl Iterator<Item = &'a str>) -> Tree {
    jids.fold(Tree::new(NS, name), |tree, jid| tree.with_child(Tree::new(NS, "item").with_attr("jid", jid)))
}

const NS: &str = "urn:xmpp:blocking";
const NS_ERRORS: &str = "urn:xmpp:blocking:errors";

#[cfg(test)]
mod tests;
