//! Who owns every room of the service.

use std::sync::Arc;

use waxwing_core::config::HostConfig;
use waxwing_core::prelude::*;

use crate::Muc;

/// The admins as the config names them, parsed when it changes.
#[derive(Debug, Default)]
pub(crate) struct Admins {
    /// The sections they were read from: that of the service, and that of the host above.
    own: Option<Arc<HostConfig>>,
    above: Option<Arc<HostConfig>>,
    parsed: Arc<[BareJid]>,
}

impl Muc {
    /// The admins of the host above, and of the service itself.
    pub(crate) fn admins(&self) -> Arc<[BareJid]> {
        let domain = self.host.domain().as_str();
        let above = domain.split_once('.').and_then(|(_, above)| self.host.router().host(above));
        let (own, above) = (Some(self.host.config()), above.map(|host| host.config()));
        let mut admins = self.admins.lock();
        if !is_same(&admins.own, &own) || !is_same(&admins.above, &above) {
            let names = [&own, &above].into_iter().flatten().flat_map(|config| config.admins.iter());
            let parsed = names.filter_map(|jid| BareJid::parse(jid).ok()).collect();
            *admins = Admins { own, above, parsed };
        }
        Arc::clone(&admins.parsed)
    }
}

fn is_same(one: &Option<Arc<HostConfig>>, other: &Option<Arc<HostConfig>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}
