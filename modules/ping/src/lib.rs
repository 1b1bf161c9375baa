//! XMPP Ping: lets a peer ask whether this end still answers.
//!
//! Spec: [XEP-0199](https://xmpp.org/extensions/xep-0199.html).

use std::sync::Arc;

use waxwing_core::prelude::*;

/// Answers pings to the host and to one's own account.
#[derive(Debug)]
pub struct Ping;

impl Module for Ping {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("ping", "Answers pings")
        .specs(&[Spec::xep(199, "2.0.1")])
        .scope(Scope::Host(HostKind::Any));

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.feature(DiscoOn::Host, NS);
        // §4.2, §4.3: a client or a server may ping the host; a client may also leave out 'to' or name its own bare
        // JID. Others' accounts are not answered for: unknown ones are not either (RFC 6120 §13.11).
        for to in [IqTo::Host, IqTo::Own] {
            reg.iq(Iq::get(to, NS, "ping"), &this, Self::pong)?;
        }
        Ok(this)
    }
}

impl Ping {
    /// §4.2: an empty result.
    async fn pong(self: Arc<Self>, _: IqRequest) -> IqResult {
        Ok(Reply::empty())
    }
}

const NS: &str = "urn:xmpp:ping";

#[cfg(test)]
mod tests;
