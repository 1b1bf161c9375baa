//! Private XML Storage: clients keep XML of their own on the server, by namespace.
//!
//! Spec: [XEP-0049](https://xmpp.org/extensions/xep-0049.html). Only the account itself reads and writes it (§4):
//! nothing is registered for others, so they get the same `service-unavailable` (§2.3 allows it) as for an account
//! that does not exist.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::config::Bytes;
use waxwing_core::metrics::Counter;
use waxwing_core::prelude::*;
use waxwing_store::ApplyError;

mod table;

use table::{Elements, Index};

/// `[host.<name>.modules.private]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes that one namespace may take; more is refused with `policy-violation`.
    pub element_bytes_max: Bytes,
    /// Namespaces that one account may use; one more is refused with `policy-violation`.
    pub namespaces_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { element_bytes_max: Bytes(64 << 10), namespaces_max: 100 }
    }
}

/// Keeps XML for the account it belongs to.
#[derive(Debug)]
pub struct Private {
    config: Config,
    elements: TableRef<Elements>,
    index: TableRef<Index>,
    /// Changes refused because of a limit.
    full: Counter,
}

impl Module for Private {
    type Config = Config;

    const INFO: ModuleInfo =
        ModuleInfo::new("private", "Keeps XML for its clients").specs(&[Spec::xep(49, "1.2")]);

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self {
            config,
            elements: reg.table()?,
            index: reg.table()?,
            full: reg.counter("full", "Changes refused because of a limit."),
        });
        reg.feature(DiscoOn::Host, NS);
        reg.iq(Iq::get(IqTo::Own, NS, "query"), &this, Self::get)?;
        reg.iq(Iq::set(IqTo::Own, NS, "query"), &this, Self::set)?;
        Ok(this)
    }
}

/// The elements of one namespace.
struct Fragment {
    namespace: String,
    /// Each self-contained.
    elements: Vec<Child>,
}

impl Fragment {
    fn bytes(&self) -> usize {
        self.elements.iter().map(|element| element.bytes().len()).sum()
    }

    /// Without attributes, text and children: what a client sends to ask for a namespace, and what it gets when
    /// there is nothing.
    fn is_blank(&self) -> bool {
        self.elements.iter().all(|element| {
            let tree = element.tree();
            tree.attrs().next().is_none() && tree.nodes().is_empty()
        })
    }
}

impl Private {
    /// §2.3, example 2: what is stored in the namespace of the child; the child itself if nothing is.
    async fn get(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let account = iq.account()?;
        let wanted = match fragments(&iq.payload)?.as_slice() {
            [one] => one.namespace.clone(),
            // §2.3: a client MUST NOT ask for more than one namespace.
            _ => return Err(StanzaError::bad_request("Ask for one namespace at a time.")),
        };
        let stored = self.elements.get(account.number(), &wanted).await.map_err(store_failed)?;
        let found = match stored {
            Some(xml) => xml.iter().filter_map(|xml| Tree::parse(xml)).collect(),
            None => iq.payload.lift().iter().map(Child::tree).collect::<Vec<Tree>>(),
        };
        let query = found.into_iter().fold(Tree::new(NS, "query"), Tree::with_child);
        Ok(Reply::tree(&query))
    }

    /// §2.3, example 1: replaces what is stored in each namespace of the request, all of them or none.
    async fn set(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let account = iq.account()?;
        let fragments = fragments(&iq.payload)?;
        if fragments.iter().any(|fragment| fragment.bytes() > self.config.element_bytes_max.0) {
            let max = self.config.element_bytes_max.0;
            return Err(self.refuse(format!("One namespace may take {max} bytes.")));
        }
        Ok(Reply::empty().after(self.store(account.number(), &fragments).await?))
    }

    fn refuse(&self, text: String) -> StanzaError {
        self.full.inc();
        StanzaError::from(Condition::PolicyViolation).text(text)
    }

    /// One batch with the index, so that neither the limit nor the rows can drift when two clients write at once.
    async fn store(&self, account: AccountNumber, fragments: &[Fragment]) -> Result<Ticket, StanzaError> {
        loop {
            let mut batch = Batch::new(Partition::Main);
            let index = self.index.read_for(&mut batch, account, &()).await.map_err(store_failed)?;
            let mut names = index.unwrap_or_default();
            for fragment in fragments {
                self.write(&mut batch, account, fragment, &mut names).map_err(store_failed)?;
            }
            if names.len() > self.config.namespaces_max {
                let max = self.config.namespaces_max;
                return Err(self.refuse(format!("An account may use {max} namespaces.")));
            }
            self.index.put_into(&mut batch, account, &(), &names).map_err(store_failed)?;
            let ticket = self.index.store().apply(batch).map_err(store_failed)?;
            match ticket.applied().await {
                Ok(()) => return Ok(ticket),
                Err(ApplyError::Conflict) => {}
                Err(ApplyError::Store(error)) => return Err(store_failed(error)),
            }
        }
    }

    /// Our rule: blank elements are not kept, which is how a client gives a namespace back.
    fn write(
        &self,
        batch: &mut Batch,
        account: AccountNumber,
        fragment: &Fragment,
        names: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        names.retain(|name| *name != fragment.namespace);
        if fragment.is_blank() {
            return self.elements.delete_from(batch, account, &fragment.namespace);
        }
        names.push(fragment.namespace.clone());
        let xml = fragment.elements.iter().map(|element| element.as_str().to_owned()).collect();
        self.elements.put_into(batch, account, &fragment.namespace, &xml)
    }
}

/// The children of the query by namespace, in the order of their first element.
///
/// # Errors
/// `not-acceptable` if there is none, or one without a namespace of its own (§2.3).
fn fragments(query: &Child) -> Result<Vec<Fragment>, StanzaError> {
    let mut fragments: Vec<Fragment> = Vec::new();
    for element in &query.lift() {
        let namespace = element.namespace();
        if namespace.is_empty() || namespace == NS || namespace.len() > NAMESPACE_BYTES_MAX {
            return Err(not_acceptable("Each element needs a namespace of its own, of 1 KiB at most."));
        }
        match fragments.iter_mut().find(|fragment| fragment.namespace == namespace) {
            Some(fragment) => fragment.elements.push(element.clone()),
            None => {
                fragments.push(Fragment { namespace: namespace.to_owned(), elements: vec![element.clone()] })
            }
        }
    }
    if fragments.is_empty() {
        // Of a get the XEP asks for `bad-format` here, which is no stanza error (RFC 6120 §8.3.3), and names this
        // as what others send.
        return Err(not_acceptable("The query needs a child element."));
    }
    Ok(fragments)
}

fn not_acceptable(text: &str) -> StanzaError {
    // §2.3, example 5: type 'modify'.
    StanzaError::from(Condition::NotAcceptable).of_type(ErrorType::Modify).text(text)
}

const NS: &str = "jabber:iq:private";

/// A namespace is a key of the store.
const NAMESPACE_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests;
