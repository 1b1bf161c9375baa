//! The other servers, as far as a test needs them.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use waxwing_core::RemoteDelivery;
use waxwing_core::prelude::*;

/// Takes what is for other servers. As a module of the server it is found by `host.service::<Outside>()`.
#[derive(Debug, Default)]
pub struct Outside(Mutex<VecDeque<(Domain, Domain, Stanza)>>);

impl Module for Outside {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("outside", "For tests");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self::default());
        reg.host()?.router().set_remote(&this);
        reg.provide(Arc::clone(&this))?;
        Ok(this)
    }
}

impl RemoteDelivery for Outside {
    fn deliver(&self, from: &Domain, to: &Domain, stanza: Stanza, _: &mut Custody) {
        self.0.lock().push_back((from.clone(), to.clone(), stanza));
    }
}

impl Outside {
    /// The next stanza that came.
    pub fn next(&self) -> Option<Stanza> {
        self.0.lock().pop_front().map(|(.., stanza)| stanza)
    }

    /// Between which domains stanzas came that were not taken yet: `ours → theirs`.
    pub fn ways(&self) -> Vec<String> {
        self.0.lock().iter().map(|(from, to, _)| format!("{from} → {to}")).collect()
    }
}
