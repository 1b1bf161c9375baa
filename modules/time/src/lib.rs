//! Entity Time: tells the server's clock, in UTC.
//!
//! Spec: [XEP-0202](https://xmpp.org/extensions/xep-0202.html).

use std::sync::Arc;

use waxwing_core::prelude::*;

/// Answers what time it is at the host.
#[derive(Debug)]
pub struct Time;

impl Module for Time {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("time", "Tells the time of the server's clock")
        .specs(&[Spec::xep(202, "2.0")])
        .scope(Scope::Host(HostKind::Any));

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        // §4: support MUST be shown.
        reg.feature(DiscoOn::Host, NS);
        reg.iq(Iq::get(IqTo::Host, NS, "time"), &this, Self::tell)?;
        Ok(this)
    }
}

impl Time {
    /// §2: `<tzo/>` and `<utc/>` are required, both by XEP-0082. §6: the server's zone would tell where it stands,
    /// so it is always UTC.
    async fn tell(self: Arc<Self>, iq: IqRequest) -> IqResult {
        let now = iq.host.clock().now().to_rfc3339();
        let time = Tree::new(NS, "time")
            .with_child(Tree::new(NS, "tzo").with_text("+00:00"))
            .with_child(Tree::new(NS, "utc").with_text(now));
        Ok(Reply::tree(&time))
    }
}

const NS: &str = "urn:xmpp:time";

#[cfg(test)]
mod tests;
