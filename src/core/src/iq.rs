//! The IQ table: exactly one owner per namespace and element.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use waxwing_store::{StoreError, Ticket};
use waxwing_xml::{Child, Children, Tree};
use waxwing_xmpp::{Condition, IqType, Jid, Stanza, StanzaError};

use crate::{AccountRef, Custody, HostRef, Origin, SessionRef, StartError};

/// Whom an IQ request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IqTo {
    /// The host's own address (`example.org`).
    Host,
    /// The sender's own account: no `to`, or its bare JID (RFC 6120 §10.3.3).
    Own,
    /// Another local account's bare JID.
    Account,
    /// A bare JID of this host that is no account. Only for answers by which nobody can tell it from an account
    /// that refuses (RFC 6120 §13.11); without a handler it is `service-unavailable` (RFC 6121 §8.5.1).
    Missing,
}

/// A key of the IQ table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Iq {
    to: IqTo,
    set: bool,
    namespace: &'static str,
    name: &'static str,
}

impl Iq {
    /// Requests of type get.
    pub const fn get(to: IqTo, namespace: &'static str, name: &'static str) -> Self {
        Self { to, set: false, namespace, name }
    }

    /// Requests of type set.
    pub const fn set(to: IqTo, namespace: &'static str, name: &'static str) -> Self {
        Self { to, set: true, namespace, name }
    }
}

/// A request as its handler sees it.
#[derive(Debug, Clone)]
pub struct IqRequest {
    /// The whole stanza; `from` is set.
    pub stanza: Stanza,
    /// Its payload.
    pub payload: Child,
    /// Whom it is for.
    pub to: IqTo,
    /// The host that handles it.
    pub host: HostRef,
    /// Where it came from.
    pub origin: Origin,
    /// The account it is about: the sender's own, or the one addressed. None for `IqTo::Host` and
    /// `IqTo::Missing`.
    pub account: Option<AccountRef>,
}

impl IqRequest {
    /// The sender's address.
    ///
    /// # Errors
    /// `bad-request` if there is none (cannot happen for what the router passes on).
    pub fn from(&self) -> Result<&Jid, StanzaError> {
        self.stanza.from.as_ref().ok_or_else(|| Condition::BadRequest.into())
    }

    /// The local session that sent it.
    ///
    /// # Errors
    /// `forbidden` if it came from elsewhere.
    pub fn session(&self) -> Result<&SessionRef, StanzaError> {
        self.origin.session().ok_or_else(|| Condition::Forbidden.into())
    }

    /// The account it is about.
    ///
    /// # Errors
    /// `item-not-found` if it is about none.
    pub fn account(&self) -> Result<&AccountRef, StanzaError> {
        self.account.as_ref().ok_or_else(|| Condition::ItemNotFound.into())
    }

    /// The payload as a tree.
    pub fn tree(&self) -> Tree {
        self.payload.tree()
    }

    /// Whether the type is `set`.
    pub fn is_set(&self) -> bool {
        matches!(self.stanza.kind, waxwing_xmpp::Kind::Iq(IqType::Set))
    }
}

/// A result, sent when everything it promises is on disk.
#[derive(Debug, Default)]
#[must_use]
pub struct Reply {
    pub(crate) children: Children,
    pub(crate) custody: Custody,
    pub(crate) then: Then,
}

/// What is to be done when a result has gone out.
#[derive(Default)]
pub(crate) struct Then(pub(crate) Option<Box<dyn FnOnce() + Send + Sync>>);

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Then(…)" } else { "Then" })
    }
}

impl Reply {
    /// An empty result.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A result with one element.
    pub fn tree(tree: &Tree) -> Self {
        Self::child(tree.to_child())
    }

    /// A result with one verified element.
    pub fn child(child: Child) -> Self {
        Self { children: std::iter::once(child).collect(), custody: Custody::memory(), then: Then::default() }
    }

    /// Does something when the result is in the sender's mailbox: closing the session, say (XEP-0077 §3.2). Not done
    /// if a write failed and an error goes out instead.
    pub fn then(mut self, action: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.then = Then(Some(Box::new(action)));
        self
    }

    /// Holds the result back until this write is on disk; if it fails the sender gets `internal-server-error`.
    pub fn after(mut self, ticket: Ticket) -> Self {
        self.custody.attach(ticket);
        self
    }

    /// The payload of the result.
    pub fn children(&self) -> &Children {
        &self.children
    }

    /// What is to be done once the result has gone out; for whoever sends it in the router's place.
    pub fn take_then(&mut self) -> Option<Box<dyn FnOnce() + Send + Sync>> {
        self.then.0.take()
    }

    /// Waits until all that the result promises is on disk.
    ///
    /// # Errors
    /// The first write that failed.
    pub async fn durable(&self) -> Result<(), StoreError> {
        self.custody.durable().await
    }
}

/// `internal-server-error` for a failed store: the cause goes to the log, never to the peer.
pub fn store_failed(cause: StoreError) -> StanzaError {
    tracing::error!(error = %cause, "The store failed; the request was refused.");
    Condition::InternalServerError.into()
}

/// What a handler returns; the core builds the reply.
pub type IqResult = Result<Reply, StanzaError>;

pub(crate) type IqCall =
    Arc<dyn Fn(IqRequest) -> Pin<Box<dyn Future<Output = IqResult> + Send + 'static>> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct IqEntry {
    pub(crate) module: &'static str,
    pub(crate) call: IqCall,
}

/// All IQ handlers of one host.
#[derive(Default)]
pub(crate) struct IqTable {
    /// By element name: few handlers share one.
    by_name: HashMap<&'static str, Vec<(Iq, IqEntry)>>,
}

impl fmt::Debug for IqTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IqTable({})", self.by_name.len())
    }
}

impl IqTable {
    /// # Errors
    /// Two modules claim the same key.
    pub(crate) fn add(&mut self, key: Iq, entry: IqEntry) -> Result<(), StartError> {
        let entries = self.by_name.entry(key.name).or_default();
        if let Some((_, other)) = entries.iter().find(|(taken, _)| *taken == key) {
            let (namespace, name) = (key.namespace, key.name);
            let (first, second) = (other.module, entry.module);
            return Err(StartError::new(format!(
                "{first} and {second} both answer <{name} xmlns='{namespace}'/>"
            )));
        }
        entries.push((key, entry));
        Ok(())
    }

    pub(crate) fn find(&self, to: IqTo, set: bool, payload: &Child) -> Option<&IqEntry> {
        let entries = self.by_name.get(payload.name())?;
        let found = entries
            .iter()
            .find(|(key, _)| key.to == to && key.set == set && key.namespace == payload.namespace());
        found.map(|(_, entry)| entry)
    }

    pub(crate) fn describe(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .by_name
            .values()
            .flatten()
            .map(|(key, entry)| {
                let kind = if key.set { "set" } else { "get" };
                format!("IQ {:?} {kind} <{} xmlns='{}'/>: {}", key.to, key.name, key.namespace, entry.module)
            })
            .collect();
        lines.sort();
        lines
    }
}
