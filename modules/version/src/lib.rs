//! Software Version: says which software runs here, if the operator lets it.
//!
//! Spec: [XEP-0092](https://xmpp.org/extensions/xep-0092.html).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waxwing_core::prelude::*;

/// `[host.<name>.modules.version]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// True: nobody is told anything; requests get `service-unavailable`.
    pub hide: bool,
    /// True: the operating system is told as well (§5 asks that it can be hidden; here it is unless this is set).
    pub os: bool,
}

/// Answers what software and version this is.
#[derive(Debug)]
pub struct Version {
    config: Config,
}

impl Module for Version {
    type Config = Config;

    const INFO: ModuleInfo = ModuleInfo::new("version", "Tells name and version of the software")
        .specs(&[Spec::xep(92, "1.1")])
        .scope(Scope::Host(HostKind::Any));

    fn start(config: Config, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self { config });
        if !this.config.hide {
            // §4: support is shown by this feature.
            reg.feature(DiscoOn::Host, NS);
            reg.iq(Iq::get(IqTo::Host, NS, "query"), &this, Self::tell)?;
        }
        Ok(this)
    }
}

impl Version {
    /// §2: `<name/>` and `<version/>` are required, `<os/>` is not.
    async fn tell(self: Arc<Self>, _: IqRequest) -> IqResult {
        let field = |name, text: &str| Tree::new(NS, name).with_text(text);
        let mut query = Tree::new(NS, "query")
            .with_child(field("name", "Waxwing"))
            .with_child(field("version", env!("CARGO_PKG_VERSION")));
        // §5: the operating system is told only if the operator wants it.
        if self.config.os {
            query = query.with_child(field("os", std::env::consts::OS));
        }
        Ok(Reply::tree(&query))
    }
}

const NS: &str = "jabber:iq:version";

#[cfg(test)]
mod tests;
