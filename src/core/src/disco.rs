//! What entities say of themselves (XEP-0030): declared facts, and answers that depend on who asks.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use waxwing_xmpp::{Form, Jid, SetRequest, SetResult, StanzaError};

use crate::service::BoxFuture;
use crate::{AccountRef, HostRef, Origin};

/// Which entity a feature or identity belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiscoOn {
    /// The host (`example.org`).
    Host,
    /// Each account's bare JID.
    Account,
}

/// Who an entity is (XEP-0030 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Category, e.g. `server`.
    pub category: Cow<'static, str>,
    /// Type, e.g. `im`.
    pub kind: Cow<'static, str>,
    /// Name for people.
    pub name: String,
}

/// An item of an entity (XEP-0030 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoItem {
    /// Its address.
    pub jid: Jid,
    /// Its node.
    pub node: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
}

/// What a node answers.
#[derive(Debug, Clone, Default)]
pub struct DiscoNode {
    /// Identities.
    pub identities: Vec<Identity>,
    /// Feature strings.
    pub features: Vec<String>,
    /// Extension forms (XEP-0128).
    pub forms: Vec<Form>,
    /// Items.
    pub items: Vec<DiscoItem>,
    /// What the items are of all that there are, if they are a page (XEP-0059).
    pub set: Option<SetResult>,
}

/// A question, with the asker known.
#[derive(Debug, Clone)]
pub struct DiscoQuery {
    /// The host asked, or whose account is asked.
    pub host: HostRef,
    /// The account asked.
    pub account: Option<AccountRef>,
    /// Who asks.
    pub from: Jid,
    /// Where the question came from.
    pub origin: Origin,
    /// The node asked about; None for the entity itself.
    pub node: Option<String>,
    /// Which page of the items is asked for.
    pub set: Option<SetRequest>,
}

/// `Ok(None)`: this provider has nothing to say about that node.
pub type DiscoAnswer = Result<Option<DiscoNode>, StanzaError>;

pub(crate) type DiscoCall = Arc<dyn Fn(DiscoQuery) -> BoxFuture<'static, DiscoAnswer> + Send + Sync>;

/// Everything declared on one host.
#[derive(Default, Clone)]
pub(crate) struct Disco {
    pub(crate) identities: Vec<(DiscoOn, Identity)>,
    pub(crate) features: Vec<(DiscoOn, &'static str)>,
    pub(crate) forms: Vec<(DiscoOn, Form)>,
    pub(crate) dynamic: Vec<(DiscoOn, DiscoCall)>,
    pub(crate) revisions: Vec<Revision>,
}

/// Has the last word on what an entity says of itself.
pub(crate) type Revision = Arc<dyn Fn(DiscoOn, &mut DiscoNode) + Send + Sync>;

impl fmt::Debug for Disco {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disco({} features, {} dynamic)", self.features.len(), self.dynamic.len())
    }
}

impl Disco {
    /// What is declared about the entity itself, as it is now.
    pub(crate) fn revised(&self, on: DiscoOn) -> DiscoNode {
        let mut node = self.declared(on);
        self.revise(on, &mut node);
        node
    }

    pub(crate) fn revise(&self, on: DiscoOn, node: &mut DiscoNode) {
        self.revisions.iter().for_each(|revise| revise(on, node));
    }

    /// What is declared about the entity itself, each feature once, in order of the strings.
    pub(crate) fn declared(&self, on: DiscoOn) -> DiscoNode {
        let of = |at: &DiscoOn| *at == on;
        let mut features: Vec<String> =
            self.features.iter().filter(|(at, _)| of(at)).map(|(_, var)| (*var).to_owned()).collect();
        features.sort();
        features.dedup();
        DiscoNode {
            identities: self.identities.iter().filter(|(at, _)| of(at)).map(|(_, it)| it.clone()).collect(),
            features,
            forms: self.forms.iter().filter(|(at, _)| of(at)).map(|(_, form)| form.clone()).collect(),
            items: Vec::new(),
            set: None,
        }
    }
}

impl DiscoNode {
    /// Adds another provider's answer.
    pub(crate) fn join(&mut self, more: Self) {
        self.identities.extend(more.identities);
        self.features.extend(more.features);
        self.forms.extend(more.forms);
        self.items.extend(more.items);
        self.set = self.set.take().or(more.set);
    }
}
